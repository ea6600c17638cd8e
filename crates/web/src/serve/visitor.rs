//! Who looks at a page: the session behind the cookie, and the frame that person gets.

use std::sync::Arc;

use app::{AttentionItem, LinkState, Session, Urgency as Soon, What};
use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, HOST};
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use jiff::tz::TimeZone;

use super::Console;
use super::fault::Fault;
use super::form::Fields;
use super::names::task_title;
use crate::frame::{ClockShown, Drill, Frame, Link, Person, Place, Scheme, StateLine, Urgency};
use crate::words::{Language, Words};

/// Somebody who is logged in, and what was asked for.
pub(crate) struct Visitor {
    pub console: Arc<Console>,
    pub session: Session,
    pub query: Fields,
    /// The name under which this console was asked for, without its port; empty where nobody said.
    pub host: String,
    path: String,
}

impl FromRequestParts<Arc<Console>> for Visitor {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Fault> {
        let next = if parts.method == Method::GET {
            parts.uri.path_and_query().map_or("/", |path| path.as_str())
        } else {
            "/"
        };
        let next = next.to_owned();
        Self::of(parts, console).await?.ok_or(Fault::LoginFirst(next))
    }
}

impl Visitor {
    /// The visitor behind a request; none where nobody is logged in.
    pub async fn of(parts: &Parts, console: &Arc<Console>) -> Result<Option<Self>, Fault> {
        let Some(token) = cookie(parts, &console.site.cookie_name) else { return Ok(None) };
        // a page that refreshes itself, or waits for changes, must not keep a session alive that nobody uses
        let by_itself = parts.headers.contains_key("lazaret-live") || parts.uri.path() == "/live";
        let session =
            if by_itself { console.app.session_peek(token).await? } else { console.app.session(token).await? };
        let Some(session) = session else { return Ok(None) };
        if session.second_factor_due && !open_without_second_factor(parts.uri.path()) {
            return Err(Fault::SecondFactorFirst);
        }
        Ok(Some(Self {
            console: Arc::clone(console),
            session,
            query: Fields::read(parts.uri.query().unwrap_or_default()),
            host: host(parts),
            path: parts.uri.path().to_owned(),
        }))
    }

    /// What links to this console begin with.
    pub fn origin(&self) -> String {
        self.console.app.log_in_policy().console.clone()
    }

    /// The language, zone and moment of this visit.
    pub fn words(&self) -> Words {
        words(&self.console, &self.query, &self.session.preferences.lang)
    }

    /// What needs somebody and can be acted on here: a hub passes received warnings on by itself and has no page for
    /// their verdicts.
    pub async fn attention(&self) -> Result<app::Attention, Fault> {
        let mut attention = self.console.app.attention().await?;
        if !self.console.site.places.contains(&Place::Warnings) {
            attention.items.retain(|item| !matches!(item.what, What::Warning(_) | What::HeldWarning(_)));
        }
        Ok(attention)
    }

    /// The frame of a page, with the state line as it is now.
    pub async fn frame(&self, name: &str, place: Option<Place>) -> Result<Frame, Fault> {
        let words = self.words();
        let attention = self.attention().await?;
        let state = state_line(&words, &attention);
        let done = format!("notice-{}", self.query.get("done"));
        Ok(Frame {
            node: self.console.app.name().to_owned(),
            name: words.t(name),
            here: here(&self.path, &self.query),
            clock: clock(&self.query),
            places: self.console.site.places.clone(),
            place,
            person: Some(Person {
                name: self.session.name.clone(),
                role: self.session.role,
                csrf: self.session.csrf.clone(),
            }),
            scheme: Scheme::from_word(&self.session.preferences.scheme).unwrap_or_default(),
            state: Some(state),
            notice: words.has(&done).then(|| words.t(&done)),
            problems: Vec::new(),
            tlp: None,
            drill: Drill::No,
            next_step: None,
            words,
        })
    }
}

/// Where somebody may go whose role needs a second factor and who has none yet: to set one up, and out.
fn open_without_second_factor(path: &str) -> bool {
    let places =
        ["/account/security", "/account/authenticator", "/account/passkeys", "/account/preferences", "/logout"];
    places.iter().any(|place| path == *place || path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/')))
}

/// The frame for those who are not logged in.
pub(crate) fn outside_frame(console: &Console, uri: &Uri, name: &str) -> Frame {
    let query = Fields::read(uri.query().unwrap_or_default());
    let words = words(console, &query, "");
    Frame {
        node: console.app.name().to_owned(),
        name: words.t(name),
        here: here(uri.path(), &query),
        clock: clock(&query),
        places: Vec::new(),
        place: None,
        person: None,
        scheme: Scheme::System,
        state: None,
        notice: None,
        problems: Vec::new(),
        tlp: None,
        drill: Drill::No,
        next_step: None,
        words,
    }
}

fn words(console: &Console, query: &Fields, preferred: &str) -> Words {
    let asked = [query.get("lang"), preferred, console.site.lang.as_str()];
    let language = asked.into_iter().find_map(Language::from_tag).unwrap_or(Language::English);
    let zone = match clock(query) {
        ClockShown::Utc => TimeZone::UTC,
        ClockShown::Local => console.app.zone().clone(),
    };
    Words::new(Arc::clone(&console.catalogue), language, zone, console.app.now())
}

fn clock(query: &Fields) -> ClockShown {
    if query.get("utc") == "1" { ClockShown::Utc } else { ClockShown::Local }
}

/// Path and query without the zone switch and without what was just done.
fn here(path: &str, query: &Fields) -> String {
    let kept = query.0.iter().filter(|(name, _)| name != "utc" && name != "done");
    let pairs: Vec<String> =
        kept.map(|(name, value)| format!("{}={}", super::form::encoded(name), super::form::encoded(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// The name in the `Host` header where it is a plain name or address; anything else is nobody's name.
fn host(parts: &Parts) -> String {
    let asked = parts.headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = match asked.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => asked,
    };
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'));
    if plain { name.to_owned() } else { String::new() }
}

fn cookie<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    let headers = parts.headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = headers.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn state_line(words: &Words, attention: &app::Attention) -> StateLine {
    let pressing: Vec<&AttentionItem> = attention.items.iter().filter(|item| item.urgency < Soon::Later).collect();
    let urgency = match pressing.first().map(|item| item.urgency) {
        None => Urgency::Calm,
        Some(Soon::Now) => Urgency::Now,
        Some(_) => Urgency::Need,
    };
    let next = pressing.iter().filter_map(|item| Some((*item, item.due_at?))).min_by_key(|(_, due)| *due);
    StateLine {
        count: pressing.len() as u64,
        urgency,
        next: next.map(|(item, due)| (task_title(words, &item.what), due)),
        as_of: attention.as_of,
        link: match &attention.link {
            LinkState::Alone => Link::Alone,
            LinkState::Connected { peer, since } => Link::Connected { peer: peer.clone(), since: *since },
            LinkState::Disconnected { peer, since } => {
                Link::Disconnected { peer: peer.clone(), since: *since, waiting: attention.waiting }
            }
        },
    }
}
