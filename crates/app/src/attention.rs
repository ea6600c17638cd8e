//! What needs somebody now, in one list with the nearest time first: the *Now* page and the state line of every page.

use std::collections::BTreeMap;

use domain::party::{NodeId, Role};
use domain::reach::{About, Gap, Notice};
use domain::telemetry::{Level, Verdict};
use jiff::{SignedDuration, Timestamp};
use store::{Alert, DutyRow, Exception, ReceivedWarning, SuspectedRule};

use crate::{App, CALLING_MAX, ReceivedState, Result, Trouble};

/// How long a loss is shown.
const SHOWN_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many losses are looked at.
const LOSSES_MAX: u32 = 1_000;
/// How many duties are looked at.
const DUTIES_MAX: u32 = 200;

/// How the link to the hub stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LinkState {
    /// No hub is configured.
    #[default]
    Alone,
    /// The hub is reached.
    Connected {
        /// Its name.
        peer: String,
        /// Since when.
        since: Timestamp,
    },
    /// The hub is not reached; what waits is kept here and will be sent.
    Disconnected {
        /// Its name.
        peer: String,
        /// Since when.
        since: Timestamp,
    },
}

/// What needs somebody now.
#[derive(Debug, Clone)]
pub struct Attention {
    /// When this was true.
    pub as_of: Timestamp,
    /// What needs somebody, most urgent first.
    pub items: Vec<AttentionItem>,
    /// How the link stands.
    pub link: LinkState,
    /// How many items wait for the hub.
    pub waiting: u64,
}

/// One thing that needs somebody.
#[derive(Debug, Clone)]
pub struct AttentionItem {
    /// What.
    pub what: What,
    /// By when, where there is a time.
    pub due_at: Option<Timestamp>,
    /// How soon.
    pub urgency: Urgency,
}

/// How soon something needs somebody. Ordered: the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// At once.
    Now,
    /// Today.
    Today,
    /// When there is time.
    Later,
}

/// What needs somebody.
#[derive(Debug, Clone)]
pub enum What {
    /// An alert of today.
    Alert(Box<Alert>),
    /// A warning in force that this hospital is hit by or exposed to.
    Warning(Box<ReceivedWarning>),
    /// A warning whose indicators would match too much here: a person decides.
    HeldWarning(Box<ReceivedWarning>),
    /// A duty of a record, with the record's title.
    Duty(Box<DutyRow>, String),
    /// A member sent other bytes under a name that was taken: it was restored from a backup, or worse.
    Conflict {
        /// The member.
        member: String,
        /// How many items.
        items: u64,
    },
    /// What the hub did not take in the last week, with its reason for the newest; none: it holds other bytes.
    NotTaken {
        /// How many items.
        items: u64,
        /// Its reason, in its words.
        why: Option<String>,
    },
    /// A member's clock is a day or more off: what it says about time is wrong.
    MemberClock {
        /// The member.
        member: String,
        /// How far; above zero: behind.
        off: SignedDuration,
    },
    /// Sightings that a member had to drop in the last week.
    MemberDropped {
        /// The member.
        member: String,
        /// How many.
        dropped: u64,
    },
    /// Releases that the hub no longer kept when this node came back. Units: positions of its log.
    MissedAtHub(u64),
    /// Sightings that were dropped here in the last week because the hub was away too long. Units: sightings.
    Dropped(u64),
    /// A rule that fired everywhere at once.
    RuleSuspected(SuspectedRule),
    /// Something is wrong with this node itself, or with a source or member of it.
    Trouble(Box<Trouble>),
    /// An exception that stops working within a week.
    ExceptionEnds(Box<Exception>),
    /// Nobody has said which suppliers are used, so verdicts are *cannot tell*.
    SuppliersUnanswered,
    /// No source has sent anything yet.
    NoSource,
    /// A notice that nobody has acknowledged and that has no other item here.
    Notice(Box<Notice>),
    /// Nobody would be called.
    NobodyReached(Gap),
    /// The printed code was used and must be replaced.
    BreakGlassUsed(Box<store::BreakGlass>),
}

