//! Serves *Warnings* at the one who is warned.

use app::{ReceivedState, ReceivedView};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};
use domain::release::Release;
use domain::telemetry::Verdict;
use jiff::Timestamp;
use uuid::Uuid;

use super::fault::{Answer, Fault};
use super::form::Signed;
use super::names::{alert_row, basis, countries, indicators, received_row, source_names, supplier_names};
use super::visitor::Visitor;
use crate::frame::{Frame, Place};
use crate::screen::received::{HitRow, ReceivedListPage, ReceivedPage};
use crate::words::Words;

/// The warnings received, one card an attack.
pub(super) async fn list(visitor: Visitor) -> Answer {
    let f = visitor.frame("received-title", Some(Place::Warnings)).await?;
    let words = visitor.words();
    let received = visitor.console.app.received().await?;
    let page = ReceivedListPage { f, rows: received.iter().map(|warning| received_row(&words, warning)).collect() };
    Ok(Html(page.render()?).into_response())
}

/// One warning: the verdict first.
pub(super) async fn one(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    let app = &visitor.console.app;
    let view = app.received_one(id).await?;
    if view.warning.seen_by.is_none() {
        app.mark_seen(&visitor.session, id).await?;
    }
    let f = visitor.frame("menu-warnings", Some(Place::Warnings)).await?;
    let page = shown(&visitor, f, view).await?;
    Ok(Html(page.render()?).into_response())
}

async fn shown(visitor: &Visitor, mut f: Frame, view: ReceivedView) -> Result<ReceivedPage, Fault> {
    let app = &visitor.console.app;
    let words = visitor.words();
    let sources = source_names(app).await?;
    let warning = &view.warning;
    let row = received_row(&words, warning);
    f.name.clone_from(&row.title);
    f.tlp = Some(warning.marking.tlp);
    f.drill = warning.drill.into();
    let why = &warning.verdict_why;
    let content = warning.content.as_ref();
    let (listed, more_indicators) = content.map_or_else(Default::default, |content| indicators(&content.indicators));
    let hits = why.hits.iter().map(|hit| HitRow { at: hit.at, host: hit.host.clone(), what: hit.what.clone() });
    Ok(ReceivedPage {
        why: reason(&words, &why.reason),
        gap_href: gap(warning.verdict, &why.reason),
        would_match: match warning.state {
            ReceivedState::Held { would_match } => would_match,
            _ => 0,
        },
        advice: content.map(|content| content.advice.clone()).unwrap_or_default(),
        summary: content.map(|content| content.summary.clone()).unwrap_or_default(),
        searched: searched(&words, warning),
        hit_count: why.hits_total,
        hits: hits.collect(),
        alerts: view.alerts.iter().cloned().map(|alert| alert_row(alert, &sources)).collect(),
        basis: content.map(|content| basis(&words, &content.basis)).unwrap_or_default(),
        version: warning.version.to_string(),
        issued_at: issued_at(&warning.signed.bytes).unwrap_or(warning.received_at),
        suppliers: content.map(|content| supplier_names(app, content)).unwrap_or_default(),
        countries: content.map(|content| countries(&words, &content.countries)).unwrap_or_default(),
        indicator_count: content.map_or(0, |content| content.indicators.len() as u64),
        indicators: listed,
        more_indicators,
        rules: content.map(|content| content.rules.clone()).unwrap_or_default(),
        others: view.others.iter().map(|other| received_row(&words, other)).collect(),
        row,
        f,
    })
}

/// When the issuer issued it: inside the signed bytes, so that nobody on the way can change it.
pub(super) fn issued_at(bytes: &[u8]) -> Option<Timestamp> {
    serde_json::from_slice::<Release>(bytes).ok().map(|release| release.issued_at)
}

fn reason(words: &Words, code: &str) -> String {
    if words.has(code) { words.t(code) } else { words.t("why-other") }
}

/// Where the step is that turns *cannot tell* into an answer.
fn gap(verdict: Verdict, reason: &str) -> Option<&'static str> {
    match (verdict, reason) {
        (Verdict::CannotTell, "why-supplier-unknown") => Some("/sharing/suppliers"),
        (Verdict::CannotTell, _) => Some("/sources#point"),
        _ => None,
    }
}

fn searched(words: &Words, warning: &app::ReceivedWarning) -> String {
    let why = &warning.verdict_why;
    let (Some(from), Some(to)) = (why.searched_from, why.searched_to) else {
        return words.n_with("received-searched", 0, &[("from", ""), ("to", "")]);
    };
    let (from, to) = (words.moment(&from), words.moment(&to));
    let mut says = words.n_with("received-searched", why.events_searched, &[("from", &from), ("to", &to)]);
    if why.limited {
        says.push(' ');
        says.push_str(&words.t("received-limited"));
    }
    says
}

/// Puts a held warning in force.
pub(super) async fn accept(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.accept_received(&form.visitor.session, id).await?;
    Ok(Redirect::to(&format!("/warnings/{id}?done=received-accepted")))
}

/// Takes a warning out of the engine here.
pub(super) async fn ignore(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.ignore_received(&form.visitor.session, id).await?;
    Ok(Redirect::to(&format!("/warnings/{id}?done=received-ignored")))
}

/// Searches the kept events again.
pub(super) async fn look_back(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.look_back(&form.visitor.session, id).await?;
    Ok(Redirect::to(&format!("/warnings/{id}?done=looked-back")))
}
