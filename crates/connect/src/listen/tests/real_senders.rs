//! The programs that really send: util-linux `logger` and `rsyslogd`, where they
//! are installed. Byte for byte.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Kept, Running, loopback, quick};
use crate::listen::ListenerConfig;

const TEXT: &str = "C-FIND from MODALITY1 für Müller";

fn program(name: &str) -> Option<PathBuf> {
    let found = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].iter().map(|d| Path::new(d).join(name)).find(|p| p.exists());
    if found.is_none() {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

async fn run_logger(logger: &Path, port: u16, how: &[&str]) {
    let mut command = Command::new(logger);
    command.args(["--server", "127.0.0.1", "--port", &port.to_string(), "--tag", "orthanc"]).args(how).arg(TEXT);
    let logged = tokio::task::spawn_blocking(move || command.status()).await.expect("runs").expect("runs");
    assert!(logged.success());
}

#[tokio::test]
async fn logger_is_heard() {
    let Some(logger) = program("logger") else { return };
    let kept = Kept::open();
    let udp = Running::start(ListenerConfig::SyslogUdp { address: loopback() }, quick(), &kept).await;
    let tcp = Running::start(ListenerConfig::SyslogTcp { address: loopback(), tls: None }, quick(), &kept).await;
    let cases: [(u16, &[&str]); 4] = [
        (udp.address.port(), &["--udp"]),
        (tcp.address.port(), &["--tcp"]),
        (tcp.address.port(), &["--tcp", "--octet-count"]),
        (tcp.address.port(), &["--tcp", "--rfc3164"]),
    ];
    for (number, (port, how)) in (1..).zip(cases) {
        run_logger(&logger, port, how).await;
        kept.until_events(number).await;
        let text = kept.texts().pop().expect("an event");
        assert!(text.starts_with("<13>") && text.ends_with(TEXT), "{how:?}: {text}");
        assert_eq!(text.contains("orthanc: "), how.contains(&"--rfc3164"), "{how:?}: {text}");
    }
    udp.stop().await;
    tcp.stop().await;
}

/// Ended with the test.
struct Sender(Child);

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn rsyslog_forwards_byte_for_byte() {
    let Some(rsyslogd) = program("rsyslogd") else { return };
    let kept = Kept::open();
    let tcp = Running::start(ListenerConfig::SyslogTcp { address: loopback(), tls: None }, quick(), &kept).await;
    let dir = tempfile::tempdir().expect("a directory");
    let input = dir.path().join("input.log");
    std::fs::write(&input, "").expect("writes");
    let framings = ["traditional", "octet-counted"];
    let actions: String = framings
        .iter()
        .map(|framing| {
            format!(
                "action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{}\" protocol=\"tcp\" TCP_Framing=\"{framing}\" \
                 template=\"RSYSLOG_SyslogProtocol23Format\")\n",
                tcp.address.port()
            )
        })
        .collect();
    let config = format!(
        "global(workDirectory=\"{dir}\")\nmodule(load=\"imfile\" mode=\"polling\" pollingInterval=\"1\")\n\
         input(type=\"imfile\" file=\"{input}\" tag=\"pacs:\" freshStartTail=\"off\")\n{actions}",
        dir = dir.path().display(),
        input = input.display(),
    );
    let config_path = dir.path().join("rsyslog.conf");
    std::fs::write(&config_path, config).expect("writes");
    std::fs::write(&input, format!("{TEXT}\nsecond line\n")).expect("writes");
    let child = Command::new(rsyslogd)
        .args(["-n", "-f"])
        .arg(&config_path)
        .arg("-i")
        .arg(dir.path().join("pid"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let running = Sender(child);
    kept.until_events(4).await;
    drop(running);
    let texts = kept.texts();
    for text in [TEXT, "second line"] {
        let same: Vec<&String> = texts.iter().filter(|t| t.ends_with(text)).collect();
        assert_eq!(same.len(), framings.len(), "{texts:?}");
        assert!(same.iter().all(|t| *t == same[0]), "both framings give the same record: {texts:?}");
        assert!(same[0].starts_with('<'), "{texts:?}");
    }
    tcp.stop().await;
}
