//! What the node remembers: the database and its format, the journal, the event log, accounts, sources, backups.

use app::Clock as _;
use eventstore::RecoveryReason;
use store::Store;

use super::{Finding, Running};
use crate::clock::SystemClock;
use crate::config::{Config, StoreTarget};
use crate::data_dir::DataDir;
use crate::roles::Has;
use crate::visit::{Visit, open_store, target_of};

pub(super) async fn examine(config: &Config, dir: &DataDir, running: Running, file: &str) -> Vec<Finding> {
    let (mut findings, current) = format(config, file).await;
    if current {
        findings.extend(journal(config, file).await);
        findings.extend(memory(config, running, file).await);
    }
    if config.role.parts().intake == Has::Yes {
        findings.push(event_log(dir, running));
    }
    findings
}

/// The database's format; whether the rest of it can be looked at without changing it.
async fn format(config: &Config, file: &str) -> (Vec<Finding>, bool) {
    const CHECK: &str = "database";
    let found = match Store::format(&target_of(&config.store)).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            let finding = Finding::look(CHECK, "there is no database yet", format!("lazaret serve --config {file}"));
            return (vec![finding], false);
        }
        Err(problem @ store::Error::NewerSchema { .. }) => {
            let mend = "install the newer lazaret again; an older one must not touch this database";
            return (vec![Finding::wrong(CHECK, problem.to_string(), mend)], false);
        }
        Err(problem) => {
            let mend = match config.store {
                StoreTarget::Sqlite(_) => "put the node back from a backup: lazaret restore",
                StoreTarget::Postgres(_) => "look whether PostgreSQL runs and store.postgres is right",
            };
            return (vec![Finding::wrong(CHECK, problem.to_string(), mend)], false);
        }
    };
    if found.found < found.known {
        let says = format!("format {}, and this program writes {}", found.found, found.known);
        let mend = "the next start upgrades it; a copy from before is kept beside it";
        return (vec![Finding::look(CHECK, says, mend)], false);
    }
    let sound = async {
        let store = open_store(&config.store).await?;
        let sound = store.integrity().await;
        store.close().await;
        anyhow::Ok(sound?)
    };
    match sound.await {
        Ok(()) => (vec![Finding::good(CHECK, format!("sound, format {}", found.found))], true),
        Err(problem) => {
            let mend = "stop the node, keep the file, and put the node back from a backup: lazaret restore";
            (vec![Finding::wrong(CHECK, format!("{problem:#}"), mend)], false)
        }
    }
}

async fn journal(config: &Config, file: &str) -> Vec<Finding> {
    let verified = async {
        let store = open_store(&config.store).await?;
        let report = store.verify_journal(&mut |_, _| ()).await;
        store.close().await;
        anyhow::Ok(report?)
    };
    vec![match verified.await {
        Err(problem) => Finding::unknown("journal", format!("{problem:#}")),
        Ok(report) if report.broken.is_empty() => {
            Finding::good("journal", format!("{} records, {} facts: whole", report.records, report.facts))
        }
        Ok(report) => {
            let says = format!("{} of {} records are not what their journal says", report.broken.len(), report.records);
            Finding::wrong("journal", says, format!("lazaret journal verify --config {file}"))
        }
    }]
}

fn event_log(dir: &DataDir, running: Running) -> Finding {
    const CHECK: &str = "event log";
    let events = dir.events();
    if !events.is_dir() {
        return Finding::good(CHECK, "no events yet");
    }
    let inspection = match eventstore::inspect(&events) {
        Ok(inspection) => inspection,
        Err(problem @ eventstore::Error::NewerFormat { .. }) => {
            return Finding::wrong(CHECK, problem.to_string(), "install the newer lazaret again");
        }
        Err(problem) => return Finding::unknown(CHECK, problem.to_string()),
    };
    let damaged: Vec<String> = inspection
        .recovery
        .places
        .iter()
        .filter(|place| matches!(place.reason, RecoveryReason::Damaged | RecoveryReason::HeaderDamaged))
        .map(|place| format!("{} at byte {}", place.segment, place.offset))
        .collect();
    let torn = inspection.recovery.places.len() - damaged.len();
    if !damaged.is_empty() {
        let says = format!("damaged in {} places: {}", damaged.len(), damaged.join(", "));
        let mend =
            "the rest stays readable; look at the disk (smartctl -a), and restore from a backup elsewhere to compare";
        return Finding::wrong(CHECK, says, mend);
    }
    let says = format!("{} events in {} MiB", inspection.events, inspection.bytes >> 20);
    match (torn, running) {
        (0, _) | (_, Running::Yes) => Finding::good(CHECK, says),
        (torn, Running::No) => {
            Finding::good(CHECK, format!("{says}; the next start finishes {torn} places that a crash left"))
        }
    }
}

async fn memory(config: &Config, running: Running, file: &str) -> Vec<Finding> {
    let visit = match Visit::begin(config).await {
        Ok(visit) => visit,
        Err(problem) => return vec![Finding::unknown("node", format!("{problem:#}"))],
    };
    let findings = remembered(&visit, config, running, file).await;
    visit.end().await;
    findings.unwrap_or_else(|problem| vec![Finding::unknown("node", problem.to_string())])
}

async fn remembered(app: &app::App, config: &Config, running: Running, file: &str) -> app::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    findings.push(match app.account_names().await?.len() {
        0 => Finding::look(
            "accounts",
            "nobody has an account",
            format!("lazaret user add NAME --role admin --config {file}"),
        ),
        count => Finding::good("accounts", format!("{count} accounts")),
    });
    if config.role.parts().intake == Has::Yes && app.sources().await?.is_empty() {
        let mend = "the page Sources of the console prints the line for each product";
        findings.push(Finding::look("sources", "no log arrives, so nothing can be seen", mend));
    }
    findings.push(backup(app, config, file).await?);
    if running == Running::Yes {
        findings.extend(app.judge_silence(app.now(), jiff::Timestamp::UNIX_EPOCH).await?.into_iter().map(silent));
    }
    Ok(findings)
}

async fn backup(app: &app::App, config: &Config, file: &str) -> app::Result<Finding> {
    const CHECK: &str = "backup";
    let Some(settings) = &config.backup else {
        let mend =
            "make a key on another machine with `lazaret backup key`, then write [backup] into the configuration";
        return Ok(Finding::look(CHECK, "none is configured: a lost disk loses everything", mend));
    };
    let backups = app.backups().await?;
    let now = format!("lazaret backup --config {file}");
    let age = |at| SystemClock.now().duration_since(at);
    Ok(match (backups.failed, backups.last) {
        (Some(failed), _) => {
            Finding::wrong(CHECK, format!("the last one failed at {}: {}", failed.at, failed.why), now)
        }
        (None, None) => Finding::look(CHECK, "none was made yet", now),
        (None, Some(last)) if age(last.at).unsigned_abs() > settings.older_than => {
            Finding::wrong(CHECK, format!("the last one was made at {}", last.at), now)
        }
        (None, Some(last)) => Finding::good(CHECK, format!("made at {} in {}", last.at, last.target)),
    })
}

fn silent(silence: app::Silence) -> Finding {
    let minutes = silence.usual.as_mins().max(1);
    let says =
        format!("{} usually sends at least every {minutes} minutes; nothing since {}", silence.name, silence.since);
    Finding::wrong("sources", says, "look whether it still runs and reaches this machine (tcpdump -n port 514)")
}
