//! `lazaret enrol`: a node joins its hub. The running node is told to stop first, because it reads who its hub is at
//! its start only.

use std::process::ExitCode;

use anyhow::Context as _;
use app::invite_code::InviteCode;
use connect::link::{Enrolment, Proxy, enrol};
use serde_json::json;

use super::ConfigArg;
use crate::data_dir::DataDir;
use crate::output::Output;
use crate::roles::Has;

/// `enrol`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example (at the hospital, with the code that the hub printed):\n  lazaret enrol \
                        lazaret1.eyJ1cmxzIjpb… --config /var/lib/lazaret/lazaret.toml")]
pub struct Args {
    /// The invite code.
    code: String,
    /// Join another hub than the one this node belongs to.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// Runs it.
pub async fn run(args: Args, output: Output) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    anyhow::ensure!(config.role.parts().uplink == Has::Yes, "a {} node has no hub above it", config.role.as_str());
    let code = InviteCode::read(&args.code)?;
    let dir = DataDir::at(&config.data_dir);
    let keys = dir.keys()?;
    let _lock = dir.lock().context("the node must not run while it enrols")?;
    if let Some(uplink) = dir.uplink().read()? {
        anyhow::ensure!(
            args.replace,
            "this node belongs to {:?} already; --replace joins another hub",
            uplink.hub_name
        );
    }
    let proxy = config.uplink.proxy.clone().map(Proxy);
    let name = config.app.name.clone();
    let uplink = enrol(&Enrolment { code: &code, name: &name, keys: &keys, proxy: proxy.as_ref() }).await?;
    dir.uplink().write(&uplink)?;
    output.answer(
        &format!(
            "{name} has joined {}.\nNext: lazaret serve --config {}",
            uplink.hub_name,
            args.config.config.display()
        ),
        &json!({ "hub": uplink.hub_name, "hub_node": uplink.hub_node, "node": keys.node_id(), "urls": uplink.urls }),
    )?;
    Ok(ExitCode::SUCCESS)
}
