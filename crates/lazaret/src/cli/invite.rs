//! `lazaret invite`: one code for one new member, good once and for seven days. Runs beside the hub or without it.

use std::process::ExitCode;

use app::InviteOrder;
use serde_json::json;

use super::ConfigArg;
use crate::output::Output;
use crate::visit::{Visit, command_line};

/// `invite`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example (at the hub):\n  lazaret invite \"County Hospital\" --country RO\n\nThen, at the \
                        hospital:\n  lazaret enrol CODE")]
pub struct Args {
    /// The new member's name, as this hub will show it.
    name: String,
    /// Its country: two capital letters (ISO 3166-1).
    #[arg(long)]
    country: String,
    #[command(flatten)]
    config: ConfigArg,
}

/// Runs it.
pub async fn run(args: Args, output: Output) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    anyhow::ensure!(
        config.link.as_ref().is_some_and(|link| !link.urls.is_empty()),
        "the code would not say where this hub is: write link.urls = [\"https://…\"] in {}",
        args.config.config.display()
    );
    let visit = Visit::begin(&config).await?;
    let order = InviteOrder { name: args.name.clone(), country: args.country.clone(), role: config.role.invites() };
    let invited = visit.invite(&command_line(), order).await;
    visit.end().await;
    let code = invited?;
    output.answer(
        &format!("Invite for {}, good once and for seven days. Hand it over as a secret.\n\n{code}", args.name),
        &json!({ "name": args.name, "country": args.country, "code": code }),
    )?;
    Ok(ExitCode::SUCCESS)
}
