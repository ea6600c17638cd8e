//! Serves *Now*.

use app::{App, AttentionItem, Urgency, What};
use askama::Template;
use axum::response::{Html, IntoResponse};
use domain::record::Kind;
use jiff::SignedDuration;

use super::fault::{Answer, Fault};
use super::names::{clock_words, rule_title, task_title, verdict_sentence};
use super::rules::rule_href;
use super::visitor::Visitor;
use crate::frame::Place;
use crate::screen::now::{Door, Figure, NowPage, Task};
use crate::words::Words;

/// The page.
pub(super) async fn page(visitor: Visitor) -> Answer {
    let f = visitor.frame("now-title", Some(Place::Now)).await?;
    let attention = visitor.attention().await?;
    let app = &visitor.console.app;
    let words = visitor.words();
    let places = &visitor.console.site.places;
    let hub = places.contains(&Place::Desk);
    let page = NowPage {
        tasks: attention.items.iter().map(|item| here(places, task(app, &words, item))).collect(),
        empty_hint: if hub { "now-empty-hint-hub" } else { "now-empty-hint-hospital" },
        doors: if hub { hub_doors(&words) } else { hospital_doors(&words) },
        figures: figures(&visitor, &words, attention.waiting).await?,
        f,
    };
    Ok(Html(page.render()?).into_response())
}

fn task(app: &App, words: &Words, item: &AttentionItem) -> Task {
    let base = Task {
        href: String::new(),
        title: task_title(words, &item.what),
        hint: String::new(),
        sort: String::new(),
        level: None,
        status: words.t("task-open"),
        class: match item.urgency {
            Urgency::Now => "bad",
            Urgency::Today => "warn",
            Urgency::Later => "",
        },
        due: item.due_at,
        drill: false,
    };
    match &item.what {
        What::Alert(alert) => Task {
            href: format!("/alerts/{}", alert.id),
            hint: words.n_with("task-alert-hint", alert.count, &[("host", &alert.host)]),
            level: Some(alert.level),
            drill: alert.drill,
            ..base
        },
        What::Warning(_) | What::HeldWarning(_) => received(words, &item.what, base),
        What::Duty(duty, title) => Task {
            href: match duty.kind {
                Kind::Case => format!("/cases/{}", duty.record),
                Kind::Warning => format!("/desk/{}", duty.record),
            },
            hint: words.with(&format!("task-duty-{}-hint", duty.duty.key), "title", title),
            sort: words.t("task-duty-sort"),
            drill: duty.drill,
            ..base
        },
        What::RuleSuspected(rule) => Task {
            // a rule that this node does not have has no page of its own here
            href: match app.rule(&rule.rule_id) {
                Some(_) => rule_href(&rule.rule_id),
                None => "/account/rules".to_owned(),
            },
            hint: words.n_with("task-suspected-hint", u64::from(rule.hospitals), &[("rule", &rule_title(app, rule))]),
            sort: words.t("task-suspected-sort"),
            ..base
        },
        What::Conflict { .. }
        | What::Dropped(_)
        | What::NotTaken { .. }
        | What::MissedAtHub(_)
        | What::MemberClock { .. }
        | What::MemberDropped { .. } => loss(words, &item.what, base),
        What::ExceptionEnds(exception) => Task {
            href: format!("/account/exceptions/{}", exception.id),
            hint: words.with("task-exception-hint", "rule", &exception.rule_title),
            sort: words.t("task-exception-sort"),
            ..base
        },
        What::SuppliersUnanswered => Task {
            href: "/sharing/suppliers".to_owned(),
            hint: words.t("door-ready-hint"),
            sort: words.t("task-suppliers-sort"),
            ..base
        },
        What::Trouble(trouble) => Task {
            href: super::health::href(trouble).to_owned(),
            hint: super::health::says(words, trouble),
            sort: words.t("task-trouble-sort"),
            ..base
        },
        What::Notice(notice) => alarm(words, notice, base),
        What::NobodyReached(gap) => Task {
            href: "/account/rota".to_owned(),
            hint: super::reach::gap_says(words, Some(*gap)),
            sort: words.t("task-unreachable-sort"),
            ..base
        },
        What::BreakGlassUsed(used) => printed_code(words, used, base),
        What::NoSource => Task {
            href: "/sources#point".to_owned(),
            hint: words.t("task-no-source-hint"),
            sort: words.t("task-no-source-sort"),
            ..base
        },
    }
}

fn printed_code(words: &Words, used: &app::BreakGlass, base: Task) -> Task {
    Task {
        href: "/account/break-glass".to_owned(),
        hint: words.with("task-glass-hint", "address", &used.used_from),
        sort: words.t("task-glass-sort"),
        ..base
    }
}

/// What nobody has acknowledged.
fn alarm(words: &Words, notice: &domain::reach::Notice, base: Task) -> Task {
    Task {
        href: format!("/notices/{}", notice.id),
        hint: words.t("task-call-hint"),
        sort: words.t("task-call-sort"),
        level: Some(notice.level),
        drill: notice.drill,
        ..base
    }
}

