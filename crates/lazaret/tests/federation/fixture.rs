//! One union hub, two national hubs, two hospitals in the first country and one in the second, joined as `lazaret init`,
//! `invite` and `enrol` join them. Nodes can be stopped and started again on the same ports and files.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app::invite_code::InviteCode;
use app::{Alert, AlertQuery, App, InviteOrder, ReceivedWarning, Session};
use connect::link::{Enrolment, Tempo, enrol};
use domain::party::{Actor, Role as AccountRole};
use jiff::Timestamp;
use lazaret::config::{Answers, Config, ListenAnswers, template};
use lazaret::data_dir::DataDir;
use lazaret::node::{Extras, Node};
use lazaret::roles::Role;
use tempfile::TempDir;
use testkit::clock::HandClock;
use testkit::until::until;

/// Every account of these tests has this password.
pub const PASSWORD: &str = "three harbours and a lantern";

/// The clock in the hand as nodes take it.
struct Hand(HandClock);

impl app::Clock for Hand {
    fn now(&self) -> Timestamp {
        self.0.shows()
    }
}

/// One node, running or not.
struct Slot {
    config: Config,
    node: Option<Node>,
    token: String,
}

/// A small federation.
pub struct Federation {
    /// Everybody's clock.
    pub clock: HandClock,
    dir: TempDir,
    slots: BTreeMap<&'static str, Slot>,
    story: Arc<Mutex<Vec<String>>>,
    tempo: Tempo,
}

impl Drop for Federation {
    /// What became durable where, and every node's counters: what a failed test is understood by.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for line in self.story.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            eprintln!("{line}");
        }
        for (name, slot) in &self.slots {
            let Some(node) = &slot.node else { continue };
            for line in node.app().metrics().prometheus().lines() {
                if !line.starts_with('#') && !line.ends_with(" 0") {
                    eprintln!("{name}: {line}");
                }
            }
        }
    }
}

/// Who there is: name, role, country, hub.
const NODES: [(&str, Role, &str, Option<&str>); 6] = [
    ("union", Role::Union, "BE", None),
    ("ro", Role::National, "RO", Some("union")),
    ("fr", Role::National, "FR", Some("union")),
    ("ro-1", Role::Hospital, "RO", Some("ro")),
    ("ro-2", Role::Hospital, "RO", Some("ro")),
    ("fr-1", Role::Hospital, "FR", Some("fr")),
];

/// The hospitals.
pub const HOSPITALS: [&str; 3] = ["ro-1", "ro-2", "fr-1"];

impl Federation {
    /// Starts all six; `change` may change each node's configuration first.
    pub async fn start(change: impl Fn(&str, &mut Config)) -> Self {
        let tempo = Tempo {
            backoff_first: Duration::from_millis(20),
            backoff_max: Duration::from_millis(300),
            ..Tempo::default()
        };
        Self::start_at(tempo, change).await
    }

    /// The same, with other periods of the link.
    pub async fn start_at(tempo: Tempo, change: impl Fn(&str, &mut Config)) -> Self {
        let clock = HandClock::at("2026-11-25T09:00:00Z".parse().unwrap());
        let mut federation =
            Self { clock, dir: tempfile::tempdir().unwrap(), slots: BTreeMap::new(), story: Arc::default(), tempo };
        for (name, role, country, hub) in NODES {
            let mut config = init(&federation.dir_of(name), name, role, country);
            change(name, &mut config);
            if let Some(hub) = hub {
                join(federation.node(hub), &config, role).await;
            }
            federation.slots.insert(name, Slot { config, node: None, token: String::new() });
            federation.begin(name).await;
            if role == Role::Hospital {
                let actor = Actor::Policy { name: "test".to_owned() };
                let token = federation.app(name).new_source_token(actor, "winlogbeat").await.unwrap();
                federation.slots.get_mut(name).unwrap().token = token;
            }
        }
        federation
    }

