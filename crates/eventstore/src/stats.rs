//! Figures about the log, as plain numbers that a caller turns into metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::log::Core;
use crate::segment::{Place, Segment};

/// Figures about a log. Counts are since it was opened, sizes are now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// One past the last durable event.
    pub head: u64,
    /// First event still kept.
    pub tail: u64,
    /// Events kept.
    pub events: u64,
    /// Files that are written to or wait to be sealed.
    pub segments_raw: u64,
    /// Sealed files.
    pub segments_sealed: u64,
    /// Files kept raw because of damage.
    pub segments_damaged: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes free on the file system; `None` when it does not say.
    pub free_bytes: Option<u64>,
    /// When the oldest kept event was received (µs since 1970 UTC).
    pub kept_from: Option<i64>,
    /// Events stored.
    pub appended_events: u64,
    /// Bytes of those events.
    pub appended_bytes: u64,
    /// Syncs of the disk for them.
    pub commits: u64,
    /// Events refused because of `Full`.
    pub refused_full: u64,
    /// Calls refused because of `TooLarge`.
    pub refused_too_large: u64,
    /// Commits that the device failed.
    pub io_errors: u64,
    /// Places known to be damaged.
    pub damaged_places: u64,
    /// Segments sealed.
    pub seals: u64,
    /// Seals that failed and are tried again.
    pub seals_failed: u64,
    /// Seals put off for lack of room.
    pub seals_postponed: u64,
    /// Events dropped by retention.
    pub dropped_events: u64,
    /// Events dropped by retention before they were read.
    pub lost_events: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub appended_events: AtomicU64,
    pub appended_bytes: AtomicU64,
    pub commits: AtomicU64,
    pub refused_full: AtomicU64,
    pub refused_too_large: AtomicU64,
    pub io_errors: AtomicU64,
    pub seals: AtomicU64,
    pub seals_failed: AtomicU64,
    pub seals_postponed: AtomicU64,
    pub dropped_events: AtomicU64,
    pub lost_events: AtomicU64,
}

impl Core {
    pub(crate) fn stats(&self) -> Stats {
        let free_bytes = self.disk.free().ok();
        let counters = &self.counters;
        let segments = self.segments();
        let count = |is: fn(&Place) -> bool| segments.by_base.values().filter(|s| is(&s.place)).count() as u64;
        Stats {
            head: segments.head,
            tail: segments.tail(),
            events: segments.by_base.values().map(Segment::events).sum(),
            segments_raw: count(|p| matches!(p, Place::Active(_) | Place::Raw(_))),
            segments_sealed: count(|p| matches!(p, Place::Sealed)),
            segments_damaged: count(|p| matches!(p, Place::Damaged(_))),
            bytes: segments.bytes(),
            free_bytes,
            kept_from: segments.by_base.values().filter_map(Segment::time_min).min(),
            damaged_places: segments.damaged_places(),
            appended_events: counters.appended_events.load(Relaxed),
            appended_bytes: counters.appended_bytes.load(Relaxed),
            commits: counters.commits.load(Relaxed),
            refused_full: counters.refused_full.load(Relaxed),
            refused_too_large: counters.refused_too_large.load(Relaxed),
            io_errors: counters.io_errors.load(Relaxed),
            seals: counters.seals.load(Relaxed),
            seals_failed: counters.seals_failed.load(Relaxed),
            seals_postponed: counters.seals_postponed.load(Relaxed),
            dropped_events: counters.dropped_events.load(Relaxed),
            lost_events: counters.lost_events.load(Relaxed),
        }
    }
}
