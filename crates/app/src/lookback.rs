//! The look-back: what a warning names, searched in the events kept here, newest first, within a stated limit.
//! The same scan is the local trial: how much of the last day it would match.

use std::collections::BTreeMap;
use std::sync::Arc;

use detect::engine::Engine;
use domain::telemetry::Verdict;
use eventstore::{EventLog, LookBack};
use jiff::{SignedDuration, Timestamp};
use store::{LookBackHit, VerdictWhy};

use crate::config::Trial;
use crate::replay::{LOOK_BACK_BYTES_MAX, Replay};
use crate::suppliers::{Answer, Answers};
use crate::{App, Result};
use domain::release::WarningContent;

/// How many hits are kept with the verdict; the count goes on.
const HITS_KEPT_MAX: usize = 50;

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
    let mut found = empty(now);
    let replay = Replay { log, names, now, look, time_max: None };
    let replayed = replay.newest_first(engine, &mut |scan, received_at| {
        // a search that gave up may have missed something: the answer says that a limit ended it
        found.limited |= !scan.given_up.is_empty();
        for detection in scan.detections.iter().rev() {
            found.hits_total += 1;
            found.trial_hits += u64::from(received_at(detection.seq) >= trial_from);
            if found.hits.len() < HITS_KEPT_MAX {
                found.hits.push(LookBackHit {
                    seq: detection.seq,
                    at: detection.time,
                    what: crate::scanner::title_of(detection),
                    host: detection.host.clone().unwrap_or_default(),
                });
            }
        }
    })?;
    (found.from, found.to, found.events) = (replayed.from, now, replayed.events);
    found.limited |= replayed.limited;
    Ok(found)
}

fn empty(now: Timestamp) -> Found {
    Found { hits: Vec::new(), hits_total: 0, trial_hits: 0, from: now, to: now, events: 0, limited: false }
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
