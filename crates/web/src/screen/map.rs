//! *Map and time*: Europe as equal tiles, and under it the hours as a strip. Both are drawings of a table that is there.

use std::fmt::Write as _;

use askama::Template;
use domain::telemetry::Level;
use jiff::{Timestamp, ToSpan};

use crate::frame::{Frame, Link, Scheme};
use crate::parts::{Html, escaped, level_svg};
use crate::words::Words;

/// Where each country's tile is: code, row, column. Source: our layout, near enough to the map to be found by habit.
pub(crate) const PLACES: [(&str, u8, u8); 27] = [
    ("SE", 1, 5),
    ("FI", 1, 6),
    ("EE", 1, 7),
    ("IE", 2, 1),
    ("NL", 2, 3),
    ("DK", 2, 4),
    ("LT", 2, 6),
    ("LV", 2, 7),
    ("BE", 3, 2),
    ("LU", 3, 3),
    ("DE", 3, 4),
    ("CZ", 3, 5),
    ("PL", 3, 6),
    ("FR", 4, 2),
    ("AT", 4, 4),
    ("SK", 4, 5),
    ("HU", 4, 6),
    ("RO", 4, 7),
    ("PT", 5, 1),
    ("ES", 5, 2),
    ("IT", 5, 3),
    ("SI", 5, 4),
    ("HR", 5, 5),
    ("BG", 5, 7),
    ("MT", 6, 3),
    ("GR", 6, 6),
    ("CY", 6, 7),
];

/// One country.
#[derive(Debug, Clone)]
pub(crate) struct Tile {
    pub code: &'static str,
    pub name: String,
    /// The whole tile as a sentence, for those who hear it.
    pub says: String,
    pub row: u8,
    pub column: u8,
    pub hospitals: u64,
    pub sightings: u64,
    pub level: Option<Level>,
    pub heat: u8,
}

impl Tile {
    pub fn shape(&self) -> Html {
        Html(self.level.map_or_else(String::new, level_svg))
    }
}

/// The shade of a number of hospitals: 0, 1–2, 3–7, 8–19, 20–59, 60 and more.
pub(crate) fn heat(hospitals: u64) -> u8 {
    match hospitals {
        0 => 0,
        1..=2 => 1,
        3..=7 => 2,
        8..=19 => 3,
        20..=59 => 4,
        _ => 5,
    }
}

/// The tiles as the table lists them: the most hospitals first, then by name.
pub(crate) fn ranked(tiles: &[Tile]) -> Vec<Tile> {
    let mut ranked = tiles.to_vec();
    ranked.sort_by(|one, other| other.hospitals.cmp(&one.hospitals).then_with(|| one.name.cmp(&other.name)));
    ranked
}

/// One lane of the strip, as the table shows it and the drawing draws it.
#[derive(Debug, Clone)]
pub(crate) struct LaneRow {
    pub label: String,
    pub href: Option<String>,
    pub shared: &'static str,
    pub hospitals: u64,
    pub sightings: u64,
    pub dots: Vec<(Timestamp, u64)>,
    pub warned_at: Option<Timestamp>,
}

#[derive(Template)]
#[template(path = "map.html", whitespace = "minimize")]
pub(crate) struct MapPage {
    pub f: Frame,
    pub from: String,
    pub to: String,
    pub says: String,
    /// Where the newest sighting is older than a day: when it came.
    pub latest: Option<String>,
    pub tiles: Vec<Tile>,
    /// The same, those with the most hospitals first.
    pub ranked: Vec<Tile>,
    pub levels: [Level; 4],
    pub earlier: String,
    pub later: String,
    pub zoom_in: String,
    pub zoom_out: String,
    pub strip_says: String,
    pub strip: Html,
    pub lanes: Vec<LaneRow>,
    /// Where the same numbers are as CSV; `what` is still to be added.
    pub csv: String,
}

const WIDTH: f64 = 1100.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 1080.0;
const LANE: f64 = 34.0;
/// Marks nearer than this many units become one with a number.
const APART: f64 = 16.0;

