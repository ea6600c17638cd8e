//! Serves the *Warning desk*: the list, one warning with its evidence, deciding, withdrawing.

use app::{DeliveryState, RecordQuery, WarningView};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};
use domain::party::Actor;
use domain::record::warning::Stage;
use domain::record::{Kind, RecordId};
use domain::release::{Basis, WithdrawalReason};
use uuid::Uuid;

use super::above;
use super::fault::{Answer, Fault};
use super::form::Signed;
use super::names::{basis, choices, countries, fact, indicators, rule_title, supplier_names};
use super::visitor::Visitor;
use crate::frame::{Frame, Place, Problem};
use crate::screen::cases::ConfirmPage;
use crate::screen::desk::{DeliveryRow, DeskPage, DeskRow, DeskWarningPage, SeenRow, SuspectedRow};
use crate::screen::now::Figure;
use crate::screen::{Happened, Pager};
use crate::words::Words;

/// Rows of one page of the list.
const ROWS_MAX: u32 = 50;
/// Sightings that one page shows.
const SIGHTINGS_SHOWN_MAX: usize = 60;
/// Deliveries that one page shows.
pub(super) const DELIVERIES_SHOWN_MAX: usize = 100;

fn row(words: &Words, row: &app::WarningRow) -> DeskRow {
    let hospitals = match row.warning.basis {
        Basis::Correlated { hospitals, .. } => u64::from(hospitals),
        Basis::OneSource { .. } => 1,
    };
    DeskRow {
        id: row.id.to_string(),
        title: row.content.title.clone(),
        level: row.content.level,
        stage: row.warning.stage.as_str(),
        one_source: matches!(row.warning.basis, Basis::OneSource { .. }),
        basis: basis(words, &row.warning.basis),
        hospitals,
        at: row.warning.proposed_at,
        drill: row.warning.drill,
    }
}

/// What waits, and what was decided.
pub(super) async fn list(visitor: Visitor) -> Answer {
    let app = &visitor.console.app;
    let words = visitor.words();
    let f = visitor.frame("desk-title", Some(Place::Desk)).await?;
    let after = visitor.query.get("after");
    let query = RecordQuery {
        kind: Kind::Warning,
        after: after.parse().ok().map(RecordId),
        limit: ROWS_MAX,
        ..RecordQuery::default()
    };
    let proposed = RecordQuery {
        kind: Kind::Warning,
        facets: vec![("stage".to_owned(), "proposed".to_owned())],
        limit: ROWS_MAX,
        ..RecordQuery::default()
    };
    let waiting = app.warnings(proposed).await?;
    let found = app.warnings(query).await?;
    let older = found.items.last().filter(|_| found.more).map(|last| format!("/desk?after={}", last.id));
    let others = found.items.iter().filter(|row| row.warning.stage != Stage::Proposed);
    let suspected = app.suspected_rules().await?;
    let page = DeskPage {
        waiting_count: waiting.total,
        waiting: waiting.items.iter().map(|one| row(&words, one)).collect(),
        suspected: suspected
            .into_iter()
            .map(|rule| SuspectedRow {
                rule: rule_title(app, &rule),
                id: rule.rule_id,
                hospitals: u64::from(rule.hospitals),
                at: rule.last_at,
            })
            .collect(),
        others: others.map(|one| row(&words, one)).collect(),
        above: above::rows(app, &words).await?,
        pager: Pager { newest: (!after.is_empty()).then(|| "/desk".to_owned()), older },
        f,
    };
    Ok(Html(page.render()?).into_response())
}

/// One warning.
pub(super) async fn one(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    let view = visitor.console.app.warning(RecordId(id)).await?;
    let f = visitor.frame("desk-title", Some(Place::Desk)).await?;
    let page = shown(&visitor, f, view).await?;
    Ok(Html(page.render()?).into_response())
}

async fn shown(visitor: &Visitor, mut f: Frame, view: WarningView) -> Result<DeskWarningPage, Fault> {
    let app = &visitor.console.app;
    let words = visitor.words();
    let names = app.account_names().await?;
    let members = app.members().await?;
    let warning = &view.row.warning;
    let content = &view.row.content;
    f.name.clone_from(&content.title);
    f.tlp = Some(warning.marking.tlp);
    f.drill = warning.drill.into();
    let own = matches!(&warning.proposer, Actor::Person { account, .. } if *account == visitor.session.account);
    let mut journal: Vec<Happened> =
        view.journal.iter().map(|entry| Happened { at: entry.at, says: fact(&words, &names, &entry.fact) }).collect();
    journal.reverse();
    let (listed, more_indicators) = indicators(&content.indicators);
    let sightings = view.sightings.iter().take(SIGHTINGS_SHOWN_MAX).map(|seen| SeenRow {
        hospital: members
            .iter()
            .find(|member| member.node.0 == seen.hospital)
            .map_or_else(|| seen.hospital.chars().take(12).collect(), |member| member.name.clone()),
        received_at: seen.received_at,
        family: seen.sighting.family.clone(),
        level: seen.sighting.level,
        observables: shared_values(&view, seen),
    });
    Ok(DeskWarningPage {
        stage_says: stage_says(&words, warning),
        can_decide: f.may_approve() && !own,
        in_force: warning.sent.is_some() && warning.stage != Stage::Withdrawn,
        reach: warning.sent.as_ref().map(|_| reach(&words, &view.reach)),
        summary: content.summary.clone(),
        advice: content.advice.clone(),
        sighting_count: view.sightings.len() as u64,
        sightings: sightings.collect(),
        delivery_count: view.deliveries.len() as u64,
        deliveries: view.deliveries.iter().take(DELIVERIES_SHOWN_MAX).map(|one| delivery(&words, one)).collect(),
        version: warning.version.to_string(),
        proposer: view.proposer.clone(),
        approver: view.approver.clone(),
        suppliers: supplier_names(app, content),
        countries: countries(&words, &content.countries),
        indicator_count: content.indicators.len() as u64,
        indicators: listed,
        more_indicators,
        rules: content.rules.clone(),
        others: view.others.iter().map(|other| row(&words, other)).collect(),
        journal,
        row: row(&words, &view.row),
        f,
    })
}

