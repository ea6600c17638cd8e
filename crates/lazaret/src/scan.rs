//! `lazaret scan`: reads logs and evidence with Sigma rules and indicators, and prints what matched.
//! A file of its own because it is a whole command without a node: no store, no network, no configuration.
//! What is *not* here: matching (`detect`), and any format (`detect::decode`).

mod indicators;
mod input;
mod rules;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::{Context as _, Result, bail};
use app::Clock as _;
use detect::decode::Carrier;
use detect::engine::{EmbeddedLogsource, Engine, EngineOptions, RawEvent, Scanner};
use detect::indicator::IndicatorSet;
use detect::mapping::MappingSet;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock::SystemClock;
use crate::content::Content;
use crate::output::Output;
use input::{Batch, Work};
pub(crate) use rules::is_rule;
use show::Printer;

/// The most batches that wait between reading and scanning.
const BATCHES_WAITING_MAX: usize = 4;
/// The most unreadable events of one file that are told one by one.
const TOLD_PER_FILE_MAX: u64 = 5;

/// `scan`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Formats are recognised by content: JSON lines, Windows EVTX, syslog and other text logs, Suricata \
                        EVE, Zeek JSON; gzip and zstd are unpacked. Directories are walked.\n\nExit codes: 0 all was \
                        read; 2 some input or rule could not be read (it is named, the rest goes on); 1 it could not \
                        run. Detections do not change it.\n\nExamples:\n  lazaret scan evidence/ --rules sigma/rules\n  \
                        lazaret scan Security.evtx --indicators iocs.txt --output json"
)]
pub struct Args {
    /// Files and directories to read; `-` is standard input.
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Directories or files with Sigma rules; without it the built-in rules are used.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub rules: Vec<PathBuf>,
    /// A list with one value a line, or a STIX 2.1 bundle.
    #[arg(long, value_name = "FILE")]
    pub indicators: Option<PathBuf>,
    /// `corpus` trusts product, service and category inside the events (prepared corpora only); else a mapping file that
    /// is added to the built-in ones.
    #[arg(long, value_name = "corpus|FILE")]
    pub mapping: Option<String>,
    /// The zone of times that state none, e.g. Europe/Bucharest.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub zone: String,
}

/// What could not be read, counted; decides the exit code.
#[derive(Debug, Default)]
pub struct Problems {
    count: u64,
}

impl Problems {
    /// Tells one problem on standard error.
    fn tell(&mut self, line: &str) {
        self.count += 1;
        crate::cli::tell(&format!("lazaret: {line}"));
    }
}

/// Whether everything was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was.
    AllRead,
    /// Some input or rule was not; each was named on standard error.
    SomeUnread,
}

/// Runs the command. Shape: 0 all read, 2 some input or rule unreadable. Errors: it could not run (exit 1).
pub fn run(args: Args, output: Output) -> Result<ExitCode> {
    let outcome = scan_to(&args, output, SystemClock.now(), Box::new(std::io::stdout()))?;
    Ok(match outcome {
        Outcome::AllRead => ExitCode::SUCCESS,
        Outcome::SomeUnread => ExitCode::from(2),
    })
}

/// The command with its output and time as arguments. A reader that goes away (`| head`) ends it early and quietly.
/// Errors: it could not run.
pub fn scan_to(args: &Args, output: Output, now: Timestamp, out: Box<dyn std::io::Write>) -> Result<Outcome> {
    let mut problems = Problems::default();
    let engine = build_engine(args, now, &mut problems)?;
    let files = input::walk(&args.paths, &mut problems);
    let progress = show::Progress::start(files.iter().map(|file| file.bytes).sum());
    let mut printer = Printer::new(output, progress.clone(), out);
    let counts = std::thread::scope(|scope| {
        let (send, receive) = sync_channel(BATCHES_WAITING_MAX);
        scope.spawn(move || input::read_all(&files, &send, &progress));
        scan_all(receive, engine, now, &mut printer, &mut problems)
    });
    printer.finish(&counts, problems.count);
    Ok(if problems.count == 0 { Outcome::AllRead } else { Outcome::SomeUnread })
}

/// What was read, for the closing line.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    /// Files read to their end or to an error.
    pub files: u64,
    /// Events scanned.
    pub events: u64,
    /// Events that no mapping recognised.
    pub unrouted: u64,
}

