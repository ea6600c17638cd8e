//! What the log knows in memory about its segments: where their blocks are and
//! which sequence numbers and times they hold. One file, because reading,
//! appending, sealing and retention all look things up here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::disk::DiskFile;
use crate::frame::{FRAME_BYTES, Found, Frame, Frames};
use crate::recover::{Recovered, RecoveryReason};

/// A block of a raw segment ends after this many bytes: the most that is read
/// again when a reader returns to a place in it.
pub(crate) const RAW_BLOCK_BYTES: u32 = 64 << 10;
/// A block of a sealed segment holds about this many bytes before compression.
pub(crate) const SEALED_BLOCK_BYTES: u32 = 256 << 10;
/// Places of damage remembered for the statistics; later ones are only reported.
const DAMAGE_REMEMBERED_MAX: usize = 10_000;

/// A run of frames that is read as one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub offset: u64,
    /// Bytes in the file.
    pub stored_len: u32,
    /// Bytes of frames (the same for a raw segment).
    pub raw_len: u32,
    pub first_seq: u64,
    pub next_seq: u64,
    pub events: u32,
    /// Check sum of the stored bytes of a sealed block.
    pub crc: u32,
    pub time_min: i64,
    pub time_max: i64,
}

/// Where a segment is in its life.
#[derive(Clone)]
pub(crate) enum Place {
    /// Being written.
    Active(Arc<dyn DiskFile>),
    /// Complete, waiting to be sealed.
    Raw(Arc<dyn DiskFile>),
    /// Raw with damage in the middle: kept as it is, never sealed.
    Damaged(Arc<dyn DiskFile>),
    /// Compressed; opened for every read.
    Sealed,
}

/// One segment.
#[derive(Clone)]
pub(crate) struct Segment {
    pub base_seq: u64,
    pub next_seq: u64,
    pub salt: u32,
    pub place: Place,
    /// Bytes in the file.
    pub bytes: u64,
    pub blocks: Vec<Block>,
}

impl Segment {
    pub(crate) fn name(&self) -> String {
        match self.place {
            Place::Sealed => sealed_name(self.base_seq),
            _ => raw_name(self.base_seq),
        }
    }

    pub(crate) fn events(&self) -> u64 {
        self.blocks.iter().map(|b| u64::from(b.events)).sum()
    }

    pub(crate) fn time_max(&self) -> Option<i64> {
        self.blocks.iter().map(|b| b.time_max).max()
    }

    pub(crate) fn time_min(&self) -> Option<i64> {
        self.blocks.iter().map(|b| b.time_min).min()
    }

    /// Takes a frame that stands at `offset` of the raw file into the blocks.
    pub(crate) fn note_frame(&mut self, offset: u64, seq: u64, received_at: i64, frame_len: u32) {
        let continues = self
            .blocks
            .last()
            .is_some_and(|b| b.stored_len < RAW_BLOCK_BYTES && b.offset + u64::from(b.stored_len) == offset);
        if !continues {
            self.blocks.push(Block {
                offset,
                stored_len: 0,
                raw_len: 0,
                first_seq: seq,
                next_seq: seq,
                events: 0,
                crc: 0,
                time_min: received_at,
                time_max: received_at,
            });
        }
        if let Some(block) = self.blocks.last_mut() {
            block.stored_len += frame_len;
            block.raw_len += frame_len;
            block.next_seq = seq + 1;
            block.events += 1;
            block.time_min = block.time_min.min(received_at);
            block.time_max = block.time_max.max(received_at);
        }
        self.next_seq = seq + 1;
    }

    /// Takes all whole frames of a raw file's bytes from `start` on; answers
    /// where whole frames end and what was bad before that.
    pub(crate) fn note_all(&mut self, bytes: &[u8], start: usize) -> (u64, Vec<Recovered>) {
        let mut end = start as u64;
        let mut damage = Vec::new();
        let body = bytes.get(start..).unwrap_or_default();
        for (at, found) in Frames::new(body, self.salt, self.base_seq) {
            let offset = (start + at) as u64;
            match found {
                Found::Frame(Frame { seq, received_at, bytes, .. }) => {
                    let len = (FRAME_BYTES + bytes.len()) as u32;
                    self.note_frame(offset, seq, received_at, len);
                    end = offset + u64::from(len);
                }
                Found::Bad { bytes: bad, .. } if (start + at + bad) < bytes.len() => {
                    damage.push(Recovered {
                        segment: self.name(),
                        offset,
                        bytes: bad as u64,
                        reason: RecoveryReason::Damaged,
                    });
                }
                Found::Bad { .. } => {}
            }
        }
        (end, damage)
    }
}

pub(crate) fn raw_name(base_seq: u64) -> String {
    format!("{base_seq:020}.raw")
}

pub(crate) fn sealed_name(base_seq: u64) -> String {
    format!("{base_seq:020}.seg")
}

pub(crate) fn seal_tmp_name(base_seq: u64) -> String {
    format!("{base_seq:020}.tmp")
}

/// All segments of a log, by first seq.
#[derive(Default)]
pub(crate) struct Segments {
    pub by_base: BTreeMap<u64, Segment>,
    /// One past the last durable event.
    pub head: u64,
    damage: BTreeSet<(u64, u64)>,
}

impl Segments {
    /// The first block that holds `seq` or something later, with its segment.
    pub(crate) fn locate(&self, seq: u64) -> Option<(&Segment, Block)> {
        let within = self.by_base.range(..=seq).next_back();
        let later = self.by_base.range(seq.saturating_add(1)..);
        for (_, segment) in within.into_iter().chain(later) {
            if segment.next_seq <= seq {
                continue;
            }
            let at = segment.blocks.partition_point(|b| b.next_seq <= seq);
            if let Some(block) = segment.blocks.get(at) {
                return Some((segment, *block));
            }
        }
        None
    }

    /// First seq still kept, or the head when nothing is.
    pub(crate) fn tail(&self) -> u64 {
        self.by_base.values().find_map(|s| s.blocks.first()).map_or(self.head, |b| b.first_seq)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.by_base.values().map(|s| s.bytes).sum()
    }

    /// Remembers a damaged place once.
    pub(crate) fn note_damage(&mut self, base_seq: u64, offset: u64) {
        if self.damage.len() < DAMAGE_REMEMBERED_MAX {
            self.damage.insert((base_seq, offset));
        }
    }

    pub(crate) fn damaged_places(&self) -> u64 {
        self.damage.len() as u64
    }
}
