//! What a node's use cases get from content: the built-in rules, mappings, warninglists and suppliers, and the
//! operator's rules beside them. A file of its own because content knows no use case and use cases read no file.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use app::suppliers::{ProductEntry, SupplierEntry};
use app::{RecordedAttack, RecordedEvent, RecordedStage, SourceGuide, SupplierList};
use detect::sigma::{RuleOrigin, RuleText};

use jiff::{SignedDuration, Timestamp};

use crate::content::cast::{Cast, Variant};
use crate::content::scenario::{SCENARIOS, Scenario, shared_suppliers};
use crate::content::suppliers::Supplier;
use crate::content::{Content, FILE_BYTES_MAX, FILES_MAX};

/// The pack of rules that observe staff.
const STAFF_PACK: &str = "data-protection";

/// The built-in content with an operator's rules and further suppliers beside it. What cannot be read of the
/// operator's rules is logged and left out.
pub fn content(rules_dir: Option<&Path>, more_suppliers: &[Supplier]) -> anyhow::Result<app::Content> {
    let built_in = &Content::builtin();
    let warninglists =
        built_in.under("warninglists").filter(|(path, _)| path.ends_with(".txt")).map(|(_, text)| text.to_owned());
    let mut suppliers = suppliers()?;
    suppliers.suppliers.extend(more_suppliers.iter().map(entry));
    Ok(app::Content {
        rules: rules(rules_dir),
        staff_rules: built_in.pack(STAFF_PACK),
        mappings: built_in.mappings(),
        warninglists: warninglists.collect(),
        suppliers,
        guides: guides()?,
        attacks: attacks(built_in)?,
        options: detect::engine::EngineOptions::default(),
    })
}

/// The built-in rules and the operator's.
pub fn rules(rules_dir: Option<&Path>) -> Vec<RuleText> {
    let mut rules = Content::builtin().rules(&[]);
    if let Some(dir) = rules_dir {
        rules.extend(local_rules(dir));
    }
    rules
}

/// The list of suppliers and products.
pub fn suppliers() -> anyhow::Result<SupplierList> {
    Ok(SupplierList { suppliers: Content::builtin().suppliers()?.suppliers.iter().map(entry).collect() })
}

/// How each product is connected, in the order of the list.
pub fn guides() -> anyhow::Result<Vec<SourceGuide>> {
    let built_in = Content::builtin();
    let mut guides = Vec::new();
    for (path, text) in built_in.under("sources").filter(|(path, _)| path.ends_with(".toml")) {
        guides.push(SourceGuide::parse(text).with_context(|| path.to_owned())?);
    }
    guides.sort_by_key(|guide| guide.order);
    Ok(guides)
}

/// The re-enacted attacks, as any one hospital would see them, and the seed under which they are drawn.
fn attacks(content: &Content) -> anyhow::Result<Vec<RecordedAttack>> {
    const SEED: u64 = 1;
    let scenarios = SCENARIOS.iter().map(|id| Scenario::read(content, id)).collect::<anyhow::Result<Vec<_>>>()?;
    let cast = Cast::draw(content, SEED, Variant::Attack, &shared_suppliers(&scenarios))?;
    scenarios.iter().map(|scenario| attack(content, &cast, scenario)).collect()
}

fn attack(content: &Content, cast: &Cast, scenario: &Scenario) -> anyhow::Result<RecordedAttack> {
    let mut stages: Vec<RecordedStage> = Vec::new();
    for beat in scenario.beats(content, cast)? {
        // the same moment at several hospitals is one stage
        if stages.iter().any(|known| known.seen == beat.seen) {
            continue;
        }
        let begins = Timestamp::UNIX_EPOCH + beat.offset;
        let event = |(after, bytes): (SignedDuration, Vec<u8>)| RecordedEvent {
            carrier: beat.carrier,
            at: begins + after,
            bytes,
        };
        stages.push(RecordedStage {
            stage: beat.stage.clone(),
            seen: beat.seen.clone(),
            day: u32::try_from(beat.offset.as_hours() / 24).unwrap_or_default(),
            events: beat.lines(begins).into_iter().map(event).collect(),
        });
    }
    Ok(RecordedAttack { id: scenario.id.clone(), title: scenario.title.clone(), label: scenario.label.clone(), stages })
}

fn entry(supplier: &Supplier) -> SupplierEntry {
    let product = |product: &crate::content::suppliers::Product| ProductEntry {
        id: product.id.clone(),
        name: product.name.clone(),
        kind: product.category.clone(),
    };
    SupplierEntry {
        id: supplier.id.clone(),
        name: supplier.name.clone(),
        products: supplier.products.iter().map(product).collect(),
    }
}

/// Every rule file below a directory.
fn local_rules(dir: &Path) -> Vec<RuleText> {
    let mut rules = Vec::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(folder) = waiting.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            // nobody has added rules yet
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => continue,
            Err(problem) => {
                tracing::warn!(folder = %folder.display(), %problem, "a folder of rules cannot be read");
                continue;
            }
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                // a package that is half written, or on its way out
                if !crate::rules::is_set_aside(&path) {
                    waiting.push(path);
                }
            } else if rules.len() >= FILES_MAX {
                tracing::warn!(limit = FILES_MAX, "more rule files than are read");
                return rules;
            } else {
                rules.extend(local_rule(&path));
            }
        }
    }
    rules.sort_by(|a: &RuleText, b| a.path.cmp(&b.path));
    rules
}

fn local_rule(path: &PathBuf) -> Option<RuleText> {
    if !path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
        return None;
    }
    let read = std::fs::metadata(path).and_then(|about| {
        if about.len() > FILE_BYTES_MAX {
            return Err(std::io::Error::other(format!("longer than {FILE_BYTES_MAX} bytes")));
        }
        std::fs::read_to_string(path)
    });
    match read {
        Ok(text) => Some(RuleText { path: path.display().to_string(), text, origin: RuleOrigin::Local, mark: None }),
        Err(problem) => {
            tracing::warn!(path = %path.display(), %problem, "a rule file cannot be read");
            None
        }
    }
}
