//! The theatre's two drawings. A file of its own because it is geometry: numbers in, SVG out, no words but names.

use std::fmt::Write as _;

use domain::telemetry::Verdict;
use jiff::Timestamp;

use super::{Attack, What, first_sign, hub_name, knew_before, warned};
use crate::parts::{Html, escaped};
use crate::words::Words;

const WIDTH: f64 = 640.0;
const LEFT: f64 = 188.0;
const RIGHT: f64 = 620.0;
const TOP: f64 = 26.0;
const HUB: f64 = 30.0;
const ROW: f64 = 34.0;
/// Labels of the axis keep this far apart.
const TICK_APART: f64 = 62.0;
/// The room every event takes, in decades of seconds.
const EVENT_ROOM: f64 = 0.3;

/// The scale of one drawing: time to the right, hubs above hospitals.
struct Stage<'a> {
    attack: &'a Attack,
    words: &'a Words,
    start: Timestamp,
    /// Each moment with its place from 0 to 1.
    places: Vec<(Timestamp, f64)>,
    hubs: usize,
    until: usize,
    end: Timestamp,
}

impl<'a> Stage<'a> {
    fn new(words: &'a Words, attack: &'a Attack, until: usize, hubs: usize) -> Self {
        let start = attack.moments.first().map_or(words.now, |moment| moment.at);
        let end = until.checked_sub(1).and_then(|index| attack.moments.get(index)).map_or(start, |moment| moment.at);
        Self { attack, words, start, places: places(attack), hubs, until, end }
    }

    /// Where a moment is drawn: between the events before and after it.
    fn x(&self, at: Timestamp) -> f64 {
        let next = self.places.partition_point(|(known, _)| *known < at);
        let share = match (next.checked_sub(1).map(|before| self.places[before]), self.places.get(next)) {
            (_, Some((known, place))) if *known == at => *place,
            (Some((before, low)), Some((after, high))) => {
                low + (high - low) * millis(before, at) / millis(before, *after).max(1.0)
            }
            (Some((_, low)), None) => low,
            (None, _) => 0.0,
        };
        LEFT + 10.0 + share * (RIGHT - LEFT - 20.0)
    }

    fn hub_y(&self, hub: usize) -> f64 {
        TOP + HUB * hub as f64 + HUB / 2.0
    }

    fn row_top(&self, hospital: usize) -> f64 {
        TOP + HUB * self.hubs as f64 + 6.0 + ROW * hospital as f64
    }

    fn row_y(&self, hospital: usize) -> f64 {
        self.row_top(hospital) + ROW / 2.0 - 2.0
    }

    fn height(&self) -> f64 {
        self.row_top(self.attack.hospitals.len()) + 26.0
    }

    fn open(&self, title: &str, says: &str, name: &str) -> String {
        format!(
            "<svg class=\"draw\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-labelledby=\"{name}-t {name}-d\"><title id=\"{name}-t\">{}</title><desc id=\"{name}-d\">{}</desc>",
            self.height(),
            escaped(title),
            escaped(says)
        )
    }

    fn rows(&self, out: &mut String) {
        for (index, hospital) in self.attack.hospitals.iter().enumerate() {
            let (top, y) = (self.row_top(index), self.row_y(index));
            let _ = write!(
                out,
                "<rect class=\"row\" x=\"0\" y=\"{top}\" width=\"{WIDTH}\" height=\"{}\"/><text x=\"8\" y=\"{}\">{}</text><text class=\"faint\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                ROW - 4.0,
                y + 4.5,
                escaped(&shorter(&hospital.name, 21)),
                LEFT - 8.0,
                y + 4.5,
                escaped(&hospital.country)
            );
        }
    }

    fn axis(&self, out: &mut String) {
        let bottom = self.row_top(self.attack.hospitals.len());
        let mut free = f64::MIN;
        for (at, _) in &self.places {
            let x = self.x(*at);
            if x < free {
                continue;
            }
            free = x + TICK_APART;
            let label =
                if *at == self.start { self.words.t("theatre-zero") } else { tick(self.words, self.start, *at) };
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/><text class=\"faint sub\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                bottom + 16.0,
                escaped(&label)
            );
        }
        let x = self.x(self.end);
        if self.until < self.attack.moments.len() {
            let _ = write!(out, "<path class=\"now\" d=\"M{x:.1} {}V{bottom}\"/>", TOP - 8.0);
        }
    }

    fn sign(&self, out: &mut String, hospital: usize, at: Timestamp) {
        let (x, y) = (self.x(at), self.row_y(hospital));
        let _ = write!(out, "<path class=\"sign\" d=\"M{x:.1} {:.1}l8 14h-16z\"/>", y - 8.0);
    }
}

