//! The record pattern: journaled state. Per kind one file with pure functions; here the closed set of kinds
//! and the dispatch, so that `app::execute` knows one shape and no kind.
//!
//! Facts carry ids, numbers, codes and salted document hashes, never free text or names: documents can be
//! erased, facts cannot. `fold(journal) == state` holds for every kind.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::duty::Duty;
use crate::marking::Marking;
use crate::party::Actor;

pub mod case;
pub mod warning;

/// The version of the fact and state formats written today.
pub const RECORD_FORMAT: u16 = 1;

/// Identifies a record; UUIDv7, or derived from a cluster id where two proposals must meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(pub Uuid);

impl std::fmt::Display for RecordId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The kinds of record there are. A workflow with its own states is its own kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something that happened here and is being handled.
    Case,
    /// Something this hub tells its members.
    Warning,
}

impl Kind {
    /// Every kind, for loops that must not forget one.
    pub const ALL: [Self; 2] = [Self::Case, Self::Warning];

    /// The stable word used in storage.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Warning => "warning",
        }
    }
}

/// The state of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum State {
    /// See [`case::Case`].
    Case(case::Case),
    /// See [`warning::Warning`].
    Warning(warning::Warning),
}

/// One thing that happened to one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// See [`case::Fact`].
    Case(case::Fact),
    /// See [`warning::Fact`].
    Warning(warning::Fact),
}

/// What somebody wants to happen to one record (its `id` says which).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// See [`case::Command`].
    Case(RecordId, case::Command),
    /// See [`warning::Command`].
    Warning(RecordId, warning::Command),
}

/// What a decision may know besides the states: when, who, and whether it happens in an exercise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The node's clock.
    pub now: Timestamp,
    /// Who wants it.
    pub actor: Actor,
}

/// A document beside the facts: free text or content that can be erased later.
/// The fact keeps only its id and salted hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its id.
    pub id: Uuid,
    /// 16 random bytes, given by the caller; without them a short text could be guessed from its hash.
    pub salt: [u8; 16],
    /// The text, or JSON for structured content.
    pub text: String,
}

impl Document {
    /// The reference that facts carry: SHA-256 over salt and text.
    pub fn reference(&self) -> DocumentRef {
        let digest = Sha256::new().chain_update(self.salt).chain_update(self.text.as_bytes()).finalize();
        DocumentRef { id: self.id, hash: hex(&digest) }
    }
}

/// How a fact names a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRef {
    /// The document's id.
    pub id: Uuid,
    /// SHA-256 over salt and text, 64 hexadecimal digits.
    pub hash: String,
}

/// The states a command may look at, by id; a missing id is a record that does not exist yet.
pub type Records = BTreeMap<RecordId, State>;

/// The domain says no. Not an error: the world is fine, the wish is not. Screens translate the code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The record does not exist, or the actor may not see it: both look the same.
    #[error("there is no such record")]
    NotFound,
    /// A record with this id exists already.
    #[error("the record exists already")]
    Exists,
    /// The actor's role does not allow it.
    #[error("this needs the role {needs:?}")]
    RoleTooLow {
        /// The role it takes.
        needs: crate::party::Role,
    },
    /// A case refuses.
    #[error(transparent)]
    Case(#[from] case::Refusal),
    /// A warning refuses.
    #[error(transparent)]
    Warning(#[from] warning::Refusal),
}

impl Refusal {
    /// The message key that screens translate.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "refusal-not-found",
            Self::Exists => "refusal-exists",
            Self::RoleTooLow { .. } => "refusal-role-too-low",
            Self::Case(refusal) => refusal.code(),
            Self::Warning(refusal) => refusal.code(),
        }
    }
}

impl Command {
    /// The records that must be loaded, in id order, before the command can be decided.
    pub fn touches(&self) -> Vec<RecordId> {
        match self {
            Self::Case(id, _) | Self::Warning(id, _) => vec![*id],
        }
    }

