//! An erasure: which events must go, written down so that a restore from an older backup repeats it. What it looks for
//! is itself personal, so it is kept only sealed to the key of the backups, signed by the node, and never in clear.
//! A module of its own because the command erases, backups carry the list, and a restore repeats it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use domain::party::NodeId;
use eventstore::{Erased, EventLog, StoredEvent};
use jiff::Timestamp;
use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::backup::{Identity, Recipient, age, manifest};

/// The version of the stored form.
const FORMAT: u16 = 1;
/// The most identifiers of one erasure, and the shortest: shorter ones would meet everybody.
const IDENTIFIERS_MAX: usize = 1_000;
const IDENTIFIER_CHARS_MIN: usize = 4;
/// The largest automaton they are looked for with. Units: bytes.
const AUTOMATON_BYTES_MAX: usize = 64 << 20;
/// The folder of the data directory where erasures wait, sealed.
pub(crate) const FOLDER: &str = "erasures";

/// Which events must go: all that every condition given here holds for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    format: u16,
    /// Whose events.
    pub node: NodeId,
    /// When it was ordered.
    pub at: Timestamp,
    /// Received at or after.
    pub from: Option<Timestamp>,
    /// Received before; never later than it was ordered.
    pub to: Timestamp,
    /// From the source of this number only.
    pub source: Option<u32>,
    /// That contain one of these; empty: all.
    pub identifiers: Vec<String>,
}

impl Erasure {
    /// Orders one. Errors: an identifier that is too short, or too many.
    pub fn new(
        node: NodeId,
        at: Timestamp,
        period: (Option<Timestamp>, Option<Timestamp>),
        source: Option<u32>,
        identifiers: Vec<String>,
    ) -> anyhow::Result<Self> {
        anyhow::ensure!(identifiers.len() <= IDENTIFIERS_MAX, "at most {IDENTIFIERS_MAX} identifiers at once");
        for identifier in &identifiers {
            let long = identifier.chars().count() >= IDENTIFIER_CHARS_MIN;
            anyhow::ensure!(long, "{identifier:?} is too short: it would erase events about anybody");
        }
        let (from, to) = (period.0, period.1.unwrap_or(at).min(at));
        Ok(Self { format: FORMAT, node, at, from, to, source, identifiers })
    }

    /// Counts what would go, or erases it.
    pub fn run(&self, log: &EventLog, doing: Doing) -> anyhow::Result<Erased> {
        let finder = self.finder()?;
        let goes = |event: &StoredEvent<'_>| self.goes(event, finder.as_ref());
        Ok(match doing {
            Doing::Counting => log.find_erasable(goes)?,
            Doing::Erasing => log.erase(goes)?,
        })
    }

    fn goes(&self, event: &StoredEvent<'_>, finder: Option<&Regex>) -> bool {
        let after = self.from.is_none_or(|from| event.received_at >= from.as_microsecond());
        let of_source = self.source.is_none_or(|source| event.source == source);
        after
            && event.received_at < self.to.as_microsecond()
            && of_source
            && finder.is_none_or(|finder| finder.is_match(event.bytes))
    }

    /// Whole words, in any case, also as JSON escapes letters beyond ASCII.
    fn finder(&self) -> anyhow::Result<Option<Regex>> {
        if self.identifiers.is_empty() {
            return Ok(None);
        }
        let mut words: Vec<String> = Vec::new();
        for identifier in &self.identifiers {
            words.push(regex::escape(identifier));
            if !identifier.is_ascii() {
                words.push(regex::escape(&json_escaped(identifier)));
            }
        }
        let edge = "(?-u:[^0-9A-Za-z])";
        let pattern = format!("(?:^|{edge})(?:{})(?:{edge}|$)", words.join("|"));
        let finder = RegexBuilder::new(&pattern).case_insensitive(true).size_limit(AUTOMATON_BYTES_MAX).build();
        Ok(Some(finder.context("these identifiers are too many or too long to look for at once")?))
    }

