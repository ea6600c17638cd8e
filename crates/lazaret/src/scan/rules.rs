//! Finds rule files and reads them. A file of its own because a rule directory holds other YAML too.

use std::path::{Path, PathBuf};

use anyhow::Result;
use detect::engine::{RuleOrigin, RuleSet, RuleText};

use super::Problems;
use crate::content::Content;

/// The largest rule file, in bytes.
const RULE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The most rule files.
const RULE_FILES_MAX: usize = 200_000;

/// Reads the rules below the paths, or the built-in ones where none is given.
/// Shape: unreadable files and faulty rules are told; a path that cannot be opened is one of them.
pub(super) fn load(paths: &[PathBuf], content: &Content, problems: &mut Problems) -> Result<RuleSet> {
    let mut texts = Vec::new();
    if paths.is_empty() {
        texts = content.rules(&[]);
    }
    for path in paths {
        collect(path, &mut texts, problems);
    }
    let (rules, bad) = RuleSet::parse(&texts);
    for problem in bad {
        problems.tell(&problem.to_string());
    }
    Ok(rules)
}

fn is_rule_file(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("yml") || extension.eq_ignore_ascii_case("yaml"))
}

/// A file named directly is read whatever its name; directories give their YAML files, in order.
fn collect(path: &Path, texts: &mut Vec<RuleText>, problems: &mut Problems) {
    let mut waiting = vec![path.to_owned()];
    while let Some(next) = waiting.pop() {
        if texts.len() >= RULE_FILES_MAX {
            problems.tell(&format!("{}: more than {RULE_FILES_MAX} rule files, the rest is left out", next.display()));
            return;
        }
        let is_named = next == path;
        match std::fs::metadata(&next) {
            Err(error) => problems.tell(&format!("{}: {error}", next.display())),
            Ok(about) if about.is_dir() => match entries(&next) {
                Ok(mut found) => waiting.append(&mut found),
                Err(error) => problems.tell(&format!("{}: {error}", next.display())),
            },
            Ok(about) if is_named || is_rule_file(&next) => read(&next, about.len(), is_named, texts, problems),
            Ok(_) => {}
        }
    }
}

/// The entries of a directory, last first, so that a stack gives them in order. Links to directories are not followed.
fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let is_linked_folder = entry.file_type()?.is_symlink() && entry.path().is_dir();
        if !is_linked_folder {
            found.push(entry.path());
        }
    }
    found.sort_by(|a, b| b.cmp(a));
    Ok(found)
}

fn read(path: &Path, bytes: u64, is_named: bool, texts: &mut Vec<RuleText>, problems: &mut Problems) {
    if bytes > RULE_BYTES_MAX {
        problems.tell(&format!("{}: {bytes} bytes, the limit for a rule file is {RULE_BYTES_MAX}", path.display()));
        return;
    }
    match std::fs::read_to_string(path) {
        Ok(text) if is_named || is_rule(&text) => {
            texts.push(RuleText { path: path.display().to_string(), text, origin: RuleOrigin::Local, mark: None })
        }
        Ok(_) => {}
        Err(error) => problems.tell(&format!("{}: {error}", path.display())),
    }
}

/// Whether a YAML text is a Sigma document at all: rule trees also hold test descriptions and pipelines.
pub(crate) fn is_rule(text: &str) -> bool {
    let keys = ["detection:", "correlation:", "filter:", "logsource:", "\"detection\"", "\"correlation\""];
    text.lines()
        .any(|line| keys.iter().any(|key| line.starts_with(key) || (line.starts_with('{') && line.contains(key))))
}
