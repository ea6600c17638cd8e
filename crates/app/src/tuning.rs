//! Tuning that lasts: exceptions from rules with reason, author, scope and end, and rules that are off.
//! A file of its own because every way of making the engine say less is here, is audited, and is counted.

use std::sync::Arc;

use detect::sigma::{Filter, RuleOrigin, RuleProblem, RuleText, Scope};
use domain::party::Role;
use jiff::{SignedDuration, Timestamp};
use store::{AlertState, Exception, ExceptionScope, NewException, RuleOff};
use uuid::Uuid;

use crate::{App, AttentionItem, Error, Result, Session, Urgency, What};

/// The longest an exception may last, in days.
pub const EXCEPTION_DAYS_MAX: u32 = 365;
/// How long it lasts unless somebody says otherwise, in days.
pub const EXCEPTION_DAYS_DEFAULT: u32 = 90;
/// So long before its end an exception is announced.
const ANNOUNCED_BEFORE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// In the last day the announcement is for today.
const LAST_DAY: SignedDuration = SignedDuration::from_hours(24);
/// The longest a reason may be, in characters.
const REASON_CHARS_MAX: usize = 500;
/// The longest a filter may be, in characters.
const FILTER_CHARS_MAX: usize = 20_000;
/// How many exceptions may work at once.
const EXCEPTIONS_MAX: usize = 1_000;

/// How many of them may be for one rule; rule files may bring further filters. Source: `sigma::filter`'s own limit.
const RULE_EXCEPTIONS_MAX: usize = 50;

/// What a person orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExceptionOrder {
    /// The rule it is for.
    pub rule_id: String,
    /// The Sigma filter.
    pub filter: String,
    /// Where it applies.
    pub scope: ExceptionScope,
    /// Why.
    pub reason: String,
    /// For how many days from now. Limits: 1 to [`EXCEPTION_DAYS_MAX`].
    pub days: u32,
    /// The alert it is made from.
    pub alert: Option<Uuid>,
}

/// What is wrong with a filter's text: for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterProblem {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub instead: String,
}

impl From<RuleProblem> for FilterProblem {
    fn from(problem: RuleProblem) -> Self {
        Self { line: problem.line, what: problem.what, instead: problem.instead }
    }
}

/// A filter's text as the engine takes it, under the id by which what it hides is counted.
pub(crate) fn read_filter(
    id: Uuid,
    text: &str,
    scope: &ExceptionScope,
) -> std::result::Result<Arc<Filter>, RuleProblem> {
    let path = format!("exception {id}");
    let text = RuleText { path, text: text.to_owned(), origin: RuleOrigin::Local, mark: None };
    let scope = match scope {
        ExceptionScope::Node => Scope::Everywhere,
        ExceptionScope::Source(key) => Scope::Source(key.clone()),
        ExceptionScope::Host(host) => Scope::Host(host.clone()),
    };
    Ok(Arc::new(Filter::parse(&text)?.within(scope).called(id.to_string())))
}

impl App {
    /// Reads an order's filter and holds it against the rules. Errors inside: what the person has to correct.
    pub(crate) fn checked_filter(
        &self,
        id: Uuid,
        order: &ExceptionOrder,
    ) -> std::result::Result<Arc<Filter>, FilterProblem> {
        let filter = read_filter(id, &order.filter, &order.scope)?;
        let own = self.engine.rule_set().behind(&order.rule_id);
        let problem = |what: String, instead: String| FilterProblem { line: 1, what, instead };
        let ids = || own.rules().iter().map(|rule| rule.meta.id.as_str()).collect::<Vec<_>>().join(", ");
        let Some(names) = filter.names() else {
            let what = "an exception for any rule of a logsource".to_owned();
            return Err(problem(what, format!("name the rules below 'rules:', here {}", ids())));
        };
        let is_own =
            |name: &str| own.rules().iter().any(|rule| rule.meta.id == name || rule.meta.name.as_deref() == Some(name));
        let names: Vec<&str> = names.collect();
        if !own.is_empty() && !names.iter().any(|name| is_own(name)) {
            let what = format!("the filter does not name the rule {}", order.rule_id);
            return Err(problem(what, format!("write below 'rules:' {}", ids())));
        }
        match self.engine.rule_set().filter(std::slice::from_ref(&filter)).into_iter().next() {
            Some(wrong) => Err(wrong.into()),
            None => Ok(filter),
        }
    }

