//! The scanner: reads the event log from its durable cursor, lets the engine look, groups detections into alerts,
//! lets the egress function decide what leaves, and saves all of it with the new cursor in one transaction.
//! After a kill it starts at the cursor, windows are rebuilt from base detections, nothing is lost, nothing doubled.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use detect::engine::{
    BaseDetection, By, Carrier, Detection, Mark, RawEvent, Routed, RuleMeta, Scan, Scanner, Seen, TimeFlag,
};
use detect::sigma::RuleOrigin;
use domain::telemetry::{INDICATOR_FAMILY, Level, Observable, Sighting};
use eventstore::Batch;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use store::{AlertOrigin, AlertUpsert, BaseRow, Hid, Lane, NewOutboxItem, Policy, Quarantined, ScanCommit, SourceSeen};
use tokio::sync::watch;
use uuid::Uuid;

use crate::config::Outgoing;
use crate::{App, Error, Result, egress, observe};

/// How long the scanner rests when nothing wakes it; a lost wake-up costs no more than this.
const IDLE: Duration = Duration::from_secs(1);
/// How long it rests after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// Base detections are kept at least this long, so that a backlog still finds its windows.
const BASE_KEPT: SignedDuration = SignedDuration::from_hours(24 * 7);
/// How many sightings' last sent versions are remembered to tell growth from repetition.
const SENT_REMEMBERED_MAX: usize = 20_000;
/// A sighting's count is sent again when it grew by this factor.
const COUNT_GROWTH: u64 = 10;
/// Rule packs that stay off and never leave before the data-protection pack is completed.
const PRIVATE_PACK: &str = "data-protection";

/// What the scanner keeps between batches.
struct Work {
    scanner: Scanner,
    engine: Arc<detect::engine::Engine>,
    cursor: u64,
    sent: BTreeMap<Uuid, Sent>,
}

#[derive(Clone)]
struct Sent {
    count: u64,
    observables: BTreeSet<Observable>,
    at: Timestamp,
}

impl App {
    /// Scans until told to stop. Errors of the store are logged and tried again: nothing is skipped.
    pub async fn run_scanner(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut work = loop {
            match self.begin_scanning().await {
                Ok(work) => break work,
                Err(error) => {
                    tracing::error!(%error, "the scanner cannot begin; it tries again");
                    tokio::select! { () = tokio::time::sleep(AFTER_FAILURE) => {}, _ = stop.changed() => return }
                }
            }
        };
        while !*stop.borrow() {
            let appended = self.appended.notified();
            let rest = match self.scan_batch(&mut work).await {
                Ok(0) => IDLE,
                Ok(_) => continue,
                Err(error) => {
                    tracing::error!(%error, "a batch could not be scanned or saved; it is tried again");
                    if let Ok(again) = self.begin_scanning().await {
                        work = again;
                    }
                    AFTER_FAILURE
                }
            };
            tokio::select! { () = appended => {}, () = tokio::time::sleep(rest) => {}, _ = stop.changed() => {} }
        }
    }

    async fn begin_scanning(&self) -> Result<Work> {
        let engine = self.engine.engine();
        let mut scanner = Scanner::new(Arc::clone(&engine));
        scanner.restore(&self.store.base_detections().await?.iter().map(base_of).collect::<Vec<_>>());
        // events are numbered from 1; a node that has scanned nothing has the cursor 0
        let cursor = self.store.scan_cursor().await?.max(1);
        Ok(Work { scanner, engine, cursor, sent: BTreeMap::new() })
    }

    /// Scans one batch and saves it. Returns how many events it read.
    async fn scan_batch(&self, work: &mut Work) -> Result<u64> {
        let _turn = self.taking.lock().await;
        self.drop_expired_exceptions();
        let engine = self.engine.engine();
        if !Arc::ptr_eq(&engine, &work.engine) {
            work.scanner.swap(Arc::clone(&engine));
            work.engine = engine;
        }
        let batch = Arc::new(self.read_batch(work.cursor).await?);
        let next = batch.next_seq();
        if next == work.cursor {
            return Ok(0);
        }
        let scan = match self.scan_once(work, &batch).await? {
            Some(scan) => scan,
            None => self.scan_in_halves(work, &batch).await?,
        };
        self.save_scan(work, &batch, scan, next).await?;
        work.cursor = next;
        self.scanned.send_replace(next);
        self.metrics.set("lazaret_scan_behind_events", "", self.log.head().saturating_sub(next));
        Ok(batch.len() as u64)
    }

