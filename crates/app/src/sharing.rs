//! What leaves this node: the next items exactly as they will be sent, the last fifty as they were, and the policy.

use domain::party::Role;
use store::{Depth, Gap, OutboxItem};

use crate::config::Outgoing;
use crate::{Answers, App, Result, Session, SupplierList};

/// The setting that overrides the configured policy for sightings.
const POLICY: &str = "sharing-sightings";
/// The setting that holds answers about suppliers and products.
const ANSWERS: &str = "supplier-answers";
/// How many items a page shows each way.
const SHOWN_MAX: u32 = 50;

/// Everything the Sharing page shows.
#[derive(Debug, Clone)]
pub struct Sharing {
    /// What happens to new sightings.
    pub policy: Outgoing,
    /// What waits, in the order it will leave.
    pub next: Vec<OutboxItemView>,
    /// What a person has to release or drop.
    pub held: Vec<OutboxItemView>,
    /// The last items that left and that the hub has.
    pub sent: Vec<OutboxItemView>,
    /// The last items that left and that the hub did not take.
    pub not_taken: Vec<OutboxItemView>,
    /// How much waits, by lane.
    pub depth: Vec<Depth>,
    /// What was dropped because a limit was reached.
    pub gaps: Vec<Gap>,
}

/// One item with its bytes as text.
#[derive(Debug, Clone)]
pub struct OutboxItemView {
    /// The item.
    pub item: OutboxItem,
    /// Its bytes as indented JSON: the same values, other white space.
    pub text: String,
}

impl App {
    /// What leaves, before it leaves.
    pub async fn sharing(&self) -> Result<Sharing> {
        let view = |items: Vec<OutboxItem>| items.into_iter().map(OutboxItemView::new).collect();
        Ok(Sharing {
            policy: self.sharing_policy().await?,
            next: view(self.store.outbox_pending(SHOWN_MAX).await?),
            held: view(self.store.outbox_held(SHOWN_MAX).await?),
            sent: view(self.store.outbox_recent_sent(SHOWN_MAX).await?),
            not_taken: view(self.store.outbox_not_taken(SHOWN_MAX).await?),
            depth: self.store.outbox_depth().await?,
            gaps: self.store.outbox_gaps(SHOWN_MAX).await?,
        })
    }

    /// What happens to new sightings: what a person set, else what the configuration says.
    pub async fn sharing_policy(&self) -> Result<Outgoing> {
        match self.store.setting(POLICY).await? {
            Some(json) => Ok(serde_json::from_str(&json)?),
            None => Ok(self.config.sightings),
        }
    }

    /// Sets what happens to new sightings.
    pub async fn set_sharing_policy(&self, session: &Session, policy: Outgoing) -> Result<()> {
        session.needs(Role::Admin)?;
        let json = serde_json::to_string(&policy)?;
        let audit = self.audit_line(session.actor(), "sharing-policy-set", POLICY, &json);
        self.store.set_setting(POLICY, &json, audit).await?;
        self.changed();
        Ok(())
    }

    /// Lets one held item leave.
    pub async fn release_held(&self, session: &Session, position: i64) -> Result<()> {
        session.needs(Role::Operator)?;
        let audit = self.audit_line(session.actor(), "outbox-released", &position.to_string(), "");
        self.store.release_held(position, audit).await?;
        self.wake_outbox();
        self.changed();
        Ok(())
    }

    /// Drops one held item; it never leaves.
    pub async fn drop_held(&self, session: &Session, position: i64) -> Result<()> {
        session.needs(Role::Operator)?;
        let audit = self.audit_line(session.actor(), "outbox-dropped", &position.to_string(), "");
        self.store.drop_held(position, audit).await?;
        self.changed();
        Ok(())
    }

    /// The list of suppliers and products.
    pub fn supplier_list(&self) -> &SupplierList {
        &self.suppliers
    }

    /// What this hospital answered about them.
    pub async fn supplier_answers(&self) -> Result<Answers> {
        match self.store.setting(ANSWERS).await? {
            Some(json) => Ok(serde_json::from_str(&json)?),
            None => Ok(Answers::default()),
        }
    }

    /// Keeps the answers, and decides the verdicts of warnings in force anew.
    pub async fn set_supplier_answers(&self, session: &Session, answers: &Answers) -> Result<()> {
        session.needs(Role::Operator)?;
        self.keep_supplier_answers(session.actor(), answers).await?;
        self.decide_verdicts_again().await
    }

    /// Keeps answers given at installation, by the command line.
    pub async fn keep_supplier_answers(&self, by: domain::party::Actor, answers: &Answers) -> Result<()> {
        let audit = self.audit_line(by, "suppliers-answered", ANSWERS, &answers.0.len().to_string());
        self.store.set_setting(ANSWERS, &serde_json::to_string(answers)?, audit).await?;
        self.changed();
        Ok(())
    }
}

impl OutboxItemView {
    fn new(item: OutboxItem) -> Self {
        let text = serde_json::from_slice::<serde_json::Value>(&item.body)
            .and_then(|value| serde_json::to_string_pretty(&value))
            .unwrap_or_else(|_| String::from_utf8_lossy(&item.body).into_owned());
        Self { item, text }
    }
}
