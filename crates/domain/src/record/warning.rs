//! A warning: something this hub tells its members.
//!
//! `proposed → declined | approved → sent → withdrawn`; an update is a new version that goes through
//! `proposed → approved → sent` again while the sent one stays in force.
//! Received warnings are not this: they are deliveries at the hospital, with a verdict.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Context, Document, DocumentRef};
use crate::duty::Duty;
use crate::marking::Marking;
use crate::party::{Actor, Role};
use crate::release::{Basis, CORRELATED_HOSPITALS_MIN, WithdrawalReason};

/// The state of a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Which attack it speaks of.
    pub cluster: Uuid,
    /// Where the newest version stands.
    pub stage: Stage,
    /// The newest version, counting from 1.
    pub version: u32,
    /// The newest version's content: a document holding a `release::WarningContent` as JSON.
    pub content: DocumentRef,
    /// What the newest version rests on.
    pub basis: Basis,
    /// Who proposed the newest version; somebody else approves it.
    pub proposer: Actor,
    /// When the newest version was proposed.
    pub proposed_at: Timestamp,
    /// Who approved the newest version.
    pub approver: Option<Actor>,
    /// The highest version that was sent, and its content.
    pub sent: Option<Sent>,
    /// Why it was withdrawn; only where `stage` is withdrawn.
    pub withdrawal: Option<WithdrawalReason>,
    /// How far it may travel.
    pub marking: Marking,
    /// True where an exercise caused it.
    pub drill: bool,
}

/// The version in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its number.
    pub version: u32,
    /// When it was sent.
    pub at: Timestamp,
    /// Its content.
    pub content: DocumentRef,
}

/// Where the newest version of a warning stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Waiting for somebody other than the proposer.
    Proposed,
    /// Somebody said no.
    Declined,
    /// Somebody said yes; not sent yet.
    Approved,
    /// On its way to every member it may reach.
    Sent,
    /// Taken back.
    Withdrawn,
}

impl Stage {
    /// The stable word used in facets and message keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Declined => "declined",
            Self::Approved => "approved",
            Self::Sent => "sent",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// What somebody wants to happen to a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Propose a first version.
    Propose {
        /// Which attack.
        cluster: Uuid,
        /// A `release::WarningContent` as JSON.
        content: Document,
        /// What it rests on.
        basis: Basis,
        /// How far it may travel.
        marking: Marking,
        /// Whether an exercise causes it.
        drill: bool,
    },
    /// Propose the next version of one that is in force.
    Update {
        /// A `release::WarningContent` as JSON.
        content: Document,
        /// What it rests on now.
        basis: Basis,
    },
    /// Say yes to the proposed version.
    Approve,
    /// Say no to the proposed version.
    Decline,
    /// Put the approved version on its way.
    Send,
    /// Take it back.
    Withdraw(WithdrawalReason),
}

/// What happened to a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// A version was proposed.
    Proposed {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Actor,
        /// Which attack.
        cluster: Uuid,
        /// The version, counting from 1.
        version: u32,
        /// Its content.
        content: DocumentRef,
        /// What it rests on.
        basis: Basis,
        /// How far it may travel.
        marking: Marking,
        /// Whether an exercise caused it.
        drill: bool,
    },
    /// The proposed version was approved.
    Approved {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Actor,
    },
    /// The proposed version was declined.
    Declined {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Actor,
    },
    /// The approved version went on its way.
    Sent {
        /// When.
        at: Timestamp,
        /// Which version.
        version: u32,
    },
    /// It was taken back.
    Withdrawn {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Actor,
        /// Why.
        reason: WithdrawalReason,
    },
}

/// Why a warning refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A machine proposal rests on at least two hospitals.
    #[error("a machine's proposal rests on at least {CORRELATED_HOSPITALS_MIN} hospitals")]
    TooFewHospitals,
    /// A machine may not propose on one source.
    #[error("only a person may warn on one source")]
    OneSourceNeedsAPerson,
    /// Somebody else has to approve.
    #[error("somebody other than the proposer approves")]
    ProposerApproves,
    /// A policy may not approve what rests on one source.
    #[error("a policy does not approve what rests on one source")]
    PolicyOnOneSource,
    /// Nothing waits for a decision.
    #[error("nothing waits for a decision")]
    NotProposed,
    /// Only an approved version can be sent.
    #[error("the version is not approved")]
    NotApproved,
    /// It was never sent, so it can neither be updated nor withdrawn.
    #[error("the warning is not in force")]
    NotSent,
}

