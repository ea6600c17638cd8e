//! A case: something that happened here and is being handled.
//!
//! `open → contained → closed`, and back to `open` when a closed one flares up again.
//! A drill is a mark, not a kind; a request for help is its own record.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Context, Document, DocumentRef};
use crate::duty::Duty;
use crate::marking::Marking;
use crate::party::{Actor, Role};

/// The state of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// What sort of thing it is.
    pub sort: Sort,
    /// How far handling has come.
    pub stage: Stage,
    /// One line saying what it is about.
    pub title: DocumentRef,
    /// When it was opened here.
    pub opened_at: Timestamp,
    /// The account that works on it; none until somebody takes it.
    pub owner: Option<Uuid>,
    /// The alerts it grew from.
    pub alerts: Vec<Uuid>,
    /// The warnings it belongs to.
    pub warnings: Vec<Uuid>,
    /// Events copied before telemetry expires, by content hash.
    pub evidence: Vec<DocumentRef>,
    /// Notes in the order they were written.
    pub notes: Vec<Note>,
    /// How it ended; none while it is open or contained.
    pub outcome: Option<Outcome>,
    /// How far it may travel.
    pub marking: Marking,
    /// True where an exercise caused it.
    pub drill: bool,
}

/// A note: who wrote it, when, and where its text is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When it was written.
    pub at: Timestamp,
    /// Who wrote it.
    pub by: Actor,
    /// Its text.
    pub document: DocumentRef,
}

/// What sort of thing a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    /// Something that compromised availability, authenticity, integrity or confidentiality (NIS2 Art. 6(6)).
    Incident,
    /// Something that could have, and did not (NIS2 Art. 6(5)).
    NearMiss,
    /// A supplier or partner is out of service.
    PartnerOutage,
    /// A medical device may be involved.
    SuspectedDeviceIncident,
}

impl Sort {
    /// All of them, in the order a form shows.
    pub const ALL: [Self; 4] = [Self::Incident, Self::NearMiss, Self::PartnerOutage, Self::SuspectedDeviceIncident];

    /// The stable word used in forms, facets and message keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::NearMiss => "near-miss",
            Self::PartnerOutage => "partner-outage",
            Self::SuspectedDeviceIncident => "suspected-device-incident",
        }
    }
}

/// How far the handling has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It goes on.
    Open,
    /// It no longer spreads; work remains.
    Contained,
    /// Handling has ended.
    Closed,
}

impl Stage {
    /// The stable word used in facets and message keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Contained => "contained",
            Self::Closed => "closed",
        }
    }
}

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was real and is over.
    Resolved,
    /// It was no incident.
    FalseAlarm,
    /// Another case goes on with it.
    Duplicate,
}

impl Outcome {
    /// All of them, in the order a form shows.
    pub const ALL: [Self; 3] = [Self::Resolved, Self::FalseAlarm, Self::Duplicate];

    /// The stable word used in forms and message keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::FalseAlarm => "false-alarm",
            Self::Duplicate => "duplicate",
        }
    }
}

/// What somebody wants to happen to a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Open a new one.
    Open {
        /// What sort.
        sort: Sort,
        /// One line.
        title: Document,
        /// The alert it grows from, if any.
        alert: Option<Uuid>,
        /// The warning it belongs to, if any.
        warning: Option<Uuid>,
        /// Events copied from telemetry.
        evidence: Vec<Document>,
        /// Whether an exercise causes it.
        drill: bool,
    },
    /// Become its owner.
    Take,
    /// Write a note.
    Note(Document),
    /// Add an alert with its events.
    AddAlert {
        /// The alert.
        alert: Uuid,
        /// Its events.
        evidence: Vec<Document>,
    },
    /// Say that it no longer spreads.
    Contain,
    /// End the handling.
    Close(Outcome),
    /// Go on with a closed one.
    Reopen,
}

/// What happened to a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// It was opened.
    Opened {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Actor,
        /// What sort.
        sort: Sort,
        /// One line.
        title: DocumentRef,
        /// The alert it grew from.
        alert: Option<Uuid>,
        /// The warning it belongs to.
        warning: Option<Uuid>,
        /// Events copied from telemetry.
        evidence: Vec<DocumentRef>,
        /// How far it may travel.
        marking: Marking,
        /// Whether an exercise caused it.
        drill: bool,
    },
    /// Somebody took it.
    Taken {
        /// When.
        at: Timestamp,
        /// The account.
        owner: Uuid,
    },
    /// A note was written.
    Noted {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Actor,
        /// Its text.
        document: DocumentRef,
    },
    /// An alert was added.
    AlertAdded {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Actor,
        /// The alert.
        alert: Uuid,
        /// Its events.
        evidence: Vec<DocumentRef>,
    },
    /// It no longer spreads.
    Contained {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Actor,
    },
    /// Handling ended.
    Closed {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Actor,
        /// How.
        outcome: Outcome,
    },
    /// Handling goes on again.
    Reopened {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Actor,
    },
}

/// Why a case refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A closed case takes no more work; reopen it first.
    #[error("the case is closed")]
    Closed,
    /// It is not open, so it cannot be contained.
    #[error("the case is not open")]
    NotOpen,
    /// It is not closed, so it cannot be reopened.
    #[error("the case is not closed")]
    NotClosed,
    /// Only a person can own a case.
    #[error("only a person can own a case")]
    OwnerNotAPerson,
    /// The alert is part of it already.
    #[error("the alert belongs to the case already")]
    AlertAlreadyAdded,
}

impl Refusal {
    /// The message key that screens translate.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Closed => "refusal-case-closed",
            Self::NotOpen => "refusal-case-not-open",
            Self::NotClosed => "refusal-case-not-closed",
            Self::OwnerNotAPerson => "refusal-case-owner",
            Self::AlertAlreadyAdded => "refusal-case-alert-added",
        }
    }
}

