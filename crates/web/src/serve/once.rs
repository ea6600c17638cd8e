//! Secrets that are shown once: kept in memory between the form and the page, for one account, for minutes.
//! A file of its own because nothing else in this crate remembers anything.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::fault::{Answer, Fault};
use super::visitor::Visitor;
use crate::screen::entry;
use crate::screen::sources::SecretPage;

/// The most secrets that wait to be looked at.
const WAITING_MAX: usize = 64;
/// How long one waits.
const LIFE: SignedDuration = SignedDuration::from_mins(10);

/// A secret on its way to the page that shows it.
pub(super) struct Shown {
    /// The page's title.
    pub title: String,
    /// Why it has to be copied now.
    pub once: String,
    /// The secret.
    pub secret: String,
    /// How it is used.
    pub lines: String,
    /// Where to go then.
    pub back: &'static str,
}

struct Entry {
    key: String,
    account: Uuid,
    until: Timestamp,
    shown: Shown,
}

/// The secrets that wait.
#[derive(Default)]
pub(crate) struct Once {
    entries: Mutex<VecDeque<Entry>>,
}

impl Once {
    /// Keeps a secret for one account; returns the key of its page.
    pub(super) fn put(&self, account: Uuid, now: Timestamp, shown: Shown) -> Result<String, Fault> {
        let key = domain::record::hex(&app::random::<16>().map_err(app::Error::from)?);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.until > now);
        if entries.len() >= WAITING_MAX {
            entries.pop_front();
        }
        entries.push_back(Entry { key: key.clone(), account, until: now + LIFE, shown });
        Ok(key)
    }

    fn take(&self, key: &str, account: Uuid, now: Timestamp) -> Option<Shown> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let index =
            entries.iter().position(|entry| entry.key == key && entry.account == account && entry.until > now)?;
        entries.remove(index).map(|entry| entry.shown)
    }
}

/// Shows a secret for the first and last time.
pub(super) async fn show(visitor: Visitor, Path(key): Path<String>) -> Answer {
    let now = visitor.console.app.now();
    let Some(shown) = visitor.console.once.take(&key, visitor.session.account, now) else {
        let frame = visitor.frame("secret-gone", None).await?;
        return Ok(Html(entry::message(frame, "secret-gone", "secret-gone-hint")).into_response());
    };
    let mut f = visitor.frame("help", None).await?;
    f.name = shown.title;
    let page =
        SecretPage { f, once: shown.once, secret: shown.secret, lines: shown.lines, back: shown.back.to_owned() };
    Ok(Html(page.render()?).into_response())
}
