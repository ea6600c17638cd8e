//! The warning desk of a hub: proposals with their evidence, warning on one source, approving, declining, updating,
//! withdrawing, and how far a warning reached.

use std::collections::BTreeMap;

use domain::marking::Marking;
use domain::party::Role;
use domain::record::warning::{self, Warning};
use domain::record::{Command, Kind, RecordId, State};
use domain::release::{
    Basis, OutsideSource, WARNING_INDICATORS_MAX, WARNING_RULE_BYTES_MAX, WARNING_RULES_MAX, WarningContent,
    WithdrawalReason,
};
use domain::telemetry::Verdict;
use jiff::SignedDuration;
use store::{Delivery, DeliveryState, JournalEntry, Page, RecordQuery, StoredRecord, SuspectedRule};
use uuid::Uuid;

use crate::cases::checked;
use crate::{App, Error, Result, Session};

/// The longest a warning's title may be, in characters.
const TITLE_CHARS_MAX: usize = 200;
/// The longest each of its texts may be, in characters.
const TEXT_CHARS_MAX: usize = 10_000;

/// The most other warnings of one attack that a page shows.
const SAME_ATTACK_MAX: u32 = 20;

/// A warning in a list.
#[derive(Debug, Clone)]
pub struct WarningRow {
    /// Its id.
    pub id: RecordId,
    /// Its state.
    pub warning: Warning,
    /// The newest version's content.
    pub content: WarningContent,
}

/// One warning with everything a page shows.
#[derive(Debug, Clone)]
pub struct WarningView {
    /// The row.
    pub row: WarningRow,
    /// Who proposed and who approved it, by name.
    pub proposer: String,
    /// Who approved it.
    pub approver: Option<String>,
    /// The sightings behind it, as far as they are kept.
    pub sightings: Vec<domain::cluster::Seen>,
    /// Where it went: member by name.
    pub deliveries: Vec<(Delivery, String)>,
    /// How far it reached.
    pub reach: Reach,
    /// What happened to it, oldest first.
    pub journal: Vec<JournalEntry>,
    /// This hub's other warnings of the same attack, newest first.
    pub others: Vec<WarningRow>,
}

/// How far a warning reached, in members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    /// Members it may reach.
    pub members: u64,
    /// Members to whose stream it was written.
    pub sent: u64,
    /// Members that confirmed to have it.
    pub received: u64,
    /// Answered: hit.
    pub hit: u64,
    /// Answered: exposed, not hit.
    pub exposed: u64,
    /// Answered: not concerned.
    pub not_concerned: u64,
    /// Answered: cannot tell.
    pub cannot_tell: u64,
}

impl App {
    /// Warnings of this hub, newest first. Shape: `query.kind` is ignored.
    pub async fn warnings(&self, query: RecordQuery) -> Result<Page<WarningRow>> {
        let page = self.store.list_records(RecordQuery { kind: Kind::Warning, ..query }).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for record in page.items {
            items.push(self.warning_row(record).await?);
        }
        Ok(Page { items, more: page.more, total: page.total })
    }

    /// One warning with its evidence and its reach.
    pub async fn warning(&self, id: RecordId) -> Result<WarningView> {
        let record = self.store.load(&[id]).await?.pop().ok_or(Error::NotFound)?;
        let row = self.warning_row(record).await?;
        let names = self.account_names().await?;
        let members = self.member_names().await?;
        let deliveries = self.store.deliveries(id.0).await?;
        let reach = reach(&deliveries, members.len() as u64);
        let since =
            row.warning.proposed_at - SignedDuration::from_hours(i64::from(self.config.thresholds.window_hours_max()));
        let keys = content_keys(&row.content);
        let query = store::SightingQuery { since: Some(since), keys, limit: 500, ..Default::default() };
        let sightings = self.store.sightings(query).await?;
        let named = |delivery: Delivery| {
            let name = members.get(&delivery.member).cloned().unwrap_or_default();
            (delivery, name)
        };
        Ok(WarningView {
            proposer: crate::audit::actor_name(&row.warning.proposer, &names),
            approver: row.warning.approver.as_ref().map(|actor| crate::audit::actor_name(actor, &names)),
            sightings,
            deliveries: deliveries.into_iter().map(named).collect(),
            reach,
            journal: self.store.journal(id).await?,
            others: self.same_attack(&row).await?,
            row,
        })
    }

    async fn same_attack(&self, row: &WarningRow) -> Result<Vec<WarningRow>> {
        let facets = vec![("cluster".to_owned(), row.warning.cluster.to_string())];
        let mut found = self.warnings(RecordQuery { facets, limit: SAME_ATTACK_MAX, ..RecordQuery::default() }).await?;
        found.items.retain(|other| other.id != row.id);
        Ok(found.items)
    }

    async fn warning_row(&self, record: StoredRecord) -> Result<WarningRow> {
        let State::Warning(warning) = record.state else { return Err(Error::NotFound) };
        let text = self.text_of(warning.content.id).await?;
        Ok(WarningRow { id: record.id, content: serde_json::from_str(&text)?, warning })
    }

