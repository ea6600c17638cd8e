//! The pages before and beside the work: login, first run, help, and what is shown when something is not possible.

use askama::Template;

use crate::frame::{Frame, Link, Scheme};

#[derive(Template)]
#[template(path = "login.html", whitespace = "minimize")]
pub(crate) struct LoginPage {
    pub f: Frame,
    pub name: String,
    pub next: String,
}

#[derive(Template)]
#[template(path = "first-run.html", whitespace = "minimize")]
pub(crate) struct FirstRunPage {
    pub f: Frame,
    pub action: String,
    pub name: String,
}

#[derive(Template)]
#[template(path = "code.html", whitespace = "minimize")]
pub(crate) struct CodePage {
    pub f: Frame,
    pub ticket: String,
    pub next: String,
}

#[derive(Template)]
#[template(path = "break-glass-entry.html", whitespace = "minimize")]
pub(crate) struct BreakGlassEntryPage {
    pub f: Frame,
}

#[derive(Template)]
#[template(path = "welcome.html", whitespace = "minimize")]
pub(crate) struct WelcomePage {
    pub f: Frame,
    pub action: String,
    pub account: String,
}

#[derive(Template)]
#[template(path = "message.html", whitespace = "minimize")]
struct MessagePage {
    f: Frame,
    says: String,
    next: String,
}

#[derive(Template)]
#[template(path = "help.html", whitespace = "minimize")]
pub(crate) struct HelpPage {
    pub f: Frame,
    pub topics: Vec<(String, String)>,
}

/// A page that says one thing and what to do next.
pub(crate) fn message(f: Frame, says: &str, next: &str) -> String {
    let (says, next) = (f.t(says), f.t(next));
    message_of(f, says, next)
}

/// The same with words that were put together elsewhere.
pub(crate) fn message_of(f: Frame, says: String, next: String) -> String {
    MessagePage { f, says, next }.render().unwrap_or_default()
}
