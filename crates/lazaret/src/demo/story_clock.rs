//! The clock of a replay: it runs like the real one, but between two moments of an attack it jumps. So a replay of
//! weeks takes seconds and every window (a hub's 96 hours, a rule's ten minutes) is as long as it says.

use std::sync::{Arc, Mutex, PoisonError};

use app::Clock;
use jiff::{SignedDuration, Timestamp};

use crate::clock::SystemClock;

/// A clock that can be set forward. Clones show the same time.
#[derive(Debug, Clone)]
pub struct StoryClock {
    behind: Arc<Mutex<SignedDuration>>,
}

impl StoryClock {
    /// A clock that shows `then` now.
    pub fn begin_at(then: Timestamp) -> Self {
        Self { behind: Arc::new(Mutex::new(SystemClock.now().duration_since(then))) }
    }

    /// Sets it forward to a moment; a moment that has passed changes nothing.
    pub fn jump_to(&self, then: Timestamp) {
        let wanted = SystemClock.now().duration_since(then);
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        *behind = wanted.min(*behind);
    }

    /// Sets it to the real time.
    pub fn catch_up(&self) {
        *self.behind.lock().unwrap_or_else(PoisonError::into_inner) = SignedDuration::ZERO;
    }
}

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() - *self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_jumps_forward_and_never_back() {
        let start = SystemClock.now() - SignedDuration::from_hours(100);
        let clock = StoryClock::begin_at(start);
        let later = start + SignedDuration::from_hours(50);
        clock.jump_to(later);
        assert!(clock.now() >= later);
        clock.jump_to(start);
        assert!(clock.now() >= later);
        clock.catch_up();
        assert!(clock.now().duration_since(start) >= SignedDuration::from_hours(100));
    }
}
