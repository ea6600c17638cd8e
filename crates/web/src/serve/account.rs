//! Serves what is behind the account's name: preferences, people, audit.

use app::{PasswordRefused, Preferences};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};
use domain::party::Role;
use uuid::Uuid;

use super::fault::{Answer, Fault};
use super::form::{Fields, Signed};
use super::names::choices;
use super::visitor::Visitor;
use crate::frame::{Problem, Scheme};
use crate::screen::Pager;
use crate::screen::account::{AuditPage, AuditRow, PeoplePage, PersonRow, PreferencesPage};
use crate::words::{Language, Words};

/// Rows of one page of the audit.
const ROWS_MAX: u32 = 100;

/// Colours and language.
pub(super) async fn preferences(visitor: Visitor) -> Answer {
    let words = visitor.words();
    let picked = &visitor.session.preferences;
    let lang = Language::from_tag(&picked.lang).unwrap_or(Language::English).tag();
    let page = PreferencesPage {
        f: visitor.frame("preferences-title", None).await?,
        schemes: choices(&words, "scheme", &Scheme::ALL.map(Scheme::as_str), &picked.scheme),
        languages: choices(&words, "language", &["en"], lang),
    };
    Ok(Html(page.render()?).into_response())
}

/// Keeps them.
pub(super) async fn save_preferences(form: Signed) -> Result<Redirect, Fault> {
    let scheme = Scheme::from_word(form.fields.get("scheme")).ok_or(Fault::Unreadable)?;
    let lang = Language::from_tag(form.fields.get("lang")).ok_or(Fault::Unreadable)?;
    let preferences = Preferences { lang: lang.tag().to_owned(), scheme: scheme.as_str().to_owned() };
    form.visitor.console.app.set_preferences(&form.visitor.session, &preferences).await?;
    Ok(Redirect::to("/account/preferences?done=preferences-saved"))
}

/// Why a password is not taken, in words.
pub(super) fn password_problem(words: &Words, refused: PasswordRefused) -> Problem {
    let says = match refused {
        PasswordRefused::TooShort => words.with("password-too-short", "min", &app::PASSWORD_CHARS_MIN.to_string()),
        PasswordRefused::TooLong => words.t("password-too-long"),
        PasswordRefused::TooCommon => words.t("password-too-common"),
    };
    Problem { field: "password".to_owned(), says }
}

/// The accounts of this node.
pub(super) async fn people(visitor: Visitor) -> Answer {
    people_page(&visitor, &Fields::default(), Vec::new()).await
}

async fn people_page(visitor: &Visitor, fields: &Fields, problems: Vec<Problem>) -> Answer {
    let words = visitor.words();
    let accounts = visitor.console.app.accounts(&visitor.session).await?;
    let mut f = visitor.frame("people-title", None).await?;
    f.problems = problems;
    let rows = accounts.into_iter().map(|account| PersonRow {
        state: match account.locked_until.filter(|until| *until > words.now) {
            _ if account.disabled => words.t("person-disabled"),
            Some(until) => words.with("person-locked", "moment", &words.near_moment(&until)),
            None => words.t("person-active"),
        },
        me: account.id == visitor.session.account,
        id: account.id.to_string(),
        name: account.name,
        role: account.role.as_str(),
        disabled: account.disabled,
        last_login_at: account.last_login_at,
    });
    let role = if fields.get("role").is_empty() { "operator" } else { fields.get("role") };
    let page = PeoplePage {
        rows: rows.collect(),
        name: fields.get("name").to_owned(),
        roles: choices(&words, "role", &["viewer", "operator", "approver", "admin"], role),
        f,
    };
    Ok(Html(page.render()?).into_response())
}

/// Adds an account.
pub(super) async fn add(form: Signed) -> Answer {
    let words = form.visitor.words();
    let app = &form.visitor.console.app;
    let name = form.fields.get("name");
    let role = Role::from_word(form.fields.get("role")).ok_or(Fault::Unreadable)?;
    let taken = app.account_names().await?.values().any(|known| known.eq_ignore_ascii_case(name));
    let key = if name.is_empty() {
        Some("people-name-empty")
    } else if taken {
        Some("people-name-taken")
    } else {
        None
    };
    if let Some(key) = key {
        let problem = Problem { field: "name".to_owned(), says: words.t(key) };
        return people_page(&form.visitor, &form.fields, vec![problem]).await;
    }
    let actor = form.visitor.session.actor();
    match app.add_account(&actor, name, role, form.fields.exact("password")).await? {
        Ok(_) => Ok(Redirect::to("/account/people?done=person-added").into_response()),
        Err(refused) => people_page(&form.visitor, &form.fields, vec![password_problem(&words, refused)]).await,
    }
}

/// Disables an account; its sessions end.
pub(super) async fn disable(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.set_account_disabled(&form.visitor.session, id, true).await?;
    Ok(Redirect::to("/account/people?done=person-disabled"))
}

/// Enables it again.
pub(super) async fn enable(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.set_account_disabled(&form.visitor.session, id, false).await?;
    Ok(Redirect::to("/account/people?done=person-enabled"))
}

/// Who did what.
pub(super) async fn audit(visitor: Visitor) -> Answer {
    let words = visitor.words();
    let after: Option<i64> = visitor.query.get("after").parse().ok();
    let entries = visitor.console.app.audit(&visitor.session, after, ROWS_MAX).await?;
    let full = entries.len() == ROWS_MAX as usize;
    let older = entries.last().filter(|_| full).map(|(entry, _)| format!("/account/audit?after={}", entry.number));
    let rows = entries.into_iter().map(|(entry, who)| {
        let key = format!("audit-verb-{}", entry.verb);
        AuditRow {
            at: entry.at,
            who,
            what: if words.has(&key) { words.t(&key) } else { entry.verb },
            object: entry.object,
            detail: entry.detail,
        }
    });
    let page = AuditPage {
        f: visitor.frame("audit-title", None).await?,
        rows: rows.collect(),
        pager: Pager { newest: after.map(|_| "/account/audit".to_owned()), older },
    };
    Ok(Html(page.render()?).into_response())
}