impl App {
    /// What needs somebody now, for a reader of any role.
    pub async fn attention(&self) -> Result<Attention> {
        let mut items = Vec::new();
        for alert in self.today().await?.cards {
            let urgency = if alert.level == Level::Critical { Urgency::Now } else { Urgency::Today };
            items.push(AttentionItem { what: What::Alert(Box::new(alert)), due_at: None, urgency });
        }
        for warning in self.received().await? {
            items.extend(warning_item(warning));
        }
        for duty in self.store.duties(DUTIES_MAX).await? {
            let urgency = if duty.duty.due_at <= self.now() { Urgency::Now } else { Urgency::Today };
            let (due_at, title) = (Some(duty.duty.due_at), self.title_of(&duty).await?);
            items.push(AttentionItem { what: What::Duty(Box::new(duty), title), due_at, urgency });
        }
        for rule in self.suspected_rules().await? {
            items.push(AttentionItem { what: What::RuleSuspected(rule), due_at: None, urgency: Urgency::Today });
        }
        for trouble in self.troubles().await? {
            let urgency = trouble.urgency();
            items.push(AttentionItem { what: What::Trouble(Box::new(trouble)), due_at: None, urgency });
        }
        items.extend(self.exception_items().await?);
        items.extend(self.loss_items().await?);
        items.extend(self.break_glass_used().await?.map(|used| AttentionItem {
            what: What::BreakGlassUsed(Box::new(used)),
            due_at: None,
            urgency: Urgency::Now,
        }));
        items.extend(self.set_up_items().await?);
        items.extend(self.reach_items().await?);
        items.sort_by_key(|item| (item.urgency, item.due_at.unwrap_or(Timestamp::MAX)));
        let depth = self.store.outbox_depth().await?;
        let waiting = depth.iter().map(|lane| lane.waiting).sum();
        Ok(Attention { as_of: self.now(), items, link: self.link_state(), waiting })
    }

    async fn loss_items(&self) -> Result<Vec<AttentionItem>> {
        let since = self.now() - SHOWN_FOR;
        let today = |what| AttentionItem { what, due_at: None, urgency: Urgency::Today };
        let mut conflicts: BTreeMap<NodeId, u64> = BTreeMap::new();
        for conflict in self.store.inbox_conflicts(LOSSES_MAX).await? {
            if conflict.at >= since {
                *conflicts.entry(conflict.origin).or_default() += 1;
            }
        }
        let names = self.member_names().await?;
        let gaps = self.store.outbox_gaps(LOSSES_MAX).await?;
        let dropped: u64 = gaps.iter().filter(|gap| gap.to >= since).map(|gap| gap.dropped).sum();
        let conflict = |(node, items): (NodeId, u64)| {
            let member = names.get(&node).cloned().unwrap_or_else(|| node.0.clone());
            today(What::Conflict { member, items })
        };
        let mut items: Vec<AttentionItem> = conflicts.into_iter().map(conflict).collect();
        if dropped > 0 {
            items.push(today(What::Dropped(dropped)));
        }
        items.extend(self.not_taken_item(since).await?.map(today));
        let missed = self.hub_gap().await?.filter(|gap| gap.at >= since);
        items.extend(missed.map(|gap| today(What::MissedAtHub(gap.missing))));
        let clocks = self.wrong_clocks().await?;
        items.extend(clocks.into_iter().map(|(_, member, off)| today(What::MemberClock { member, off })));
        let mut losses: BTreeMap<NodeId, u64> = BTreeMap::new();
        for gap in self.member_gaps(since).await? {
            *losses.entry(gap.member).or_default() += gap.dropped;
        }
        items.extend(losses.into_iter().map(|(node, dropped)| {
            let member = names.get(&node).cloned().unwrap_or_else(|| node.0.clone());
            today(What::MemberDropped { member, dropped })
        }));
        Ok(items)
    }

