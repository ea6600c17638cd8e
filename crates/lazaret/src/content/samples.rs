//! The samples beside every rule: raw lines on which it must fire, and raw lines on which it must not.
//! A file of its own because the check, the tests and the mutants all replay them the same way.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use detect::engine::{Carrier, Engine, RawEvent, Scanner};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::moment::Moment;
use super::random::Random;
use super::template::{Scope, Template, Values};

/// The most events one sample may have, repeats counted.
pub const SAMPLE_EVENTS_MAX: usize = 2_000;
/// When every sample begins: 3 March 2026, 10:00 UTC.
const BEGINS: i64 = 1_772_532_000;

/// Whether a rule must fire on a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fires {
    /// It must.
    Yes,
    /// It must not.
    No,
}

/// Raw events in order of time, and what the rule must do with them.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What it shows.
    pub name: String,
    /// What the rule must do.
    pub fires: Fires,
    /// `captured`, `vendor-page` or `invented`.
    pub origin: String,
    events: Vec<(Timestamp, Carrier, Vec<u8>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    sample: Vec<SampleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleText {
    fires: bool,
    name: String,
    origin: String,
    #[serde(rename = "where")]
    place: String,
    #[serde(default)]
    each: Vec<String>,
    step: Vec<StepText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    #[serde(default)]
    at: i64,
    #[serde(default = "once")]
    repeat: u64,
    #[serde(default)]
    every: i64,
    raw: String,
}

fn once() -> u64 {
    1
}

/// Reads a sidecar file. A sample with `each` becomes one sample for each value. Errors name the sample.
pub fn read(text: &str) -> Result<Vec<Sample>> {
    let file: FileText = toml::from_str(text)?;
    let mut samples = Vec::new();
    for text in file.sample {
        ensure!(
            ["captured", "vendor-page", "invented"].contains(&text.origin.as_str()),
            "sample {:?}: write captured, vendor-page or invented as origin",
            text.name
        );
        ensure!(!text.place.trim().is_empty(), "sample {:?}: say where it comes from", text.name);
        let values = if text.each.is_empty() { vec![String::new()] } else { text.each.clone() };
        for value in values {
            let name = if value.is_empty() { text.name.clone() } else { format!("{} [{value}]", text.name) };
            let events = events(&text, &value).with_context(|| format!("sample {name:?}"))?;
            let fires = if text.fires { Fires::Yes } else { Fires::No };
            samples.push(Sample { name, fires, origin: text.origin.clone(), events });
        }
    }
    Ok(samples)
}

fn events(text: &SampleText, value: &str) -> Result<Vec<(Timestamp, Carrier, Vec<u8>)>> {
    let scope = Scope { variables: vec!["each".to_owned()], pools: Vec::new() };
    let begins = Timestamp::from_second(BEGINS)?;
    let mut events = Vec::new();
    for step in &text.step {
        let template = Template::read(&step.raw, &scope)?;
        for counter in 0..step.repeat {
            ensure!(events.len() < SAMPLE_EVENTS_MAX, "more than {SAMPLE_EVENTS_MAX} events");
            let seconds = step.at + step.every * counter as i64;
            let at = begins
                .checked_add(SignedDuration::from_secs(seconds))
                .map_err(|_| anyhow!("{seconds} seconds are too far away"))?;
            let moment = Moment::new(at);
            let variables = [value.to_owned()];
            let values = Values { variables: &variables, pools: &[], moment: &moment, counter: counter + 1 };
            let mut bytes = Vec::new();
            template.render(&values, &mut Random::new(1), &mut bytes);
            events.push((at, carrier(&bytes), bytes));
        }
    }
    events.sort_by_key(|(at, ..)| *at);
    Ok(events)
}

/// How a line of this look usually arrives.
fn carrier(bytes: &[u8]) -> Carrier {
    match bytes.first() {
        Some(b'{') => Carrier::Http,
        Some(b'<') => Carrier::Syslog,
        _ => Carrier::File,
    }
}

impl Sample {
    /// The ids of the rules that fire on this sample, and what could not be read.
    pub fn replay(&self, engine: &Arc<Engine>) -> (BTreeSet<String>, Vec<String>) {
        let mut scanner = Scanner::new(Arc::clone(engine));
        let (mut fired, mut unreadable) = (BTreeSet::new(), Vec::new());
        for (seq, (at, carrier, bytes)) in self.events.iter().enumerate() {
            let event = RawEvent { seq: seq as u64, source: "sample", carrier: *carrier, received_at: *at, bytes };
            let scan = scanner.scan(&[event], *at);
            fired.extend(scan.detections.iter().map(|detection| detection.rule_id().to_owned()));
            unreadable.extend(scan.quarantined.into_iter().map(|event| event.reason));
        }
        (fired, unreadable)
    }

    /// How many events it has.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_and_repeat_are_written_out_in_order_of_time() {
        let text = "[[sample]]\nfires = true\nname = 'a'\norigin = 'invented'\nwhere = 'here'\neach = ['x', 'y']\n\
            [[sample.step]]\nat = 10\nraw = '{each} {clock}'\n[[sample.step]]\nrepeat = 2\nevery = 30\nraw = '<1>{n}'\n";
        let samples = read(text).unwrap();
        assert_eq!(samples.iter().map(|sample| sample.name.as_str()).collect::<Vec<_>>(), ["a [x]", "a [y]"]);
        let lines: Vec<&str> =
            samples[0].events.iter().map(|(_, _, bytes)| std::str::from_utf8(bytes).unwrap()).collect();
        assert_eq!(lines, ["<1>1", "x 10:00:10", "<1>2"]);
    }

    #[test]
    fn a_sample_without_origin_is_refused() {
        let text =
            "[[sample]]\nfires = true\nname = 'a'\norigin = 'somewhere'\nwhere = 'x'\n[[sample.step]]\nraw = 'x'\n";
        assert!(read(text).unwrap_err().to_string().contains("vendor-page"));
    }
}
