//! Log-in: sessions and their ends, the audit that can be asked, tickets, second factors, the printed code.

use domain::party::{Actor, Role};
use store::{AuditQuery, Error, NewAccount, NewPasskey, NewTicket, Proof, Store, TICKETS_MAX, Totp};
use uuid::Uuid;

use crate::people::{made, session};
use crate::place::Place;
use crate::words::*;

pub async fn a_session_is_ended_by_its_owner(place: &Place) {
    let store = place.open().await;
    let (ana, bo) = (made(&store, "ana").await, made(&store, "bo").await);
    for token in ["one", "two", "three"] {
        store.create_session(session(token, ana, 0, 1_000)).await.unwrap();
    }
    let one = store.session("one", at(1)).await.unwrap().unwrap();
    assert_eq!(
        (one.address.as_str(), one.device.as_str(), one.proof),
        ("192.0.2.7", "Firefox, Linux", Proof::Password)
    );
    assert!(!store.end_session_of(bo, one.id, audit("session-ended", 2)).await.unwrap(), "not bo's");
    assert!(store.end_session_of(ana, one.id, audit("session-ended", 3)).await.unwrap());
    assert_eq!(store.session("one", at(4)).await.unwrap(), None);
    let two = store.session("two", at(4)).await.unwrap().unwrap();
    assert_eq!(store.end_other_sessions(ana, Some(two.id), audit("sessions-ended", 5)).await.unwrap(), 1);
    assert_eq!(store.end_other_sessions(ana, Some(two.id), audit("sessions-ended", 6)).await.unwrap(), 0);
    let left = store.sessions_of(ana, at(7)).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), vec![two.id]);
    assert_eq!(store.end_other_sessions(ana, None, audit("sessions-ended", 8)).await.unwrap(), 1);
    let verbs: Vec<String> = store.audit(None, 10).await.unwrap().into_iter().map(|entry| entry.verb).collect();
    assert_eq!(
        verbs[..3],
        ["sessions-ended", "sessions-ended", "session-ended"],
        "one line for each that did something"
    );
}

pub async fn the_audit_is_asked(place: &Place) {
    let store = place.open().await;
    let ana = fresh_id();
    let by_ana = Actor::Person { account: ana, role: Role::Admin };
    let promoted = Actor::Person { account: ana, role: Role::Viewer };
    let policy = Actor::Policy { name: "first-run".to_owned() };
    for (second, actor, verb) in [
        (1, &by_ana, "read"),
        (2, &policy, "read"),
        (3, &promoted, "changed"),
        (4, &by_ana, "read"),
        (5, &policy, "made"),
    ] {
        store.add_audit(store::NewAudit { actor: actor.clone(), ..audit(verb, second) }).await.unwrap();
    }
    let asked = async |query: AuditQuery| {
        let found = store.audit_where(&query, 10).await.unwrap();
        found.into_iter().map(|entry| (entry.at - at(0)).as_secs()).collect::<Vec<_>>()
    };
    let who = |who: &str| AuditQuery { who: Some(who.to_owned()), ..AuditQuery::default() };
    assert_eq!(asked(AuditQuery::default()).await, [5, 4, 3, 2, 1]);
    assert_eq!(asked(who(&ana.to_string())).await, [4, 3, 1], "whatever the role was");
    assert_eq!(asked(who("first-run")).await, [5, 2]);
    let read = AuditQuery { verb: Some("read".to_owned()), ..who(&ana.to_string()) };
    assert_eq!(asked(read.clone()).await, [4, 1]);
    let first = store.audit_where(&read, 1).await.unwrap();
    assert_eq!(asked(AuditQuery { after: Some(first[0].number), ..read }).await, [1], "the next page");
    assert_eq!(asked(AuditQuery { from: Some(at(2)), to: Some(at(4)), ..AuditQuery::default() }).await, [3, 2]);
    assert_eq!(store.audit_verbs().await.unwrap(), ["changed", "made", "read"]);
    let actors = store.audit_actors().await.unwrap();
    assert_eq!(actors.len(), 2, "{actors:?}");
    assert!(actors.iter().any(|(key, _)| *key == ana.to_string()));
}

