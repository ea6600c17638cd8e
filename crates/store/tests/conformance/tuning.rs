//! Exceptions, rules that are off, what filters hid, and noisy rules.

use domain::party::Role;
use jiff::SignedDuration;
use store::{AlertState, Error, ExceptionScope, Hid, NewAudit, NewException, RuleOff};
use uuid::Uuid;

use crate::place::Place;
use crate::telemetry::{scan, upsert};
use crate::words::*;

fn by(verb: &str, second: i64) -> NewAudit {
    let (verb, object) = (verb.to_owned(), "exception:1".to_owned());
    NewAudit { at: at(second), actor: person(Role::Operator), verb, object, detail: String::new() }
}

fn exception(id: u128, expires: i64) -> NewException {
    NewException {
        id: Uuid::from_u128(id),
        rule_id: "rule".to_owned(),
        rule_title: "Shadow copies deleted".to_owned(),
        filter: "title: x".to_owned(),
        scope: ExceptionScope::Host("pacs-01".to_owned()),
        reason: "the nightly backup does this".to_owned(),
        alert: Some(Uuid::from_u128(9)),
        expires_at: at(expires),
    }
}

pub async fn an_exception_is_kept_with_who_and_why(place: &Place) {
    let store = place.open().await;
    store.add_exception(exception(2, 900), by("exception-added", 10)).await.unwrap();
    store.add_exception(exception(1, 500), by("exception-added", 11)).await.unwrap();
    let twice = store.add_exception(exception(1, 500), by("exception-added", 12)).await;
    assert!(matches!(twice, Err(Error::Exists { .. })));
    store.close().await;
    let store = place.open().await;
    let kept = store.exceptions().await.unwrap();
    assert_eq!(kept.iter().map(|one| one.id.as_u128()).collect::<Vec<_>>(), [1, 2], "the first to end first");
    let first = &kept[0];
    assert_eq!((first.scope.clone(), first.reason.as_str()), (exception(1, 500).scope, "the nightly backup does this"));
    assert_eq!((first.author.clone(), first.created_at, first.hidden), (person(Role::Operator), at(11), 0));
    assert!(first.works(at(499)) && !first.works(at(500)), "it stops by itself");
    let audit = store.audit(None, 10).await.unwrap();
    assert_eq!(audit.iter().filter(|line| line.verb == "exception-added").count(), 2, "a refused one left no line");
}

pub async fn an_exception_is_renewed_and_ended(place: &Place) {
    let store = place.open().await;
    store.add_exception(exception(1, 500), by("exception-added", 10)).await.unwrap();
    let id = Uuid::from_u128(1);
    store.renew_exception(id, at(2_000), by("exception-renewed", 600)).await.unwrap();
    assert!(store.exceptions().await.unwrap()[0].works(at(1_999)));
    store.end_exception(id, by("exception-ended", 700)).await.unwrap();
    let ended = store.exceptions().await.unwrap().remove(0);
    assert_eq!((ended.ended_at, ended.ended_by.clone()), (Some(at(700)), Some(person(Role::Operator))));
    assert!(!ended.works(at(701)));
    assert!(matches!(store.end_exception(id, by("x", 800)).await, Err(Error::Missing { .. })));
    assert!(matches!(store.renew_exception(id, at(9_000), by("x", 800)).await, Err(Error::Missing { .. })));
}

pub async fn what_filters_hid_is_counted_with_the_scan(place: &Place) {
    let store = place.open().await;
    store.add_exception(exception(1, 500), by("exception-added", 10)).await.unwrap();
    let filter = Uuid::from_u128(1).to_string();
    let hid = |hidden: u64, second: i64| {
        let (first_at, last_at) = (at(second), at(second + 1));
        Hid { filter: filter.clone(), hidden, first_at, last_at }
    };
    let mut first = scan(10, vec![]);
    first.hidden = vec![hid(3, 20)];
    store.commit_scan(first).await.unwrap();
    let mut second = scan(20, vec![]);
    second.hidden = vec![hid(4, 15), Hid { filter: "from-a-file".to_owned(), ..hid(1, 30) }];
    store.commit_scan(second).await.unwrap();
    let kept = store.exceptions().await.unwrap().remove(0);
    assert_eq!((kept.hidden, kept.hidden_last_at), (7, Some(at(21))));
    let counts = store.filter_counts().await.unwrap();
    assert_eq!(counts, [Hid { last_at: at(21), ..hid(7, 15) }, Hid { filter: "from-a-file".to_owned(), ..hid(1, 30) }]);
    place.break_table("cursor").await;
    let mut third = scan(30, vec![]);
    third.hidden = vec![hid(100, 40)];
    assert!(store.commit_scan(third).await.is_err());
    assert_eq!(store.exceptions().await.unwrap()[0].hidden, 7, "a scan that failed counted nothing");
}

pub async fn a_rule_is_switched_off_and_on(place: &Place) {
    let store = place.open().await;
    let off = RuleOff {
        rule_id: "rule".to_owned(),
        rule_title: "Shadow copies deleted".to_owned(),
        reason: "we have no such thing".to_owned(),
        author: person(Role::Operator),
        since: at(5),
    };
    assert!(store.switch_rule_off(off.clone(), by("rule-disabled", 5)).await.unwrap());
    let again = RuleOff { reason: "another".to_owned(), ..off.clone() };
    assert!(!store.switch_rule_off(again, by("rule-disabled", 6)).await.unwrap());
    assert_eq!(store.rules_off().await.unwrap(), [off]);
    store.switch_rule_on("rule", by("rule-enabled", 7)).await.unwrap();
    assert!(store.rules_off().await.unwrap().is_empty());
    assert!(matches!(store.switch_rule_on("rule", by("rule-enabled", 8)).await, Err(Error::Missing { .. })));
    assert_eq!(store.audit(None, 10).await.unwrap().len(), 2);
}

pub async fn the_loudest_rules_come_first(place: &Place) {
    let store = place.open().await;
    let day = |days: i64| at(0) + SignedDuration::from_hours(24 * days);
    let alert = |id: u128, rule: &str, days: i64, count: u64| {
        let mut alert = upsert(id, 1);
        alert.rule_id = rule.to_owned();
        (alert.first_at, alert.last_at, alert.add_count) = (day(days), day(days), count);
        alert
    };
    let alerts =
        vec![alert(1, "loud", 29, 5), alert(2, "loud", 10, 7), alert(3, "quiet", 29, 1), alert(4, "old", -5, 9)];
    let drill = store::AlertUpsert { drill: true, ..alert(5, "drill", 29, 99) };
    store.commit_scan(scan(10, [alerts, vec![drill]].concat())).await.unwrap();
    store.set_alert_state(Uuid::from_u128(2), AlertState::Dismissed, by("alert-dismissed", 9)).await.unwrap();
    let noise = store.rule_noise(day(23), day(0), 10).await.unwrap();
    let told: Vec<_> = noise
        .iter()
        .map(|rule| (&*rule.rule_id, rule.alerts_short, rule.events_short, rule.alerts_long, rule.events_long))
        .collect();
    assert_eq!(told, [("loud", 1, 5, 2, 12), ("quiet", 1, 1, 1, 1)]);
    assert_eq!(noise[0].dismissed_long, 1);
}