/// What happened, with the hubs counting and warning.
pub(super) fn with_sharing(words: &Words, attack: &Attack, until: usize) -> Html {
    let stage = Stage::new(words, attack, until, attack.hubs.len());
    let (knew, all) = knew_before(attack, until);
    let says = words.n_with("theatre-finding", knew, &[("all", &all.to_string())]);
    let mut out = stage.open(&words.t("theatre-with-title"), &says, "with");
    stage.rows(&mut out);
    stage.axis(&mut out);
    for hub in 0..attack.hubs.len() {
        let y = stage.hub_y(hub);
        let _ = write!(
            out,
            "<text class=\"strong\" x=\"8\" y=\"{}\">{}</text><path class=\"axis\" d=\"M{LEFT} {y}H{RIGHT}\"/>",
            y + 4.5,
            escaped(&shorter(hub_name(attack, hub), 25))
        );
    }
    knowing(&stage, &mut out);
    for moment in attack.moments.iter().take(until) {
        link(&stage, &mut out, moment.at, &moment.what);
    }
    for moment in attack.moments.iter().take(until) {
        mark(&stage, &mut out, moment.at, &moment.what);
    }
    out.push_str("</svg>");
    Html(out)
}

/// Green from the warning on, where it came before the hospital's own first sign; red until its own first sign where
/// nobody told it.
fn knowing(stage: &Stage<'_>, out: &mut String) {
    for hospital in 0..stage.attack.hospitals.len() {
        let (told, sign) =
            (warned(stage.attack, hospital, stage.until), first_sign(stage.attack, hospital, stage.until));
        match (told, sign) {
            (Some(told), Some(sign)) if told < sign => bar(stage, out, hospital, "knewbar", (told, sign)),
            (Some(told), None) => bar(stage, out, hospital, "knewbar", (told, stage.end)),
            _ => {}
        }
    }
}

fn bar(stage: &Stage<'_>, out: &mut String, hospital: usize, class: &str, span: (Timestamp, Timestamp)) {
    let (from, to) = (stage.x(span.0), stage.x(span.1));
    let _ = write!(
        out,
        "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\"/>",
        stage.row_y(hospital) - 7.0,
        (to - from).max(3.0)
    );
}

fn link(stage: &Stage<'_>, out: &mut String, at: Timestamp, what: &What) {
    let x = stage.x(at);
    match what {
        What::Sighting { hospital, hub } => {
            let _ = write!(
                out,
                "<path class=\"link\" d=\"M{x:.1} {:.1}V{:.1}\"/>",
                stage.row_y(*hospital),
                stage.hub_y(*hub)
            );
        }
        What::Warning { hub, .. } => {
            let rows = stage.attack.hospitals.iter().enumerate().filter(|(_, hospital)| hospital.hub == *hub);
            let lowest = rows.map(|(index, _)| stage.row_y(index) + 8.0).fold(0.0, f64::max);
            let bottom = if lowest > 0.0 { lowest } else { stage.hub_y(stage.hubs - 1) };
            let _ = write!(out, "<path class=\"warnline\" d=\"M{x:.1} {:.1}V{bottom:.1}\"/>", stage.hub_y(*hub));
        }
        _ => {}
    }
}

