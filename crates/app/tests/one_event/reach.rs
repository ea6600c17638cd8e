//! From a critical alert to a call: raised once, called once, over when somebody deals with it.

use app::{ShiftOrder, Told};
use domain::reach::{About, Channel, NoticeState};
use domain::telemetry::Level;

use super::*;

async fn on_duty(node: &Node) -> app::Session {
    let policy = Actor::Policy { name: "test".to_owned() };
    let password = "a sentence that nobody guesses";
    node.app.add_account(&policy, "ana", Role::Admin, password).await.unwrap().unwrap();
    let start = node.app.login("ana", password, &app::CameFrom::default()).await.unwrap().unwrap();
    let session = node.app.session(&start.token).await.unwrap().unwrap();
    node.app.set_channels(vec![Channel::Mail]);
    node.app.add_route(&session, session.account, Channel::Mail, "ana@hospital.example").await.unwrap();
    let order = ShiftOrder { person: session.account, deputies: vec![], from: None, until: None };
    node.app.add_shift(&session, order).await.unwrap();
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn raising_twice_is_once_and_the_second_is_told() {
    let node = node(HOSPITAL).await;
    on_duty(&node).await;
    assert!(node.app.raise_trouble("disk-filling", "", Level::Critical).await.unwrap());
    assert!(!node.app.raise_trouble("disk-filling", "", Level::Critical).await.unwrap());
    let calls = node.app.due_attempts().await.unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(node.app.due_attempts().await.unwrap(), calls, "a call that was not made yet is made again");
    assert_eq!(node.app.acknowledge_by_token(&calls[0].token).await.unwrap(), Told::First);
    let second = node.app.acknowledge_by_token(&calls[0].token).await.unwrap();
    assert!(matches!(second, Told::Already { by, .. } if by == "ana"));
    assert!(node.app.due_attempts().await.unwrap().is_empty());
    node.clock.turn(SignedDuration::from_hours(24));
    assert!(node.app.raise_trouble("disk-filling", "", Level::Critical).await.unwrap(), "told again on the next day");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_monthly_test_comes_at_ten_once_a_month() {
    let node = node(HOSPITAL).await;
    on_duty(&node).await;
    let tests = async || {
        node.app.raise_what_is_due().await.unwrap();
        let notices = node.app.notices(10).await.unwrap();
        notices.into_iter().filter(|notice| matches!(notice.about, About::MonthlyTest { .. })).collect::<Vec<_>>()
    };
    assert!(tests().await.is_empty(), "it is two at night");
    node.clock.turn(SignedDuration::from_hours(8));
    assert_eq!(tests().await.len(), 1, "a node that is set up in the middle of a month is tested");
    // the first of December, nine o'clock
    node.clock.turn(SignedDuration::from_hours(5 * 24 + 23));
    assert_eq!(tests().await.len(), 1);
    node.clock.turn(SignedDuration::from_hours(1));
    let both = tests().await;
    assert_eq!(both.len(), 2);
    assert_eq!(both[0].state, NoticeState::Open);
    assert!(matches!(both[1].state, NoticeState::Over { .. }), "last month's is not asked for any more");
    let attention = node.app.attention().await.unwrap();
    assert!(attention.items.iter().any(|item| matches!(&item.what, app::What::Notice(one) if one.id == both[0].id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_critical_rule_on_two_machines_calls_once_until_somebody_deals_with_it() {
    let hospital = node(HOSPITAL).await;
    on_duty(&hospital).await;
    hospital.app.reload_rules(vec![RuleText {
        path: "critical.yml".into(),
        text: RULE.replace("level: high", "level: critical"),
        origin: RuleOrigin::Local,
        mark: None,
    }]);
    log(&hospital, vec![veeam_line("vbr01", "x"), veeam_line("vbr02", "x")]).await;
    let cards = hospital.app.today().await.unwrap().cards;
    assert_eq!(cards.len(), 2, "two machines, two alerts");
    for _ in 0..2 {
        hospital.app.raise_what_is_due().await.unwrap();
    }
    let calls = hospital.app.due_attempts().await.unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].notice.title.as_str(), calls[0].notice.level), ("Backup job deleted", Level::Critical));
    for card in &cards {
        let notice = hospital.app.notice_of_alert(card).await.unwrap().unwrap();
        assert_eq!(notice.notice.id, calls[0].notice.id, "each alert's page shows who was called");
        hospital.app.dismiss_alert(&admin(), card.id).await.unwrap();
    }
    hospital.app.raise_what_is_due().await.unwrap();
    let notice = hospital.app.notice(calls[0].notice.id).await.unwrap();
    assert!(matches!(notice.notice.state, NoticeState::Over { .. }));
    assert!(hospital.app.due_attempts().await.unwrap().is_empty());
}
