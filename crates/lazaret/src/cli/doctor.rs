//! `lazaret doctor`: every check of a node at once, whether it runs or not. It changes nothing.

use std::process::ExitCode;

use super::ConfigArg;
use crate::doctor::{Finding, Verdict, examine};
use crate::output::{Colours, Output, Tone, colours};

/// `doctor`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lazaret doctor --config /var/lib/lazaret/lazaret.toml\n\nExit codes: 0 nothing is \
                        wrong (something may be worth a look), 1 something is wrong. Nothing is changed."
)]
pub struct Args {
    #[command(flatten)]
    config: ConfigArg,
}

/// Runs it.
pub async fn run(args: Args, output: Output) -> anyhow::Result<ExitCode> {
    let findings = examine(&args.config.config).await;
    let wrong = findings.iter().any(|finding| finding.verdict == Verdict::Wrong);
    let colours = colours();
    let text: Vec<String> = findings.iter().map(|finding| line(finding, colours)).collect();
    output.answer(&text.join("\n"), &findings)?;
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn line(finding: &Finding, colours: Colours) -> String {
    let (word, tone) = match finding.verdict {
        Verdict::Good => ("good ", Tone::Good),
        Verdict::Look => ("look ", Tone::Strong),
        Verdict::Wrong => ("WRONG", Tone::Alarm),
        Verdict::Unknown => ("?    ", Tone::Quiet),
    };
    let mut text =
        format!("{}  {:<13} {}", colours.paint(tone, word), finding.check, finding.says.replace('\n', "\n  "));
    if let Some(mend) = &finding.mend {
        text.push_str(&format!("\n       {:<13} {mend}", ""));
    }
    text
}
