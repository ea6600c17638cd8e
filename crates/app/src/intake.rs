//! The door between listeners and the event log: what a listener hands over, and what it is told.
//! A file of its own because `connect` codes against this and nothing else of the use cases.

use std::future::Future;

use bytes::Bytes;

/// How events arrive. The number is stored with each event and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Carrier {
    /// Syslog over UDP, TCP or TLS.
    Syslog = 1,
    /// HTTP: NDJSON or the `_bulk` shape.
    Http = 2,
    /// A file that is followed.
    File = 3,
}

impl Carrier {
    /// The word in a source's key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syslog => "syslog",
            Self::Http => "http",
            Self::File => "file",
        }
    }
}

/// Who sends: the carrier and the peer's address, token name or path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceKey {
    /// How.
    pub carrier: Carrier,
    /// Who: an address without port, a token's name, or a path.
    pub peer: String,
}

impl std::fmt::Display for SourceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.carrier.as_str(), self.peer)
    }
}

/// Events that are durable now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The first number.
    pub first: u64,
    /// How many.
    pub count: u64,
}

/// Why events are not stored. Nothing of the batch was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The disk's reserve for records would be touched; it resumes by itself when there is space.
    #[error("the event log is full: {free_bytes} bytes are free and {reserve_bytes} are kept for records")]
    Full {
        /// Free bytes.
        free_bytes: u64,
        /// The reserve.
        reserve_bytes: u64,
    },
    /// One event is larger than an event may be.
    #[error("an event has {bytes} bytes; at most {bytes_max} are taken")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// The disk failed.
    #[error("the event log failed; the log of this node says why")]
    Failed,
}

/// What a listener calls.
pub trait Intake: Send + Sync + 'static {
    /// Makes events durable, then answers.
    fn append(&self, source: &SourceKey, events: Vec<Bytes>) -> impl Future<Output = Result<Stored, Refused>> + Send;

    /// Counts what was read and could not be stored. `reason` is a short stable word.
    fn refused(&self, source: &SourceKey, reason: &'static str, count: u64);

    /// The source that a token belongs to, where it is one of ours.
    fn source_of_token(&self, token: &str) -> impl Future<Output = Option<SourceKey>> + Send;

    /// How far a followed file was durably read: inode and offset.
    fn position(&self, path: &str) -> impl Future<Output = Option<(u64, u64)>> + Send;

    /// Keeps how far a followed file was durably read.
    fn save_position(&self, path: &str, inode: u64, offset: u64) -> impl Future<Output = ()> + Send;
}
