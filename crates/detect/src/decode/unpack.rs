//! Transparent decompression: gzip and Zstandard by their first bytes, anything else as it is.
//! A file of its own because files and HTTP bodies both need it; the caller brings the reader, so nothing is opened here.

use std::io::{self, BufRead, BufReader, Read};

/// The largest Zstandard window that is accepted, as a power of two (128 MiB), so that a small file cannot ask for all memory.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// How a stream is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// RFC 1952, possibly several members.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// Recognises the packing by magic bytes.
pub fn packing(head: &[u8]) -> Packing {
    match head {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        _ => Packing::Plain,
    }
}

/// Wraps a reader so that it gives the unpacked bytes. Errors: reading the head, or a refused Zstandard frame.
pub fn reader<'r>(source: impl Read + Send + 'r) -> io::Result<Box<dyn BufRead + Send + 'r>> {
    let mut source = BufReader::with_capacity(256 * 1024, source);
    Ok(match packing(source.fill_buf()?) {
        Packing::Plain => Box::new(source),
        Packing::Gzip => {
            let gzip = flate2::bufread::MultiGzDecoder::new(source);
            Box::new(BufReader::with_capacity(256 * 1024, gzip))
        }
        Packing::Zstd => {
            let mut zstd = zstd::stream::read::Decoder::with_buffer(source)?;
            zstd.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(BufReader::with_capacity(256 * 1024, zstd))
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn unpacked(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        reader(bytes).unwrap().read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn all_packings_give_the_same_bytes() {
        let plain = b"{\"a\":1}\n".repeat(1000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        assert_eq!(unpacked(&plain), plain);
        assert_eq!(unpacked(&gzip.finish().unwrap()), plain);
        assert_eq!(unpacked(&zstd::encode_all(&plain[..], 1).unwrap()), plain);
        assert_eq!(unpacked(b""), b"");
    }

    #[test]
    fn torn_packings_are_errors() {
        let torn = &zstd::encode_all(&[7_u8; 9000][..], 1).unwrap()[..8];
        assert!(reader(torn).and_then(|mut r| r.read_to_end(&mut Vec::new())).is_err());
        assert!(reader(&[0x1f, 0x8b, 8, 0][..]).and_then(|mut r| r.read_to_end(&mut Vec::new())).is_err());
    }
}
