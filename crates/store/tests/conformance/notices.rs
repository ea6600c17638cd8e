//! Routes and shifts, notices that are raised and acknowledged once, and calls with how they stand.

use domain::reach::{
    About, Acknowledged, Attempt, AttemptState, Channel, How, Notice, NoticeState, Quiet, Route, Shift,
};
use domain::telemetry::Level;
use store::{AcknowledgeOutcome, AttemptEnd, Error, NewAttempt, Store};
use uuid::Uuid;

use crate::place::Place;
use crate::words::*;

fn notice(release: u128, level: Level, second: i64) -> Notice {
    Notice {
        id: fresh_id(),
        about: About::Hit { release: Uuid::from_u128(release) },
        level,
        title: "A title".to_owned(),
        drill: false,
        raised_at: at(second),
        state: NoticeState::Open,
    }
}

fn call(notice: Uuid, number: u128, code: &str) -> NewAttempt {
    let attempt = Attempt {
        id: Uuid::from_u128(number),
        notice,
        person: Uuid::from_u128(7),
        route: Uuid::from_u128(70),
        channel: Channel::Mail,
        address: "ana@hospital.example".to_owned(),
        state: AttemptState::Waiting,
        due_at: at(1),
        done_at: None,
        latency_ms: None,
        reason: String::new(),
    };
    NewAttempt { attempt, token_hash: format!("hash-{number}"), code: code.to_owned() }
}

fn said(by: u128, second: i64) -> Acknowledged {
    Acknowledged { by: Uuid::from_u128(by), at: at(second), how: How::Link }
}

async fn account(store: &Store, name: &str) -> Uuid {
    let (id, name, password_hash) = (fresh_id(), name.to_owned(), "hash".to_owned());
    let role = domain::party::Role::Operator;
    let account = store::NewAccount { id, name, password_hash, role };
    store.create_account(account, audit("account-added", 0)).await.unwrap();
    id
}

pub async fn a_notice_is_raised_once(place: &Place) {
    let store = place.open().await;
    let (low, grave) = (notice(1, Level::Medium, 0), notice(2, Level::Critical, 5));
    assert!(store.raise_notice(&low).await.unwrap());
    assert!(store.raise_notice(&grave).await.unwrap());
    assert!(!store.raise_notice(&Notice { id: fresh_id(), ..low.clone() }).await.unwrap());
    assert_eq!(store.open_notices(10).await.unwrap(), vec![grave.clone(), low.clone()]);
    assert_eq!(store.notice(low.id).await.unwrap(), Some(low.clone()));
    assert_eq!(store.notice_about(&grave.about).await.unwrap(), Some(grave));
    assert_eq!(store.notice(fresh_id()).await.unwrap(), None);
}

pub async fn the_first_acknowledgement_counts(place: &Place) {
    let store = place.open().await;
    let notice = notice(1, Level::Critical, 0);
    store.raise_notice(&notice).await.unwrap();
    store.add_attempts(vec![call(notice.id, 1, "111111"), call(notice.id, 2, "222222")]).await.unwrap();
    let sent = AttemptEnd { state: AttemptState::Sent, at: at(2), latency_ms: 40, reason: String::new() };
    store.end_attempt(Uuid::from_u128(1), sent).await.unwrap();
    let both: Vec<_> = [7, 8]
        .map(|by| {
            let store = store.clone();
            let answered = (by == 7).then_some(Uuid::from_u128(1));
            tokio::spawn(async move {
                let line = audit("notice-acknowledged", 10);
                store.acknowledge_notice(notice.id, said(by, 10), answered, line).await.unwrap()
            })
        })
        .into_iter()
        .collect();
    let mut outcomes = Vec::new();
    for one in both {
        outcomes.push(one.await.unwrap());
    }
    let firsts = outcomes.iter().filter(|outcome| **outcome == AcknowledgeOutcome::First).count();
    assert_eq!(firsts, 1, "{outcomes:?}");
    let Some(NoticeState::Acknowledged(first)) = store.notice(notice.id).await.unwrap().map(|one| one.state) else {
        panic!("it is acknowledged")
    };
    assert!(outcomes.contains(&AcknowledgeOutcome::Already(first.clone())), "the second learns who was first");
    assert_eq!(store.audit(None, 10).await.unwrap().len(), 1, "one fact");
    assert!(store.open_notices(10).await.unwrap().is_empty());
    let states: Vec<_> = store.attempts(notice.id).await.unwrap().iter().map(|one| one.attempt.state).collect();
    let answered = if first.by == Uuid::from_u128(7) { AttemptState::Acknowledged } else { AttemptState::Sent };
    assert_eq!(states, vec![answered, AttemptState::Dropped]);
    let nobody = store.acknowledge_notice(fresh_id(), said(7, 1), None, audit("x", 1)).await;
    assert!(matches!(nobody, Err(Error::Missing { .. })));
}

