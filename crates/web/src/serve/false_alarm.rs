//! Serves *False alarm*: the narrowest exception as a form, what it would hide to check, and making it.

use app::{EXCEPTION_DAYS_DEFAULT, ExceptionOrder, ExceptionScope, ExceptionTrial, FalseAlarm, FilterProblem};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};
use jiff::SignedDuration;
use uuid::Uuid;

use super::fault::Answer;
use super::form::{Fields, Signed};
use super::names::choices;
use super::visitor::Visitor;
use crate::frame::{Place, Problem};
use crate::screen::Choice;
use crate::screen::rules::{FalseAlarmCheckPage, FalseAlarmPage, HiddenRow};
use crate::words::Words;

/// For how long an exception may last, as a form offers it.
pub(super) const DAYS: [&str; 5] = ["7", "30", "90", "180", "365"];

/// The narrowest exception.
pub(super) async fn form(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    shown(&visitor, id, None, Vec::new()).await
}

/// Checks the answers and shows what the exception would have hidden; or goes back to the form.
pub(super) async fn check(Path(id): Path<Uuid>, form: Signed) -> Answer {
    let visitor = &form.visitor;
    if form.fields.get("step") == "change" {
        return shown(visitor, id, Some(&form.fields), Vec::new()).await;
    }
    let (app, words) = (&visitor.console.app, visitor.words());
    let alert = app.alert(id).await?.alert;
    let order = order(&form.fields, id, &alert.rule_id);
    let problems = answer_problems(&words, &order);
    if !problems.is_empty() {
        return shown(visitor, id, Some(&form.fields), problems).await;
    }
    let trial = match app.try_exception(&visitor.session, &order).await? {
        Ok(trial) => trial,
        Err(problem) => {
            return shown(visitor, id, Some(&form.fields), vec![filter_problem(&words, &problem)]).await;
        }
    };
    let page = FalseAlarmCheckPage {
        f: visitor.frame("false-alarm-check-title", Some(Place::Alerts)).await?,
        alert: id.to_string(),
        rule_title: alert.rule_title.clone(),
        alert_title: alert.rule_title,
        scope: scope_words(&words, &order.scope),
        until: words.now + SignedDuration::from_hours(24 * i64::from(order.days)),
        says: says(&words, &trial),
        examples: trial
            .examples
            .into_iter()
            .map(|hit| HiddenRow { at: hit.at, host: hit.host, what: hit.what })
            .collect(),
        fields: ["reason", "scope", "days"]
            .map(|name| (name, form.fields.get(name).to_owned()))
            .into_iter()
            .chain([("filter", order.filter.clone())])
            .collect(),
        reason: order.reason,
        filter: order.filter,
    };
    Ok(Html(page.render()?).into_response())
}

/// Makes the exception.
pub(super) async fn add(Path(id): Path<Uuid>, form: Signed) -> Answer {
    let (visitor, words) = (&form.visitor, form.visitor.words());
    let app = &visitor.console.app;
    let alert = app.alert(id).await?.alert;
    let order = order(&form.fields, id, &alert.rule_id);
    let problems = answer_problems(&words, &order);
    if !problems.is_empty() {
        return shown(visitor, id, Some(&form.fields), problems).await;
    }
    match app.add_exception(&visitor.session, &order).await? {
        Ok(exception) => {
            Ok(Redirect::to(&format!("/account/exceptions/{exception}?done=exception-added")).into_response())
        }
        Err(problem) => shown(visitor, id, Some(&form.fields), vec![filter_problem(&words, &problem)]).await,
    }
}

async fn shown(visitor: &Visitor, id: Uuid, typed: Option<&Fields>, problems: Vec<Problem>) -> Answer {
    let words = visitor.words();
    let draft = visitor.console.app.draft_exception(&visitor.session, id).await?;
    let mut f = visitor.frame("false-alarm-title", Some(Place::Alerts)).await?;
    f.problems = problems;
    f.drill = draft.alert.drill.into();
    let answer = |name: &str| typed.map_or("", |fields| fields.get(name));
    let days = if answer("days").is_empty() { EXCEPTION_DAYS_DEFAULT.to_string() } else { answer("days").to_owned() };
    let filter = typed.map(|fields| unix_lines(fields.exact("filter"))).unwrap_or_else(|| draft.filter.clone());
    let page = FalseAlarmPage {
        alert: id.to_string(),
        alert_title: draft.alert.rule_title.clone(),
        lead: match draft.events {
            0 => words.t("false-alarm-lead-none"),
            events => words.n("false-alarm-lead", &events),
        },
        reason: answer("reason").to_owned(),
        scopes: scope_choices(&words, &draft, answer("scope")),
        days: choices(&words, "days", &DAYS, &days),
        filter,
        f,
    };
    Ok(Html(page.render()?).into_response())
}