pub async fn a_reading_is_told_once_a_session(place: &Place) {
    let store = place.open().await;
    let ana = made(&store, "ana").await;
    store.create_session(session("one", ana, 0, 1_000)).await.unwrap();
    store.create_session(session("two", ana, 0, 1_000)).await.unwrap();
    let one = store.session("one", at(1)).await.unwrap().unwrap().id;
    let two = store.session("two", at(1)).await.unwrap().unwrap().id;
    let read = |thing: &str| store::NewAudit { object: thing.to_owned(), ..audit("alert-lines-read", 2) };
    assert!(store.note_read(one, read("a")).await.unwrap());
    assert!(!store.note_read(one, read("a")).await.unwrap());
    assert!(store.note_read(one, read("b")).await.unwrap());
    assert!(store.note_read(two, read("a")).await.unwrap());
    assert_eq!(store.audit(None, 10).await.unwrap().len(), 4, "and the account");
    store.end_session("one").await.unwrap();
    assert_eq!(place.texts("SELECT object FROM session_read").await, ["a"], "marks go with their session");
}

fn ticket(token: &str, purpose: &'static str, account: Option<Uuid>, until: i64) -> NewTicket {
    NewTicket { token_hash: token.to_owned(), purpose, account, data: "data".to_owned(), expires_at: at(until) }
}

pub async fn a_ticket_is_used_once(place: &Place) {
    let store = place.open().await;
    let ana = made(&store, "ana").await;
    store.put_ticket(ticket("one", "code", Some(ana), 100), at(0)).await.unwrap();
    assert_eq!(store.ticket("one", "other", at(1)).await.unwrap(), None, "good for one thing");
    assert_eq!(store.ticket("one", "code", at(100)).await.unwrap(), None, "expired");
    assert_eq!(store.ticket("one", "code", at(99)).await.unwrap().unwrap().account, Some(ana));
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.take_ticket("one", "code", at(50)).await.unwrap().is_some() })
        })
        .collect();
    let mut taken = 0;
    for taker in takers {
        taken += u32::from(taker.await.unwrap());
    }
    assert_eq!(taken, 1);
}

pub async fn tickets_do_not_fill_the_disk(place: &Place) {
    let store = place.open().await;
    store.put_ticket(ticket("kept", "other", None, 1_000_000), at(0)).await.unwrap();
    for number in 0..i64::from(TICKETS_MAX) + 3 {
        store.put_ticket(ticket(&format!("t{number}"), "challenge", None, 1_000 + number), at(1)).await.unwrap();
    }
    let count = place.texts("SELECT token_hash FROM ticket WHERE purpose = 'challenge'").await.len();
    assert_eq!(count, usize::try_from(TICKETS_MAX).unwrap());
    assert_eq!(store.ticket("t2", "challenge", at(2)).await.unwrap(), None, "those that end first went");
    assert!(store.ticket("t3", "challenge", at(2)).await.unwrap().is_some());
    assert!(store.ticket("kept", "other", at(2)).await.unwrap().is_some(), "another purpose is left alone");
    store.put_ticket(ticket("last", "challenge", None, 2_000_000), at(500_000)).await.unwrap();
    assert_eq!(
        place.texts("SELECT token_hash FROM ticket WHERE purpose = 'challenge'").await,
        ["last"],
        "expired ones go"
    );
}

