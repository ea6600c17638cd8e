//! The daily probe: a line that this node writes into its own event log, that a rule of its own must find, and that the
//! hub must acknowledge. It proves that what arrives is scanned and that what is found leaves. A file of its own because
//! it has a mark of its own: a probe is no alert, case, sighting or statistic, and no sender can make one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use detect::engine::{By, Scan};
use detect::sigma::{RuleOrigin, RuleText};
use eventstore::{Batch, NewEvent};
use jiff::{SignedDuration, Timestamp};
use store::{Lane, NewOutboxItem, Policy};
use tokio::sync::watch;

use crate::link::PushItem;
use crate::{App, Error, LinkState, Result};

/// The number of the source that no sender can have.
const SOURCE: u32 = 0;
/// What the outbox and the hub call it.
pub(crate) const KIND: &str = "probe";
const RULE_ID: &str = "5b1c1f52-6c0e-4d0d-9c51-7f2a7a4b0e11";
/// How often one is sent.
const EVERY: SignedDuration = SignedDuration::from_hours(24);
/// How often it is looked whether one is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// A probe that needs longer has failed.
const ANSWER_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// How the last probe went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Probe {
    /// When the last one was sent.
    pub sent_at: Option<Timestamp>,
    /// When a rule found it.
    pub found_at: Option<Timestamp>,
    /// When the hub acknowledged it; none without a hub.
    pub acknowledged_at: Option<Timestamp>,
}

/// Where a probe that does not arrive is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeStuck {
    /// The event log did not take it.
    Intake,
    /// No rule found it: nothing is scanned.
    Scan,
    /// The hub, which is reached, did not acknowledge it.
    Outbox,
}

/// What is known of the running probe.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    inner: Mutex<(Probe, bool)>,
}

impl Probes {
    fn change(&self, change: impl FnOnce(&mut Probe)) {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner).0);
    }
}

/// The rule that finds probes. It stands in no list: what it finds never becomes an alert.
pub(crate) fn rule() -> RuleText {
    let text = format!(
        "title: Daily probe of this node\nid: {RULE_ID}\nlogsource:\n  product: linux\ndetection:\n  words:\n    - \
         lazaret-daily-probe\n  condition: words\nlevel: informational\n"
    );
    RuleText { path: "probe".to_owned(), text, origin: RuleOrigin::BuiltIn, mark: None }
}

/// Whether a rule is the one that finds probes.
pub(crate) fn is_rule(id: &str) -> bool {
    id == RULE_ID
}

impl App {
    /// How the last probe went.
    pub fn probe(&self) -> Probe {
        self.probes.inner.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Where the last probe is stuck, if it is.
    pub fn probe_stuck(&self) -> Option<ProbeStuck> {
        let (probe, refused) = *self.probes.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if refused {
            return Some(ProbeStuck::Intake);
        }
        let connected = matches!(self.link_state(), LinkState::Connected { .. });
        let late = self.now().duration_since(probe.sent_at?) > ANSWER_WITHIN;
        match (probe.found_at, probe.acknowledged_at) {
            (None, _) if late => Some(ProbeStuck::Scan),
            (Some(_), None) if late && connected => Some(ProbeStuck::Outbox),
            _ => None,
        }
    }

    /// Sends a probe now.
    pub async fn send_probe(&self) -> Result<()> {
        let now = self.now();
        let line = format!("<14>1 {now} lazaret lazaret - - - lazaret-daily-probe");
        let log = Arc::clone(&self.log);
        let appended = tokio::task::spawn_blocking(move || {
            let event =
                NewEvent { received_at: now.as_microsecond(), source: SOURCE, carrier: 0, bytes: line.as_bytes() };
            log.append(&[event])
        });
        let refused = appended.await?.is_err();
        *self.probes.inner.lock().unwrap_or_else(PoisonError::into_inner) =
            (Probe { sent_at: Some(now), ..Probe::default() }, refused);
        self.appended.notify_one();
        self.changed();
        Ok(())
    }

    /// Sends one a day until told to stop, the first soon after the start.
    pub async fn run_probe(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! { _ = stop.wait_for(|stop| *stop) => return, () = tokio::time::sleep(LOOK_EVERY) => {} }
            let due = self.probe().sent_at.is_none_or(|at| self.now().duration_since(at) >= EVERY);
            if due && let Err(error) = self.send_probe().await {
                tracing::error!(%error, "the daily probe could not be sent");
            }
        }
    }

    /// Takes probes out of what was found, with whatever a sender made to look like one; what goes to the hub for a real one.
    pub(crate) fn take_probes(&self, scan: &mut Scan, batch: &Batch) -> Option<NewOutboxItem> {
        let found = |by: &By| matches!(by, By::Rule(rule) if is_rule(&rule.id));
        let own: BTreeSet<u64> = batch.iter().filter(|event| event.source == SOURCE).map(|event| event.seq).collect();
        let hits = scan.detections.iter().filter(|detection| found(&detection.by) && own.contains(&detection.seq));
        let seq = hits.map(|detection| detection.seq).max();
        scan.detections.retain(|detection| !found(&detection.by));
        scan.seen.retain(|seen| !own.contains(&seen.seq));
        let seq = seq?;
        let now = self.now();
        self.probes.change(|probe| probe.found_at = Some(now));
        self.hub_key().is_some().then(|| NewOutboxItem {
            lane: Lane::Record,
            kind: KIND.to_owned(),
            key: crate::scanner::derived_id(&["probe", &self.node().0]),
            version: seq,
            body: b"{}".to_vec(),
            policy: Policy::Send,
        })
    }

    /// The hub has it.
    pub(crate) fn probe_acknowledged(&self, items: &[PushItem]) {
        if items.iter().any(|item| item.kind == KIND) {
            let now = self.now();
            self.probes.change(|probe| probe.acknowledged_at = Some(now));
        }
    }

    /// Whether a body is what a probe carries: nothing.
    pub(crate) fn read_probe(body: &[u8]) -> std::result::Result<(), Error> {
        if body == b"{}" { Ok(()) } else { Err(Error::Input { code: "input-push" }) }
    }
}
