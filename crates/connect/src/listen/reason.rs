//! The words under which listeners count what they did not store. Stable: they
//! appear in metrics and on the Sources page. One file, so that two listeners
//! never call the same thing by two names.

/// A length in front of a message is longer than any message may be.
pub const LENGTH_PREFIX: &str = "length-prefix";
/// A stated length ended in the middle of a message.
pub const LENGTH_MISMATCH: &str = "length-mismatch";
/// The rest of a message beyond the limit; its start is stored.
pub const TOO_LONG: &str = "too-long";
/// A stored message was not whole: its sender went away, or it was too long.
pub const CUT: &str = "cut";
/// Bytes that are no text.
pub const GARBAGE: &str = "garbage";
/// A TLS handshake on a port without TLS.
pub const TLS_ON_PLAIN: &str = "tls-on-plain-port";
/// A TLS handshake that failed.
pub const HANDSHAKE: &str = "tls-handshake";
/// A handshake, head or body that did not come in time.
pub const TIMEOUT: &str = "timeout";
/// More connections than are taken.
pub const CONNECTIONS: &str = "connections";
/// A connection that sent nothing for the idle time.
pub const IDLE: &str = "idle";
/// More events a second than the source may send.
pub const QUOTA: &str = "quota";
/// More datagrams waiting for the disk than are kept.
pub const QUEUE_FULL: &str = "queue-full";
/// Datagrams that the operating system dropped before they were read.
pub const KERNEL_DROP: &str = "kernel-drop";
/// The event log is full.
pub const LOG_FULL: &str = "log-full";
/// The event log failed.
pub const LOG_FAILED: &str = "log-failed";
/// An event or a body longer than is taken.
pub const TOO_LARGE: &str = "too-large";
/// A line that is not what it should be.
pub const BAD_LINE: &str = "bad-line";
/// Syslog from an address that may not send.
pub const SENDER: &str = "sender-not-allowed";
/// No token, or one that is not ours.
pub const UNAUTHORISED: &str = "unauthorised";
/// A body that cannot be unpacked.
pub const BAD_BODY: &str = "bad-body";
/// A path or method that nobody answers.
pub const UNKNOWN_PATH: &str = "unknown-path";
/// A followed file was cut; it is read from its start.
pub const TRUNCATED: &str = "truncated";
/// A followed file could not be read.
pub const UNREADABLE: &str = "unreadable";
