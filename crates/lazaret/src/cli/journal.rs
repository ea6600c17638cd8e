//! `lazaret journal verify`: recomputes every record's hash chain and folds every journal into its state.

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::ConfigArg;
use crate::output::Output;
use crate::visit::open_store;

/// What can be done with the journal.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Recompute every hash chain and compare every journal with the state it must leave.
    #[command(after_help = "Example:\n  lazaret journal verify --config /etc/lazaret/lazaret.toml\n\nExit codes: 0 \
                            whole, 1 something is broken.")]
    Verify(ConfigArg),
}

/// Runs it.
pub async fn run(command: Command, output: Output) -> anyhow::Result<ExitCode> {
    let Command::Verify(arg) = command;
    let config = arg.load()?;
    let store = open_store(&config.store).await?;
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} records") {
        bar.set_style(style);
    }
    let report = store
        .verify_journal(&mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })
        .await;
    bar.finish_and_clear();
    store.close().await;
    let report = report?;
    let broken: Vec<_> = report
        .broken
        .iter()
        .map(|one| json!({ "record": one.record, "seq": one.seq, "why": one.why.to_string() }))
        .collect();
    let mut text = format!("{} records, {} facts: ", report.records, report.facts);
    text.push_str(if broken.is_empty() { "whole" } else { "BROKEN" });
    for one in &report.broken {
        text.push_str(&format!("\n  record {} at fact {}: {}", one.record, one.seq, one.why));
    }
    output.answer(&text, &json!({ "records": report.records, "facts": report.facts, "broken": broken }))?;
    Ok(if report.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
