//! Serves one's own way in: sessions, the authenticator app.

use app::{Proof, SetupRefused};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};
use uuid::Uuid;

use super::fault::{Answer, Fault};
use super::form::Signed;
use super::visitor::Visitor;
use crate::frame::Problem;
use crate::screen::qr;
use crate::screen::security::{AuthenticatorPage, SecurityPage, SessionRow};
use crate::words::Words;

/// Where it is; the only place of those who still need a second factor.
pub(super) const HERE: &str = "/account/security";

/// One's own factors and sessions.
pub(super) async fn page(visitor: Visitor) -> Answer {
    let words = visitor.words();
    let app = &visitor.console.app;
    let factors = app.factors(&visitor.session).await?;
    let sessions = app.sessions_of(&visitor.session, visitor.session.account).await?;
    let page = SecurityPage {
        due: visitor.session.second_factor_due,
        printed: visitor.session.proof == Proof::BreakGlass,
        app_since: factors.app_since,
        sessions: session_rows(&words, sessions, visitor.session.id, "/account/sessions"),
        f: visitor.frame("security-title", None).await?,
    };
    Ok(Html(page.render()?).into_response())
}

/// Sessions as a list shows them.
pub(super) fn session_rows(words: &Words, sessions: Vec<app::SessionHeld>, me: Uuid, under: &str) -> Vec<SessionRow> {
    let row = |session: app::SessionHeld| SessionRow {
        device: if session.device.is_empty() { words.t("device-unknown") } else { session.device },
        address: if session.address.is_empty() { words.t("address-unknown") } else { session.address },
        proof: words.word("proof", session.proof.as_str()),
        since: session.created_at,
        seen_at: session.last_seen_at,
        this: session.id == me,
        end: format!("{under}/{}/end", session.id),
    };
    sessions.into_iter().map(row).collect()
}

/// Ends one of one's own sessions.
pub(super) async fn end_session(Path(session): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    let me = &form.visitor.session;
    form.visitor.console.app.end_session_of(me, me.account, session).await?;
    Ok(Redirect::to("/account/security?done=session-ended"))
}

/// Ends all of one's own sessions but this one.
pub(super) async fn end_sessions(form: Signed) -> Result<Redirect, Fault> {
    let me = &form.visitor.session;
    form.visitor.console.app.end_other_sessions(me, me.account).await?;
    Ok(Redirect::to("/account/security?done=sessions-ended"))
}

/// Begins to set up an authenticator app. The key is shown in the answer to a form: it is in no address and no history.
pub(super) async fn begin_authenticator(form: Signed) -> Answer {
    let setup = form.visitor.console.app.begin_authenticator(&form.visitor.session).await?;
    authenticator(&form.visitor, setup, Vec::new()).await
}

async fn authenticator(visitor: &Visitor, setup: app::Setup, problems: Vec<Problem>) -> Answer {
    let mut f = visitor.frame("authenticator-title", None).await?;
    f.problems = problems;
    let spoken: Vec<&str> = setup.key.as_bytes().chunks(4).filter_map(|part| std::str::from_utf8(part).ok()).collect();
    let page = AuthenticatorPage {
        picture: qr::svg(&setup.uri, &f.t("authenticator-picture")),
        key: spoken.join(" "),
        ticket: setup.ticket,
        f,
    };
    Ok(Html(page.render()?).into_response())
}

/// Finishes it with the first code.
pub(super) async fn finish_authenticator(form: Signed) -> Answer {
    let app = &form.visitor.console.app;
    let (ticket, code) = (form.fields.exact("ticket"), form.fields.get("code"));
    match app.finish_authenticator(&form.visitor.session, ticket, code).await? {
        Ok(()) => Ok(Redirect::to("/account/security?done=authenticator-added").into_response()),
        Err(SetupRefused::TooLate) => Ok(Redirect::to("/account/security?done=authenticator-late").into_response()),
        Err(SetupRefused::WrongCode(setup)) => {
            let says = form.visitor.words().t("code-wrong");
            authenticator(&form.visitor, *setup, vec![Problem { field: "code".to_owned(), says }]).await
        }
    }
}

/// Takes the authenticator app away.
pub(super) async fn remove_authenticator(form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.remove_authenticator(&form.visitor.session).await?;
    Ok(Redirect::to("/account/security?done=authenticator-removed"))
}
