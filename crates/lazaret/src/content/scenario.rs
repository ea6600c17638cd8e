//! Attacks re-enacted as raw log lines along a time line, and noise that must never become a warning.
//! A file of its own because the demonstration and the tests replay the same data (`content/scenarios`).
//! What is *not* here: when a line is sent (the replay scales the offsets) and who sends it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use detect::decode::Carrier;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::Content;
use super::cast::{AttackNames, Cast, SEATS, Variant};
use super::line::{self, LineParts};
use super::moment::Moment;
use super::ordinary_day::carrier;
use super::random::Random;
use super::template::{Scope, Template, Values};

/// The scenarios of the bundled content, in the order in which they are shown.
pub const SCENARIOS: [&str; 2] = ["hse-2021", "romania-2024"];
/// The most lines one beat may have, repeats counted.
pub const BEAT_LINES_MAX: usize = 5_000;

/// A public source of a dated fact.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// Id within the scenario.
    pub id: String,
    /// What it is.
    pub text: String,
    /// Where it is.
    pub url: String,
}

/// What the hospitals of an attack share.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// Seats of the hospitals that share it: these must be warned, no other.
    pub seats: BTreeSet<usize>,
    /// Supplier category of the supplier that they have in common.
    pub category: String,
    /// Names of the attacker's values that appear at all of them (`c2_domain`, `attacker_ip` …).
    pub indicators: Vec<String>,
    /// Rule families of the first signs.
    pub families: Vec<String>,
}

/// One scenario as read.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Id, e.g. `hse-2021`.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// What screens must say about it: `reconstruction`.
    pub label: String,
    /// What is true and what is adapted.
    pub about: String,
    /// Public sources.
    pub citations: Vec<Citation>,
    /// What the hospitals share.
    pub pattern: Pattern,
    number: usize,
    frames: BTreeMap<String, String>,
    attack: Vec<BeatText>,
    control: Vec<BeatText>,
}

/// One moment at one hospital: what happens, what a person would have seen, and the log lines of it.
#[derive(Debug, Clone)]
pub struct Beat {
    /// Since the scenario's start.
    pub offset: SignedDuration,
    /// Seat of the hospital.
    pub hospital: usize,
    /// One or two words for the theatre, e.g. `first sign`.
    pub stage: String,
    /// True where a hospital's own detection could first have said something.
    pub first_sign: bool,
    /// What a person would have seen.
    pub seen: String,
    /// The source of the fact, where it is dated.
    pub citation: Option<Citation>,
    /// Sender, e.g. `http:winlogbeat`.
    pub source: Arc<str>,
    /// How the lines arrive.
    pub carrier: Carrier,
    lines: Vec<BeatLine>,
    variables: Vec<String>,
    pools: Arc<Vec<Vec<String>>>,
    seed: u64,
}

/// Something that must never become a warning.
#[derive(Debug, Clone)]
pub struct Noise {
    /// Id: `admin-tool`, `flood` or `bad-rule`.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// The text of a rule that is pushed to every hospital first.
    pub rule: Option<String>,
    /// What happens.
    pub beats: Vec<Beat>,
}

