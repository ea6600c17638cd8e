//! The written limits of all listeners. One file, so that an operator reads them
//! in one place; hitting any of them is counted under a word of `reason`.

use std::time::Duration;

use super::senders::Senders;

/// What one source may send; a bucket that refills all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Events a second, on average.
    pub events_per_s: u32,
    /// Events at once, after a silence.
    pub events_burst: u32,
}

impl Default for Quota {
    /// 5,000 events a second and 50,000 at once: over twice what a whole
    /// hospital sends, from one source.
    fn default() -> Self {
        Quota { events_per_s: 5_000, events_burst: 50_000 }
    }
}

/// Limits of a listener. The defaults are the written ones.
#[derive(Debug, Clone)]
pub struct ListenLimits {
    /// Longest message in bytes; what is longer is cut. Not above the event
    /// log's own limit.
    pub message_bytes_max: usize,
    /// Who may send syslog at all.
    pub senders: Senders,
    /// What each source may send.
    pub quota: Quota,
    /// Open connections of one listener.
    pub connections_max: usize,
    /// Open connections from one address.
    pub connections_per_peer_max: usize,
    /// Different senders known by their own name; further ones share one.
    pub peers_max: usize,
    /// A connection that sends nothing for so long is closed.
    pub idle_timeout: Duration,
    /// A stream whose messages nothing ends is flushed after this silence.
    pub flush_after: Duration,
    /// How long a TLS handshake or the head of a request may take.
    pub handshake_timeout: Duration,
    /// How long a whole HTTP body may take.
    pub body_timeout: Duration,
    /// Bytes of an HTTP body as sent.
    pub body_bytes_max: usize,
    /// Bytes of an HTTP body when unpacked.
    pub body_unpacked_bytes_max: usize,
    /// Bytes of all HTTP bodies that are being read or stored, as sent.
    pub bodies_bytes_max: usize,
    /// HTTP bodies that are held unpacked at one time; more wait.
    pub unpacked_at_once: usize,
    /// Datagrams' bytes that wait for the disk; one sender may hold a quarter.
    pub datagram_queue_bytes: usize,
    /// Receive buffer asked of the operating system for UDP.
    pub receive_buffer_bytes: usize,
    /// How long to wait before a full or failing log is tried again.
    pub retry_after: Duration,
    /// How often a followed file is looked at.
    pub poll_every: Duration,
}

impl Default for ListenLimits {
    fn default() -> Self {
        ListenLimits {
            message_bytes_max: 1 << 20,
            senders: Senders::default(),
            quota: Quota::default(),
            connections_max: 4096,
            connections_per_peer_max: 256,
            peers_max: 4096,
            idle_timeout: Duration::from_secs(3600),
            flush_after: Duration::from_millis(500),
            handshake_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(60),
            body_bytes_max: 8 << 20,
            body_unpacked_bytes_max: 64 << 20,
            bodies_bytes_max: 256 << 20,
            unpacked_at_once: 8,
            datagram_queue_bytes: 16 << 20,
            receive_buffer_bytes: 8 << 20,
            retry_after: Duration::from_secs(1),
            poll_every: Duration::from_secs(1),
        }
    }
}

/// Refused frames in a row after which a connection is closed.
pub(super) const REFUSED_IN_A_ROW_MAX: u32 = 64;
/// Bytes read from a socket or a file at a time.
pub(super) const READ_BYTES: usize = 64 << 10;
/// Events handed over in one call.
pub(super) const BATCH_EVENTS_MAX: usize = 1024;
