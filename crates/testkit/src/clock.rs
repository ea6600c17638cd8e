//! A clock that stands still until a test turns it. Every node of a federation can share one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// A clock in the hand. Clones show the same time.
#[derive(Debug, Clone)]
pub struct HandClock {
    now: Arc<Mutex<Timestamp>>,
}

impl HandClock {
    /// A clock that shows this time.
    pub fn at(now: Timestamp) -> Self {
        Self { now: Arc::new(Mutex::new(now)) }
    }

    /// Turns it forward.
    pub fn turn(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now += by;
    }

    /// What it shows.
    pub fn shows(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_turn_together() {
        let clock = HandClock::at("2026-11-25T00:00:00Z".parse().unwrap());
        let other = clock.clone();
        clock.turn(Duration::from_secs(86_400));
        assert_eq!(other.shows().to_string(), "2026-11-26T00:00:00Z");
    }
}
