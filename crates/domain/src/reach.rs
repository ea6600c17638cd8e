//! Reaching a person: who is on duty, how each person is called, and the decision whom to call next.
//! A file of its own because it is pure: the same notice, rota and attempts at the same moment give the same calls,
//! so that a night in which every channel fails is a test and no surprise.
//!
//! The ladder of a notice: whoever is on duty, then each deputy in turn, then everybody. A rung begins when the one
//! before had its time and nobody acknowledged, or at once when nobody of it could be told. A channel that fails hands
//! over to the person's next one at once; when all have failed they are tried again, ever more slowly.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::telemetry::Level;

/// The most channels one person has.
pub const ROUTES_MAX: usize = 8;
/// The most deputies one shift has.
pub const DEPUTIES_MAX: usize = 4;
/// How often one person is told of one notice that nobody acknowledges: once, and three reminders.
pub const TOLD_MAX: usize = 4;
/// How often all channels of a person are tried in a row without one that works. With [`PAUSE_MAX`] that is more than
/// three days.
pub const PASSES_MAX: usize = 80;
/// The longest pause between two tries of all channels; the first is a minute, and each is twice the one before.
pub const PAUSE_MAX: SignedDuration = SignedDuration::from_mins(60);

/// How somebody is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// A mail; the address is a mail address.
    Mail,
    /// An HTTP request; the address is a URL.
    Webhook,
    /// A short message through an HTTP gateway; the address is a number with its country, e.g. `+40721000000`.
    Sms,
    /// A short message through a modem at this machine; the address is a number likewise. Needs no network.
    Modem,
}

impl Channel {
    /// All of them, in the order a form shows.
    pub const ALL: [Self; 4] = [Self::Mail, Self::Webhook, Self::Sms, Self::Modem];

    /// The stable word used in storage, forms and message keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
            Self::Sms => "sms",
            Self::Modem => "modem",
        }
    }

    /// Reads [`Channel::as_str`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == word)
    }
}

/// One way to one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Its id.
    pub id: Uuid,
    /// How.
    pub channel: Channel,
    /// Where; its shape depends on the channel.
    pub address: String,
}

/// When somebody is not to be called for what can wait. Units: minutes after midnight in the node's zone; `from` after
/// `to` goes over midnight. What is critical and no drill is never kept quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// The first quiet minute.
    pub from_minute: u16,
    /// The first minute that is not quiet any more.
    pub to_minute: u16,
    /// What is less grave than this waits.
    pub below: Level,
}

/// Somebody who can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reachable {
    /// The account.
    pub account: Uuid,
    /// Their channels in the order in which they are tried. Limits: [`ROUTES_MAX`].
    pub routes: Vec<Route>,
    /// When they want to be left alone.
    pub quiet: Option<Quiet>,
}

/// Who is on duty from when until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Its id.
    pub id: Uuid,
    /// Who.
    pub person: Uuid,
    /// Who is called when they do not answer, in this order. Limits: [`DEPUTIES_MAX`].
    pub deputies: Vec<Uuid>,
    /// From when.
    pub from: Timestamp,
    /// Until when; none: until somebody ends it.
    pub until: Option<Timestamp>,
}

impl Shift {
    /// Whether it runs at that moment.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// Everybody who can be called, and when who is on duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rota {
    /// Everybody with an account that may log in; those without a route cannot be called.
    pub people: Vec<Reachable>,
    /// Who is on duty.
    pub shifts: Vec<Shift>,
    /// The zone of quiet hours.
    pub zone: TimeZone,
}

/// Why a rota reaches nobody, or not everybody whom it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// Nobody has a channel that this node has.
    NoRoute,
    /// Nobody is on duty now; everybody would be called.
    NoShift,
}

