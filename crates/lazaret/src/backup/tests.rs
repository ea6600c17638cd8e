//! A node is backed up and comes back in an empty place; what was changed, cut or does not fit is told, and nothing is
//! lost by it.

use std::path::Path;
use std::sync::Arc;

use domain::party::Actor;
use jiff::Timestamp;

use super::make::SCRATCH;
use super::{Access, Identity, Made, Order, Restored, Settings, Target, Wanted, make, restore};
use crate::clock::SystemClock;
use crate::config::{Answers, Config, ListenAnswers, template};
use crate::data_dir::{DataDir, write_new};
use crate::node::Node;
use crate::roles::Role;

struct Hospital {
    dir: tempfile::TempDir,
    config: Config,
    identity: Identity,
    settings: Settings,
}

fn hospital() -> Hospital {
    let dir = tempfile::tempdir().unwrap();
    let any = "127.0.0.1:0".to_owned();
    let text = template(&Answers {
        role: Role::Hospital,
        name: "County Hospital".to_owned(),
        country: "RO".to_owned(),
        zone: "UTC".to_owned(),
        data_dir: ".".to_owned(),
        console: any.clone(),
        admin: any.clone(),
        link: any.clone(),
        link_urls: Vec::new(),
        listeners: ListenAnswers { syslog_udp: any.clone(), syslog_tcp: any.clone(), http: any },
    });
    let home = dir.path().join("node");
    DataDir::at(&home).create().unwrap();
    DataDir::at(&home).create_keys().unwrap();
    write_new(&home.join("lazaret.toml"), text.as_bytes(), 0o600).unwrap();
    std::fs::create_dir(dir.path().join("target")).unwrap();
    let config = Config::load(&home.join("lazaret.toml")).unwrap();
    let identity = Identity::generate().unwrap();
    let settings = Settings {
        target: dir.path().join("target").display().to_string(),
        access: Access::default(),
        recipient: identity.recipient(),
        every: std::time::Duration::from_secs(86_400),
        older_than: std::time::Duration::from_secs(129_600),
    };
    Hospital { dir, config, identity, settings }
}

fn lines(from: usize, count: usize) -> Vec<String> {
    (from..from + count).map(|at| format!(r#"{{"message":"line {at}","n":{at}}}"#)).collect()
}

impl Hospital {
    async fn start(&self) -> Node {
        Node::start(self.config.clone(), Arc::new(SystemClock)).await.unwrap()
    }

    async fn backup(&self, second: i64) -> anyhow::Result<Made> {
        make(&self.config, &self.settings, Timestamp::from_second(1_795_000_000 + second).unwrap()).await
    }

    fn order(&self, name: &str) -> Order {
        Order {
            from: Target::read(&self.settings.target, &Access::default()).unwrap(),
            identity: self.identity.clone(),
            dir: self.dir.path().join(name),
            config: None,
            node: None,
            backup: None,
            wanted: Wanted::All,
        }
    }

    async fn restore(&self, order: &Order) -> anyhow::Result<Restored> {
        restore(order, &|_, _| ()).await
    }

    fn target(&self) -> std::path::PathBuf {
        self.dir.path().join("target")
    }
}

/// Every file below, with its length.
fn files(dir: &Path) -> Vec<(std::path::PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), std::fs::metadata(&path).unwrap().len()));
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_comes_back_in_an_empty_place() {
    let mut hospital = hospital();
    hospital.config.events.segment_bytes_max = 4096;
    let node = hospital.start().await;
    let actor = Actor::Policy { name: "test".to_owned() };
    let token = node.app().new_source_token(actor, "sender").await.unwrap();
    let http = node.doors().http.unwrap();
    for from in (0..200).step_by(20) {
        assert_eq!(testkit::http::post_events(http, &token, &lines(from, 20)).await.unwrap().status, 200);
    }
    testkit::until::until("a segment is sealed", || async {
        let files = eventstore::segment_files(&hospital.config.data_dir.join("events")).unwrap();
        files.iter().any(|file| file.identity.is_some()).then_some(())
    })
    .await;
    // beside the running node
    let first = hospital.backup(1).await.unwrap();
    assert_eq!(testkit::http::post_events(http, &token, &lines(200, 5)).await.unwrap().status, 200);
    node.stop().await;
    let second = hospital.backup(2).await.unwrap();
    assert!(second.segments_kept > 0 && second.sent_bytes < second.bytes, "sealed segments are sent once: {second:?}");
    assert_ne!(first.name, second.name);

    let restored = hospital.restore(&hospital.order("new")).await.unwrap();
    assert_eq!((restored.backup.as_str(), restored.epoch), (second.name.as_str(), Some(2)));
    let config = Config::load(&restored.config.unwrap()).unwrap();
    assert_eq!(config.data_dir, hospital.dir.path().join("new"));
    let node = Node::start(config, Arc::new(SystemClock)).await.unwrap();
    assert_eq!(node.id(), DataDir::at(&hospital.config.data_dir).keys().unwrap().node_id());
    let sources = node.app().sources().await.unwrap();
    assert_eq!(sources.iter().map(|source| source.key.as_str()).collect::<Vec<_>>(), ["http:sender"]);
    let http = node.doors().http.unwrap();
    assert_eq!(testkit::http::post_events(http, &token, &lines(205, 1)).await.unwrap().status, 200, "tokens hold");
    node.stop().await;
    let (log, _) = eventstore::EventLog::open(&hospital.dir.path().join("new/events"), config_limits()).unwrap();
    let mut batch = eventstore::Batch::default();
    log.read(1, 1_000, 10 << 20, &mut batch).unwrap();
    let texts: Vec<String> = batch.iter().map(|event| String::from_utf8_lossy(event.bytes).into_owned()).collect();
    assert_eq!(texts, lines(0, 206), "every event, once, in order");

    let older = Order { backup: Some(first.name), ..hospital.order("older") };
    assert_eq!(hospital.restore(&older).await.unwrap().backup, older.backup.clone().unwrap());
    let again = hospital.restore(&older).await.unwrap_err();
    assert!(again.to_string().contains("not empty"), "{again:#}");
    let short = Order { wanted: Wanted::WithoutEvents, ..hospital.order("short") };
    assert_eq!(hospital.restore(&short).await.unwrap().segments, 0);
}

