//! The bytes of a segment, format v1: the header and the frames. Raw and sealed
//! segments hold the same frames, so a check sum written when an event arrived
//! is still the one checked when it is read years later.
//!
//! All numbers little-endian.
//! Header (32 bytes, written twice): `LAZEVLOG`, format u16, kind u8, 0 u8,
//! salt u32, first seq u64, 0 u32, crc32 of the 28 bytes before.
//! Frame: length u32, crc32 u32 (starts from the salt; over everything else of
//! the frame), seq u64, received_at i64 µs, source u32, carrier u8, 3 zero
//! bytes, the event's bytes.
//!
//! The salt is drawn for every segment: a sender cannot know it, so bytes of an
//! event that look like a frame are never taken for one after damage.

/// Format number of every file written by this program.
pub(crate) const FORMAT: u16 = 1;
/// Bytes before the first frame of a raw segment (two copies of the header).
pub(crate) const HEADER_BYTES: usize = 64;
/// Bytes of a frame before the event.
pub(crate) const FRAME_BYTES: usize = 32;
const HEADER_COPY_BYTES: usize = 32;
const MAGIC: &[u8; 8] = b"LAZEVLOG";
/// While searching for the next whole frame, at most this many times the
/// buffer's length is put through the check sum.
const RESYNC_WORK_FACTOR: usize = 16;

/// Which sort of file a header stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Raw = 0,
    Sealed = 1,
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub salt: u32,
    pub base_seq: u64,
}

/// Why no header could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderProblem {
    Newer(u16),
    Unreadable,
}

/// A whole frame, borrowed from the buffer it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub seq: u64,
    pub received_at: i64,
    pub source: u32,
    pub carrier: u8,
    pub bytes: &'a [u8],
}

/// What stands at a place in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Frame(Frame<'a>),
    /// No whole frame from `offset` on for `bytes` bytes.
    Bad {
        offset: usize,
        bytes: usize,
    },
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

pub(crate) fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    Some(i64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// Both copies of a header.
pub(crate) fn encode_header(kind: Kind, header: Header) -> [u8; HEADER_BYTES] {
    let mut copy = Vec::with_capacity(HEADER_BYTES);
    copy.extend_from_slice(MAGIC);
    copy.extend_from_slice(&FORMAT.to_le_bytes());
    copy.extend_from_slice(&[kind as u8, 0]);
    copy.extend_from_slice(&header.salt.to_le_bytes());
    copy.extend_from_slice(&header.base_seq.to_le_bytes());
    copy.extend_from_slice(&[0; 4]);
    let crc = crc32fast::hash(&copy);
    copy.extend_from_slice(&crc.to_le_bytes());
    let mut both = [0; HEADER_BYTES];
    for half in both.chunks_exact_mut(HEADER_COPY_BYTES) {
        half.copy_from_slice(&copy);
    }
    both
}

/// Reads whichever copy of the header is whole.
pub(crate) fn decode_header(bytes: &[u8], kind: Kind) -> Result<Header, HeaderProblem> {
    let mut problem = HeaderProblem::Unreadable;
    for at in [0, HEADER_COPY_BYTES] {
        let Some(copy) = bytes.get(at..at + HEADER_COPY_BYTES) else {
            break;
        };
        match decode_header_copy(copy, kind) {
            Ok(header) => return Ok(header),
            Err(HeaderProblem::Newer(format)) => problem = HeaderProblem::Newer(format),
            Err(HeaderProblem::Unreadable) => {}
        }
    }
    Err(problem)
}

fn decode_header_copy(copy: &[u8], kind: Kind) -> Result<Header, HeaderProblem> {
    let unreadable = HeaderProblem::Unreadable;
    let sum = u32_at(copy, 28).ok_or(unreadable)?;
    if !copy.starts_with(MAGIC) || copy.get(..28).map(crc32fast::hash) != Some(sum) {
        return Err(unreadable);
    }
    let format = u16_at(copy, 8).ok_or(unreadable)?;
    if format > FORMAT {
        return Err(HeaderProblem::Newer(format));
    }
    if copy.get(10).copied() != Some(kind as u8) {
        return Err(unreadable);
    }
    Ok(Header { salt: u32_at(copy, 12).ok_or(unreadable)?, base_seq: u64_at(copy, 16).ok_or(unreadable)? })
}

/// Appends a frame without its seq and check sum, which [`stamp`] fills in when
/// it is known which segment takes it.
pub(crate) fn encode_unstamped(out: &mut Vec<u8>, received_at: i64, source: u32, carrier: u8, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&[0; 12]);
    out.extend_from_slice(&received_at.to_le_bytes());
    out.extend_from_slice(&source.to_le_bytes());
    out.extend_from_slice(&[carrier, 0, 0, 0]);
    out.extend_from_slice(bytes);
}

