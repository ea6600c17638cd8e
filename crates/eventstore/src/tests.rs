//! Tests of the promises: what they need in common stands here, each promise
//! has its own file.

mod crash;
mod damage;
mod erase;
mod golden;
mod model;
mod reading;
mod real_disk;

use std::time::Duration;

use crate::crash_disk::CrashDisk;
use crate::log::Sealing;
use crate::{Batch, EventLog, Limits, NewEvent, OwnedEvent, Recovery};

/// Limits of a small log that never rotates by itself.
fn small() -> Limits {
    Limits {
        segment_bytes_max: 1 << 20,
        segment_age: Duration::from_secs(3600),
        free_bytes_min: 0,
        event_bytes_max: 1 << 20,
        total_bytes_max: u64::MAX,
        total_bytes_hard: u64::MAX,
        age_max: Duration::from_secs(1_000_000_000),
        group_commit_bytes_max: 1 << 20,
    }
}

fn open(disk: &CrashDisk, limits: Limits) -> (EventLog, Recovery) {
    try_open(disk, limits).expect("opens")
}

fn try_open(disk: &CrashDisk, limits: Limits) -> Result<(EventLog, Recovery), crate::Error> {
    EventLog::open_on(Box::new(disk.clone()), limits, Sealing::ByHand, || 0x5EED_5A17)
}

fn event(received_at: i64, bytes: &[u8]) -> NewEvent<'_> {
    NewEvent { received_at, source: received_at as u32 ^ 7, carrier: (received_at % 4) as u8, bytes }
}

/// All events from `from` on, read in small steps.
fn read_from(log: &EventLog, from: u64) -> Vec<OwnedEvent> {
    let mut batch = Batch::default();
    let mut at = from;
    let mut all = Vec::new();
    loop {
        log.read(at, 3, 4096, &mut batch).expect("reads");
        all.extend(batch.iter().map(|e| OwnedEvent {
            seq: e.seq,
            received_at: e.received_at,
            source: e.source,
            carrier: e.carrier,
            bytes: e.bytes.to_vec(),
        }));
        if batch.next_seq() == at {
            return all;
        }
        at = batch.next_seq();
    }
}

/// Closes the active segment and seals all that is closed.
fn seal_everything(log: &EventLog) {
    let mut writer = crate::append::hold(&log.core.writer);
    if writer.active.as_ref().is_some_and(|a| a.since.is_some())
        && let Some(active) = writer.active.take()
    {
        log.core.close(&mut writer, active.base_seq);
    }
    drop(writer);
    log.core.seal_closed();
}
