//! A token bucket for each source, so that one that floods takes nothing from
//! the others. Sans-I/O: time is an argument.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::limits::Quota;

/// Buckets kept at one time; full ones of others are forgotten first.
const BUCKETS_MAX: usize = 8192;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// The buckets of all sources of a listener.
#[derive(Debug)]
pub(super) struct Quotas {
    quota: Quota,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Quotas {
    pub(super) fn new(quota: Quota) -> Self {
        Quotas { quota, buckets: Mutex::default() }
    }

    /// Takes up to `wanted` events from a source's bucket; answers how many may
    /// pass now.
    pub(super) fn take(&self, source: &str, wanted: usize, now: Instant) -> usize {
        self.with_bucket(source, now, |bucket| {
            let granted = (bucket.left.floor().max(0.0) as usize).min(wanted);
            bucket.left -= granted as f64;
            granted
        })
    }

    /// Takes all of `wanted` if the bucket is not empty, going into debt: for a
    /// body that is stored whole or not at all. Else answers how long to wait.
    pub(super) fn take_whole(&self, source: &str, wanted: usize, now: Instant) -> Result<(), Duration> {
        let rate = f64::from(self.quota.events_per_s.max(1));
        self.with_bucket(source, now, |bucket| {
            if bucket.left < 1.0 {
                return Err(Duration::from_secs_f64((1.0 - bucket.left) / rate));
            }
            bucket.left -= wanted as f64;
            Ok(())
        })
    }

    fn with_bucket<T>(&self, source: &str, now: Instant, act: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let burst = f64::from(self.quota.events_burst.max(1));
        let rate = f64::from(self.quota.events_per_s);
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(source) {
            buckets.retain(|_, b| refilled(b, now, rate, burst).left < burst);
            if buckets.len() >= BUCKETS_MAX {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(source.to_owned()).or_insert(Bucket { left: burst, at: now });
        *bucket = refilled(bucket, now, rate, burst);
        act(bucket)
    }
}

fn refilled(bucket: &Bucket, now: Instant, rate: f64, burst: f64) -> Bucket {
    let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
    Bucket { left: (bucket.left + passed * rate).min(burst), at: now }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_refills_and_others_are_not_touched() {
        let quotas = Quotas::new(Quota { events_per_s: 10, events_burst: 20 });
        let start = Instant::now();
        assert_eq!(quotas.take("a", 15, start), 15);
        assert_eq!(quotas.take("a", 15, start), 5);
        assert_eq!(quotas.take("a", 15, start), 0);
        assert_eq!(quotas.take("b", 15, start), 15);
        assert_eq!(quotas.take("a", 15, start + Duration::from_millis(500)), 5);
        assert_eq!(quotas.take("a", 99, start + Duration::from_secs(60)), 20);
    }

    #[test]
    fn a_body_passes_whole_and_then_waits() {
        let quotas = Quotas::new(Quota { events_per_s: 10, events_burst: 20 });
        let start = Instant::now();
        assert_eq!(quotas.take_whole("a", 100, start), Ok(()));
        let wait = quotas.take_whole("a", 1, start).expect_err("in debt");
        assert_eq!(wait, Duration::from_secs_f64(8.1));
        assert_eq!(quotas.take_whole("a", 1, start + wait), Ok(()));
    }

    #[test]
    fn many_sources_do_not_grow_without_end() {
        let quotas = Quotas::new(Quota::default());
        let now = Instant::now();
        for i in 0..BUCKETS_MAX * 3 {
            quotas.take(&i.to_string(), 1, now);
        }
        assert!(quotas.buckets.lock().expect("a lock").len() <= BUCKETS_MAX);
    }
}
