//! The kill harness: real processes of the built binary, killed at random with SIGKILL, under load with watermarks.
//! What was acknowledged is stored, and what is stored took effect exactly once.
//!
//! `LAZARET_KILL_SECONDS` makes it longer, `LAZARET_KILL_SEED` repeats a run; the seed is printed.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::telemetry::Sighting;
use store::{AlertQuery, Store, Target};
use testkit::until::until;

use crate::fixture::dns_line;

/// How long the load lasts where nobody says.
const SECONDS_DEFAULT: u64 = 20;
/// Lines of one request.
const BATCH: u64 = 7;
/// Hosts that take turns, so that there are several alerts and sightings.
const HOSTS: u64 = 3;

#[allow(clippy::disallowed_methods, reason = "a test is told its length and seed from outside")]
fn told(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs a command of the binary to its end and answers its JSON.
fn lazaret(args: &[&str]) -> serde_json::Value {
    let done = Command::new(env!("CARGO_BIN_EXE_lazaret")).args(args).args(["--output", "json"]).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap_or_default()
}

/// A node as a process that is killed and started again.
struct Process {
    config: PathBuf,
    child: Child,
    kills: u32,
}

impl Process {
    fn start(config: &Path) -> Self {
        Self { config: config.to_owned(), child: Self::spawn(config), kills: 0 }
    }

    fn spawn(config: &Path) -> Child {
        Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn kill_and_start(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = Self::spawn(&self.config);
        self.kills += 1;
    }

    /// SIGTERM, and waits for the orderly end.
    fn stop(&mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success(), "an orderly stop exits 0");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// A hub and a hospital that joined it, as directories.
struct Pair {
    dir: tempfile::TempDir,
    http: SocketAddr,
}

impl Pair {
    fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let loopback = |port: u16| format!("127.0.0.1:{port}");
        let (link, http) = (loopback(free_port()), loopback(free_port()));
        let any = loopback(0);
        let common = ["--country", "RO", "--console", &any, "--admin", &any];
        let hub = ["init", "--role", "national", "--dir", &path("hub"), "--name", "Hub", "--link", &link];
        lazaret(&[&hub[..], &common].concat());
        let hospital = [
            "init",
            "--role",
            "hospital",
            "--dir",
            &path("hospital"),
            "--name",
            "Hospital",
            "--http",
            &http,
            "--syslog-udp",
            &any,
            "--syslog-tcp",
            &any,
        ];
        lazaret(&[&hospital[..], &common].concat());
        let config = dir.path().join("hospital/lazaret.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace("# http_senders = \"token\"", "http_senders = \"anyone\"");
        let text = text.replace("# free_bytes = \"512 MiB\"", "free_bytes = \"0 B\"");
        std::fs::write(&config, text).unwrap();
        Self { http: http.parse().unwrap(), dir }
    }

    fn config(&self, name: &str) -> PathBuf {
        self.dir.path().join(name).join("lazaret.toml")
    }

    fn store(&self, name: &str) -> Target {
        Target::Sqlite(self.dir.path().join(name).join("lazaret.sqlite"))
    }
}

/// The line of one watermark: it fires a grave rule at one of a few hosts.
fn line(watermark: u64, at: jiff::Timestamp) -> String {
    let host = format!("PC{}", watermark % HOSTS);
    let line = dns_line(at, &host, "C:\\\\Windows\\\\System32\\\\rundll32.exe", "calls-home.example");
    line.replacen('{', &format!("{{\"watermark\":{watermark},"), 1)
}

fn watermark_of(bytes: &[u8]) -> u64 {
    let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    value["watermark"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_any_kill_and_takes_effect_once() {
    let seconds = told("LAZARET_KILL_SECONDS", SECONDS_DEFAULT);
    let seed = told("LAZARET_KILL_SEED", u64::from(std::process::id()));
    eprintln!("kill harness: {seconds} s, LAZARET_KILL_SEED={seed}");
    let pair = Pair::make();
    let mut hub = Process::start(&pair.config("hub"));
    let hub_config = pair.config("hub").display().to_string();
    let invited = lazaret(&["invite", "Hospital", "--country", "RO", "--config", &hub_config]);
    let code = invited["code"].as_str().unwrap().to_owned();
    let hospital_config = pair.config("hospital").display().to_string();
    until("the hospital has joined", || async {
        let enrol = ["enrol", &code, "--replace", "--config", &hospital_config];
        let done = Command::new(env!("CARGO_BIN_EXE_lazaret")).args(enrol).output().unwrap();
        done.status.success().then_some(())
    })
    .await;
    let mut hospital = Process::start(&pair.config("hospital"));

    let mut draws = Draws(seed);
    let ends_at = Instant::now() + Duration::from_secs(seconds);
    let mut next_kill = Instant::now() + Duration::from_millis(2_000 + draws.below(3_000));
    let mut acknowledged = BTreeSet::new();
    let mut watermark = 0;
    let at = app::Clock::now(&lazaret::clock::SystemClock);
    while Instant::now() < ends_at {
        let batch: Vec<u64> = (watermark..watermark + BATCH).collect();
        let lines: Vec<String> = batch.iter().map(|one| line(*one, at)).collect();
        let answer = testkit::http::post_events(pair.http, "", &lines).await;
        if answer.is_ok_and(|answer| answer.status == 200) {
            acknowledged.extend(batch);
        }
        // what was not acknowledged is not sent again: its fate is open, and the count must hold either way
        watermark += BATCH;
        if Instant::now() >= next_kill {
            if draws.below(3) == 0 {
                hub.kill_and_start()
            } else {
                hospital.kill_and_start()
            }
            next_kill = Instant::now() + Duration::from_millis(2_000 + draws.below(3_000));
        }
        tokio::time::sleep(Duration::from_millis(draws.below(20))).await;
    }
    eprintln!(
        "kill harness: {} lines, {} acknowledged, hospital killed {} times, hub {} times",
        watermark,
        acknowledged.len(),
        hospital.kills,
        hub.kills
    );
    assert!(hospital.kills + hub.kills > 0, "nothing was killed");
    assert!(!acknowledged.is_empty(), "nothing was acknowledged");

    settled(&pair).await;
    hospital.stop();
    hub.stop();
    judge(&pair, &acknowledged).await;
    lazaret(&["journal", "verify", "--config", &hub_config]);
    lazaret(&["journal", "verify", "--config", &hospital_config]);
}

/// Waits until nothing waits in the hospital's outbox and its scanner has read everything.
async fn settled(pair: &Pair) {
    let store = Store::open(&pair.store("hospital")).await.unwrap();
    let mut quiet = 0;
    let mut cursor = 0;
    until("the hospital has scanned and sent everything", || {
        let store = store.clone();
        async move {
            let depth = store.outbox_depth().await.unwrap();
            let waiting: u64 = depth.iter().map(|lane| lane.waiting).sum();
            Some((waiting, store.scan_cursor().await.unwrap()))
        }
    })
    .await;
    while quiet < 20 {
        let waiting: u64 = store.outbox_depth().await.unwrap().iter().map(|lane| lane.waiting).sum();
        let now = store.scan_cursor().await.unwrap();
        quiet = if waiting == 0 && now == cursor { quiet + 1 } else { 0 };
        cursor = now;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    store.close().await;
}

async fn judge(pair: &Pair, acknowledged: &BTreeSet<u64>) {
    let (stored, events) = stored(&pair.dir.path().join("hospital/events"));
    let lost: Vec<&u64> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "acknowledged and not stored: {lost:?}");
    assert_eq!(events as usize, stored.len(), "no line was stored twice");

    let hospital = Store::open(&pair.store("hospital")).await.unwrap();
    let alerts = hospital.alerts(AlertQuery { limit: 1_000, ..AlertQuery::default() }).await.unwrap().items;
    let counted: u64 = alerts.iter().map(|alert| alert.count).sum();
    assert_eq!(counted, events, "every stored event took effect exactly once");
    let sent = hospital.outbox_recent_sent(50).await.unwrap();
    let hub = Store::open(&pair.store("hub")).await.unwrap();
    let seen = hub.sightings(store::SightingQuery { limit: 1_000, ..store::SightingQuery::default() }).await.unwrap();
    assert_eq!(seen.len(), alerts.len(), "one sighting an alert at the hub, however often it was sent");
    for item in sent.iter().filter(|item| item.kind == "sighting") {
        let newest: Sighting = serde_json::from_slice(&item.body).unwrap();
        let there = seen.iter().find(|seen| seen.sighting.id == newest.id);
        assert!(there.is_some_and(|seen| seen.sighting.count >= newest.count), "the hub knows the newest version");
    }
    hospital.close().await;
    hub.close().await;
}

/// Watermarks in the event log, and how many events there are.
fn stored(events: &Path) -> (BTreeSet<u64>, u64) {
    let limits = eventstore::Limits { free_bytes_min: 0, ..eventstore::Limits::default() };
    let (log, _) = eventstore::EventLog::open(events, limits).unwrap();
    let (mut watermarks, mut count, mut from) = (BTreeSet::new(), 0, log.tail());
    loop {
        let mut batch = eventstore::Batch::default();
        log.read(from, 1_000, 1 << 20, &mut batch).unwrap();
        if batch.next_seq() == from {
            return (watermarks, count);
        }
        for event in batch.iter() {
            watermarks.insert(watermark_of(event.bytes));
            count += 1;
        }
        from = batch.next_seq();
    }
}
