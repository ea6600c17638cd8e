//! The ordinary day: what a hospital's logs say between midnight and midnight when nothing is wrong.
//! A file of its own because it is both the bar that rules must not trip over and the noise of the demonstration.
//! What happens on such a day is data (`content/ordinary_day`), here is only how it is drawn and put in order.
//!
//! Lines are drawn one at a time: a planned line costs a few words of memory, its bytes exist only while somebody looks.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use detect::decode::Carrier;
use jiff::Timestamp;
use serde::Deserialize;

use super::Content;
use super::line::{self, LineParts};
use super::moment::Moment;
use super::names::HospitalNames;
use super::random::Random;
use super::template::{self, Scope, Template, Values};

/// One line of the day, as it would arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayEvent {
    /// When the device wrote it.
    pub time: Timestamp,
    /// Which sender it came from, e.g. `syslog:fw`.
    pub source: Arc<str>,
    /// How it arrived.
    pub carrier: Carrier,
    /// The raw line, without a line end.
    pub bytes: Vec<u8>,
}

/// How much of the day is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// All of it: more than 100,000 lines.
    Whole,
    /// At least this many lines, thinned out evenly; what happens once a day still happens.
    Events(usize),
}

/// The lines of one day of one hospital, in order of time.
#[derive(Debug)]
pub struct OrdinaryDay {
    start: Timestamp,
    seed: u64,
    episodes: Vec<Episode>,
    pools: Vec<Vec<String>>,
    /// The hospital's own values; the episode's are pushed behind them while a line is drawn.
    variables: Vec<String>,
    hospital_variables: usize,
    plan: std::vec::IntoIter<Planned>,
}

#[derive(Debug)]
struct Episode {
    source: Arc<str>,
    carrier: Carrier,
    count: u64,
    hours: Hours,
    bindings: Vec<Template>,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    after: (u64, u64),
    times: (u64, u64),
    every: (u64, u64),
    template: Template,
}

