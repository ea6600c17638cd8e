//! What a hub's published log keeps for whom, and what an analyst of a hub sees of what came from above.

use app::What;

use super::visible::{tasks, warned};
use super::*;

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_forgets_what_all_have_read_waits_for_who_is_there_and_tells_who_was_away() {
    let hub = node(NATIONAL).await;
    let (reads, slow, away) = (node(HOSPITAL).await, node(HOSPITAL).await, node(HOSPITAL).await);
    let m_reads = enrol(&hub, &reads, MemberRole::Hospital).await;
    let m_slow = enrol(&hub, &slow, MemberRole::Hospital).await;
    let m_away = enrol(&hub, &away, MemberRole::Hospital).await;
    warned(&hub).await;
    for (hospital, member) in [(&reads, &m_reads), (&slow, &m_slow), (&away, &m_away)] {
        assert_eq!(pull(&hub, hospital, member).await.len(), 1);
    }
    let second = phoned("198.51.100.9");
    let (source, marking) = (domain::release::OutsideSource::Mail, domain::marking::Marking::COMMUNITY);
    let id = hub.app.propose_warning(&admin(), second, source, marking).await.unwrap();
    hub.app.approve_warning(&second_pair_of_eyes(), id).await.unwrap();
    pull(&hub, &reads, &m_reads).await;

    hub.clock.turn(days(399));
    // this one is there and pushes, but its way down is cut
    log(&slow, vec![veeam_line("vbr01", "x")]).await;
    push(&hub, &slow, &m_slow).await;
    assert_eq!(hub.app.retain_published().await.unwrap(), 0, "nothing is older than it is kept");
    hub.clock.turn(days(2));
    hub.app.acknowledge(&m_reads, 2).await.unwrap();
    assert_eq!(hub.app.retain_published().await.unwrap(), 1, "the second waits for the one that is there");
    assert_eq!(pull(&hub, &slow, &m_slow).await.len(), 1);
    assert_eq!(hub.app.retain_published().await.unwrap(), 1, "it does not wait for the one that was away too long");

    let third = hub.app.propose_warning(&admin(), phoned("198.51.100.8"), source, marking).await.unwrap();
    hub.app.approve_warning(&second_pair_of_eyes(), third).await.unwrap();
    away.clock.turn(days(401));
    let page = hub.app.stream_page(&m_away, away.app.down_cursor().await.unwrap()).await.unwrap();
    let gap = page.gap.unwrap();
    assert_eq!((gap.from, gap.to), (2, 2));
    away.app.note_gap(gap).await.unwrap();
    assert!(tasks(&away).await.iter().any(|what| matches!(what, What::MissedAtHub(1))), "and it says so");
    assert_eq!(pull(&hub, &away, &m_away).await.len(), 1, "and goes on with what is there");

    let new = node(HOSPITAL).await;
    let m_new = enrol(&hub, &new, MemberRole::Hospital).await;
    new.app.note_gap(hub.app.stream_page(&m_new, 0).await.unwrap().gap.unwrap()).await.unwrap();
    assert!(!tasks(&new).await.iter().any(|what| matches!(what, What::MissedAtHub(_))), "it was no member then");
    assert_eq!(pull(&hub, &new, &m_new).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analyst_sees_what_came_from_above_and_how_far_it_came_below() {
    let (union, national, hospital) = (node(UNION).await, node(NATIONAL).await, node(HOSPITAL).await);
    let as_national = enrol(&union, &national, MemberRole::National).await;
    let member = enrol(&national, &hospital, MemberRole::Hospital).await;
    let id = warned(&union).await;
    pull(&union, &national, &as_national).await;
    assert_eq!(national.app.received().await.unwrap().len(), 1);
    let view = national.app.above(id.0).await.unwrap();
    assert!(view.passed_on && view.others.is_empty());
    assert_eq!((view.warning.version, view.reach.members, view.reach.received), (1, 1, 0));
    pull(&national, &hospital, &member).await;
    push(&national, &hospital, &member).await;
    let view = national.app.above(id.0).await.unwrap();
    assert_eq!((view.reach.received, view.reach.cannot_tell), (1, 1));
    assert_eq!(view.deliveries[0].1, hospital.app.name());
    union.app.withdraw_warning(&admin(), id, WithdrawalReason::Over).await.unwrap();
    pull(&union, &national, &as_national).await;
    let view = national.app.above(id.0).await.unwrap();
    assert_eq!((view.warning.version, view.warning.state), (2, ReceivedState::Withdrawn));
    assert!(view.passed_on, "so that members take it out too");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_map_counts_hours_and_knows_when_the_newest_sighting_came() {
    let (hub, hospital) = (node(NATIONAL).await, node(HOSPITAL).await);
    let member = enrol(&hub, &hospital, MemberRole::Hospital).await;
    assert_eq!(hub.app.newest_sighting().await.unwrap(), None);
    let then = hub.app.now();
    log(&hospital, vec![veeam_line("vbr01", "x")]).await;
    push(&hub, &hospital, &member).await;
    hub.clock.turn(days(3));
    assert_eq!(hub.app.newest_sighting().await.unwrap(), Some(then));
    let hour = SignedDuration::from_hours(1);
    assert_eq!(hub.app.map(then - hour, then + hour).await.unwrap().len(), 1);
    assert!(hub.app.map(then - hour, then).await.unwrap().is_empty(), "hours end");
    assert!(hub.app.map(hub.app.now() - hour, hub.app.now()).await.unwrap().is_empty());
}
