//! Records: one transaction, one winner, a journal that adds up.

use domain::party::{Actor, Role};
use domain::record::{Command, Kind, RecordId, Refusal, apply, case, fold, warning};
use domain::release::WithdrawalReason;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{Error, RecordQuery, Store};
use uuid::Uuid;

use crate::place::Place;
use crate::words::*;

/// One random step: which of three records of a kind, what, and who.
#[derive(Debug, Clone, Copy)]
struct Step {
    record: u128,
    what: u8,
    who: u8,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..6_u128, 0..7_u8, 0..4_u8).prop_map(|(record, what, who)| Step { record, what, who });
    prop::collection::vec(step, 1..30)
}

/// Each record is opened first, so that most random steps meet one that exists.
fn opening() -> impl Iterator<Item = Step> {
    (0..6).map(|record| Step { record, what: 0, who: 0 })
}

fn command(step: Step, base: u128) -> Command {
    let id = RecordId(Uuid::from_u128(base + step.record));
    if step.record < 3 {
        return Command::Case(
            id,
            match step.what {
                0 | 1 => open_case("it began"),
                2 => case::Command::Take,
                3 => case::Command::Note(document("a note")),
                4 => case::Command::AddAlert { alert: Uuid::from_u128(5), evidence: vec![document("line\0one")] },
                5 => case::Command::Close(case::Outcome::Resolved),
                _ => case::Command::Reopen,
            },
        );
    }
    Command::Warning(
        id,
        match step.what {
            0 | 1 => propose(Uuid::from_u128(base)),
            2 => warning::Command::Approve,
            3 => warning::Command::Send,
            4 => match propose(Uuid::from_u128(base)) {
                warning::Command::Propose { content, basis, .. } => warning::Command::Update { content, basis },
                other => other,
            },
            5 => warning::Command::Decline,
            _ => warning::Command::Withdraw(WithdrawalReason::Over),
        },
    )
}

fn actor(who: u8) -> Actor {
    match who {
        0 => person(Role::Approver),
        1 => other_person(Role::Approver),
        2 => person(Role::Viewer),
        _ => Actor::Policy { name: "two-hospitals".to_owned() },
    }
}

/// Random valid command sequences over both kinds: state, duties and facets are always what the journal adds up to,
/// and a refusal changes nothing.
pub async fn fold_of_the_journal_is_the_state(place: &Place) {
    let store = place.open().await;
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        let story = |steps: Vec<Step>| handle.block_on(check_story(&store, steps));
        runner.run(&steps(), story).unwrap();
    });
    let report = store.verify_journal(&mut |_, _| {}).await.unwrap();
    assert!(report.facts > 100 && report.broken.is_empty(), "{report:?}");
}

async fn check_story(store: &Store, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let base = fresh_id().as_u128() & !0xff;
    for (second, step) in (0..).zip(opening().chain(steps)) {
        let command = command(step, base);
        let id = command.touches()[0];
        let before = store.load(&[id]).await.unwrap();
        match prepared(store, &command, actor(step.who), second).await {
            Ok(commit) => drop(store.commit(commit).await.unwrap()),
            Err(_) => prop_assert_eq!(store.load(&[id]).await.unwrap(), before),
        }
    }
    let ids: Vec<RecordId> = (0..6).map(|record| RecordId(Uuid::from_u128(base + record))).collect();
    let duties = store.duties(u32::MAX).await.unwrap();
    for record in store.load(&ids).await.unwrap() {
        let journal = store.journal(record.id).await.unwrap();
        let folded = fold(journal.iter().map(|entry| &entry.fact));
        prop_assert_eq!(folded.as_ref(), Some(&record.state));
        prop_assert_eq!(journal.len() as u64, record.version);
        prop_assert_eq!(journal.last().map(|entry| entry.hash.clone()), Some(record.head_hash.clone()));
        let mut stored: Vec<_> = duties.iter().filter(|row| row.record == record.id).map(|row| &row.duty).collect();
        stored.sort_by_key(|duty| duty.due_at);
        let derived = record.state.duties();
        prop_assert_eq!(stored, derived.iter().collect::<Vec<_>>());
        let facets = record.state.facets().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let query = RecordQuery { kind: record.state.kind(), facets, after: None, limit: 1_000 };
        let listed = store.list_records(query).await.unwrap();
        prop_assert!(listed.items.iter().any(|item| item.id == record.id));
    }
    Ok(())
}

