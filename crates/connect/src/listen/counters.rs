//! What a listener has done, as plain numbers: the caller turns them into
//! metrics. What belongs to a source is counted through `Intake` besides.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Counters of one listener, since it was bound.
#[derive(Debug, Default)]
pub struct Counters {
    connections: AtomicU64,
    open: AtomicU64,
    bytes: AtomicU64,
    stored: AtomicU64,
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

/// The numbers at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now.
    pub open: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Events that are durable.
    pub stored: u64,
    /// What was not stored, and every limit that was hit, by reason.
    pub refused: BTreeMap<&'static str, u64>,
}

impl Counters {
    /// The numbers now.
    pub fn now(&self) -> Counted {
        Counted {
            connections: self.connections.load(Relaxed),
            open: self.open.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            stored: self.stored.load(Relaxed),
            refused: self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(super) fn opened(&self) {
        self.connections.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
    }

    pub(super) fn closed(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    pub(super) fn read(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn stored(&self, events: u64) {
        self.stored.fetch_add(events, Relaxed);
    }

    pub(super) fn refused(&self, reason: &'static str, count: u64) {
        if count == 0 {
            return;
        }
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(reason).or_default() += count;
    }
}
