//! What the federation shows of itself: how far a warning came, what a hub did not take, members' clocks and losses.

use app::link::{ItemOutcome, Receipt};
use app::{DeliveryState, What};

use super::*;

/// A warning on one address, approved and in the published log.
pub async fn warned(hub: &Node) -> domain::record::RecordId {
    let (source, marking) = (domain::release::OutsideSource::Phone, domain::marking::Marking::COMMUNITY);
    let id = hub.app.propose_warning(&admin(), phoned("198.51.100.77"), source, marking).await.unwrap();
    hub.app.approve_warning(&second_pair_of_eyes(), id).await.unwrap();
    id
}

pub async fn tasks(node: &Node) -> Vec<What> {
    node.app.attention().await.unwrap().items.into_iter().map(|item| item.what).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_sent_received_and_answered_and_says_how_long_it_took_by_the_hubs_clock() {
    let (hub, hospital) = (node(NATIONAL).await, node(HOSPITAL).await);
    let member = enrol(&hub, &hospital, MemberRole::Hospital).await;
    hospital.clock.turn(SignedDuration::from_hours(-50));
    let id = warned(&hub).await;
    let state = async || {
        let view = hub.app.warning(id).await.unwrap();
        let (delivery, _) = view.deliveries.first().cloned()?;
        Some((delivery.state, delivery.latency_ms, view.reach.sent, view.reach.received))
    };
    assert_eq!(state().await, None);
    let page = hub.app.stream_page(&member, 0).await.unwrap();
    hub.app.note_sent(&member, &page.releases).await.unwrap();
    assert_eq!(state().await, Some((DeliveryState::Sent, None, 1, 0)));
    hospital.app.take_release(page.items[0].clone()).await.unwrap();
    hub.clock.turn(SignedDuration::from_millis(1_250));
    hub.app.acknowledge(&member, page.items[0].position).await.unwrap();
    assert_eq!(state().await, Some((DeliveryState::Received, Some(1_250), 1, 1)));
    hub.clock.turn(SignedDuration::from_mins(3));
    push(&hub, &hospital, &member).await;
    let answered = Some((DeliveryState::Verdict(Verdict::CannotTell), Some(1_250), 1, 1));
    assert_eq!(state().await, answered, "when it had the warning is what took so long, not when it answered");
    hub.app.note_sent(&member, &page.releases).await.unwrap();
    assert_eq!(state().await, answered);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_overtakes_the_confirmation_says_how_long_it_took_too() {
    let (hub, hospital) = (node(NATIONAL).await, node(HOSPITAL).await);
    let member = enrol(&hub, &hospital, MemberRole::Hospital).await;
    let id = warned(&hub).await;
    let page = hub.app.stream_page(&member, 0).await.unwrap();
    hospital.app.take_release(page.items[0].clone()).await.unwrap();
    hub.clock.turn(SignedDuration::from_millis(900));
    push(&hub, &hospital, &member).await;
    hub.clock.turn(SignedDuration::from_secs(9));
    hub.app.acknowledge(&member, page.end).await.unwrap();
    let (delivery, _) = hub.app.warning(id).await.unwrap().deliveries.remove(0);
    assert_eq!((delivery.state, delivery.latency_ms), (DeliveryState::Verdict(Verdict::CannotTell), Some(900)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_did_not_take_is_not_shown_as_sent() {
    let (hub, hospital) = (node(NATIONAL).await, node(HOSPITAL).await);
    let member = enrol(&hub, &hospital, MemberRole::Hospital).await;
    log(&hospital, vec![veeam_line("vbr01", "x")]).await;
    let waiting = hospital.app.next_push().await.unwrap().unwrap();
    let elsewhere = Receipt {
        format: 1,
        epoch: waiting.epoch,
        outcomes: vec![ItemOutcome { position: waiting.items[0].position + 1, result: ItemResult::New }],
    };
    hospital.app.push_confirmed(&waiting, &elsewhere).await.unwrap();
    assert_eq!(hospital.app.next_push().await.unwrap().unwrap().items, waiting.items, "an answer about other items");
    let abroad = Member { country: "FR".to_owned(), ..member };
    push(&hub, &hospital, &abroad).await;
    let sharing = hospital.app.sharing().await.unwrap();
    assert!(sharing.sent.is_empty() && sharing.next.is_empty());
    let why = sharing.not_taken[0].item.not_taken.clone();
    assert!(matches!(&why, Some(app::NotTaken::Refused { why }) if why.contains("FR")), "{why:?}");
    assert!(hospital.app.next_push().await.unwrap().is_none(), "it is not sent again");
    let told = |what: &What| matches!(what, What::NotTaken { items: 1, why: Some(why) } if why.contains("FR"));
    assert!(tasks(&hospital).await.iter().any(told), "somebody is told");
    hospital.clock.turn(SignedDuration::from_hours(24 * 8));
    assert!(!tasks(&hospital).await.iter().any(told), "for a week");
    assert_eq!(hospital.app.sharing().await.unwrap().not_taken.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_visible_at_both_ends() {
    let (hub, hospital) = (node(NATIONAL).await, node(HOSPITAL).await);
    let member = enrol(&hub, &hospital, MemberRole::Hospital).await;
    log(&hospital, vec![veeam_line("vbr01", "x")]).await;
    let mut forged = hospital.app.next_push().await.unwrap().unwrap();
    forged.items[0].body.push(b' ');
    use sha2::Digest;
    forged.items[0].hash = domain::record::hex(&sha2::Sha256::digest(&forged.items[0].body));
    hub.app.receive_push(&member, forged).await.unwrap();
    assert_eq!(push(&hub, &hospital, &member).await, [ItemResult::Conflict]);
    let sharing = hospital.app.sharing().await.unwrap();
    assert_eq!(sharing.not_taken[0].item.not_taken, Some(app::NotTaken::Conflict));
    assert!(tasks(&hospital).await.iter().any(|what| matches!(what, What::NotTaken { items: 1, why: None })));
    assert_eq!(hub.app.conflicts().await.unwrap()[0].origin, member.node);
    assert!(tasks(&hub).await.iter().any(|what| matches!(what, What::Conflict { items: 1, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_members_clock_a_day_off_is_counted_and_shown_and_the_next_push_works() {
    let (hub, hospital) = (node(NATIONAL).await, node(HOSPITAL).await);
    let member = enrol(&hub, &hospital, MemberRole::Hospital).await;
    let off = async || {
        let member = hub.app.members().await.unwrap().remove(0);
        app::clock_off(&member)
    };
    let wrong = async || tasks(&hub).await.into_iter().any(|what| matches!(what, What::MemberClock { .. }));
    let counted = || hub.app.metrics().get("lazaret_members_clock_off_total", "");
    hospital.clock.turn(SignedDuration::from_mins(-2));
    log(&hospital, vec![veeam_line("vbr01", "x")]).await;
    assert_eq!(push(&hub, &hospital, &member).await, [ItemResult::New]);
    assert_eq!(off().await, None, "two minutes are the network's");
    hospital.clock.turn(SignedDuration::from_mins(-5));
    log(&hospital, vec![veeam_line("vbr02", "x")]).await;
    push(&hub, &hospital, &member).await;
    assert_eq!((off().await, wrong().await), (Some(SignedDuration::from_mins(7)), false));
    hospital.clock.turn(SignedDuration::from_hours(25));
    log(&hospital, vec![veeam_line("vbr03", "x")]).await;
    assert_eq!(push(&hub, &hospital, &member).await, [ItemResult::New], "it is taken all the same");
    assert_eq!(off().await, Some(SignedDuration::from_mins(7) - SignedDuration::from_hours(25)));
    assert!(wrong().await && counted() == 1.0);
    hospital.clock.turn(SignedDuration::from_hours(-25) + SignedDuration::from_mins(7));
    log(&hospital, vec![veeam_line("vbr04", "x")]).await;
    assert_eq!(push(&hub, &hospital, &member).await, [ItemResult::New]);
    assert_eq!((off().await, wrong().await, counted()), (None, false, 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_member_dropped_is_counted_once_however_often_it_is_told() {
    let (hub, hospital) = (node(NATIONAL).await, node(HOSPITAL).await);
    let member = enrol(&hub, &hospital, MemberRole::Hospital).await;
    let now = hub.app.now();
    let gap = |dropped| app::link::OutboxGap { id: 4, dropped, from: now, to: now };
    for (dropped, counted) in [(7, 7.0), (7, 7.0), (9, 9.0)] {
        let push = Push { format: 1, epoch: 1, sent_at: now, items: vec![], gaps: vec![gap(dropped)] };
        hub.app.receive_push(&member, push).await.unwrap();
        assert_eq!(hub.app.metrics().get("lazaret_members_dropped_total", ""), counted);
    }
    let gaps = hub.app.member_gaps(now).await.unwrap();
    assert_eq!((gaps.len(), gaps[0].dropped, &gaps[0].member), (1, 9, &member.node));
    assert!(tasks(&hub).await.iter().any(|what| matches!(what, What::MemberDropped { dropped: 9, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_clock_is_a_day_off_is_counted_at_its_source_and_the_next_one_works() {
    let hospital = node(HOSPITAL).await;
    let now = hospital.app.now();
    let line = |host: &str, hours: i64| {
        let line = String::from_utf8(veeam_line(host, "x").to_vec()).unwrap();
        let own = (now + SignedDuration::from_hours(hours)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        Bytes::from(line.replace("2026-11-25T01:59:00Z", &own))
    };
    log(&hospital, vec![line("behind", -25), line("ahead", 25), line("right", -1)]).await;
    let source = hospital.app.sources().await.unwrap().remove(0);
    assert_eq!((source.scanned, source.flagged), (3, 2), "its page counts them");
    assert_eq!(hospital.app.metrics().get("lazaret_events_flagged_total", ""), 2.0);
    let alerts = hospital.app.alerts(app::AlertQuery { limit: 10, ..Default::default() }).await.unwrap().items;
    let time_of = |host: &str| alerts.iter().find(|alert| alert.host == host).map(|alert| alert.last_at);
    assert_eq!(time_of("behind"), Some(now), "its own time is not believed, the received time is used");
    assert_eq!(time_of("ahead"), Some(now));
    assert_eq!(time_of("right"), Some(now - SignedDuration::from_hours(1)));
}
