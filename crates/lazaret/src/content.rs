//! What changes without a compiler: rules, mappings, suppliers, warninglists, the ordinary day, scenarios.
//! A file of its own because everything else asks here for content and never cares whether it is built in or laid over it.
//!
//! Built-in content is trusted with the binary. A directory given in the configuration replaces files of the same path
//! and adds others. What is *not* here: the meaning of a rule or mapping (`detect`).

pub mod cast;
pub mod check;
pub mod condition;
pub mod line;
pub mod moment;
pub mod mutate;
pub mod names;
pub mod ordinary_day;
pub mod random;
pub mod samples;
pub mod scenario;
pub mod suppliers;
pub mod template;
pub mod warninglist;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use detect::engine::{RuleOrigin, RuleText};

pub use check::{Args, run};

include!(concat!(env!("OUT_DIR"), "/content_table.rs"));

/// The most files a content directory may hold.
pub const FILES_MAX: usize = 20_000;
/// The largest content file, in bytes.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Content files by path, such as `rules/h05-audit-recording-stopped.yml`.
#[derive(Debug, Clone)]
pub struct Content {
    files: BTreeMap<String, Cow<'static, str>>,
}

impl Content {
    /// The content built into this binary.
    pub fn builtin() -> Self {
        Self { files: FILES.iter().map(|(path, text)| ((*path).to_owned(), Cow::Borrowed(*text))).collect() }
    }

    /// The built-in content with a directory laid over it: same path replaces, other paths are added.
    /// Limits: [`FILES_MAX`] files of [`FILE_BYTES_MAX`] bytes. Errors name the file.
    pub fn with_directory(directory: &Path) -> Result<Self> {
        let mut content = Self::builtin();
        content.add_directory(directory)?;
        Ok(content)
    }

    /// Only what a directory holds, for checking it on its own.
    pub fn from_directory(directory: &Path) -> Result<Self> {
        let mut content = Self { files: BTreeMap::new() };
        content.add_directory(directory)?;
        Ok(content)
    }

    fn add_directory(&mut self, directory: &Path) -> Result<()> {
        let mut waiting = vec![directory.to_owned()];
        while let Some(folder) = waiting.pop() {
            let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
            for entry in entries {
                let entry = entry.with_context(|| format!("reading {}", folder.display()))?;
                let path = entry.path();
                if entry.file_type().with_context(|| path.display().to_string())?.is_dir() {
                    waiting.push(path);
                    continue;
                }
                let bytes = entry.metadata().with_context(|| path.display().to_string())?.len();
                ensure!(bytes <= FILE_BYTES_MAX, "{}: {bytes} bytes, the limit is {FILE_BYTES_MAX}", path.display());
                ensure!(self.files.len() < FILES_MAX, "{}: more than {FILES_MAX} content files", path.display());
                let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                let inside = path.strip_prefix(directory).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                self.files.insert(inside, Cow::Owned(text));
            }
        }
        Ok(())
    }

    /// One file's text.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(AsRef::as_ref)
    }

    /// All files below a folder, in order of path.
    pub fn under<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let inside = move |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        self.files.iter().filter(move |(path, _)| inside(path)).map(|(path, text)| (path.as_str(), text.as_ref()))
    }

    /// Puts one file in place of the one at that path, or adds it.
    pub fn put(&mut self, path: &str, text: String) {
        self.files.insert(path.to_owned(), Cow::Owned(text));
    }

    /// The Sigma rules of the default pack and of the named packs. A pack is a folder below `rules/`, such as
    /// `data-protection`; its rules are off unless somebody names it.
    pub fn rules(&self, packs: &[String]) -> Vec<RuleText> {
        let wanted = |path: &str| match pack(path) {
            None => true,
            Some(pack) => packs.iter().any(|named| named == pack),
        };
        let files = self.under("rules").filter(|(path, _)| path.ends_with(".yml") && wanted(path));
        files.map(|(path, text)| rule_text(path, text)).collect()
    }

    /// The Sigma rules of one pack alone.
    pub fn pack(&self, name: &str) -> Vec<RuleText> {
        let files = self.under("rules").filter(|(path, _)| path.ends_with(".yml") && pack(path) == Some(name));
        files.map(|(path, text)| rule_text(path, text)).collect()
    }

    /// The supplier list.
    pub fn suppliers(&self) -> Result<suppliers::Suppliers> {
        suppliers::Suppliers::read(self)
    }

    /// The mapping files: path and text.
    pub fn mappings(&self) -> Vec<(String, String)> {
        let files = self.under("mappings").filter(|(path, _)| path.ends_with(".toml"));
        files.map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
    }
}

/// The pack of a rule file: the folder below `rules/` that it is in.
pub(crate) fn pack(path: &str) -> Option<&str> {
    path.strip_prefix("rules/").and_then(|inside| inside.split_once('/')).map(|(folder, _)| folder)
}

/// A built-in rule file as the engine takes it.
pub(crate) fn rule_text(path: &str, text: &str) -> RuleText {
    RuleText { path: path.to_owned(), text: text.to_owned(), origin: RuleOrigin::BuiltIn, mark: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_replaces_and_adds() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("rules")).unwrap();
        fs::write(directory.path().join("rules/own.yml"), "title: own").unwrap();
        fs::write(directory.path().join("suppliers.toml"), "# mine").unwrap();
        let content = Content::with_directory(directory.path()).unwrap();
        assert_eq!(content.text("rules/own.yml"), Some("title: own"));
        assert_eq!(content.text("suppliers.toml"), Some("# mine"));
        assert!(content.text("ordinary_day/names.toml").is_some(), "built-in content stays");
        assert_eq!(Content::from_directory(directory.path()).unwrap().under("rules").count(), 1);
    }

    #[test]
    fn rules_about_staff_are_off_until_their_pack_is_named() {
        let content = Content::builtin();
        let observes = |rules: &[RuleText]| {
            rules.iter().filter(|rule| rule.text.contains("lazaret.pack: data-protection")).count()
        };
        assert_eq!(observes(&content.rules(&[])), 0);
        assert_eq!(observes(&content.rules(&["data-protection".to_owned()])), 3);
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = Content::with_directory(Path::new("/nowhere/at/all")).unwrap_err();
        assert!(format!("{error:#}").contains("/nowhere/at/all"));
    }
}