/// Draws the strip between two moments.
pub(crate) fn strip(words: &Words, from: Timestamp, to: Timestamp, lanes: &[LaneRow], says: &str) -> Html {
    let height = 34.0 + LANE * lanes.len().max(1) as f64;
    let mut out = format!(
        "<svg class=\"draw\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"strip-t strip-d\"><title id=\"strip-t\">{}</title><desc id=\"strip-d\">{}</desc>",
        escaped(&words.t("strip-title")),
        escaped(says)
    );
    let length = (to.as_second() - from.as_second()).max(1) as f64;
    let x = |at: Timestamp| LEFT + (at.as_second() - from.as_second()) as f64 / length * (RIGHT - LEFT);
    for (index, _) in lanes.iter().enumerate() {
        let _ = write!(
            out,
            "<rect class=\"row\" x=\"0\" y=\"{}\" width=\"{WIDTH}\" height=\"{}\"/>",
            LANE * index as f64,
            LANE - 4.0
        );
    }
    ticks(words, &mut out, (from, to), height - 30.0, &x);
    for (index, lane) in lanes.iter().enumerate() {
        let y = LANE * index as f64 + (LANE - 4.0) / 2.0;
        draw_lane(&mut out, lane, y, &x);
    }
    if lanes.is_empty() {
        let _ = write!(out, "<text class=\"faint\" x=\"8\" y=\"20\">{}</text>", escaped(&words.t("strip-empty")));
    }
    out.push_str("</svg>");
    Html(out)
}

fn draw_lane(out: &mut String, lane: &LaneRow, y: f64, x: &dyn Fn(Timestamp) -> f64) {
    let label: String = if lane.label.chars().count() > 32 {
        lane.label.chars().take(31).chain(['…']).collect()
    } else {
        lane.label.clone()
    };
    let _ = write!(out, "<text x=\"8\" y=\"{}\">{}</text>", y + 4.5, escaped(&label));
    if let Some(at) = lane.warned_at {
        let at = x(at);
        if (LEFT..=RIGHT).contains(&at) {
            let _ = write!(
                out,
                "<rect class=\"warn\" x=\"{:.1}\" y=\"{:.1}\" width=\"4\" height=\"26\"/>",
                at - 2.0,
                y - 13.0
            );
        }
    }
    for (at, count) in merged(&lane.dots, x) {
        let _ = write!(out, "<circle class=\"seen\" cx=\"{at:.1}\" cy=\"{y:.1}\" r=\"5\"/>");
        if count > 1 {
            let _ = write!(out, "<text class=\"sub\" x=\"{:.1}\" y=\"{:.1}\">×{count}</text>", at + 7.0, y - 3.0);
        }
    }
}

/// Coincident dots as one mark with their number.
fn merged(dots: &[(Timestamp, u64)], x: &dyn Fn(Timestamp) -> f64) -> Vec<(f64, u64)> {
    let mut marks: Vec<(f64, u64)> = Vec::new();
    for (at, count) in dots {
        let place = x(*at);
        match marks.last_mut() {
            Some(last) if place - last.0 < APART => last.1 += count,
            _ => marks.push((place, *count)),
        }
    }
    marks.retain(|(place, _)| (LEFT..=RIGHT).contains(place));
    marks
}

fn ticks(words: &Words, out: &mut String, span: (Timestamp, Timestamp), bottom: f64, x: &dyn Fn(Timestamp) -> f64) {
    const STEPS_MIN: [i64; 11] = [1, 5, 10, 30, 60, 120, 240, 360, 720, 1440, 10_080];
    let minutes = (span.1.as_second() - span.0.as_second()) / 60;
    let step = STEPS_MIN.into_iter().find(|step| minutes / step <= 12).unwrap_or(minutes.max(12) / 12);
    let zoned = span.0.to_zoned_datetime(words.zone.clone());
    let Ok(midnight) = zoned.start_of_day() else { return };
    let mut tick = midnight.timestamp();
    for _ in 0..2_000 {
        if tick > span.1 {
            break;
        }
        if tick >= span.0 {
            let at = x(tick);
            let local = tick.to_zoned_datetime(words.zone.clone());
            let label = if step >= 1440 || (local.hour() == 0 && local.minute() == 0) {
                words.date(&tick)
            } else {
                local.strftime("%H:%M").to_string()
            };
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{at:.1} 0V{bottom}\"/><text class=\"faint sub\" x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                bottom + 18.0,
                escaped(&label)
            );
        }
        let Ok(next) = tick.checked_add(step.minutes()) else { break };
        tick = next;
    }
}
