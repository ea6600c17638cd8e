//! `[backup]`, decided. A file of its own beside the rest because backups also run without a node.

use std::time::Duration;

use super::decide::{Deciding, days};
use super::raw::RawBackup;
use crate::backup::{Access, Recipient, Settings, Target};

/// How often, unless said otherwise.
const EVERY_DAYS: u64 = 1;

impl Deciding<'_> {
    pub(super) fn backup(&mut self, raw: &RawBackup) -> Option<Settings> {
        let Some(target) = &raw.target else {
            if raw.recipient.is_some() || raw.every.is_some() {
                self.problem(
                    "backup.target",
                    "it is missing",
                    "write a folder, sftp://user@host/folder or s3+https://host/bucket",
                );
            }
            return None;
        };
        let path = |text: &Option<String>| text.as_deref().map(|text| self.path(text));
        let access = Access {
            sftp_key: path(&raw.sftp_key),
            s3_credentials: path(&raw.s3_credentials),
            s3_authority: path(&raw.s3_authority),
        };
        let target = match target.contains("://") {
            true => target.clone(),
            false => self.path(target).display().to_string(),
        };
        // an S3 target reads its credentials, which only the node's own user may: asked of when a backup is made
        if !target.starts_with("s3+")
            && let Err(problem) = Target::read(&target, &access)
        {
            self.problem("backup.target", format!("{problem:#}"), "see the examples that `lazaret init` writes");
        }
        let recipient = raw.recipient.as_deref().map(Recipient::read);
        let recipient = match recipient {
            Some(Ok(recipient)) => Some(recipient),
            Some(Err(problem)) => {
                self.problem(
                    "backup.recipient",
                    problem.to_string(),
                    "write the public key that `lazaret backup key` printed",
                );
                None
            }
            None => {
                let instead = "make a key with `lazaret backup key` on another machine, and write its public half here";
                self.problem("backup.recipient", "it is missing", instead);
                None
            }
        };
        let every = self.duration("backup.every", raw.every.as_deref(), days(EVERY_DAYS));
        // half a period late is late
        let older_than = self.duration("backup.older_than", raw.older_than.as_deref(), every + every / 2);
        if every < Duration::from_secs(60) {
            self.problem("backup.every", "it is shorter than a minute", "write e.g. \"24 h\"");
        }
        Some(Settings { target, access, recipient: recipient?, every, older_than })
    }
}
