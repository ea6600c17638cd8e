//! Serves the accounts of this node to administrators: who there is, one of them, the one-time link, the printed code.
//! A file of its own because everything here is about somebody else's way in.

use app::{Account, MayLogIn};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};
use domain::party::Role;
use uuid::Uuid;

use super::account::password_problem;
use super::fault::{Answer, Fault};
use super::form::{Fields, Signed, encoded};
use super::names::choices;
use super::once::Shown;
use super::security::session_rows;
use super::visitor::Visitor;
use crate::frame::Problem;
use crate::screen::account::{PeoplePage, PersonRow};
use crate::screen::cases::ConfirmPage;
use crate::screen::security::{BreakGlassPage, PersonPage};
use crate::words::Words;

/// The accounts of this node.
pub(super) async fn people(visitor: Visitor) -> Answer {
    people_page(&visitor, &Fields::default(), Vec::new()).await
}

async fn people_page(visitor: &Visitor, fields: &Fields, problems: Vec<Problem>) -> Answer {
    let words = visitor.words();
    let accounts = visitor.console.app.accounts(&visitor.session).await?;
    let mut f = visitor.frame("people-title", None).await?;
    f.problems = problems;
    let rows = accounts.into_iter().map(|account| person_row(&words, account, visitor.session.account));
    let role = if fields.get("role").is_empty() { "operator" } else { fields.get("role") };
    let page = PeoplePage {
        rows: rows.collect(),
        name: fields.get("name").to_owned(),
        roles: choices(&words, "role", &["viewer", "operator", "approver", "admin"], role),
        f,
    };
    Ok(Html(page.render()?).into_response())
}

fn person_row(words: &Words, account: Account, me: Uuid) -> PersonRow {
    PersonRow {
        state: match account.locked_until.filter(|until| *until > words.now) {
            _ if account.disabled => words.t("person-disabled"),
            Some(until) => words.with("person-locked", "moment", &words.near_moment(&until)),
            None => words.t("person-active"),
        },
        me: account.id == me,
        id: account.id.to_string(),
        printed: account.name == app::BREAK_GLASS_NAME,
        name: account.name,
        role: account.role.as_str(),
        disabled: account.disabled,
        last_login_at: account.last_login_at,
    }
}

/// Adds an account; without a password a one-time link is made for it.
pub(super) async fn add(form: Signed) -> Answer {
    let words = form.visitor.words();
    let app = &form.visitor.console.app;
    let name = form.fields.get("name");
    let role = Role::from_word(form.fields.get("role")).ok_or(Fault::Unreadable)?;
    let reserved = name.eq_ignore_ascii_case(app::BREAK_GLASS_NAME);
    let taken = app.account_names().await?.values().any(|known| known.eq_ignore_ascii_case(name));
    let key = match () {
        () if name.is_empty() => Some("people-name-empty"),
        () if taken || reserved => Some("people-name-taken"),
        () => None,
    };
    if let Some(key) = key {
        let problem = Problem { field: "name".to_owned(), says: words.t(key) };
        return people_page(&form.visitor, &form.fields, vec![problem]).await;
    }
    let actor = form.visitor.session.actor();
    if form.fields.exact("password").is_empty() {
        let token = app.add_account_by_link(&actor, name, role).await?;
        return shown_link(&form.visitor, name, &token);
    }
    match app.add_account(&actor, name, role, form.fields.exact("password")).await? {
        Ok(_) => Ok(Redirect::to("/account/people?done=person-added").into_response()),
        Err(refused) => people_page(&form.visitor, &form.fields, vec![password_problem(&words, refused)]).await,
    }
}

/// Shows a one-time link, once.
fn shown_link(visitor: &Visitor, name: &str, token: &str) -> Answer {
    let words = visitor.words();
    let shown = Shown {
        title: words.with("link-title", "name", name),
        once: words.t("link-once"),
        secret: format!("{}/welcome?token={}", visitor.origin(), encoded(token)),
        lines: String::new(),
        back: "/account/people",
    };
    let key = visitor.console.once.put(visitor.session.account, words.now, shown)?;
    Ok(Redirect::to(&format!("/account/once/{key}")).into_response())
}

