//! What goes wrong on the way to a page, and the page that says so: what happened, what was kept, what to do.
//! A file of its own because every handler returns this type and one layer turns it into a whole page.

use std::sync::Arc;

use app::Error;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use domain::party::Role;

use super::Console;
use super::visitor::{Visitor, outside_frame};
use crate::frame::Frame;
use crate::screen::entry;

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Nobody is logged in; where to go afterwards.
    LoginFirst(String),
    /// The role needs a second factor, and this session has none.
    SecondFactorFirst,
    /// The form was not ours.
    Foreign,
    /// The address or form cannot be read.
    Unreadable,
    /// There is no such page.
    NotFound,
    /// A use case did not happen.
    App(Error),
}

/// The result of a handler.
pub(crate) type Answer = Result<Response, Fault>;

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::App(error)
    }
}

impl From<askama::Error> for Fault {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page cannot be rendered");
        Self::App(Error::NotFound)
    }
}

/// What the layer needs to dress an answer as a page.
#[derive(Clone)]
struct Bare {
    title: &'static str,
    says: &'static str,
    hint: &'static str,
    needs: Option<Role>,
}

impl Fault {
    fn bare(&self) -> (StatusCode, Bare) {
        let bare = |title, says, hint| Bare { title, says, hint, needs: None };
        let broken = bare("error-server-title", "error-server", "error-server-hint");
        match self {
            Self::LoginFirst(_) | Self::SecondFactorFirst | Self::NotFound => {
                (StatusCode::NOT_FOUND, bare("error-not-found-title", "error-not-found", "error-not-found-hint"))
            }
            Self::Foreign => (StatusCode::FORBIDDEN, bare("error-csrf-title", "error-csrf", "error-csrf-hint")),
            Self::Unreadable => (
                StatusCode::BAD_REQUEST,
                bare("error-bad-request-title", "error-bad-request", "error-bad-request-hint"),
            ),
            Self::App(error) => match error {
                Error::NotFound | Error::Refused(domain::record::Refusal::NotFound) => {
                    (StatusCode::NOT_FOUND, bare("error-not-found-title", "error-not-found", "error-not-found-hint"))
                }
                Error::Forbidden { needs } | Error::Refused(domain::record::Refusal::RoleTooLow { needs }) => (
                    StatusCode::FORBIDDEN,
                    Bare {
                        needs: Some(*needs),
                        ..bare("error-forbidden-title", "error-forbidden", "error-forbidden-hint")
                    },
                ),
                Error::Conflict => {
                    (StatusCode::CONFLICT, bare("error-conflict-title", "error-conflict", "error-conflict-hint"))
                }
                Error::Refused(_) => {
                    (StatusCode::CONFLICT, bare("error-refused-title", error.code(), "error-refused-hint"))
                }
                Error::Input { code } => {
                    (StatusCode::UNPROCESSABLE_ENTITY, bare("error-refused-title", code, "error-bad-request-hint"))
                }
                _ if error.code() == "error-full" => {
                    (StatusCode::INSUFFICIENT_STORAGE, bare("error-full-title", "error-full", "error-full-hint"))
                }
                _ => (StatusCode::INTERNAL_SERVER_ERROR, broken),
            },
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        if let Self::LoginFirst(next) = &self {
            return Redirect::to(&format!("/login?next={}", super::form::encoded(next))).into_response();
        }
        if matches!(self, Self::SecondFactorFirst) {
            return Redirect::to(super::security::HERE).into_response();
        }
        let (status, bare) = self.bare();
        if let (Self::App(error), StatusCode::INTERNAL_SERVER_ERROR) = (&self, status) {
            tracing::error!(%error, "a page failed");
        }
        let mut response = status.into_response();
        response.extensions_mut().insert(bare);
        response
    }
}

/// The answer to an address that is none.
pub(super) async fn not_found() -> Fault {
    Fault::NotFound
}

/// Turns bare faults into pages, with the menu for those who are logged in.
pub(super) async fn dress(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut look = axum::http::Request::new(()).into_parts().0;
    look.headers.clone_from(&parts.headers);
    look.uri = parts.uri.clone();
    look.method = Method::GET;
    let response = next.run(Request::from_parts(parts, body)).await;
    let Some(bare) = response.extensions().get::<Bare>().cloned() else { return response };
    let status = response.status();
    let frame = match Visitor::of(&look, &console).await {
        Ok(Some(visitor)) => visitor.frame(bare.title, None).await.ok(),
        _ => None,
    };
    let frame = frame.unwrap_or_else(|| outside_frame(&console, &look.uri, bare.title));
    let mut response = Html(dressed(frame, &bare)).into_response();
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

fn dressed(frame: Frame, bare: &Bare) -> String {
    let role = bare.needs.map(|role| frame.word("role", role.as_str()));
    let says = match role {
        Some(role) => frame.with(bare.says, "role", &role),
        None if frame.has(bare.says) => frame.t(bare.says),
        None => frame.t("error-refused-title"),
    };
    let hint = frame.t(bare.hint);
    entry::message_of(frame, says, hint)
}
