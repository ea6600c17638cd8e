//! Serves how somebody wants to see things, and says why a password is not taken.

use app::{PasswordRefused, Preferences};
use askama::Template;
use axum::response::{Html, IntoResponse, Redirect};

use super::fault::{Answer, Fault};
use super::form::Signed;
use super::names::choices;
use super::visitor::Visitor;
use crate::frame::{Problem, Scheme};
use crate::screen::account::PreferencesPage;
use crate::words::{Language, Words};

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