/// A warning that hits, exposes or waits for a person.
fn received(words: &Words, what: &What, base: Task) -> Task {
    match what {
        What::Warning(warning) => Task {
            href: format!("/warnings/{}", warning.release),
            hint: format!(
                "{}. {}",
                verdict_sentence(words, warning),
                words.with("received-from", "issuer", &warning.issuer_name)
            ),
            sort: words.t("task-warning-sort"),
            level: warning.content.as_ref().map(|content| content.level),
            drill: warning.drill,
            ..base
        },
        What::HeldWarning(warning) => {
            let title = warning.content.as_ref().map_or("", |content| content.title.as_str());
            let count = match warning.state {
                app::ReceivedState::Held { would_match } => would_match,
                _ => 0,
            };
            Task {
                href: format!("/warnings/{}", warning.release),
                hint: words.n_with("task-held-hint", count, &[("title", title)]),
                sort: words.t("task-warning-sort"),
                drill: warning.drill,
                ..base
            }
        }
        _ => base,
    }
}

/// What is lost or wrong between a member and its hub.
fn loss(words: &Words, what: &What, base: Task) -> Task {
    match what {
        What::Conflict { member, .. } => Task {
            href: "/members".to_owned(),
            hint: words.with("task-conflict-hint", "member", member),
            sort: words.t("task-conflict-sort"),
            ..base
        },
        What::Dropped(dropped) => Task {
            href: "/sharing".to_owned(),
            hint: words.n("task-gap-hint", dropped),
            sort: words.t("task-gap-sort"),
            ..base
        },
        What::NotTaken { items, why } => {
            let why = why.clone().unwrap_or_else(|| words.t("sharing-conflict"));
            Task {
                href: "/sharing".to_owned(),
                hint: words.n_with("task-not-taken-hint", *items, &[("why", &why)]),
                sort: words.t("task-not-taken-sort"),
                ..base
            }
        }
        What::MissedAtHub(missing) => Task {
            href: "/warnings".to_owned(),
            hint: words.n("task-missed-hint", missing),
            sort: words.t("task-missed-sort"),
            ..base
        },
        What::MemberClock { member, off } => Task {
            href: "/members".to_owned(),
            hint: words.with_all("task-member-clock-hint", &[("member", member), ("off", &clock_words(words, *off))]),
            sort: words.t("task-member-clock-sort"),
            ..base
        },
        What::MemberDropped { member, dropped } => Task {
            href: "/members".to_owned(),
            hint: words.n_with("task-member-dropped-hint", *dropped, &[("member", member)]),
            sort: words.t("task-member-dropped-sort"),
            ..base
        },
        _ => base,
    }
}

/// A hub has no page of what leaves; what it did not pass on is missing on the union's map. What it receives from above
/// is on its desk.
fn here(places: &[Place], task: Task) -> Task {
    if task.href == "/warnings" && !places.contains(&Place::Warnings) {
        return Task { href: Place::Desk.path().to_owned(), ..task };
    }
    if task.href == "/sharing" && !places.contains(&Place::Sharing) {
        return Task { href: Place::Map.path().to_owned(), ..task };
    }
    task
}

fn door(words: &Words, word: &str, href: &'static str) -> Door {
    Door { href, title: words.word("door", word), hint: words.t(&format!("door-{word}-hint")) }
}

fn hospital_doors(words: &Words) -> Vec<Door> {
    vec![
        door(words, "wrong", "/cases/new"),
        door(words, "must", "/cases?stage=open"),
        door(words, "ready", "/sharing/suppliers"),
    ]
}

fn hub_doors(words: &Words) -> Vec<Door> {
    vec![door(words, "warn", "/desk/new"), door(words, "map", "/map"), door(words, "members", "/members/invite")]
}

async fn figures(visitor: &Visitor, words: &Words, waiting: u64) -> Result<Vec<Figure>, Fault> {
    let app = &visitor.console.app;
    let figure = |key: &str, value: u64| Figure { label: words.word("figure", key), value: words.number(&value) };
    if visitor.console.site.places.contains(&Place::Map) {
        // what arrives in this very instant counts
        let end = words.now + SignedDuration::from_secs(1);
        let rows = app.map(words.now - SignedDuration::from_hours(24), end).await?;
        return Ok(vec![
            figure("sightings", rows.iter().map(|row| row.sightings).sum()),
            figure("hospitals", rows.iter().map(|row| row.hospitals).sum()),
            figure("countries", rows.len() as u64),
        ]);
    }
    let since = Some(words.now - SignedDuration::from_hours(24));
    let alerts = app.alerts(app::AlertQuery { since, limit: 1, ..Default::default() }).await?;
    let stored = app.sources().await?.iter().map(|source| source.stored).sum();
    Ok(vec![figure("alerts", alerts.total), figure("events", stored), figure("waiting", waiting)])
}