    fn checked_order(&self, session: &Session, order: &ExceptionOrder) -> Result<Timestamp> {
        session.needs(Role::Operator)?;
        crate::cases::checked(&order.reason, REASON_CHARS_MAX, "input-exception-reason")?;
        crate::cases::checked(&order.filter, FILTER_CHARS_MAX, "input-exception-filter")?;
        self.checked_days(order.days)
    }

    fn checked_days(&self, days: u32) -> Result<Timestamp> {
        if !(1..=EXCEPTION_DAYS_MAX).contains(&days) {
            return Err(Error::Input { code: "input-exception-days" });
        }
        Ok(self.now() + SignedDuration::from_hours(24 * i64::from(days)))
    }

    /// Makes an exception; it works from the next batch on. The alert it is made from is put away with it.
    pub async fn add_exception(
        &self,
        session: &Session,
        order: &ExceptionOrder,
    ) -> Result<std::result::Result<Uuid, FilterProblem>> {
        let expires_at = self.checked_order(session, order)?;
        let now = self.now();
        let working: Vec<_> = self.store.exceptions().await?.into_iter().filter(|one| one.works(now)).collect();
        let of_rule = working.iter().filter(|one| one.rule_id == order.rule_id).count();
        if working.len() >= EXCEPTIONS_MAX || of_rule >= RULE_EXCEPTIONS_MAX {
            return Err(Error::Input { code: "input-exceptions-too-many" });
        }
        let id = uuid::Builder::from_random_bytes(crate::keys::random::<16>()?).into_uuid();
        let filter = match self.checked_filter(id, order) {
            Ok(filter) => filter,
            Err(problem) => return Ok(Err(problem)),
        };
        let new = NewException {
            id,
            rule_id: order.rule_id.clone(),
            rule_title: self.rule(&order.rule_id).map_or_else(|| order.rule_id.clone(), |rule| rule.title),
            filter: order.filter.clone(),
            scope: order.scope.clone(),
            reason: order.reason.trim().to_owned(),
            alert: order.alert,
            expires_at,
        };
        let audit = self.audit_line(session.actor(), "exception-added", &id.to_string(), &order.rule_id);
        self.store.add_exception(new, audit).await?;
        self.change_engine(move |engine| engine.except(id, expires_at, filter)).await?;
        if let Some(alert) = order.alert {
            self.put_away(session, alert).await?;
        }
        Ok(Ok(id))
    }

    /// Puts the alert away that turned out to be a false alarm, unless it is gone or in a case.
    async fn put_away(&self, session: &Session, alert: Uuid) -> Result<()> {
        match self.store.alert(alert).await? {
            Some(found) if found.state == AlertState::Open => self.dismiss_alert(session, alert).await,
            _ => Ok(()),
        }
    }

    /// Ends an exception at once.
    pub async fn end_exception(&self, session: &Session, id: Uuid) -> Result<()> {
        session.needs(Role::Operator)?;
        let audit = self.audit_line(session.actor(), "exception-ended", &id.to_string(), "");
        missing_is_not_found(self.store.end_exception(id, audit).await)?;
        self.change_engine(move |engine| engine.end_exceptions(&[id])).await
    }

