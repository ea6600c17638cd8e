//! The audit as people read it: who did, read, changed or exported what. Every area writes its own lines.
//! A file of its own because reading the audit, and noting that something was read, is nobody else's business.

use std::collections::BTreeMap;

use domain::party::{Actor, Role};
use store::{AuditEntry, AuditQuery, NewAudit};
use uuid::Uuid;

use crate::{App, Result, Session};

/// A line of the audit with the name of who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// The line.
    pub entry: AuditEntry,
    /// Who, as people know them.
    pub who: String,
}

/// What the audit can be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditPeople {
    /// Everybody who did something: how they are asked for, and their name.
    pub who: Vec<(String, String)>,
    /// Every act there is a line of.
    pub verbs: Vec<String>,
}

impl App {
    /// The audit, newest first. Only for admins.
    pub async fn audit(&self, session: &Session, query: &AuditQuery, limit: u32) -> Result<Vec<AuditRow>> {
        session.needs(Role::Admin)?;
        let names = self.account_names().await?;
        let entries = self.store.audit_where(query, limit).await?;
        Ok(entries.into_iter().map(|entry| AuditRow { who: actor_name(&entry.actor, &names), entry }).collect())
    }

    /// Who and what the audit can be asked for. Only for admins.
    pub async fn audit_people(&self, session: &Session) -> Result<AuditPeople> {
        session.needs(Role::Admin)?;
        let names = self.account_names().await?;
        let actors = self.store.audit_actors().await?;
        let mut who: Vec<_> = actors.into_iter().map(|(key, actor)| (key, actor_name(&actor, &names))).collect();
        who.sort_by(|one, other| one.1.cmp(&other.1));
        Ok(AuditPeople { who, verbs: self.store.audit_verbs().await? })
    }

    /// Notes that somebody reads or exports something that is not theirs to forget: raw lines, evidence, a list.
    /// Once for each session, act and thing.
    pub async fn note_read(&self, session: &Session, verb: &str, object: &str) -> Result<()> {
        let audit = self.audit_line(session.actor(), verb, object, "");
        self.store.note_read(session.id, audit).await?;
        Ok(())
    }

    pub(crate) fn audit_line(&self, actor: Actor, verb: &str, object: &str, detail: &str) -> NewAudit {
        NewAudit { at: self.now(), actor, verb: verb.to_owned(), object: object.to_owned(), detail: detail.to_owned() }
    }
}

/// How screens name an actor.
pub(crate) fn actor_name(actor: &Actor, names: &BTreeMap<Uuid, String>) -> String {
    match actor {
        Actor::Person { account, .. } => names.get(account).cloned().unwrap_or_else(|| account.to_string()),
        Actor::Policy { name } => name.clone(),
        Actor::Peer { node } => node.0.chars().take(12).collect(),
    }
}
