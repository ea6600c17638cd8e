//! `lazaret demo`: a small Europe in one process over real TLS links on loopback. It replays two attacks as raw log
//! lines among ordinary ones, tells what happens as it happens, and judges its own promises.
//!
//! What is *not* here: no shortcut into a node. The demo writes bytes to listeners and reads what use cases show.

mod feed;
mod judge;
mod play;
mod record;
mod showing;
mod stage;
mod story_clock;
mod tell;
mod theatre;
mod traces;
mod world;

use std::process::ExitCode;

use crate::output::{Output, print_line};

pub use judge::{Latency, RunResult, ScenarioResult, Summary};
pub use story_clock::StoryClock;

/// `demo`.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Examples:\n  lazaret demo\n  lazaret demo --headless --runs 20 --seed 1 --output json\n  lazaret \
                        demo --headless --control\n\nExit codes: 0 every promise held: each hospital that shares the \
                        pattern was warned within 5 seconds and nobody else; with --control no warning appeared. 1 \
                        otherwise."
)]
pub struct Args {
    /// Only judge: no consoles stay open.
    #[arg(long)]
    headless: bool,
    /// How many runs, each with nodes of its own and the next seed.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: u32,
    /// Renames every host, address, family and supplier.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Remove what the hospitals share: no warning may appear.
    #[arg(long)]
    control: bool,
    /// Ordinary log lines a hospital.
    #[arg(long, default_value_t = 10_000)]
    ordinary: usize,
}

/// Runs it.
pub async fn run(args: Args, output: Output) -> anyhow::Result<ExitCode> {
    let log = crate::config::Log { format: crate::config::LogFormat::Text, level: "error".to_owned() };
    crate::logging::begin(&log);
    if args.headless { judged(&args, output).await } else { showing::show(&args, output).await }
}

async fn judged(args: &Args, output: Output) -> anyhow::Result<ExitCode> {
    let mut summary = Summary::new(args.control);
    for run in 0..args.runs {
        let seed = args.seed.wrapping_add(u64::from(run));
        let stage = stage::Stage::set(seed, variant(args), args.ordinary)?;
        let begun = std::time::Instant::now();
        let result = play::headless(&stage).await?;
        crate::cli::tell(&format!(
            "run {}/{}, seed {seed}: {} in {:.1} s",
            run + 1,
            args.runs,
            result.in_words(),
            begun.elapsed().as_secs_f64()
        ));
        summary.add(result);
    }
    match output {
        Output::Json => print_line(&serde_json::to_string(&summary)?),
        Output::Table => print_line(&summary.in_words()),
    }
    Ok(if summary.held() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One run on nodes of its own, judged: what `--headless` does once. For tests.
pub async fn one_run(seed: u64, variant: crate::content::cast::Variant, ordinary: usize) -> anyhow::Result<RunResult> {
    play::headless(&stage::Stage::set(seed, variant, ordinary)?).await
}

fn variant(args: &Args) -> crate::content::cast::Variant {
    match args.control {
        true => crate::content::cast::Variant::Control,
        false => crate::content::cast::Variant::Attack,
    }
}
