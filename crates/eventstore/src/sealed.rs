//! The sealed form of a segment, format v1: compressed blocks and their table.
//! Apart from `seal.rs`, which decides when, this file knows only bytes.
//!
//! Everything that is not a block stands in zstd *skippable frames*, so
//! `zstd -dc FILE` writes the frames of the whole segment without our help:
//! `184D2A5C` + 64 + header (see `frame.rs`, kind 1) · one zstd frame a block ·
//! `184D2A5C` + length + table + trailer.
//! Table entry (56 bytes): offset u64, stored length u32, raw length u32, first
//! seq u64, next seq u64, events u32, crc32 of the stored bytes u32, earliest
//! and latest received_at i64.
//! Trailer (40 bytes): salt u32, blocks u32, base seq u64, next seq u64, format
//! u16, 0 u16, crc32 of table and the trailer before it u32, `LAZEVEND`.

use std::io;

use crate::disk::{DiskFile, read_all};
use crate::frame::{
    FORMAT, FRAME_BYTES, Found, Frames, HEADER_BYTES, Header, HeaderProblem, Kind, decode_header, encode_header,
    i64_at, u16_at, u32_at, u64_at,
};
use crate::limits::EVENT_BYTES_CEILING;
use crate::segment::{Block, SEALED_BLOCK_BYTES};

const SKIPPABLE: u32 = 0x184D_2A5C;
pub(crate) const SKIPPABLE_BYTES: usize = 8;
const ENTRY_BYTES: usize = 56;
const TRAILER_BYTES: usize = 40;
const TRAILER_SUMMED_BYTES: usize = 28;
const END_MAGIC: &[u8; 8] = b"LAZEVEND";
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// Level 3: 71 bytes an event against 65 at level 9 for a quarter of the work.
const ZSTD_LEVEL: i32 = 3;
/// No block is unpacked to more than this: the longest event any configuration
/// allows, on top of a full block.
const BLOCK_RAW_BYTES_MAX: usize = EVENT_BYTES_CEILING + FRAME_BYTES + SEALED_BLOCK_BYTES as usize;

/// What a sealed file says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SealedTable {
    pub salt: u32,
    pub base_seq: u64,
    pub next_seq: u64,
    pub blocks: Vec<Block>,
}

/// Why a sealed file cannot be used by its table.
#[derive(Debug)]
pub(crate) enum SealedProblem {
    Newer(u16),
    Damaged,
    Io(io::Error),
}

/// Writes a sealed file block by block.
pub(crate) struct SealedWriter<'a> {
    file: &'a dyn DiskFile,
    compressor: zstd::bulk::Compressor<'static>,
    table: SealedTable,
    at: u64,
    pending: Vec<u8>,
    block: Option<Block>,
}

impl<'a> SealedWriter<'a> {
    /// Starts a file with its header.
    pub(crate) fn new(file: &'a dyn DiskFile, header: Header) -> io::Result<Self> {
        let mut start = skippable(HEADER_BYTES).to_vec();
        start.extend_from_slice(&encode_header(Kind::Sealed, header));
        file.write_at(0, &start)?;
        Ok(SealedWriter {
            file,
            compressor: zstd::bulk::Compressor::new(ZSTD_LEVEL)?,
            table: SealedTable {
                salt: header.salt,
                base_seq: header.base_seq,
                next_seq: header.base_seq,
                blocks: Vec::new(),
            },
            at: start.len() as u64,
            pending: Vec::new(),
            block: None,
        })
    }