/// Writes the seq and the check sum into the frame at the start of `buffer`;
/// returns the frame's length.
pub(crate) fn stamp(buffer: &mut [u8], salt: u32, seq: u64) -> Option<usize> {
    let len = FRAME_BYTES + u32_at(buffer, 0)? as usize;
    let frame = buffer.get_mut(..len)?;
    frame.get_mut(8..16)?.copy_from_slice(&seq.to_le_bytes());
    let crc = checksum(frame, salt)?;
    frame.get_mut(4..8)?.copy_from_slice(&crc.to_le_bytes());
    Some(len)
}

fn checksum(frame: &[u8], salt: u32) -> Option<u32> {
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    hasher.update(frame.get(..4)?);
    hasher.update(frame.get(8..)?);
    Some(hasher.finalize())
}

/// The whole frame at `offset`, if its check sum holds.
pub(crate) fn frame_at(buffer: &[u8], offset: usize, salt: u32) -> Option<Frame<'_>> {
    let rest = buffer.get(offset..)?;
    let len = u32_at(rest, 0)? as usize;
    let frame = rest.get(..FRAME_BYTES.checked_add(len)?)?;
    if checksum(frame, salt)? != u32_at(frame, 4)? {
        return None;
    }
    Some(Frame {
        seq: u64_at(frame, 8)?,
        received_at: i64_at(frame, 16)?,
        source: u32_at(frame, 24)?,
        carrier: *frame.get(28)?,
        bytes: frame.get(FRAME_BYTES..)?,
    })
}

/// Walks the frames of a buffer; a bad place is reported and the walk goes on
/// at the next whole frame.
pub(crate) struct Frames<'a> {
    buffer: &'a [u8],
    salt: u32,
    at: usize,
    /// No frame below this seq is plausible.
    seq_min: u64,
    work_left: usize,
}

impl<'a> Frames<'a> {
    pub(crate) fn new(buffer: &'a [u8], salt: u32, seq_min: u64) -> Self {
        Frames { buffer, salt, at: 0, seq_min, work_left: buffer.len().saturating_mul(RESYNC_WORK_FACTOR) }
    }

    fn plausible_at(&mut self, offset: usize) -> Option<Frame<'a>> {
        let seq = u64_at(self.buffer, offset + 8)?;
        let frames_left = (self.buffer.len() / FRAME_BYTES) as u64 + 1;
        if seq < self.seq_min || seq > self.seq_min.saturating_add(frames_left) {
            return None;
        }
        let frame = frame_at(self.buffer, offset, self.salt)?;
        Some(frame)
    }

    /// Offset of the next whole frame after `from`, or the end of the buffer.
    fn resync(&mut self, from: usize) -> usize {
        for offset in from..self.buffer.len().saturating_sub(FRAME_BYTES - 1) {
            let Some(seq) = u64_at(self.buffer, offset + 8) else {
                break;
            };
            if seq < self.seq_min || seq - self.seq_min > self.buffer.len() as u64 {
                continue;
            }
            let len = u32_at(self.buffer, offset).unwrap_or(0) as usize;
            if len > self.buffer.len() - offset - FRAME_BYTES {
                continue;
            }
            let Some(work_left) = self.work_left.checked_sub(len + FRAME_BYTES) else {
                break;
            };
            self.work_left = work_left;
            if self.plausible_at(offset).is_some() {
                return offset;
            }
        }
        self.buffer.len()
    }
}

impl<'a> Iterator for Frames<'a> {
    /// Where it stands in the buffer, and what stands there.
    type Item = (usize, Found<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.at;
        if offset >= self.buffer.len() {
            return None;
        }
        if let Some(frame) = self.plausible_at(offset) {
            self.at = offset + FRAME_BYTES + frame.bytes.len();
            self.seq_min = frame.seq + 1;
            return Some((offset, Found::Frame(frame)));
        }
        self.at = self.resync(offset + 1);
        let bytes = self.at - offset;
        Some((offset, Found::Bad { offset, bytes }))
    }
}