    /// Lets an exception work for so many days from now, also one that has expired.
    pub async fn renew_exception(&self, session: &Session, id: Uuid, days: u32) -> Result<()> {
        session.needs(Role::Operator)?;
        let expires_at = self.checked_days(days)?;
        let audit = self.audit_line(session.actor(), "exception-renewed", &id.to_string(), &days.to_string());
        missing_is_not_found(self.store.renew_exception(id, expires_at, audit).await)?;
        let kept = self.store.exceptions().await?.into_iter().find(|exception| exception.id == id);
        let Some(kept) = kept.filter(|exception| exception.works(self.now())) else { return Ok(()) };
        match read_filter(id, &kept.filter, &kept.scope) {
            Ok(filter) => self.change_engine(move |engine| engine.except(id, expires_at, filter)).await,
            Err(problem) => {
                tracing::warn!(%problem, "an exception cannot be read any more");
                Ok(())
            }
        }
    }

    /// Switches a rule off, with a reason.
    pub async fn switch_rule_off(&self, session: &Session, rule_id: &str, reason: &str) -> Result<()> {
        session.needs(Role::Operator)?;
        let reason = crate::cases::checked(reason, REASON_CHARS_MAX, "input-rule-off-reason")?;
        let rule = self.rule(rule_id).ok_or(Error::NotFound)?;
        let off = RuleOff {
            rule_id: rule.id.clone(),
            rule_title: rule.title,
            reason: reason.to_owned(),
            author: session.actor(),
            since: self.now(),
        };
        let audit = self.audit_line(session.actor(), "rule-off", rule_id, "");
        if !self.store.switch_rule_off(off, audit).await? {
            return Ok(());
        }
        let id = rule.id;
        self.change_engine(move |engine| engine.switch(&id, Switch::Off)).await
    }

    /// Switches a rule on again.
    pub async fn switch_rule_on(&self, session: &Session, rule_id: &str) -> Result<()> {
        session.needs(Role::Operator)?;
        let audit = self.audit_line(session.actor(), "rule-on", rule_id, "");
        missing_is_not_found(self.store.switch_rule_on(rule_id, audit).await)?;
        let id = rule_id.to_owned();
        self.change_engine(move |engine| engine.switch(&id, Switch::On)).await
    }

    /// Changes the engine away from the loops: thousands of rules are compiled anew.
    async fn change_engine(&self, change: impl FnOnce(&crate::engine::Holder) + Send + 'static) -> Result<()> {
        let engine = Arc::clone(&self.engine);
        tokio::task::spawn_blocking(move || change(&engine)).await?;
        self.count_rebuild();
        self.changed();
        Ok(())
    }

    /// Takes exceptions out of the engine whose time is over; the scanner asks before each batch.
    pub(crate) fn drop_expired_exceptions(&self) {
        let expired = self.engine.expired_exceptions(self.now());
        if expired.is_empty() {
            return;
        }
        self.engine.end_exceptions(&expired);
        tracing::info!(expired = expired.len(), "exceptions have expired: their rules see everything again");
        self.count_rebuild();
        self.changed();
    }

    /// Exceptions that end soon, as what needs somebody.
    pub(crate) async fn exception_items(&self) -> Result<Vec<AttentionItem>> {
        let now = self.now();
        let ends_soon = |exception: &Exception| {
            exception.works(now) && exception.expires_at.duration_since(now) <= ANNOUNCED_BEFORE
        };
        let item = |exception: Exception| AttentionItem {
            due_at: Some(exception.expires_at),
            urgency: match exception.expires_at.duration_since(now) <= LAST_DAY {
                true => Urgency::Today,
                false => Urgency::Later,
            },
            what: What::ExceptionEnds(Box::new(exception)),
        };
        Ok(self.store.exceptions().await?.into_iter().filter(ends_soon).map(item).collect())
    }
}

/// Whether a rule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    /// It does.
    On,
    /// It does not.
    Off,
}

fn missing_is_not_found(done: std::result::Result<(), store::Error>) -> Result<()> {
    match done {
        Err(store::Error::Missing { .. }) => Err(Error::NotFound),
        other => Ok(other?),
    }
}