impl Refusal {
    /// The message key that screens translate.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooFewHospitals => "refusal-warning-too-few-hospitals",
            Self::OneSourceNeedsAPerson => "refusal-warning-one-source-person",
            Self::ProposerApproves => "refusal-warning-proposer-approves",
            Self::PolicyOnOneSource => "refusal-warning-policy-one-source",
            Self::NotProposed => "refusal-warning-not-proposed",
            Self::NotApproved => "refusal-warning-not-approved",
            Self::NotSent => "refusal-warning-not-sent",
        }
    }
}

/// Minutes within which somebody decides on a proposal. Source: our default.
pub const DECIDE_WITHIN_MINUTES: i64 = 30;

impl Command {
    /// The documents saved with the facts.
    pub fn documents(&self) -> Vec<&Document> {
        match self {
            Self::Propose { content, .. } | Self::Update { content, .. } => vec![content],
            Self::Approve | Self::Decline | Self::Send | Self::Withdraw(_) => Vec::new(),
        }
    }
}

/// Decides a command. `state` is none where the warning does not exist yet.
pub fn decide(state: Option<&Warning>, command: &Command, context: &Context) -> Result<Vec<Fact>, super::Refusal> {
    authorise(command, &context.actor)?;
    let (at, by) = (context.now, context.actor.clone());
    match (state, command) {
        (Some(_), Command::Propose { .. }) => Err(super::Refusal::Exists),
        (None, Command::Propose { cluster, content, basis, marking, drill }) => {
            check_basis(basis, &by)?;
            Ok(vec![Fact::Proposed {
                at,
                by,
                cluster: *cluster,
                version: 1,
                content: content.reference(),
                basis: basis.clone(),
                marking: *marking,
                drill: *drill,
            }])
        }
        (None, _) => Err(super::Refusal::NotFound),
        (Some(state), Command::Update { content, basis }) => {
            check_basis(basis, &by)?;
            if state.sent.is_none() || state.stage == Stage::Withdrawn {
                return Err(Refusal::NotSent.into());
            }
            Ok(vec![Fact::Proposed {
                at,
                by,
                cluster: state.cluster,
                version: state.version + 1,
                content: content.reference(),
                basis: basis.clone(),
                marking: state.marking,
                drill: state.drill,
            }])
        }
        (Some(state), _) => decide_existing(state, command, at, by).map_err(Into::into),
    }
}

fn authorise(command: &Command, actor: &Actor) -> Result<(), super::Refusal> {
    let needs = match command {
        Command::Propose { .. } | Command::Update { .. } => Role::Operator,
        Command::Approve | Command::Decline | Command::Send | Command::Withdraw(_) => Role::Approver,
    };
    if actor.role() < needs { Err(super::Refusal::RoleTooLow { needs }) } else { Ok(()) }
}

fn check_basis(basis: &Basis, by: &Actor) -> Result<(), Refusal> {
    match basis {
        Basis::Correlated { hospitals, .. } if *hospitals < CORRELATED_HOSPITALS_MIN => Err(Refusal::TooFewHospitals),
        Basis::OneSource { .. } if !matches!(by, Actor::Person { .. }) => Err(Refusal::OneSourceNeedsAPerson),
        Basis::Correlated { .. } | Basis::OneSource { .. } => Ok(()),
    }
}

fn decide_existing(state: &Warning, command: &Command, at: Timestamp, by: Actor) -> Result<Vec<Fact>, Refusal> {
    let fact = match command {
        Command::Propose { .. } | Command::Update { .. } => return Ok(Vec::new()),
        Command::Approve | Command::Decline if state.stage != Stage::Proposed => return Err(Refusal::NotProposed),
        Command::Approve => {
            if same_hand(&state.proposer, &by) {
                return Err(Refusal::ProposerApproves);
            }
            if matches!(by, Actor::Policy { .. }) && matches!(state.basis, Basis::OneSource { .. }) {
                return Err(Refusal::PolicyOnOneSource);
            }
            Fact::Approved { at, by }
        }
        Command::Decline => Fact::Declined { at, by },
        Command::Send if state.stage == Stage::Approved => Fact::Sent { at, version: state.version },
        Command::Send => return Err(Refusal::NotApproved),
        Command::Withdraw(_) if state.sent.is_none() || state.stage == Stage::Withdrawn => {
            return Err(Refusal::NotSent);
        }
        Command::Withdraw(reason) => Fact::Withdrawn { at, by, reason: *reason },
    };
    Ok(vec![fact])
}

