//! Words of the domain and of `app` as screens say them. A file of its own because several places name the same
//! things, and a thing has one name.

use std::collections::BTreeMap;

use app::{Alert, AlertOrigin, AlertState, App, ReceivedState, ReceivedWarning, What};
use domain::party::Actor;
use domain::record::{Fact, case, warning};
use domain::release::{Basis, WarningContent};
use domain::telemetry::{Indicator, Verdict};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::screen::Choice;
use crate::screen::alerts::AlertRow;
use crate::screen::received::ReceivedRow;
use crate::words::Words;

/// How many indicators a page lists; the rest is counted.
const INDICATORS_SHOWN_MAX: usize = 50;

/// Account names by id.
pub(super) type Names = BTreeMap<Uuid, String>;

/// Source names by number.
pub(super) async fn source_names(app: &App) -> app::Result<BTreeMap<u32, String>> {
    Ok(app.sources().await?.into_iter().map(|source| (source.number, source.name)).collect())
}

/// An alert as rows and cards show it.
pub(super) fn alert_row(alert: Alert, sources: &BTreeMap<u32, String>) -> AlertRow {
    AlertRow {
        id: alert.id.to_string(),
        title: alert.rule_title,
        level: alert.level,
        host: alert.host,
        source: sources.get(&alert.source).cloned().unwrap_or_else(|| alert.source.to_string()),
        first_at: alert.first_at,
        last_at: alert.last_at,
        count: alert.count,
        action: alert.action,
        state: match alert.state {
            AlertState::Open => "open",
            AlertState::Dismissed => "dismissed",
            AlertState::InCase(_) => "in-case",
        },
        drill: alert.drill,
    }
}

/// Who found an alert.
pub(super) fn origin(words: &Words, origin: &AlertOrigin) -> String {
    words.word(
        "alert-origin",
        match origin {
            AlertOrigin::BuiltIn => "built-in",
            AlertOrigin::Local => "local",
            AlertOrigin::Warning(_) => "warning",
            AlertOrigin::Indicator => "indicator",
        },
    )
}

/// The word of a received warning's state.
pub(super) fn received_state(state: &ReceivedState) -> &'static str {
    match state {
        ReceivedState::Trial => "trial",
        ReceivedState::Held { .. } => "held",
        ReceivedState::Live => "live",
        ReceivedState::Ignored => "ignored",
        ReceivedState::Withdrawn => "withdrawn",
    }
}

/// The verdict as a sentence: *You are hit on 3 machines*.
pub(super) fn verdict_sentence(words: &Words, warning: &ReceivedWarning) -> String {
    match warning.verdict {
        Verdict::Hit => {
            let mut hosts: Vec<&str> = warning.verdict_why.hits.iter().map(|hit| hit.host.as_str()).collect();
            hosts.retain(|host| !host.is_empty());
            hosts.sort_unstable();
            hosts.dedup();
            words.n("verdict-hit", &(hosts.len() as u64))
        }
        other => words.word("verdict", other.as_str()),
    }
}

/// A received warning's title.
pub(super) fn received_title(words: &Words, warning: &ReceivedWarning) -> String {
    warning.content.as_ref().map_or_else(|| words.t("received-withdrawn"), |content| content.title.clone())
}

/// A received warning as a card shows it.
pub(super) fn received_row(words: &Words, warning: &ReceivedWarning) -> ReceivedRow {
    let level = warning.content.as_ref().map_or(domain::telemetry::Level::Medium, |content| content.level);
    ReceivedRow {
        id: warning.release.to_string(),
        title: received_title(words, warning),
        level,
        verdict: warning.verdict,
        sentence: verdict_sentence(words, warning),
        issuer: warning.issuer_name.clone(),
        received_at: warning.received_at,
        state: received_state(&warning.state),
        tlp: warning.marking.tlp,
        drill: warning.drill,
    }
}

