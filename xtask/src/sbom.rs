//! The bill of materials: every library that is linked into the binary.
//!
//! A CycloneDX 1.5 document made from `cargo metadata` and `Cargo.lock`. Own
//! code, because it is a page of mapping and the tool for it would have to be
//! compiled. C sources that a crate carries (SQLite, Zstandard) are listed as
//! parts of it: advisories are filed under their names, not the crate's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use crate::process::{self, Place};

/// The package whose build is described.
const SUBJECT: &str = "lazaret";

/// C sources inside crates: the crate, its library, the header and the lines that tell the version.
const BUNDLED: &[Bundled] = &[
    Bundled {
        krate: "libsqlite3-sys",
        name: "sqlite",
        licence: "blessing",
        header: "sqlite3/sqlite3.h",
        version: &["#define SQLITE_VERSION "],
        cpe: "sqlite:sqlite",
    },
    Bundled {
        krate: "zstd-sys",
        name: "zstd",
        licence: "BSD-3-Clause",
        header: "zstd/lib/zstd.h",
        version: &["#define ZSTD_VERSION_MAJOR ", "#define ZSTD_VERSION_MINOR ", "#define ZSTD_VERSION_RELEASE "],
        cpe: "facebook:zstandard",
    },
];

/// A C library whose sources a crate carries.
struct Bundled {
    krate: &'static str,
    name: &'static str,
    licence: &'static str,
    header: &'static str,
    version: &'static [&'static str],
    cpe: &'static str,
}

/// What a bill is made from.
pub struct Source {
    packages: BTreeMap<String, Value>,
    /// What each package is built from, normal and build dependencies.
    edges: BTreeMap<String, BTreeSet<String>>,
    checksums: BTreeMap<(String, String), String>,
}

/// The binary that a bill is for.
pub struct Subject<'a> {
    /// Its SHA-256.
    pub sha256: &'a str,
    /// When its source was made, RFC 3339.
    pub timestamp: &'a str,
}

impl Source {
    /// Asks cargo, for this machine's platform. Errors: cargo fails, or says what we do not understand.
    pub fn read(place: &Place) -> anyhow::Result<Source> {
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let words = ["metadata", "--locked", "--format-version", "1", "--filter-platform", &platform];
        let metadata: Value = serde_json::from_str(&process::read(&mut place.cargo(&words)?)?)?;
        let lock = std::fs::read_to_string(place.root.join("Cargo.lock")).context("Cargo.lock cannot be read")?;
        Source::from(&metadata, &lock).context("cargo metadata is not as we know it")
    }

    fn from(metadata: &Value, lock: &str) -> Option<Source> {
        let packages = metadata["packages"].as_array()?.iter();
        let packages =
            packages.map(|one| Some((one["id"].as_str()?.to_string(), one.clone()))).collect::<Option<_>>()?;
        let nodes = metadata["resolve"]["nodes"].as_array()?.iter();
        let edges =
            nodes.map(|node| Some((node["id"].as_str()?.to_string(), edges_of(node)?))).collect::<Option<_>>()?;
        Some(Source { packages, edges, checksums: checksums(lock) })
    }

