//! Intake: listeners' bytes become durable events. The event log's number for a source is the store's.
//! Detection is not here: it reads the log behind its own cursor and never delays an acknowledgement.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use eventstore::{AppendError, NewEvent};
use store::{FollowPosition, SourceCounts};
use tokio::sync::watch;

use crate::accounts::hash_token;
use crate::intake::{Intake, Refused, SourceKey, Stored};
use crate::{App, Result};

/// How often counts of sources are written down.
const COUNTS_EVERY: Duration = Duration::from_secs(5);
/// How often the event log's retention runs.
const RETAIN_EVERY: Duration = Duration::from_secs(60);

/// Numbers of sources by key, names by number, and counts not yet written down.
#[derive(Default)]
pub(crate) struct SourceNumbers {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    numbers: BTreeMap<String, u32>,
    names: Arc<BTreeMap<u32, String>>,
    counts: BTreeMap<u32, SourceCounts>,
    /// Refusals of senders that have no number yet.
    waiting: BTreeMap<String, BTreeMap<String, u64>>,
}

impl SourceNumbers {
    /// Source keys by number, as the engine sees them.
    pub(crate) fn names(&self) -> Arc<BTreeMap<u32, String>> {
        Arc::clone(&self.inner.read().unwrap_or_else(PoisonError::into_inner).names)
    }

    fn number(&self, key: &str) -> Option<u32> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).numbers.get(key).copied()
    }

    fn learn(&self, key: String, number: u32) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut inner.names).insert(number, key.clone());
        let waiting = inner.waiting.remove(&key);
        inner.numbers.insert(key, number);
        for (reason, count) in waiting.into_iter().flatten() {
            count_refused(&mut inner, number, &reason, count);
        }
    }

    fn count_stored(&self, number: u32, events: u64) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let counts = counts_of(&mut inner, number);
        counts.received += events;
        counts.stored += events;
    }

    fn count_refused(&self, key: &str, reason: &str, count: u64) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        match inner.numbers.get(key).copied() {
            Some(number) => count_refused(&mut inner, number, reason, count),
            None => *inner.waiting.entry(key.to_owned()).or_default().entry(reason.to_owned()).or_default() += count,
        }
    }

    fn take_counts(&self) -> Vec<SourceCounts> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut inner.counts).into_values().collect()
    }

    fn give_back(&self, counts: Vec<SourceCounts>) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        for back in counts {
            let counts = counts_of(&mut inner, back.source);
            counts.received += back.received;
            counts.stored += back.stored;
            for (reason, count) in back.refused_by {
                *counts.refused_by.entry(reason).or_default() += count;
            }
        }
    }

    fn waiting_keys(&self) -> Vec<String> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).waiting.keys().cloned().collect()
    }
}

fn counts_of(inner: &mut Inner, number: u32) -> &mut SourceCounts {
    inner.counts.entry(number).or_insert_with(|| SourceCounts {
        source: number,
        received: 0,
        stored: 0,
        refused_by: BTreeMap::new(),
    })
}

fn count_refused(inner: &mut Inner, number: u32, reason: &str, count: u64) {
    let counts = counts_of(inner, number);
    counts.received += count;
    *counts.refused_by.entry(reason.to_owned()).or_default() += count;
}

impl App {
    /// Learns the numbers of known sources, so that the scanner can name them from the first batch on.
    pub(crate) async fn load_sources(&self) -> Result<()> {
        for source in self.store.sources().await? {
            self.sources.learn(source.key, source.number);
        }
        Ok(())
    }

    async fn source_number(&self, source: &SourceKey) -> Result<u32> {
        let key = source.to_string();
        if let Some(number) = self.sources.number(&key) {
            return Ok(number);
        }
        let number = self.store.source_number(&key, source.carrier.as_str(), self.now()).await?;
        self.sources.learn(key, number);
        self.changed();
        Ok(number)
    }

    /// Writes down counts of sources, and lets the event log drop what is too old, until told to stop.
    pub async fn run_housekeeping(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut since_retain = Duration::ZERO;
        while !*stop.borrow() {
            tokio::select! { () = tokio::time::sleep(COUNTS_EVERY) => {}, _ = stop.changed() => {} }
            if let Err(error) = self.write_counts().await {
                tracing::warn!(%error, "counts of sources could not be written; they are kept and tried again");
            }
            since_retain += COUNTS_EVERY;
            if since_retain >= RETAIN_EVERY {
                since_retain = Duration::ZERO;
                if let Err(error) = self.keep_rhythm().await {
                    tracing::warn!(%error, "the rhythm of sources could not be kept; it is tried again");
                }
                if let Err(error) = self.retain_federation().await {
                    tracing::warn!(%error, "retention of what members sent and read failed; it is tried again");
                }
                if let Err(error) = self.retain_events().await {
                    tracing::warn!(%error, "retention of the event log failed; it is tried again");
                }
            }
        }
    }

