//! Tells open pages that something changed: Server-Sent Events without content; the page fetches itself anew.
//! A file of its own because it is the only connection that stays open.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::Console;
use super::visitor::Visitor;

/// Changes nearer together than this are told once.
const QUIET: Duration = Duration::from_millis(300);
/// A proxy closes what is silent for longer.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// After so many changes the browser connects anew, and the session is looked at again.
const CHANGES_MAX: u32 = 1_000;

/// The stream of changes; nothing for those who are not logged in, so that the browser stops asking.
pub(super) async fn changes(State(console): State<Arc<Console>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if !matches!(Visitor::of(&parts, &console).await, Ok(Some(_))) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let changes = console.app.changes();
    let told = stream::unfold((changes, 0), |(mut changes, told)| async move {
        if told >= CHANGES_MAX || changes.changed().await.is_err() {
            return None;
        }
        tokio::time::sleep(QUIET).await;
        let number = *changes.borrow_and_update();
        let event = Event::default().event("change").data(number.to_string());
        Some((Ok::<_, Infallible>(event), (changes, told + 1)))
    });
    Sse::new(told).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}
