//! What can go wrong, in the words of somebody who has to act on it. One file,
//! because the same words are used by reading, appending and opening.

use std::io;

/// The log could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process (or another `EventLog` in this one) holds the directory.
    #[error("the event log in {dir} is already open elsewhere")]
    Locked {
        /// Directory of the log.
        dir: String,
    },
    /// A limit makes no sense; the text says which and what to write instead.
    #[error("event log limits: {0}")]
    Limits(&'static str),
    /// A file is of a newer format than this program knows.
    #[error("{segment} has format {format}, this program reads up to {known}")]
    NewerFormat {
        /// File name inside the directory.
        segment: String,
        /// Format number found.
        format: u16,
        /// Highest format number this program reads.
        known: u16,
    },
    /// The operating system refused an operation on the directory.
    #[error("{operation}: {source}")]
    Io {
        /// What was being done, with the file name.
        operation: String,
        /// The refusal of the operating system.
        source: io::Error,
    },
    /// A block could not be read from the device; the caller may retry, or go
    /// on at `next_seq` and count what lies between as lost.
    #[error("{segment} at byte {offset}: {source}")]
    BlockUnreadable {
        /// File name inside the directory.
        segment: String,
        /// Byte offset of the block in that file.
        offset: u64,
        /// First sequence number after the block.
        next_seq: u64,
        /// The refusal of the operating system.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(operation: impl Into<String>, source: io::Error) -> Self {
        Error::Io { operation: operation.into(), source }
    }
}

/// Events were not stored. Nothing of the call is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Storing would eat into the space reserved for others. Retry when there
    /// is room again.
    #[error("event log is full: {free} bytes free, {min} are reserved")]
    Full {
        /// Bytes free on the file system now.
        free: u64,
        /// Bytes that must stay free (`Limits::free_bytes_min`).
        min: u64,
    },
    /// One event is longer than the limit; the others of the call were not
    /// stored either.
    #[error("event {index} has {bytes} bytes, at most {max} are taken")]
    TooLarge {
        /// Position in the slice given to `append`.
        index: usize,
        /// Its length in bytes.
        bytes: usize,
        /// The limit (`Limits::event_bytes_max`).
        max: usize,
    },
    /// The device failed. The events may or may not be found after a restart.
    #[error("event log could not be written: {0}")]
    Io(String),
}