pub async fn a_broken_commit_leaves_nothing(place: &Place) {
    let store = place.open().await;
    let kept = new_case(&store, "kept", 0).await;
    let before = (store.load(&[kept]).await.unwrap(), store.audit(None, 10).await.unwrap());
    let command = Command::Case(kept, case::Command::Note(document("lost")));
    let mut commit = prepared(&store, &command, person(Role::Operator), 1).await.unwrap();
    let fresh = Command::Case(RecordId(fresh_id()), open_case("lost too"));
    let more = prepared(&store, &fresh, person(Role::Operator), 1).await.unwrap();
    commit.records.extend(more.records);
    commit.audit.push(audit("lost", 1));
    commit.outbox.push(item(store::Lane::Record, 1, 1));
    commit.publish.push(publication(1, 1));
    place.break_table("published").await;
    assert!(matches!(store.commit(commit.clone()).await, Err(Error::Sql(_))));
    let fresh_record = fresh.touches()[0];
    assert_eq!((store.load(&[kept]).await.unwrap(), store.audit(None, 10).await.unwrap()), before);
    assert_eq!(store.load(&[fresh_record]).await.unwrap(), vec![]);
    assert_eq!(store.journal(kept).await.unwrap().len(), 1);
    assert_eq!(store.outbox_pending(10).await.unwrap(), vec![]);
    assert_eq!(store.published_head().await.unwrap(), 0);
    let lost: Vec<Uuid> =
        commit.records.iter().flat_map(|write| &write.documents).map(|document| document.id).collect();
    assert_eq!((lost.len(), store.documents(&lost).await.unwrap()), (2, vec![]));
}

/// A commit decided on an old version: nobody's change is overwritten and nothing else of the commit stays.
pub async fn one_of_two_writers_wins(place: &Place) {
    let store = place.open().await;
    for round in 0..20 {
        let (one, two) = (new_case(&store, "one", round).await, new_case(&store, "two", round).await);
        let note = |id, text| Command::Case(id, case::Command::Note(document(text)));
        let mut first = prepared(&store, &note(one, "first"), person(Role::Operator), round).await.unwrap();
        let second = prepared(&store, &note(one, "second"), other_person(Role::Operator), round).await.unwrap();
        let beside = prepared(&store, &note(two, "beside"), person(Role::Operator), round).await.unwrap();
        first.records.extend(beside.records);
        first.outbox.push(item(store::Lane::Record, fresh_id().as_u128(), 1));
        let pending = store.outbox_pending(1_000).await.unwrap().len();
        let (a, b) = (store.clone(), store.clone());
        let a = tokio::spawn(async move { a.commit(first).await });
        let b = tokio::spawn(async move { b.commit(second).await });
        let (a, b) = (a.await.unwrap(), b.await.unwrap());
        let lost = if a.is_ok() { &b } else { &a };
        assert!(a.is_ok() != b.is_ok(), "exactly one wins: {a:?} {b:?}");
        assert!(matches!(lost, Err(Error::Conflict { record }) if *record == one), "{lost:?}");
        let loaded = store.load(&[one, two]).await.unwrap();
        let version = |id| loaded.iter().find(|record| record.id == id).unwrap().version;
        let with_first = u64::from(a.is_ok());
        assert_eq!((version(one), version(two)), (2, 1 + with_first));
        assert_eq!(store.outbox_pending(1_000).await.unwrap().len() as u64, pending as u64 + with_first);
    }
}

