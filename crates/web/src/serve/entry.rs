//! Serves what is outside the work: login, logout, first run, help, the theatre.

use std::sync::Arc;

use app::{LoginRefused, SessionStart};
use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::http::header::SET_COOKIE;
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::Console;
use super::account::password_problem;
use super::came_from::Came;
use super::fault::{Answer, Fault};
use super::form::{Fields, Open, Signed};
use super::visitor::{Visitor, outside_frame};
use crate::frame::{Frame, Problem};
use crate::screen::entry::{BreakGlassEntryPage, CodePage, FirstRunPage, HelpPage, LoginPage, WelcomePage, message};
use crate::site::SecureCookies;
use crate::theatre::{self, Asked};

type Shared = State<Arc<Console>>;

/// Where to go after login: only ever a path of this console.
fn safe_next(next: &str) -> String {
    let inside =
        next.starts_with('/') && !next.starts_with("//") && !next.contains(|c: char| c == '\\' || c.is_control());
    if inside { next.to_owned() } else { "/".to_owned() }
}

/// The login page.
pub(super) async fn login(State(console): Shared, uri: Uri) -> Answer {
    let query = Fields::read(uri.query().unwrap_or_default());
    let mut f = outside_frame(&console, &uri, "login-title");
    let next = safe_next(query.get("next"));
    if next != "/" {
        f.notice = Some(f.t("login-again"));
    } else if query.get("done") == "link-used" {
        f.notice = Some(f.t("link-used"));
    }
    login_page(f, "", next)
}

fn login_page(f: Frame, name: &str, next: String) -> Answer {
    Ok(Html(LoginPage { f, name: name.to_owned(), next }.render()?).into_response())
}

fn problem(field: &str, says: String) -> Problem {
    Problem { field: field.to_owned(), says }
}

/// Lets somebody in.
pub(super) async fn log_in(State(console): Shared, Came(from): Came, Open(fields): Open) -> Answer {
    let mut f = outside_frame(&console, &Uri::from_static("/login"), "login-title");
    let (name, next) = (fields.get("name"), safe_next(fields.get("next")));
    if name.is_empty() || fields.exact("password").is_empty() {
        let (field, key) =
            if name.is_empty() { ("name", "login-empty-name") } else { ("password", "login-empty-password") };
        f.problems = vec![problem(field, f.t(key))];
        return login_page(f, name, next);
    }
    let refused = match console.app.login(name, fields.exact("password"), &from).await? {
        Ok(start) => return Ok(welcome(&console, &start, &next)),
        Err(refused) => refused,
    };
    if let LoginRefused::CodeFirst(ticket) = refused {
        return code_page(&console, ticket, next, Vec::new());
    }
    f.problems = vec![problem("name", refused_words(&f, &refused))];
    login_page(f, name, next)
}

/// Why nobody was let in, in words.
fn refused_words(f: &Frame, refused: &LoginRefused) -> String {
    match refused {
        LoginRefused::Wrong => f.t("login-wrong"),
        LoginRefused::LockedUntil(until) => f.with("login-locked", "moment", &f.near_moment(until)),
        LoginRefused::WrongCode => f.t("code-wrong"),
        LoginRefused::CodeFirst(_) | LoginRefused::TooLate => f.t("code-late"),
    }
}

fn code_page(console: &Console, ticket: String, next: String, problems: Vec<Problem>) -> Answer {
    let f = Frame { problems, ..outside_frame(console, &Uri::from_static("/login/code"), "code-title") };
    Ok(Html(CodePage { f, ticket, next }.render()?).into_response())
}

/// The code of the authenticator app, after the password.
pub(super) async fn log_in_code(State(console): Shared, Came(from): Came, Open(fields): Open) -> Answer {
    let (ticket, next) = (fields.exact("ticket"), safe_next(fields.get("next")));
    let refused = match console.app.login_code(ticket, fields.get("code"), &from).await? {
        Ok(start) => return Ok(welcome(&console, &start, &next)),
        Err(refused) => refused,
    };
    let mut f = outside_frame(&console, &Uri::from_static("/login"), "login-title");
    if refused == LoginRefused::WrongCode {
        return code_page(&console, ticket.to_owned(), next, vec![problem("code", refused_words(&f, &refused))]);
    }
    f.problems = vec![problem("name", refused_words(&f, &refused))];
    login_page(f, "", next)
}

/// The page for the printed code.
pub(super) async fn break_glass(State(console): Shared, uri: Uri) -> Answer {
    let f = outside_frame(&console, &uri, "glass-entry-title");
    Ok(Html(BreakGlassEntryPage { f }.render()?).into_response())
}

/// Lets somebody in with the printed code.
pub(super) async fn use_break_glass(State(console): Shared, Came(from): Came, Open(fields): Open) -> Answer {
    if let Some(start) = console.app.use_break_glass(fields.get("code"), &from).await? {
        return Ok(welcome(&console, &start, "/account/people"));
    }
    let mut f = outside_frame(&console, &Uri::from_static("/login/break-glass"), "glass-entry-title");
    f.problems = vec![problem("code", f.t("glass-wrong"))];
    Ok(Html(BreakGlassEntryPage { f }.render()?).into_response())
}

/// The page behind a one-time link for an account.
pub(super) async fn welcome_page(State(console): Shared, uri: Uri) -> Answer {
    let query = Fields::read(uri.query().unwrap_or_default());
    link_page(&console, query.get("token"), Vec::new()).await
}