#[derive(Debug, Clone, Copy)]
enum Hours {
    Flat,
    Day,
    Window { from: u64, seconds: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Planned {
    micros: u64,
    episode: u32,
    occurrence: u32,
    line: u32,
    repeat: u32,
}

const DAY_MICROS: u64 = 86_400 * 1_000_000;
/// How busy each hour of a working day is, against the others.
const DAY_WEIGHTS: [u64; 24] = [1, 1, 1, 1, 1, 2, 6, 10, 12, 12, 11, 9, 9, 11, 11, 10, 8, 5, 3, 3, 2, 2, 1, 1];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceText {
    source: String,
    carrier: String,
    #[serde(default)]
    frames: BTreeMap<String, String>,
    episode: Vec<EpisodeText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EpisodeText {
    name: String,
    count: u64,
    hours: String,
    #[serde(default, rename = "let")]
    bindings: BTreeMap<String, String>,
    line: Vec<LineText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineText {
    frame: Option<String>,
    inner: Option<String>,
    #[serde(default)]
    set: BTreeMap<String, String>,
    after: Option<String>,
    times: Option<String>,
    every: Option<String>,
    raw: Option<String>,
}

impl OrdinaryDay {
    /// Plans the day of one hospital. Errors name the file and the episode that cannot be read.
    pub fn new(content: &Content, seed: u64, names: &HospitalNames, start: Timestamp, size: Size) -> Result<Self> {
        let pool_names: Vec<String> = names.pools.keys().cloned().collect();
        let variables = names.variables();
        let hospital_names: Vec<String> = variables.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut episodes = Vec::new();
        for (path, text) in content.under("ordinary_day") {
            if path.ends_with("names.toml") || !path.ends_with(".toml") {
                continue;
            }
            let file: SourceText = toml::from_str(text).with_context(|| path.to_owned())?;
            read_source(file, &hospital_names, &pool_names, &mut episodes).with_context(|| path.to_owned())?;
        }
        let seed = Random::for_purpose(seed, &[names.seed]).next();
        let plan = plan(&episodes, seed, size);
        Ok(Self {
            start,
            seed,
            episodes,
            pools: names.pools.values().cloned().collect(),
            hospital_variables: variables.len(),
            variables: variables.into_iter().map(|(_, value)| value).collect(),
            plan: plan.into_iter(),
        })
    }

    fn draw(&mut self, planned: Planned) -> Option<DayEvent> {
        let episode = self.episodes.get(planned.episode as usize)?;
        let line = episode.lines.get(planned.line as usize)?;
        let time = self.start.checked_add(jiff::SignedDuration::from_micros(planned.micros as i64)).ok()?;
        let moment = Moment::new(time);
        self.variables.truncate(self.hospital_variables);
        let identity = [u64::from(planned.episode), u64::from(planned.occurrence)];
        let mut random = Random::for_purpose(self.seed, &identity);
        for binding in &episode.bindings {
            let mut value = Vec::new();
            binding.render(&values(&self.variables, &self.pools, &moment, 0), &mut random, &mut value);
            self.variables.push(String::from_utf8_lossy(&value).into_owned());
        }
        let [first, second] = identity;
        let mut random =
            Random::for_purpose(self.seed, &[first, second, u64::from(planned.line) + 1, u64::from(planned.repeat)]);
        let mut bytes = Vec::with_capacity(512);
        line.template.render(
            &values(&self.variables, &self.pools, &moment, u64::from(planned.repeat) + 1),
            &mut random,
            &mut bytes,
        );
        Some(DayEvent { time, source: Arc::clone(&episode.source), carrier: episode.carrier, bytes })
    }
}

impl Iterator for OrdinaryDay {
    type Item = DayEvent;

    fn next(&mut self) -> Option<DayEvent> {
        let planned = self.plan.next()?;
        self.draw(planned)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.plan.size_hint()
    }
}

impl ExactSizeIterator for OrdinaryDay {}

fn values<'a>(variables: &'a [String], pools: &'a [Vec<String>], moment: &'a Moment, counter: u64) -> Values<'a> {
    Values { variables, pools, moment, counter }
}

fn read_source(file: SourceText, hospital: &[String], pools: &[String], episodes: &mut Vec<Episode>) -> Result<()> {
    let carrier = carrier(&file.carrier)?;
    let source: Arc<str> = file.source.into();
    for text in file.episode {
        let outer = Scope { variables: hospital.to_vec(), pools: pools.to_vec() };
        let mut inner = outer.clone();
        inner.variables.extend(text.bindings.keys().cloned());
        let read = || -> Result<Episode> {
            let bindings =
                text.bindings.values().map(|value| Template::read(value, &outer)).collect::<Result<_, _>>()?;
            let lines = text.line.iter().map(|line| read_line(line, &file.frames, &inner)).collect::<Result<_>>()?;
            Ok(Episode {
                source: Arc::clone(&source),
                carrier,
                count: text.count,
                hours: hours(&text.hours)?,
                bindings,
                lines,
            })
        };
        episodes.push(read().with_context(|| format!("episode {:?}", text.name))?);
    }
    Ok(())
}

fn read_line(line: &LineText, frames: &BTreeMap<String, String>, scope: &Scope) -> Result<Line> {
    let parts = LineParts {
        frame: line.frame.as_deref(),
        inner: line.inner.as_deref(),
        raw: line.raw.as_deref(),
        set: &line.set,
    };
    let text = line::compose(parts, frames)?;
    let range = |text: &Option<String>, otherwise| match text {
        Some(text) => template::range(text).ok_or_else(|| anyhow!("{text:?} is no range; write 3 or 3-9")),
        None => Ok(otherwise),
    };
    Ok(Line {
        after: range(&line.after, (0, 0))?,
        times: range(&line.times, (1, 1))?,
        every: range(&line.every, (0, 0))?,
        template: Template::read(&text, scope)?,
    })
}

/// Reads a carrier's word: `syslog`, `http` or `file`.
pub(crate) fn carrier(word: &str) -> Result<Carrier> {
    Ok(match word {
        "syslog" => Carrier::Syslog,
        "http" => Carrier::Http,
        "file" => Carrier::File,
        other => bail!("{other:?} is no carrier; write syslog, http or file"),
    })
}

fn hours(text: &str) -> Result<Hours> {
    match text {
        "flat" => return Ok(Hours::Flat),
        "day" => return Ok(Hours::Day),
        _ => {}
    }
    let clock = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        Some(hour.parse::<u64>().ok()? * 3_600 + minute.parse::<u64>().ok()? * 60)
    };
    let window = text.split_once('-').and_then(|(from, to)| Some((clock(from)?, clock(to)?)));
    let (from, to) = window.ok_or_else(|| anyhow!("{text:?} is no time of day; write flat, day or 22:00-04:00"))?;
    Ok(Hours::Window { from, seconds: (to + 86_400 - from) % 86_400 })
}

fn plan(episodes: &[Episode], seed: u64, size: Size) -> Vec<Planned> {
    let mut plan = plan_with(episodes, seed, 1.0);
    let Size::Events(wanted) = size else { return plan };
    let mut share = wanted as f64 / plan.len().max(1) as f64;
    // Rounding and lines after midnight make the first guess fall short; a few steps reach it.
    for _ in 0..12 {
        plan = plan_with(episodes, seed, share);
        if plan.len() >= wanted {
            break;
        }
        share *= 1.0 + 0.02 + (wanted - plan.len()) as f64 / wanted as f64;
    }
    plan
}

fn plan_with(episodes: &[Episode], seed: u64, share: f64) -> Vec<Planned> {
    let mut plan = Vec::new();
    for (index, episode) in episodes.iter().enumerate() {
        let once = episode.count == 1;
        let count = if once { 1 } else { (episode.count as f64 * share).round().max(1.0) as u64 };
        for occurrence in 0..count {
            let mut random = Random::for_purpose(seed, &[u64::MAX, index as u64, occurrence]);
            let identity =
                Planned { micros: 0, episode: index as u32, occurrence: occurrence as u32, line: 0, repeat: 0 };
            plan_episode(episode, identity, if once { share.min(1.0) } else { 1.0 }, &mut random, &mut plan);
        }
    }
    plan.sort_unstable();
    plan
}

fn plan_episode(episode: &Episode, identity: Planned, share: f64, random: &mut Random, plan: &mut Vec<Planned>) {
    let mut at = start_second(episode.hours, random) * 1_000_000 + random.between(0, 999_999);
    for (number, line) in episode.lines.iter().enumerate() {
        at += random.between(line.after.0 * 1_000_000, line.after.1 * 1_000_000) + random.between(200, 900);
        let times = random.between(line.times.0, line.times.1);
        let times = if times > 1 { ((times as f64 * share).round() as u64).max(1) } else { times };
        for repeat in 0..times {
            if repeat > 0 {
                at += random.between(line.every.0 * 1_000_000, line.every.1 * 1_000_000) + random.between(200, 900);
            }
            if at < DAY_MICROS {
                plan.push(Planned { micros: at, line: number as u32, repeat: repeat as u32, ..identity });
            }
        }
    }
}

fn start_second(hours: Hours, random: &mut Random) -> u64 {
    match hours {
        Hours::Flat => random.between(0, 86_399),
        Hours::Window { from, seconds } => (from + random.between(0, seconds.saturating_sub(1))) % 86_400,
        Hours::Day => {
            let mut left = random.between(0, DAY_WEIGHTS.iter().sum::<u64>() - 1);
            let hour = DAY_WEIGHTS.iter().position(|weight| {
                let here = left < *weight;
                left = left.saturating_sub(*weight);
                here
            });
            hour.unwrap_or(12) as u64 * 3_600 + random.between(0, 3_599)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(seed: u64, index: usize, size: Size) -> OrdinaryDay {
        let content = Content::builtin();
        let names = HospitalNames::draw(&content, seed, index).unwrap();
        OrdinaryDay::new(&content, seed, &names, "2026-03-03T00:00:00Z".parse().unwrap(), size).unwrap()
    }

    #[test]
    fn a_whole_day_has_a_hundred_thousand_lines_in_order() {
        let (mut lines, mut before) = (0_usize, Timestamp::MIN);
        for event in day(1, 0, Size::Whole) {
            assert!(before <= event.time);
            assert!(!event.bytes.contains(&b'\n') && !event.bytes.is_empty());
            before = event.time;
            lines += 1;
        }
        assert!(lines >= 100_000, "{lines}");
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_hospital_other_ones() {
        let first = |seed, index| day(seed, index, Size::Events(3_000)).step_by(97).collect::<Vec<_>>();
        assert_eq!(first(5, 0), first(5, 0));
        assert_ne!(first(5, 0), first(5, 1));
        assert_ne!(first(5, 0), first(6, 0));
    }

    #[test]
    fn a_smaller_day_has_at_least_what_was_asked_for() {
        for wanted in [2_000, 10_000, 40_000] {
            let planned = day(2, 3, Size::Events(wanted)).len();
            assert!(planned >= wanted && planned < wanted * 13 / 10, "{planned} for {wanted}");
        }
    }

    #[test]
    fn json_lines_are_json() {
        let mut checked = 0;
        for event in day(3, 1, Size::Events(20_000)) {
            if event.carrier == Carrier::Http {
                let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&event.bytes);
                assert!(parsed.is_ok(), "{}", String::from_utf8_lossy(&event.bytes));
                checked += 1;
            }
        }
        assert!(checked > 5_000);
    }

    #[test]
    fn times_of_day_are_read() {
        assert!(matches!(hours("22:00-04:00").unwrap(), Hours::Window { from: 79_200, seconds: 21_600 }));
        assert!(hours("late").is_err());
    }
}