    fn dir_of(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where a node's files are.
    pub fn files(&self, name: &str) -> PathBuf {
        self.slots[name].config.data_dir.clone()
    }

    /// A running node.
    pub fn node(&self, name: &str) -> &Node {
        self.slots[name].node.as_ref().unwrap_or_else(|| panic!("{name} does not run"))
    }

    /// A running node's use cases.
    pub fn app(&self, name: &str) -> &Arc<App> {
        self.node(name).app()
    }

    /// A node's HTTP intake and the token for it.
    pub fn intake(&self, name: &str) -> (SocketAddr, &str) {
        (self.node(name).doors().http.unwrap(), &self.slots[name].token)
    }

    /// Starts a stopped node on its old files and link port.
    pub async fn begin(&mut self, name: &'static str) {
        let clock = Arc::new(Hand(self.clock.clone()));
        let slot = self.slots.get_mut(name).unwrap();
        let extras = Extras { tempo: Some(self.tempo.clone()), ..Extras::default() };
        let node = Node::start_with(slot.config.clone(), clock, extras).await.unwrap();
        let (mut observed, story) = (node.app().observe(), Arc::clone(&self.story));
        tokio::spawn(async move {
            while let Ok(one) = observed.recv().await {
                story.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{}: {:?}", one.name, one.what));
            }
        });
        if let (Some(link), Some(url)) = (&mut slot.config.link, node.doors().link) {
            link.listen = url.strip_prefix("https://").unwrap().parse().unwrap();
        }
        slot.node = Some(node);
    }

    /// Stops a node in order.
    pub async fn stop(&mut self, name: &str) {
        self.slots.get_mut(name).unwrap().node.take().unwrap().stop().await;
    }

    /// Sends events to a hospital; they are durable when this returns.
    pub async fn send(&self, name: &str, lines: &[String]) {
        let (to, token) = self.intake(name);
        let answer = testkit::http::post_events(to, token, lines).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// A Windows helper program of a host asks for a name outside: a grave built-in rule, with the name as what the
    /// attacker shows.
    pub async fn helper_asks(&self, hospital: &str, host: &str, name: &str) {
        let line = dns_line(self.clock.shows(), host, "C:\\\\Windows\\\\System32\\\\rundll32.exe", name);
        self.send(hospital, &[line]).await;
    }

    /// A browser of a host asks for a name: nothing by itself.
    pub async fn browser_asks(&self, hospital: &str, host: &str, name: &str) {
        let line = dns_line(self.clock.shows(), host, "C:\\\\Program Files\\\\Browser\\\\browser.exe", name);
        self.send(hospital, &[line]).await;
    }

    /// Alerts of a hospital, all of them.
    pub async fn alerts(&self, hospital: &str) -> Vec<Alert> {
        self.app(hospital).alerts(AlertQuery { limit: 1_000, ..AlertQuery::default() }).await.unwrap().items
    }

    /// Waits until a hospital's card satisfies a question.
    pub async fn card(&self, hospital: &str, what: &str, asks: impl Fn(&ReceivedWarning) -> bool) -> ReceivedWarning {
        let what = format!("{hospital}: {what}");
        until(&what, || async { self.app(hospital).received().await.unwrap().into_iter().find(|card| asks(card)) })
            .await
    }

    /// Waits until an outbox is empty.
    pub async fn sent(&self, name: &str) {
        let what = format!("the outbox of {name} is empty");
        until(&what, || async {
            let depth = self.app(name).sharing().await.unwrap().depth;
            depth.iter().all(|lane| lane.waiting == 0).then_some(())
        })
        .await;
    }

    /// Makes an account and lets it in.
    pub async fn person(&self, node: &str, name: &str, role: AccountRole) -> Session {
        let app = self.app(node);
        let actor = Actor::Policy { name: "test".to_owned() };
        app.add_account(&actor, name, role, PASSWORD).await.unwrap().unwrap();
        let start = app.login(name, PASSWORD, &app::CameFrom::default()).await.unwrap().unwrap();
        app.session(&start.token).await.unwrap().unwrap()
    }

    /// Stops everything.
    pub async fn end(mut self) {
        for (name, ..) in NODES.iter().rev() {
            if self.slots[name].node.is_some() {
                self.stop(name).await;
            }
        }
    }
}

/// One Sysmon event 22 as Winlogbeat writes it.
pub fn dns_line(at: Timestamp, host: &str, image: &str, name: &str) -> String {
    format!(
        r#"{{"@timestamp":"{at}","event":{{"code":"22","kind":"event","provider":"Microsoft-Windows-Sysmon"}},"host":{{"name":"{host}"}},"winlog":{{"channel":"Microsoft-Windows-Sysmon/Operational","computer_name":"{host}","event_data":{{"RuleName":"-","ProcessId":"6716","QueryName":"{name}","QueryStatus":"0","QueryResults":"-","Image":"{image}","User":"X\\y"}},"event_id":"22","provider_name":"Microsoft-Windows-Sysmon","record_id":1}}}}"#
    )
}

/// What `lazaret init` does, with free ports.
pub fn init(dir: &Path, name: &str, role: Role, country: &str) -> Config {
    let any = || "127.0.0.1:0".to_owned();
    let text = template(&Answers {
        role,
        name: name.to_owned(),
        country: country.to_owned(),
        zone: "UTC".to_owned(),
        data_dir: ".".to_owned(),
        console: any(),
        admin: any(),
        link: any(),
        link_urls: vec![],
        listeners: ListenAnswers { syslog_udp: any(), syslog_tcp: any(), http: any() },
    });
    let data = DataDir::at(dir);
    data.create().unwrap();
    data.create_keys().unwrap();
    let mut config = Config::read(&text, dir).unwrap();
    if config.link.is_some() {
        data.create_authority(name).unwrap();
    }
    config.events.free_bytes_min = 0;
    config
}

async fn join(hub: &Node, config: &Config, role: Role) {
    let data = DataDir::at(&config.data_dir);
    let keys = data.keys().unwrap();
    let name = config.app.name.clone();
    let order = InviteOrder { name: name.clone(), country: config.app.country.clone(), role: role.as_member() };
    let code = hub.app().invite(&Actor::Policy { name: "test".to_owned() }, order).await.unwrap();
    let code = InviteCode::read(&code).unwrap();
    let uplink = enrol(&Enrolment { code: &code, name: &name, keys: &keys, proxy: None }).await.unwrap();
    data.uplink().write(&uplink).unwrap();
}
