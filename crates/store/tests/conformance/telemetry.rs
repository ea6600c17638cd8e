//! The scanner's commit and what people do with alerts.

use std::collections::BTreeMap;

use domain::party::Role;
use domain::record::{Command, case};
use domain::telemetry::Level;
use store::{
    ALERT_OBSERVABLES_MAX, ALERT_SEQS_MAX, AlertOrigin, AlertQuery, AlertStage, AlertState, AlertUpsert, BaseRow,
    Error, Lane, Quarantined, ScanCommit, SourceCounts, SourceEdit, SourceSeen,
};
use uuid::Uuid;

use crate::place::Place;
use crate::words::*;

pub fn upsert(id: u128, second: i64) -> AlertUpsert {
    AlertUpsert {
        id: Uuid::from_u128(id),
        rule_id: "rule".to_owned(),
        rule_title: "Shadow copies deleted".to_owned(),
        family: "backup-sabotage".to_owned(),
        level: Level::Medium,
        host: "pacs-01".to_owned(),
        source: 1,
        first_at: at(second),
        last_at: at(second),
        add_count: 1,
        seqs: vec![u64::try_from(second).unwrap()],
        matched: vec![("CommandLine".to_owned(), format!("vssadmin {second}"))],
        observables: vec![observable("evil.example")],
        origin: AlertOrigin::BuiltIn,
        action: "Isolate the host".to_owned(),
        drill: false,
        at: at(second),
    }
}

pub fn scan(cursor: u64, alerts: Vec<AlertUpsert>) -> ScanCommit {
    ScanCommit {
        cursor,
        alerts,
        base: vec![],
        base_drop_before: None,
        outbox: vec![],
        quarantined: vec![],
        hidden: vec![],
        sources: vec![],
        at: at(i64::try_from(cursor).unwrap()),
    }
}

fn base(second: i64) -> BaseRow {
    let (rule_id, group) = ("correlation".to_owned(), "host=a".to_owned());
    BaseRow { rule_id, group, at: at(second), seq: u64::try_from(second).unwrap(), payload: vec![0, 1, 2] }
}

fn full_scan() -> ScanCommit {
    let mut scan = scan(100, vec![upsert(1, 5)]);
    scan.base = vec![base(5), base(6)];
    scan.outbox = vec![item(Lane::Sighting, 1, 1)];
    scan.quarantined = vec![Quarantined { seq: 7, reason: "panicked".to_owned() }];
    scan.sources = vec![SourceSeen {
        source: 1,
        events: 10,
        last_at: at(6),
        flagged: 1,
        undecoded: 2,
        format: "syslog".to_owned(),
    }];
    scan
}

pub async fn a_scan_is_stored_whole(place: &Place) {
    let store = place.open().await;
    assert_eq!(store.scan_cursor().await.unwrap(), 0);
    assert_eq!(store.source_number("syslog/10.0.0.1", "syslog-udp", at(0)).await.unwrap(), 1);
    store.commit_scan(full_scan()).await.unwrap();
    assert_eq!(store.scan_cursor().await.unwrap(), 100);
    assert_eq!(store.base_detections().await.unwrap(), vec![base(5), base(6)]);
    assert_eq!(store.outbox_pending(10).await.unwrap().len(), 1);
    let quarantined = store.quarantined(10).await.unwrap();
    assert_eq!((quarantined[0].seq, quarantined[0].at), (7, at(100)));
    let source = store.sources().await.unwrap().remove(0);
    assert_eq!((source.scanned, source.flagged, source.undecoded), (10, 1, 2));
    assert_eq!((source.first_at, source.last_at, source.format.as_str()), (Some(at(6)), Some(at(6)), "syslog"));
    let alert = store.alert(Uuid::from_u128(1)).await.unwrap().unwrap();
    assert_eq!((alert.count, alert.version, alert.state), (1, 1, AlertState::Open));
    assert_eq!((alert.seqs, alert.matched, alert.origin), (vec![5], upsert(1, 5).matched, AlertOrigin::BuiltIn));
}

/// The cursor is written last; when that fails, nothing before it may stay.
pub async fn a_broken_scan_leaves_nothing(place: &Place) {
    let store = place.open().await;
    store.source_number("syslog/10.0.0.1", "syslog-udp", at(0)).await.unwrap();
    place.break_table("cursor").await;
    assert!(matches!(store.commit_scan(full_scan()).await, Err(Error::Sql(_))));
    assert_eq!(store.scan_cursor().await.unwrap(), 0);
    assert_eq!(store.alert(Uuid::from_u128(1)).await.unwrap(), None);
    assert_eq!(store.base_detections().await.unwrap(), vec![]);
    assert_eq!(store.outbox_pending(10).await.unwrap(), vec![]);
    assert_eq!(store.quarantined(10).await.unwrap(), vec![]);
    assert_eq!(store.sources().await.unwrap()[0].scanned, 0);
}