pub async fn two_creators_meet_and_one_wins(place: &Place) {
    let store = place.open().await;
    for round in 0..20 {
        let id = RecordId(fresh_id());
        let command = Command::Warning(id, propose(fresh_id()));
        let first = prepared(&store, &command, person(Role::Operator), round).await.unwrap();
        let command = Command::Warning(id, propose(fresh_id()));
        let second = prepared(&store, &command, person(Role::Operator), round).await.unwrap();
        let (a, b) = (store.clone(), store.clone());
        let a = tokio::spawn(async move { a.commit(first).await });
        let b = tokio::spawn(async move { b.commit(second).await });
        let outcomes = [a.await.unwrap(), b.await.unwrap()];
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(Error::Conflict { record }) if *record == id)));
        assert_eq!(store.journal(id).await.unwrap().len(), 1);
    }
    let again = Command::Warning(RecordId(Uuid::from_u128(1)), warning::Command::Approve);
    let refused = prepared(&store, &again, person(Role::Approver), 0).await;
    assert_eq!(refused.unwrap_err(), Refusal::NotFound);
}

/// Two commits name the same two records in opposite order; one of them loses, and neither waits for ever.
pub async fn opposite_orders_do_not_deadlock(place: &Place) {
    let store = place.open().await;
    let (one, two) = (new_case(&store, "one", 0).await, new_case(&store, "two", 0).await);
    for round in 1..=20 {
        let note = |id| Command::Case(id, case::Command::Note(document("a note")));
        let mut commits = Vec::new();
        for order in [[one, two], [two, one]] {
            let mut commit = prepared(&store, &note(order[0]), person(Role::Operator), round).await.unwrap();
            let more = prepared(&store, &note(order[1]), person(Role::Operator), round).await.unwrap();
            commit.records.extend(more.records);
            commit.cluster_keys = order.iter().map(|id| (id.to_string(), *id)).collect();
            commits.push(commit);
        }
        let writers: Vec<_> = commits
            .into_iter()
            .map(|commit| {
                let store = store.clone();
                tokio::spawn(async move { store.commit(commit).await })
            })
            .collect();
        let mut won = 0;
        for writer in writers {
            match writer.await.unwrap() {
                Ok(_) => won += 1,
                Err(error) => assert!(matches!(error, Error::Conflict { .. }), "{error}"),
            }
        }
        assert_eq!(won, 1);
    }
}

/// A caller who goes away in the middle (a browser that hangs up) leaves a whole commit or none, and a store that works.
pub async fn a_dropped_commit_is_whole_or_nothing(place: &Place) {
    let store = place.open().await;
    for round in 0..40_u128 {
        let command = Command::Case(RecordId(fresh_id()), open_case("dropped"));
        let mut commit = prepared(&store, &command, person(Role::Operator), 0).await.unwrap();
        commit.outbox.push(item(store::Lane::Record, round, 1));
        commit.publish.push(publication(round, 1));
        let writer = store.clone();
        let task = tokio::spawn(async move { writer.commit(commit).await.map(drop) });
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        task.abort();
        let _ = task.await;
    }
    new_case(&store, "after", 1).await;
    let report = store.verify_journal(&mut |_, _| {}).await.unwrap();
    let whole = report.records - 1;
    assert_eq!((report.facts, report.broken), (whole + 1, vec![]));
    assert_eq!(store.outbox_pending(1_000).await.unwrap().len() as u64, whole);
    assert_eq!(store.published_after(0, 1_000).await.unwrap().len() as u64, whole);
    assert_eq!(store.published_head().await.unwrap().unsigned_abs(), whole);
}

