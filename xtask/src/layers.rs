//! The direction of the crates, and what each may pull in from outside.
//!
//! Read from `cargo metadata` and `cargo tree`, not from the source text: what
//! counts is what is linked. The text rules are in `sources`.

use std::collections::BTreeSet;

use anyhow::Context;
use serde_json::Value;

use crate::process::{self, Place};

/// One breach of a rule: where it is, what it is, and what to do instead.
#[derive(Debug, PartialEq, Eq)]
pub struct Breach {
    /// A path in the checkout, with the line where there is one.
    pub place: String,
    /// What is there.
    pub what: String,
    /// What to do instead.
    pub instead: String,
}

impl std::fmt::Display for Breach {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}\n    instead: {}", self.place, self.what, self.instead)
    }
}

/// A crate's place in the house: the own crates that it may use.
struct Floor {
    name: &'static str,
    may_use: &'static [&'static str],
}

/// The brief's direction, `lazaret → web | connect → app → store | eventstore |
/// detect | standards | paper → domain`, with what is narrower than that.
const HOUSE: &[Floor] = &[
    Floor { name: "domain", may_use: &[] },
    Floor { name: "detect", may_use: &["domain"] },
    Floor { name: "standards", may_use: &["domain"] },
    Floor { name: "eventstore", may_use: &["domain"] },
    Floor { name: "store", may_use: &["domain"] },
    Floor { name: "paper", may_use: &["domain"] },
    Floor { name: "app", may_use: &["detect", "domain", "eventstore", "paper", "standards", "store"] },
    Floor { name: "web", may_use: &["app", "domain"] },
    Floor { name: "connect", may_use: &["app", "domain", "standards"] },
    Floor {
        name: "lazaret",
        may_use: &["app", "connect", "detect", "domain", "eventstore", "paper", "standards", "store", "web"],
    },
];

/// Crates that only tests use; no product crate may link them.
const FOR_TESTS: &[&str] = &["testkit", "readers"];

/// Crates that do no I/O, read no clock and spawn nothing.
const PURE: &[&str] = &["domain", "detect", "standards", "paper"];

/// What a pure crate may not pull in anywhere in its tree: name (or its
/// beginning, with `*`), and what it is.
const IMPURE: &[(&str, &str)] = &[
    ("tokio*", "an async runtime"),
    ("async-std", "an async runtime"),
    ("async-io", "an async runtime"),
    ("async-executor", "an async runtime"),
    ("smol", "an async runtime"),
    ("futures-executor", "an async runtime"),
    ("mio", "sockets"),
    ("socket2", "sockets"),
    ("hyper*", "sockets"),
    ("h2", "sockets"),
    ("axum*", "sockets"),
    ("reqwest", "sockets"),
    ("quinn*", "sockets"),
    ("rustls", "sockets"),
    ("sqlx*", "SQL"),
    ("libsqlite3-sys", "SQL"),
    ("rusqlite", "SQL"),
    ("postgres*", "SQL"),
];

/// Outside crates with one home: name, the crates that may depend on it directly, and what to do.
const HOMES: &[(&str, &[&str], &str)] = &[
    ("sqlx", &["store"], "ask store for a function that says what you want"),
    ("axum", &["web", "connect", "lazaret", "testkit"], "listen in connect, web or lazaret"),
    ("hyper", &["web", "connect", "lazaret", "testkit"], "listen in connect, web or lazaret"),
    ("reqwest", &["connect", "lazaret", "testkit"], "call out in connect"),
    ("anyhow", &["lazaret", "xtask"], "a thiserror enum of the crate: its callers must be able to match"),
    ("clap", &["lazaret"], "read the command line in lazaret and pass the decided value"),
    ("askama", &["web"], "templates live in web"),
    ("evtx", &["detect"], "decoders live in detect"),
];

/// All breaches of the crate direction.
pub fn breaches(place: &Place) -> anyhow::Result<Vec<Breach>> {
    let mut metadata = place.cargo(&["metadata", "--format-version", "1", "--no-deps"])?;
    let metadata = process::read(metadata.arg("--locked"))?;
    let metadata = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    let edges = edges(&metadata);
    let mut breaches: Vec<Breach> = edges.iter().filter_map(breach).collect();
    for name in PURE {
        if edges.iter().any(|edge| edge.from == *name) {
            let tree = ["tree", "--locked", "--package", name, "--edges", "normal,build"];
            let mut tree = place.cargo(&tree)?;
            let tree = process::read(tree.args(["--prefix", "none", "--format", "{p}"]))?;
            breaches.extend(impurities(name, &tree));
        }
    }
    Ok(breaches)
}

/// A direct dependency of one of our crates.
struct Edge {
    from: String,
    to: String,
    manifest: String,
    only_tests: bool,
}

