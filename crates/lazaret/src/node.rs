//! A node is a value: everything one process of `lazaret serve` runs, started from a decided configuration and a clock.
//! Nothing here is static, so a test or the demo runs as many nodes as it likes in one process.
//!
//! Stopping has an order: doors close and what they accepted is stored, then the loops finish, then the store closes.

mod doors;
mod outside;
mod reach;
mod reload;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use app::{App, Clock, LinkState};
use connect::link::{Client, Tempo, Uplink, UplinkFile};
use domain::party::NodeId;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::content::suppliers::Supplier;
use crate::data_dir::{DataDir, Lock};
use crate::roles::Has;
use crate::visit::open_store;

pub use doors::{Doors, console_base};
pub use reach::messenger;
use reload::Certificates;
pub use reload::Reloaded;

/// How long stopping waits for each step.
const DRAIN: Duration = Duration::from_secs(10);
/// How often alerts that are too old are dropped.
const RETENTION_EVERY: Duration = Duration::from_secs(3600);

/// What a caller adds to a node besides its configuration.
#[derive(Clone, Default)]
pub struct Extras {
    /// What the theatre shows; only the demo has one.
    pub theatre: Option<web::Theatre>,
    /// Suppliers beside the built-in list: those that the demo invents.
    pub suppliers: Vec<Supplier>,
    /// The link client's periods; none: the defaults with the configured longest wait.
    pub tempo: Option<Tempo>,
}

/// One running node.
pub struct Node {
    app: Arc<App>,
    dir: DataDir,
    config: Config,
    certificates: Certificates,
    doors: Doors,
    close_doors: watch::Sender<bool>,
    stop_loops: watch::Sender<bool>,
    door_tasks: JoinSet<()>,
    loop_tasks: JoinSet<()>,
    _lock: Lock,
}

impl Node {
    /// Starts a node: takes the data directory's lock, opens store and event log, compiles the engine, binds every
    /// door, begins every loop of its role. Errors: whatever of this fails, with what to do.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        Self::start_with(config, clock, Extras::default()).await
    }

    /// The same, with what only the demo and tests add.
    pub async fn start_with(config: Config, clock: Arc<dyn Clock>, extras: Extras) -> anyhow::Result<Self> {
        let dir = DataDir::at(&config.data_dir);
        let lock = dir.lock()?;
        let mut config = config;
        let link = doors::bind_link(&mut config, &dir).await?;
        let app = open(&config, &dir, clock, extras.suppliers.clone()).await?;
        // Before any door or loop: a sighting taken or scanned without knowing the hub above is never passed on to it.
        let uplink = match config.role.parts().uplink {
            Has::Yes => dir.uplink().read()?,
            Has::No => None,
        };
        if let Some(uplink) = &uplink {
            app.set_hub_key(uplink.hub_key());
        }
        let (close_doors, doors_closing) = watch::channel(false);
        let (stop_loops, loops_stopping) = watch::channel(false);
        let certificates = Certificates::default();
        let (door_tasks, loop_tasks) = (JoinSet::new(), JoinSet::new());
        let mut starting = Starting { config, dir, app, certificates, door_tasks, loop_tasks };
        let doors = starting.open_doors(&extras, link, &doors_closing).await?;
        starting.begin_loops(&extras, uplink, &loops_stopping)?;
        if let Some(messenger) = messenger(&starting.config, &starting.app, &doors.console)? {
            starting.loop_tasks.spawn(connect::reach::run_messenger(messenger, loops_stopping.clone()));
        }
        let Starting { config, dir, app, certificates, door_tasks, loop_tasks } = starting;
        tracing::info!(node = %app.node(), name = app.name(), console = doors.console, "the node runs");
        Ok(Self { app, dir, config, certificates, doors, close_doors, stop_loops, door_tasks, loop_tasks, _lock: lock })
    }

    /// The use cases.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The node's identity.
    pub fn id(&self) -> NodeId {
        self.app.node()
    }

    /// Where its doors are.
    pub fn doors(&self) -> Doors {
        self.doors.clone()
    }

    /// The one-time link with which the first account is made; none once there is one.
    pub async fn first_run_link(&self) -> anyhow::Result<Option<String>> {
        if !self.app.account_names().await?.is_empty() {
            return Ok(None);
        }
        let kept = std::fs::read_to_string(self.dir.first_run()).ok();
        let token = match kept {
            Some(token) if self.app.first_run_open(&token).await? => token,
            _ => self.app.create_first_run().await?,
        };
        Ok(Some(format!("{}/first-run?token={token}", self.doors.console)))
    }

    /// Stops in order. Nothing that was acknowledged is lost; what waits for a hub stays in the store.
    pub async fn stop(mut self) {
        let _ = self.close_doors.send(true);
        drain("doors", &mut self.door_tasks).await;
        let _ = self.stop_loops.send(true);
        drain("loops", &mut self.loop_tasks).await;
        self.app.stop().await;
    }
}

