//! Serves *Rules and exceptions*: the page, every rule, one rule, one exception, and what changes them.

use app::{EXCEPTION_DAYS_DEFAULT, Error, ExceptionView, RuleNoise, RuleState};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};
use uuid::Uuid;

use super::false_alarm::{DAYS, scope_words};
use super::fault::{Answer, Fault};
use super::form::{Signed, encoded};
use super::names::{choices, choices_or_any, rule_title};
use super::visitor::Visitor;
use crate::frame::{Place, Problem};
use crate::screen::rules::{
    ExceptionPage, ExceptionRow, NoiseRow, OffRow, RuleLine, RuleListPage, RulePage, RulesPage,
};
use crate::words::Words;

/// Rows of one page of the list of rules.
const ROWS_MAX: usize = 50;
const STATES: [RuleState; 4] = [RuleState::Runs, RuleState::NoSource, RuleState::CannotRun, RuleState::Off];

/// Where a rule's own page is.
pub(super) fn rule_href(id: &str) -> String {
    format!("/account/rules/one?id={}", encoded(id))
}

/// Everything on one page.
pub(super) async fn page(visitor: Visitor) -> Answer {
    let (app, words) = (&visitor.console.app, visitor.words());
    let view = app.rules_view().await?;
    let off = view.off.into_iter().map(|off| OffRow {
        href: rule_href(&off.off.rule_id),
        id: off.off.rule_id,
        title: off.off.rule_title,
        reason: off.off.reason,
        author: off.author,
        since: off.off.since,
    });
    let suspected = view.suspected.iter().map(|rule| {
        let says = words.n("rule-suspected", &u64::from(rule.hospitals));
        (rule_title(app, rule), rule_href(&rule.rule_id), says)
    });
    let page = RulesPage {
        running: view.running,
        exceptions: view.exceptions.iter().map(|view| exception_row(&words, view)).collect(),
        ended_count: view.ended.len() as u64,
        ended: view.ended.iter().map(|view| exception_row(&words, view)).collect(),
        off: off.collect(),
        noisy: view.noisy.into_iter().map(|noise| noise_row(&words, noise)).collect(),
        filters: view.filters.into_iter().map(|filter| (filter.title, filter.hidden)).collect(),
        suspected: suspected.collect(),
        f: visitor.frame("rules-title", None).await?,
    };
    Ok(Html(page.render()?).into_response())
}

fn noise_row(words: &Words, noise: RuleNoise) -> NoiseRow {
    let says = |alerts: u64, events: u64| {
        words.with_all("rules-noise", &[("alerts", &words.number(&alerts)), ("events", &words.number(&events))])
    };
    let share = noise.dismissed_long * 100 / noise.alerts_long.max(1);
    NoiseRow {
        // an indicator has no page of its own
        href: match noise.rule_id.strip_prefix("indicator:") {
            Some(value) => format!("/alerts/all?text={}", encoded(value)),
            None => rule_href(&noise.rule_id),
        },
        alerts_href: format!("/alerts/all?text={}", encoded(&noise.rule_id)),
        title: noise.rule_title,
        level: noise.level,
        week: says(noise.alerts_short, noise.events_short),
        month: says(noise.alerts_long, noise.events_long),
        dismissed: words.with("rules-share", "share", &share.to_string()),
    }
}

fn exception_row(words: &Words, view: &ExceptionView) -> ExceptionRow {
    let exception = &view.exception;
    ExceptionRow {
        id: exception.id.to_string(),
        rule: exception.rule_title.clone(),
        scope: scope_words(words, &exception.scope),
        reason: exception.reason.clone(),
        author: view.author.clone(),
        created_at: exception.created_at,
        expires_at: exception.ended_at.unwrap_or(exception.expires_at),
        hidden: exception.hidden,
        state: match &view.ended_by {
            Some(who) => words.with("exception-state-ended", "who", who),
            None if !view.works => words.t("exception-state-expired"),
            None if !view.rule_runs => words.t("exception-state-idle"),
            None => words.t("exception-state-works"),
        },
    }
}

/// Every rule; the URL is the view.
pub(super) async fn list(visitor: Visitor) -> Answer {
    let (app, words) = (&visitor.console.app, visitor.words());
    let (text, state) = (visitor.query.get("text"), visitor.query.get("state"));
    let from: usize = visitor.query.get("from").parse().unwrap_or(0);
    let rows = app.rule_rows(text, STATES.into_iter().find(|known| known.as_str() == state)).await?;
    let here = format!("/account/rules/all?state={}&text={}", encoded(state), encoded(text));
    let page = RuleListPage {
        f: visitor.frame("rules-list-title", None).await?,
        total: rows.len() as u64,
        text: text.to_owned(),
        states: choices_or_any(&words, "rule-state", &STATES.map(RuleState::as_str), state),
        first: (from > 0).then(|| here.clone()),
        more: (rows.len() > from.saturating_add(ROWS_MAX)).then(|| format!("{here}&from={}", from + ROWS_MAX)),
        rows: rows
            .into_iter()
            .skip(from)
            .take(ROWS_MAX)
            .map(|rule| RuleLine {
                href: rule_href(&rule.id),
                title: rule.title,
                level: rule.level,
                origin: rule.origin,
                logsource: rule.logsource,
                state: rule.state.as_str(),
                exceptions: rule.exceptions,
            })
            .collect(),
    };
    Ok(Html(page.render()?).into_response())
}

