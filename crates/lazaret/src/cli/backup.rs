//! `lazaret backup`: one backup now, beside the running node or without it; and the key pair that backups are sealed to.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use app::{BackupNote, Clock as _};
use serde_json::json;

use super::ConfigArg;
use crate::backup::{Identity, Made, make};
use crate::clock::SystemClock;
use crate::data_dir::write_new;
use crate::output::Output;
use crate::visit::Visit;

/// `backup`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  lazaret backup --config /var/lib/lazaret/lazaret.toml\n\nOnce, on another machine:\n  \
                  lazaret backup key --out lazaret-backup.key\nThe private half opens backups: keep it away from the \
                  node, and on paper. Its public half goes into backup.recipient of the configuration."
)]
pub struct Args {
    /// Something else than a backup.
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: ConfigArg,
}

/// What else there is.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make the key pair that backups are sealed to; any tool that speaks age reads it.
    Key {
        /// Where the private half goes. The file must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// Runs it.
pub async fn run(args: Args, output: Output) -> anyhow::Result<ExitCode> {
    if let Some(Command::Key { out }) = args.command {
        return key(&out, output);
    }
    let config = args.config.load()?;
    let settings = config.backup.clone().context(
        "no backup is configured: write backup.target and backup.recipient into the configuration (make the key with \
         `lazaret backup key` on another machine)",
    )?;
    let made = make(&config, &settings, SystemClock.now()).await;
    note(&config, &made).await;
    let made = made?;
    output.answer(&told(&made), &made)?;
    Ok(ExitCode::SUCCESS)
}

/// Keeps what came of it where the console shows it; a store that cannot be opened hides no backup.
async fn note(config: &crate::config::Config, made: &anyhow::Result<Made>) {
    let now = SystemClock.now();
    let note = match made {
        Ok(made) => BackupNote::made(now, made.bytes, made.target.clone()),
        Err(problem) => BackupNote::failed(now, format!("{problem:#}")),
    };
    let kept = async {
        let visit = Visit::begin(config).await?;
        let kept = visit.note_backup(note).await;
        visit.end().await;
        anyhow::Ok(kept?)
    };
    if let Err(problem) = kept.await {
        super::tell(&format!("lazaret: what came of the backup could not be kept: {problem:#}"));
    }
}

fn told(made: &Made) -> String {
    use crate::backup::Records;
    let records = match made.records {
        Records::Here => "",
        Records::InPostgres => {
            "\nThe records are in PostgreSQL and NOT in this backup: copy them with `pg_dump --format=custom`, at the \
             same time."
        }
    };
    format!(
        "Backup {} of node {} is in {}: {} KiB, of which {} KiB were sent now; {} segments sent, {} were there.{records}\n\
         To restore: lazaret restore --from {} --identity KEYFILE --dir NEWFOLDER",
        made.name,
        made.node.get(..16).unwrap_or(&made.node),
        made.target,
        made.bytes >> 10,
        made.sent_bytes >> 10,
        made.segments_sent,
        made.segments_kept,
        made.target,
    )
}

fn key(out: &std::path::Path, output: Output) -> anyhow::Result<ExitCode> {
    let identity = Identity::generate()?;
    let recipient = identity.recipient().to_string();
    let text = format!(
        "# opens the backups of a Lazaret node; keep it away from the node\n# public key: {recipient}\n{}\n",
        identity.text()
    );
    write_new(out, text.as_bytes(), 0o600)?;
    output.answer(
        &format!(
            "The private half is in {}: keep it away from the node, and print it. Without it no backup can be opened.\n\
             Write into the node's configuration:\n\n[backup]\nrecipient = \"{recipient}\"",
            out.display()
        ),
        &json!({ "file": out, "recipient": recipient }),
    )?;
    Ok(ExitCode::SUCCESS)
}
