//! The theatre: a recorded attack as it unfolds, and beside it the same attack without sharing.
//! A file of its own because it is the demo's picture: plain data in, one page out, no login and no app behind it.
//!
//! Not here: where the data comes from (lazaret records it) and how it is drawn (`theatre/draw.rs`).

use askama::Template;
use domain::release::Shared;
use domain::telemetry::Verdict;
use jiff::Timestamp;

use crate::frame::{Frame, Link, Scheme};
use crate::parts::Html;
use crate::screen::Choice;
use crate::words::Words;

mod draw;

/// Everything the theatre can show.
#[derive(Debug, Clone, Default)]
pub struct TheatreData {
    /// The recorded attacks, in the order they began.
    pub attacks: Vec<Attack>,
}

/// One recorded attack.
#[derive(Debug, Clone)]
pub struct Attack {
    /// Its stable word in URLs, e.g. `romania-2024`.
    pub key: String,
    /// What it re-enacts, as people read it.
    pub title: String,
    /// The hubs, the union's first.
    pub hubs: Vec<Hub>,
    /// The hospitals, in the order of their rows.
    pub hospitals: Vec<Hospital>,
    /// What happened, in the order it happened.
    pub moments: Vec<Moment>,
    /// How many minutes of the attack one second of the recording stands for; none where time was not compressed.
    pub minutes_a_second: Option<u32>,
    /// Whether more is to come.
    pub progress: Progress,
}

/// Whether a recorded attack goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More is to come.
    Unfolding,
    /// It is over.
    Over,
}

/// A hub of the theatre.
#[derive(Debug, Clone)]
pub struct Hub {
    /// Its name.
    pub name: String,
}

/// A hospital of the theatre.
#[derive(Debug, Clone)]
pub struct Hospital {
    /// Its name.
    pub name: String,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// Index of its hub in [`Attack::hubs`].
    pub hub: usize,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Moment {
    /// When, by the recording's clock.
    pub at: Timestamp,
    /// What, and where.
    pub what: What,
}

/// What happened, and where; hospitals and hubs by index.
#[derive(Debug, Clone)]
pub enum What {
    /// A hospital's own engine raised its first alert of the attack.
    FirstSign {
        /// Which hospital.
        hospital: usize,
        /// The rule's title.
        rule: String,
    },
    /// A sighting reached a hub.
    Sighting {
        /// From which hospital.
        hospital: usize,
        /// To which hub.
        hub: usize,
    },
    /// A hub counted enough hospitals.
    Correlation {
        /// Which hub.
        hub: usize,
        /// How many hospitals.
        hospitals: u32,
        /// What they share.
        shared: Shared,
    },
    /// A hub sent a warning, or relayed one.
    Warning {
        /// Which hub.
        hub: usize,
        /// The warning's title.
        title: String,
    },
    /// The warning was live at a hospital, look-back done.
    Warned {
        /// Which hospital.
        hospital: usize,
        /// What the hospital found.
        verdict: Verdict,
    },
}

/// One row of the table of events.
#[derive(Debug, Clone)]
struct EventRow {
    number: String,
    href: String,
    offset: String,
    /// Time since the event before.
    gap: String,
    place: String,
    says: String,
    current: bool,
}

#[derive(Template)]
#[template(path = "theatre.html", whitespace = "minimize")]
struct TheatrePage {
    f: Frame,
    attacks: Vec<Choice>,
    at_first: usize,
    at_previous: usize,
    at_play: usize,
    at_next: usize,
    at_last: usize,
    sentence: String,
    finding: String,
    pace: String,
    caption: String,
    with_sharing: Html,
    without_sharing: Html,
    rows: Vec<EventRow>,
}

/// What a URL of the theatre asks for.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub(crate) struct Asked {
    pub attack: Option<String>,
    pub at: Option<usize>,
    pub play: Option<usize>,
}

