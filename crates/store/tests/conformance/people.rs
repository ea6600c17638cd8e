//! Accounts, sessions, lock-out, audit.

use domain::party::Role;
use store::{Error, LOCK_OUT_MINUTES, LOGIN_FAILURES_MAX, LoginOutcome, NewAccount, NewSession, Proof, Store};
use uuid::Uuid;

use crate::place::Place;
use crate::words::*;

fn account(name: &str) -> NewAccount {
    let (name, password_hash) = (name.to_owned(), "$argon2id$hash".to_owned());
    NewAccount { id: fresh_id(), name, password_hash, role: Role::Operator }
}

pub async fn made(store: &Store, name: &str) -> Uuid {
    let account = account(name);
    let id = account.id;
    store.create_account(account, audit("account-made", 0)).await.unwrap();
    id
}

pub fn session(token: &str, account: Uuid, from: i64, until: i64) -> NewSession {
    NewSession {
        token_hash: token.to_owned(),
        id: fresh_id(),
        account,
        csrf: "csrf".to_owned(),
        address: "192.0.2.7".to_owned(),
        device: "Firefox, Linux".to_owned(),
        proof: Proof::Password,
        created_at: at(from),
        expires_at: at(until),
        ends_at: at(until),
    }
}

pub async fn sessions_expire(place: &Place) {
    let store = place.open().await;
    let id = made(&store, "ana").await;
    store.create_session(session("one", id, 0, 1_000)).await.unwrap();
    store.create_session(session("two", id, 1, 2_000)).await.unwrap();
    let found = store.session("one", at(30)).await.unwrap().unwrap();
    assert_eq!((found.account.name.as_str(), found.csrf.as_str(), found.last_seen_at), ("ana", "csrf", at(0)));
    assert_eq!(store.session("none", at(30)).await.unwrap(), None);
    store.session("one", at(100)).await.unwrap().unwrap();
    assert_eq!(store.session("one", at(101)).await.unwrap().unwrap().last_seen_at, at(100));
    assert_eq!(store.session("one", at(1_000)).await.unwrap(), None);
    assert_eq!(store.sessions_of(id, at(1_000)).await.unwrap().len(), 1);
    store.extend_session("two", at(3_000)).await.unwrap();
    assert!(store.session("two", at(2_500)).await.unwrap().is_some());
    store.end_session("two").await.unwrap();
    store.end_session("two").await.unwrap();
    assert_eq!(store.session("two", at(2_500)).await.unwrap(), None);
    store.create_session(session("three", id, 1_500, 4_000)).await.unwrap();
    assert_eq!(place.texts("SELECT token_hash FROM session").await, vec!["three"], "expired ones are gone");
    store.set_password(id, "$argon2id$new", audit("password-set", 1_600)).await.unwrap();
    assert_eq!(store.session("three", at(1_601)).await.unwrap(), None, "a new password ends every session");
    assert_eq!(store.account(id).await.unwrap().unwrap().password_hash, "$argon2id$new");
}

pub async fn five_failures_lock(place: &Place) {
    let store = place.open().await;
    let id = made(&store, "ana").await;
    let fail = async |second| store.note_login(id, LoginOutcome::Failure, at(second)).await.unwrap();
    for second in 1..i64::from(LOGIN_FAILURES_MAX) {
        assert!(!fail(second).await.locked(at(second)));
    }
    store.note_login(id, LoginOutcome::Success, at(50)).await.unwrap();
    for second in 101..100 + i64::from(LOGIN_FAILURES_MAX) {
        assert!(!fail(second).await.locked(at(second)), "a success starts the count anew");
    }
    let locked = fail(200).await;
    let until = 200 + LOCK_OUT_MINUTES * 60;
    assert_eq!(locked.locked_until, Some(at(until)));
    assert_eq!(fail(300).await.locked_until, Some(at(until)), "trying while locked does not move the end");
    let right = store.note_login(id, LoginOutcome::Success, at(301)).await.unwrap();
    assert_eq!(right.locked_until, Some(at(until)), "a right password that comes behind the lock does not lift it");
    let again = fail(until + 1).await;
    assert_eq!((again.locked(at(until + 1)), again.failures), (false, 1), "afterwards the count starts anew");
    let account = store.account_by_name("ana").await.unwrap().unwrap();
    assert_eq!((account.last_login_at, account.failures), (Some(at(50)), 1));
}

