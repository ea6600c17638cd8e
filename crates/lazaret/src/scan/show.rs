//! Shows detections while they come: one JSON object a line, or a table for people; and how far the reading is.
//! A file of its own because the JSON form is a contract and the table must never pass control characters to a terminal.

use std::io::{self, IsTerminal as _, Read, Seek, Write as _};

use detect::engine::{By, Detection, TimeFlag};
use domain::telemetry::Level;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde::ser::SerializeMap as _;

use super::Counts;
use crate::output::{Colours, Output, Tone, colours};

/// The widest host column.
const HOST_WIDTH: usize = 24;
/// The widest title column.
const TITLE_WIDTH: usize = 64;

/// A bar on standard error, only where that is a terminal.
#[derive(Debug, Clone)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn start(bytes: u64) -> Self {
        if !io::stderr().is_terminal() || bytes == 0 {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(bytes);
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {percent:>3} %  {bytes}/{total_bytes}  {eta} left") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// A reader whose bytes move the bar.
    pub(super) fn over<R>(&self, inner: R) -> Counted<R> {
        Counted { inner, bar: self.0.clone() }
    }
}

/// A reader that moves the bar.
#[derive(Debug)]
pub(super) struct Counted<R> {
    inner: R,
    bar: ProgressBar,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bar.inc(count as u64);
        Ok(count)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// Prints detections.
pub(super) struct Printer {
    output: Output,
    colours: Colours,
    progress: Progress,
    out: io::BufWriter<Box<dyn io::Write>>,
    by_level: [u64; 5],
    has_header: bool,
}

impl Printer {
    pub(super) fn new(output: Output, progress: Progress, out: Box<dyn io::Write>) -> Self {
        let out = io::BufWriter::with_capacity(64 * 1024, out);
        Self { output, colours: colours(), progress, out, by_level: [0; 5], has_header: false }
    }

    /// Prints one detection. Errors: nobody reads any more, or the disk is full.
    pub(super) fn detection(&mut self, file: &str, record: u64, detection: &Detection) -> io::Result<()> {
        if let Some(count) = self.by_level.get_mut(detection.level() as usize) {
            *count += 1;
        }
        match self.output {
            Output::Json => {
                let line = Line { file, record, detection };
                serde_json::to_writer(&mut self.out, &line).map_err(io::Error::from)?;
                self.out.write_all(b"\n")
            }
            Output::Table => {
                let mut text = String::new();
                if !self.has_header {
                    self.has_header = true;
                    text = header(self.colours);
                }
                text += &row(self.colours, file, record, detection);
                self.progress.0.suspend(|| self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()))
            }
        }
    }

    /// Runs something that writes to standard error, with the bar out of the way.
    pub(super) fn beside(&self, write: impl FnOnce()) {
        self.progress.0.suspend(write);
    }

    /// Ends the output; for people with one line that sums up.
    pub(super) fn finish(mut self, counts: &Counts, problems: u64) {
        self.progress.0.finish_and_clear();
        // a reader that went away is no problem of ours
        let _ = self.out.flush();
        if self.output == Output::Table {
            crate::cli::tell(&summary(counts, &self.by_level, problems));
        }
    }
}

fn header(colours: Colours) -> String {
    let line = format!("{:<13} {:<20} {:<HOST_WIDTH$} {:<TITLE_WIDTH$} WHERE", "LEVEL", "TIME", "HOST", "RULE");
    format!("{}\n", colours.paint(Tone::Quiet, &line))
}

fn row(colours: Colours, file: &str, record: u64, detection: &Detection) -> String {
    let tone = match detection.level() {
        Level::Critical | Level::High => Tone::Alarm,
        Level::Medium => Tone::Strong,
        Level::Low => Tone::Plain,
        Level::Informational => Tone::Quiet,
    };
    let level = colours.paint(tone, &format!("{:<13}", detection.level().as_str()));
    let time = time_of(detection).map_or("-".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
    let host = fitted(detection.host.as_deref().unwrap_or("-"), HOST_WIDTH);
    let title = match &detection.by {
        By::Rule(rule) => fitted(&rule.title, TITLE_WIDTH),
        By::Indicator(indicator) => fitted(&format!("indicator {}", indicator.value), TITLE_WIDTH),
    };
    format!(
        "{level} {time:<20} {host} {title} {}\n",
        colours.paint(Tone::Quiet, &format!("{}:{record}", visible(file)))
    )
}

/// Exactly `width` characters wide, without anything a terminal would obey.
fn fitted(text: &str, width: usize) -> String {
    let clean = visible(text);
    if clean.chars().count() <= width {
        return format!("{clean:<width$}");
    }
    let cut: String = clean.chars().take(width.saturating_sub(1)).collect();
    format!("{cut}…")
}

fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

/// `None` where the event has no time of its own.
fn time_of(detection: &Detection) -> Option<jiff::Timestamp> {
    (detection.time_flag != TimeFlag::Missing).then_some(detection.time)
}

fn summary(counts: &Counts, by_level: &[u64; 5], problems: u64) -> String {
    let total: u64 = by_level.iter().sum();
    let words = [Level::Critical, Level::High, Level::Medium, Level::Low, Level::Informational];
    let parts: Vec<String> = words
        .into_iter()
        .filter_map(|level| by_level.get(level as usize).filter(|n| **n > 0).map(|n| format!("{n} {level}")))
        .collect();
    let levels = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    let unknown = if counts.unrouted > 0 { format!(", {} of no known source", counts.unrouted) } else { String::new() };
    let unread = if problems > 0 { format!("; {problems} could not be read, see above") } else { String::new() };
    let events = counted(counts.events, "event");
    let files = counted(counts.files, "file");
    format!("{events} in {files}{unknown}: {}{levels}{unread}", counted(total, "detection"))
}

/// `1 file`, `2 files`.
fn counted(number: u64, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// The JSON form of a detection.
struct Line<'d> {
    file: &'d str,
    record: u64,
    detection: &'d Detection,
}

impl Serialize for Line<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", self.file)?;
        map.serialize_entry("record", &self.record)?;
        map.serialize_entry("time", &time_of(self.detection).map(|time| time.to_string()))?;
        match &self.detection.by {
            By::Rule(rule) => {
                map.serialize_entry("rule_id", &rule.id)?;
                map.serialize_entry("rule_title", &rule.title)?;
            }
            By::Indicator(indicator) => {
                map.serialize_entry("indicator", &indicator.value)?;
                map.serialize_entry("indicator_kind", indicator.kind.as_str())?;
                map.serialize_entry("indicator_origin", &indicator.origin)?;
            }
        }
        map.serialize_entry("level", self.detection.level().as_str())?;
        map.serialize_entry("matched", &Matched(&self.detection.matched))?;
        map.end()
    }
}

/// Field → value; a field with several values → the list of them.
struct Matched<'d>(&'d [(String, String)]);

impl Serialize for Matched<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (at, (field, value)) in self.0.iter().enumerate() {
            let is_repeat = self.0.iter().take(at).any(|(earlier, _)| earlier == field);
            if is_repeat {
                continue;
            }
            let all: Vec<&str> = self.0.iter().filter(|(name, _)| name == field).map(|(_, v)| v.as_str()).collect();
            match all.len() {
                1 => map.serialize_entry(field, value)?,
                _ => map.serialize_entry(field, &all)?,
            }
        }
        map.end()
    }
}
