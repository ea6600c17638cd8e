//! How fast the engine is: events for each second of CPU time on one file of JSON lines, beside a bare parse with serde_json.
//! `cargo run --release -p detect --example rate -- RULES_DIR EVENTS.jsonl[.zst] [MAPPINGS_DIR] [--pairs FILE] [--engine-only] [--mapped] [--indicators N]`
//! A file of its own because it is run by hand; the engine's promises are in the tests.
#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use detect::engine::{
    Carrier, EmbeddedLogsource, Engine, EngineOptions, IndicatorSet, MappingSet, RawEvent, RuleOrigin, RuleSet,
    RuleText, Scanner,
};
use domain::telemetry::{Indicator, ObservableKind};
use jiff::Timestamp;

const BATCH: usize = 1_024;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let pairs_file = arguments.iter().position(|word| word == "--pairs").map(|at| {
        arguments.remove(at);
        arguments.remove(at)
    });
    let mapped = arguments.iter().position(|word| word == "--mapped").map(|at| arguments.remove(at)).is_some();
    let engine_only =
        arguments.iter().position(|word| word == "--engine-only").map(|at| arguments.remove(at)).is_some();
    let indicators = arguments.iter().position(|word| word == "--indicators").map(|at| {
        arguments.remove(at);
        arguments.remove(at).parse::<u32>()
    });
    let [rules, events, rest @ ..] = arguments.as_slice() else { return Err("RULES_DIR EVENTS [MAPPINGS_DIR]".into()) };
    let texts = rule_texts(Path::new(rules))?;
    let mappings = rest.first().map(|dir| mapping_texts(Path::new(dir))).transpose()?.unwrap_or_default();

    let start = cpu_seconds()?;
    let (rule_set, problems) = RuleSet::parse(&texts);
    let parsed = cpu_seconds()?;
    let (mapping_set, _) = MappingSet::parse(&mappings);
    let embedded_logsource = if mapped { EmbeddedLogsource::Ignored } else { EmbeddedLogsource::Honoured };
    let options = EngineOptions { embedded_logsource, ..EngineOptions::default() };
    let set = IndicatorSet::build(made_up(indicators.transpose()?.unwrap_or(0)));
    let engine = Arc::new(Engine::build(rule_set, mapping_set, set, options));
    let built = cpu_seconds()?;
    let report = engine.report();
    println!(
        "rules {} ({} problems, {} inactive), tests {}",
        report.rules,
        problems.len(),
        report.inactive.len(),
        report.predicates
    );
    println!("load {:.3} s (parse {:.3}, compile {:.3})", built - start, parsed - start, built - parsed);

    let data = read(Path::new(events))?;
    let lines: Vec<&[u8]> = data.split(|b| *b == b'\n').filter(|line| !line.is_empty()).collect();
    let floor = if engine_only { 0.0 } else { parse_floor(&lines)? };
    let mut scanner = Scanner::new(engine);
    let now: Timestamp = "2030-01-01T00:00:00Z".parse()?;
    let mut pairs = BTreeSet::new();
    let start = cpu_seconds()?;
    let (mut detections, mut quarantined) = (0, 0);
    for (batch_number, batch) in lines.chunks(BATCH).enumerate() {
        let raw: Vec<RawEvent<'_>> = batch
            .iter()
            .enumerate()
            .map(|(place, bytes)| RawEvent {
                seq: (batch_number * BATCH + place + 1) as u64,
                source: "file:corpus",
                carrier: Carrier::File,
                received_at: now,
                bytes,
            })
            .collect();
        let scan = scanner.scan(&raw, now);
        detections += scan.detections.len();
        quarantined += scan.quarantined.len();
        if pairs_file.is_some() {
            pairs.extend(scan.detections.iter().map(|detection| (detection.seq, detection.rule_id().to_owned())));
        }
    }
    let seconds = cpu_seconds()? - start;
    let rate = |seconds: f64| lines.len() as f64 / seconds;
    println!(
        "events {} in {seconds:.2} s: {:.0} a second; detections {detections}, quarantined {quarantined}",
        lines.len(),
        rate(seconds)
    );
    println!("serde_json parse alone: {:.0} a second; ratio {:.2}", rate(floor), floor / seconds);
    if let Some(file) = pairs_file {
        let mut text = String::new();
        for (line, rule) in pairs {
            writeln!(text, "{line}\t{rule}")?;
        }
        std::fs::write(file, text)?;
    }
    Ok(())
}

fn parse_floor(lines: &[&[u8]]) -> Result<f64, Box<dyn Error>> {
    let start = cpu_seconds()?;
    for line in lines {
        std::hint::black_box(serde_json::from_slice::<serde_json::Value>(line)?);
    }
    Ok(cpu_seconds()? - start)
}

/// Indicators that no event holds: names, hashes, addresses of documentation ranges.
fn made_up(count: u32) -> impl Iterator<Item = Indicator> {
    (0..count).map(|number| {
        let (kind, value) = match number % 10 {
            0..4 => (ObservableKind::FileHash, format!("{number:032x}")),
            4..7 => (ObservableKind::DomainName, format!("n{number}.invalid.example")),
            7..9 => (ObservableKind::Ipv6Addr, format!("2001:db8::{:x}:{:x}", number >> 16, number & 0xFFFF)),
            _ => (ObservableKind::Url, format!("https://n{number}.example/x")),
        };
        Indicator { kind, value, origin: "made up".to_owned() }
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let packed = path.extension().is_some_and(|extension| extension == "zst");
    Ok(if packed { zstd::decode_all(bytes.as_slice())? } else { bytes })
}

fn files(dir: &Path, extension: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("regression_data") {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|held| held == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn rule_texts(dir: &Path) -> Result<Vec<RuleText>, Box<dyn Error>> {
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path)?;
        Ok(RuleText { path: path.display().to_string(), text, origin: RuleOrigin::Local, mark: None })
    };
    files(dir, "yml")?.into_iter().map(read).collect()
}

fn mapping_texts(dir: &Path) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let read = |path: PathBuf| Ok((path.display().to_string(), std::fs::read_to_string(&path)?));
    files(dir, "toml")?.into_iter().map(read).collect()
}

/// User and system time of this process. Shape: Linux only; the kernel counts in hundredths of a second.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or("");
    let ticks = |field: usize| {
        after_name.split_whitespace().nth(field).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0)
    };
    // Fields 14 and 15 of proc(5), counted from the one after the name.
    Ok((ticks(11) + ticks(12)) / 100.0)
}