pub async fn a_link_sets_a_password_once(place: &Place) {
    let store = place.open().await;
    let ana = made(&store, "ana").await;
    store.create_session(session("one", ana, 0, 1_000)).await.unwrap();
    store.put_account_link(ticket("first", "link", Some(ana), 100), audit("link-made", 1)).await.unwrap();
    store.put_account_link(ticket("second", "link", Some(ana), 100), audit("link-made", 2)).await.unwrap();
    let use_it = async |token: &str, second: i64| {
        store.use_account_link(token, "link", "$argon2id$new", audit("password-set", second)).await.unwrap()
    };
    assert_eq!(use_it("first", 3).await, None, "replaced");
    assert_eq!(use_it("second", 100).await, None, "expired");
    assert_eq!(use_it("second", 4).await, Some(ana));
    assert_eq!(use_it("second", 5).await, None, "used");
    assert_eq!(store.account(ana).await.unwrap().unwrap().password_hash, "$argon2id$new");
    assert_eq!(store.session("one", at(6)).await.unwrap(), None, "its sessions have ended");
    store.put_account_link(ticket("third", "link", Some(ana), 100), audit("link-made", 7)).await.unwrap();
    store.disable_account(ana, audit("account-disabled", 8)).await.unwrap();
    assert_eq!(use_it("third", 9).await, None, "a disabled account stays closed");
}

fn totp(second: i64) -> Totp {
    Totp { sealed: vec![1, 2, 3], last_step: 10, created_at: at(second) }
}

pub async fn a_step_is_used_once(place: &Place) {
    let store = place.open().await;
    let ana = made(&store, "ana").await;
    store.create_session(session("one", ana, 0, 1_000)).await.unwrap();
    let one = store.session("one", at(1)).await.unwrap().unwrap().id;
    assert!(!store.use_totp_step(ana, 10).await.unwrap(), "no app, no step");
    store.set_totp(ana, totp(2), one, audit("authenticator-added", 2)).await.unwrap();
    assert_eq!(store.session("one", at(3)).await.unwrap().unwrap().proof, Proof::PasswordAndCode);
    let twice = store.set_totp(ana, totp(3), one, audit("authenticator-added", 3)).await;
    assert!(matches!(twice, Err(Error::Exists { .. })));
    assert!(!store.use_totp_step(ana, 10).await.unwrap(), "the step it was set up with");
    let users: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.use_totp_step(ana, 12).await.unwrap() })
        })
        .collect();
    let mut used = 0;
    for user in users {
        used += u32::from(user.await.unwrap());
    }
    assert_eq!(used, 1);
    assert!(!store.use_totp_step(ana, 11).await.unwrap(), "an earlier one");
    assert_eq!(store.totp(ana).await.unwrap(), Some(Totp { last_step: 12, ..totp(2) }));
    store.remove_totp(ana, audit("authenticator-removed", 4)).await.unwrap();
    store.remove_totp(ana, audit("authenticator-removed", 5)).await.unwrap();
    assert_eq!((store.totp(ana).await.unwrap(), store.audit(None, 10).await.unwrap().len()), (None, 3));
}

fn passkey(credential: u8, account: Uuid, counter: u32) -> NewPasskey {
    let (name, public_key) = ("Blue key".to_owned(), vec![7; 40]);
    NewPasskey {
        credential: vec![credential; 16],
        id: fresh_id(),
        account,
        public_key,
        counter,
        name,
        backed_up: false,
    }
}

async fn with_session(store: &Store, name: &str) -> (Uuid, Uuid) {
    let account = made(store, name).await;
    store.create_session(session(name, account, 0, 1_000)).await.unwrap();
    (account, store.session(name, at(1)).await.unwrap().unwrap().id)
}