    /// Proposes a warning on one source; somebody else approves it.
    pub async fn propose_warning(
        &self,
        session: &Session,
        content: WarningContent,
        source: OutsideSource,
        marking: Marking,
    ) -> Result<RecordId> {
        let id = self.new_record_id()?;
        let content = WarningContent { basis: Basis::OneSource { source }, ..checked_content(content)? };
        let propose = warning::Command::Propose {
            cluster: id.0,
            basis: content.basis.clone(),
            content: self.document(&serde_json::to_string(&content)?)?,
            marking,
            drill: false,
        };
        self.execute(Command::Warning(id, propose), session.actor()).await?;
        Ok(id)
    }

    /// Approves a proposal and sends it. The proposer cannot.
    pub async fn approve_warning(&self, session: &Session, id: RecordId) -> Result<()> {
        self.approve_and_send(id, session.actor()).await
    }

    /// Declines a proposal.
    pub async fn decline_warning(&self, session: &Session, id: RecordId) -> Result<()> {
        self.execute(Command::Warning(id, warning::Command::Decline), session.actor()).await.map(drop)
    }

    /// Proposes the next version of a warning in force.
    pub async fn update_warning(&self, session: &Session, id: RecordId, content: WarningContent) -> Result<()> {
        let content = checked_content(content)?;
        let basis = content.basis.clone();
        let content = self.document(&serde_json::to_string(&content)?)?;
        self.execute(Command::Warning(id, warning::Command::Update { content, basis }), session.actor()).await.map(drop)
    }

    /// Takes a warning back everywhere.
    pub async fn withdraw_warning(&self, session: &Session, id: RecordId, reason: WithdrawalReason) -> Result<()> {
        self.execute(Command::Warning(id, warning::Command::Withdraw(reason)), session.actor()).await.map(drop)
    }

    /// Rules that fired everywhere at once and wait for somebody to look.
    pub async fn suspected_rules(&self) -> Result<Vec<SuspectedRule>> {
        let rules = self.store.suspected_rules().await?;
        Ok(rules.into_iter().filter(|rule| rule.cleared_at.is_none()).collect())
    }

    /// Says that somebody looked at a suspected rule.
    pub async fn clear_suspected_rule(&self, session: &Session, rule_id: &str) -> Result<()> {
        session.needs(Role::Operator)?;
        let audit = self.audit_line(session.actor(), "suspected-rule-cleared", rule_id, "");
        self.store.clear_suspected_rule(rule_id, audit).await?;
        self.changed();
        Ok(())
    }
}

/// A content from a form: texts in their lengths, values and rules within the limits of a release.
fn checked_content(mut content: WarningContent) -> Result<WarningContent> {
    content.title = checked(&content.title, TITLE_CHARS_MAX, "input-warning-title")?.to_owned();
    content.summary = checked(&content.summary, TEXT_CHARS_MAX, "input-warning-summary")?.to_owned();
    content.advice = checked(&content.advice, TEXT_CHARS_MAX, "input-warning-advice")?.to_owned();
    if content.indicators.len() > WARNING_INDICATORS_MAX {
        return Err(Error::Input { code: "input-warning-indicators" });
    }
    let oversized = |rule: &String| rule.len() > WARNING_RULE_BYTES_MAX;
    if content.rules.len() > WARNING_RULES_MAX || content.rules.iter().any(oversized) {
        return Err(Error::Input { code: "input-warning-rules" });
    }
    let texts: Vec<_> = content
        .rules
        .iter()
        .map(|text| detect::sigma::RuleText {
            path: "rule".to_owned(),
            text: text.clone(),
            origin: detect::sigma::RuleOrigin::Warning(Uuid::nil().to_string()),
            mark: None,
        })
        .collect();
    let (_, problems) = detect::sigma::RuleSet::parse(&texts);
    if problems.is_empty() { Ok(content) } else { Err(Error::Input { code: "input-warning-rules" }) }
}

/// The keys under which the evidence of a content is found.
pub(crate) fn content_keys(content: &WarningContent) -> Vec<String> {
    use domain::cluster::Key;
    use domain::telemetry::Observable;
    let values = content.indicators.iter().map(|indicator| Key::Indicator {
        observable: Observable { kind: indicator.kind, value: indicator.value.clone() },
    });
    let family = || content.family.clone();
    let suppliers =
        content.suppliers.iter().map(|supplier| Key::Supplier { supplier: supplier.clone(), family: family() });
    let alone = (content.indicators.is_empty() && content.suppliers.is_empty() && !content.family.is_empty())
        .then(|| Key::Family { family: family() });
    values.chain(suppliers).chain(alone).map(|key| key.text()).collect()
}

pub(crate) fn reach(deliveries: &[Delivery], members: u64) -> Reach {
    let mut newest: BTreeMap<&str, (u32, &DeliveryState)> = BTreeMap::new();
    for delivery in deliveries {
        let entry = newest.entry(&delivery.member.0).or_insert((delivery.version, &delivery.state));
        if delivery.version >= entry.0 {
            *entry = (delivery.version, &delivery.state);
        }
    }
    let mut reach = Reach { members, sent: newest.len() as u64, ..Reach::default() };
    for (_, state) in newest.values() {
        match state {
            DeliveryState::Sent => {}
            DeliveryState::Received => reach.received += 1,
            DeliveryState::Verdict(verdict) => {
                reach.received += 1;
                match verdict {
                    Verdict::Hit => reach.hit += 1,
                    Verdict::Exposed => reach.exposed += 1,
                    Verdict::NotConcerned => reach.not_concerned += 1,
                    Verdict::CannotTell => reach.cannot_tell += 1,
                }
            }
        }
    }
    reach
}