/// What a notice is about: also its identity, so that raising it twice is once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "kebab-case")]
pub enum About {
    /// A critical alert. One rule is one notice a day: a rule that fires on forty machines calls once.
    Alert {
        /// The alert that raised it.
        alert: Uuid,
        /// Its rule.
        rule: String,
        /// The day, UTC.
        day: Date,
    },
    /// A warning in force whose indicators or rules match here.
    Hit {
        /// The release.
        release: Uuid,
    },
    /// Something of this node is in trouble: a backup that failed, a source that fell silent, a disk that fills.
    Trouble {
        /// Which, as a code with a message of its own, e.g. `backup-failed`.
        code: String,
        /// What of several, e.g. a source's number; empty where there is one.
        of: String,
        /// The day, UTC: it is told again on the next one.
        day: Date,
    },
    /// The monthly test that somebody must acknowledge.
    MonthlyTest {
        /// The first day of the month.
        month: Date,
    },
    /// A test of one route, by its button.
    Test {
        /// The route.
        route: Uuid,
        /// Tells two tests of one route apart.
        at: Timestamp,
    },
}

impl About {
    /// The stable word used in message keys.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Alert { .. } => "alert",
            Self::Hit { .. } => "hit",
            Self::Trouble { .. } => "trouble",
            Self::MonthlyTest { .. } => "monthly-test",
            Self::Test { .. } => "test",
        }
    }

    /// What makes two notices the same.
    pub fn key(&self) -> String {
        match self {
            Self::Alert { rule, day, .. } => format!("alert/{rule}/{day}"),
            Self::Hit { release } => format!("hit/{release}"),
            Self::Trouble { code, of, day } => format!("trouble/{code}/{of}/{day}"),
            Self::MonthlyTest { month } => format!("monthly-test/{month}"),
            Self::Test { route, at } => format!("test/{route}/{at}"),
        }
    }
}

/// Something that somebody has to be told, and has to say that they know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id.
    pub id: Uuid,
    /// What it is about.
    pub about: About,
    /// How grave.
    pub level: Level,
    /// The title of a rule or a warning, which may leave the house in a mail. Never a host, a person or a patient.
    pub title: String,
    /// Whether an exercise caused it.
    pub drill: bool,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// How it stands.
    pub state: NoticeState,
}

/// How a notice stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeState {
    /// Nobody has said that they know.
    Open,
    /// Somebody has.
    Acknowledged(Acknowledged),
    /// What it was about was dealt with, or is over.
    Over {
        /// Since when.
        at: Timestamp,
    },
}

/// Who said first that they know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// The account.
    pub by: Uuid,
    /// When.
    pub at: Timestamp,
    /// How.
    pub how: How,
}

/// How somebody said that they know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// In the console.
    Console,
    /// By the link of a message.
    Link,
    /// By answering a short message.
    SmsReply,
}

impl How {
    /// The stable word used in storage, audit and message keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Link => "link",
            Self::SmsReply => "sms-reply",
        }
    }
}

/// How a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptState {
    /// It is being made, or will be as soon as this node runs.
    Waiting,
    /// The channel took it.
    Sent,
    /// The channel did not.
    Failed,
    /// The person answered this one.
    Acknowledged,
    /// Somebody had acknowledged before it was made.
    Dropped,
}

impl AttemptState {
    /// The stable word used in storage and message keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Acknowledged => "acknowledged",
            Self::Dropped => "dropped",
        }
    }
}

/// One call of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its id.
    pub id: Uuid,
    /// The notice.
    pub notice: Uuid,
    /// Who is called.
    pub person: Uuid,
    /// By which of their routes.
    pub route: Uuid,
    /// How.
    pub channel: Channel,
    /// Where.
    pub address: String,
    /// How it stands.
    pub state: AttemptState,
    /// When it was due.
    pub due_at: Timestamp,
    /// When it was sent or failed.
    pub done_at: Option<Timestamp>,
    /// How long the channel took, in milliseconds.
    pub latency_ms: Option<u64>,
    /// Why it failed, in the channel's words; empty otherwise.
    pub reason: String,
}

/// A call to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Who.
    pub person: Uuid,
    /// By which route.
    pub route: Route,
    /// When; may lie ahead.
    pub due_at: Timestamp,
}

/// How long a rung has before the next one is called.
pub fn escalate_after(level: Level) -> SignedDuration {
    match level {
        Level::Critical => SignedDuration::from_mins(10),
        Level::High => SignedDuration::from_mins(30),
        Level::Medium | Level::Low | Level::Informational => SignedDuration::from_hours(4),
    }
}

