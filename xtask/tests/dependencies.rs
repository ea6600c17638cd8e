//! Every outside dependency has its reason written down, and no reason has lost its dependency.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::collections::BTreeSet;
use std::path::Path;

fn text(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// The names in the workspace's dependency table that are not crates of ours.
fn declared(manifest: &str) -> BTreeSet<String> {
    manifest
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#') && !line.contains("path ="))
        .filter_map(|line| Some(line.split_once('=')?.0.trim().to_string()))
        .collect()
}

/// The names in the first column of the tables, where it is code.
fn explained(page: &str) -> BTreeSet<String> {
    page.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_string())).collect()
}

#[test]
fn every_outside_dependency_has_its_reason() {
    let declared = declared(&text("Cargo.toml"));
    let explained = explained(&text("docs/dependencies.md"));
    assert!(declared.len() > 20, "the table was not found: {declared:?}");
    let unexplained: Vec<_> = declared.difference(&explained).collect();
    assert!(
        unexplained.is_empty(),
        "docs/dependencies.md: no line for {unexplained:?}; instead: say what each saves, \
         who keeps it, its tree, its licence and what was rejected"
    );
    let gone: Vec<_> = explained.difference(&declared).collect();
    assert!(gone.is_empty(), "docs/dependencies.md: {gone:?} is no dependency any more; instead: delete its line");
}

#[test]
fn every_line_is_complete() {
    let page = text("docs/dependencies.md");
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let columns: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(columns.len(), 6, "{line}");
        assert!(columns.iter().all(|column| !column.is_empty()), "{line}");
        assert!(columns[3].parse::<u32>().is_ok(), "no tree size: {line}");
    }
}
