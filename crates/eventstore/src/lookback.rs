//! Looking back over kept events by the time they were received: a linear scan
//! with a stated limit, and an answer that says what was really searched.
//! Apart from `read.rs` because it goes backwards and by time.

use std::ops::ControlFlow;

use crate::append::SeqRange;
use crate::error::Error;
use crate::frame::{Found, Frames};
use crate::log::Core;
use crate::read::{BlockCache, Damage, Loaded, MOVED_RETRIES_MAX, Spot, StoredEvent};
use crate::segment::{Block, Segment};

/// What to search, and how much of it at most.
#[derive(Debug, Clone, Copy)]
pub struct LookBack {
    /// Start of the period: microseconds since 1970 UTC.
    pub from: i64,
    /// End of the period, not included.
    pub to: i64,
    /// No further block is opened after this many events of the period.
    pub events_max: u64,
    /// No further block is opened after this many bytes.
    pub bytes_max: u64,
}

/// Why a look-back ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookBackEnd {
    /// Everything kept of the period was searched.
    Complete,
    /// A limit was met first.
    LimitReached,
    /// The caller had seen enough.
    Stopped,
}

/// What was searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedBack {
    /// Every kept event received at or after this time and before `to` was
    /// given to the caller (but for `damage`). Equals `to` when nothing of the
    /// period is fully searched.
    pub from: i64,
    /// End of the searched period, not included.
    pub to: i64,
    /// When the oldest event still kept was received; what is asked of earlier
    /// times has no answer. `None` when nothing is kept.
    pub kept_from: Option<i64>,
    /// Events of the period given to the caller.
    pub events: u64,
    /// Bytes gone through.
    pub bytes: u64,
    /// Why it ended.
    pub end: LookBackEnd,
    /// Places that could not be read.
    pub damage: Vec<Damage>,
}

impl Core {
    pub(crate) fn look_back(
        &self,
        look: &LookBack,
        mut each: impl FnMut(StoredEvent<'_>) -> ControlFlow<()>,
    ) -> Result<LookedBack, Error> {
        let mut answer = LookedBack {
            from: look.from,
            to: look.to,
            kept_from: None,
            events: 0,
            bytes: 0,
            end: LookBackEnd::Complete,
            damage: Vec::new(),
        };
        let mut cache = BlockCache::default();
        let mut bases = self.bases_in(look);
        while let Some(base_seq) = bases.pop() {
            let mut blocks = self.blocks_in(base_seq, look);
            while let Some(block) = blocks.pop() {
                let is_spent = answer.events >= look.events_max || answer.bytes >= look.bytes_max;
                if answer.bytes > 0 && is_spent {
                    answer.end = LookBackEnd::LimitReached;
                } else if self.search(base_seq, block, look, &mut cache, &mut answer, &mut each)?.is_break() {
                    answer.end = LookBackEnd::Stopped;
                }
                if answer.end != LookBackEnd::Complete {
                    blocks.push(block);
                    answer.from = self.searched_from(&blocks, &bases, look);
                    answer.kept_from = self.kept_from();
                    return Ok(answer);
                }
            }
        }
        answer.kept_from = self.kept_from();
        Ok(answer)
    }

    fn kept_from(&self) -> Option<i64> {
        self.segments().by_base.values().filter_map(Segment::time_min).min()
    }

    /// Segments with events of the period, oldest first.
    fn bases_in(&self, look: &LookBack) -> Vec<u64> {
        self.segments()
            .by_base
            .values()
            .filter(|s| s.time_min().is_some_and(|t| t < look.to) && s.time_max().is_some_and(|t| t >= look.from))
            .map(|s| s.base_seq)
            .collect()
    }

    fn blocks_in(&self, base_seq: u64, look: &LookBack) -> Vec<Block> {
        self.segments()
            .by_base
            .get(&base_seq)
            .map(|s| s.blocks.iter().copied().filter(|b| is_in(b, look)).collect())
            .unwrap_or_default()
    }

    fn search(
        &self,
        base_seq: u64,
        block: Block,
        look: &LookBack,
        cache: &mut BlockCache,
        answer: &mut LookedBack,
        each: &mut impl FnMut(StoredEvent<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        // Sealing may have moved the block's events into other blocks: go by
        // numbers, which never change.
        let mut at = block.first_seq;
        let mut moved = 0;
        while at < block.next_seq {
            let spot = match self.segments().locate(at) {
                Some((segment, now)) if segment.base_seq == base_seq => Spot::of(segment, now),
                _ => return Ok(ControlFlow::Continue(())),
            };
            let next = spot.block.next_seq.min(block.next_seq);
            match self.load(&spot, cache)? {
                Loaded::Moved if moved < MOVED_RETRIES_MAX => {
                    moved += 1;
                    continue;
                }
                Loaded::Moved | Loaded::Damaged => {
                    answer.damage.push(spot.damage(0, SeqRange { first: at, next }));
                }
                Loaded::Yes => {
                    let span = SeqRange { first: at, next };
                    if give(&spot, cache.raw(), span, look, answer, each).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            at = next;
        }
        answer.bytes += u64::from(block.raw_len);
        Ok(ControlFlow::Continue(()))
    }

    /// First time from which on everything has been searched.
    fn searched_from(&self, blocks: &[Block], bases: &[u64], look: &LookBack) -> i64 {
        let segments = self.segments();
        let older = bases.iter().filter_map(|base| segments.by_base.get(base)).flat_map(|s| s.blocks.iter());
        blocks
            .iter()
            .chain(older)
            .filter(|b| is_in(b, look))
            .map(|b| b.time_max.saturating_add(1))
            .max()
            .unwrap_or(look.from)
            .clamp(look.from, look.to.max(look.from))
    }
}

fn is_in(block: &Block, look: &LookBack) -> bool {
    block.time_min < look.to && block.time_max >= look.from
}

/// Gives the events of `span` that fall into the period.
fn give(
    spot: &Spot,
    raw: &[u8],
    span: SeqRange,
    look: &LookBack,
    answer: &mut LookedBack,
    each: &mut impl FnMut(StoredEvent<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut expected = spot.block.first_seq;
    let mut bad_at = None;
    for (at, found) in Frames::new(raw, spot.salt, expected) {
        let Found::Frame(frame) = found else {
            bad_at = Some(at);
            continue;
        };
        if let Some(bad) = bad_at.take() {
            let lost = SeqRange { first: expected, next: frame.seq };
            answer.damage.push(spot.damage(bad, lost));
        }
        expected = frame.seq + 1;
        let is_wanted =
            (span.first..span.next).contains(&frame.seq) && (look.from..look.to).contains(&frame.received_at);
        if is_wanted {
            answer.events += 1;
            each(frame.into())?;
        }
    }
    if let Some(bad) = bad_at {
        let lost = SeqRange { first: expected, next: spot.block.next_seq };
        answer.damage.push(spot.damage(bad, lost));
    }
    ControlFlow::Continue(())
}
