//! The look-back: what a warning names, searched in the events kept here, newest first, within a stated limit.
//! The same scan is the local trial: how much of the last day it would match.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use detect::engine::{Engine, RawEvent, Scan, Scanner};
use domain::telemetry::Verdict;
use eventstore::{EventLog, LookBack, LookBackEnd};
use jiff::{SignedDuration, Timestamp};
use store::{LookBackHit, VerdictWhy};

use crate::config::Trial;
use crate::scanner::{carrier_of, micros};
use crate::suppliers::{Answer, Answers};
use crate::{App, Result};
use domain::release::WarningContent;

/// How many hits are kept with the verdict; the count goes on.
const HITS_KEPT_MAX: usize = 50;
/// Events handed to the engine at once.
const CHUNK_EVENTS: usize = 4_096;
/// Bytes a look-back goes through at most.
const LOOK_BACK_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// What a look-back found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Hits, newest first, at most [`HITS_KEPT_MAX`].
    pub hits: Vec<LookBackHit>,
    /// All hits.
    pub hits_total: u64,
    /// Hits among the events of the trial's hours.
    pub trial_hits: u64,
    /// The searched period.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// Events searched.
    pub events: u64,
    /// Whether a limit ended it.
    pub limited: bool,
}

impl Found {
    /// Adds what a second search found in the events that came during the first.
    pub(crate) fn add(&mut self, later: Self) {
        self.hits.splice(0..0, later.hits);
        self.hits.truncate(HITS_KEPT_MAX);
        self.hits_total += later.hits_total;
        self.trial_hits += later.trial_hits;
        self.events += later.events;
        self.to = later.to;
        self.limited |= later.limited;
    }
}

impl From<&VerdictWhy> for Found {
    fn from(why: &VerdictWhy) -> Self {
        let to = why.searched_to.unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            hits: why.hits.clone(),
            hits_total: why.hits_total,
            trial_hits: 0,
            from: why.searched_from.unwrap_or(to),
            to,
            events: why.events_searched,
            limited: why.limited,
        }
    }
}

impl App {
    /// Searches the events received from `from` on with an engine that holds nothing but one warning.
    pub(crate) async fn search_back(&self, engine: &Arc<Engine>, from: Timestamp) -> Result<Found> {
        let (log, trial, now, names) = (Arc::clone(&self.log), self.config.trial, self.now(), self.sources.names());
        let engine = Arc::clone(engine);
        tokio::task::spawn_blocking(move || search(&log, engine, from, trial, now, &names)).await?
    }
}

fn search(
    log: &EventLog,
    engine: Arc<Engine>,
    from: Timestamp,
    trial: Trial,
    now: Timestamp,
    names: &BTreeMap<u32, String>,
) -> Result<Found> {
    let trial_from = now - SignedDuration::from_hours(i64::from(trial.hours));
    let look = LookBack {
        from: from.as_microsecond(),
        to: now.as_microsecond().saturating_add(1),
        events_max: trial.look_back_events_max,
        bytes_max: LOOK_BACK_BYTES_MAX,
    };
    let mut search =
        Search { scanner: Scanner::new(engine), names, now, trial_from, chunk: Vec::new(), found: empty(now) };
    let looked = log.look_back(&look, |event| {
        search.chunk.push(Kept {
            seq: event.seq,
            received_at: micros(event.received_at),
            source: event.source,
            carrier: event.carrier,
            bytes: event.bytes.to_vec(),
        });
        if search.chunk.len() >= CHUNK_EVENTS {
            search.scan_chunk();
        }
        ControlFlow::Continue(())
    })?;
    search.scan_chunk();
    let mut found = search.found;
    let kept_from = looked.kept_from.unwrap_or(looked.to);
    found.from = micros(looked.from.max(kept_from)).min(now);
    found.to = now;
    found.events = looked.events;
    found.limited |= looked.end == LookBackEnd::LimitReached;
    Ok(found)
}

fn empty(now: Timestamp) -> Found {
    Found { hits: Vec::new(), hits_total: 0, trial_hits: 0, from: now, to: now, events: 0, limited: false }
}