pub async fn alerts_merge(place: &Place) {
    let store = place.open().await;
    store.commit_scan(scan(1, vec![upsert(1, 50)])).await.unwrap();
    let mut earlier = upsert(1, 20);
    earlier.level = Level::Critical;
    earlier.add_count = 1_000;
    earlier.seqs = (0..1_000).collect();
    earlier.observables = (0..40).map(|number| observable(&format!("host{number}.example"))).collect();
    store.commit_scan(scan(2, vec![earlier, upsert(1, 60)])).await.unwrap();
    let alert = store.alert(Uuid::from_u128(1)).await.unwrap().unwrap();
    assert_eq!((alert.count, alert.level, alert.version), (1_002, Level::Critical, 3));
    assert_eq!((alert.first_at, alert.last_at), (at(20), at(60)));
    assert_eq!((alert.seqs.len(), alert.observables.len()), (ALERT_SEQS_MAX, ALERT_OBSERVABLES_MAX));
    assert_eq!((alert.seqs[0], alert.seqs[1]), (50, 0));
    assert_eq!(alert.matched, upsert(1, 60).matched, "the newest detection's fields are shown");
    assert_eq!(store.alerts(AlertQuery::default()).await.unwrap().total, 1);
}

pub async fn a_dismissed_alert_stays_dismissed(place: &Place) {
    let store = place.open().await;
    let id = Uuid::from_u128(1);
    store.commit_scan(scan(1, vec![upsert(1, 1)])).await.unwrap();
    store.set_alert_state(id, AlertState::Dismissed, audit("alert-dismissed", 2)).await.unwrap();
    assert_eq!(store.audit(None, 10).await.unwrap()[0].verb, "alert-dismissed");
    store.commit_scan(scan(3, vec![upsert(1, 3)])).await.unwrap();
    let alert = store.alert(id).await.unwrap().unwrap();
    assert_eq!((alert.state, alert.count, alert.version), (AlertState::Dismissed, 2, 3));
    let graver = AlertUpsert { level: Level::High, ..upsert(1, 4) };
    store.commit_scan(scan(4, vec![graver])).await.unwrap();
    assert_eq!(store.alert(id).await.unwrap().unwrap().state, AlertState::Open);
    let unknown = store.set_alert_state(fresh_id(), AlertState::Dismissed, audit("alert-dismissed", 5)).await;
    assert!(matches!(unknown, Err(Error::Missing { .. })));
    assert_eq!(store.audit(None, 10).await.unwrap().len(), 1, "a refused change writes no audit");
}

pub async fn a_case_takes_its_alert(place: &Place) {
    let store = place.open().await;
    store.commit_scan(scan(1, vec![upsert(1, 1), upsert(2, 2)])).await.unwrap();
    let id = domain::record::RecordId(fresh_id());
    let command = Command::Case(
        id,
        case::Command::Open {
            sort: case::Sort::Incident,
            title: document("from an alert"),
            alert: Some(Uuid::from_u128(1)),
            warning: None,
            evidence: vec![],
            drill: false,
        },
    );
    let mut commit = prepared(&store, &command, person(Role::Operator), 3).await.unwrap();
    commit.link_alerts = vec![(Uuid::from_u128(1), id), (fresh_id(), id)];
    store.commit(commit).await.unwrap();
    let alert = store.alert(Uuid::from_u128(1)).await.unwrap().unwrap();
    assert_eq!((alert.state, alert.version, alert.updated_at), (AlertState::InCase(id), 2, at(3)));
    let graver = AlertUpsert { level: Level::Critical, ..upsert(1, 4) };
    store.commit_scan(scan(4, vec![graver])).await.unwrap();
    assert_eq!(store.alert(Uuid::from_u128(1)).await.unwrap().unwrap().state, AlertState::InCase(id));
    let of_case = store.alerts(AlertQuery { case: Some(id), ..AlertQuery::default() }).await.unwrap();
    assert_eq!(of_case.items.len(), 1);
    assert_eq!(store.retain_alerts(at(1_000)).await.unwrap(), 1, "what belongs to a case stays");
    assert!(store.alert(Uuid::from_u128(1)).await.unwrap().is_some());
}

