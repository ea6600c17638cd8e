//! `lazaret erase`: events of a period, or every event that names a person, are erased from the event log. Without
//! `--sure` it only counts. The node must be stopped: nothing may be written while segments are written again.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use app::Clock as _;
use jiff::Timestamp;
use serde_json::json;

use super::ConfigArg;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::erasure::{Doing, Erasure};
use crate::output::Output;
use crate::visit::{Visit, command_line};

/// `erase`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lazaret erase --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z --source \
                  syslog:10.1.2.3\n  lazaret erase --identifier person.txt --sure\n\nThe numbers, times and sources of \
                  erased events stay, so that counts hold. Cases keep their evidence: that is erased there. Older \
                  backups still hold the events; a restore from them repeats the erasure.")]
pub struct Args {
    /// Only events received at or after this time, e.g. 2026-11-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only events received before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Only events of the source with this name or key, as the page Sources shows it.
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Only events that contain one of the identifiers in this file, one a line; whole words in any case.
    #[arg(long, value_name = "FILE")]
    identifier: Option<PathBuf>,
    /// Erase, and do not only count. It cannot be undone.
    #[arg(long)]
    sure: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// Runs it.
pub async fn run(args: Args, output: Output) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    let narrow = args.from.is_some() || args.to.is_some() || args.identifier.is_some();
    anyhow::ensure!(narrow, "say what: --from and --to for a period, or --identifier for a person");
    let dir = DataDir::at(&config.data_dir);
    let _lock = dir.lock().context("the node must not run while events are erased")?;
    let keys = dir.keys()?;
    let visit = Visit::begin(&config).await?;
    let done = erase(&args, &config, &keys, &visit).await;
    visit.end().await;
    let (erased, doing) = done?;
    let (events, unreadable) = (erased.seqs.len(), erased.unreadable);
    let mut text = match doing {
        Doing::Counting => format!("{events} events would be erased. Nothing was changed; add --sure to erase them."),
        Doing::Erasing => format!("{events} events were erased in {} segments.", erased.segments),
    };
    if unreadable > 0 {
        text.push_str(&format!(" {unreadable} events could not be looked into: their place on the disk is damaged."));
    }
    let value = json!({ "events": events, "segments": erased.segments, "unreadable": unreadable,
        "erased": doing == Doing::Erasing });
    output.answer(&text, &value)?;
    Ok(ExitCode::SUCCESS)
}

async fn erase(
    args: &Args,
    config: &Config,
    keys: &app::Keys,
    visit: &Visit,
) -> anyhow::Result<(eventstore::Erased, Doing)> {
    let source = match &args.source {
        Some(wanted) => Some(source_number(visit, wanted).await?),
        None => None,
    };
    let identifiers = args.identifier.as_deref().map(read_identifiers).transpose()?.unwrap_or_default();
    let period = (args.from, args.to);
    let erasure = Erasure::new(keys.node_id(), SystemClock.now(), period, source, identifiers)?;
    let doing = if args.sure { Doing::Erasing } else { Doing::Counting };
    if let Some(backup) = config.backup.as_ref().filter(|_| args.sure) {
        // written down before anything is changed: a restore must repeat it even if this run is cut off
        erasure.keep(&config.data_dir, &backup.recipient, keys)?;
    }
    let (events, limits) = (DataDir::at(&config.data_dir).events(), config.events.clone());
    let order = erasure.clone();
    let erased = tokio::task::spawn_blocking(move || {
        let (log, _) = eventstore::EventLog::open(&events, limits)?;
        order.run(&log, doing)
    })
    .await??;
    if doing == Doing::Erasing {
        visit.forget_events(command_line(), &erased.seqs, &summary(&erasure)).await?;
    }
    Ok((erased, doing))
}

/// What the audit says: never an identifier.
fn summary(erasure: &Erasure) -> String {
    let from = erasure.from.map_or_else(|| "the beginning".to_owned(), |from| from.to_string());
    let source = erasure.source.map_or_else(String::new, |source| format!(", source {source}"));
    format!("{from} to {}{source}, {} identifiers", erasure.to, erasure.identifiers.len())
}

async fn source_number(visit: &Visit, wanted: &str) -> anyhow::Result<u32> {
    let sources = visit.sources().await?;
    let found = sources.iter().find(|source| source.key == wanted || source.name == wanted);
    let names = || sources.iter().map(|source| source.key.as_str()).collect::<Vec<_>>().join(", ");
    Ok(found.with_context(|| format!("there is no source {wanted:?}; there are: {}", names()))?.number)
}

fn read_identifiers(path: &std::path::Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    anyhow::ensure!(!lines.is_empty(), "{} holds no identifier", path.display());
    Ok(lines)
}