/// How long after a message the same person is reminded.
pub fn remind_after(level: Level) -> SignedDuration {
    match level {
        Level::Critical => SignedDuration::from_mins(15),
        Level::High => SignedDuration::from_hours(1),
        Level::Medium | Level::Low | Level::Informational => SignedDuration::from_hours(24),
    }
}

/// Whom to call next for a notice, by which route and when, the soonest first. Empty where somebody has acknowledged,
/// where it is over, or where every limit is reached.
pub fn next_attempts(notice: &Notice, rota: &Rota, attempts: &[Attempt], now: Timestamp) -> Vec<Planned> {
    if notice.state != NoticeState::Open {
        return Vec::new();
    }
    let mut planned = Vec::new();
    let mut begins = notice.raised_at;
    for rung in ladder(notice, rota, now) {
        let mut next_begins = begins;
        for person in rung {
            let own: Vec<&Attempt> = attempts.iter().filter(|attempt| attempt.person == person.account).collect();
            let called_from = rota.awake(person, notice, begins);
            planned.extend(next_for(notice, rota, person, called_from, &own));
            let had_time = match could_not_be_told(person, &own) {
                Some(at) => at,
                None => called_from.saturating_add(escalate_after(notice.level)).unwrap_or(called_from),
            };
            next_begins = next_begins.max(had_time);
        }
        begins = next_begins;
    }
    planned.sort_by_key(|call| call.due_at);
    planned
}

/// The rungs: on duty, deputies, everybody. Each person stands on the first rung that names them; rungs without
/// anybody who has a route are left out. A test calls one person by one route.
fn ladder<'a>(notice: &Notice, rota: &'a Rota, now: Timestamp) -> Vec<Vec<&'a Reachable>> {
    if let About::Test { route, .. } = &notice.about {
        let one = rota.people.iter().find(|person| person.routes.iter().any(|own| own.id == *route));
        return one.into_iter().map(|person| vec![person]).collect();
    }
    let on_duty: Vec<&Shift> = rota.shifts.iter().filter(|shift| shift.covers(now)).collect();
    let mut named: Vec<Vec<Uuid>> = vec![on_duty.iter().map(|shift| shift.person).collect()];
    for place in 0..DEPUTIES_MAX {
        named.push(on_duty.iter().filter_map(|shift| shift.deputies.get(place).copied()).collect());
    }
    named.push(rota.people.iter().map(|person| person.account).collect());
    let mut seen = BTreeSet::new();
    let mut rungs = Vec::new();
    for accounts in named {
        let people: Vec<&Reachable> = rota
            .people
            .iter()
            .filter(|person| !person.routes.is_empty() && accounts.contains(&person.account))
            .filter(|person| seen.insert(person.account))
            .collect();
        if !people.is_empty() {
            rungs.push(people);
        }
    }
    rungs
}

/// When the last channel of somebody failed who was never told; none where they were, or may still be.
fn could_not_be_told(person: &Reachable, own: &[&Attempt]) -> Option<Timestamp> {
    let failed: Vec<Timestamp> =
        own.iter().filter(|attempt| attempt.state == AttemptState::Failed).filter_map(|one| one.done_at).collect();
    let told = own.iter().any(|attempt| matches!(attempt.state, AttemptState::Sent | AttemptState::Acknowledged));
    (!told).then(|| failed.get(person.routes.len() - 1).copied()).flatten()
}