pub async fn lists_page_newest_first(place: &Place) {
    let store = place.open().await;
    let mut made = Vec::new();
    for second in 0..7 {
        // Two share each moment: the id decides between them.
        made.push((second / 2, new_case(&store, "case", second / 2).await));
    }
    made.sort();
    made.reverse();
    let closed = made[3].1;
    done(&store, Command::Case(closed, case::Command::Close(case::Outcome::Resolved)), person(Role::Operator), 90)
        .await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let query = RecordQuery { after, limit: 3, ..RecordQuery::default() };
        let page = store.list_records(query).await.unwrap();
        assert_eq!(page.total, 7);
        seen.extend(page.items.iter().map(|record| record.id));
        after = seen.last().copied();
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, made.iter().map(|(_, id)| *id).collect::<Vec<_>>());
    let facet = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let query = |facets| RecordQuery { facets, ..RecordQuery::default() };
    let page = store.list_records(query(vec![facet("stage", "closed"), facet("sort", "incident")])).await.unwrap();
    assert_eq!((page.total, page.items[0].id), (1, closed));
    let page = store.list_records(query(vec![facet("stage", "closed"), facet("sort", "near-miss")])).await.unwrap();
    assert_eq!((page.total, page.items.len()), (0, 0));
    let warnings = RecordQuery { kind: Kind::Warning, ..RecordQuery::default() };
    assert_eq!(store.list_records(warnings).await.unwrap().total, 0);
}

pub async fn duties_come_soonest_first(place: &Place) {
    let store = place.open().await;
    let late = new_case(&store, "late", 100).await;
    let soon = new_case(&store, "soon", 1).await;
    let taken = new_case(&store, "taken", 50).await;
    done(&store, Command::Case(taken, case::Command::Take), person(Role::Operator), 51).await;
    let duties = store.duties(10).await.unwrap();
    assert_eq!(duties.iter().map(|row| row.record).collect::<Vec<_>>(), vec![soon, late]);
    assert_eq!((duties[0].kind, duties[0].drill, duties[0].duty.key.as_str()), (Kind::Case, false, "take"));
    assert_eq!(store.duties(1).await.unwrap().len(), 1);
}

pub async fn an_erased_document_keeps_the_journal_verifiable(place: &Place) {
    let store = place.open().await;
    let id = RecordId(fresh_id());
    let open = open_case("a name that must go");
    let title = open.documents()[0].clone();
    done(&store, Command::Case(id, open), person(Role::Operator), 0).await;
    assert_eq!(store.documents(&[title.id]).await.unwrap(), vec![title.clone()]);
    store.erase_document(title.id, audit("document-erased", 1)).await.unwrap();
    assert_eq!(store.documents(&[title.id]).await.unwrap(), vec![]);
    assert!(matches!(store.erase_document(title.id, audit("again", 2)).await, Err(Error::Missing { .. })));
    assert_eq!(store.audit(None, 10).await.unwrap().len(), 1);
    let report = store.verify_journal(&mut |_, _| {}).await.unwrap();
    assert_eq!((report.records, report.facts, report.broken), (1, 1, vec![]));
    let kept = place.texts("SELECT hash FROM document WHERE body IS NULL AND salt IS NULL").await;
    assert_eq!(kept, vec![title.reference().hash]);
}