/// How many hospitals knew before their own first sign, of those that were warned or hit.
pub(crate) fn knew_before(attack: &Attack, until: usize) -> (u64, u64) {
    let touched = |index: usize| first_sign(attack, index, until).is_some() || warned(attack, index, until).is_some();
    let knew = |index: usize| match (warned(attack, index, until), first_sign(attack, index, until)) {
        (Some(warned), Some(sign)) => warned < sign,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let hospitals = 0..attack.hospitals.len();
    let all = hospitals.clone().filter(|index| touched(*index)).count() as u64;
    (hospitals.filter(|index| knew(*index)).count() as u64, all)
}

fn first_sign(attack: &Attack, index: usize, until: usize) -> Option<Timestamp> {
    attack.moments.iter().take(until).find_map(|moment| match &moment.what {
        What::FirstSign { hospital, .. } if *hospital == index => Some(moment.at),
        _ => None,
    })
}

fn warned(attack: &Attack, index: usize, until: usize) -> Option<Timestamp> {
    attack.moments.iter().take(until).find_map(|moment| match &moment.what {
        What::Warned { hospital, .. } if *hospital == index => Some(moment.at),
        _ => None,
    })
}

/// The page for what a URL asks for. An unknown attack shows the first, a moment beyond the end the last.
pub(crate) fn page(mut f: Frame, data: &TheatreData, asked: &Asked) -> String {
    let picked = asked.attack.as_deref();
    let attack = data.attacks.iter().find(|attack| Some(attack.key.as_str()) == picked).or(data.attacks.first());
    let Some(attack) = attack else {
        f.next_step = Some("/theatre".to_owned());
        return crate::screen::entry::message(f, "theatre-empty", "theatre-empty-hint");
    };
    let last = attack.moments.len();
    let at = asked.play.or(asked.at).unwrap_or(last).clamp(1.min(last), last);
    let link = |at: usize| format!("/theatre?attack={}&at={at}", attack.key);
    f.next_step = match asked.play {
        Some(_) if at < last => Some(format!("/theatre?attack={}&play={}", attack.key, at + 1)),
        None if asked.at.is_none() && attack.progress == Progress::Unfolding => Some("/theatre".to_owned()),
        _ => None,
    };
    f.name.clone_from(&attack.title);
    let start = attack.moments.first().map_or(f.now, |moment| moment.at);
    let rows = attack.moments.iter().take(at).enumerate().map(|(index, moment)| EventRow {
        number: (index + 1).to_string(),
        href: link(index + 1),
        offset: offset(&f.words, start, moment.at),
        gap: index
            .checked_sub(1)
            .map_or_else(String::new, |before| length(&f.words, attack.moments[before].at, moment.at)),
        place: place(attack, &moment.what),
        says: says(&f.words, attack, index),
        current: index + 1 == at,
    });
    let mut rows: Vec<EventRow> = rows.collect();
    rows.reverse();
    let (knew, all) = knew_before(attack, at);
    let mut finding = f.n_with("theatre-finding", knew, &[("all", &all.to_string())]);
    if let Some((deciding, last)) = speed(attack, at) {
        finding.push(' ');
        finding.push_str(&f.with("theatre-speed", "span", &length(&f.words, deciding, last)));
    }
    let sentence = match (rows.first(), at) {
        (Some(row), 1..) => {
            let values = [("offset", row.offset.as_str()), ("place", row.place.as_str()), ("says", row.says.as_str())];
            f.with_all("theatre-now", &values)
        }
        _ => f.t("theatre-nothing-yet"),
    };
    TheatrePage {
        attacks: data
            .attacks
            .iter()
            .map(|other| Choice::new(&other.key, other.title.clone(), other.key == attack.key))
            .collect(),
        at_first: 1,
        at_previous: at.saturating_sub(1).max(1),
        at_play: if at == last { 1 } else { at },
        at_next: (at + 1).min(last),
        at_last: last,
        pace: attack.minutes_a_second.map_or_else(String::new, |minutes| f.n("theatre-pace", &u64::from(minutes))),
        caption: f.with("theatre-caption", "start", &f.moment_to_second(&start)),
        with_sharing: draw::with_sharing(&f.words, attack, at),
        without_sharing: draw::without_sharing(&f.words, attack, at),
        sentence,
        finding,
        rows,
        f,
    }
    .render()
    .unwrap_or_default()
}

/// Time since the attack's first moment: *+ 12.4 s*, *+ 3 h 10 min*.
fn offset(words: &Words, start: Timestamp, at: Timestamp) -> String {
    format!("+\u{2009}{}", length(words, start, at))
}

/// A length of time, with hundredths where it is short.
fn length(words: &Words, from: Timestamp, to: Timestamp) -> String {
    let millis = to.as_millisecond().saturating_sub(from.as_millisecond()).max(0).unsigned_abs();
    if millis < 100_000 {
        words.with("span-seconds", "large", &format!("{}.{:02}", millis / 1000, millis % 1000 / 10))
    } else {
        words.span(millis / 1000)
    }
}

/// From the sighting that made the first hub count enough to the last hospital that the same wave warned.
fn speed(attack: &Attack, until: usize) -> Option<(Timestamp, Timestamp)> {
    let moments = &attack.moments[..until.min(attack.moments.len())];
    let counted = moments.iter().position(|moment| matches!(moment.what, What::Correlation { .. }))?;
    let deciding = moments[..counted].iter().rev().find(|moment| matches!(moment.what, What::Sighting { .. }))?;
    let sign = |moment: &&Moment| !matches!(moment.what, What::FirstSign { .. });
    let wave = moments[counted..].iter().take_while(sign);
    let last = wave.filter(|moment| matches!(moment.what, What::Warned { .. })).last()?;
    Some((deciding.at, last.at))
}

fn hospital_name(attack: &Attack, index: usize) -> &str {
    attack.hospitals.get(index).map_or("", |hospital| hospital.name.as_str())
}

fn hub_name(attack: &Attack, index: usize) -> &str {
    attack.hubs.get(index).map_or("", |hub| hub.name.as_str())
}

fn place(attack: &Attack, what: &What) -> String {
    match what {
        What::FirstSign { hospital, .. } | What::Sighting { hospital, .. } | What::Warned { hospital, .. } => {
            hospital_name(attack, *hospital).to_owned()
        }
        What::Correlation { hub, .. } | What::Warning { hub, .. } => hub_name(attack, *hub).to_owned(),
    }
}

fn says(words: &Words, attack: &Attack, index: usize) -> String {
    let Some(moment) = attack.moments.get(index) else { return String::new() };
    match &moment.what {
        What::FirstSign { hospital, rule } => {
            let knew = warned(attack, *hospital, index).is_some();
            words.with(if knew { "theatre-sign-knew" } else { "theatre-sign" }, "rule", rule)
        }
        What::Sighting { hub, .. } => words.with("theatre-sighting", "hub", hub_name(attack, *hub)),
        What::Correlation { hospitals, shared, .. } => words.n_with(
            "theatre-correlation",
            u64::from(*hospitals),
            &[("shared", &words.word("shared", shared.as_str()))],
        ),
        What::Warning { title, .. } => words.with("theatre-warning", "title", title),
        What::Warned { hospital, verdict } => {
            let knew = first_sign(attack, *hospital, index).is_none();
            let key = if knew { "theatre-warned-before" } else { "theatre-warned-after" };
            words.with(key, "verdict", &words.word("verdict-short", verdict.as_str()))
        }
    }
}