fn build_engine(args: &Args, now: Timestamp, problems: &mut Problems) -> Result<Arc<Engine>> {
    let content = Content::builtin();
    let rules = rules::load(&args.rules, &content, problems)?;
    let indicators = match &args.indicators {
        Some(path) => indicators::load(path, now, problems)?,
        None => Vec::new(),
    };
    if rules.is_empty() && indicators.is_empty() {
        bail!("there is nothing to look for: no rule could be read and no indicator was given");
    }
    let zone = TimeZone::get(&args.zone).with_context(|| format!("--zone {:?}", args.zone))?;
    let mut options = EngineOptions { zone, ..EngineOptions::default() };
    let mut files = content.mappings();
    match args.mapping.as_deref() {
        None => {}
        Some("corpus") => options.embedded_logsource = EmbeddedLogsource::Honoured,
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("--mapping {path}"))?;
            files.insert(0, (path.to_owned(), text));
        }
    }
    let (mappings, bad) = MappingSet::parse(&files);
    for problem in bad {
        problems.tell(&problem.to_string());
    }
    let engine = Engine::build(rules, mappings, IndicatorSet::build(indicators.into_iter()), options);
    for (value, reason) in &engine.report().unusable_indicators {
        problems.tell(&format!("indicator {value:?}: {reason}"));
    }
    for inactive in &engine.report().inactive {
        crate::cli::tell(&format!(
            "lazaret: note: {}: {} cannot run: {}",
            inactive.rule.path, inactive.rule.title, inactive.reason
        ));
    }
    Ok(Arc::new(engine))
}

/// Scans what the reader thread sends, in order, until it ends or nobody reads our output any more.
fn scan_all(
    work: Receiver<Work>,
    engine: Arc<Engine>,
    now: Timestamp,
    printer: &mut Printer,
    problems: &mut Problems,
) -> Counts {
    let mut scanner = Scanner::new(engine);
    let mut counts = Counts::default();
    let mut told_of_file = 0;
    for work in work {
        match work {
            Work::Opened => {
                counts.files += 1;
                told_of_file = 0;
            }
            Work::Problem(line) => printer.beside(|| problems.tell(&line)),
            Work::Batch(batch) => {
                if scan_batch(&batch, &mut scanner, now, printer, &mut counts, &mut |line| {
                    told_of_file += 1;
                    tell_of_event(told_of_file, line, problems);
                })
                .is_break()
                {
                    break;
                }
            }
        }
    }
    counts
}

/// The first few unreadable events of a file are told, the rest only counted.
fn tell_of_event(number: u64, line: &str, problems: &mut Problems) {
    match number {
        0..=TOLD_PER_FILE_MAX => problems.tell(line),
        _ if number == TOLD_PER_FILE_MAX + 1 => {
            problems.tell(&format!("{line} (further ones of this file are only counted)"))
        }
        _ => problems.count += 1,
    }
}

fn scan_batch(
    batch: &Batch,
    scanner: &mut Scanner,
    now: Timestamp,
    printer: &mut Printer,
    counts: &mut Counts,
    unreadable: &mut dyn FnMut(&str),
) -> std::ops::ControlFlow<()> {
    let first = counts.events;
    let carrier = if batch.is_evtx { Carrier::Evtx } else { Carrier::File };
    let events: Vec<RawEvent<'_>> = batch
        .events()
        .enumerate()
        .map(|(at, (_, bytes))| RawEvent {
            seq: first + at as u64,
            source: &batch.file,
            carrier,
            received_at: now,
            bytes,
        })
        .collect();
    let record_of = |seq: u64| batch.record((seq - first) as usize);
    let scan = scanner.scan(&events, now);
    counts.events += events.len() as u64;
    counts.unrouted += scan.seen.iter().filter(|seen| seen.routed == detect::engine::Routed::No).count() as u64;
    for bad in &scan.quarantined {
        printer.beside(|| unreadable(&format!("{}:{}: {}", batch.file, record_of(bad.seq), bad.reason)));
    }
    for detection in &scan.detections {
        if printer.detection(&batch.file, record_of(detection.seq), detection).is_err() {
            return std::ops::ControlFlow::Break(());
        }
    }
    std::ops::ControlFlow::Continue(())
}

#[cfg(test)]
mod tests;