    /// Keeps it sealed in the data directory until a backup carries it.
    pub fn keep(&self, data_dir: &Path, recipient: &Recipient, keys: &app::Keys) -> anyhow::Result<PathBuf> {
        let folder = data_dir.join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        let mut sealed = Vec::new();
        age::seal(recipient, manifest::signed(self, keys)?.as_slice(), &mut sealed)?;
        let name = format!("{}-{}.age", self.at.as_microsecond(), domain::record::hex(&app::random::<4>()?));
        let path = folder.join(name);
        crate::data_dir::write_new(&path, &sealed, 0o600)?;
        Ok(path)
    }

    /// Opens one that was kept. Errors: another key, or it was changed, or another node ordered it.
    pub fn open(sealed: &[u8], identity: &Identity, node: &NodeId) -> anyhow::Result<Self> {
        let mut bytes = Vec::new();
        age::open(identity, sealed, &mut bytes)?;
        let (erasure, signer): (Self, NodeId) = manifest::verified(&bytes)?;
        anyhow::ensure!(signer == *node && erasure.node == *node, "it was not ordered by this node");
        anyhow::ensure!(erasure.format == FORMAT, "it was written by a newer lazaret");
        Ok(erasure)
    }
}

/// Whether an erasure is tried or done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Nothing is changed.
    Counting,
    /// It cannot be undone.
    Erasing,
}

/// As JSON writes letters beyond ASCII where it stays within it.
fn json_escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if letter.is_ascii() {
            out.push(letter);
        } else {
            let mut units = [0; 2];
            out.extend(letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(identifiers: &[&str], text: &str) -> bool {
        let words = identifiers.iter().map(|word| (*word).to_owned()).collect();
        let node = NodeId("ab".to_owned());
        let erasure = Erasure::new(node, Timestamp::UNIX_EPOCH, (None, None), None, words).unwrap();
        erasure.finder().unwrap().unwrap().is_match(text.as_bytes())
    }

    #[test]
    fn whole_words_in_any_case_and_as_json_writes_them() {
        assert!(gone(&["PAT4711"], r#"{"id":"pat4711"}"#) && gone(&["PAT4711"], "PAT4711"));
        assert!(!gone(&["4711"], "case 14711") && !gone(&["4711"], "47110") && gone(&["4711"], "case-4711,"));
        assert!(gone(&["Müller"], "name=müller;") && gone(&["Müller"], r#"{"n":"M\u00fcller"}"#));
        assert!(gone(&["1234", "12345"], "no 12345."), "the longer one counts too");
        assert!(gone(&["a.b@c.example"], "to <a.b@c.example>") && !gone(&["a.b@c.example"], "axb@c.example"));
        let short = Erasure::new(NodeId("ab".to_owned()), Timestamp::UNIX_EPOCH, (None, None), None, vec!["12".into()]);
        assert!(short.unwrap_err().to_string().contains("too short"));
    }

    #[test]
    fn a_kept_erasure_opens_for_its_node_and_key_only() {
        let (keys, other) = (app::Keys::generate().unwrap(), app::Keys::generate().unwrap());
        let (identity, dir) = (Identity::generate().unwrap(), tempfile::tempdir().unwrap());
        let words = vec!["patient-4711".to_owned()];
        let erasure = Erasure::new(keys.node_id(), Timestamp::UNIX_EPOCH, (None, None), Some(3), words).unwrap();
        let path = erasure.keep(dir.path(), &identity.recipient(), &keys).unwrap();
        let sealed = std::fs::read(path).unwrap();
        assert!(!sealed.windows(4).any(|part| part == b"4711"), "never in clear");
        assert_eq!(Erasure::open(&sealed, &identity, &keys.node_id()).unwrap(), erasure);
        assert!(Erasure::open(&sealed, &identity, &other.node_id()).is_err());
        let forged = erasure.keep(dir.path(), &identity.recipient(), &other).unwrap();
        assert!(Erasure::open(&std::fs::read(forged).unwrap(), &identity, &keys.node_id()).is_err());
    }
}
