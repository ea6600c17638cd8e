//! What came of backups: kept where every page can say it. Making them is the binary's work; here is only what a
//! person must know.

use domain::party::Actor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{App, Error, Result};

/// The setting under which it is kept.
const BACKUPS: &str = "backups";
/// The longest text of a failure that is kept, in characters.
const WHY_CHARS_MAX: usize = 500;

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupNote(Tried);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Tried {
    Made(BackupMade),
    Failed(BackupFailed),
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupMade {
    /// When.
    pub at: Timestamp,
    /// Units: bytes, sealed.
    pub bytes: u64,
    /// Where it is.
    pub target: String,
}

/// A backup that could not be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFailed {
    /// When.
    pub at: Timestamp,
    /// Why, in the words of the log.
    pub why: String,
}

/// How backups stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Backups {
    /// The last one that was made.
    pub last: Option<BackupMade>,
    /// The last failure after it.
    pub failed: Option<BackupFailed>,
}

impl BackupNote {
    /// One was made.
    pub fn made(at: Timestamp, bytes: u64, target: String) -> Self {
        Self(Tried::Made(BackupMade { at, bytes, target }))
    }

    /// One failed.
    pub fn failed(at: Timestamp, why: String) -> Self {
        Self(Tried::Failed(BackupFailed { at, why: why.chars().take(WHY_CHARS_MAX).collect() }))
    }
}

impl App {
    /// How backups stand.
    pub async fn backups(&self) -> Result<Backups> {
        let kept = self.store.setting(BACKUPS).await?;
        kept.map_or(Ok(Backups::default()), |json| serde_json::from_str(&json).map_err(Error::from))
    }

    /// When the last backup was made.
    pub async fn last_backup(&self) -> Result<Option<Timestamp>> {
        Ok(self.backups().await?.last.map(|made| made.at))
    }

    /// Keeps what came of a try, with its audit line.
    pub async fn note_backup(&self, note: BackupNote) -> Result<()> {
        let mut backups = self.backups().await?;
        let (verb, detail) = match note.0 {
            Tried::Made(made) => {
                let detail = format!("{} bytes to {}", made.bytes, made.target);
                backups = Backups { last: Some(made), failed: None };
                ("backup-made", detail)
            }
            Tried::Failed(failed) => {
                let detail = failed.why.clone();
                backups.failed = Some(failed);
                ("backup-failed", detail)
            }
        };
        let audit = self.audit_line(Actor::Policy { name: "backup".to_owned() }, verb, &self.node().0, &detail);
        self.store.set_setting(BACKUPS, &serde_json::to_string(&backups).map_err(Error::from)?, audit).await?;
        self.changed();
        Ok(())
    }

    /// Whether somebody has to look after backups: the last try failed, or the last one is too old.
    pub(crate) async fn backup_trouble(&self) -> Result<Option<Backups>> {
        let Some(older_than) = self.config.backup_older_than else { return Ok(None) };
        let backups = self.backups().await?;
        let old = backups.last.as_ref().is_some_and(|last| self.now().duration_since(last.at) > older_than);
        Ok((old || backups.failed.is_some()).then_some(backups))
    }
}

impl App {
    /// Notes an erasure of events: an audit fact, and alerts forget what they repeat of them. `what` names no person.
    pub async fn forget_events(&self, by: Actor, seqs: &[u64], what: &str) -> Result<u64> {
        let detail = format!("{} events: {what}", seqs.len());
        let audit = self.audit_line(by, "events-erased", &self.node().0, &detail);
        let forgotten = self.store.forget_events(&seqs.iter().copied().collect(), audit).await?;
        self.changed();
        Ok(forgotten)
    }
}
