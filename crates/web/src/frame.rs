//! The frame around every page: title, menu, state line, account, footer. Pure values, rendered by `frame.html`.
//! A file of its own because every page carries one and its rules (count in the title, state before the h1, errors
//! before everything) hold for all of them.

use std::ops::Deref;

use domain::marking::Tlp;
use domain::party::Role;
use jiff::Timestamp;

use crate::parts::Html;
use crate::words::Words;

include!(concat!(env!("OUT_DIR"), "/prints.rs"));

/// An entry of the menu; lazaret decides which of them a node has. Never more than seven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// What needs somebody now.
    Now,
    /// A hospital's alerts.
    Alerts,
    /// Warnings received.
    Warnings,
    /// Cases.
    Cases,
    /// Where logs come from.
    Sources,
    /// What leaves this node.
    Sharing,
    /// Hospitals by country, clusters by hour.
    Map,
    /// Warnings this hub proposes and sends.
    Desk,
    /// Who belongs to this hub.
    Members,
}

impl Place {
    /// Where it is.
    pub fn path(self) -> &'static str {
        match self {
            Self::Now => "/",
            Self::Alerts => "/alerts",
            Self::Warnings => "/warnings",
            Self::Cases => "/cases",
            Self::Sources => "/sources",
            Self::Sharing => "/sharing",
            Self::Map => "/map",
            Self::Desk => "/desk",
            Self::Members => "/members",
        }
    }

    /// The message key of its name.
    pub fn key(self) -> &'static str {
        match self {
            Self::Now => "menu-now",
            Self::Alerts => "menu-alerts",
            Self::Warnings => "menu-warnings",
            Self::Cases => "menu-cases",
            Self::Sources => "menu-sources",
            Self::Sharing => "menu-sharing",
            Self::Map => "menu-map",
            Self::Desk => "menu-desk",
            Self::Members => "menu-members",
        }
    }
}

/// Light, dark, or as the system says; kept with the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// As the system says.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Scheme {
    /// All of them, in the order a form shows.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The stable word in preferences and forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads [`Scheme::as_str`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str() == word)
    }
}

/// Who looks at the page.
#[derive(Debug, Clone)]
pub struct Person {
    /// The account's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The token that every form of this session carries.
    pub csrf: String,
}

/// The line before the h1: how many things need somebody, the next of them, and the connection.
#[derive(Debug, Clone)]
pub struct StateLine {
    /// How many things need somebody.
    pub count: u64,
    /// Whether one of them cannot wait.
    pub urgency: Urgency,
    /// The next one, in words, and when it is due.
    pub next: Option<(String, Timestamp)>,
    /// When this was true.
    pub as_of: Timestamp,
    /// The connection to the hub.
    pub link: Link,
}

/// How pressing the state line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Nothing needs anybody.
    Calm,
    /// Something does, not this minute.
    Need,
    /// Something cannot wait.
    Now,
}

/// The connection upwards.
#[derive(Debug, Clone)]
pub enum Link {
    /// No hub is configured.
    Alone,
    /// Connected.
    Connected {
        /// The hub's name.
        peer: String,
        /// Since when.
        since: Timestamp,
    },
    /// Not connected; what is kept here will be sent.
    Disconnected {
        /// The hub's name.
        peer: String,
        /// Since when.
        since: Timestamp,
        /// How many items wait.
        waiting: u64,
    },
}

/// One thing to correct in a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field's id; the summary links there.
    pub field: String,
    /// What to do, in words.
    pub says: String,
}

/// What surrounds a page.
#[derive(Clone)]
pub struct Frame {
    /// Language, zone and moment.
    pub words: Words,
    /// The node's name.
    pub node: String,
    /// The page's own name; also its h1 unless the page brings another.
    pub name: String,
    /// Where this is, for links that come back: path and query without the zone switch.
    pub here: String,
    /// Whether the page was asked for in UTC.
    pub clock: ClockShown,
    /// The menu.
    pub places: Vec<Place>,
    /// Which entry this page belongs to.
    pub place: Option<Place>,
    /// Who looks; none before login.
    pub person: Option<Person>,
    /// Colours.
    pub scheme: Scheme,
    /// The state line; none before login.
    pub state: Option<StateLine>,
    /// What was just done, in words.
    pub notice: Option<String>,
    /// What is to be corrected.
    pub problems: Vec<Problem>,
    /// The marking beside the h1.
    pub tlp: Option<Tlp>,
    /// Whether what the page shows is an exercise.
    pub drill: Drill,
    /// Where a page that plays by itself goes next.
    pub next_step: Option<String>,
}

/// In which zone moments are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockShown {
    /// The node's.
    Local,
    /// UTC, asked for in the URL.
    Utc,
}