    async fn write_counts(&self) -> Result<()> {
        for key in self.sources.waiting_keys() {
            let carrier = key.split(':').next().unwrap_or_default();
            let number = self.store.source_number(&key, carrier, self.now()).await?;
            self.sources.learn(key, number);
        }
        let counts = self.sources.take_counts();
        if counts.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.store.add_source_counts(counts.clone()).await {
            self.sources.give_back(counts);
            return Err(error.into());
        }
        self.changed();
        Ok(())
    }

    async fn retain_events(&self) -> Result<()> {
        let (log, now) = (Arc::clone(&self.log), self.now().as_microsecond());
        let cursor = self.store.scan_cursor().await?;
        let retained = tokio::task::spawn_blocking(move || log.retain(now, cursor)).await??;
        if let Some(dropped) = retained.dropped {
            tracing::info!(first = dropped.first, next = dropped.next, "events were dropped by retention");
        }
        Ok(())
    }
}

impl Intake for App {
    async fn append(&self, source: &SourceKey, events: Vec<Bytes>) -> std::result::Result<Stored, Refused> {
        let count = events.len() as u64;
        let number = self.source_number(source).await.map_err(|error| {
            tracing::error!(%error, %source, "a source could not be given a number");
            Refused::Failed
        })?;
        let (log, carrier, received_at) = (Arc::clone(&self.log), source.carrier as u8, self.now().as_microsecond());
        let appended = tokio::task::spawn_blocking(move || {
            let new: Vec<NewEvent<'_>> =
                events.iter().map(|bytes| NewEvent { received_at, source: number, carrier, bytes }).collect();
            log.append(&new)
        })
        .await;
        let range = match appended {
            Ok(Ok(range)) => range,
            Ok(Err(error)) => return Err(refused_of(&error)),
            Err(error) => {
                tracing::error!(%error, "the event log's thread was lost");
                return Err(Refused::Failed);
            }
        };
        self.sources.count_stored(number, count);
        self.beats.heard(number, self.now(), &self.config.zone);
        self.metrics.add("lazaret_events_received_total", "", count);
        self.metrics.add("lazaret_events_stored_total", "", count);
        self.appended.notify_one();
        Ok(Stored { first: range.first, count })
    }

    fn refused(&self, source: &SourceKey, reason: &'static str, count: u64) {
        self.sources.count_refused(&source.to_string(), reason, count);
        self.metrics.add("lazaret_events_received_total", "", count);
        self.metrics.add("lazaret_events_refused_total", &format!("reason=\"{reason}\""), count);
    }

    async fn source_of_token(&self, token: &str) -> Option<SourceKey> {
        let found = self.store.source_by_token(&hash_token(token)).await;
        let source = found.inspect_err(|error| tracing::error!(%error, "a token could not be looked up")).ok()??;
        let peer = source.key.strip_prefix("http:").unwrap_or(&source.key).to_owned();
        Some(SourceKey { carrier: crate::intake::Carrier::Http, peer })
    }

    async fn position(&self, path: &str) -> Option<(u64, u64)> {
        let found = self.store.follow_position(path).await;
        let position =
            found.inspect_err(|error| tracing::error!(%error, path, "a file's position could not be read")).ok()??;
        Some((position.inode, position.offset))
    }

    async fn save_position(&self, path: &str, inode: u64, offset: u64) {
        if let Err(error) = self.store.set_follow_position(path, FollowPosition { inode, offset }).await {
            tracing::error!(%error, path, "a file's position could not be kept; lines may come twice after a restart");
        }
    }
}

fn refused_of(error: &AppendError) -> Refused {
    match error {
        AppendError::Full { free, min } => Refused::Full { free_bytes: *free, reserve_bytes: *min },
        AppendError::TooLarge { bytes, max, .. } => Refused::TooLarge { bytes: *bytes as u64, bytes_max: *max as u64 },
        other => {
            tracing::error!(error = %other, "the event log failed");
            Refused::Failed
        }
    }
}
