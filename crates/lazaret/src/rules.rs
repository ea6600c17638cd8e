//! The operator's rules on disk: one folder a package below the node's rules directory, each with a note of where it
//! came from. A file of its own because the running node, `rules add`, `list` and `remove` must agree on the layout.

pub mod gather;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use detect::sigma::{RuleOrigin, RuleSet, RuleText};
use domain::telemetry::Level;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use gather::Gathered;

/// The note in each package.
const NOTE: &str = "package.json";
/// The longest name of a package, in characters.
const NAME_CHARS_MAX: usize = 60;

/// What stands in a package's note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Format of this note.
    pub format: u32,
    /// The package's name, which is its folder's.
    pub name: String,
    /// Where it was taken from: a path or an address.
    pub from: String,
    /// When.
    pub added_at: Timestamp,
    /// How many rule files it holds.
    pub files: u64,
    /// How many rules they hold.
    pub rules: u64,
    /// Only these levels were taken; empty means all.
    pub levels: Vec<Level>,
}

/// Rule files with what becomes of them.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Files with at least one rule that loads and is of a wanted level.
    pub taken: Vec<Gathered>,
    /// Files left out because their rules are of other levels.
    pub other_levels: u64,
    /// Files left out because nothing in them loads.
    pub broken: u64,
    /// What does not load, and why.
    pub problems: Vec<String>,
    /// How many rules and correlations the taken files hold.
    pub rules: u64,
}

/// Sorts rule files: by level, and whether they load. Filters are taken with any level.
pub fn sort(files: Vec<Gathered>, levels: &[Level]) -> Sorted {
    let mut sorted = Sorted::default();
    // all together first: filters and correlations name rules of other files
    let (all, problems) = RuleSet::parse(&texts(&files));
    let broken_paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    sorted.problems = problems.iter().map(ToString::to_string).collect();
    let mut by_path: std::collections::BTreeMap<&str, Vec<Level>> = std::collections::BTreeMap::new();
    for meta in all.rules().iter().map(|rule| &rule.meta).chain(all.correlations().iter().map(|one| &one.meta)) {
        by_path.entry(&meta.path).or_default().push(meta.level);
    }
    for file in files {
        match by_path.get(file.path.as_str()) {
            Some(held) if levels.is_empty() || held.iter().any(|level| levels.contains(level)) => {
                sorted.rules += held.len() as u64;
                sorted.taken.push(file);
            }
            Some(_) => sorted.other_levels += 1,
            None if broken_paths.contains(&file.path.as_str()) => sorted.broken += 1,
            None => sorted.taken.push(file),
        }
    }
    sorted
}

/// Gathered files as the engine reads them.
pub fn texts(files: &[Gathered]) -> Vec<RuleText> {
    let text = |file: &Gathered| RuleText {
        path: file.path.clone(),
        text: file.text.clone(),
        origin: RuleOrigin::Local,
        mark: None,
    };
    files.iter().map(text).collect()
}

/// A package's name out of where it comes from: the last part, without its endings.
pub fn name_from(from: &str) -> String {
    let last = from.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let last = last.split(['?', '#']).next().unwrap_or_default();
    let stem = [".tar.gz", ".tgz", ".zip", ".tar", ".yml", ".yaml"]
        .iter()
        .find_map(|ending| last.strip_suffix(ending))
        .unwrap_or(last);
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = stem.chars().map(plain).take(NAME_CHARS_MAX).collect();
    let name = name.trim_matches(['.', '-']).to_owned();
    if name.is_empty() { "rules".to_owned() } else { name }
}

/// Whether a text can name a package: what [`name_from`] would make of it.
fn checked(name: &str) -> Result<&str> {
    ensure!(
        !name.is_empty() && name_from(&format!("{name}/")) == name,
        "{name:?} cannot name a package: use letters, digits, '-', '_' and '.'"
    );
    Ok(name)
}

/// Puts a package into the rules directory, in one step: either all of it is there or nothing. A package of the same
/// name is replaced.
pub fn install(rules_dir: &Path, package: &Package, files: &[Gathered]) -> Result<()> {
    let name = checked(&package.name)?;
    fs::create_dir_all(rules_dir).with_context(|| format!("cannot make {}", rules_dir.display()))?;
    // names that begin with a dot are not read as rules
    let (new, old) = (rules_dir.join(format!(".new-{name}")), rules_dir.join(format!(".old-{name}")));
    let place = rules_dir.join(name);
    remove_folder(&new)?;
    remove_folder(&old)?;
    write_all(&new, package, files).inspect_err(|_| _ = remove_folder(&new))?;
    if place.exists() {
        fs::rename(&place, &old).with_context(|| format!("cannot replace {}", place.display()))?;
    }
    if let Err(problem) = fs::rename(&new, &place) {
        // what was there before comes back
        let _ = fs::rename(&old, &place);
        bail!("cannot put {} in place: {problem}", place.display());
    }
    fs::File::open(rules_dir).and_then(|folder| folder.sync_all())?;
    remove_folder(&old)
}

fn write_all(new: &Path, package: &Package, files: &[Gathered]) -> Result<()> {
    for file in files {
        let path = new.join(&file.inside);
        let folder = path.parent().unwrap_or(new);
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        write_synced(&path, file.text.as_bytes())?;
    }
    write_synced(&new.join(NOTE), serde_json::to_string_pretty(package)?.as_bytes())
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    let write = || {
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_data()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => {
            Err(problem).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// The packages in the rules directory, by name.
pub fn packages(rules_dir: &Path) -> Result<Vec<Package>> {
    let entries = match fs::read_dir(rules_dir) {
        Ok(entries) => entries,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(problem) => return Err(problem).with_context(|| format!("cannot read {}", rules_dir.display())),
    };
    let mut packages = Vec::new();
    for entry in entries {
        let folder = entry?.path();
        let note = folder.join(NOTE);
        if is_set_aside(&folder) || !note.is_file() {
            continue;
        }
        let text = fs::read_to_string(&note).with_context(|| format!("cannot read {}", note.display()))?;
        packages.push(serde_json::from_str(&text).with_context(|| format!("cannot read {}", note.display()))?);
    }
    packages.sort_by(|one: &Package, other: &Package| one.name.cmp(&other.name));
    Ok(packages)
}

/// Takes a package away. Errors: there is none of this name.
pub fn remove(rules_dir: &Path, name: &str) -> Result<Package> {
    let name = checked(name)?;
    let known = packages(rules_dir)?;
    let Some(package) = known.iter().find(|package| package.name == name) else {
        let names: Vec<&str> = known.iter().map(|package| package.name.as_str()).collect();
        bail!(
            "there is no package {name:?}; there are: {}",
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        );
    };
    let old = rules_dir.join(format!(".old-{name}"));
    remove_folder(&old)?;
    fs::rename(rules_dir.join(name), &old).with_context(|| format!("cannot remove {name}"))?;
    remove_folder(&old)?;
    Ok(package.clone())
}

/// Whether a folder is half written or on its way out.
pub fn is_set_aside(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// The rules directory of a node, as the command line names it.
pub fn dir_of(config: &crate::config::Config) -> PathBuf {
    config.rules_dir.clone().unwrap_or_else(|| config.data_dir.join("rules"))
}

#[cfg(test)]
mod tests;