/// Whether an exercise stands behind what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drill {
    /// It is real.
    No,
    /// It is an exercise.
    Yes,
}

impl From<bool> for Drill {
    fn from(drill: bool) -> Self {
        if drill { Self::Yes } else { Self::No }
    }
}

impl Deref for Frame {
    type Target = Words;

    fn deref(&self) -> &Words {
        &self.words
    }
}

impl Frame {
    /// `<title>`: *Error:* first, then the count, *DRILL*, the page and the node.
    pub fn title(&self) -> String {
        let mut title = String::new();
        if !self.problems.is_empty() {
            title.push_str(&self.t("title-error"));
            title.push(' ');
        }
        if let Some(state) = self.state.as_ref().filter(|state| state.count > 0) {
            title.push_str(&self.n("title-count", &state.count));
            title.push(' ');
        }
        if self.drill == Drill::Yes {
            title.push_str(&self.t("drill-word"));
            title.push_str(": ");
        }
        title.push_str(&self.with_all("title", &[("page", &self.name), ("node", &self.node)]));
        title
    }

    /// How many things need somebody.
    pub fn count(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.count)
    }

    /// Where the stylesheet is.
    pub fn css_path(&self) -> &'static str {
        CSS_PATH
    }

    /// Where the script is.
    pub fn script_path(&self) -> &'static str {
        SCRIPT_PATH
    }

    /// `aria-current` for the menu entry of this page.
    pub fn current(&self, place: &Place) -> Html {
        Html(if self.place == Some(*place) { " aria-current=\"page\"".to_owned() } else { String::new() })
    }

    /// Whether the account may do what needs this role.
    pub fn may(&self, role: Role) -> bool {
        self.person.as_ref().is_some_and(|person| person.role >= role)
    }

    /// Works on alerts and cases.
    pub fn may_operate(&self) -> bool {
        self.may(Role::Operator)
    }

    /// Approves what others proposed.
    pub fn may_approve(&self) -> bool {
        self.may(Role::Approver)
    }

    /// Manages accounts, sources and members.
    pub fn may_manage(&self) -> bool {
        self.may(Role::Admin)
    }

    /// Whether this node takes logs of its own.
    pub fn listens(&self) -> bool {
        self.places.contains(&Place::Sources)
    }

    /// The hidden field that proves a form came from this session.
    pub fn csrf(&self) -> Html {
        let token = self.person.as_ref().map_or("", |person| person.csrf.as_str());
        Html(format!("<input type=\"hidden\" name=\"csrf\" value=\"{}\">", crate::parts::escaped(token)))
    }

    /// This page with the other zone.
    pub fn zone_switch(&self) -> String {
        match self.clock {
            ClockShown::Utc => self.here.clone(),
            ClockShown::Local if self.here.contains('?') => format!("{}&utc=1", self.here),
            ClockShown::Local => format!("{}?utc=1", self.here),
        }
    }

    /// Whether moments are shown in UTC.
    pub fn is_utc(&self) -> bool {
        self.clock == ClockShown::Utc
    }

    /// How many things are to be corrected.
    pub fn problem_count(&self) -> u64 {
        self.problems.len() as u64
    }

    /// Whether the moments of the page are in UTC, asked for or by nature.
    pub fn zone_is_utc(&self) -> bool {
        self.zone == jiff::tz::TimeZone::UTC || self.zone.iana_name() == Some("UTC")
    }

    /// The zone's name as people know it.
    pub fn zone_text(&self) -> String {
        self.zone.iana_name().map_or_else(|| self.t("zone-of-node"), str::to_owned)
    }

    /// What is to be corrected at one field.
    pub fn problem(&self, field: &str) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.field == field)
    }

    /// The attributes of a field that has something to correct or a hint.
    pub fn described(&self, field: &str) -> Html {
        Html(match self.problem(field) {
            Some(_) => format!(" aria-invalid=\"true\" aria-describedby=\"{field}-wrong\""),
            None => String::new(),
        })
    }

    /// The class of a field that has something to correct.
    pub fn field_class(&self, field: &str) -> &'static str {
        if self.problem(field).is_some() { "field bad" } else { "field" }
    }

    /// The words at a field that has something to correct.
    pub fn wrong(&self, field: &str) -> Html {
        Html(self.problem(field).map_or_else(String::new, |problem| {
            format!("<p class=\"wrong\" id=\"{field}-wrong\">{}</p>", crate::parts::escaped(&problem.says))
        }))
    }

    /// Whether the page shows an exercise.
    pub fn is_drill(&self) -> bool {
        self.drill == Drill::Yes
    }
}

impl StateLine {
    /// The class that colours it.
    pub fn class(&self) -> &'static str {
        match self.urgency {
            Urgency::Calm => "state",
            Urgency::Need => "state need",
            Urgency::Now => "state now",
        }
    }
}
