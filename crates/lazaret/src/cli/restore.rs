//! `lazaret restore`: a backup becomes a node again, in an empty place.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use crate::backup::{Access, Identity, Order, Restored, Target, Wanted, restore};
use crate::output::Output;

/// `restore`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lazaret restore --from /mnt/backup --identity lazaret-backup.key --dir /var/lib/lazaret\n\n\
                  Nothing is overwritten: the folder must be empty or not exist. The old machine must not run any more: \
                  two nodes with one key are one node twice."
)]
pub struct Args {
    /// Where the backups are: a folder, sftp://user@host/folder or s3+https://host/bucket.
    #[arg(long, value_name = "PLACE")]
    from: String,
    /// The private key that opens them.
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
    /// The new data directory.
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,
    /// Where the configuration goes; otherwise where it stood, if nothing is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The beginning of the node's id, where the place holds several nodes.
    #[arg(long, value_name = "ID")]
    node: Option<String>,
    /// The backup's name; otherwise the newest.
    #[arg(long, value_name = "NAME")]
    backup: Option<String>,
    /// Leave the events out: the console is back sooner.
    #[arg(long)]
    without_events: bool,
    /// A private key file for SFTP.
    #[arg(long, value_name = "FILE")]
    sftp_key: Option<PathBuf>,
    /// A file of two lines for S3: the access key and its secret.
    #[arg(long, value_name = "FILE")]
    s3_credentials: Option<PathBuf>,
    /// PEM of the authority that an S3 of your own shows.
    #[arg(long, value_name = "FILE")]
    s3_authority: Option<PathBuf>,
}

/// Runs it.
pub async fn run(args: Args, output: Output) -> anyhow::Result<ExitCode> {
    let text =
        std::fs::read_to_string(&args.identity).with_context(|| format!("cannot read {}", args.identity.display()))?;
    let access =
        Access { sftp_key: args.sftp_key, s3_credentials: args.s3_credentials, s3_authority: args.s3_authority };
    let order = Order {
        from: Target::read(&args.from, &access)?,
        identity: Identity::read(&text)?,
        dir: args.dir,
        config: args.config,
        node: args.node,
        backup: args.backup,
        wanted: if args.without_events { Wanted::WithoutEvents } else { Wanted::All },
    };
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes}") {
        bar.set_style(style);
    }
    let restored = restore(&order, &|done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })
    .await;
    bar.finish_and_clear();
    let restored = restored?;
    crate::owner::hand_over(&order.dir)?;
    if let Some(config) = &restored.config {
        crate::owner::let_read(config, &order.dir)?;
    }
    output.answer(&told(&restored, &order), &restored)?;
    Ok(ExitCode::SUCCESS)
}

fn told(restored: &Restored, order: &Order) -> String {
    let mut text = format!(
        "{} (node {}) is in {} as of {}, {} segments of events.",
        restored.name,
        restored.node.0.get(..16).unwrap_or(&restored.node.0),
        order.dir.display(),
        restored.made_at,
        restored.segments,
    );
    match restored.epoch {
        Some(epoch) => text.push_str(&format!(" The epoch is {epoch} now: the hub takes what comes for new work.")),
        None => text.push_str(
            "\nThe records are in PostgreSQL: put them back with pg_restore, then run `lazaret restored`, before the node \
             starts.",
        ),
    }
    if restored.erased > 0 {
        text.push_str(&format!("\n{} events that were erased later are erased again.", restored.erased));
    }
    for path in &restored.outside {
        text.push_str(&format!(
            "\nPut back by hand: {} (it is in {})",
            path.display(),
            order.dir.join("outside").display()
        ));
    }
    if let Some(config) = &restored.config {
        text.push_str(&format!(
            "\nNext, when the old machine is off:\n  lazaret doctor --config {0}\n  lazaret serve --config {0}",
            config.display()
        ));
    }
    text
}
