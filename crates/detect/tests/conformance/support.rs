//! The shared folder, the public rules read once, and engines over them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use detect::engine::{
    Carrier, EmbeddedLogsource, Engine, EngineOptions, IndicatorSet, MappingSet, RawEvent, RuleOrigin, RuleProblem,
    RuleSet, RuleText, Scan, Scanner,
};
use jiff::Timestamp;

/// The shared folder, or `None` (said once for each test) where it is not given.
pub fn shared() -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "tests find the shared data by this variable and nothing else")]
    let folder = std::env::var_os("LAZARET_SHARED").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("LAZARET_SHARED is not set: nothing to compare with, passed");
    }
    folder
}

/// All files below a folder with an extension, sorted.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|held| held == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The public rules and what could not be read of them. Only called where the shared folder is given.
pub static RULES: LazyLock<(RuleSet, Vec<RuleProblem>)> = LazyLock::new(|| {
    let sigma = shared().unwrap().join("data/sigma");
    let mut texts = Vec::new();
    for folder in ["rules", "rules-emerging-threats", "rules-threat-hunting"] {
        for path in files(&sigma.join(folder), "yml") {
            let text = std::fs::read_to_string(&path).unwrap();
            texts.push(RuleText { path: path.display().to_string(), text, origin: RuleOrigin::Local, mark: None });
        }
    }
    RuleSet::parse(&texts)
});

/// The mappings of the product.
pub fn mappings() -> MappingSet {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content/mappings");
    let read = |path: PathBuf| (path.display().to_string(), std::fs::read_to_string(&path).unwrap());
    let (set, problems) = MappingSet::parse(&files(&folder, "toml").into_iter().map(read).collect::<Vec<_>>());
    assert!(problems.is_empty(), "{problems:?}");
    set
}

/// An engine with the public rules that believes the corpus about its logsources.
pub static CORPUS_ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let options = EngineOptions { embedded_logsource: EmbeddedLogsource::Honoured, ..EngineOptions::default() };
    Arc::new(Engine::build(RULES.0.clone(), MappingSet::default(), IndicatorSet::default(), options))
});

/// An engine with the public rules and the product's mappings.
pub static MAPPED_ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    Arc::new(Engine::build(RULES.0.clone(), mappings(), IndicatorSet::default(), EngineOptions::default()))
});

/// A moment after every event of the data.
pub fn now() -> Timestamp {
    "2030-01-01T00:00:00Z".parse().unwrap()
}

/// An engine over rules given as YAML, without mappings, that believes events about their logsources.
pub fn engine_of(yaml: &str) -> Engine {
    let text = RuleText { path: "test.yml".to_owned(), text: yaml.to_owned(), origin: RuleOrigin::Local, mark: None };
    let (rules, problems) = RuleSet::parse(&[text]);
    assert!(problems.is_empty(), "{problems:?}");
    let options = EngineOptions { embedded_logsource: EmbeddedLogsource::Honoured, ..EngineOptions::default() };
    Engine::build(rules, MappingSet::default(), IndicatorSet::default(), options)
}

/// Which way a scan takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Fast,
    Full,
}

/// Scans lines, numbered from 1.
pub fn scan(scanner: &mut Scanner, lines: &[impl AsRef<[u8]>], carrier: Carrier, way: Way) -> Scan {
    let number = |(place, line)| raw(place as u64 + 1, line, carrier);
    let batch: Vec<RawEvent<'_>> = lines.iter().map(AsRef::as_ref).enumerate().map(number).collect();
    match way {
        Way::Fast => scanner.scan(&batch, now()),
        Way::Full => scanner.full_scan(&batch, now()),
    }
}

fn raw(seq: u64, bytes: &[u8], carrier: Carrier) -> RawEvent<'_> {
    RawEvent { seq, source: "test", carrier, received_at: now(), bytes }
}

/// The (line, rule id) pairs of a scan, sorted.
pub fn pairs(scan: &Scan) -> Vec<(u64, String)> {
    let mut pairs: Vec<_> = scan.detections.iter().map(|found| (found.seq, found.rule_id().to_owned())).collect();
    pairs.sort();
    pairs
}

/// The lines of the mixed corpus; every `step`-th, beginning with the first.
pub fn corpus_lines(shared: &Path, step: usize) -> Vec<Vec<u8>> {
    let packed = std::fs::File::open(shared.join("data/telemetry/mixed.jsonl.zst")).unwrap();
    let text = zstd::decode_all(packed).unwrap();
    text.split(|b| *b == b'\n').filter(|line| !line.is_empty()).step_by(step).map(<[u8]>::to_vec).collect()
}
