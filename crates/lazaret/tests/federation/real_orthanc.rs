//! A real Orthanc, where it is installed: a station that it does not know asks, and the hospital gets an alert from the
//! log that Orthanc itself writes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use app::AlertQuery;
use lazaret::clock::SystemClock;
use lazaret::node::Node;
use lazaret::roles::Role;
use testkit::until::until;

use crate::fixture::init;

fn program(name: &str) -> Option<PathBuf> {
    let found = ["/usr/bin", "/usr/sbin"].iter().map(|dir| Path::new(dir).join(name)).find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// Ended with the test.
struct Orthanc(Child);

impl Drop for Orthanc {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(orthanc: &Path, dir: &Path, port: u16) -> Orthanc {
    let config = dir.join("orthanc.json");
    let database = dir.join("database");
    std::fs::create_dir(&database).unwrap();
    let settings = format!(
        r#"{{"DicomPort":{port},"HttpServerEnabled":false,"DicomAlwaysAllowEcho":false,"Plugins":[],
            "StorageDirectory":{database:?},"IndexDirectory":{database:?}}}"#
    );
    std::fs::write(&config, settings).unwrap();
    let logs = format!("--logdir={}", dir.display());
    let mut command = Command::new(orthanc);
    command.arg("--verbose").arg(logs).arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
    Orthanc(command.spawn().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_that_a_real_orthanc_does_not_know_raises_an_alert() {
    let (Some(orthanc), Some(echoscu)) = (program("Orthanc"), program("echoscu")) else { return };
    let dir = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let logs = dir.path().join("orthanc");
    std::fs::create_dir(&logs).unwrap();
    let mut config = init(&dir.path().join("node"), "Klinik", Role::Hospital, "DE");
    config.follow = vec![logs.join("Orthanc.log")];
    let node = Node::start(config, Arc::new(SystemClock)).await.unwrap();
    let server = start(&orthanc, &logs, port);

    let alert = until("an alert about the unknown station", || async {
        let mut echo = Command::new(&echoscu);
        echo.args(["-aet", "STRANGER", "-aec", "ORTHANC", "127.0.0.1", &port.to_string()]);
        // it is refused; whether Orthanc listens already does not show in the exit code
        let asked = tokio::task::spawn_blocking(move || echo.stdout(Stdio::null()).stderr(Stdio::null()).status());
        asked.await.unwrap().unwrap();
        let alerts = node.app().alerts(AlertQuery { limit: 100, ..AlertQuery::default() }).await.unwrap();
        alerts.items.into_iter().find(|alert| alert.rule_title.contains("refused a station"))
    })
    .await;
    let lines = node.app().alert(alert.id).await.unwrap().lines;
    assert!(lines.iter().any(|line| line.text.contains("AET STRANGER")), "{lines:?}");
    drop(server);
    node.stop().await;
}
