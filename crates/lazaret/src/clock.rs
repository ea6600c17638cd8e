//! The system's clock. A file of its own because this is the only place in the product that reads it.

use jiff::Timestamp;

/// The real time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl app::Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that may read the system's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
