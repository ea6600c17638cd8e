//! Serves *Alerts*: today, the list, one alert; dismissing and taking that back.

use app::{AlertQuery, AlertStage};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};
use uuid::Uuid;

use super::fault::{Answer, Fault};
use super::form::{Signed, encoded};
use super::names::{alert_row, choices_or_any, origin, source_names};
use super::visitor::Visitor;
use crate::frame::Place;
use crate::screen::Pager;
use crate::screen::alerts::{AlertListPage, AlertPage, AlertsPage, GroupRow, Line, RuleShown};

/// Rows of one page of the list.
const ROWS_MAX: u32 = 50;

/// Today's cards, the rest grouped.
pub(super) async fn today(visitor: Visitor) -> Answer {
    let f = visitor.frame("alerts-title", Some(Place::Alerts)).await?;
    let app = &visitor.console.app;
    let sources = source_names(app).await?;
    let today = app.today().await?;
    let groups = today.grouped.into_iter().map(|group| GroupRow {
        href: format!("/alerts/all?text={}", encoded(&group.family)),
        family: group.family,
        level: group.level,
        count: group.alerts,
        latest: group.latest.last_at,
    });
    let page = AlertsPage {
        f,
        cards: today.cards.into_iter().map(|alert| alert_row(alert, &sources)).collect(),
        groups: groups.collect(),
    };
    Ok(Html(page.render()?).into_response())
}

/// The whole list; the URL is the view.
pub(super) async fn list(visitor: Visitor) -> Answer {
    let f = visitor.frame("alerts-all-title", Some(Place::Alerts)).await?;
    let app = &visitor.console.app;
    let (level, state, text) = (visitor.query.get("level"), visitor.query.get("state"), visitor.query.get("text"));
    let after = visitor.query.get("after");
    let query = AlertQuery {
        state: match state {
            "open" => Some(AlertStage::Open),
            "dismissed" => Some(AlertStage::Dismissed),
            "in-case" => Some(AlertStage::InCase),
            _ => None,
        },
        level_min: level.parse().ok(),
        text: (!text.is_empty()).then(|| text.to_owned()),
        after: after.parse().ok(),
        limit: ROWS_MAX,
        ..AlertQuery::default()
    };
    let found = app.alerts(query).await?;
    let sources = source_names(app).await?;
    let here = format!("/alerts/all?level={level}&state={state}&text={}", encoded(text));
    let older = found.items.last().filter(|_| found.more).map(|last| format!("{here}&after={}", last.id));
    let words = visitor.words();
    let page = AlertListPage {
        f,
        total: found.total,
        levels: choices_or_any(&words, "level", &["low", "medium", "high", "critical"], level),
        states: choices_or_any(&words, "alert-state", &["open", "dismissed", "in-case"], state),
        text: text.to_owned(),
        rows: found.items.into_iter().map(|alert| alert_row(alert, &sources)).collect(),
        pager: Pager { newest: (!after.is_empty()).then_some(here), older },
    };
    Ok(Html(page.render()?).into_response())
}

/// One alert with its lines.
pub(super) async fn one(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    let app = &visitor.console.app;
    let view = app.alert(id).await?;
    app.note_read(&visitor.session, "alert-lines-read", &id.to_string()).await?;
    let words = visitor.words();
    let sources = source_names(app).await?;
    let mut f = visitor.frame("menu-alerts", Some(Place::Alerts)).await?;
    f.name.clone_from(&view.alert.rule_title);
    f.drill = view.alert.drill.into();
    let lines = view.lines.into_iter().map(|line| Line {
        number: line.seq.to_string(),
        received_at: line.received_at,
        source: line.source,
        text: line.text,
    });
    let lines: Vec<Line> = lines.collect();
    let notice = app.notice_of_alert(&view.alert).await?;
    let page = AlertPage {
        notice: notice.map(|notice| super::reach::shown(&words, &notice)),
        created_at: view.alert.created_at,
        origin: origin(&words, &view.alert.origin),
        case: view.case.map(|case| format!("/cases/{case}")),
        matched: view.alert.matched.clone(),
        observables: view.alert.observables.iter().map(|seen| (seen.kind.as_str(), seen.value.clone())).collect(),
        rule: view.rule.map(|rule| RuleShown {
            description: rule.description,
            false_positives: rule.falsepositives,
            text: rule.text,
        }),
        line_count: lines.len() as u64,
        lines,
        wrapped: visitor.query.get("wrap") != "0",
        alert: alert_row(view.alert, &sources),
        f,
    };
    Ok(Html(page.render()?).into_response())
}

/// Dismisses an alert.
pub(super) async fn dismiss(Path(id): Path<Uuid>, form: Signed) -> Answer {
    form.visitor.console.app.dismiss_alert(&form.visitor.session, id).await?;
    let back = match form.fields.get("back") {
        "/alerts" => "/alerts".to_owned(),
        _ => format!("/alerts/{id}"),
    };
    Ok(Redirect::to(&format!("{back}?done=alert-dismissed")).into_response())
}

/// Takes a dismissal back.
pub(super) async fn reopen(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.reopen_alert(&form.visitor.session, id).await?;
    Ok(Redirect::to(&format!("/alerts/{id}?done=alert-reopened")))
}
