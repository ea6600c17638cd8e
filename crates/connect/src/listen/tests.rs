//! The listeners with real sockets on loopback. What they hand over goes to a
//! real event log in a temporary directory; what they refuse is remembered.

mod http;
mod real_senders;
mod syslog;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::intake::{Carrier, Intake, Refused, SourceKey, Stored};
use bytes::Bytes;
use eventstore::{AppendError, EventLog, Limits, NewEvent};
use tokio::sync::{Semaphore, watch};

use super::{Bound, Counters, ListenLimits, ListenerConfig, bind};

/// The far side of a listener: a real log, and who was refused why.
pub(super) struct Kept {
    log: EventLog,
    _dir: tempfile::TempDir,
    sources: Mutex<Vec<String>>,
    refused: Mutex<BTreeMap<(String, &'static str), u64>>,
    positions: Mutex<HashMap<String, (u64, u64)>>,
    /// Appends that may happen; closed for ever unless a test holds them back.
    gate: Semaphore,
    changed: watch::Sender<u64>,
    calls: AtomicU64,
}

const OPEN: usize = Semaphore::MAX_PERMITS;

impl Kept {
    fn new(gate: usize, limits: Limits) -> Arc<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let (log, _) = EventLog::open(dir.path(), limits).expect("a log");
        Arc::new(Kept {
            log,
            _dir: dir,
            sources: Mutex::default(),
            refused: Mutex::default(),
            positions: Mutex::default(),
            gate: Semaphore::new(gate),
            changed: watch::channel(0).0,
            calls: AtomicU64::new(0),
        })
    }

    fn open() -> Arc<Self> {
        Self::new(OPEN, log_limits())
    }

    /// All events in the log with their source.
    fn events(&self) -> Vec<(String, Vec<u8>)> {
        let mut batch = eventstore::Batch::default();
        self.log.read(1, usize::MAX, usize::MAX, &mut batch).expect("reads");
        let sources = self.sources.lock().expect("a lock");
        batch.iter().map(|e| (sources[e.source as usize].clone(), e.bytes.to_vec())).collect()
    }

    fn texts(&self) -> Vec<String> {
        self.events().into_iter().map(|(_, b)| String::from_utf8_lossy(&b).into_owned()).collect()
    }

    fn refused_of(&self, reason: &str) -> u64 {
        let refused = self.refused.lock().expect("a lock");
        refused.iter().filter(|((_, r), _)| *r == reason).map(|(_, n)| n).sum()
    }

    /// Waits until the condition holds; the test's own time limit is generous
    /// and only there so that a failure is a message and not a hang.
    async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let mut changed = self.changed.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(60), async {
            while !condition(self) {
                changed.changed().await.expect("the far side lives");
            }
        });
        if waited.await.is_err() {
            panic!("{what} did not come; there are {:?} and {:?}", self.texts(), self.refused.lock());
        }
    }

    async fn until_events(&self, count: u64) {
        self.until(&format!("{count} events"), |k| k.log.head() > count).await;
    }

    fn number_of(&self, source: &SourceKey) -> u32 {
        let mut sources = self.sources.lock().expect("a lock");
        let name = source.to_string();
        let at = sources.iter().position(|s| *s == name).unwrap_or_else(|| {
            sources.push(name);
            sources.len() - 1
        });
        at as u32
    }
}

impl Intake for Kept {
    async fn append(&self, source: &SourceKey, events: Vec<Bytes>) -> Result<Stored, Refused> {
        self.calls.fetch_add(1, SeqCst);
        self.changed.send_modify(|n| *n += 1);
        let passed = self.gate.acquire().await.expect("a gate");
        if self.gate.available_permits() < 1000 {
            passed.forget();
        }
        let number = self.number_of(source);
        let new: Vec<NewEvent<'_>> = events
            .iter()
            .map(|bytes| NewEvent { received_at: 1, source: number, carrier: source.carrier as u8, bytes })
            .collect();
        let result = self.log.append(&new);
        self.changed.send_modify(|n| *n += 1);
        match result {
            Ok(range) => Ok(Stored { first: range.first, count: range.next - range.first }),
            Err(AppendError::Full { free, min }) => Err(Refused::Full { free_bytes: free, reserve_bytes: min }),
            Err(AppendError::TooLarge { bytes, max, .. }) => {
                Err(Refused::TooLarge { bytes: bytes as u64, bytes_max: max as u64 })
            }
            Err(AppendError::Io(_)) => Err(Refused::Failed),
        }
    }

    fn refused(&self, source: &SourceKey, reason: &'static str, count: u64) {
        *self.refused.lock().expect("a lock").entry((source.to_string(), reason)).or_default() += count;
        self.changed.send_modify(|n| *n += 1);
    }

    async fn source_of_token(&self, token: &str) -> Option<SourceKey> {
        let name = token.strip_prefix("secret-")?;
        Some(SourceKey { carrier: Carrier::Http, peer: name.to_owned() })
    }

    async fn position(&self, path: &str) -> Option<(u64, u64)> {
        self.positions.lock().expect("a lock").get(path).copied()
    }

    async fn save_position(&self, path: &str, inode: u64, offset: u64) {
        self.positions.lock().expect("a lock").insert(path.to_owned(), (inode, offset));
        self.changed.send_modify(|n| *n += 1);
    }
}

fn log_limits() -> Limits {
    Limits { free_bytes_min: 0, ..Limits::default() }
}

/// A listener that runs until it is stopped.
struct Running {
    address: SocketAddr,
    counters: Arc<Counters>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(config: ListenerConfig, limits: ListenLimits, kept: &Arc<Kept>) -> Self {
        let bound: Bound = bind(config, limits).await.expect("binds");
        let address = bound.address().unwrap_or(loopback());
        let counters = bound.counters();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(bound.run(Arc::clone(kept), stopped));
        Running { address, counters, stop, task }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.expect("stops");
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn quick() -> ListenLimits {
    ListenLimits {
        flush_after: Duration::from_millis(50),
        retry_after: Duration::from_millis(20),
        poll_every: Duration::from_millis(20),
        ..ListenLimits::default()
    }
}

/// A certificate for `localhost` and `127.0.0.1`, and its key, in PEM.
fn certificate() -> (String, String) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[tokio::test]
async fn a_followed_file_survives_a_restart_without_loss_or_doubling() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.log");
    std::fs::write(&path, "one\ntwo\nunfin").expect("writes");
    let config = || ListenerConfig::Follow { path: path.clone(), from: super::FollowFrom::Start };
    let kept = Kept::open();
    let running = Running::start(config(), quick(), &kept).await;
    kept.until_events(2).await;
    kept.until("the position", |k| !k.positions.lock().expect("a lock").is_empty()).await;
    running.stop().await;
    std::fs::write(&path, "one\ntwo\nunfinished\nthree\n").expect("writes");
    let running = Running::start(config(), quick(), &kept).await;
    kept.until_events(4).await;
    running.stop().await;
    assert_eq!(kept.texts(), ["one", "two", "unfinished", "three"]);
    assert!(kept.events().iter().all(|(source, _)| *source == format!("file:{}", path.display())));
}
