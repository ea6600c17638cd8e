//! Short ways to say what the cases need: moments, actors, commands and commits.

use domain::marking::Marking;
use domain::party::{Actor, NodeId, Role};
use domain::record::{Command, Context, Document, Fact, RecordId, Records, Refusal, apply, case, decide, warning};
use domain::release::{Basis, Shared, SignedRelease};
use domain::telemetry::{Level, Observable, ObservableKind, Sighting};
use jiff::Timestamp;
use store::{Commit, Lane, NewAudit, NewOutboxItem, NewPublication, Policy, RecordWrite, Store};
use uuid::Uuid;

pub use crate::place::fresh_id;

/// The second `second` of the story.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + second).unwrap()
}

pub fn person(role: Role) -> Actor {
    Actor::Person { account: Uuid::from_u128(7), role }
}

pub fn other_person(role: Role) -> Actor {
    Actor::Person { account: Uuid::from_u128(8), role }
}

pub fn audit(verb: &str, second: i64) -> NewAudit {
    let (verb, object) = (verb.to_owned(), "test".to_owned());
    NewAudit { at: at(second), actor: person(Role::Admin), verb, object, detail: String::new() }
}

pub fn document(text: &str) -> Document {
    Document { id: fresh_id(), salt: fresh_id().into_bytes(), text: text.to_owned() }
}

pub fn open_case(title: &str) -> case::Command {
    let title = document(title);
    case::Command::Open {
        sort: case::Sort::Incident,
        title,
        alert: None,
        warning: None,
        evidence: vec![],
        drill: false,
    }
}

pub fn propose(cluster: Uuid) -> warning::Command {
    let basis =
        Basis::Correlated { hospitals: 2, sightings: 3, threshold: 2, window_hours: 96, shared: Shared::Indicator };
    let content = document("{\"title\":\"a warning\"}");
    warning::Command::Propose { cluster, content, basis, marking: Marking::COMMUNITY, drill: false }
}

/// Decides a command over what the store holds and prepares its commit.
pub async fn prepared(store: &Store, command: &Command, actor: Actor, second: i64) -> Result<Commit, Refusal> {
    let loaded = store.load(&command.touches()).await.unwrap();
    let records: Records = loaded.iter().map(|record| (record.id, record.state.clone())).collect();
    let facts = decide(&records, command, &Context { now: at(second), actor })?;
    let mut commit = Commit::new(at(second));
    for id in command.touches() {
        let facts: Vec<Fact> = facts.iter().filter(|(of, _)| *of == id).map(|(_, fact)| fact.clone()).collect();
        let stored = loaded.iter().find(|record| record.id == id);
        let state = facts.iter().fold(stored.map(|record| record.state.clone()), apply);
        let Some(state) = state else { continue };
        let documents = if facts.is_empty() { vec![] } else { command.documents().into_iter().cloned().collect() };
        let expected_version = stored.map_or(0, |record| record.version);
        commit.records.push(RecordWrite { id, expected_version, facts, state, documents });
    }
    Ok(commit)
}

/// Decides and commits.
pub async fn done(store: &Store, command: Command, actor: Actor, second: i64) {
    let commit = prepared(store, &command, actor, second).await.unwrap();
    store.commit(commit).await.unwrap();
}

pub async fn new_case(store: &Store, title: &str, second: i64) -> RecordId {
    let id = RecordId(fresh_id());
    done(store, Command::Case(id, open_case(title)), person(Role::Operator), second).await;
    id
}

pub fn item(lane: Lane, key: u128, version: u64) -> NewOutboxItem {
    NewOutboxItem {
        lane,
        kind: lane.as_str().to_owned(),
        key: Uuid::from_u128(key),
        version,
        body: format!("{key} version {version}").into_bytes(),
        policy: Policy::Send,
    }
}

pub fn publication(id: u128, version: u32) -> NewPublication {
    NewPublication {
        release: SignedRelease { bytes: vec![1, 2, 3], key: vec![7; 32], signature: vec![9; 64] },
        id: Uuid::from_u128(id),
        version,
        cluster: Uuid::from_u128(id + 1_000_000),
        issued_at: at(0),
        skip: None,
    }
}

pub fn node(name: &str) -> NodeId {
    NodeId(name.to_owned())
}

pub fn observable(value: &str) -> Observable {
    Observable { kind: ObservableKind::DomainName, value: value.to_owned() }
}

pub fn sighting(id: u128, family: &str, country: &str) -> Sighting {
    Sighting {
        id: Uuid::from_u128(id),
        rule_id: "rule".to_owned(),
        family: family.to_owned(),
        level: Level::High,
        hour: at(0),
        count: 1,
        country: country.to_owned(),
        suppliers: vec!["acme".to_owned()],
        products: vec![],
        observables: vec![observable("evil.example")],
        rule_since: at(-1_000_000),
        drill: false,
    }
}
