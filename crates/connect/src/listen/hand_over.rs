//! Handing events to the log for senders that cannot be answered (syslog over
//! TCP, files): what was read is stored or counted, so a full or failing log
//! makes the reader wait, and the sender with it. Apart from the readers because
//! both need exactly the same.

use std::sync::Arc;
use std::time::Instant;

use app::intake::{Intake, Refused, SourceKey};
use bytes::Bytes;
use tokio::sync::watch;

use super::counters::Counters;
use super::limits::{BATCH_EVENTS_MAX, ListenLimits};
use super::quota::Quotas;
use super::reason;

/// What a listener's connections share.
pub(super) struct Shared<I> {
    pub intake: Arc<I>,
    pub counters: Arc<Counters>,
    pub limits: ListenLimits,
    pub quotas: Quotas,
    pub peers: super::peers::Peers,
    pub shutdown: watch::Receiver<bool>,
}

/// What becomes of events that are not stored when the node stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtStop {
    /// They are gone, and counted.
    Counted,
    /// They are read again at the next start.
    ReadAgain,
}

impl<I: Intake> Shared<I> {
    /// Counts what is not stored, for the source and for the listener.
    pub(super) fn refuse(&self, source: &SourceKey, reason: &'static str, count: u64) {
        if count > 0 {
            self.counters.refused(reason, count);
            self.intake.refused(source, reason, count);
        }
    }

    /// Stores all events, waiting for quota and log as long as it takes. What a
    /// stop of the node leaves unstored is treated as `at_stop` says. Answers
    /// false then.
    pub(super) async fn store_all(&self, source: &SourceKey, mut events: Vec<Bytes>, at_stop: AtStop) -> bool {
        let mut shutdown = self.shutdown.clone();
        while !events.is_empty() {
            let wanted = events.len().min(BATCH_EVENTS_MAX);
            // A node that stops takes what was read, whoever is over a quota.
            let granted = match *shutdown.borrow() {
                true => wanted,
                false => self.quotas.take(&source.peer, wanted, Instant::now()),
            };
            let later = events.split_off(granted);
            if let Err((why, unstored)) = self.store(source, events, &mut shutdown).await {
                self.at_stop(source, why, unstored + later.len(), at_stop);
                return false;
            }
            events = later;
            if granted < wanted {
                self.counters.refused(reason::QUOTA, 1);
                self.pause(&mut shutdown).await;
            }
        }
        true
    }

    fn at_stop(&self, source: &SourceKey, why: &'static str, unstored: usize, at_stop: AtStop) {
        if at_stop == AtStop::Counted {
            self.refuse(source, why, unstored as u64);
        }
    }

    /// Answers why and how many are not stored when the node stops first.
    async fn store(
        &self,
        source: &SourceKey,
        mut events: Vec<Bytes>,
        shutdown: &mut watch::Receiver<bool>,
    ) -> Result<(), (&'static str, usize)> {
        while !events.is_empty() {
            let why = match self.intake.append(source, events.clone()).await {
                Ok(stored) => {
                    self.counters.stored(stored.count);
                    return Ok(());
                }
                Err(Refused::TooLarge { bytes_max, .. }) => {
                    let before = events.len();
                    events.retain(|e| e.len() as u64 <= bytes_max);
                    self.refuse(source, reason::TOO_LARGE, (before - events.len()) as u64);
                    if before == events.len() {
                        // The log calls something too large that is not: never
                        // try the same for ever.
                        self.refuse(source, reason::LOG_FAILED, before as u64);
                        return Ok(());
                    }
                    continue;
                }
                Err(Refused::Full { .. }) => reason::LOG_FULL,
                Err(Refused::Failed) => reason::LOG_FAILED,
            };
            self.counters.refused(why, 1);
            if self.pause(shutdown).await {
                return Err((why, events.len()));
            }
        }
        Ok(())
    }

    /// Waits before the next try; true when the node stops.
    pub(super) async fn pause(&self, shutdown: &mut watch::Receiver<bool>) -> bool {
        let stopped = shutdown.wait_for(|stop| *stop);
        tokio::time::timeout(self.limits.retry_after, stopped).await.is_ok()
    }
}