/// Hours after which an open case without an owner is a duty of the operator. Source: our default.
pub const TAKE_WITHIN_HOURS: i64 = 1;

impl Command {
    /// The documents saved with the facts.
    pub fn documents(&self) -> Vec<&Document> {
        match self {
            Self::Open { title, evidence, .. } => std::iter::once(title).chain(evidence).collect(),
            Self::Note(document) => vec![document],
            Self::AddAlert { evidence, .. } => evidence.iter().collect(),
            Self::Take | Self::Contain | Self::Close(_) | Self::Reopen => Vec::new(),
        }
    }
}

/// Decides a command. `state` is none where the case does not exist yet.
pub fn decide(state: Option<&Case>, command: &Command, context: &Context) -> Result<Vec<Fact>, super::Refusal> {
    if context.actor.role() < Role::Operator {
        return Err(super::Refusal::RoleTooLow { needs: Role::Operator });
    }
    let (at, by) = (context.now, context.actor.clone());
    let state = match (state, command) {
        (None, Command::Open { sort, title, alert, warning, evidence, drill }) => {
            return Ok(vec![Fact::Opened {
                at,
                by,
                sort: *sort,
                title: title.reference(),
                alert: *alert,
                warning: *warning,
                evidence: evidence.iter().map(Document::reference).collect(),
                marking: Marking::default(),
                drill: *drill,
            }]);
        }
        (Some(_), Command::Open { .. }) => return Err(super::Refusal::Exists),
        (None, _) => return Err(super::Refusal::NotFound),
        (Some(state), _) => state,
    };
    if state.stage == Stage::Closed && !matches!(command, Command::Reopen) {
        return Err(Refusal::Closed.into());
    }
    decide_existing(state, command, at, by).map_err(Into::into)
}

fn decide_existing(state: &Case, command: &Command, at: Timestamp, by: Actor) -> Result<Vec<Fact>, Refusal> {
    let fact = match command {
        Command::Open { .. } => return Ok(Vec::new()),
        Command::Take => match by {
            Actor::Person { account, .. } if state.owner == Some(account) => return Ok(Vec::new()),
            Actor::Person { account, .. } => Fact::Taken { at, owner: account },
            Actor::Policy { .. } | Actor::Peer { .. } => return Err(Refusal::OwnerNotAPerson),
        },
        Command::Note(document) => Fact::Noted { at, by, document: document.reference() },
        Command::AddAlert { alert, .. } if state.alerts.contains(alert) => return Err(Refusal::AlertAlreadyAdded),
        Command::AddAlert { alert, evidence } => {
            Fact::AlertAdded { at, by, alert: *alert, evidence: evidence.iter().map(Document::reference).collect() }
        }
        Command::Contain if state.stage == Stage::Open => Fact::Contained { at, by },
        Command::Contain => return Err(Refusal::NotOpen),
        Command::Close(outcome) => Fact::Closed { at, by, outcome: *outcome },
        Command::Reopen if state.stage == Stage::Closed => Fact::Reopened { at, by },
        Command::Reopen => return Err(Refusal::NotClosed),
    };
    Ok(vec![fact])
}

/// The state that the first fact of a case makes; none for a fact that cannot be first.
pub fn first(fact: &Fact) -> Option<Case> {
    let Fact::Opened { at, sort, title, alert, warning, evidence, marking, drill, .. } = fact else { return None };
    Some(Case {
        sort: *sort,
        stage: Stage::Open,
        title: title.clone(),
        opened_at: *at,
        owner: None,
        alerts: alert.iter().copied().collect(),
        warnings: warning.iter().copied().collect(),
        evidence: evidence.clone(),
        notes: Vec::new(),
        outcome: None,
        marking: *marking,
        drill: *drill,
    })
}

/// Applies a later fact. Total.
pub fn apply(state: &mut Case, fact: &Fact) {
    match fact {
        Fact::Opened { .. } => {}
        Fact::Taken { owner, .. } => state.owner = Some(*owner),
        Fact::Noted { at, by, document } => {
            state.notes.push(Note { at: *at, by: by.clone(), document: document.clone() });
        }
        Fact::AlertAdded { alert, evidence, .. } => {
            state.alerts.push(*alert);
            state.evidence.extend(evidence.iter().cloned());
        }
        Fact::Contained { .. } => state.stage = Stage::Contained,
        Fact::Closed { outcome, .. } => {
            state.stage = Stage::Closed;
            state.outcome = Some(*outcome);
        }
        Fact::Reopened { .. } => {
            state.stage = Stage::Open;
            state.outcome = None;
        }
    }
}

/// An open case that nobody owns is somebody's duty.
pub fn duties(state: &Case) -> Vec<Duty> {
    if state.stage == Stage::Closed || state.owner.is_some() {
        return Vec::new();
    }
    vec![Duty {
        key: "take".to_owned(),
        due_at: state.opened_at + SignedDuration::from_hours(TAKE_WITHIN_HOURS),
        bearer: Role::Operator,
        citation: "Lazaret default: an open case has an owner within one hour".to_owned(),
    }]
}

/// What lists of cases filter and sort by.
pub fn facets(state: &Case) -> Vec<(&'static str, String)> {
    let mut facets = vec![
        ("stage", state.stage.as_str().to_owned()),
        ("sort", state.sort.as_str().to_owned()),
        ("opened_at", state.opened_at.to_string()),
    ];
    facets.extend(state.owner.map(|owner| ("owner", owner.to_string())));
    facets.extend(state.alerts.iter().map(|alert| ("alert", alert.to_string())));
    facets.extend(state.warnings.iter().map(|warning| ("warning", warning.to_string())));
    facets
}

#[cfg(test)]
mod tests;
