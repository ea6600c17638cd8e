//! Nodes as processes of the built binary: made by its own commands, killed with SIGKILL, started again on their files.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use store::Target;
use testkit::until::until;

/// Who there is: name, role, country, hub; every hub before its members.
pub const NODES: [(&str, &str, &str, Option<&str>); 5] = [
    ("union", "union", "BE", None),
    ("ro", "national", "RO", Some("union")),
    ("fr", "national", "FR", Some("union")),
    ("ro-1", "hospital", "RO", Some("ro")),
    ("fr-1", "hospital", "FR", Some("fr")),
];

/// Runs a command of the binary to its end and answers its JSON.
pub fn lazaret(args: &[&str]) -> serde_json::Value {
    let done = Command::new(env!("CARGO_BIN_EXE_lazaret")).args(args).args(["--output", "json"]).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap_or_default()
}

/// A node as a process that is killed and started again.
pub struct Process {
    config: PathBuf,
    child: Child,
    /// How often it was killed.
    pub kills: u32,
}

impl Process {
    /// Starts it on its files.
    pub fn start(config: &Path) -> Self {
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

    /// SIGKILL, and a new one on the same files.
    pub fn kill_and_start(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = Self::spawn(&self.config);
        self.kills += 1;
    }

    /// SIGTERM, and waits for the orderly end.
    pub fn stop(&mut self) {
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

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The directories of all nodes, each node joined to its hub.
pub struct Europe {
    dir: tempfile::TempDir,
    intakes: Vec<(&'static str, SocketAddr)>,
}

impl Europe {
    /// `init` for each, in the order of [`NODES`].
    pub fn init() -> Self {
        let mut europe = Self { dir: tempfile::tempdir().unwrap(), intakes: Vec::new() };
        for (name, role, country, _) in NODES {
            let (dir, any) = (europe.path(name).display().to_string(), "127.0.0.1:0".to_owned());
            let port = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let own = port.to_string();
            let common = ["init", "--role", role, "--dir", &dir, "--name", name, "--country", country];
            let doors = ["--console", &any, "--admin", &any];
            let rest: &[&str] = match role {
                "hospital" => &["--http", &own, "--syslog-udp", &any, "--syslog-tcp", &any],
                _ => &["--link", &own],
            };
            lazaret(&[&common[..], &doors, rest].concat());
            if role == "hospital" {
                europe.intakes.push((name, port));
                let text = std::fs::read_to_string(europe.config(name)).unwrap();
                let text = text.replace("# http_senders = \"token\"", "http_senders = \"anyone\"");
                let text = text.replace("# free_bytes = \"512 MiB\"", "free_bytes = \"0 B\"");
                std::fs::write(europe.config(name), text).unwrap();
            }
        }
        europe
    }

    /// Starts a node after it joined its hub, which runs.
    pub async fn start(&self, name: &str, country: &str, hub: Option<&str>) -> Process {
        let own = self.config(name).display().to_string();
        if let Some(hub) = hub {
            let at = self.config(hub).display().to_string();
            let invited = lazaret(&["invite", name, "--country", country, "--config", &at]);
            let code = invited["code"].as_str().unwrap().to_owned();
            let what = format!("{name} has joined {hub}");
            until(&what, || async {
                let enrol = ["enrol", &code, "--replace", "--config", &own];
                let done = Command::new(env!("CARGO_BIN_EXE_lazaret")).args(enrol).output().unwrap();
                done.status.success().then_some(())
            })
            .await;
        }
        Process::start(&self.config(name))
    }

    /// The hospitals and where they take events.
    pub fn intakes(&self) -> &[(&'static str, SocketAddr)] {
        &self.intakes
    }

    /// A node's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A node's configuration file.
    pub fn config(&self, name: &str) -> PathBuf {
        self.path(name).join("lazaret.toml")
    }

    /// A node's store.
    pub fn store(&self, name: &str) -> Target {
        Target::Sqlite(self.path(name).join("lazaret.sqlite"))
    }
}
