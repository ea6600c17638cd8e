//! What a node's use cases get from content: the built-in rules, mappings, warninglists and suppliers, and the
//! operator's rules beside them. A file of its own because content knows no use case and use cases read no file.

use std::path::{Path, PathBuf};

use app::SupplierList;
use app::suppliers::{ProductEntry, SupplierEntry};
use detect::sigma::{RuleOrigin, RuleText};

use crate::content::suppliers::Supplier;
use crate::content::{Content, FILE_BYTES_MAX, FILES_MAX};

/// The built-in content with an operator's rules and further suppliers beside it. What cannot be read of the
/// operator's rules is logged and left out.
pub fn content(rules_dir: Option<&Path>, more_suppliers: &[Supplier]) -> anyhow::Result<app::Content> {
    let built_in = Content::builtin();
    let warninglists =
        built_in.under("warninglists").filter(|(path, _)| path.ends_with(".txt")).map(|(_, text)| text.to_owned());
    let mut suppliers = suppliers()?;
    suppliers.suppliers.extend(more_suppliers.iter().map(entry));
    Ok(app::Content {
        rules: rules(rules_dir),
        mappings: built_in.mappings(),
        warninglists: warninglists.collect(),
        suppliers,
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
            Err(problem) => {
                tracing::warn!(folder = %folder.display(), %problem, "a folder of rules cannot be read");
                continue;
            }
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                waiting.push(path);
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
