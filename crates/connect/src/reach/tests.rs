//! The messenger over a real node, real sockets and real servers: a call arrives, fails over, waits for a server that
//! is down, and stops when somebody acknowledges. The node's clock is in the hand; channels run in real time.

mod mail;
mod modem;
mod webhook;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use app::{App, AppConfig, Approval, Call, Clock, Content, Keys, Letter, Limits, Outgoing, Session, ShiftOrder, Trial};
use domain::cluster::Thresholds;
use domain::party::Role;
use domain::reach::{Attempt, AttemptState, Channel, NoticeState};
use domain::telemetry::Level;
use eventstore::EventLog;
use jiff::{SignedDuration, Timestamp};
use store::{Store, Target};
use tempfile::TempDir;
use testkit::until::until;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Channels, Messenger, Words, run_messenger};

struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// What the binary gives: here only what a test must find again.
struct Plain;

impl Words for Plain {
    fn letter(&self, call: &Call, link: &str) -> Letter {
        let title = &call.notice.title;
        Letter {
            subject: format!("{} at {}", call.notice.about.word(), call.hospital),
            text: format!("{title}\n{link}\ncode {}\n", call.code),
            short: format!("{title} {}", call.code),
        }
    }

    fn answer(&self, told: &app::Told) -> String {
        format!("{told:?}")
    }
}

/// A node with one person on duty.
pub struct Desk {
    pub app: Arc<App>,
    clock: Arc<Hand>,
    pub session: Session,
    stop: watch::Sender<bool>,
    loop_task: Option<JoinHandle<()>>,
    _dir: TempDir,
}

impl Desk {
    /// A node whose only account, `ana`, is on duty and has these channels.
    pub async fn open(routes: &[(Channel, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(Hand(Mutex::new("2026-11-25T02:00:00Z".parse().unwrap())));
        let config = AppConfig {
            name: "Spital".to_owned(),
            country: "RO".to_owned(),
            zone: jiff::tz::TimeZone::UTC,
            own: vec![],
            invite: None,
            passes_on: false,
            listens: true,
            sightings: Outgoing::Send,
            approval: Approval::Person,
            thresholds: Thresholds::default(),
            trial: Trial::default(),
            kept: app::Kept::default(),
            backup_older_than: None,
            limits: Limits::default(),
        };
        let store = Store::open(&Target::Sqlite(dir.path().join("node.sqlite"))).await.unwrap();
        let limits = eventstore::Limits { free_bytes_min: 0, ..eventstore::Limits::default() };
        let (log, _) = EventLog::open(&dir.path().join("events"), limits).unwrap();
        let keys = Keys::generate().unwrap();
        let app = App::start(config, clock.clone(), keys, store, log, Content::default()).await.unwrap();
        let policy = domain::party::Actor::Policy { name: "test".to_owned() };
        let password = "a sentence that nobody guesses";
        app.add_account(&policy, "ana", Role::Admin, password).await.unwrap().unwrap();
        let start = app.login("ana", password, &app::CameFrom::default()).await.unwrap().unwrap();
        let session = app.session(&start.token).await.unwrap().unwrap();
        for (channel, address) in routes {
            app.add_route(&session, session.account, *channel, address).await.unwrap();
        }
        let order = ShiftOrder { person: session.account, deputies: vec![], from: None, until: None };
        app.add_shift(&session, order).await.unwrap();
        Self { app, clock, session, stop: watch::Sender::new(false), loop_task: None, _dir: dir }
    }

    pub fn turn(&self, by: SignedDuration) {
        *self.clock.0.lock().unwrap() += by;
    }

    /// What the loop works with.
    pub fn messenger(&self, channels: Channels) -> Messenger {
        Messenger {
            app: Arc::clone(&self.app),
            channels,
            words: Arc::new(Plain),
            console: "https://lazaret.example".to_owned(),
        }
    }

    /// Begins the loop.
    pub fn call_with(&mut self, channels: Channels) {
        let messenger = self.messenger(channels);
        self.loop_task = Some(tokio::spawn(run_messenger(messenger, self.stop.subscribe())));
    }

    /// Raises trouble of this sort; the notice's id.
    pub async fn raise(&self, code: &str) -> uuid::Uuid {
        assert!(self.app.raise_trouble(code, "", Level::Critical).await.unwrap());
        self.app.notices(1).await.unwrap()[0].id
    }

    /// The calls of a notice as soon as they are as wanted.
    pub async fn until_calls(
        &self,
        notice: uuid::Uuid,
        what: &str,
        wanted: impl Fn(&[Attempt]) -> bool,
    ) -> Vec<Attempt> {
        until(what, async || {
            let calls = self.app.notice(notice).await.unwrap().attempts;
            wanted(&calls).then_some(calls)
        })
        .await
    }

    pub async fn state_of(&self, notice: uuid::Uuid) -> NoticeState {
        self.app.notice(notice).await.unwrap().notice.state
    }

    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.loop_task.take() {
            task.await.unwrap();
        }
    }
}

pub fn sent(calls: &[Attempt]) -> usize {
    calls.iter().filter(|call| call.state == AttemptState::Sent).count()
}

/// A program of the machine; where it is missing the test says so and passes, except under `CI=true`.
pub fn program(name: &str) -> Option<PathBuf> {
    let found = ["/usr/bin", "/usr/sbin"].iter().map(|dir| Path::new(dir).join(name)).find(|path| path.exists());
    #[expect(clippy::disallowed_methods, reason = "a test learns from the environment whether it may be skipped")]
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(found.is_some() || !ci, "CI=true needs {name}");
    if found.is_none() {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// A port that nobody listens on just now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