fn mark(stage: &Stage<'_>, out: &mut String, at: Timestamp, what: &What) {
    let x = stage.x(at);
    match what {
        What::FirstSign { hospital, .. } => stage.sign(out, *hospital, at),
        What::Sighting { hub, .. } => {
            let _ = write!(out, "<circle class=\"sight\" cx=\"{x:.1}\" cy=\"{:.1}\" r=\"4.5\"/>", stage.hub_y(*hub));
        }
        What::Correlation { hub, hospitals, .. } => {
            let y = stage.hub_y(*hub);
            let _ = write!(
                out,
                "<path class=\"warn\" d=\"M{x:.1} {:.1}l13 13-13 13-13-13z\"/><text class=\"onmark strong sub\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{hospitals}</text>",
                y - 13.0,
                y + 4.0
            );
        }
        What::Warning { hub, .. } => {
            let y = stage.hub_y(*hub);
            let _ = write!(out, "<path class=\"warn\" d=\"M{x:.1} {:.1}l10 7-10 7z\"/>", y - 7.0);
        }
        What::Warned { hospital, verdict } => {
            let class = if *verdict == Verdict::Hit { "seen" } else { "knew" };
            let y = stage.row_y(*hospital);
            let _ = write!(out, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/>");
        }
    }
}

/// The same attack where every hospital has only its own eyes: red until its own first sign.
pub(super) fn without_sharing(words: &Words, attack: &Attack, until: usize) -> Html {
    let stage = Stage::new(words, attack, until, attack.hubs.len());
    let hospitals = 0..attack.hospitals.len();
    let signs = hospitals.clone().filter(|index| first_sign(attack, *index, until).is_some()).count() as u64;
    let says = words.n("theatre-without-finding", &signs);
    let mut out = stage.open(&words.t("theatre-without-title"), &says, "without");
    stage.rows(&mut out);
    stage.axis(&mut out);
    let middle = stage.hub_y(0) + HUB * (attack.hubs.len() as f64 - 1.0) / 2.0;
    let _ = write!(
        out,
        "<text class=\"faint\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        f64::midpoint(LEFT, RIGHT),
        middle + 4.5,
        escaped(&words.t("theatre-nobody-counts"))
    );
    for hospital in hospitals {
        let sign = first_sign(attack, hospital, until);
        let end = sign.unwrap_or(stage.end);
        if end > stage.start {
            bar(&stage, &mut out, hospital, "struck", (stage.start, end));
        }
        if let Some(sign) = sign {
            stage.sign(&mut out, hospital, sign);
        }
    }
    out.push_str("</svg>");
    Html(out)
}

fn millis(from: Timestamp, to: Timestamp) -> f64 {
    to.as_millisecond().saturating_sub(from.as_millisecond()).max(0) as f64
}

/// Places of the moments: every event takes a little room, and a gap grows with the logarithm of its length, so that
/// what happens within a second and what happens within weeks are both seen.
fn places(attack: &Attack) -> Vec<(Timestamp, f64)> {
    let mut at = 0.0;
    let mut before: Option<Timestamp> = None;
    let mut places: Vec<(Timestamp, f64)> = Vec::with_capacity(attack.moments.len());
    for moment in &attack.moments {
        if let Some(before) = before {
            at += EVENT_ROOM + (1.0 + millis(before, moment.at) / 1000.0).log10();
        }
        before = Some(moment.at);
        match places.last_mut() {
            Some((known, place)) if *known >= moment.at => *place = at,
            _ => places.push((moment.at, at)),
        }
    }
    let all = if at > 0.0 { at } else { 1.0 };
    places.iter_mut().for_each(|(_, place)| *place /= all);
    places
}

/// The label of a moment on the axis: its largest unit.
fn tick(words: &Words, start: Timestamp, at: Timestamp) -> String {
    let seconds = millis(start, at) / 1000.0;
    let (key, number) = match seconds {
        0.0..10.0 => ("span-seconds", format!("{seconds:.1}")),
        10.0..100.0 => ("span-seconds", format!("{seconds:.0}")),
        100.0..7200.0 => ("span-minutes", format!("{:.0}", seconds / 60.0)),
        7200.0..172_800.0 => ("span-hours-only", format!("{:.0}", seconds / 3600.0)),
        _ => ("span-days-only", format!("{:.1}", seconds / 86_400.0)),
    };
    words.with(key, "large", &number)
}

/// A name that fits its column, cut with an ellipsis.
fn shorter(text: &str, letters_max: usize) -> String {
    if text.chars().count() <= letters_max {
        return text.to_owned();
    }
    let cut: String = text.chars().take(letters_max - 1).collect();
    format!("{}…", cut.trim_end())
}