fn edges(metadata: &Value) -> Vec<Edge> {
    let root = metadata["workspace_root"].as_str().unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut edges = Vec::new();
    for package in packages {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let manifest = manifest.trim_start_matches(root).trim_start_matches('/');
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            edges.push(Edge {
                from: package["name"].as_str().unwrap_or_default().to_string(),
                to: dependency["name"].as_str().unwrap_or_default().to_string(),
                manifest: manifest.to_string(),
                only_tests: dependency["kind"] == "dev",
            });
        }
    }
    edges
}

/// What is wrong with one direct dependency, if anything.
fn breach(edge: &Edge) -> Option<Breach> {
    let said = |what: String, instead: String| {
        let place = edge.manifest.clone();
        Some(Breach { place, what, instead })
    };
    let Edge { from, to, only_tests, .. } = edge;
    let for_tests = FOR_TESTS.contains(&from.as_str());
    if let Some((_, homes, instead)) = HOMES.iter().find(|(name, ..)| name == to)
        && !homes.contains(&from.as_str())
        && !only_tests
    {
        let what = format!("{from} depends on {to}, which belongs to {}", homes.join(", "));
        return said(what, (*instead).to_string());
    }
    let ours = HOUSE.iter().any(|floor| floor.name == to) || FOR_TESTS.contains(&to.as_str());
    if !ours || for_tests {
        return None;
    }
    if FOR_TESTS.contains(&to.as_str()) {
        let instead = format!("move {to} to [dev-dependencies]");
        let what = format!("{from} links {to}, which is for tests only");
        return if *only_tests { None } else { said(what, instead) };
    }
    let Some(floor) = HOUSE.iter().find(|floor| floor.name == from) else {
        let what = format!("{from} has no place in the house");
        let instead = "say in xtask/src/layers.rs what it may use, and in ARCHITECTURE.md why";
        return said(what, instead.to_string());
    };
    if floor.may_use.contains(&to.as_str()) || (*only_tests && stands_below(to, floor)) {
        return None;
    }
    let may_use = match floor.may_use {
        [] => "none of our crates".to_string(),
        some => some.join(", "),
    };
    let what = format!("{from} depends on {to}; it may use {may_use}");
    let instead = "move the code down to where both can see it, or pass a value in from above";
    said(what, instead.to_string())
}

/// Whether a crate is anywhere below a floor: its tests may build what the crate itself only sees through others.
fn stands_below(name: &str, floor: &Floor) -> bool {
    let floors = HOUSE.iter().filter(|other| floor.may_use.contains(&other.name));
    floor.may_use.contains(&name) || floors.into_iter().any(|other| stands_below(name, other))
}

/// The impure crates in one pure crate's tree.
fn impurities(name: &str, tree: &str) -> Vec<Breach> {
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let is = |pattern: &str, found: &str| match pattern.strip_suffix('*') {
        Some(beginning) => found.starts_with(beginning),
        None => found == pattern,
    };
    let mut breaches = Vec::new();
    for found in crates {
        if let Some((_, kind)) = IMPURE.iter().find(|(pattern, _)| is(pattern, found)) {
            breaches.push(Breach {
                place: format!("crates/{name}/Cargo.toml"),
                what: format!("{name} is pure but pulls in {found} ({kind})"),
                instead: format!("see `cargo tree -p {name} -i {found}`; drop it or its feature"),
            });
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, to: &str, only_tests: bool, expected: Option<&str>) {
        let edge = Edge {
            from: from.to_string(),
            to: to.to_string(),
            manifest: format!("crates/{from}/Cargo.toml"),
            only_tests,
        };
        let found = breach(&edge).map(|breach| breach.what);
        assert_eq!(found.as_deref(), expected, "{from} -> {to}");
    }

    #[test]
    fn crates_use_only_what_is_below_them() {
        check("app", "store", false, None);
        check("web", "domain", false, None);
        check("web", "store", false, Some("web depends on store; it may use app, domain"));
        check("domain", "app", false, Some("domain depends on app; it may use none of our crates"));
        check("detect", "standards", true, Some("detect depends on standards; it may use domain"));
        check("surprise", "app", false, Some("surprise has no place in the house"));
    }

    #[test]
    fn what_is_for_tests_stays_in_tests() {
        check("app", "testkit", true, None);
        check("web", "store", true, None);
        check("store", "app", true, Some("store depends on app; it may use domain"));
        check("app", "testkit", false, Some("app links testkit, which is for tests only"));
        check("testkit", "lazaret", false, None);
    }

    #[test]
    fn outside_crates_have_one_home() {
        check("store", "sqlx", false, None);
        check("app", "sqlx", false, Some("app depends on sqlx, which belongs to store"));
        check("app", "serde", false, None);
    }

    #[test]
    fn a_pure_tree_has_no_runtime_in_it() {
        let tree = "domain v0.1.0 (/somewhere)\nserde v1.0.0\ntokio-util v0.7.0\n";
        let found: Vec<String> = impurities("domain", tree).into_iter().map(|b| b.what).collect();
        assert_eq!(found, ["domain is pure but pulls in tokio-util (an async runtime)"]);
    }
}