    /// Adds one whole frame as it stands in the raw segment.
    pub(crate) fn push(&mut self, frame: &[u8], seq: u64, received_at: i64) -> io::Result<()> {
        let block = self.block.get_or_insert(Block {
            offset: 0,
            stored_len: 0,
            raw_len: 0,
            first_seq: seq,
            next_seq: seq,
            events: 0,
            crc: 0,
            time_min: received_at,
            time_max: received_at,
        });
        block.next_seq = seq + 1;
        block.events += 1;
        block.time_min = block.time_min.min(received_at);
        block.time_max = block.time_max.max(received_at);
        self.pending.extend_from_slice(frame);
        if self.pending.len() >= SEALED_BLOCK_BYTES as usize {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(mut block) = self.block.take() else {
            return Ok(());
        };
        let packed = self.compressor.compress(&self.pending)?;
        block.offset = self.at;
        block.stored_len = len_u32(packed.len())?;
        block.raw_len = len_u32(self.pending.len())?;
        block.crc = crc32fast::hash(&packed);
        self.file.write_at(self.at, &packed)?;
        self.at += packed.len() as u64;
        self.table.next_seq = block.next_seq;
        self.table.blocks.push(block);
        self.pending.clear();
        Ok(())
    }

    /// Writes the table and makes the file durable; answers its table and length.
    pub(crate) fn finish(mut self, next_seq: u64) -> io::Result<(SealedTable, u64)> {
        self.flush()?;
        self.table.next_seq = next_seq;
        let end = encode_table(&self.table)?;
        self.file.write_at(self.at, &end)?;
        self.file.sync()?;
        Ok((self.table, self.at + end.len() as u64))
    }
}

fn len_u32(len: usize) -> io::Result<u32> {
    u32::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

fn skippable(len: usize) -> [u8; SKIPPABLE_BYTES] {
    let mut bytes = [0; SKIPPABLE_BYTES];
    let (magic, size) = bytes.split_at_mut(4);
    magic.copy_from_slice(&SKIPPABLE.to_le_bytes());
    size.copy_from_slice(&(len as u32).to_le_bytes());
    bytes
}

fn encode_table(table: &SealedTable) -> io::Result<Vec<u8>> {
    let len = table.blocks.len() * ENTRY_BYTES + TRAILER_BYTES;
    let mut body = Vec::with_capacity(len);
    for block in &table.blocks {
        body.extend_from_slice(&block.offset.to_le_bytes());
        body.extend_from_slice(&block.stored_len.to_le_bytes());
        body.extend_from_slice(&block.raw_len.to_le_bytes());
        body.extend_from_slice(&block.first_seq.to_le_bytes());
        body.extend_from_slice(&block.next_seq.to_le_bytes());
        body.extend_from_slice(&block.events.to_le_bytes());
        body.extend_from_slice(&block.crc.to_le_bytes());
        body.extend_from_slice(&block.time_min.to_le_bytes());
        body.extend_from_slice(&block.time_max.to_le_bytes());
    }
    body.extend_from_slice(&table.salt.to_le_bytes());
    body.extend_from_slice(&len_u32(table.blocks.len())?.to_le_bytes());
    body.extend_from_slice(&table.base_seq.to_le_bytes());
    body.extend_from_slice(&table.next_seq.to_le_bytes());
    body.extend_from_slice(&FORMAT.to_le_bytes());
    body.extend_from_slice(&[0; 2]);
    let crc = crc32fast::hash(&body);
    body.extend_from_slice(&crc.to_le_bytes());
    body.extend_from_slice(END_MAGIC);
    let mut all = skippable(body.len()).to_vec();
    all.append(&mut body);
    Ok(all)
}

/// Reads the table at the end of a sealed file.
pub(crate) fn read_table(file: &dyn DiskFile) -> Result<SealedTable, SealedProblem> {
    let len = file.len().map_err(SealedProblem::Io)?;
    let mut trailer = [0; TRAILER_BYTES];
    let trailer_at = len.checked_sub(TRAILER_BYTES as u64).ok_or(SealedProblem::Damaged)?;
    file.read_at(trailer_at, &mut trailer).map_err(SealedProblem::Io)?;
    if trailer.get(32..40) != Some(END_MAGIC.as_slice()) {
        return Err(SealedProblem::Damaged);
    }
    let blocks = u32_at(&trailer, 4).ok_or(SealedProblem::Damaged)? as usize;
    let body_len = (blocks * ENTRY_BYTES) as u64;
    let table_at = trailer_at.checked_sub(body_len).ok_or(SealedProblem::Damaged)?;
    let mut body = vec![0; blocks * ENTRY_BYTES + TRAILER_SUMMED_BYTES];
    file.read_at(table_at, &mut body).map_err(SealedProblem::Io)?;
    if u32_at(&trailer, 28) != Some(crc32fast::hash(&body)) {
        return Err(SealedProblem::Damaged);
    }
    match u16_at(&trailer, 24) {
        Some(format) if format > FORMAT => return Err(SealedProblem::Newer(format)),
        _ => {}
    }
    decode_table(&body, blocks).ok_or(SealedProblem::Damaged)
}

fn decode_table(body: &[u8], blocks: usize) -> Option<SealedTable> {
    let trailer = body.get(blocks * ENTRY_BYTES..)?;
    Some(SealedTable {
        salt: u32_at(trailer, 0)?,
        base_seq: u64_at(trailer, 8)?,
        next_seq: u64_at(trailer, 16)?,
        blocks: body.get(..blocks * ENTRY_BYTES)?.chunks_exact(ENTRY_BYTES).map(decode_entry).collect::<Option<_>>()?,
    })
}

fn decode_entry(entry: &[u8]) -> Option<Block> {
    Some(Block {
        offset: u64_at(entry, 0)?,
        stored_len: u32_at(entry, 8)?,
        raw_len: u32_at(entry, 12)?,
        first_seq: u64_at(entry, 16)?,
        next_seq: u64_at(entry, 24)?,
        events: u32_at(entry, 32)?,
        crc: u32_at(entry, 36)?,
        time_min: i64_at(entry, 40)?,
        time_max: i64_at(entry, 48)?,
    })
}

/// Unpacks a block; `None` when it is not what was written.
pub(crate) fn unpack(block: &Block, stored: &[u8]) -> Option<Vec<u8>> {
    if crc32fast::hash(stored) != block.crc {
        return None;
    }
    let raw_len = block.raw_len as usize;
    if raw_len > BLOCK_RAW_BYTES_MAX {
        return None;
    }
    let raw = zstd::bulk::decompress(stored, raw_len).ok()?;
    (raw.len() == raw_len).then_some(raw)
}

/// Finds the blocks of a file whose table is damaged, by walking its zstd
/// frames. Answers nothing when the header is unreadable too.
pub(crate) fn rebuild_table(file: &dyn DiskFile) -> Result<SealedTable, SealedProblem> {
    let bytes = read_all(file).map_err(SealedProblem::Io)?;
    let header = match decode_header(bytes.get(SKIPPABLE_BYTES..).unwrap_or_default(), Kind::Sealed) {
        Ok(header) => header,
        Err(HeaderProblem::Newer(format)) => return Err(SealedProblem::Newer(format)),
        Err(HeaderProblem::Unreadable) => return Err(SealedProblem::Damaged),
    };
    let mut table =
        SealedTable { salt: header.salt, base_seq: header.base_seq, next_seq: header.base_seq, blocks: Vec::new() };
    let mut at = SKIPPABLE_BYTES + HEADER_BYTES;
    while let Some(rest) = bytes.get(at..).filter(|r| !r.is_empty()) {
        match rebuilt_block(rest, at as u64, table.salt, table.next_seq) {
            Some(block) => {
                at += block.stored_len as usize;
                table.next_seq = block.next_seq;
                table.blocks.push(block);
            }
            None => match rest.get(1..).and_then(|r| r.windows(4).position(|w| w == ZSTD_MAGIC)) {
                Some(next) => at += 1 + next,
                None => break,
            },
        }
    }
    Ok(table)
}

fn rebuilt_block(rest: &[u8], offset: u64, salt: u32, seq_min: u64) -> Option<Block> {
    if !rest.starts_with(&ZSTD_MAGIC) {
        return None;
    }
    let len = zstd::zstd_safe::find_frame_compressed_size(rest).ok()?;
    let stored = rest.get(..len)?;
    let raw_len = zstd::zstd_safe::get_frame_content_size(stored).ok()??;
    let raw_len = usize::try_from(raw_len).ok().filter(|l| *l <= BLOCK_RAW_BYTES_MAX)?;
    let raw = zstd::bulk::decompress(stored, raw_len).ok()?;
    // A block before this one may be unreadable: its numbers are unknown, so the
    // first frame of this block says where it stands.
    let first_seq = u64_at(&raw, 8)?.max(seq_min);
    let mut block: Option<Block> = None;
    for (_, found) in Frames::new(&raw, salt, first_seq) {
        let Found::Frame(frame) = found else { return None };
        let block = block.get_or_insert(Block {
            offset,
            stored_len: u32::try_from(len).ok()?,
            raw_len: u32::try_from(raw.len()).ok()?,
            first_seq: frame.seq,
            next_seq: frame.seq,
            events: 0,
            crc: crc32fast::hash(stored),
            time_min: frame.received_at,
            time_max: frame.received_at,
        });
        block.next_seq = frame.seq + 1;
        block.events += 1;
        block.time_min = block.time_min.min(frame.received_at);
        block.time_max = block.time_max.max(frame.received_at);
    }
    block
}