pub async fn parallel_failures_are_all_counted(place: &Place) {
    let store = place.open().await;
    let id = made(&store, "ana").await;
    let attempts: Vec<_> = (0..LOGIN_FAILURES_MAX)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.note_login(id, LoginOutcome::Failure, at(1)).await.unwrap() })
        })
        .collect();
    for attempt in attempts {
        attempt.await.unwrap();
    }
    assert!(store.account(id).await.unwrap().unwrap().locked(at(2)));
}

pub async fn the_first_run_link_works_once(place: &Place) {
    let store = place.open().await;
    store.set_first_run_token("old", at(100)).await.unwrap();
    store.set_first_run_token("token", at(100)).await.unwrap();
    let attempt = async |token, name, second| {
        store.use_first_run(token, account(name), audit("first-run", second)).await.unwrap()
    };
    assert!(!attempt("old", "ana", 1).await);
    assert!(!attempt("token", "ana", 100).await, "expired");
    assert!(store.first_run_holds("token", at(99)).await.unwrap());
    let (one, two) = (store.clone(), store.clone());
    let one =
        tokio::spawn(async move { one.use_first_run("token", account("bo"), audit("first-run", 2)).await.unwrap() });
    let two =
        tokio::spawn(async move { two.use_first_run("token", account("cy"), audit("first-run", 2)).await.unwrap() });
    assert!(one.await.unwrap() != two.await.unwrap(), "exactly one account is made");
    assert_eq!(store.accounts().await.unwrap().len(), 1);
    assert!(!store.first_run_holds("token", at(3)).await.unwrap());
}

pub async fn a_name_is_taken_once(place: &Place) {
    let store = place.open().await;
    let id = made(&store, "ana").await;
    let twice = store.create_account(account("ana"), audit("account-made", 1)).await;
    assert!(matches!(twice, Err(Error::Exists { what: "account" })));
    assert_eq!(store.audit(None, 10).await.unwrap().len(), 1);
    store.set_account_role(id, Role::Admin, audit("role-set", 2)).await.unwrap();
    store.set_preferences(id, "{\"scheme\":\"dark\"}").await.unwrap();
    let account = store.account(id).await.unwrap().unwrap();
    assert_eq!((account.role, account.preferences.as_str()), (Role::Admin, "{\"scheme\":\"dark\"}"));
    assert!(matches!(store.set_preferences(fresh_id(), "{}").await, Err(Error::Missing { .. })));
}

pub async fn the_audit_pages_newest_first(place: &Place) {
    let store = place.open().await;
    for second in 0..5 {
        store.add_audit(audit(&format!("verb-{second}"), second)).await.unwrap();
    }
    let first = store.audit(None, 2).await.unwrap();
    let next = store.audit(first.last().map(|entry| entry.number), 10).await.unwrap();
    let verbs: Vec<&str> = first.iter().chain(&next).map(|entry| entry.verb.as_str()).collect();
    assert_eq!(verbs, vec!["verb-4", "verb-3", "verb-2", "verb-1", "verb-0"]);
    assert_eq!((next[0].at, next[0].actor.clone()), (at(2), person(Role::Admin)));
}

pub async fn a_disabled_account_has_no_session(place: &Place) {
    let store = place.open().await;
    let id = made(&store, "ana").await;
    store.create_session(session("one", id, 0, 1_000)).await.unwrap();
    store.disable_account(id, audit("account-disabled", 1)).await.unwrap();
    assert_eq!(store.session("one", at(2)).await.unwrap(), None);
    store.enable_account(id, audit("account-enabled", 3)).await.unwrap();
    assert_eq!(store.session("one", at(4)).await.unwrap(), None, "the old session stays ended");
    assert!(!store.account(id).await.unwrap().unwrap().disabled);
}