/// The next call of one person on the ladder: the first one, the next channel after one that failed, all of them again
/// after a pause, or a reminder.
fn next_for(
    notice: &Notice,
    rota: &Rota,
    person: &Reachable,
    called_from: Timestamp,
    own: &[&Attempt],
) -> Option<Planned> {
    let test = matches!(notice.about, About::Test { .. });
    let routes: Vec<&Route> = match &notice.about {
        About::Test { route, .. } => person.routes.iter().filter(|own| own.id == *route).collect(),
        _ => person.routes.iter().collect(),
    };
    if own.iter().any(|attempt| attempt.state == AttemptState::Waiting) || (test && !own.is_empty()) {
        return None;
    }
    let told = |attempt: &&Attempt| matches!(attempt.state, AttemptState::Sent | AttemptState::Acknowledged);
    if own.iter().filter(|attempt| told(attempt)).count() >= TOLD_MAX {
        return None;
    }
    let last_told = own.iter().rposition(told);
    let since = last_told.map_or(0, |place| place + 1);
    let failures: Vec<&&Attempt> =
        own.iter().skip(since).filter(|attempt| attempt.state == AttemptState::Failed).collect();
    if failures.len() >= routes.len() * PASSES_MAX {
        return None;
    }
    let first = match last_told.and_then(|place| own.get(place)?.done_at) {
        Some(at) => at.saturating_add(remind_after(notice.level)).unwrap_or(at),
        None => called_from,
    };
    let again = failures.last().and_then(|attempt| attempt.done_at).map(|at| {
        let all_failed = failures.len().is_multiple_of(routes.len());
        if all_failed { at.saturating_add(pause(failures.len() / routes.len())).unwrap_or(at) } else { at }
    });
    let due_at = rota.awake(person, notice, again.map_or(first, |again| again.max(first)));
    let route = (*routes.get(failures.len() % routes.len())?).clone();
    Some(Planned { person: person.account, route, due_at })
}

/// The pause after so many tries of all channels.
fn pause(passes: usize) -> SignedDuration {
    let doubled = 1_i64 << passes.saturating_sub(1).min(16);
    SignedDuration::from_mins(doubled).min(PAUSE_MAX)
}

impl Rota {
    /// What keeps this rota from reaching somebody, looking only at the channels that the node has.
    pub fn gap(&self, channels: &[Channel], now: Timestamp) -> Option<Gap> {
        let usable = |person: &Reachable| person.routes.iter().any(|route| channels.contains(&route.channel));
        let on_duty = |person: &Reachable| {
            self.shifts.iter().any(|shift| {
                shift.covers(now) && (shift.person == person.account || shift.deputies.contains(&person.account))
            })
        };
        if !self.people.iter().any(usable) {
            Some(Gap::NoRoute)
        } else if !self.people.iter().any(|person| usable(person) && on_duty(person)) {
            Some(Gap::NoShift)
        } else {
            None
        }
    }

    /// The first moment from `at` on at which somebody may be called for this notice.
    fn awake(&self, person: &Reachable, notice: &Notice, at: Timestamp) -> Timestamp {
        let urgent = notice.level == Level::Critical && !notice.drill;
        let test = matches!(notice.about, About::Test { .. });
        let Some(quiet) = person.quiet.filter(|_| !urgent && !test) else { return at };
        if notice.level >= quiet.below && !notice.drill {
            return at;
        }
        let local = at.to_zoned_datetime(self.zone.clone());
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let over_midnight = quiet.from_minute > quiet.to_minute;
        let inside = if over_midnight {
            minute >= quiet.from_minute || minute < quiet.to_minute
        } else {
            (quiet.from_minute..quiet.to_minute).contains(&minute)
        };
        if !inside {
            return at;
        }
        let today = local.date();
        let day = if over_midnight && minute >= quiet.from_minute { today.tomorrow().unwrap_or(today) } else { today };
        let (hour, minute) = (quiet.to_minute / 60, quiet.to_minute % 60);
        let part = |value: u16| i8::try_from(value).unwrap_or_default();
        let ends = jiff::civil::Time::new(part(hour), part(minute), 0, 0).map(|time| day.to_datetime(time));
        let ends = ends.and_then(|ends| self.zone.to_timestamp(ends));
        // where clocks went back, the same wall time comes twice: never earlier than asked
        ends.map_or(at, |ends| ends.max(at))
    }
}

/// Whether the number of a reply is the one that was called: the last nine digits, because one network writes `+40721…`
/// and the next `0721…`.
pub fn same_number(one: &str, other: &str) -> bool {
    let digits = |text: &str| {
        let all: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
        all.iter().rev().take(9).copied().collect::<Vec<char>>()
    };
    let one = digits(one);
    one.len() >= 6 && one == digits(other)
}

#[cfg(test)]
mod tests;
