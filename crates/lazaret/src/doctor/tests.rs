//! Break a node one way at a time: the doctor says that, and only that.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Finding, Verdict, examine};
use crate::clock::SystemClock;
use crate::config::{Answers, Config, ListenAnswers, template};
use crate::data_dir::{DataDir, write_new};
use crate::node::Node;
use crate::roles::Role;

struct Patient {
    dir: tempfile::TempDir,
}

impl Patient {
    /// A hospital that was started once.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let any = "127.0.0.1:0".to_owned();
        let listeners = ListenAnswers { syslog_udp: any.clone(), syslog_tcp: any.clone(), http: any.clone() };
        let text = template(&Answers {
            role: Role::Hospital,
            name: "County Hospital".to_owned(),
            country: "RO".to_owned(),
            zone: "UTC".to_owned(),
            data_dir: ".".to_owned(),
            console: any.clone(),
            admin: any.clone(),
            link: any,
            link_urls: Vec::new(),
            listeners,
        });
        // no disk of a test machine is judged
        let text = text.replace("# free_bytes = \"512 MiB\"", "free_bytes = \"1 MiB\"");
        let data = DataDir::at(dir.path());
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        data.create_keys().unwrap();
        write_new(&dir.path().join("lazaret.toml"), text.as_bytes(), 0o600).unwrap();
        let patient = Self { dir };
        patient.start().await.stop().await;
        patient
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("lazaret.toml")
    }

    async fn start(&self) -> Node {
        Node::start(Config::load(&self.file()).unwrap(), Arc::new(SystemClock)).await.unwrap()
    }

    async fn wrong(&self) -> Vec<Finding> {
        let found = examine(&self.file()).await;
        found.into_iter().filter(|finding| finding.verdict == Verdict::Wrong).collect()
    }

    fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.file()).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(self.file(), text.replacen(from, to, 1)).unwrap();
    }
}

fn only(found: &[Finding], check: &str, says: &str, mend: &str) {
    let [one] = found else { panic!("{check} alone is wrong: {found:#?}") };
    assert_eq!(one.check, check);
    assert!(one.says.contains(says), "{}", one.says);
    assert!(one.mend.as_ref().unwrap().contains(mend), "{:?}", one.mend);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_node_is_found_sound_running_or_not() {
    let patient = Patient::new().await;
    assert_eq!(patient.wrong().await, []);
    let node = patient.start().await;
    assert_eq!(patient.wrong().await, []);
    let process = examine(&patient.file()).await.into_iter().find(|finding| finding.check == "process").unwrap();
    assert_eq!(process, Finding::good("process", "the node runs"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_is_named_with_what_mends_it() {
    let patient = Patient::new().await;
    let dir = patient.dir.path();

    patient.edit("country = \"RO\"", "country = \"Romania\"");
    only(&patient.wrong().await, "configuration", "country", "config check");
    patient.edit("country = \"Romania\"", "country = \"RO\"");

    std::fs::set_permissions(dir.join("node.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    only(&patient.wrong().await, "permissions", "everybody", "chmod 600");
    std::fs::set_permissions(dir.join("node.key"), std::fs::Permissions::from_mode(0o600)).unwrap();

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    patient.edit("http = \"127.0.0.1:0\"", &format!("http = \"{address}\""));
    only(&patient.wrong().await, "addresses", "another process", "ss -lptn");
    patient.edit(&address, "127.0.0.1:0");

    patient.edit("free_bytes = \"1 MiB\"", "free_bytes = \"900 TiB\"");
    only(&patient.wrong().await, "disk", "are free", "events.keep");
    patient.edit("free_bytes = \"900 TiB\"", "free_bytes = \"1 MiB\"");

    let future = std::time::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
    let file = std::fs::File::create(dir.join("first-run")).unwrap();
    file.set_modified(future).unwrap();
    only(&patient.wrong().await, "file times", "the clock shows", "timedatectl");
    std::fs::remove_file(dir.join("first-run")).unwrap();

    let events = dir.join("events");
    let segment = std::fs::read_dir(&events).unwrap().map(|entry| entry.unwrap().path());
    let raw = segment.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "raw")).unwrap();
    std::fs::write(events.join("00000000000000000001.raw"), vec![7; 4096]).unwrap();
    only(&patient.wrong().await, "event log", "damaged in 1", "restore");
    if raw.ends_with("00000000000000000001.raw") {
        std::fs::write(&raw, []).unwrap();
    } else {
        std::fs::remove_file(events.join("00000000000000000001.raw")).unwrap();
    }

    std::fs::write(dir.join("lazaret.sqlite"), "no database at all, but long enough to be looked at as one").unwrap();
    let _ = std::fs::remove_file(dir.join("lazaret.sqlite-wal"));
    only(&patient.wrong().await, "database", "unreadable", "lazaret restore");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_a_newer_program_is_left_alone() {
    let patient = Patient::new().await;
    let path = patient.dir.path().join("lazaret.sqlite");
    store_of_the_future(&path).await;
    let before = std::fs::read(&path).unwrap();
    only(&patient.wrong().await, "database", "up to", "newer lazaret");
    let config = Config::load(&patient.file()).unwrap();
    let problem = Node::start(config, Arc::new(SystemClock)).await.err().unwrap();
    let told = format!("{problem:#}");
    assert!(told.contains("schema 9999") && told.contains("start the newer program again"), "{told}");
    assert_eq!(std::fs::read(&path).unwrap(), before, "nothing was touched");
}

/// Marks a database as one that a much later version has changed, as SQLite's own shell would.
async fn store_of_the_future(path: &std::path::Path) {
    let done = std::process::Command::new("python3")
        .arg("-c")
        .arg("import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.execute(\"INSERT INTO migration VALUES (9999, 'x')\"); d.commit(); d.execute('PRAGMA wal_checkpoint(TRUNCATE)'); d.close()")
        .arg(path)
        .status();
    assert!(done.is_ok_and(|status| status.success()), "python3 with sqlite3 is needed");
}
