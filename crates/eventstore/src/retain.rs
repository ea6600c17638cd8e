//! Retention: whole segments leave when they are too old or too much. Apart
//! from the rest because it is the only place where events are let go.

use std::io;
use std::sync::atomic::Ordering::Relaxed;

use crate::append::{SeqRange, hold};
use crate::error::Error;
use crate::log::Core;
use crate::segment::{Place, Segment};

/// What one run of retention dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retained {
    /// Numbers dropped, if any.
    pub dropped: Option<SeqRange>,
    /// Events dropped.
    pub events: u64,
    /// Those of them that the reader had not read: lost.
    pub lost: u64,
    /// Bytes freed on disk.
    pub bytes: u64,
}

impl Core {
    pub(crate) fn retain(&self, now: i64, read_to: u64) -> Result<Retained, Error> {
        let _maintenance = hold(&self.maintenance);
        self.keep_numbers(now);
        let mut retained = Retained::default();
        while let Some(segment) = self.next_to_drop(now, read_to) {
            self.drop_segment(&segment)?;
            let lost = unread(&segment, read_to);
            retained.events += segment.events();
            retained.lost += lost;
            retained.bytes += segment.bytes;
            let first = retained.dropped.map_or(segment.base_seq, |d| d.first);
            retained.dropped = Some(SeqRange { first, next: segment.next_seq });
            self.counters.dropped_events.fetch_add(segment.events(), Relaxed);
            self.counters.lost_events.fetch_add(lost, Relaxed);
        }
        if retained.dropped.is_some() {
            self.disk.sync_dir().map_err(|e| Error::io("sync the event log", e))?;
        }
        Ok(retained)
    }

    /// Closes an old segment, and starts the next one at once: the name of the
    /// newest file is what remembers the numbers when all others are dropped.
    fn keep_numbers(&self, now: i64) {
        let mut writer = hold(&self.writer);
        self.rotate_if_due(&mut writer, 0, now);
        if writer.active.is_none() {
            // On a full disk the newest segment simply stays.
            let _ = self.create_segment(&mut writer);
        }
    }

    fn next_to_drop(&self, now: i64, read_to: u64) -> Option<Segment> {
        let segments = self.segments();
        let oldest = segments.by_base.values().next()?;
        if matches!(oldest.place, Place::Active(_)) || segments.by_base.len() == 1 {
            return None;
        }
        let total = segments.bytes();
        let age_max = i64::try_from(self.limits.age_max.as_micros()).unwrap_or(i64::MAX);
        let is_old = oldest.time_max().is_some_and(|t| t < now.saturating_sub(age_max));
        let is_much = total > self.limits.total_bytes_max;
        let may_go = oldest.next_seq <= read_to || total > self.limits.total_bytes_hard;
        ((is_old || is_much) && may_go).then(|| oldest.clone())
    }

    fn drop_segment(&self, segment: &Segment) -> Result<(), Error> {
        let name = segment.name();
        match self.disk.remove(&name) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io(format!("remove {name}"), e)),
        }
        self.segments_mut().by_base.remove(&segment.base_seq);
        Ok(())
    }
}

fn unread(segment: &Segment, read_to: u64) -> u64 {
    segment.blocks.iter().map(|b| u64::from(b.events).min(b.next_seq.saturating_sub(read_to))).sum()
}
