//! The node's clock. A file of its own because every use case takes the time from here, so that tests turn it by hand.

use jiff::Timestamp;

/// Tells the time. Latencies use the monotonic clock and TLS the real one; everything people and law see uses this.
pub trait Clock: Send + Sync + 'static {
    /// The time now, UTC.
    fn now(&self) -> Timestamp;
}