struct Kept {
    seq: u64,
    received_at: Timestamp,
    source: u32,
    carrier: u8,
    bytes: Vec<u8>,
}

struct Search<'a> {
    scanner: Scanner,
    names: &'a BTreeMap<u32, String>,
    now: Timestamp,
    trial_from: Timestamp,
    chunk: Vec<Kept>,
    found: Found,
}

impl Search<'_> {
    fn scan_one_by_one(&mut self, events: &[RawEvent<'_>]) -> Scan {
        let mut all = Scan::default();
        for event in events {
            let mut scanner = Scanner::new(Arc::clone(self.scanner.engine()));
            let one = catch_unwind(AssertUnwindSafe(|| scanner.scan(std::slice::from_ref(event), self.now)));
            match one {
                Ok(scan) => {
                    all.detections.extend(scan.detections);
                    all.given_up.extend(scan.given_up);
                }
                Err(_) => {
                    tracing::error!(seq = event.seq, "an event makes the engine fail; the look-back leaves it out")
                }
            }
        }
        self.scanner = Scanner::new(Arc::clone(self.scanner.engine()));
        all
    }

    fn scan_chunk(&mut self) {
        let chunk = std::mem::take(&mut self.chunk);
        let events: Vec<RawEvent<'_>> = chunk
            .iter()
            .map(|kept| RawEvent {
                seq: kept.seq,
                source: self.names.get(&kept.source).map_or("unknown", String::as_str),
                carrier: carrier_of(kept.carrier),
                received_at: kept.received_at,
                bytes: &kept.bytes,
            })
            .collect();
        let (scanner, now) = (&mut self.scanner, self.now);
        // one event that makes the engine fail must not keep a warning out: its chunk is searched event by event
        let scan = catch_unwind(AssertUnwindSafe(|| scanner.scan(&events, now)))
            .unwrap_or_else(|_| self.scan_one_by_one(&events));
        let received: BTreeMap<u64, Timestamp> = chunk.iter().map(|kept| (kept.seq, kept.received_at)).collect();
        // a search that gave up may have missed something: the answer says that a limit ended it
        self.found.limited |= !scan.given_up.is_empty();
        for detection in scan.detections.iter().rev() {
            self.found.hits_total += 1;
            let received_at = received.get(&detection.seq).copied().unwrap_or(self.now);
            self.found.trial_hits += u64::from(received_at >= self.trial_from);
            if self.found.hits.len() < HITS_KEPT_MAX {
                self.found.hits.push(LookBackHit {
                    seq: detection.seq,
                    at: detection.time,
                    what: crate::scanner::title_of(detection),
                    host: detection.host.clone().unwrap_or_default(),
                });
            }
        }
    }
}

/// What the hospital can say about itself: found beats everything, then what it said about suppliers and products.
/// Why is a code that screens translate.
pub(crate) fn verdict_of(content: &WarningContent, found: &Found, answers: &Answers) -> (Verdict, VerdictWhy) {
    let named: Vec<&String> = content.suppliers.iter().chain(&content.products).collect();
    let (verdict, reason) = if found.hits_total > 0 {
        (Verdict::Hit, "why-found")
    } else if named.is_empty() {
        if found.events == 0 { (Verdict::CannotTell, "why-no-events") } else { (Verdict::Exposed, "why-anyone") }
    } else {
        match answers.of_any(named) {
            Answer::Used => (Verdict::Exposed, "why-supplier-used"),
            Answer::NotUsed => (Verdict::NotConcerned, "why-supplier-not-used"),
            Answer::Unknown => (Verdict::CannotTell, "why-supplier-unknown"),
        }
    };
    let why = VerdictWhy {
        reason: reason.to_owned(),
        searched_from: Some(found.from),
        searched_to: Some(found.to),
        events_searched: found.events,
        limited: found.limited,
        hits_total: found.hits_total,
        hits: found.hits.clone(),
    };
    (verdict, why)
}
