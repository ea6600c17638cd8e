//! An append-only event log on disk: bytes, times and caller-given numbers.
//!
//! What is *not* here: no rule, no log format, no SQL, no async, no clock. A
//! caller hands over bytes with the time it received them; the log answers when
//! they are durable, and gives them back by sequence number or by time.
//!
//! Promises, each with a test: what was acknowledged survives a crash at any
//! byte; nothing half-written is ever returned; a sequence number is never used
//! twice; a damaged place is reported with segment and offset and the rest stays
//! readable; a disk that is nearly full answers [`AppendError::Full`] while the
//! reserve for others is still free.
//!
//! Files in the directory: `<first seq>.raw` (being written, or waiting to be
//! sealed), `<first seq>.seg` (sealed: zstd blocks with an offset table),
//! `*.tmp` (a seal that did not finish), `lock`.

mod append;
mod disk;
mod erase;
mod error;
mod files;
mod frame;
mod limits;
mod log;
mod lookback;
mod read;
mod recover;
mod retain;
mod seal;
mod sealed;
mod segment;
mod stats;

#[cfg(test)]
mod crash_disk;
#[cfg(test)]
mod tests;

pub use append::{NewEvent, SeqRange};
pub use erase::{ERASED, Erased};
pub use error::{AppendError, Error};
pub use files::{Inspection, SegmentFile, inspect, segment_files};
pub use limits::Limits;
pub use log::EventLog;
pub use lookback::{LookBack, LookBackEnd, LookedBack};
pub use read::{Batch, Damage, OwnedEvent, StoredEvent};
pub use recover::{Recovered, Recovery, RecoveryReason};
pub use retain::Retained;
pub use stats::Stats;