pub async fn a_passkey_counts_up(place: &Place) {
    let store = place.open().await;
    let (ana, here) = with_session(&store, "ana").await;
    let (bo, there) = with_session(&store, "bo").await;
    let key = passkey(1, ana, 5);
    store.add_passkey(key.clone(), here, audit("passkey-added", 2)).await.unwrap();
    assert_eq!(store.session("ana", at(3)).await.unwrap().unwrap().proof, Proof::Passkey);
    let stolen = store.add_passkey(passkey(1, bo, 0), there, audit("passkey-added", 3)).await;
    assert!(matches!(stolen, Err(Error::Exists { .. })), "a credential has one owner");
    assert!(!store.use_passkey(&key.credential, 5, true, at(4)).await.unwrap(), "the same count again");
    assert!(!store.use_passkey(&key.credential, 0, true, at(4)).await.unwrap(), "a count that starts anew");
    assert!(store.use_passkey(&key.credential, 6, true, at(5)).await.unwrap());
    let kept = store.passkey(&key.credential).await.unwrap().unwrap();
    assert_eq!((kept.key.counter, kept.key.backed_up, kept.last_used_at), (6, true, Some(at(5))));
    store.add_passkey(passkey(2, bo, 0), there, audit("passkey-added", 6)).await.unwrap();
    assert!(store.use_passkey(&[2; 16], 0, false, at(7)).await.unwrap(), "one that counts nothing");
    assert!(store.use_passkey(&[2; 16], 0, false, at(8)).await.unwrap());
    assert!(!store.remove_passkey(bo, key.id, audit("passkey-removed", 9)).await.unwrap(), "not bo's");
    assert!(store.remove_passkey(ana, key.id, audit("passkey-removed", 9)).await.unwrap());
    assert_eq!(store.passkeys_of(ana).await.unwrap().len(), 0);
    assert_eq!(store.passkeys_of(bo).await.unwrap().len(), 1);
}

fn printed(id: Uuid) -> NewAccount {
    NewAccount { id, name: "break-glass".to_owned(), password_hash: String::new(), role: Role::Admin }
}

pub async fn the_printed_code_opens_once(place: &Place) {
    let store = place.open().await;
    assert_eq!(store.break_glass().await.unwrap(), None);
    let id = fresh_id();
    store.set_break_glass("old", printed(id), audit("break-glass-made", 1)).await.unwrap();
    store.disable_account(id, audit("account-disabled", 2)).await.unwrap();
    store.set_break_glass("new", printed(id), audit("break-glass-made", 3)).await.unwrap();
    assert!(!store.account(id).await.unwrap().unwrap().disabled, "a new code opens again");
    let open = async |hash: &str, token: &str| {
        store.use_break_glass(hash, session(token, id, 4, 1_000), audit("break-glass-used", 4)).await.unwrap()
    };
    assert!(!open("old", "a").await, "replaced");
    assert!(open("new", "b").await);
    assert!(!open("new", "c").await, "used");
    assert!(store.session("b", at(5)).await.unwrap().is_some());
    assert_eq!(store.session("c", at(5)).await.unwrap(), None);
    let kept = store.break_glass().await.unwrap().unwrap();
    assert_eq!((kept.code_hash.as_str(), kept.used_at, kept.used_from.as_str()), ("new", Some(at(4)), "192.0.2.7"));
    let other = store.set_break_glass("x", printed(fresh_id()), audit("break-glass-made", 6)).await;
    assert!(matches!(other, Err(Error::Exists { .. })));
    assert_eq!(store.break_glass().await.unwrap().unwrap().code_hash, "new", "nothing half-way");
}

pub async fn a_reset_takes_everything(place: &Place) {
    let store = place.open().await;
    let (ana, here) = with_session(&store, "ana").await;
    store.set_totp(ana, totp(2), here, audit("authenticator-added", 2)).await.unwrap();
    store.add_passkey(passkey(1, ana, 0), here, audit("passkey-added", 3)).await.unwrap();
    store.put_account_link(ticket("link", "link", Some(ana), 100), audit("link-made", 3)).await.unwrap();
    store.reset_account(ana, audit("account-reset", 4)).await.unwrap();
    assert_eq!(store.account(ana).await.unwrap().unwrap().password_hash, "");
    assert_eq!((store.totp(ana).await.unwrap(), store.passkeys_of(ana).await.unwrap().len()), (None, 0));
    assert_eq!(store.session("ana", at(5)).await.unwrap(), None);
    assert_eq!(store.ticket("link", "link", at(5)).await.unwrap(), None);
    let nobody = store.reset_account(fresh_id(), audit("account-reset", 5)).await;
    assert!(matches!(nobody, Err(Error::Missing { .. })));
}
