//! Kept events through another engine than the running one: for a warning's look-back, for what an exception would have
//! hidden, for what new rules would have found. A file of its own because all three need the same care: bounded, an
//! answer that says how far it went, and one event that makes the engine fail never ends it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use detect::engine::{Engine, RawEvent, Scan, Scanner};
use eventstore::{Batch, EventLog, LookBack, LookBackEnd};
use jiff::Timestamp;

use crate::Result;
use crate::scanner::{carrier_of, micros, raw_events};

/// Bytes that are gone through at most.
pub(crate) const LOOK_BACK_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;
/// Events handed to the engine at once.
const CHUNK_EVENTS: usize = 4_096;
/// Bytes of events handed to the engine at once.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;

/// What is gone through.
pub(crate) struct Replay<'a> {
    /// The log.
    pub log: &'a EventLog,
    /// Source keys by number.
    pub names: &'a BTreeMap<u32, String>,
    /// The node's clock.
    pub now: Timestamp,
    /// The period and its limits.
    pub look: LookBack,
    /// How long it may take; monotonic.
    pub time_max: Option<Duration>,
}

/// How far it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// Everything kept that was received from here on was gone through.
    pub from: Timestamp,
    /// How many events.
    pub events: u64,
    /// Whether a limit ended it.
    pub limited: bool,
}

/// What is told after each part: what it gave, and when one of its events was received.
pub(crate) type Told<'t> = &'t mut dyn FnMut(&Scan, &dyn Fn(u64) -> Timestamp);

impl Replay<'_> {
    /// Newest part first: for rules that look at one event at a time. `told` gets each part as it was scanned.
    pub(crate) fn newest_first(&self, engine: Arc<Engine>, told: Told<'_>) -> Result<Replayed> {
        let begun = Instant::now();
        let mut parts = Parts { scanner: Scanner::new(engine), now: self.now };
        let mut chunk: Vec<Kept> = Vec::new();
        let looked = self.log.look_back(&self.look, |event| {
            chunk.push(Kept {
                seq: event.seq,
                received_at: micros(event.received_at),
                source: event.source,
                carrier: event.carrier,
                bytes: event.bytes.to_vec(),
            });
            if chunk.len() < CHUNK_EVENTS {
                return ControlFlow::Continue(());
            }
            parts.scan_kept(&std::mem::take(&mut chunk), self.names, told);
            let spent = self.time_max.is_some_and(|most| begun.elapsed() >= most);
            if spent { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        parts.scan_kept(&chunk, self.names, told);
        let kept_from = looked.kept_from.unwrap_or(looked.to);
        Ok(Replayed {
            from: micros(looked.from.max(kept_from)).min(self.now),
            events: looked.events,
            limited: looked.end != LookBackEnd::Complete,
        })
    }

    /// Oldest part first: for rules whose windows need events in their order. The newest events within the limits are
    /// gone through. `seen` hears how many of how many are done.
    pub(crate) fn oldest_first(
        &self,
        engine: Arc<Engine>,
        told: Told<'_>,
        seen: &mut dyn FnMut(u64, u64),
    ) -> Result<Replayed> {
        let (mut first, end) = (self.log.head(), self.log.head());
        let looked = self.log.look_back(&self.look, |event| {
            first = first.min(event.seq);
            ControlFlow::Continue(())
        })?;
        let mut parts = Parts { scanner: Scanner::new(engine), now: self.now };
        let (mut next, mut events) = (first, 0);
        while next < end {
            let mut batch = Batch::default();
            self.log.read(next, CHUNK_EVENTS, CHUNK_BYTES, &mut batch)?;
            if batch.next_seq() == next {
                break;
            }
            let received: BTreeMap<u64, Timestamp> =
                batch.iter().map(|event| (event.seq, micros(event.received_at))).collect();
            let scan = parts.scan(&raw_events(&batch, self.names));
            told(&scan, &|seq| received.get(&seq).copied().unwrap_or(self.now));
            next = batch.next_seq();
            events += batch.len() as u64;
            seen(next.min(end) - first, end - first);
        }
        let kept_from = looked.kept_from.unwrap_or(looked.to);
        Ok(Replayed {
            from: micros(looked.from.max(kept_from)).min(self.now),
            events,
            limited: looked.end != LookBackEnd::Complete,
        })
    }
}

/// One event, copied out of the log.
pub(crate) struct Kept {
    pub seq: u64,
    pub received_at: Timestamp,
    pub source: u32,
    pub carrier: u8,
    pub bytes: Vec<u8>,
}

/// Scans single kept events with an engine of their own, all or each by itself where one makes it fail.
pub(crate) fn scan_kept(engine: Arc<Engine>, kept: &[Kept], names: &BTreeMap<u32, String>, now: Timestamp) -> Scan {
    let mut all = Scan::default();
    let mut parts = Parts { scanner: Scanner::new(engine), now };
    parts.scan_kept(kept, names, &mut |scan, _| all = scan.clone());
    all
}

struct Parts {
    scanner: Scanner,
    now: Timestamp,
}

impl Parts {
    fn scan_kept(&mut self, kept: &[Kept], names: &BTreeMap<u32, String>, told: Told<'_>) {
        let events: Vec<RawEvent<'_>> = kept
            .iter()
            .map(|kept| RawEvent {
                seq: kept.seq,
                source: names.get(&kept.source).map_or("unknown", String::as_str),
                carrier: carrier_of(kept.carrier),
                received_at: kept.received_at,
                bytes: &kept.bytes,
            })
            .collect();
        let scan = self.scan(&events);
        let received: BTreeMap<u64, Timestamp> = kept.iter().map(|kept| (kept.seq, kept.received_at)).collect();
        told(&scan, &|seq| received.get(&seq).copied().unwrap_or(self.now));
    }

    /// One event that makes the engine fail must not hide the others: its part is scanned event by event.
    fn scan(&mut self, events: &[RawEvent<'_>]) -> Scan {
        let (scanner, now) = (&mut self.scanner, self.now);
        catch_unwind(AssertUnwindSafe(|| scanner.scan(events, now))).unwrap_or_else(|_| self.scan_one_by_one(events))
    }

    fn scan_one_by_one(&mut self, events: &[RawEvent<'_>]) -> Scan {
        let mut all = Scan::default();
        for event in events {
            let mut scanner = Scanner::new(Arc::clone(self.scanner.engine()));
            match catch_unwind(AssertUnwindSafe(|| scanner.scan(std::slice::from_ref(event), self.now))) {
                Ok(scan) => {
                    all.detections.extend(scan.detections);
                    all.hidden.extend(scan.hidden);
                    all.given_up.extend(scan.given_up);
                }
                Err(_) => tracing::error!(seq = event.seq, "an event makes the engine fail; it is left out"),
            }
        }
        self.scanner = Scanner::new(Arc::clone(self.scanner.engine()));
        all
    }
}