/// Of a sighting's values those that the warning names.
fn shared_values(view: &WarningView, seen: &domain::cluster::Seen) -> String {
    let named = &view.row.content.indicators;
    let values = seen.sighting.observables.iter().map(|observable| observable.value.as_str());
    values.filter(|value| named.iter().any(|one| one.value == *value)).collect::<Vec<_>>().join(", ")
}

fn stage_says(words: &Words, warning: &domain::record::warning::Warning) -> String {
    match warning.stage {
        Stage::Proposed if warning.sent.is_some() => words.t("stage-says-update"),
        Stage::Proposed => words.t("stage-says-proposed"),
        Stage::Declined => words.t("stage-says-declined"),
        Stage::Approved => words.t("stage-says-approved"),
        Stage::Sent => {
            let at = warning.sent.as_ref().map(|sent| words.moment(&sent.at)).unwrap_or_default();
            words.with("stage-says-sent", "moment", &at)
        }
        Stage::Withdrawn => {
            let reason = warning.withdrawal.map(|reason| words.word("reason", reason.as_str())).unwrap_or_default();
            words.with("stage-says-withdrawn", "reason", &reason)
        }
    }
}

pub(super) fn reach(words: &Words, reach: &app::Reach) -> Vec<Figure> {
    let figures = [
        ("members", reach.members),
        ("sent", reach.sent),
        ("received", reach.received),
        ("hit", reach.hit),
        ("exposed", reach.exposed),
        ("not-concerned", reach.not_concerned),
        ("cannot-tell", reach.cannot_tell),
    ];
    figures.map(|(key, value)| Figure { label: words.word("reach", key), value: words.number(&value) }).to_vec()
}

pub(super) fn delivery(words: &Words, (delivery, member): &(app::Delivery, String)) -> DeliveryRow {
    let millis = delivery.latency_ms.and_then(|millis| u64::try_from(millis).ok());
    DeliveryRow {
        member: member.clone(),
        state: match delivery.state {
            DeliveryState::Sent => "sent",
            DeliveryState::Received => "received",
            DeliveryState::Verdict(verdict) => verdict.as_str(),
        },
        at: delivery.at,
        latency: millis.map(|millis| took(words, millis)).unwrap_or_default(),
    }
}

/// How long it took: to the millisecond while that says something, then in larger units.
fn took(words: &Words, millis: u64) -> String {
    match millis {
        0..60_000 => words.with("latency-ms", "number", &words.number(&millis)),
        _ => words.span(millis / 1_000),
    }
}

/// Approves and sends.
pub(super) async fn approve(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.approve_warning(&form.visitor.session, RecordId(id)).await?;
    Ok(Redirect::to(&format!("/desk/{id}?done=desk-approved")))
}

/// Declines.
pub(super) async fn decline(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.decline_warning(&form.visitor.session, RecordId(id)).await?;
    Ok(Redirect::to(&format!("/desk/{id}?done=desk-declined")))
}

/// Says that somebody looked at a suspected rule.
pub(super) async fn clear_suspected(form: Signed) -> Result<Redirect, Fault> {
    let (app, session) = (&form.visitor.console.app, &form.visitor.session);
    app.clear_suspected_rule(session, form.fields.get("rule")).await?;
    Ok(Redirect::to("/desk?done=suspected-cleared"))
}

async fn confirm(visitor: &Visitor, id: Uuid, problems: Vec<Problem>) -> Answer {
    let words = visitor.words();
    let view = visitor.console.app.warning(RecordId(id)).await?;
    let mut f = visitor.frame("desk-withdraw-title", Some(Place::Desk)).await?;
    f.problems = problems;
    let page = ConfirmPage {
        f,
        consequence: words.with("desk-withdraw-says", "title", &view.row.content.title),
        action: format!("/desk/{id}/withdraw"),
        field: "reason",
        question: words.t("desk-withdraw-question"),
        choices: choices(&words, "reason", &["false-alarm", "over", "replaced"], ""),
        class: "grave",
        button: words.t("desk-withdraw"),
        cancel: format!("/desk/{id}"),
    };
    Ok(Html(page.render()?).into_response())
}

/// Asks why, before it is taken back.
pub(super) async fn ask_withdraw(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    confirm(&visitor, id, Vec::new()).await
}

/// Takes it back.
pub(super) async fn withdraw(Path(id): Path<Uuid>, form: Signed) -> Answer {
    let reasons = [WithdrawalReason::FalseAlarm, WithdrawalReason::Over, WithdrawalReason::Replaced];
    let picked = form.fields.get("reason");
    let Some(reason) = reasons.into_iter().find(|reason| reason.as_str() == picked) else {
        let says = form.visitor.words().t("desk-withdraw-empty");
        return confirm(&form.visitor, id, vec![Problem { field: "reason".to_owned(), says }]).await;
    };
    form.visitor.console.app.withdraw_warning(&form.visitor.session, RecordId(id), reason).await?;
    Ok(Redirect::to(&format!("/desk/{id}?done=desk-withdrawn")).into_response())
}