/// What a warning rests on and which threshold it passed.
pub(super) fn basis(words: &Words, basis: &Basis) -> String {
    match basis {
        Basis::Correlated { hospitals, sightings, threshold, window_hours, shared } => words.n_with(
            "basis-correlated",
            u64::from(*hospitals),
            &[
                ("sightings", &sightings.to_string()),
                ("threshold", &threshold.to_string()),
                ("hours", &window_hours.to_string()),
                ("shared", &words.word("shared", shared.as_str())),
            ],
        ),
        Basis::OneSource { source } => words.with("basis-one-source", "source", &words.word("source", source.as_str())),
    }
}

/// Suppliers and products of a warning by name.
pub(super) fn supplier_names(app: &App, content: &WarningContent) -> String {
    let list = &app.supplier_list().suppliers;
    let supplier =
        |id: &String| list.iter().find(|entry| entry.id == *id).map_or(id.clone(), |entry| entry.name.clone());
    let product = |id: &String| {
        let found = list.iter().flat_map(|entry| &entry.products).find(|product| product.id == *id);
        found.map_or(id.clone(), |product| product.name.clone())
    };
    let names: Vec<String> =
        content.suppliers.iter().map(supplier).chain(content.products.iter().map(product)).collect();
    names.join(", ")
}

/// A choice of suppliers, with *anybody* first.
pub(super) fn supplier_choices(app: &App, none: String, picked: &str) -> Vec<Choice> {
    let entries = app.supplier_list().suppliers.iter();
    std::iter::once(Choice::new("", none, picked.is_empty()))
        .chain(entries.map(|entry| Choice::new(&entry.id, entry.name.clone(), entry.id == picked)))
        .collect()
}

/// Countries by name.
pub(super) fn countries(words: &Words, codes: &[String]) -> String {
    let names = codes.iter().map(|code| {
        let key = format!("country-{}", code.to_lowercase());
        if words.has(&key) { words.t(&key) } else { code.clone() }
    });
    names.collect::<Vec<_>>().join(", ")
}

