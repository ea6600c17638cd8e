//! Serves *Map and time*.

use askama::Template;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse};
use domain::telemetry::Level;
use jiff::{SignedDuration, Timestamp};

use super::fault::{Answer, Fault};
use super::form::encoded;
use super::visitor::Visitor;
use crate::frame::{ClockShown, Place};
use crate::moments::{field_moment, read_moment};
use crate::screen::map::{LaneRow, MapPage, PLACES, Tile, heat, ranked, strip};
use crate::words::Words;

/// The shortest and longest span that can be looked at. Units: minutes.
const SPAN_MIN: i64 = 10;
const SPAN_MAX: i64 = 60 * 24 * 92;
/// What is shown where nobody asked for certain hours.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The page; from and to are in the URL.
pub(super) async fn page(visitor: Visitor) -> Answer {
    let app = &visitor.console.app;
    let words = visitor.words();
    let f = visitor.frame("map-title", Some(Place::Map)).await?;
    let Span { from, to, latest } = asked_span(&visitor, &words).await?;
    let rows = app.map(from, to).await?;
    let found = app.strip(from, to).await?;
    let lanes: Vec<LaneRow> = found.lanes.into_iter().map(lane_row).collect();
    let span = [("from", words.moment(&from)), ("to", words.moment(&to))];
    let span = span.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut strip_says = words.n_with("strip-says", lanes.len() as u64, &span);
    if found.cut {
        strip_says.push(' ');
        strip_says.push_str(&words.t("strip-cut"));
    }
    let tiles = tiles(&words, &rows);
    let half = to.duration_since(from) / 2;
    let quarter = half / 2;
    let utc = if f.clock == ClockShown::Utc { "&utc=1" } else { "" };
    let link = |from: Timestamp, to: Timestamp| {
        format!("/map?from={}&to={}{utc}", encoded(&from.to_string()), encoded(&to.to_string()))
    };
    let page = MapPage {
        from: field_moment(&from, &words.zone),
        to: field_moment(&to, &words.zone),
        says: words.n_with("map-says", rows.iter().map(|row| row.hospitals).sum(), &span),
        ranked: ranked(&tiles),
        tiles,
        levels: [Level::Critical, Level::High, Level::Medium, Level::Low],
        earlier: link(from - half, to - half),
        later: link(from + half, to + half),
        zoom_in: link(from + quarter, to - quarter),
        zoom_out: link(from - half, to + half),
        strip: strip(&words, from, to, &lanes, &strip_says),
        strip_says,
        latest: latest.map(|at| words.with("map-latest", "moment", &words.moment(&at))),
        csv: format!("/map/csv?from={}&to={}", encoded(&from.to_string()), encoded(&to.to_string())),
        lanes,
        f,
    };
    Ok(Html(page.render()?).into_response())
}

fn lane_row(lane: app::Lane) -> LaneRow {
    LaneRow {
        href: lane.warning.map(|id| format!("/desk/{id}")),
        shared: lane.shared.as_str(),
        hospitals: lane.hospitals,
        sightings: lane.dots.iter().map(|dot| dot.count).sum(),
        dots: lane.dots.iter().map(|dot| (dot.at, dot.count)).collect(),
        warned_at: lane.warned_at,
        label: shortened(&lane.label),
    }
}

/// A hash or a long address as people can compare it at a glance; the desk and the CSV have it whole.
fn shortened(label: &str) -> String {
    const CHARS_MAX: usize = 40;
    let letters: Vec<char> = label.chars().collect();
    if letters.len() <= CHARS_MAX {
        return label.to_owned();
    }
    let (head, tail) = (letters.iter().take(20), letters.iter().skip(letters.len() - 12));
    head.chain(['…'].iter()).chain(tail).collect()
}

/// The numbers of the map or of the strip as CSV, moments in UTC.
pub(super) async fn csv(visitor: Visitor) -> Answer {
    let app = &visitor.console.app;
    let Span { from, to, .. } = asked_span(&visitor, &visitor.words()).await?;
    app.note_read(&visitor.session, "map-exported", visitor.query.get("what")).await?;
    let mut text = String::new();
    if visitor.query.get("what") == "lanes" {
        text.push_str("label,shared,hospitals,sightings,warned_at\r\n");
        for lane in app.strip(from, to).await?.lanes.into_iter().map(lane_row) {
            let warned = lane.warned_at.map(|at| at.to_string()).unwrap_or_default();
            let label = cell(&lane.label);
            text.push_str(&format!("{label},{},{},{},{warned}\r\n", lane.shared, lane.hospitals, lane.sightings));
        }
    } else {
        text.push_str("country,hospitals,sightings,severity\r\n");
        for row in app.map(from, to).await? {
            let level = row.level.map_or("", Level::as_str);
            text.push_str(&format!("{},{},{},{level}\r\n", cell(&row.country), row.hospitals, row.sightings));
        }
    }
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response())
}

/// A cell that no spreadsheet takes for a formula (RFC 4180 quoting).
pub(super) fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// What is looked at.
struct Span {
    from: Timestamp,
    to: Timestamp,
    /// The newest sighting, where the last day has none and nobody asked for certain hours.
    latest: Option<Timestamp>,
}

/// What the URL asks for; without a word of it the last day, or the newest day that holds a sighting.
async fn asked_span(visitor: &Visitor, words: &Words) -> Result<Span, Fault> {
    let asked = |name: &str| read_moment(visitor.query.get(name), &words.zone);
    let (from, to) = (asked("from"), asked("to"));
    if from.is_none() && to.is_none() && visitor.query.get("span") != "day" {
        let newest = visitor.console.app.newest_sighting().await?;
        if let Some(newest) = newest.filter(|newest| *newest < words.now - DAY) {
            // the whole hour that holds it, as the strip draws whole hours
            let to = newest + SignedDuration::from_secs(3_600 - newest.as_second().rem_euclid(3_600));
            return Ok(Span { from: to - DAY, to, latest: Some(newest) });
        }
    }
    // what arrives in this very instant counts
    let to = to.unwrap_or(words.now + SignedDuration::from_secs(1));
    let (from, to) = sensible(from.unwrap_or(to - DAY), to);
    Ok(Span { from, to, latest: None })
}

/// A span that can be looked at, whatever the URL says.
fn sensible(from: Timestamp, to: Timestamp) -> (Timestamp, Timestamp) {
    let minutes = (to.as_second() - from.as_second()) / 60;
    (to - SignedDuration::from_mins(minutes.clamp(SPAN_MIN, SPAN_MAX)), to)
}

fn tiles(words: &Words, rows: &[app::CountryRow]) -> Vec<Tile> {
    PLACES
        .iter()
        .map(|(code, row, column)| {
            let found = rows.iter().find(|found| found.country == *code);
            let hospitals = found.map_or(0, |found| found.hospitals);
            let level = found.and_then(|found| found.level).filter(|level| *level > Level::Informational);
            let name = words.t(&format!("country-{}", code.to_lowercase()));
            let mut says = words.n_with("tile-says", hospitals, &[("country", &name)]);
            if let Some(level) = level {
                let word = words.word("level", level.as_str());
                says = words.with_all("tile-says-level", &[("tile", &says), ("level", &word)]);
            }
            Tile {
                code,
                name,
                says,
                row: *row,
                column: *column,
                hospitals,
                sightings: found.map_or(0, |found| found.sightings),
                level,
                heat: heat(hospitals),
            }
        })
        .collect()
}