pub async fn verification_finds_a_flipped_byte(place: &Place) {
    let sabotage: [(&str, &[&str]); 6] = [
        ("UPDATE fact SET body = REPLACE(body, 'incident', 'near-miss') WHERE seq = 1", &["bytes", "add up to"]),
        ("UPDATE record SET state = REPLACE(state, 'incident', 'near-miss')", &["add up to"]),
        ("DELETE FROM fact WHERE seq = 2", &["missing before it", "counts 3 facts", "no fact names"]),
        ("DELETE FROM fact WHERE seq = 3", &["counts 3 facts", "head", "add up to"]),
        ("UPDATE fact SET previous_hash = hash WHERE seq = 2", &["does not name"]),
        (
            "UPDATE document SET salt = (SELECT other.salt FROM document AS other WHERE other.id <> document.id LIMIT 1)",
            &["no fact names"],
        ),
    ];
    let store = place.open().await;
    for (statement, expected) in sabotage {
        for table in ["fact", "duty", "facet", "document", "record"] {
            place.raw(&format!("DELETE FROM {table}")).await;
        }
        let id = new_case(&store, "title", 0).await;
        done(&store, Command::Case(id, case::Command::Note(document("a note"))), person(Role::Operator), 1).await;
        done(&store, Command::Case(id, case::Command::Contain), person(Role::Operator), 2).await;
        let clean = store.verify_journal(&mut |_, _| {}).await.unwrap();
        assert_eq!((clean.facts, clean.broken), (3, vec![]), "before {statement}");
        assert!(place.raw(statement).await > 0, "{statement}");
        let mut steps = Vec::new();
        let report = store.verify_journal(&mut |done, of| steps.push((done, of))).await.unwrap();
        let whys: Vec<&str> = report.broken.iter().map(|broken| broken.why.as_str()).collect();
        for why in expected {
            assert!(whys.iter().any(|found| found.contains(why)), "{statement}: {why} not in {whys:?}");
        }
        assert!(report.broken.iter().all(|broken| broken.record == id));
        assert_eq!(steps, vec![(1, 1)]);
    }
}

pub async fn cluster_keys_lead_to_the_newest_warning(place: &Place) {
    let store = place.open().await;
    let mut ids = Vec::new();
    for keys in [["indicator|a", "family|x"], ["indicator|b", "family|x"]] {
        let id = RecordId(fresh_id());
        let command = Command::Warning(id, propose(fresh_id()));
        let mut commit = prepared(&store, &command, person(Role::Operator), 0).await.unwrap();
        commit.cluster_keys = keys.iter().map(|key| ((*key).to_owned(), id)).collect();
        store.commit(commit).await.unwrap();
        ids.push(id);
    }
    let of = async |keys: &[&str]| {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        store.record_of_key(&keys).await.unwrap()
    };
    assert_eq!(of(&["indicator|a", "family|x"]).await, Some(ids[0]));
    assert_eq!(of(&["family|x", "indicator|a"]).await, Some(ids[1]));
    assert_eq!(of(&["indicator|none"]).await, None);
    assert_eq!(of(&[]).await, None);
}

pub async fn settings_and_leases(place: &Place) {
    let store = place.open().await;
    assert_eq!(store.setting("answers").await.unwrap(), None);
    store.set_setting("answers", "{\"a\":1}", audit("setting", 0)).await.unwrap();
    store.set_setting("answers", "{\"a\":2}", audit("setting", 1)).await.unwrap();
    assert_eq!(store.setting("answers").await.unwrap().as_deref(), Some("{\"a\":2}"));
    assert_eq!(store.audit(None, 10).await.unwrap().len(), 2);
    assert!(store.take_lease("trim", "one", at(10), at(0)).await.unwrap());
    assert!(!store.take_lease("trim", "two", at(20), at(9)).await.unwrap());
    assert!(store.take_lease("trim", "one", at(15), at(9)).await.unwrap());
    assert!(store.take_lease("trim", "two", at(30), at(15)).await.unwrap());
    store.release_lease("trim", "one").await.unwrap();
    assert!(!store.take_lease("trim", "one", at(40), at(16)).await.unwrap());
    store.release_lease("trim", "two").await.unwrap();
    assert!(store.take_lease("trim", "one", at(40), at(16)).await.unwrap());
}

#[test]
fn applying_the_facts_of_a_refused_command_is_impossible() {
    // `prepared` folds with the domain's own function; if it were total in the wrong way, the suite would prove nothing.
    let fact = domain::record::Fact::Case(case::Fact::Contained { at: at(0), by: person(Role::Operator) });
    assert_eq!(apply(None, &fact), None);
}