/// Whether two actors are the same person. A policy that approves what the correlator proposed is not the same hand:
/// the proposal's threshold and the approval's policy are two written rules.
fn same_hand(proposer: &Actor, approver: &Actor) -> bool {
    match (proposer, approver) {
        (Actor::Person { account: one, .. }, Actor::Person { account: other, .. }) => one == other,
        _ => false,
    }
}

/// The state that the first fact of a warning makes; none for a fact that cannot be first.
pub fn first(fact: &Fact) -> Option<Warning> {
    let Fact::Proposed { at, by, cluster, version, content, basis, marking, drill } = fact else { return None };
    Some(Warning {
        cluster: *cluster,
        stage: Stage::Proposed,
        version: *version,
        content: content.clone(),
        basis: basis.clone(),
        proposer: by.clone(),
        proposed_at: *at,
        approver: None,
        sent: None,
        withdrawal: None,
        marking: *marking,
        drill: *drill,
    })
}

/// Applies a later fact. Total.
pub fn apply(state: &mut Warning, fact: &Fact) {
    match fact {
        Fact::Proposed { at, by, version, content, basis, .. } => {
            state.stage = Stage::Proposed;
            state.version = *version;
            state.content = content.clone();
            state.basis = basis.clone();
            state.proposer = by.clone();
            state.proposed_at = *at;
            state.approver = None;
        }
        Fact::Approved { by, .. } => {
            state.stage = Stage::Approved;
            state.approver = Some(by.clone());
        }
        Fact::Declined { .. } => state.stage = Stage::Declined,
        Fact::Sent { at, version } => {
            state.stage = Stage::Sent;
            state.sent = Some(Sent { version: *version, at: *at, content: state.content.clone() });
        }
        Fact::Withdrawn { reason, .. } => {
            state.stage = Stage::Withdrawn;
            state.withdrawal = Some(*reason);
        }
    }
}

/// What others are told when a fact happens: the version number it gets, and what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Higher than every version told before.
    pub version: u32,
    /// What is said.
    pub says: Says,
}

/// What an outgoing release says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// The warning whose content this document holds.
    Content(DocumentRef),
    /// That it no longer holds.
    Withdrawal(WithdrawalReason),
}

/// What a fact tells others, given the state after it; none for everything that stays inside.
pub fn outgoing(state: &Warning, fact: &Fact) -> Option<Outgoing> {
    match fact {
        Fact::Sent { version, .. } => Some(Outgoing { version: *version, says: Says::Content(state.content.clone()) }),
        Fact::Withdrawn { reason, .. } => {
            Some(Outgoing { version: state.version + 1, says: Says::Withdrawal(*reason) })
        }
        Fact::Proposed { .. } | Fact::Approved { .. } | Fact::Declined { .. } => None,
    }
}

/// A proposal waits for a decision, an approved version for its sending.
pub fn duties(state: &Warning) -> Vec<Duty> {
    let key = match state.stage {
        Stage::Proposed => "decide",
        Stage::Approved => "send",
        Stage::Declined | Stage::Sent | Stage::Withdrawn => return Vec::new(),
    };
    vec![Duty {
        key: key.to_owned(),
        due_at: state.proposed_at + SignedDuration::from_mins(DECIDE_WITHIN_MINUTES),
        bearer: Role::Approver,
        citation: "Lazaret default: a proposed warning is decided within 30 minutes".to_owned(),
    }]
}

/// What lists of warnings filter and sort by.
pub fn facets(state: &Warning) -> Vec<(&'static str, String)> {
    vec![
        ("stage", state.stage.as_str().to_owned()),
        ("cluster", state.cluster.to_string()),
        ("proposed_at", state.proposed_at.to_string()),
    ]
}

#[cfg(test)]
mod tests;