pub async fn calls_are_kept_with_how_they_stand(place: &Place) {
    let store = place.open().await;
    let notice = notice(1, Level::Critical, 0);
    store.raise_notice(&notice).await.unwrap();
    store.add_attempts(vec![call(notice.id, 1, "111111"), call(notice.id, 2, "222222")]).await.unwrap();
    assert_eq!(store.waiting_attempts(&[notice.id]).await.unwrap().len(), 2);
    assert!(store.waiting_attempts(&[]).await.unwrap().is_empty());
    let reason = "connection refused".to_owned();
    let failed = AttemptEnd { state: AttemptState::Failed, at: at(3), latency_ms: 12, reason: reason.clone() };
    store.end_attempt(Uuid::from_u128(1), failed).await.unwrap();
    let calls = store.attempts(notice.id).await.unwrap();
    let first = &calls[0].attempt;
    assert_eq!((first.state, first.done_at, first.latency_ms), (AttemptState::Failed, Some(at(3)), Some(12)));
    assert_eq!((first.reason.as_str(), first.channel, calls[1].code.as_str()), (&*reason, Channel::Mail, "222222"));
    assert_eq!(store.waiting_attempts(&[notice.id]).await.unwrap(), vec![calls[1].clone()]);
    assert_eq!(store.attempt_by_token("hash-2").await.unwrap(), Some(calls[1].clone()));
    assert_eq!(store.attempt_by_token("hash-3").await.unwrap(), None);
    assert_eq!(store.attempts_by_code("222222").await.unwrap(), vec![calls[1].clone()]);
}

pub async fn what_is_over_takes_no_calls(place: &Place) {
    let store = place.open().await;
    let notice = notice(1, Level::Critical, 0);
    store.raise_notice(&notice).await.unwrap();
    store.add_attempts(vec![call(notice.id, 1, "111111")]).await.unwrap();
    store.end_notice(notice.id, at(9)).await.unwrap();
    store.add_attempts(vec![call(notice.id, 2, "222222")]).await.unwrap();
    let calls = store.attempts(notice.id).await.unwrap();
    assert_eq!(calls.iter().map(|one| one.attempt.state).collect::<Vec<_>>(), vec![AttemptState::Dropped]);
    let late = store.acknowledge_notice(notice.id, said(7, 10), None, audit("x", 10)).await.unwrap();
    assert_eq!(late, AcknowledgeOutcome::Over);
    assert_eq!(store.notice(notice.id).await.unwrap().unwrap().state, NoticeState::Over { at: at(9) });
}

pub async fn a_rota_keeps_its_order(place: &Place) {
    let store = place.open().await;
    let (ana, bo) = (account(&store, "ana").await, account(&store, "bo").await);
    let route = |number: u128, channel, address: &str| Route {
        id: Uuid::from_u128(number),
        channel,
        address: address.to_owned(),
    };
    let (mail, modem) = (route(1, Channel::Mail, "ana@a.example"), route(2, Channel::Modem, "+40721000111"));
    store.add_route(ana, mail.clone(), audit("route-added", 1)).await.unwrap();
    store.add_route(ana, modem.clone(), audit("route-added", 2)).await.unwrap();
    store.put_route_first(modem.id, audit("route-first", 3)).await.unwrap();
    let quiet = Quiet { from_minute: 1320, to_minute: 420, below: Level::High };
    store.set_quiet(ana, Some(quiet), audit("quiet-set", 4)).await.unwrap();
    let people = store.reachable().await.unwrap();
    assert_eq!(people[0].routes, vec![modem.clone(), mail.clone()]);
    assert_eq!((people[0].quiet, people[1].account, people[1].routes.len()), (Some(quiet), bo, 0));
    let shift = |number: u128, person, from, until: Option<i64>| Shift {
        id: Uuid::from_u128(number),
        person,
        deputies: vec![bo],
        from: at(from),
        until: until.map(at),
    };
    let (early, late) = (shift(10, ana, 0, Some(100)), shift(11, bo, 50, None));
    store.add_shift(late.clone(), audit("shift-added", 5)).await.unwrap();
    store.add_shift(early.clone(), audit("shift-added", 6)).await.unwrap();
    assert_eq!(store.shifts(at(10)).await.unwrap(), vec![early, late.clone()]);
    assert_eq!(store.shifts(at(100)).await.unwrap(), vec![late.clone()], "what has ended is left out");
    store.remove_shift(late.id, audit("shift-removed", 7)).await.unwrap();
    store.remove_route(modem.id, audit("route-removed", 8)).await.unwrap();
    store.set_quiet(ana, None, audit("quiet-set", 9)).await.unwrap();
    store.disable_account(bo, audit("account-disabled", 10)).await.unwrap();
    let people = store.reachable().await.unwrap();
    assert_eq!((people.len(), people[0].routes.clone(), people[0].quiet), (1, vec![mail], None));
    let twice = store.remove_route(modem.id, audit("route-removed", 11)).await;
    assert!(matches!(twice, Err(Error::Missing { .. })));
    let stranger = store.add_route(fresh_id(), modem, audit("route-added", 12)).await;
    assert!(matches!(stranger, Err(Error::Missing { what: "account" })));
}

pub async fn old_notices_go_with_their_calls(place: &Place) {
    let store = place.open().await;
    let (old, open) = (notice(1, Level::High, 0), notice(2, Level::High, 0));
    for notice in [&old, &open] {
        store.raise_notice(notice).await.unwrap();
    }
    store.add_attempts(vec![call(old.id, 1, "111111"), call(open.id, 2, "222222")]).await.unwrap();
    store.end_notice(old.id, at(5)).await.unwrap();
    assert_eq!(store.retain_notices(at(5)).await.unwrap(), 0);
    assert_eq!(store.retain_notices(at(6)).await.unwrap(), 1);
    assert_eq!(store.notices(10).await.unwrap(), vec![open.clone()]);
    assert!(store.attempts(old.id).await.unwrap().is_empty());
    assert_eq!(store.attempts(open.id).await.unwrap().len(), 1);
}