async fn link_page(console: &Console, token: &str, problems: Vec<Problem>) -> Answer {
    let mut f = outside_frame(console, &Uri::from_static("/welcome"), "welcome-title");
    let Some(name) = console.app.account_of_link(token).await? else {
        f.name = f.t("first-closed");
        return Ok(Html(message(f, "first-closed", "link-closed-hint")).into_response());
    };
    f.problems = problems;
    let action = format!("/welcome?token={}", super::form::encoded(token));
    Ok(Html(WelcomePage { f, action, account: name }.render()?).into_response())
}

/// Sets the password of the account that a one-time link belongs to.
pub(super) async fn use_link(State(console): Shared, uri: Uri, Open(fields): Open) -> Answer {
    let query = Fields::read(uri.query().unwrap_or_default());
    let token = query.get("token");
    match console.app.use_account_link(token, fields.exact("password")).await {
        Ok(Ok(_)) => Ok(Redirect::to("/login?done=link-used").into_response()),
        Ok(Err(refused)) => {
            let f = outside_frame(&console, &uri, "welcome-title");
            link_page(&console, token, vec![password_problem(&f, refused)]).await
        }
        Err(app::Error::NotFound) => link_page(&console, token, Vec::new()).await,
        Err(error) => Err(Fault::App(error)),
    }
}

fn welcome(console: &Console, start: &SessionStart, next: &str) -> Response {
    let secure = if console.site.secure_cookies == SecureCookies::Yes { "; Secure" } else { "" };
    let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict{secure}", console.site.cookie_name, start.token);
    ([(SET_COOKIE, cookie)], Redirect::to(next)).into_response()
}

/// Ends the session.
pub(super) async fn log_out(State(console): Shared, headers: axum::http::HeaderMap, _form: Signed) -> Answer {
    let name = format!("{}=", console.site.cookie_name);
    let cookies = headers.get_all(axum::http::header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).map(str::trim);
    if let Some(token) = pairs.find_map(|pair| pair.strip_prefix(&name)) {
        console.app.logout(token).await?;
    }
    let gone = format!("{name}; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok(([(SET_COOKIE, gone)], Redirect::to("/login")).into_response())
}

/// The page behind the one-time link.
pub(super) async fn first_run(State(console): Shared, uri: Uri) -> Answer {
    let query = Fields::read(uri.query().unwrap_or_default());
    first_run_page(&console, query.get("token"), "", Vec::new()).await
}

async fn first_run_page(console: &Console, token: &str, name: &str, problems: Vec<Problem>) -> Answer {
    let mut f = outside_frame(console, &Uri::from_static("/first-run"), "first-title");
    if !console.app.first_run_open(token).await? {
        f.name = f.t("first-closed");
        return Ok(Html(message(f, "first-closed", "first-closed-hint")).into_response());
    }
    f.problems = problems;
    let action = format!("/first-run?token={}", super::form::encoded(token));
    Ok(Html(FirstRunPage { f, action, name: name.to_owned() }.render()?).into_response())
}

/// Makes the first account.
pub(super) async fn make_first(State(console): Shared, uri: Uri, Came(from): Came, Open(fields): Open) -> Answer {
    let query = Fields::read(uri.query().unwrap_or_default());
    let (token, name) = (query.get("token"), fields.get("name"));
    let f = outside_frame(&console, &uri, "first-title");
    if name.is_empty() {
        return first_run_page(&console, token, name, vec![problem("name", f.t("people-name-empty"))]).await;
    }
    match console.app.first_run(token, name, fields.exact("password"), &from).await {
        Ok(Ok(start)) => Ok(welcome(&console, &start, "/account/security")),
        Ok(Err(refused)) => first_run_page(&console, token, name, vec![password_problem(&f, refused)]).await,
        Err(app::Error::Input { code: "input-name-reserved" }) => {
            first_run_page(&console, token, name, vec![problem("name", f.t("people-name-taken"))]).await
        }
        Err(app::Error::NotFound) => first_run_page(&console, token, name, Vec::new()).await,
        Err(error) => Err(Fault::App(error)),
    }
}

/// Help, in the same place on every page.
pub(super) async fn help(visitor: Visitor) -> Answer {
    let words = visitor.words();
    let topics = ["now", "alert", "warning", "share", "block"]
        .map(|topic| (words.word("help", topic), words.t(&format!("help-{topic}-says"))))
        .to_vec();
    let page = HelpPage { f: visitor.frame("help-title", None).await?, topics };
    Ok(Html(page.render()?).into_response())
}

/// The theatre; no login, because it shows nothing but the demo's own reconstruction.
pub(super) async fn theatre(State(console): Shared, uri: Uri) -> Answer {
    let data = console.site.theatre.as_ref().map(|source| source()).unwrap_or_default();
    let query = Fields::read(uri.query().unwrap_or_default());
    let asked = Asked {
        attack: Some(query.get("attack").to_owned()).filter(|attack| !attack.is_empty()),
        at: query.get("at").parse().ok(),
        play: query.get("play").parse().ok(),
    };
    let f = outside_frame(&console, &uri, "theatre-title");
    Ok(Html(theatre::page(f, &data, &asked)).into_response())
}

#[cfg(test)]
mod tests {
    use super::safe_next;

    #[test]
    fn only_paths_of_this_console_are_gone_to() {
        for good in ["/", "/alerts?level=high", "/cases/1#notes"] {
            assert_eq!(safe_next(good), good);
        }
        for bad in
            ["//evil.example", "/\\evil.example", "/\t/evil.example", "/\u{b}/x", "https://evil.example", "", "/a\r\nb"]
        {
            assert_eq!(safe_next(bad), "/", "{bad:?}");
        }
    }
}