    /// Reads the events after the cursor. What cannot be read, or was dropped before it was scanned, is counted as lost.
    async fn read_batch(&self, cursor: u64) -> Result<Batch> {
        let (log, limits) = (Arc::clone(&self.log), self.config.limits);
        let read = tokio::task::spawn_blocking(move || {
            let mut batch = Batch::default();
            log.read(cursor, limits.batch_events_max, limits.batch_bytes_max, &mut batch).map(|()| batch)
        });
        let batch = read.await??;
        for damage in batch.damage() {
            let lost = damage.lost.next - damage.lost.first;
            self.metrics.add("lazaret_events_lost_total", r#"reason="damaged""#, lost);
            tracing::error!(segment = damage.segment, offset = damage.offset, lost, "the event log is damaged here");
        }
        if let Some(dropped) = batch.skipped() {
            let lost = dropped.next - dropped.first;
            self.metrics.add("lazaret_events_lost_total", r#"reason="dropped-unread""#, lost);
            tracing::error!(lost, "events were dropped before they were scanned: the log's hard limit was reached");
        }
        Ok(batch)
    }

    /// Scans a batch; none where the engine panicked.
    async fn scan_once(&self, work: &mut Work, batch: &Arc<Batch>) -> Result<Option<Scan>> {
        let mut scanner = std::mem::replace(&mut work.scanner, Scanner::new(Arc::clone(&work.engine)));
        let (batch, now, names) = (Arc::clone(batch), self.now(), self.sources.names());
        let (scanner, scan) = tokio::task::spawn_blocking(move || {
            let events = raw_events(&batch, &names);
            let scan = catch_unwind(AssertUnwindSafe(|| scanner.scan(&events, now))).ok();
            (scanner, scan)
        })
        .await?;
        work.scanner = scanner;
        Ok(scan)
    }

    /// Scans a batch that made the engine panic: halves it until the one event that does it is alone.
    async fn scan_in_halves(&self, work: &mut Work, batch: &Arc<Batch>) -> Result<Scan> {
        let base: Vec<BaseDetection> = self.store.base_detections().await?.iter().map(base_of).collect();
        let (engine, batch, now, names) =
            (Arc::clone(&work.engine), Arc::clone(batch), self.now(), self.sources.names());
        let (scanner, scan) = tokio::task::spawn_blocking(move || {
            let mut scanner = Scanner::new(Arc::clone(&engine));
            scanner.restore(&base);
            let events = raw_events(&batch, &names);
            let scan = scan_or_bisect(&mut scanner, &engine, &base, &events, now);
            (scanner, scan)
        })
        .await?;
        work.scanner = scanner;
        Ok(scan)
    }

    async fn save_scan(&self, work: &mut Work, batch: &Batch, mut scan: Scan, next: u64) -> Result<()> {
        let now = self.now();
        let probe = self.take_probes(&mut scan, batch);
        let answers = self.supplier_answers().await?;
        let policy = self.sharing_policy().await?;
        let sources: BTreeMap<u64, u32> = batch.iter().map(|event| (event.seq, event.source)).collect();
        let groups = group(&scan.detections, &sources);
        let mut alerts = Vec::new();
        let mut outbox: Vec<NewOutboxItem> = probe.into_iter().collect();
        let probed = !outbox.is_empty();
        let mut sent = Vec::new();
        let mut told = Vec::new();
        for (id, detections) in groups {
            let Some(alert) = alert_of(id, &detections, &sources, now) else { continue };
            for (sighting, version) in self.sightings_of(work, &alert, &detections, &answers).await? {
                outbox.push(Self::sighting_item(&sighting, version, policy)?);
                sent.push(sighting);
            }
            told.push(alert.clone());
            alerts.push(alert);
        }
        let commit = ScanCommit {
            cursor: next,
            alerts,
            base: scan.base.iter().map(base_row).collect::<serde_json::Result<Vec<_>>>()?,
            base_drop_before: Some(now - Self::base_kept(work)),
            outbox,
            quarantined: scan
                .quarantined
                .iter()
                .map(|event| Quarantined { seq: event.seq, reason: event.reason.clone() })
                .collect(),
            hidden: hidden_by_filter(&scan),
            sources: seen_by_source(&scan, &sources),
            at: now,
        };
        self.store.commit_scan(commit).await?;
        self.count_scan(batch, &scan);
        if probed {
            self.wake_outbox();
        }
        self.after_scan(told, sent).await
    }

    async fn after_scan(&self, alerts: Vec<AlertUpsert>, sightings: Vec<Sighting>) -> Result<()> {
        let changed = !alerts.is_empty();
        for alert in alerts {
            self.tell(observe::What::Alert {
                id: alert.id,
                rule_id: alert.rule_id,
                title: alert.rule_title,
                family: alert.family,
                level: alert.level,
                host: alert.host,
                seqs: alert.seqs,
            });
        }
        if !sightings.is_empty() {
            self.metrics.add("lazaret_sightings_total", "", sightings.len() as u64);
            self.trim_waiting_sightings().await?;
            for sighting in sightings {
                self.tell(observe::What::SightingCommitted { id: sighting.id, family: sighting.family });
            }
            self.wake_outbox();
        }
        if changed {
            self.changed();
        }
        Ok(())
    }

    /// The sightings that an alert's new detections make: one an hour, and only where there is something new to say.
    async fn sightings_of(
        &self,
        work: &mut Work,
        alert: &AlertUpsert,
        detections: &[&Detection],
        answers: &crate::Answers,
    ) -> Result<Vec<(Sighting, u64)>> {
        if alert.level < Level::Medium || alert.drill || self.hub_key().is_none() {
            return Ok(Vec::new());
        }
        let rule = detections.iter().find_map(|detection| match &detection.by {
            By::Rule(rule) => Some(Arc::clone(rule)),
            By::Indicator(_) => None,
        });
        if rule.as_ref().is_some_and(|rule| custom(rule, "pack").iter().any(|pack| pack == PRIVATE_PACK)) {
            return Ok(Vec::new());
        }
        let kinds = rule.as_ref().map(|rule| custom(rule, "concerns").to_vec()).unwrap_or_default();
        let rule_since = match &rule {
            Some(rule) => self.rule_since(rule).await?,
            None => Timestamp::UNIX_EPOCH,
        };
        let mut by_hour: BTreeMap<Timestamp, Vec<&Detection>> = BTreeMap::new();
        for detection in detections {
            by_hour.entry(hour_of(detection.time)).or_default().push(detection);
        }
        let mut sightings = Vec::new();
        let before = self.store.alert(alert.id).await?;
        for (hour, detections) in by_hour {
            let candidates: Vec<Observable> =
                detections.iter().flat_map(|detection| detection.observables.iter().cloned()).collect();
            let observables = egress::attacker_side(&candidates, &self.warninglists);
            let id = derived_id(&["sighting", &self.node().0, &alert.id.to_string(), &hour.to_string()]);
            let spans = |alert: &store::Alert| hour_of(alert.first_at) <= hour && hour <= hour_of(alert.last_at);
            if let Some(before) = before.as_ref().filter(|before| spans(before)) {
                work.remember(id, before, egress::attacker_side(&before.observables, &self.warninglists));
            }
            let Some((count, observables)) = work.news(id, detections.len() as u64, observables, self.now()) else {
                continue;
            };
            let version = detections.iter().map(|detection| detection.seq).max().unwrap_or_default() + 1;
            let sighting = Sighting {
                id,
                rule_id: alert.rule_id.clone(),
                family: alert.family.clone(),
                level: alert.level,
                hour,
                count,
                country: self.config.country.clone(),
                suppliers: answers.used_of_kinds(&self.suppliers, &kinds),
                products: Vec::new(),
                observables,
                rule_since,
                drill: alert.drill,
            };
            sightings.push((sighting, version));
        }
        Ok(sightings)
    }

    fn sighting_item(sighting: &Sighting, version: u64, policy: Outgoing) -> Result<NewOutboxItem> {
        let policy = match policy {
            Outgoing::Send => Policy::Send,
            Outgoing::Hold => Policy::Hold,
        };
        Ok(NewOutboxItem {
            lane: Lane::Sighting,
            kind: "sighting".to_owned(),
            key: sighting.id,
            version,
            body: serde_json::to_vec(sighting).map_err(Error::from)?,
            policy,
        })
    }

    /// Drops the oldest waiting sightings beyond the limit, counted and told to the hub as a gap.
    pub(crate) async fn trim_waiting_sightings(&self) -> Result<()> {
        let max = self.config.limits.sightings_waiting_max;
        let dropped = self.store.outbox_trim(Lane::Sighting, max, self.now()).await?;
        self.metrics.add("lazaret_outbox_dropped_total", "", dropped);
        Ok(())
    }

    /// How long base detections are kept: what the longest correlation of the engine needs, and a backlog's worth more.
    fn base_kept(work: &Work) -> SignedDuration {
        BASE_KEPT.max(SignedDuration::from_secs(work.engine.base_kept_seconds()))
    }

    fn count_scan(&self, batch: &Batch, scan: &Scan) {
        self.metrics.add("lazaret_events_scanned_total", "", batch.len() as u64);
        self.metrics.add("lazaret_events_quarantined_total", "", scan.quarantined.len() as u64);
        let searches = scan.given_up.iter().map(|given_up| given_up.searches).sum();
        self.metrics.add("lazaret_limit_hits_total", r#"limit="regex-steps""#, searches);
        if let Some(first) = scan.given_up.first() {
            let (seq, rule) = (first.seq, &first.rule_id);
            tracing::warn!(seq, rule, searches, "regular expressions gave up on long values; they count as not found");
        }
        for detection in &scan.detections {
            let level = detection.level();
            self.metrics.add("lazaret_detections_total", &format!("level=\"{level}\""), 1);
        }
        self.metrics.add("lazaret_detections_hidden_total", "", scan.hidden.len() as u64);
        let flagged = scan.seen.iter().filter(|seen| is_flagged(seen)).count();
        self.metrics.add("lazaret_events_flagged_total", "", flagged as u64);
    }
}

impl Work {
    /// After a restart: what was said of an alert before is not forgotten, so that a newer version never says less.
    fn remember(&mut self, id: Uuid, before: &store::Alert, observables: Vec<Observable>) {
        self.sent.entry(id).or_insert_with(|| Sent {
            count: before.count,
            observables: observables.into_iter().collect(),
            at: before.updated_at,
        });
    }

    /// What a sighting should say now, if that is more than what was sent: a new value, or ten times the count.
    fn news(
        &mut self,
        id: Uuid,
        more: u64,
        observables: Vec<Observable>,
        now: Timestamp,
    ) -> Option<(u64, Vec<Observable>)> {
        if self.sent.len() >= SENT_REMEMBERED_MAX {
            let oldest = self.sent.iter().min_by_key(|(_, sent)| sent.at).map(|(id, _)| *id);
            oldest.map(|id| self.sent.remove(&id));
        }
        let Some(sent) = self.sent.get_mut(&id) else {
            let known = observables.iter().cloned().collect();
            self.sent.insert(id, Sent { count: more, observables: known, at: now });
            return Some((more, observables));
        };
        let fresh = observables.iter().any(|observable| !sent.observables.contains(observable));
        let before = sent.count;
        sent.count += more;
        if !fresh && sent.count / COUNT_GROWTH < before.max(1) {
            sent.count = before.max(sent.count.min(before * COUNT_GROWTH));
            return None;
        }
        sent.observables.extend(observables);
        sent.at = now;
        let all = sent.observables.iter().take(domain::telemetry::SIGHTING_OBSERVABLES_MAX).cloned().collect();
        Some((sent.count, all))
    }
}

/// Scans; where that panics, scans halves with a fresh scanner, and quarantines the one event that does it.
fn scan_or_bisect(
    scanner: &mut Scanner,
    engine: &Arc<detect::engine::Engine>,
    base: &[BaseDetection],
    events: &[RawEvent<'_>],
    now: Timestamp,
) -> Scan {
    if let Ok(scan) = catch_unwind(AssertUnwindSafe(|| scanner.scan(events, now))) {
        return scan;
    }
    let mut fresh = Scanner::new(Arc::clone(engine));
    fresh.restore(base);
    *scanner = fresh;
    if let [event] = events {
        tracing::error!(seq = event.seq, "an event makes the engine fail; it is kept and quarantined");
        let reason = "the engine failed on it".to_owned();
        return Scan { quarantined: vec![detect::engine::Quarantined { seq: event.seq, reason }], ..Scan::default() };
    }
    let (left, right) = events.split_at(events.len() / 2);
    let mut scan = scan_or_bisect(scanner, engine, base, left, now);
    let more = scan_or_bisect(scanner, engine, base, right, now);
    scan.detections.extend(more.detections);
    scan.base.extend(more.base);
    scan.hidden.extend(more.hidden);
    scan.seen.extend(more.seen);
    scan.quarantined.extend(more.quarantined);
    scan.given_up.extend(more.given_up);
    scan
}

/// The log's events as the engine wants them. `names` gives the source's key by number.
pub(crate) fn raw_events<'a>(batch: &'a Batch, names: &'a BTreeMap<u32, String>) -> Vec<RawEvent<'a>> {
    batch
        .iter()
        .map(|event| RawEvent {
            seq: event.seq,
            source: names.get(&event.source).map_or("unknown", String::as_str),
            carrier: carrier_of(event.carrier),
            received_at: micros(event.received_at),
            bytes: event.bytes,
        })
        .collect()
}

/// The carrier behind the log's number.
pub(crate) fn carrier_of(number: u8) -> Carrier {
    match number {
        1 => Carrier::Syslog,
        2 => Carrier::Http,
        4 => Carrier::Evtx,
        _ => Carrier::File,
    }
}

/// A time from microseconds; out of range (which our own clock never writes) becomes the epoch.
pub(crate) fn micros(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// An id that is the same for the same parts. Shape: UUID version 8.
pub(crate) fn derived_id(parts: &[&str]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// One alert a rule, host and UTC day.
fn group<'a>(detections: &'a [Detection], sources: &BTreeMap<u64, u32>) -> BTreeMap<Uuid, Vec<&'a Detection>> {
    let mut groups: BTreeMap<Uuid, Vec<&Detection>> = BTreeMap::new();
    for detection in detections {
        let day = detection.time.as_second().div_euclid(24 * 3_600).to_string();
        let host = host_of(detection, sources);
        let id = derived_id(&["alert", &rule_key(detection), &host, &day]);
        groups.entry(id).or_default().push(detection);
    }
    groups
}

/// The host that an event names, or its source where it names none.
fn host_of(detection: &Detection, sources: &BTreeMap<u64, u32>) -> String {
    match &detection.host {
        Some(host) => host.clone(),
        None => format!("source {}", sources.get(&detection.seq).copied().unwrap_or_default()),
    }
}

fn alert_of(id: Uuid, detections: &[&Detection], sources: &BTreeMap<u64, u32>, at: Timestamp) -> Option<AlertUpsert> {
    let newest = detections.iter().max_by_key(|detection| detection.time)?;
    let oldest = detections.iter().min_by_key(|detection| detection.time)?;
    let (rule_title, action, origin) = match &newest.by {
        By::Rule(rule) => {
            let origin = match &rule.origin {
                RuleOrigin::BuiltIn => AlertOrigin::BuiltIn,
                RuleOrigin::Local => AlertOrigin::Local,
                RuleOrigin::Warning(release) => AlertOrigin::Warning(release.parse().unwrap_or_default()),
            };
            (rule.title.clone(), custom(rule, "action").join(" "), origin)
        }
        By::Indicator(indicator) => {
            let release = indicator.origin.strip_prefix("warning:").and_then(|release| release.parse().ok());
            let origin = release.map_or(AlertOrigin::Indicator, AlertOrigin::Warning);
            (indicator.value.clone(), String::new(), origin)
        }
    };
    let mut observables: Vec<Observable> =
        detections.iter().flat_map(|detection| detection.observables.iter().cloned()).collect();
    observables.sort();
    observables.dedup();
    Some(AlertUpsert {
        id,
        rule_id: rule_key(newest),
        rule_title,
        family: family_of(newest),
        level: newest.level(),
        host: host_of(newest, sources),
        source: sources.get(&newest.seq).copied().unwrap_or_default(),
        first_at: oldest.time,
        last_at: newest.time,
        add_count: detections.len() as u64,
        seqs: detections.iter().map(|detection| detection.seq).take(store::ALERT_SEQS_MAX).collect(),
        matched: newest.matched.clone(),
        observables,
        origin,
        action,
        drill: newest.mark() == Some(Mark::Drill),
        at,
    })
}

fn hour_of(time: Timestamp) -> Timestamp {
    let seconds = time.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(3_600)).unwrap_or(time)
}

fn seen_by_source(scan: &Scan, sources: &BTreeMap<u64, u32>) -> Vec<SourceSeen> {
    let mut by_source: BTreeMap<u32, SourceSeen> = BTreeMap::new();
    for seen in &scan.seen {
        let Some(source) = sources.get(&seen.seq).copied() else { continue };
        let entry = by_source.entry(source).or_insert_with(|| SourceSeen {
            source,
            events: 0,
            last_at: seen.time,
            flagged: 0,
            undecoded: 0,
            format: String::new(),
        });
        entry.events += 1;
        entry.last_at = entry.last_at.max(seen.time);
        entry.flagged += u64::from(is_flagged(seen));
        entry.undecoded += u64::from(seen.routed == Routed::No);
        entry.format = seen.shape.as_deref().unwrap_or(seen.format).to_owned();
    }
    by_source.into_values().collect()
}

/// What each filter hid: counted, never silently.
fn hidden_by_filter(scan: &Scan) -> Vec<Hid> {
    let mut by_filter: BTreeMap<&str, Hid> = BTreeMap::new();
    for hidden in &scan.hidden {
        let (filter, at) = (hidden.filter.id.clone(), hidden.time);
        let hid = by_filter.entry(&hidden.filter.id).or_insert(Hid { filter, hidden: 0, first_at: at, last_at: at });
        hid.hidden += 1;
        hid.first_at = hid.first_at.min(at);
        hid.last_at = hid.last_at.max(at);
    }
    by_filter.into_values().collect()
}

/// A base detection as it is kept: its fields as JSON, its host as the group.
fn base_row(base: &BaseDetection) -> serde_json::Result<BaseRow> {
    Ok(BaseRow {
        rule_id: base.rule_id.clone(),
        group: base.host.clone().unwrap_or_default(),
        at: base.time,
        seq: base.seq,
        payload: serde_json::to_vec(&base.fields)?,
    })
}

fn base_of(row: &BaseRow) -> BaseDetection {
    BaseDetection {
        seq: row.seq,
        rule_id: row.rule_id.clone(),
        time: row.at,
        host: (!row.group.is_empty()).then(|| row.group.clone()),
        fields: serde_json::from_slice(&row.payload).unwrap_or_default(),
    }
}

/// A rule's own field of ours, e.g. `action` for `lazaret.action`.
pub(crate) fn custom<'a>(rule: &'a RuleMeta, name: &str) -> &'a [String] {
    rule.custom.get(name).map_or(&[], Vec::as_slice)
}

/// A rule's title, or the value of an indicator.
pub(crate) fn title_of(detection: &Detection) -> String {
    match &detection.by {
        By::Rule(rule) => rule.title.clone(),
        By::Indicator(indicator) => indicator.value.clone(),
    }
}

/// What alerts are grouped by: the rule, or each indicator by itself.
fn rule_key(detection: &Detection) -> String {
    match &detection.by {
        By::Rule(rule) => rule.id.clone(),
        By::Indicator(indicator) => format!("indicator:{}", indicator.value),
    }
}

fn family_of(detection: &Detection) -> String {
    match &detection.by {
        By::Rule(rule) => rule.family.clone(),
        By::Indicator(_) => INDICATOR_FAMILY.to_owned(),
    }
}

fn is_flagged(seen: &Seen) -> bool {
    matches!(seen.time_flag, TimeFlag::Ahead | TimeFlag::Behind)
}