    /// The document, the same for the same input; pretty, because people read it too.
    pub fn document(&self, subject: Option<&Subject>) -> anyhow::Result<String> {
        let root = self.packages.iter().find(|(_, one)| one["name"] == SUBJECT).map(|(id, _)| id.as_str());
        let root = root.context("there is no package lazaret")?;
        let linked = self.reached_from(root);
        let mut main = self.component(root)?;
        main["type"] = json!("application");
        let mut metadata = json!({ "component": main, "tools": { "components": [
            { "type": "application", "name": "cargo xtask dist", "version": env!("CARGO_PKG_VERSION") },
        ]}});
        if let Some(subject) = subject {
            metadata["timestamp"] = json!(subject.timestamp);
            metadata["component"]["hashes"] = json!([{ "alg": "SHA-256", "content": subject.sha256 }]);
        }
        let components: Vec<Value> =
            linked.iter().filter(|id| **id != root).map(|id| self.component(id)).collect::<anyhow::Result<_>>()?;
        let dependencies: Vec<Value> = linked.iter().map(|id| self.dependency(id)).collect::<anyhow::Result<_>>()?;
        let document = json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": metadata,
            "components": components,
            "dependencies": dependencies,
        });
        Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
    }

    fn reached_from<'a>(&'a self, root: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![root];
        while let Some(id) = waiting.pop() {
            if reached.insert(id) {
                waiting.extend(self.edges.get(id).into_iter().flatten().map(String::as_str));
            }
        }
        reached
    }

    fn component(&self, id: &str) -> anyhow::Result<Value> {
        let package = self.packages.get(id).with_context(|| format!("cargo does not describe {id}"))?;
        let text = |key: &str| package[key].as_str().with_context(|| format!("{id} has no {key}"));
        let (name, version) = (text("name")?, text("version")?);
        let mut component = json!({
            "type": "library",
            "bom-ref": purl(name, version),
            "name": name,
            "version": version,
            "purl": purl(name, version),
            "licenses": [{ "expression": expression(text("license")?) }],
        });
        if let Some(about) = package["description"].as_str() {
            component["description"] = json!(about.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        if let Some(url) = package["repository"].as_str() {
            component["externalReferences"] = json!([{ "type": "vcs", "url": url }]);
        }
        if let Some(checksum) = self.checksums.get(&(name.to_string(), version.to_string())) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        if let Some(bundled) = BUNDLED.iter().find(|bundled| bundled.krate == name) {
            component["components"] = json!([bundled.component(Path::new(text("manifest_path")?))?]);
        }
        Ok(component)
    }

    fn dependency(&self, id: &str) -> anyhow::Result<Value> {
        let name = |id: &String| {
            let package = self.packages.get(id).with_context(|| format!("cargo does not describe {id}"))?;
            anyhow::Ok(purl(
                package["name"].as_str().unwrap_or_default(),
                package["version"].as_str().unwrap_or_default(),
            ))
        };
        let below = self.edges.get(id).into_iter().flatten();
        let below: BTreeSet<String> = below.map(name).collect::<anyhow::Result<_>>()?;
        Ok(json!({ "ref": name(&id.to_string())?, "dependsOn": below }))
    }
}

impl Bundled {
    fn component(&self, manifest: &Path) -> anyhow::Result<Value> {
        let header = manifest.with_file_name("").join(self.header);
        let text = std::fs::read_to_string(&header).with_context(|| format!("{} cannot be read", header.display()))?;
        let version = self.version_in(&text).with_context(|| format!("{} tells no version", header.display()))?;
        let name = self.name;
        Ok(json!({
            "type": "library",
            "bom-ref": format!("pkg:generic/{name}@{version}"),
            "name": name,
            "version": version,
            "purl": format!("pkg:generic/{name}@{version}"),
            "cpe": format!("cpe:2.3:a:{}:{version}:*:*:*:*:*:*:*", self.cpe),
            "licenses": [{ "expression": self.licence }],
        }))
    }

    fn version_in(&self, header: &str) -> Option<String> {
        let value = |start: &&str| header.lines().find_map(|line| Some(line.trim_start().strip_prefix(*start)?.trim()));
        let numbers: Vec<&str> = self.version.iter().map(value).collect::<Option<_>>()?;
        Some(numbers.join(".").trim_matches('"').to_string())
    }
}

/// What is linked in or decides what is: not what only tests need.
fn edges_of(node: &Value) -> Option<BTreeSet<String>> {
    let wanted = |dependency: &&Value| {
        let kinds = dependency["dep_kinds"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"] != "dev"))
    };
    let dependencies = node["deps"].as_array()?.iter().filter(wanted);
    dependencies.map(|one| Some(one["pkg"].as_str()?.to_string())).collect()
}

/// The hash of every crate's archive, by name and version, from the lock file.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        line.map(|text| text.trim_matches('"').to_string())
    };
    let entry = |block: &str| Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?));
    lock.split("[[package]]").filter_map(entry).collect()
}

/// A crate's package URL; `+` of a version must be escaped.
fn purl(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

/// Old manifests write `MIT/Apache-2.0`, which is no SPDX expression.
fn expression(licence: &str) -> String {
    licence.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Output;

    fn checkout() -> Place {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf();
        Place { root, output: Output::Table }
    }

    /// What the schema of CycloneDX 1.5 demands, and what makes a bill useful.
    #[test]
    fn the_bill_is_complete_and_well_formed() {
        let source = Source::read(&checkout()).unwrap();
        let subject = Subject { sha256: &"ab".repeat(32), timestamp: "2026-11-25T00:00:00Z" };
        let bill: Value = serde_json::from_str(&source.document(Some(&subject)).unwrap()).unwrap();
        assert_eq!(
            (&bill["bomFormat"], &bill["specVersion"], &bill["version"]),
            (&json!("CycloneDX"), &json!("1.5"), &json!(1))
        );
        assert_eq!(bill["metadata"]["component"]["name"], "lazaret");
        let components = bill["components"].as_array().unwrap();
        assert!(components.len() > 100, "{}", components.len());
        let mut references = BTreeSet::from([bill["metadata"]["component"]["bom-ref"].as_str().unwrap()]);
        for one in components {
            let reference = one["bom-ref"].as_str().unwrap();
            assert!(references.insert(reference), "{reference} twice");
            assert_eq!(one["type"], "library");
            assert!(one["purl"].as_str().unwrap().starts_with("pkg:cargo/"), "{reference}");
            assert!(!one["licenses"][0]["expression"].as_str().unwrap().contains('/'), "{reference}");
            let outside = one["externalReferences"][0]["url"].is_string() && one["version"] != "0.1.0";
            let hash = one["hashes"][0]["content"].as_str().unwrap_or_default();
            assert!(!outside || hash.len() == 64, "{reference} has no hash");
        }
        for one in bill["dependencies"].as_array().unwrap() {
            assert!(references.contains(one["ref"].as_str().unwrap()));
            assert!(one["dependsOn"].as_array().unwrap().iter().all(|id| references.contains(id.as_str().unwrap())));
        }
    }

    #[test]
    fn what_only_tests_use_is_left_out_and_bundled_c_is_named() {
        let bill = Source::read(&checkout()).unwrap().document(None).unwrap();
        assert!(!bill.contains("pkg:cargo/proptest@") && !bill.contains("pkg:cargo/testkit@"));
        for name in ["pkg:generic/sqlite@3.", "pkg:generic/zstd@1.", "cpe:2.3:a:sqlite:sqlite:3."] {
            assert!(bill.contains(name), "{name}");
        }
    }

    #[test]
    fn licences_become_expressions_and_versions_are_escaped() {
        assert_eq!(expression("MIT / Apache-2.0"), "MIT OR Apache-2.0");
        assert_eq!(purl("zstd-sys", "2.0.0+zstd.1.5"), "pkg:cargo/zstd-sys@2.0.0%2Bzstd.1.5");
    }
}