#[derive(Debug, Clone)]
struct BeatLine {
    after: u64,
    repeat: u64,
    every: u64,
    template: Template,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioText {
    id: String,
    title: String,
    label: String,
    about: String,
    #[serde(rename = "citation")]
    citations: Vec<Citation>,
    pattern: Pattern,
    beat: Vec<BeatText>,
    control: Vec<BeatText>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct BeatText {
    at: String,
    seats: Vec<usize>,
    #[serde(default)]
    jitter_minutes: u64,
    stage: String,
    #[serde(default)]
    first_sign: bool,
    seen: String,
    citation: Option<String>,
    source: String,
    carrier: String,
    line: Vec<LineText>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineText {
    frame: Option<String>,
    inner: Option<String>,
    #[serde(default)]
    set: BTreeMap<String, String>,
    #[serde(default)]
    after: u64,
    #[serde(default = "once")]
    repeat: u64,
    #[serde(default)]
    every: u64,
    raw: Option<String>,
}

fn once() -> u64 {
    1
}

#[derive(Deserialize)]
struct FramesText {
    frames: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoiseFile {
    noise: Vec<NoiseText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoiseText {
    id: String,
    title: String,
    rule: Option<String>,
    beat: Vec<BeatText>,
}

impl Scenario {
    /// Reads one scenario by id. Errors name the file.
    pub fn read(content: &Content, id: &str) -> Result<Self> {
        let path = format!("scenarios/{id}.toml");
        let text = content.text(&path).with_context(|| format!("{path} is missing"))?;
        let text: ScenarioText = toml::from_str(text).with_context(|| path.clone())?;
        ensure!(text.id == id, "{path}: id is {:?}", text.id);
        let number = SCENARIOS.iter().position(|known| *known == id).unwrap_or(SCENARIOS.len());
        Ok(Self {
            id: text.id,
            title: text.title,
            label: text.label,
            about: text.about.trim().to_owned(),
            citations: text.citations,
            pattern: text.pattern,
            number,
            frames: frames(content)?,
            attack: text.beat,
            control: text.control,
        })
    }

    /// What the attacker of this scenario uses with a cast's seed.
    pub fn attacker(&self, content: &Content, cast: &Cast) -> Result<AttackNames> {
        AttackNames::draw(content, cast.seed, self.number * (SEATS + 1))
    }

    /// The values that all hospitals of the pattern see, e.g. the control server's domain. Empty in the control.
    pub fn shared_values(&self, content: &Content, cast: &Cast) -> Result<Vec<(String, String)>> {
        if cast.variant == Variant::Control {
            return Ok(Vec::new());
        }
        let variables = self.attacker(content, cast)?.variables();
        let value = |name: &String| {
            let found = variables.iter().find(|(known, _)| known == name);
            found
                .map(|(_, value)| (name.clone(), value.clone()))
                .ok_or_else(|| anyhow!("{}: no value {name:?}", self.id))
        };
        self.pattern.indicators.iter().map(value).collect()
    }

    /// The time line for one cast, in order of time. In the control every hospital has its own attacker.
    pub fn beats(&self, content: &Content, cast: &Cast) -> Result<Vec<Beat>> {
        let texts = if cast.variant == Variant::Attack { &self.attack } else { &self.control };
        let mut beats = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            let citation = text.citation.as_ref().map(|id| {
                let found = self.citations.iter().find(|citation| &citation.id == id);
                found.cloned().ok_or_else(|| anyhow!("{}: no citation {id:?}", self.id))
            });
            let citation = citation.transpose()?;
            for &seat in &text.seats {
                let of_seat = if cast.variant == Variant::Attack { 0 } else { seat + 1 };
                let attacker = AttackNames::draw(content, cast.seed, self.number * (SEATS + 1) + of_seat)?;
                let purpose = [40 + self.number as u64, number as u64, seat as u64];
                let beat = beat(text, cast, seat, &attacker, &self.frames, Random::for_purpose(cast.seed, &purpose));
                let mut beat = beat.with_context(|| format!("{}, beat at {}", self.id, text.at))?;
                beat.citation = citation.clone();
                beats.push(beat);
            }
        }
        beats.sort_by_key(|beat| (beat.offset, beat.hospital));
        Ok(beats)
    }
}

/// Which seats share a supplier of which category, over the given scenarios: what a [`Cast`] is drawn with.
pub fn shared_suppliers(scenarios: &[Scenario]) -> BTreeMap<String, BTreeSet<usize>> {
    scenarios.iter().map(|scenario| (scenario.pattern.category.clone(), scenario.pattern.seats.clone())).collect()
}

/// The noise that must never become a warning, for one cast.
pub fn noise(content: &Content, cast: &Cast) -> Result<Vec<Noise>> {
    let path = "scenarios/noise.toml";
    let file: NoiseFile =
        toml::from_str(content.text(path).with_context(|| format!("{path} is missing"))?).context(path)?;
    let frames = frames(content)?;
    let mut found = Vec::new();
    for (number, text) in file.noise.into_iter().enumerate() {
        let rule = text
            .rule
            .as_ref()
            .map(|path| content.text(path).map(str::to_owned).with_context(|| format!("{path} is missing")));
        let mut beats = Vec::new();
        for (of_noise, beat_text) in text.beat.iter().enumerate() {
            for &seat in &beat_text.seats {
                let attacker = AttackNames::draw(content, cast.seed, 60 + seat)?;
                let random = Random::for_purpose(cast.seed, &[50 + number as u64, of_noise as u64, seat as u64]);
                beats.push(
                    beat(beat_text, cast, seat, &attacker, &frames, random)
                        .with_context(|| format!("{path}, {}", text.id))?,
                );
            }
        }
        found.push(Noise { id: text.id, title: text.title, rule: rule.transpose()?, beats });
    }
    Ok(found)
}

impl Beat {
    /// The raw lines with the time that each says, first line at `when`. Each is one event without a line end.
    pub fn lines(&self, when: Timestamp) -> Vec<(SignedDuration, Vec<u8>)> {
        let (mut rendered, mut at) = (Vec::new(), 0);
        for (number, line) in self.lines.iter().enumerate() {
            at += line.after;
            for repeat in 0..line.repeat {
                if rendered.len() >= BEAT_LINES_MAX {
                    return rendered;
                }
                at += if repeat > 0 { line.every } else { 0 };
                let offset = SignedDuration::from_secs(at as i64);
                let moment = Moment::new(when.checked_add(offset).unwrap_or(when));
                let values =
                    Values { variables: &self.variables, pools: &self.pools, moment: &moment, counter: repeat + 1 };
                let mut bytes = Vec::new();
                line.template.render(
                    &values,
                    &mut Random::for_purpose(self.seed, &[number as u64, repeat]),
                    &mut bytes,
                );
                rendered.push((offset, bytes));
            }
        }
        rendered
    }
}

fn frames(content: &Content) -> Result<BTreeMap<String, String>> {
    let path = "scenarios/frames.toml";
    let text: FramesText =
        toml::from_str(content.text(path).with_context(|| format!("{path} is missing"))?).context(path)?;
    Ok(text.frames)
}

fn beat(
    text: &BeatText,
    cast: &Cast,
    seat: usize,
    attacker: &AttackNames,
    frames: &BTreeMap<String, String>,
    mut random: Random,
) -> Result<Beat> {
    let names = &cast.seats.get(seat).ok_or_else(|| anyhow!("no seat {seat}"))?.names;
    let users = names.pools.get("user").filter(|users| !users.is_empty()).context("a hospital without people")?;
    // The same person's account at a hospital throughout a run.
    let account = users[Random::for_purpose(names.seed, &[5]).index(users.len())].clone();
    let variables: Vec<(&str, String)> =
        names.variables().into_iter().chain(attacker.variables()).chain([("account", account)]).collect();
    let scope = Scope {
        variables: variables.iter().map(|(name, _)| (*name).to_owned()).collect(),
        pools: names.pools.keys().cloned().collect(),
    };
    let read = |line: &LineText| -> Result<BeatLine> {
        let parts = LineParts {
            frame: line.frame.as_deref(),
            inner: line.inner.as_deref(),
            raw: line.raw.as_deref(),
            set: &line.set,
        };
        let template = Template::read(&line::compose(parts, frames)?, &scope)?;
        Ok(BeatLine { after: line.after, repeat: line.repeat, every: line.every, template })
    };
    let jitter = random.between(0, text.jitter_minutes * 60);
    Ok(Beat {
        offset: offset(&text.at)? + SignedDuration::from_secs(jitter as i64),
        hospital: seat,
        stage: text.stage.clone(),
        first_sign: text.first_sign,
        seen: text.seen.clone(),
        citation: None,
        source: text.source.as_str().into(),
        carrier: carrier(&text.carrier)?,
        lines: text.line.iter().map(read).collect::<Result<_>>()?,
        variables: variables.into_iter().map(|(_, value)| value).collect(),
        pools: Arc::new(names.pools.values().cloned().collect()),
        seed: random.next(),
    })
}

/// Reads `13d 09:31`.
fn offset(text: &str) -> Result<SignedDuration> {
    let read = || {
        let (days, clock) = text.split_once("d ")?;
        let (hours, minutes) = clock.split_once(':')?;
        Some((days.parse::<i64>().ok()? * 24 + hours.parse::<i64>().ok()?) * 60 + minutes.parse::<i64>().ok()?)
    };
    read().map(SignedDuration::from_mins).ok_or_else(|| anyhow!("{text:?} is no offset; write 13d 09:31"))
}

#[cfg(test)]
mod tests;