fn scope_choices(words: &Words, draft: &FalseAlarm, picked: &str) -> Vec<Choice> {
    let picked = if picked.is_empty() { scope_value(&draft.scope) } else { picked.to_owned() };
    let choice = |scope: &ExceptionScope| {
        let value = scope_value(scope);
        Choice::new(&value, scope_words(words, scope), value == picked)
    };
    draft.scopes.iter().map(choice).collect()
}

/// A scope as a form sends it.
fn scope_value(scope: &ExceptionScope) -> String {
    match scope {
        ExceptionScope::Node => "node".to_owned(),
        ExceptionScope::Source(key) => format!("source {key}"),
        ExceptionScope::Host(host) => format!("host {host}"),
    }
}

fn scope_of(value: &str) -> Option<ExceptionScope> {
    match value.split_once(' ') {
        None if value == "node" => Some(ExceptionScope::Node),
        Some(("source", key)) if !key.is_empty() => Some(ExceptionScope::Source(key.to_owned())),
        Some(("host", host)) if !host.is_empty() => Some(ExceptionScope::Host(host.to_owned())),
        _ => None,
    }
}

/// Where an exception applies, in words.
pub(super) fn scope_words(words: &Words, scope: &ExceptionScope) -> String {
    match scope {
        ExceptionScope::Node => words.t("scope-node"),
        ExceptionScope::Source(key) => words.with("scope-source", "of", key),
        ExceptionScope::Host(host) => words.with("scope-host", "of", host),
    }
}

/// Browsers send the ends of lines as two characters.
fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// An order as the form was answered; a scope or number that is none is told as a problem.
fn order(fields: &Fields, alert: Uuid, rule_id: &str) -> ExceptionOrder {
    ExceptionOrder {
        rule_id: rule_id.to_owned(),
        filter: unix_lines(fields.exact("filter")),
        scope: scope_of(fields.get("scope")).unwrap_or(ExceptionScope::Host(String::new())),
        reason: fields.get("reason").to_owned(),
        days: fields.get("days").parse().unwrap_or(0),
        alert: Some(alert),
    }
}

fn answer_problems(words: &Words, order: &ExceptionOrder) -> Vec<Problem> {
    let problem = |field: &str, key: &str| Problem { field: field.to_owned(), says: words.t(key) };
    let mut problems = Vec::new();
    if order.reason.is_empty() || order.reason.chars().count() > 500 {
        problems.push(problem("reason", "input-exception-reason"));
    }
    if !(1..=app::EXCEPTION_DAYS_MAX).contains(&order.days) {
        problems.push(problem("days", "input-exception-days"));
    }
    problems
}

fn filter_problem(words: &Words, problem: &FilterProblem) -> Problem {
    let values =
        [("line", problem.line.to_string()), ("what", problem.what.clone()), ("instead", problem.instead.clone())];
    let says = words.with_all("false-alarm-wrong", &values.each_ref().map(|(name, value)| (*name, value.as_str())));
    Problem { field: "filter".to_owned(), says }
}

fn says(words: &Words, trial: &ExceptionTrial) -> Vec<String> {
    let mut says = vec![
        words.n("false-alarm-hidden", &trial.hidden),
        words.n("false-alarm-left", &trial.left),
        match trial.of_alert {
            0 => words.t("false-alarm-of-alert-none"),
            total => {
                let values = [("hidden", words.number(&trial.of_alert_hidden)), ("total", words.number(&total))];
                words.with_all("false-alarm-of-alert", &values.each_ref().map(|(name, value)| (*name, value.as_str())))
            }
        },
        words.n_with(
            "false-alarm-searched",
            trial.events,
            &[("from", &words.moment(&trial.from)), ("to", &words.moment(&trial.to))],
        ),
    ];
    let period = SignedDuration::from_hours(24 * i64::from(app::EXCEPTION_TRIAL_DAYS));
    if trial.limited {
        says.push(words.t("false-alarm-limited"));
    } else if trial.from > trial.to - period + SignedDuration::from_hours(1) {
        says.push(words.t("false-alarm-kept"));
    }
    says
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_comes_back_as_it_was_sent() {
        for scope in [
            ExceptionScope::Node,
            ExceptionScope::Source("syslog:10.0.0.9".to_owned()),
            ExceptionScope::Host("a b".to_owned()),
        ] {
            assert_eq!(scope_of(&scope_value(&scope)), Some(scope));
        }
        assert_eq!(scope_of("host "), None);
        assert_eq!(scope_of("everything"), None);
    }
}