/// One rule.
pub(super) async fn one(visitor: Visitor) -> Answer {
    let id = visitor.query.get("id").to_owned();
    rule_page(&visitor, &id, "", Vec::new()).await
}

async fn rule_page(visitor: &Visitor, id: &str, reason: &str, problems: Vec<Problem>) -> Answer {
    let (app, words) = (&visitor.console.app, visitor.words());
    let rule = app.rule(id).ok_or(Error::NotFound)?;
    let suspected = app.suspected_rules().await?.into_iter().find(|rule| rule.rule_id == id);
    let off = app.rule_off(id).await?.map(|view| {
        let values = [("when", words.moment(&view.off.since)), ("who", view.author), ("reason", view.off.reason)];
        words.with_all("rule-off-since", &values.each_ref().map(|(name, value)| (*name, value.as_str())))
    });
    let mut f = visitor.frame("rules-title", None).await?;
    f.name.clone_from(&rule.title);
    f.problems = problems;
    let page = RulePage {
        level: rule.level,
        origin: rule.origin,
        description: rule.description,
        false_positives: rule.falsepositives,
        text: rule.text,
        alerts_href: (visitor.console.site.places.contains(&Place::Alerts))
            .then(|| format!("/alerts/all?text={}", encoded(&rule.id))),
        exceptions: app.exceptions_of(id).await?.iter().map(|view| exception_row(&words, view)).collect(),
        off,
        reason: reason.to_owned(),
        suspected: suspected.map(|rule| words.n("rule-suspected", &u64::from(rule.hospitals))),
        clears: visitor.console.site.places.contains(&Place::Desk),
        id: rule.id,
        f,
    };
    Ok(Html(page.render()?).into_response())
}

/// Switches a rule off.
pub(super) async fn off(form: Signed) -> Answer {
    let (visitor, words) = (&form.visitor, form.visitor.words());
    let (id, reason) = (form.fields.get("rule"), form.fields.get("reason"));
    match visitor.console.app.switch_rule_off(&visitor.session, id, reason).await {
        Ok(()) => Ok(Redirect::to(&format!("{}&done=rule-off", rule_href(id))).into_response()),
        Err(Error::Input { code }) => {
            let problem = Problem { field: "reason".to_owned(), says: words.t(code) };
            rule_page(visitor, id, reason, vec![problem]).await
        }
        Err(other) => Err(other.into()),
    }
}

/// Switches it on again.
pub(super) async fn on(form: Signed) -> Result<Redirect, Fault> {
    let id = form.fields.get("rule");
    form.visitor.console.app.switch_rule_on(&form.visitor.session, id).await?;
    Ok(Redirect::to("/account/rules?done=rule-on"))
}

/// One exception.
pub(super) async fn exception(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    let (app, words) = (&visitor.console.app, visitor.words());
    let view = app.exception(id).await?;
    let row = exception_row(&words, &view);
    let alert = match view.exception.alert {
        // an alert that has expired is no link
        Some(alert) => app.alert(alert).await.ok().map(|view| format!("/alerts/{}", view.alert.id)),
        None => None,
    };
    let page = ExceptionPage {
        f: visitor.frame("exception-title", None).await?,
        rule_href: rule_href(&view.exception.rule_id),
        alert_href: alert,
        hidden_last_at: view.exception.hidden_last_at,
        filter: view.exception.filter,
        open: view.exception.ended_at.is_none(),
        days: choices(&words, "days", &DAYS, &EXCEPTION_DAYS_DEFAULT.to_string()),
        row,
    };
    Ok(Html(page.render()?).into_response())
}

/// Lets an exception work longer.
pub(super) async fn renew(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    let days = form.fields.get("days").parse().map_err(|_| Fault::Unreadable)?;
    form.visitor.console.app.renew_exception(&form.visitor.session, id, days).await?;
    Ok(Redirect::to(&format!("/account/exceptions/{id}?done=exception-renewed")))
}

/// Ends an exception at once.
pub(super) async fn end(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.end_exception(&form.visitor.session, id).await?;
    Ok(Redirect::to(&format!("/account/exceptions/{id}?done=exception-ended")))
}