    /// The documents that must be saved with the facts.
    pub fn documents(&self) -> Vec<&Document> {
        match self {
            Self::Case(_, command) => command.documents(),
            Self::Warning(_, command) => command.documents(),
        }
    }
}

/// Decides a command over the records it touches. Pure; a refusal leaves everything as it was.
pub fn decide(records: &Records, command: &Command, context: &Context) -> Result<Vec<(RecordId, Fact)>, Refusal> {
    match command {
        Command::Case(id, command) => {
            let state = match records.get(id) {
                Some(State::Case(state)) => Some(state),
                None => None,
                Some(_) => return Err(Refusal::NotFound),
            };
            let facts = case::decide(state, command, context)?;
            Ok(facts.into_iter().map(|fact| (*id, Fact::Case(fact))).collect())
        }
        Command::Warning(id, command) => {
            let state = match records.get(id) {
                Some(State::Warning(state)) => Some(state),
                None => None,
                Some(_) => return Err(Refusal::NotFound),
            };
            let facts = warning::decide(state, command, context)?;
            Ok(facts.into_iter().map(|fact| (*id, Fact::Warning(fact))).collect())
        }
    }
}

/// Applies one fact. Total: a fact that does not fit its state (which the version check rules out) changes nothing.
pub fn apply(state: Option<State>, fact: &Fact) -> Option<State> {
    match (state, fact) {
        (None, Fact::Case(fact)) => case::first(fact).map(State::Case),
        (Some(State::Case(mut state)), Fact::Case(fact)) => {
            case::apply(&mut state, fact);
            Some(State::Case(state))
        }
        (None, Fact::Warning(fact)) => warning::first(fact).map(State::Warning),
        (Some(State::Warning(mut state)), Fact::Warning(fact)) => {
            warning::apply(&mut state, fact);
            Some(State::Warning(state))
        }
        (state, _) => state,
    }
}

/// Folds a journal into the state it leaves.
pub fn fold<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Option<State> {
    facts.into_iter().fold(None, apply)
}

impl State {
    /// Which kind of record it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Case(_) => Kind::Case,
            Self::Warning(_) => Kind::Warning,
        }
    }

    /// What must happen by when, derived anew at every change.
    pub fn duties(&self) -> Vec<Duty> {
        match self {
            Self::Case(state) => case::duties(state),
            Self::Warning(state) => warning::duties(state),
        }
    }

    /// What lists filter and sort by: name and value.
    pub fn facets(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Case(state) => case::facets(state),
            Self::Warning(state) => warning::facets(state),
        }
    }

    /// What a fact tells others, given the state after it.
    pub fn outgoing(&self, fact: &Fact) -> Option<warning::Outgoing> {
        match (self, fact) {
            (Self::Warning(state), Fact::Warning(fact)) => warning::outgoing(state, fact),
            _ => None,
        }
    }

    /// Which attack the record speaks of, where it speaks of one.
    pub fn cluster(&self) -> Option<Uuid> {
        match self {
            Self::Warning(state) => Some(state.cluster),
            Self::Case(_) => None,
        }
    }

    /// How far the record may travel.
    pub fn marking(&self) -> Marking {
        match self {
            Self::Case(state) => state.marking,
            Self::Warning(state) => state.marking,
        }
    }

    /// Whether an exercise caused it.
    pub fn drill(&self) -> bool {
        match self {
            Self::Case(state) => state.drill,
            Self::Warning(state) => state.drill,
        }
    }
}

/// The hash that chains a record's journal: SHA-256 over the previous hash (32 zero bytes for the first) and the
/// exact bytes of the fact.
pub fn chain_hash(previous: Option<&str>, fact_bytes: &[u8]) -> String {
    let zero = "0".repeat(64);
    let digest = Sha256::new().chain_update(previous.unwrap_or(&zero).as_bytes()).chain_update(fact_bytes).finalize();
    hex(&digest)
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