async fn found(visitor: &Visitor, id: Uuid) -> Result<Account, Fault> {
    let accounts = visitor.console.app.accounts(&visitor.session).await?;
    accounts.into_iter().find(|account| account.id == id).ok_or(Fault::NotFound)
}

/// One account: its sessions and what can be done for it.
pub(super) async fn person(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    let account = found(&visitor, id).await?;
    let words = visitor.words();
    let sessions = visitor.console.app.sessions_of(&visitor.session, id).await?;
    let mut f = visitor.frame("people-title", None).await?;
    f.name.clone_from(&account.name);
    let page = PersonPage {
        audit: format!("/account/audit?who={id}"),
        sessions: session_rows(&words, sessions, visitor.session.id, &format!("/account/people/{id}/sessions")),
        end_all: format!("/account/people/{id}/sessions/end"),
        person: person_row(&words, account, visitor.session.account),
        f,
    };
    Ok(Html(page.render()?).into_response())
}

/// Asks whether an account is to be reset.
pub(super) async fn ask_reset(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    let account = found(&visitor, id).await?;
    let mut f = visitor.frame("reset-title", None).await?;
    f.name = f.with("reset-title", "name", &account.name);
    let page = ConfirmPage {
        consequence: f.t("reset-consequence"),
        action: format!("/account/people/{id}/reset"),
        question: String::new(),
        field: "reset",
        choices: Vec::new(),
        button: f.t("reset-button"),
        class: "grave",
        cancel: format!("/account/people/{id}"),
        f,
    };
    Ok(Html(page.render()?).into_response())
}

/// Resets an account and shows the link with which its owner comes back.
pub(super) async fn reset(Path(id): Path<Uuid>, form: Signed) -> Answer {
    let account = found(&form.visitor, id).await?;
    let token = form.visitor.console.app.reset_account(&form.visitor.session.actor(), id).await?;
    shown_link(&form.visitor, &account.name, &token)
}

/// Disables an account; its sessions end.
pub(super) async fn disable(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.switch_account(&form.visitor.session.actor(), id, MayLogIn::No).await?;
    Ok(Redirect::to("/account/people?done=person-disabled"))
}

/// Enables it again.
pub(super) async fn enable(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.switch_account(&form.visitor.session.actor(), id, MayLogIn::Yes).await?;
    Ok(Redirect::to("/account/people?done=person-enabled"))
}

/// Ends one session of somebody.
pub(super) async fn end_session(Path((id, session)): Path<(Uuid, Uuid)>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.end_session_of(&form.visitor.session, id, session).await?;
    Ok(Redirect::to(&format!("/account/people/{id}?done=session-ended")))
}

/// Ends all sessions of somebody (but this one).
pub(super) async fn end_sessions(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.end_other_sessions(&form.visitor.session, id).await?;
    Ok(Redirect::to(&format!("/account/people/{id}?done=sessions-ended")))
}

/// The printed code of the node, as far as anybody may know it.
pub(super) async fn break_glass(visitor: Visitor) -> Answer {
    let kept = visitor.console.app.break_glass(&visitor.session).await?;
    let page = BreakGlassPage {
        f: visitor.frame("glass-title", None).await?,
        made_at: kept.as_ref().map(|kept| kept.made_at),
        used: kept.and_then(|kept| kept.used_at.map(|at| (at, kept.used_from))),
    };
    Ok(Html(page.render()?).into_response())
}

/// Makes a new code and shows it, once, to be printed.
pub(super) async fn make_break_glass(form: Signed) -> Answer {
    let visitor = &form.visitor;
    let words = visitor.words();
    let code = visitor.console.app.make_break_glass(&visitor.session).await?;
    let shown = Shown {
        title: words.with("glass-sheet", "node", visitor.console.app.name()),
        once: words.t("glass-once"),
        secret: code,
        lines: words.with("glass-use", "address", &format!("{}/login/break-glass", visitor.origin())),
        back: "/account/break-glass",
    };
    let key = visitor.console.once.put(visitor.session.account, words.now, shown)?;
    Ok(Redirect::to(&format!("/account/once/{key}")).into_response())
}
