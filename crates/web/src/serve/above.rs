//! Serves warnings from the hub above to a hub's analyst. A file of its own because a hub judges none of them: it reads
//! them, and sees how far they came among its own members.

use app::{AboveView, App, LinkState};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse};
use uuid::Uuid;

use super::desk::{DELIVERIES_SHOWN_MAX, delivery, reach};
use super::fault::{Answer, Fault};
use super::names::{basis, countries, indicators, received_row, received_title, supplier_names};
use super::received::issued_at;
use super::visitor::Visitor;
use crate::frame::Place;
use crate::screen::desk::AbovePage;
use crate::screen::received::ReceivedRow;
use crate::words::Words;

/// The most warnings from above that the desk lists, one an attack.
const ROWS_MAX: usize = 20;

/// What came from above, newest first; none where there is no hub above.
pub(super) async fn rows(app: &App, words: &Words) -> Result<Option<Vec<ReceivedRow>>, Fault> {
    let received = app.received().await?;
    if received.is_empty() && app.link_state() == LinkState::Alone {
        return Ok(None);
    }
    Ok(Some(received.iter().take(ROWS_MAX).map(|warning| received_row(words, warning)).collect()))
}

/// One of them.
pub(super) async fn one(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    let AboveView { warning, others, passed_on, deliveries, reach: reached } = visitor.console.app.above(id).await?;
    let (app, words) = (&visitor.console.app, visitor.words());
    let mut f = visitor.frame("desk-title", Some(Place::Desk)).await?;
    f.name = received_title(&words, &warning);
    f.tlp = Some(warning.marking.tlp);
    f.drill = warning.drill.into();
    let content = warning.content.as_ref();
    let (listed, more_indicators) = content.map_or_else(Default::default, |content| indicators(&content.indicators));
    let page = AbovePage {
        row: received_row(&words, &warning),
        state_says: words.t(if passed_on { "above-passed-on" } else { "above-kept" }),
        reach: reach(&words, &reached),
        summary: content.map(|content| content.summary.clone()).unwrap_or_default(),
        advice: content.map(|content| content.advice.clone()).unwrap_or_default(),
        delivery_count: deliveries.len() as u64,
        deliveries: deliveries.iter().take(DELIVERIES_SHOWN_MAX).map(|one| delivery(&words, one)).collect(),
        basis: content.map(|content| basis(&words, &content.basis)).unwrap_or_default(),
        version: warning.version.to_string(),
        issued_at: issued_at(&warning.signed.bytes).unwrap_or(warning.received_at),
        suppliers: content.map(|content| supplier_names(app, content)).unwrap_or_default(),
        countries: content.map(|content| countries(&words, &content.countries)).unwrap_or_default(),
        indicator_count: content.map_or(0, |content| content.indicators.len() as u64),
        indicators: listed,
        more_indicators,
        rules: content.map(|content| content.rules.clone()).unwrap_or_default(),
        others: others.iter().map(|other| received_row(&words, other)).collect(),
        f,
    };
    Ok(Html(page.render()?).into_response())
}