    async fn not_taken_item(&self, since: Timestamp) -> Result<Option<What>> {
        let mut recent = self.store.outbox_not_taken(LOSSES_MAX).await?;
        recent.retain(|item| item.sent_at.is_some_and(|at| at >= since));
        let why = match recent.first().and_then(|newest| newest.not_taken.clone()) {
            Some(store::NotTaken::Refused { why }) => Some(why),
            Some(store::NotTaken::Conflict) | None => None,
        };
        Ok((!recent.is_empty()).then_some(What::NotTaken { items: recent.len() as u64, why }))
    }

    async fn set_up_items(&self) -> Result<Vec<AttentionItem>> {
        let later = |what| AttentionItem { what, due_at: None, urgency: Urgency::Later };
        let mut items = Vec::new();
        if self.config.listens && self.store.sources().await?.is_empty() {
            items.push(later(What::NoSource));
        }
        if self.config.listens && self.supplier_answers().await?.0.is_empty() {
            items.push(later(What::SuppliersUnanswered));
        }
        Ok(items)
    }

    /// What nobody acknowledged, and that nobody can be reached. A node without any channel is told when there is time;
    /// one that has a channel and nobody to call needs somebody today.
    async fn reach_items(&self) -> Result<Vec<AttentionItem>> {
        let mut items = Vec::new();
        for notice in self.store.open_notices(CALLING_MAX).await? {
            let elsewhere = matches!(notice.about, About::Alert { .. } | About::Hit { .. } | About::Test { .. });
            let urgency = if notice.level == Level::Critical { Urgency::Now } else { Urgency::Today };
            if !elsewhere {
                items.push(AttentionItem { what: What::Notice(Box::new(notice)), due_at: None, urgency });
            }
        }
        let view = self.rota_view().await?;
        let urgency = if view.channels.is_empty() { Urgency::Later } else { Urgency::Today };
        if let Some(gap) = view.gap.filter(|_| self.config.listens || !view.channels.is_empty()) {
            items.push(AttentionItem { what: What::NobodyReached(gap), due_at: None, urgency });
        }
        Ok(items)
    }

    async fn title_of(&self, duty: &DutyRow) -> Result<String> {
        use domain::record::Kind;
        match duty.kind {
            Kind::Case => Ok(self.case(duty.record).await?.row.title),
            Kind::Warning => Ok(self.warning(duty.record).await?.row.content.title),
        }
    }
}

fn warning_item(warning: ReceivedWarning) -> Option<AttentionItem> {
    let seen = warning.seen_by.is_some();
    let (what, urgency): (fn(Box<ReceivedWarning>) -> What, Urgency) = match (&warning.state, warning.verdict) {
        (ReceivedState::Held { .. }, _) => (What::HeldWarning, Urgency::Today),
        (ReceivedState::Live | ReceivedState::Trial, Verdict::Hit) => (What::Warning, Urgency::Now),
        (ReceivedState::Live | ReceivedState::Trial, Verdict::Exposed | Verdict::CannotTell) if !seen => {
            (What::Warning, Urgency::Today)
        }
        _ => return None,
    };
    Some(AttentionItem { what: what(Box::new(warning)), due_at: None, urgency })
}

impl AttentionItem {
    /// Who has to act.
    pub fn bearer(&self) -> Role {
        match &self.what {
            What::Duty(duty, _) => duty.duty.bearer,
            What::SuppliersUnanswered
            | What::NoSource
            | What::BreakGlassUsed(_)
            | What::RuleSuspected(_)
            | What::Conflict { .. }
            | What::NotTaken { .. }
            | What::MissedAtHub(_)
            | What::MemberClock { .. }
            | What::MemberDropped { .. }
            | What::Dropped(_)
            | What::NobodyReached(_)
            | What::Trouble(_) => Role::Admin,
            What::Alert(_) | What::Warning(_) | What::HeldWarning(_) | What::ExceptionEnds(_) | What::Notice(_) => {
                Role::Operator
            }
        }
    }
}
