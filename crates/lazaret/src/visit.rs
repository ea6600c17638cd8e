//! The use cases of a node for a command that runs beside it, or without it: its store and keys, but an event log of
//! its own that is thrown away, because the running node holds the real one.
//! A file of its own because no loop, listener or engine may start in a command.

use std::ops::Deref;
use std::sync::Arc;

use anyhow::Context as _;
use app::App;
use store::Store;

use crate::clock::SystemClock;
use crate::config::{Config, StoreTarget};
use crate::data_dir::{DataDir, invite_address};

/// A node's use cases for the life of one command.
pub struct Visit {
    app: Arc<App>,
    _events: tempfile::TempDir,
}

impl Deref for Visit {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl Visit {
    /// Opens a node's store and keys.
    pub async fn begin(config: &Config) -> anyhow::Result<Self> {
        let dir = DataDir::at(&config.data_dir);
        let keys = dir.keys()?;
        let mut decided = config.app.clone();
        if let Some(link) = config.link.as_ref().filter(|link| !link.urls.is_empty()) {
            decided.invite = Some(invite_address(link.urls.clone(), &dir.authority()?));
        }
        let store = open_store(&config.store).await?;
        let events = tempfile::tempdir().context("cannot make a temporary directory")?;
        let limits = eventstore::Limits { free_bytes_min: 0, ..eventstore::Limits::default() };
        let (log, _) = eventstore::EventLog::open(events.path(), limits)?;
        let content = app::Content { suppliers: crate::load::suppliers()?, ..app::Content::default() };
        let app = App::start(decided, Arc::new(SystemClock), keys, store, log, content).await?;
        Ok(Self { app, _events: events })
    }

    /// The use cases, for what keeps them.
    pub fn shared(&self) -> &Arc<App> {
        &self.app
    }

    /// Ends the visit.
    pub async fn end(self) {
        self.app.stop().await;
    }
}

/// Who acts when a command does.
pub fn command_line() -> domain::party::Actor {
    domain::party::Actor::Policy { name: "command-line".to_owned() }
}

/// Opens a node's database; a newer schema than this binary knows is told with what to do.
pub async fn open_store(target: &StoreTarget) -> anyhow::Result<Store> {
    let place = match target {
        StoreTarget::Sqlite(path) => path.display().to_string(),
        StoreTarget::Postgres(_) => "PostgreSQL".to_owned(),
    };
    Store::open(&target_of(target)).await.with_context(|| format!("cannot open the database ({place})"))
}

/// The database as the store names it.
pub fn target_of(target: &StoreTarget) -> store::Target {
    match target {
        StoreTarget::Sqlite(path) => store::Target::Sqlite(path.clone()),
        StoreTarget::Postgres(url) => store::Target::Postgres(url.clone()),
    }
}