pub async fn alerts_page_and_filter(place: &Place) {
    let store = place.open().await;
    let mut alerts: Vec<AlertUpsert> =
        (0..9).map(|number| upsert(number, i64::try_from(number / 2).unwrap())).collect();
    alerts[3].host = "ÄRZTE_50%".to_owned();
    alerts[4].level = Level::Critical;
    alerts[5].drill = true;
    store.commit_scan(scan(1, alerts)).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let query = AlertQuery { after: seen.last().copied(), limit: 4, ..AlertQuery::default() };
        let page = store.alerts(query).await.unwrap();
        assert_eq!(page.total, 9);
        seen.extend(page.items.iter().map(|alert| alert.id));
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, (0..9).rev().map(Uuid::from_u128).collect::<Vec<_>>());
    let found = async |query: AlertQuery| {
        store.alerts(query).await.unwrap().items.iter().map(|alert| alert.id.as_u128()).collect::<Vec<_>>()
    };
    let text = |text: &str| AlertQuery { text: Some(text.to_owned()), ..AlertQuery::default() };
    assert_eq!(found(text("ärzte_50%")).await, vec![3]);
    assert_eq!(found(text("rzte%")).await, Vec::<u128>::new(), "a wildcard is only a letter");
    assert_eq!(found(text("EVIL.example")).await.len(), 9);
    assert_eq!(found(AlertQuery { level_min: Some(Level::High), ..AlertQuery::default() }).await, vec![4]);
    assert_eq!(found(AlertQuery { since: Some(at(4)), ..AlertQuery::default() }).await, vec![8]);
    assert_eq!(
        found(AlertQuery { state: Some(AlertStage::Dismissed), ..AlertQuery::default() }).await,
        Vec::<u128>::new()
    );
    let counts = store.alert_counts(at(0)).await.unwrap();
    let of = |level, drill| counts.iter().find(|count| count.level == level && count.drill == drill).unwrap().alerts;
    assert_eq!((of(Level::Critical, false), of(Level::Medium, true), of(Level::Medium, false)), (1, 1, 7));
}

/// A NUL, a lone quote, emoji: what a log line may hold must not stop the scanner on either database.
pub async fn odd_bytes_do_not_stop_a_scan(place: &Place) {
    let store = place.open().await;
    let odd = AlertUpsert {
        host: "a\0b'; DROP TABLE alert; -- \u{1f3e5}".to_owned(),
        matched: vec![("x\0".to_owned(), "y\0\u{202e}".to_owned())],
        add_count: u64::MAX,
        ..upsert(1, 1)
    };
    store.commit_scan(scan(1, vec![odd.clone()])).await.unwrap();
    let alert = store.alert(odd.id).await.unwrap().unwrap();
    assert_eq!(alert.host, "a\u{fffd}b'; DROP TABLE alert; -- \u{1f3e5}");
    assert_eq!((alert.matched, alert.count), (odd.matched, i64::MAX.unsigned_abs()));
}

pub async fn base_detections_expire(place: &Place) {
    let store = place.open().await;
    let mut first = scan(1, vec![]);
    first.base = vec![base(9), base(3), base(6)];
    store.commit_scan(first).await.unwrap();
    let mut second = scan(2, vec![]);
    second.base = vec![base(12)];
    second.base_drop_before = Some(at(6));
    store.commit_scan(second).await.unwrap();
    assert_eq!(store.base_detections().await.unwrap(), vec![base(6), base(9), base(12)]);
}

pub async fn sources_count(place: &Place) {
    let store = place.open().await;
    let first = store.source_number("syslog/a", "syslog-tcp", at(0)).await.unwrap();
    let second = store.add_source_token("winlogbeat", "hash1", audit("token-added", 1)).await.unwrap();
    assert_eq!(store.source_number("syslog/a", "syslog-tcp", at(5)).await.unwrap(), first);
    assert_ne!(first, second);
    let refused = BTreeMap::from([("too-long".to_owned(), 2), ("disk-full".to_owned(), 1)]);
    let counts = SourceCounts { source: first, received: 10, stored: 7, refused_by: refused };
    store.add_source_counts(vec![counts.clone(), counts]).await.unwrap();
    let edit = SourceEdit { name: "Firewall".to_owned(), zone: Some("Europe/Riga".to_owned()), supplier: None };
    store.set_source(first, edit, audit("source-named", 2)).await.unwrap();
    let sources = store.sources().await.unwrap();
    let source = &sources[0];
    assert_eq!((source.received, source.stored, source.refused), (20, 14, 6));
    assert_eq!(source.refused_by, BTreeMap::from([("too-long".to_owned(), 4), ("disk-full".to_owned(), 2)]));
    assert_eq!((source.name.as_str(), source.zone.as_deref()), ("Firewall", Some("Europe/Riga")));
    assert_eq!(store.source_by_token("hash1").await.unwrap().unwrap().key, "http:winlogbeat");
    assert_eq!(store.add_source_token("winlogbeat", "hash2", audit("token-added", 3)).await.unwrap(), second);
    assert_eq!(store.source_by_token("hash1").await.unwrap(), None);
    store.remove_source_token(second, audit("token-removed", 4)).await.unwrap();
    assert_eq!(store.source_by_token("hash2").await.unwrap(), None);
    assert_eq!(store.follow_position("/var/log/a").await.unwrap(), None);
    let position = store::FollowPosition { inode: u64::MAX, offset: 77 };
    store.set_follow_position("/var/log/a", position).await.unwrap();
    assert_eq!(store.follow_position("/var/log/a").await.unwrap(), Some(position));
}