/// The indicators a page lists, and how many it does not.
pub(super) fn indicators(indicators: &[Indicator]) -> (Vec<(&'static str, String)>, u64) {
    let shown = indicators.iter().take(INDICATORS_SHOWN_MAX);
    let more = indicators.len().saturating_sub(INDICATORS_SHOWN_MAX) as u64;
    (shown.map(|indicator| (indicator.kind.as_str(), indicator.value.clone())).collect(), more)
}

/// Who did something.
pub(super) fn who(words: &Words, names: &Names, actor: &Actor) -> String {
    match actor {
        Actor::Person { account, .. } => names.get(account).cloned().unwrap_or_else(|| words.t("who-unknown")),
        Actor::Policy { name } => words.with("who-policy", "name", name),
        Actor::Peer { .. } => words.t("who-peer"),
    }
}

/// A fact as a sentence.
pub(super) fn fact(words: &Words, names: &Names, fact: &Fact) -> String {
    let by = |key: &str, actor: &Actor| words.with(key, "who", &who(words, names, actor));
    match fact {
        Fact::Case(case::Fact::Opened { by: actor, .. }) => by("fact-case-opened", actor),
        Fact::Case(case::Fact::Taken { owner, .. }) => {
            let name = names.get(owner).cloned().unwrap_or_else(|| words.t("who-unknown"));
            words.with("fact-case-taken", "who", &name)
        }
        Fact::Case(case::Fact::Noted { by: actor, .. }) => by("fact-case-noted", actor),
        Fact::Case(case::Fact::AlertAdded { by: actor, .. }) => by("fact-case-alert-added", actor),
        Fact::Case(case::Fact::Contained { by: actor, .. }) => by("fact-case-contained", actor),
        Fact::Case(case::Fact::Closed { by: actor, outcome, .. }) => {
            let outcome = words.word("outcome", outcome.as_str());
            words.with_all("fact-case-closed", &[("who", &who(words, names, actor)), ("outcome", &outcome)])
        }
        Fact::Case(case::Fact::Reopened { by: actor, .. }) => by("fact-case-reopened", actor),
        Fact::Warning(warning::Fact::Proposed { by: actor, version, .. }) => {
            let values = [("who", who(words, names, actor)), ("version", version.to_string())];
            words.with_all("fact-warning-proposed", &values.each_ref().map(|(name, value)| (*name, value.as_str())))
        }
        Fact::Warning(warning::Fact::Approved { by: actor, .. }) => by("fact-warning-approved", actor),
        Fact::Warning(warning::Fact::Declined { by: actor, .. }) => by("fact-warning-declined", actor),
        Fact::Warning(warning::Fact::Sent { version, .. }) => {
            words.with("fact-warning-sent", "version", &version.to_string())
        }
        Fact::Warning(warning::Fact::Withdrawn { by: actor, reason, .. }) => {
            let reason = words.word("reason", reason.as_str());
            words.with_all("fact-warning-withdrawn", &[("who", &who(words, names, actor)), ("reason", &reason)])
        }
    }
}

/// The title of a suspected rule; its id where this node does not have it.
pub(super) fn rule_title(app: &App, rule: &app::SuspectedRule) -> String {
    app.rule(&rule.rule_id).map_or_else(|| rule.rule_id.clone(), |info| info.title)
}

/// What is to be done about something that needs somebody.
pub(super) fn task_title(words: &Words, what: &What) -> String {
    match what {
        What::Alert(alert) => alert.rule_title.clone(),
        What::Warning(warning) => received_title(words, warning),
        What::HeldWarning(_) => words.t("task-held"),
        What::Duty(duty, _) => words.word("task-duty", &duty.duty.key),
        What::RuleSuspected(_) => words.t("task-suspected"),
        What::Conflict { .. } => words.t("task-conflict"),
        What::Dropped(_) => words.t("task-gap"),
        What::NotTaken { .. } => words.t("task-not-taken"),
        What::MissedAtHub(_) => words.t("task-missed"),
        What::MemberClock { .. } => words.t("task-member-clock"),
        What::MemberDropped { .. } => words.t("task-member-dropped"),
        What::ExceptionEnds(_) => words.t("task-exception"),
        What::SuppliersUnanswered => words.t("task-suppliers"),
        What::NoSource => words.t("task-no-source"),
        What::Trouble(trouble) => super::health::title(words, trouble),
        What::Notice(notice) => crate::letters::notice_title(words, notice),
        What::NobodyReached(_) => words.t("task-unreachable"),
        What::BreakGlassUsed(_) => words.t("task-glass"),
    }
}

/// What an item of the link is.
pub(super) fn item_name(words: &Words, kind: &str) -> String {
    let key = format!("item-{kind}");
    if words.has(&key) { words.t(&key) } else { words.t("item-other") }
}

/// How far a clock is off; above zero: behind.
pub(super) fn clock_words(words: &Words, off: SignedDuration) -> String {
    let key = if off.is_negative() { "clock-ahead" } else { "clock-behind" };
    words.with(key, "span", &words.span(off.as_secs().unsigned_abs()))
}

/// A choice among a closed set of words.
pub(super) fn choices(words: &Words, prefix: &str, set: &[&str], picked: &str) -> Vec<Choice> {
    set.iter()
        .map(|word| {
            let hint = format!("{prefix}-{word}-hint");
            let hint = if words.has(&hint) { words.t(&hint) } else { String::new() };
            Choice { hint, ..Choice::new(word, words.word(prefix, word), *word == picked) }
        })
        .collect()
}

/// The same with *any* first, for filters.
pub(super) fn choices_or_any(words: &Words, prefix: &str, set: &[&str], picked: &str) -> Vec<Choice> {
    std::iter::once(Choice::new("", words.t("any"), picked.is_empty()))
        .chain(choices(words, prefix, set, picked))
        .collect()
}
