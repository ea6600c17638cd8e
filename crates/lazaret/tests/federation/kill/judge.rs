//! What must hold after the kills, read from the files of the nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::release::{Release, ReleaseBody};
use domain::telemetry::{INDICATOR_FAMILY, Sighting};
use store::{Alert, AlertQuery, ReceivedQuery, SightingQuery, Store};
use testkit::until::until;

use super::process::{Europe, NODES};
use super::value_of;

/// Rows read of anything: more than a run makes.
const ROWS_MAX: u32 = 10_000;
/// For how long nothing may move before all is at rest.
const REST: Duration = Duration::from_secs(4);

/// Waits until every hospital has scanned everything, every outbox is empty, every sighting judged, and every release
/// read by those below; and has been so for a while, since each of it may cause the other.
pub async fn settled(europe: &Europe) {
    let mut last = Vec::new();
    let mut since = tokio::time::Instant::now();
    // generous: a debug build on a busy machine searches back for every warning
    let gives_up = since + Duration::from_secs(600);
    loop {
        let mut now = Vec::new();
        let mut waiting = 0;
        for (name, ..) in NODES {
            let store = until("the store opens", || async { Store::open(&europe.store(name)).await.ok() }).await;
            waiting += store.outbox_depth().await.unwrap().iter().map(|lane| lane.waiting).sum::<u64>();
            let judged = store.judged_cursor().await.unwrap();
            waiting += store.sightings_since_cursor(judged, ROWS_MAX).await.unwrap().len() as u64;
            now.push((store.scan_cursor().await.unwrap(), store.down_cursor().await.unwrap(), judged));
            now.push((0, store.published_head().await.unwrap(), 0));
            store.close().await;
        }
        if waiting > 0 || now != last {
            (last, since) = (now, tokio::time::Instant::now());
        } else if since.elapsed() >= REST {
            return;
        }
        assert!(tokio::time::Instant::now() < gives_up, "{waiting} items wait for ever; cursors {last:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What one hospital's own files say.
struct Hospital {
    /// Stored watermarks by period.
    periods: BTreeMap<u64, BTreeSet<u64>>,
    /// Alerts of rules, without those of indicators.
    alerts: Vec<Alert>,
}

/// Judges everything; answers the figures in words.
pub async fn judge(europe: &Europe, acknowledged: &BTreeMap<&str, BTreeSet<u64>>) -> String {
    let mut hospitals = BTreeMap::new();
    for (name, _, _, hub) in NODES.into_iter().filter(|(_, role, ..)| *role == "hospital") {
        let hospital = judge_hospital(europe, name, &acknowledged[name]).await;
        judge_hub(europe, hub.unwrap(), name, &hospital.alerts).await;
        hospitals.insert(name, hospital);
    }
    let alerts: Vec<&Alert> = hospitals.values().flat_map(|hospital| &hospital.alerts).collect();
    let seen = rule_sightings(europe, "union").await;
    assert_eq!(seen.len(), alerts.len(), "one passed sighting an alert at the union, however often it was sent");

    let mut all = hospitals.values().map(|hospital| hospital.periods.keys().copied().collect::<BTreeSet<u64>>());
    let first = all.next().unwrap();
    let shared: Vec<u64> = all.fold(first, |both, periods| &both & &periods).into_iter().collect();
    assert!(!shared.is_empty(), "both hospitals saw at least one value");
    let warned = published_values(europe).await;
    for period in &shared {
        let value = value_of(*period);
        let releases = warned.get(&value).map_or(0, BTreeSet::len);
        assert_eq!(releases, 1, "{value} was seen in two countries: one warning of it, neither none nor two");
        for name in hospitals.keys() {
            assert!(has_card(europe, name, &value).await, "{name} has a warning that names {value}");
        }
    }
    let stored: usize = hospitals.values().flat_map(|hospital| hospital.periods.values()).map(BTreeSet::len).sum();
    format!("{stored} stored, {} alerts, {} values warned of in both countries", alerts.len(), shared.len())
}

async fn judge_hospital(europe: &Europe, name: &str, acknowledged: &BTreeSet<u64>) -> Hospital {
    let (periods, events) = stored(europe, name);
    let stored: BTreeSet<u64> = periods.values().flatten().copied().collect();
    let lost: Vec<&u64> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "{name}: acknowledged and not stored: {lost:?}");
    assert_eq!(events as usize, stored.len(), "{name}: no line was stored twice");
    let store = Store::open(&europe.store(name)).await.unwrap();
    let query = AlertQuery { limit: ROWS_MAX, ..AlertQuery::default() };
    let alerts = store.alerts(query).await.unwrap().items;
    let alerts: Vec<Alert> = alerts.into_iter().filter(|alert| alert.family != INDICATOR_FAMILY).collect();
    let mut by_rule: BTreeMap<&str, u64> = BTreeMap::new();
    for alert in &alerts {
        *by_rule.entry(&alert.rule_id).or_default() += alert.count;
    }
    assert!(!by_rule.is_empty());
    for (rule, counted) in by_rule {
        assert_eq!(counted, events, "{name}: every stored event took effect exactly once by {rule}");
    }
    store.close().await;
    Hospital { periods, alerts }
}

/// The national hub knows one sighting an alert, in its newest version.
async fn judge_hub(europe: &Europe, hub: &str, hospital: &str, alerts: &[Alert]) {
    let seen = rule_sightings(europe, hub).await;
    assert_eq!(seen.len(), alerts.len(), "{hub}: one sighting an alert, however often it was sent");
    let store = Store::open(&europe.store(hospital)).await.unwrap();
    let sent = store.outbox_recent_sent(ROWS_MAX).await.unwrap();
    store.close().await;
    for item in sent.iter().filter(|item| item.kind == "sighting") {
        let newest: Sighting = serde_json::from_slice(&item.body).unwrap();
        let there = seen.iter().find(|seen| seen.id == newest.id);
        let knows = newest.family == INDICATOR_FAMILY || there.is_some_and(|seen| seen.count >= newest.count);
        assert!(knows, "{hub} knows the newest version of {newest:?}: {there:?}");
    }
}

async fn rule_sightings(europe: &Europe, hub: &str) -> Vec<Sighting> {
    let store = Store::open(&europe.store(hub)).await.unwrap();
    let seen = store.sightings(SightingQuery { limit: ROWS_MAX, ..SightingQuery::default() }).await.unwrap();
    store.close().await;
    let seen: Vec<Sighting> = seen.into_iter().map(|seen| seen.sighting).collect();
    let ids: BTreeSet<_> = seen.iter().map(|sighting| sighting.id).collect();
    assert_eq!(ids.len(), seen.len(), "{hub}: no sighting is there twice");
    seen.into_iter().filter(|sighting| sighting.family != INDICATOR_FAMILY).collect()
}

/// The values that the union's newest releases name, and by which releases. No release was published twice.
async fn published_values(europe: &Europe) -> BTreeMap<String, BTreeSet<uuid::Uuid>> {
    let store = Store::open(&europe.store("union")).await.unwrap();
    let published = store.published_after(0, ROWS_MAX).await.unwrap();
    store.close().await;
    let versions: BTreeSet<_> = published.iter().map(|one| (one.id, one.version)).collect();
    assert_eq!(versions.len(), published.len(), "no version was published twice");
    let mut newest = BTreeMap::new();
    for one in published {
        newest.insert(one.id, serde_json::from_slice::<Release>(&one.release.bytes).unwrap());
    }
    let mut values: BTreeMap<String, BTreeSet<uuid::Uuid>> = BTreeMap::new();
    for (id, release) in newest {
        let ReleaseBody::Warning(content) = release.body else { panic!("nobody withdrew {id}") };
        for indicator in content.indicators {
            values.entry(indicator.value).or_default().insert(id);
        }
    }
    values
}

async fn has_card(europe: &Europe, hospital: &str, value: &str) -> bool {
    let store = Store::open(&europe.store(hospital)).await.unwrap();
    let cards = store.received(ReceivedQuery { limit: ROWS_MAX, ..ReceivedQuery::default() }).await.unwrap();
    store.close().await;
    let names = |card: &store::ReceivedWarning| {
        let content = card.content.as_ref();
        content.is_some_and(|content| content.indicators.iter().any(|indicator| indicator.value == value))
    };
    // held for a person where the value was seen often: it is here all the same
    let here = |card: &&store::ReceivedWarning| {
        matches!(card.state, store::ReceivedState::Live | store::ReceivedState::Held { .. })
    };
    cards.iter().filter(here).any(names)
}

/// Watermarks in a hospital's event log by period, and how many events there are.
fn stored(europe: &Europe, hospital: &str) -> (BTreeMap<u64, BTreeSet<u64>>, u64) {
    let limits = eventstore::Limits { free_bytes_min: 0, ..eventstore::Limits::default() };
    let (log, _) = eventstore::EventLog::open(&europe.path(hospital).join("events"), limits).unwrap();
    let (mut periods, mut count, mut from) = (BTreeMap::<u64, BTreeSet<u64>>::new(), 0, log.tail());
    loop {
        let mut batch = eventstore::Batch::default();
        log.read(from, 1_000, 1 << 20, &mut batch).unwrap();
        if batch.next_seq() == from {
            return (periods, count);
        }
        for event in batch.iter() {
            let line: serde_json::Value = serde_json::from_slice(event.bytes).unwrap();
            let number = |name: &str| line[name].as_u64().unwrap();
            periods.entry(number("period")).or_default().insert(number("watermark"));
            count += 1;
        }
        from = batch.next_seq();
    }
}
