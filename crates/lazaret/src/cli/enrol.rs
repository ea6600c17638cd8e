//! `lazaret enrol`: a node joins its hub. The running node is told to stop first, because it reads who its hub is at
//! its start only.

use std::io::Read;
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
                        lazaret1.eyJ1cmxzIjpb… --config /etc/lazaret/lazaret.toml\n\nThe code holds a secret. To keep \
                        it out of the shell's history and the list of processes, give it on standard input:\n  lazaret \
                        enrol - < code.txt")]
pub struct Args {
    /// The invite code, or - to read it from standard input.
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
    let code = InviteCode::read(&code_text(args.code, std::io::stdin().lock())?)?;
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

/// The longest code read from standard input, in bytes.
const CODE_BYTES_MAX: u64 = 64 * 1024;

/// The code as given, or what standard input holds where it is `-`.
fn code_text(given: String, input: impl Read) -> anyhow::Result<String> {
    if given != "-" {
        return Ok(given);
    }
    let mut text = String::new();
    input.take(CODE_BYTES_MAX).read_to_string(&mut text).context("the code cannot be read from standard input")?;
    let text = text.trim();
    anyhow::ensure!(!text.is_empty(), "standard input holds no code");
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_reads_the_code_from_standard_input() {
        let read = |given: &str, input: &str| code_text(given.to_owned(), input.as_bytes());
        assert_eq!(read("lazaret1.abc", "other").unwrap(), "lazaret1.abc");
        assert_eq!(read("-", "lazaret1.abc\n").unwrap(), "lazaret1.abc");
        assert!(read("-", "\n").is_err());
    }
}
