//! What SIGHUP does: rules, certificates and what the configuration says of them are read again while the node runs; what
//! needs a restart is named. A file of its own because a running node may change in these ways only.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use connect::listen::Certificate;

use super::Node;
use crate::config::{Config, TlsFiles};

/// The certificates that this node's listeners show.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    shown: Vec<(TlsFiles, Arc<Certificate>)>,
}

/// What a reload did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Rules that do not load.
    pub rules_refused: usize,
    /// Certificates that were read again.
    pub certificates: usize,
    /// What could not be read; the old is still in use.
    pub problems: Vec<String>,
    /// Sections of the configuration that have changed and need a restart.
    pub needs_restart: Vec<&'static str>,
}

impl Certificates {
    /// TLS that shows what these files hold, now and after each reload.
    pub(super) fn show(&mut self, files: &TlsFiles) -> anyhow::Result<Arc<rustls::ServerConfig>> {
        let (certificate, key) = read(files)?;
        let shown = Certificate::read(&certificate, &key)?;
        let config = shown.config()?;
        self.shown.push((files.clone(), shown));
        Ok(config)
    }

    fn reload(&self, reloaded: &mut Reloaded) {
        for (files, shown) in &self.shown {
            let replaced = read(files).and_then(|(certificate, key)| Ok(shown.replace(&certificate, &key)?));
            match replaced {
                Ok(()) => reloaded.certificates += 1,
                Err(problem) => reloaded.problems.push(format!("{}: {problem:#}", files.certificate.display())),
            }
        }
    }
}

impl Node {
    /// Reads rules, certificates and configuration again. What cannot be read changes nothing.
    pub async fn reload(&mut self) -> Reloaded {
        let mut reloaded = Reloaded::default();
        match self.config.file.as_deref().map(Config::load) {
            Some(Ok(fresh)) => {
                reloaded.needs_restart = differing(&self.config, &fresh);
                self.config.rules_dir = fresh.rules_dir;
            }
            Some(Err(problem)) => reloaded.problems.push(problem.to_string()),
            None => {}
        }
        self.certificates.reload(&mut reloaded);
        match self.reload_rules().await {
            Ok(refused) => reloaded.rules_refused = refused,
            Err(problem) => reloaded.problems.push(format!("{problem:#}")),
        }
        reloaded
    }

    /// Reads the operator's rules again and swaps the engine; what does not load is logged and counted.
    pub(crate) async fn reload_rules(&self) -> anyhow::Result<usize> {
        let (rules_dir, app) = (self.config.rules_dir.clone(), Arc::clone(&self.app));
        let problems =
            tokio::task::spawn_blocking(move || app.reload_rules(crate::load::rules(rules_dir.as_deref()))).await?;
        for problem in &problems {
            tracing::warn!(%problem, "a rule does not load");
        }
        Ok(problems.len())
    }
}

fn read(files: &TlsFiles) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    let read = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
    Ok((read(&files.certificate)?, read(&files.key)?))
}

/// The sections that differ and are read at the start only.
fn differing(running: &Config, fresh: &Config) -> Vec<&'static str> {
    let sections = |config: &Config| {
        let app = app::AppConfig { invite: None, ..config.app.clone() };
        [
            ("role", format!("{:?}", config.role)),
            ("name, country, zone, [sharing], [trial], [warnings]", format!("{app:?}")),
            ("data_dir", format!("{:?}", config.data_dir)),
            ("[console]", format!("{:?}", config.console)),
            ("[admin]", format!("{:?}", config.admin)),
            ("[store]", format!("{:?}", config.store)),
            ("[listen]", format!("{:?}", config.listeners)),
            ("[[follow]]", format!("{:?}", config.follow)),
            ("[events]", format!("{:?} {:?}", config.events, config.alerts_kept)),
            ("[link]", format!("{:?}", config.link)),
            ("[uplink]", format!("{:?}", config.uplink)),
            ("[log]", format!("{:?}", config.log)),
            ("[backup]", format!("{:?}", config.backup)),
        ]
    };
    let pairs = sections(running).into_iter().zip(sections(fresh));
    pairs.filter(|(one, other)| one.1 != other.1).map(|(one, _)| one.0).collect()
}

#[cfg(test)]
mod tests;
