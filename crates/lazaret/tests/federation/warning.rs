//! The life of a warning that people make: it reaches everyone, changes everywhere, and leaves everywhere.

use domain::marking::Marking;
use domain::party::Role;
use domain::release::{Basis, OutsideSource, WarningContent, WithdrawalReason};
use domain::telemetry::{Indicator, Level, ObservableKind};
use testkit::until::until;

use crate::fixture::{Federation, HOSPITALS};

pub fn content(values: &[&str]) -> WarningContent {
    let indicator = |value: &&str| Indicator {
        kind: ObservableKind::DomainName,
        value: (*value).to_owned(),
        origin: "mail".to_owned(),
    };
    WarningContent {
        title: "A vendor names two addresses".to_owned(),
        summary: "A vendor's advisory.".to_owned(),
        advice: "Look for these names.".to_owned(),
        level: Level::High,
        family: String::new(),
        suppliers: vec![],
        products: vec![],
        countries: vec![],
        indicators: values.iter().map(indicator).collect(),
        rules: vec![],
        basis: Basis::OneSource { source: OutsideSource::Advisory },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn update_and_withdrawal_reach_everyone_and_leave_the_engine() {
    let federation = Federation::start(|_, _| ()).await;
    let union = federation.app("union");
    let ana = federation.person("union", "ana", Role::Operator).await;
    let ben = federation.person("union", "ben", Role::Approver).await;
    let first = content(&["bad-one.example"]);
    let id = union.propose_warning(&ana, first, OutsideSource::Advisory, Marking::COMMUNITY).await.unwrap();
    assert!(union.approve_warning(&ana, id).await.is_err(), "the proposer does not approve");
    union.approve_warning(&ben, id).await.unwrap();
    for hospital in HOSPITALS {
        federation.card(hospital, "version 1", |card| card.version == 1).await;
    }
    federation.browser_asks("ro-1", "PC1", "bad-one.example").await;
    until("the first value fires", || async { federation.alerts("ro-1").await.pop() }).await;

    union.update_warning(&ana, id, content(&["bad-one.example", "bad-two.example"])).await.unwrap();
    union.approve_warning(&ben, id).await.unwrap();
    for hospital in HOSPITALS {
        federation.card(hospital, "version 2", |card| card.version == 2).await;
    }
    federation.browser_asks("fr-1", "PC2", "bad-two.example").await;
    until("the second value fires in the other country", || async { federation.alerts("fr-1").await.pop() }).await;

    union.withdraw_warning(&ben, id, WithdrawalReason::FalseAlarm).await.unwrap();
    for hospital in HOSPITALS {
        federation.card(hospital, "withdrawn", |card| card.state == app::ReceivedState::Withdrawn).await;
    }
    let before = federation.alerts("ro-2").await.len();
    federation.browser_asks("ro-2", "PC3", "bad-two.example").await;
    federation.helper_asks("ro-2", "PC4", "other.example").await;
    // the second event is behind the first: once it has fired, the first has been looked at
    let alerts = until("the event behind it is scanned", || async {
        let alerts = federation.alerts("ro-2").await;
        (alerts.len() > before).then_some(alerts)
    })
    .await;
    assert_eq!(alerts.len(), before + 1, "a withdrawn value fires no more: {alerts:?}");
    federation.end().await;
}