fn config_limits() -> eventstore::Limits {
    eventstore::Limits { free_bytes_min: 0, ..eventstore::Limits::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tampered_backup_restores_nothing_and_an_older_one_still_does() {
    let hospital = hospital();
    hospital.start().await.stop().await;
    let first = hospital.backup(1).await.unwrap();
    let second = hospital.backup(2).await.unwrap();
    let named = |name: &str| {
        let found = files(&hospital.target()).into_iter().map(|(path, _)| path);
        found.into_iter().find(|path| path.ends_with(Path::new(&second.name).join(name))).unwrap()
    };
    for (name, says) in [("database.age", "damaged or was changed"), ("files.age", "damaged or was changed")] {
        let path = named(name);
        let whole = std::fs::read(&path).unwrap();
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(&path, changed).unwrap();
        let problem = hospital.restore(&hospital.order("new")).await.unwrap_err();
        assert!(format!("{problem:#}").contains(says), "{problem:#}");
        assert!(!hospital.dir.path().join("new").exists(), "nothing is left of it");
        assert!(!hospital.dir.path().join("new.restoring").exists(), "nothing is left of it");
        std::fs::write(&path, whole).unwrap();
    }
    let other = Order { identity: Identity::generate().unwrap(), ..hospital.order("new") };
    let problem = hospital.restore(&other).await.unwrap_err();
    assert!(format!("{problem:#}").contains("another key"), "{problem:#}");
    // without its manifest the second is no backup: the first is taken
    std::fs::write(named("manifest"), "{}\n{}\n").unwrap();
    assert_eq!(hospital.restore(&hospital.order("new")).await.unwrap().backup, first.name);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_repeats_what_was_erased_since() {
    use crate::erasure::{Doing, Erasure};
    let hospital = hospital();
    let node = hospital.start().await;
    let actor = Actor::Policy { name: "test".to_owned() };
    let token = node.app().new_source_token(actor, "sender").await.unwrap();
    let named = [r#"{"message":"patient-4711 came"}"#.to_owned(), r#"{"message":"nobody came"}"#.to_owned()];
    let http = node.doors().http.unwrap();
    assert_eq!(testkit::http::post_events(http, &token, &named).await.unwrap().status, 200);
    node.stop().await;
    let before = hospital.backup(1).await.unwrap();
    let keys = DataDir::at(&hospital.config.data_dir).keys().unwrap();
    let now = app::Clock::now(&SystemClock);
    let words = vec!["patient-4711".to_owned()];
    let erasure = Erasure::new(keys.node_id(), now, (None, None), None, words).unwrap();
    erasure.keep(&hospital.config.data_dir, &hospital.settings.recipient, &keys).unwrap();
    hospital.backup(2).await.unwrap();
    let older = Order { backup: Some(before.name), ..hospital.order("older") };
    assert_eq!(hospital.restore(&older).await.unwrap().erased, 1);
    let (log, _) = eventstore::EventLog::open(&older.dir.join("events"), config_limits()).unwrap();
    assert!(erasure.run(&log, Doing::Counting).unwrap().seqs.is_empty(), "it is gone there too");
    assert_eq!(log.get(1).unwrap().unwrap().bytes, eventstore::ERASED);
    assert_eq!(log.get(2).unwrap().unwrap().bytes, named[1].as_bytes());
}

/// Fills the target and sees that nothing of the node or of earlier backups suffers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_target_is_told_and_the_last_backup_stays() {
    let hospital = hospital();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
        .arg(hospital.target())
        .output();
    if !mounted.is_ok_and(|done| done.status.success()) {
        eprintln!("skipped: mounting a small tmpfs needs root");
        return;
    }
    hospital.start().await.stop().await;
    let made = hospital.backup(1).await;
    std::fs::write(hospital.target().join("ballast"), vec![0_u8; 4 << 20]).unwrap_err();
    let problem = hospital.backup(2).await;
    let restored = hospital.restore(&hospital.order("new")).await;
    let left = files(&hospital.target()).into_iter().filter(|(path, _)| path.ends_with("part")).count();
    let unmounted = std::process::Command::new("umount").arg("-l").arg(hospital.target()).status().unwrap();
    let problem = format!("{:#}", problem.unwrap_err());
    assert!(problem.contains("it is full; free space there"), "{problem}");
    assert_eq!(restored.unwrap().backup, made.unwrap().name, "the one before holds");
    assert_eq!(left, 0, "no half file");
    assert!(!hospital.config.data_dir.join(SCRATCH).exists(), "nothing is left in the data directory");
    assert!(unmounted.success());
}
