//! Reading by sequence number. A file of its own because a reader's batch, the
//! block it keeps unpacked and the damage it meets belong together.

use std::io;
use std::ops::ControlFlow;

use crate::append::SeqRange;
use crate::error::Error;
use crate::frame::{FRAME_BYTES, Found, Frame, Frames};
use crate::log::Core;
use crate::sealed::unpack;
use crate::segment::{Block, Place, Segment};

/// A read meets a segment that retention or sealing has just replaced at most
/// this often before it gives up.
pub(crate) const MOVED_RETRIES_MAX: u32 = 16;

/// An event as stored, borrowed from a [`Batch`] or a look-back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredEvent<'a> {
    /// Its number; never used twice.
    pub seq: u64,
    /// When it was received: microseconds since 1970 UTC.
    pub received_at: i64,
    /// The caller's number for its source.
    pub source: u32,
    /// The caller's number for how it arrived.
    pub carrier: u8,
    /// The record, exactly as given.
    pub bytes: &'a [u8],
}

impl<'a> From<Frame<'a>> for StoredEvent<'a> {
    fn from(frame: Frame<'a>) -> Self {
        StoredEvent {
            seq: frame.seq,
            received_at: frame.received_at,
            source: frame.source,
            carrier: frame.carrier,
            bytes: frame.bytes,
        }
    }
}

/// An event that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedEvent {
    /// Its number.
    pub seq: u64,
    /// When it was received: microseconds since 1970 UTC.
    pub received_at: i64,
    /// The caller's number for its source.
    pub source: u32,
    /// The caller's number for how it arrived.
    pub carrier: u8,
    /// The record, exactly as given.
    pub bytes: Vec<u8>,
}

/// A place that could not be read: the events `lost` are not readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// File name inside the log's directory.
    pub segment: String,
    /// Byte offset in that file (of the block, when it is sealed).
    pub offset: u64,
    /// Which events are missing because of it.
    pub lost: SeqRange,
}

#[derive(Debug)]
struct Entry {
    seq: u64,
    received_at: i64,
    source: u32,
    carrier: u8,
    start: usize,
    len: usize,
}

/// Events read together; reuse it for the next read to reuse its buffers.
#[derive(Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    damage: Vec<Damage>,
    skipped: Option<SeqRange>,
    next_seq: u64,
    cache: BlockCache,
}

impl Batch {
    /// The events, in order.
    pub fn iter(&self) -> impl Iterator<Item = StoredEvent<'_>> {
        self.entries.iter().map(|e| StoredEvent {
            seq: e.seq,
            received_at: e.received_at,
            source: e.source,
            carrier: e.carrier,
            bytes: self.bytes.get(e.start..e.start + e.len).unwrap_or_default(),
        })
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when no event was read.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where to read on: the cursor to keep after this batch was dealt with.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Places that could not be read, between the cursor and `next_seq`.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// Numbers below the tail that were asked for: retention has dropped them.
    pub fn skipped(&self) -> Option<SeqRange> {
        self.skipped
    }

    fn clear(&mut self, from_seq: u64) {
        self.bytes.clear();
        self.entries.clear();
        self.damage.clear();
        self.skipped = None;
        self.next_seq = from_seq;
    }

    fn push(&mut self, frame: &Frame<'_>) {
        self.entries.push(Entry {
            seq: frame.seq,
            received_at: frame.received_at,
            source: frame.source,
            carrier: frame.carrier,
            start: self.bytes.len(),
            len: frame.bytes.len(),
        });
        self.bytes.extend_from_slice(frame.bytes);
    }
}

/// The last block a reader has used, unpacked.
#[derive(Default)]
pub(crate) struct BlockCache {
    key: Option<(String, Block)>,
    raw: Vec<u8>,
}

/// What came of loading a block into the cache.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Loaded {
    Yes,
    /// The segment has been sealed or dropped meanwhile: look it up again.
    Moved,
    Damaged,
}

/// A segment's identity for a read, without its blocks.
pub(crate) struct Spot {
    pub base_seq: u64,
    pub name: String,
    pub salt: u32,
    pub place: Place,
    pub block: Block,
}

impl Spot {
    pub(crate) fn of(segment: &Segment, block: Block) -> Self {
        Spot {
            base_seq: segment.base_seq,
            name: segment.name(),
            salt: segment.salt,
            place: segment.place.clone(),
            block,
        }
    }

    pub(crate) fn damage(&self, offset_in_block: usize, lost: SeqRange) -> Damage {
        let within = match self.place {
            Place::Sealed => 0,
            _ => offset_in_block as u64,
        };
        Damage { segment: self.name.clone(), offset: self.block.offset + within, lost }
    }
}

impl BlockCache {
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }
}

impl Core {
    pub(crate) fn read(
        &self,
        from_seq: u64,
        events_max: usize,
        bytes_max: usize,
        out: &mut Batch,
    ) -> Result<(), Error> {
        out.clear(from_seq);
        let mut cache = std::mem::take(&mut out.cache);
        let result = self.read_into(from_seq, events_max, bytes_max, out, &mut cache);
        out.cache = cache;
        if result.is_err() {
            out.clear(from_seq);
        }
        result
    }

