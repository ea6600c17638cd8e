//! One attack that shows through several rule families is one card at a hospital.

use super::visible::warned;
use super::*;

const OTHER_FAMILY: &str = "
title: Backup server's console failed
id: 6a1de1b0-2b7f-4d0a-9a52-000000000002
status: stable
date: 2026-01-01
logsource: {product: veeam, service: backup}
detection:
    failed: {instanceId: '41600'}
    condition: failed
level: high
lazaret.family: console-abused
lazaret.concerns: [backup]
lazaret.action: Look at who logged on.
";

async fn hospital(hub: &Node) -> (Node, Member) {
    let hospital = node(HOSPITAL).await;
    let member = enrol(hub, &hospital, MemberRole::Hospital).await;
    uses_veeam(&hospital, Answer::Used).await;
    let rule = |path: &str, text: &str| RuleText {
        path: path.to_owned(),
        text: text.to_owned(),
        origin: RuleOrigin::BuiltIn,
        mark: None,
    };
    hospital.app.reload_rules(vec![rule("rule.yml", RULE), rule("other.yml", OTHER_FAMILY)]);
    (hospital, member)
}

fn other_line(host: &str) -> Bytes {
    let line = String::from_utf8(veeam_line(host, "x").to_vec()).unwrap();
    Bytes::from(line.replace("instanceId=23090", "instanceId=41600"))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_attack_through_two_rule_families_is_one_card() {
    let hub = node(Setting { approval: Approval::SharedIndicatorOrSupplier, ..NATIONAL }).await;
    // an earlier warning about something else joins nothing
    warned(&hub).await;
    let (one, m1) = hospital(&hub).await;
    let (two, m2) = hospital(&hub).await;
    let (three, m3) = hospital(&hub).await;
    for (hospital, member) in [(&one, &m1), (&two, &m2)] {
        log(hospital, vec![veeam_line("vbr01", "x")]).await;
        push(&hub, hospital, member).await;
        hub.clock.turn(SignedDuration::from_hours(1));
    }
    for (hospital, member) in [(&one, &m1), (&two, &m2)] {
        log(hospital, vec![other_line("vbr01")]).await;
        push(&hub, hospital, member).await;
    }
    let query = RecordQuery { limit: 10, ..RecordQuery::default() };
    let warnings = hub.app.warnings(query).await.unwrap().items;
    assert_eq!(warnings.len(), 3, "each family has its own evidence and approval");
    assert!(warnings.iter().all(|row| row.warning.stage == Stage::Sent));
    assert_eq!(warnings[0].warning.cluster, warnings[1].warning.cluster, "and both are one attack");
    assert_ne!(warnings[1].warning.cluster, warnings[2].warning.cluster);
    let view = hub.app.warning(warnings[0].id).await.unwrap();
    assert_eq!(view.others.iter().map(|other| other.id).collect::<Vec<_>>(), [warnings[1].id]);

    pull(&hub, &three, &m3).await;
    let cards = three.app.received().await.unwrap();
    assert_eq!(cards.len(), 2, "the attack, and the earlier warning");
    let card = cards.iter().find(|card| card.cluster == warnings[0].warning.cluster).unwrap();
    assert_eq!(three.app.received_one(card.release).await.unwrap().others.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_hospitals_or_another_time_are_another_attack() {
    let hub = node(Setting { approval: Approval::SharedIndicatorOrSupplier, ..NATIONAL }).await;
    let mut hospitals = Vec::new();
    for _ in 0..4 {
        hospitals.push(hospital(&hub).await);
    }
    for (hospital, member) in &hospitals[..2] {
        log(hospital, vec![veeam_line("vbr01", "x")]).await;
        push(&hub, hospital, member).await;
    }
    for (hospital, member) in &hospitals[1..3] {
        log(hospital, vec![other_line("vbr01")]).await;
        push(&hub, hospital, member).await;
    }
    let query = RecordQuery { limit: 10, ..RecordQuery::default() };
    let warnings = hub.app.warnings(query).await.unwrap().items;
    assert_eq!(warnings.len(), 2);
    assert_ne!(warnings[0].warning.cluster, warnings[1].warning.cluster, "one hospital in both is too few");
}
