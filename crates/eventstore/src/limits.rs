//! Every limit of the log in one place, so that an operator can read them.

use std::time::Duration;

use crate::error::Error;

/// Longest event any configuration may allow, in bytes (16 MiB).
pub(crate) const EVENT_BYTES_CEILING: usize = 16 << 20;

/// Written limits of one event log.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A segment is closed when it would grow beyond this many bytes. A single
    /// group commit may exceed it by at most `group_commit_bytes_max`.
    pub segment_bytes_max: u64,
    /// A segment is closed when its first event is older than this.
    pub segment_age: Duration,
    /// Bytes that must stay free on the file system: the reserve for records.
    pub free_bytes_min: u64,
    /// Longest event taken, in bytes; at most 16 MiB.
    pub event_bytes_max: usize,
    /// Retention keeps at most this many bytes of what has been read.
    pub total_bytes_max: u64,
    /// Beyond this many bytes retention drops even unread events, counted as
    /// lost. `u64::MAX` (the default) means: never, refuse new ones instead.
    pub total_bytes_hard: u64,
    /// Retention drops events received longer ago than this.
    pub age_max: Duration,
    /// Bytes that callers may have waiting for one commit; more callers wait.
    pub group_commit_bytes_max: usize,
}

impl Default for Limits {
    /// 64 MiB or 5 min a segment, 1 MiB an event, 100 GiB and 90 days kept, a
    /// reserve of 512 MiB, 8 MiB a group commit.
    fn default() -> Self {
        Limits {
            segment_bytes_max: 64 << 20,
            segment_age: Duration::from_secs(5 * 60),
            free_bytes_min: 512 << 20,
            event_bytes_max: 1 << 20,
            total_bytes_max: 100 << 30,
            total_bytes_hard: u64::MAX,
            age_max: Duration::from_secs(90 * 24 * 3600),
            group_commit_bytes_max: 8 << 20,
        }
    }
}

impl Limits {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.event_bytes_max == 0 || self.event_bytes_max > EVENT_BYTES_CEILING {
            return Err(Error::Limits("event_bytes_max must be 1 to 16777216"));
        }
        if self.segment_bytes_max < 256 {
            return Err(Error::Limits("segment_bytes_max must be at least 256"));
        }
        if self.group_commit_bytes_max == 0 {
            return Err(Error::Limits("group_commit_bytes_max must be at least 1"));
        }
        if self.total_bytes_hard < self.total_bytes_max {
            return Err(Error::Limits("total_bytes_hard must not be below total_bytes_max"));
        }
        Ok(())
    }
}