    fn read_into(
        &self,
        from_seq: u64,
        events_max: usize,
        bytes_max: usize,
        out: &mut Batch,
        cache: &mut BlockCache,
    ) -> Result<(), Error> {
        let mut moved = 0;
        let tail = self.segments().tail();
        if from_seq < tail {
            out.skipped = Some(SeqRange { first: from_seq, next: tail });
            out.next_seq = tail;
        }
        while out.len() < events_max && (out.bytes.len() < bytes_max || out.is_empty()) {
            let Some(spot) = self.find(out) else { break };
            match self.load(&spot, cache)? {
                Loaded::Yes => {
                    if self.take(&spot, cache.raw(), events_max, bytes_max, out).is_break() {
                        break;
                    }
                }
                Loaded::Moved if moved < MOVED_RETRIES_MAX => moved += 1,
                Loaded::Moved | Loaded::Damaged => {
                    let first = spot.block.first_seq.max(out.next_seq);
                    let next = spot.block.next_seq;
                    self.segments_mut().note_damage(spot.base_seq, spot.block.offset);
                    out.damage.push(spot.damage(0, SeqRange { first, next }));
                    out.next_seq = next;
                }
            }
        }
        Ok(())
    }

    /// The block at the batch's cursor; moves the cursor to the head when
    /// nothing stands between (numbers that were never acknowledged).
    fn find(&self, out: &mut Batch) -> Option<Spot> {
        let segments = self.segments();
        match segments.locate(out.next_seq) {
            Some((segment, block)) => Some(Spot::of(segment, block)),
            None => {
                out.next_seq = out.next_seq.max(segments.head);
                None
            }
        }
    }

    /// Reads and unpacks a block, unless the cache holds it.
    pub(crate) fn load(&self, spot: &Spot, cache: &mut BlockCache) -> Result<Loaded, Error> {
        let is_cached = cache.key.as_ref().is_some_and(|(name, block)| *name == spot.name && *block == spot.block);
        if is_cached {
            return Ok(Loaded::Yes);
        }
        cache.key = None;
        let unreadable = |source| Error::BlockUnreadable {
            segment: spot.name.clone(),
            offset: spot.block.offset,
            next_seq: spot.block.next_seq,
            source,
        };
        let file = match &spot.place {
            Place::Active(file) | Place::Raw(file) | Place::Damaged(file) => file.clone(),
            Place::Sealed => match self.disk.open(&spot.name) {
                Ok(file) => file,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Loaded::Moved),
                Err(e) => return Err(unreadable(e)),
            },
        };
        cache.raw.resize(spot.block.stored_len as usize, 0);
        match file.read_at(spot.block.offset, &mut cache.raw) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(Loaded::Damaged),
            Err(e) => return Err(unreadable(e)),
        }
        if matches!(spot.place, Place::Sealed) {
            match unpack(&spot.block, &cache.raw) {
                Some(raw) => cache.raw = raw,
                None => return Ok(Loaded::Damaged),
            }
        }
        cache.key = Some((spot.name.clone(), spot.block));
        Ok(Loaded::Yes)
    }

    /// Moves events of a block into the batch, from its cursor on; `Break` when
    /// the batch is full.
    fn take(&self, spot: &Spot, raw: &[u8], events_max: usize, bytes_max: usize, out: &mut Batch) -> ControlFlow<()> {
        let mut expected = spot.block.first_seq;
        let mut bad_at = None;
        for (at, found) in Frames::new(raw, spot.salt, expected) {
            let Found::Frame(frame) = found else {
                bad_at = Some(at);
                continue;
            };
            self.report_gap(spot, bad_at.take(), expected, frame.seq, out);
            expected = frame.seq + 1;
            if frame.seq < out.next_seq {
                continue;
            }
            let is_full =
                out.len() >= events_max || (!out.is_empty() && out.bytes.len() + frame.bytes.len() > bytes_max);
            if is_full {
                return ControlFlow::Break(());
            }
            out.push(&frame);
            out.next_seq = frame.seq + 1;
        }
        self.report_gap(spot, bad_at, expected, spot.block.next_seq, out);
        out.next_seq = out.next_seq.max(spot.block.next_seq);
        ControlFlow::Continue(())
    }

    fn report_gap(&self, spot: &Spot, bad_at: Option<usize>, first: u64, next: u64, out: &mut Batch) {
        let first = first.max(out.next_seq);
        if let Some(at) = bad_at
            && first < next
        {
            self.segments_mut().note_damage(spot.base_seq, spot.block.offset + at as u64);
            out.damage.push(spot.damage(at, SeqRange { first, next }));
            out.next_seq = next;
        }
    }

    pub(crate) fn get(&self, seq: u64) -> Result<Option<OwnedEvent>, Error> {
        let mut cache = BlockCache::default();
        for _ in 0..MOVED_RETRIES_MAX {
            let spot = match self.segments().locate(seq) {
                Some((segment, block)) if block.first_seq <= seq => Spot::of(segment, block),
                _ => return Ok(None),
            };
            match self.load(&spot, &mut cache)? {
                Loaded::Moved => continue,
                Loaded::Damaged => return Ok(None),
                Loaded::Yes => {}
            }
            let frame = Frames::new(cache.raw(), spot.salt, spot.block.first_seq).find_map(|(_, found)| match found {
                Found::Frame(frame) if frame.seq == seq => Some(frame),
                _ => None,
            });
            return Ok(frame.map(|f| OwnedEvent {
                seq,
                received_at: f.received_at,
                source: f.source,
                carrier: f.carrier,
                bytes: f.bytes.to_vec(),
            }));
        }
        Ok(None)
    }
}

/// The whole frame's bytes at `at` of a block.
pub(crate) fn frame_bytes<'a>(raw: &'a [u8], at: usize, frame: &Frame<'_>) -> &'a [u8] {
    raw.get(at..at + FRAME_BYTES + frame.bytes.len()).unwrap_or_default()
}
