//! `lazaret restored`: says that a data directory was put back from a backup. It raises the epoch, so that the hub
//! takes what this node does from now on for new work and never for a repetition of what the lost copy did.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use super::ConfigArg;
use crate::data_dir::DataDir;
use crate::output::Output;
use crate::visit::open_store;

/// `restored`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example (after putting a backup back, before starting the node):\n  lazaret restored --config \
                        /etc/lazaret/lazaret.toml"
)]
pub struct Args {
    #[command(flatten)]
    config: ConfigArg,
}

/// Runs it.
pub async fn run(args: Args, output: Output) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    let dir = DataDir::at(&config.data_dir);
    let _lock = dir.lock().context("the node must not run yet")?;
    let store = open_store(&config.store).await?;
    let epoch = store.raise_epoch().await;
    store.close().await;
    let epoch = epoch?;
    output.answer(&format!("The epoch is {epoch} now. Start the node."), &json!({ "epoch": epoch }))?;
    Ok(ExitCode::SUCCESS)
}
