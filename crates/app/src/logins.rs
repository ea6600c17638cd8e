//! What stands before a password is compared: turns, so that a flood of log-ins takes neither memory nor the threads
//! that intake needs, and the count of attempts on names that do not exist, so that they answer like those that do.
//! A file of its own because both live in memory, and `accounts` keeps nothing there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use store::{LOCK_OUT_MINUTES, LOGIN_FAILURES_MAX};
use tokio::sync::Semaphore;

use crate::{Error, Result};

/// Passwords hashed at one time; each takes 19 MiB and a core.
const HASHING_MAX: usize = 2;
/// Attempts that wait for their turn; more are sent away at once.
const WAITING_MAX: usize = 50;
/// How long an attempt waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Names without an account whose attempts are counted; beyond it those that were tried first are forgotten.
const UNKNOWN_NAMES_MAX: usize = 10_000;

/// Turns for hashing, and the attempts on unknown names.
#[derive(Debug)]
pub(crate) struct Logins {
    turns: Arc<Semaphore>,
    waiting: Semaphore,
    unknown: Mutex<BTreeMap<String, Attempts>>,
}

#[derive(Debug, Clone, Copy)]
struct Attempts {
    failures: u32,
    locked_until: Option<Timestamp>,
    last_at: Timestamp,
}

impl Default for Logins {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(HASHING_MAX)),
            waiting: Semaphore::new(WAITING_MAX),
            unknown: Mutex::default(),
        }
    }
}

impl Logins {
    /// Does a password's work on a background thread when its turn comes. Errors: [`Error::Input`] with
    /// `error-busy` where too many wait or the wait is too long.
    pub(crate) async fn hash<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let busy = || Error::Input { code: "error-busy" };
        let waits = self.waiting.try_acquire().map_err(|_| busy())?;
        let turn = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        drop(waits);
        // the turn goes with the work: a caller that hangs up does not free it early
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        Ok(done.await?)
    }

    /// Until when a name without an account is locked.
    pub(crate) fn unknown_locked(&self, name: &str, now: Timestamp) -> Option<Timestamp> {
        let unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        unknown.get(name).and_then(|attempts| attempts.locked_until).filter(|until| *until > now)
    }

    /// Counts a failed attempt on a name without an account as the store counts those on accounts; until when it is
    /// locked by now.
    pub(crate) fn unknown_failed(&self, name: &str, now: Timestamp) -> Option<Timestamp> {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        if unknown.len() >= UNKNOWN_NAMES_MAX && !unknown.contains_key(name) {
            let oldest = unknown.iter().min_by_key(|(_, attempts)| attempts.last_at).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| unknown.remove(&oldest));
        }
        let first = Attempts { failures: 0, locked_until: None, last_at: now };
        let attempts = unknown.entry(name.to_owned()).or_insert(first);
        attempts.last_at = now;
        if attempts.locked_until.is_some_and(|until| until > now) {
            return attempts.locked_until;
        }
        attempts.failures = if attempts.locked_until.is_some() { 1 } else { attempts.failures.saturating_add(1) };
        let locks = attempts.failures >= LOGIN_FAILURES_MAX;
        attempts.locked_until = locks.then(|| now + SignedDuration::from_mins(LOCK_OUT_MINUTES));
        attempts.locked_until
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn two_passwords_are_hashed_at_a_time_and_a_flood_is_sent_away() {
        let logins = Arc::new(Logins::default());
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        // both turns are held until the flood has been answered
        let hold = Arc::new(Barrier::new(HASHING_MAX + 1));
        let held: Vec<_> = (0..HASHING_MAX)
            .map(|_| {
                let (logins, hold) = (Arc::clone(&logins), Arc::clone(&hold));
                tokio::spawn(async move { logins.hash(move || hold.wait()).await.map(drop) })
            })
            .collect();
        while logins.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let waiting: Vec<_> = (0..WAITING_MAX)
            .map(|_| {
                let (logins, running, most) = (Arc::clone(&logins), Arc::clone(&running), Arc::clone(&most));
                let work = move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    running.fetch_sub(1, Ordering::SeqCst);
                };
                tokio::spawn(async move { logins.hash(work).await })
            })
            .collect();
        while logins.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = logins.hash(|| ()).await.unwrap_err();
        assert_eq!(refused.code(), "error-busy");
        hold.wait();
        for one in held {
            one.await.unwrap().unwrap();
        }
        for one in waiting {
            one.await.unwrap().unwrap();
        }
        assert!((1..=HASHING_MAX).contains(&most.load(Ordering::SeqCst)));
    }
}