async fn drain(what: &str, tasks: &mut JoinSet<()>) {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            if let Err(problem) = ended {
                tracing::error!(%problem, "a task of the {what} was lost");
            }
        }
    };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        tracing::error!("some {what} did not stop in time; they are cut off");
        tasks.shutdown().await;
    }
}

/// Opens the store, event log and content of a node and compiles its engine. The caller holds the lock.
pub(crate) async fn open(
    config: &Config,
    dir: &DataDir,
    clock: Arc<dyn Clock>,
    suppliers: Vec<Supplier>,
) -> anyhow::Result<Arc<App>> {
    let keys = dir.keys()?;
    let store = open_store(&config.store).await?;
    let (events, limits) = (dir.events(), config.events.clone());
    let opened = tokio::task::spawn_blocking(move || eventstore::EventLog::open(&events, limits)).await?;
    let (log, recovery) = opened.with_context(|| format!("cannot open the event log in {}", dir.events().display()))?;
    tracing::info!(?recovery, "the event log is open");
    let rules_dir = config.rules_dir.clone();
    let content = tokio::task::spawn_blocking(move || crate::load::content(rules_dir.as_deref(), &suppliers)).await??;
    Ok(App::start(config.app.clone(), clock, keys, store, log, content).await?)
}

/// A node whose parts are being put together.
struct Starting {
    config: Config,
    dir: DataDir,
    app: Arc<App>,
    certificates: Certificates,
    door_tasks: JoinSet<()>,
    loop_tasks: JoinSet<()>,
}

impl Starting {
    fn begin_loops(
        &mut self,
        extras: &Extras,
        uplink: Option<Uplink>,
        stop: &watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let parts = self.config.role.parts();
        if parts.intake == Has::Yes {
            self.loop_tasks.spawn(Arc::clone(&self.app).run_scanner(stop.clone()));
        }
        if parts.members == Has::Yes {
            self.loop_tasks.spawn(Arc::clone(&self.app).run_correlator(stop.clone()));
        }
        if let Some(uplink) = uplink {
            self.begin_uplink(extras, uplink, stop)?;
        }
        match crate::control::bind(&self.config.data_dir) {
            Ok(door) => {
                let (app, rules_dir) = (Arc::clone(&self.app), self.config.rules_dir.clone());
                self.loop_tasks.spawn(crate::control::serve(door, app, rules_dir, stop.clone()));
            }
            // commands then say so; the node itself does not need the door
            Err(problem) => tracing::warn!(%problem, "the control door stays shut"),
        }
        self.loop_tasks.spawn(Arc::clone(&self.app).run_housekeeping(stop.clone()));
        if parts.intake == Has::Yes {
            self.loop_tasks.spawn(Arc::clone(&self.app).run_probe(stop.clone()));
        }
        let looks = outside::run(Arc::clone(&self.app), self.config.clone(), self.dir.clone(), stop.clone());
        self.loop_tasks.spawn(looks);
        if let Some(settings) = self.config.backup.clone() {
            let (app, config) = (Arc::clone(&self.app), self.config.clone());
            self.loop_tasks.spawn(crate::backup::run_schedule(app, config, settings, stop.clone()));
        }
        self.loop_tasks.spawn(retention(Arc::clone(&self.app), self.config.alerts_kept, stop.clone()));
        Ok(())
    }

    fn begin_uplink(&mut self, extras: &Extras, uplink: Uplink, stop: &watch::Receiver<bool>) -> anyhow::Result<()> {
        let file: UplinkFile = self.dir.uplink();
        self.app.set_link_state(LinkState::Disconnected { peer: uplink.hub_name.clone(), since: self.app.now() });
        let tempo = extras
            .tempo
            .clone()
            .unwrap_or_else(|| Tempo { backoff_max: self.config.uplink.backoff_max, ..Tempo::default() });
        let client = Client {
            app: Arc::clone(&self.app),
            uplink,
            file,
            proxy: self.config.uplink.proxy.clone().map(connect::link::Proxy),
            tempo,
            seed: u64::from_be_bytes(app::random::<8>()?),
        };
        self.loop_tasks.spawn(connect::link::run_client(client, stop.clone()));
        Ok(())
    }
}

/// Drops alerts that are older than they are kept, until told to stop.
async fn retention(app: Arc<App>, kept: Duration, mut stop: watch::Receiver<bool>) {
    loop {
        match app.retain_alerts(kept).await {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(dropped, "alerts were dropped by retention"),
            Err(problem) => tracing::warn!(%problem, "retention of alerts failed; it is tried again"),
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(RETENTION_EVERY) => {}
        }
    }
}
