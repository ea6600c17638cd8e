//! `lazaret reach`: who would be called, and a real message to one person through each of their channels.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use domain::reach::{AttemptState, Gap};
use serde_json::json;
use uuid::Uuid;

use super::ConfigArg;
use crate::output::Output;
use crate::visit::Visit;

/// How long a test waits for its messages to be taken.
const TEST_LOOKS_MAX: u32 = 240;
/// How long it rests between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What can be done about reaching people.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Print channels, shifts, and whether anybody would be reached now.
    #[command(
        after_help = "Example:\n  lazaret reach list --output json\n\nExit codes: 0 somebody would be reached, 1 \
                            nobody would."
    )]
    List(ConfigArg),
    /// Send a test message to one person through each of their channels.
    #[command(
        after_help = "Example:\n  lazaret reach test --to maria\n\nWhere the node runs, it sends; otherwise this \
                            command does. Exit codes: 0 every channel took its message, 1 one did not."
    )]
    Test(TestArgs),
}

/// `reach test`.
#[derive(Debug, clap::Args)]
pub struct TestArgs {
    /// The account's name.
    #[arg(long, value_name = "NAME")]
    to: String,
    #[command(flatten)]
    config: ConfigArg,
}

/// Runs it.
pub async fn run(command: Command, output: Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(arg) => list(&arg, output).await,
        Command::Test(args) => test(&args, output).await,
    }
}

async fn list(arg: &ConfigArg, output: Output) -> anyhow::Result<ExitCode> {
    let config = arg.load()?;
    let visit = Visit::begin(&config).await?;
    let messenger = crate::node::messenger(&config, visit.shared(), "")?;
    visit.set_channels(messenger.map(|messenger| messenger.channels.kinds()).unwrap_or_default());
    let (view, names) = (visit.rota_view().await?, visit.account_names().await?);
    visit.end().await;
    let name = |id: &Uuid| names.get(id).cloned().unwrap_or_default();
    let gap = match view.gap {
        None => "",
        Some(Gap::NoRoute) => "nobody has a channel that this node has",
        Some(Gap::NoShift) => "nobody is on duty now",
    };
    let mut text = String::new();
    for person in view.people.iter().filter(|person| !person.routes.is_empty()) {
        text.push_str(&format!("{}\n", name(&person.account)));
        for route in &person.routes {
            let here = if view.channels.contains(&route.channel) { "" } else { "  (not at this node)" };
            text.push_str(&format!("  {:<8} {}{here}\n", route.channel.as_str(), route.address));
        }
    }
    for shift in &view.shifts {
        let until = shift.until.map_or_else(|| "until removed".to_owned(), |until| format!("until {until}"));
        let deputies: Vec<String> = shift.deputies.iter().map(name).collect();
        text.push_str(&format!("{} is on duty from {} {until}", name(&shift.person), shift.from));
        if !deputies.is_empty() {
            text.push_str(&format!(", then {}", deputies.join(", ")));
        }
        text.push('\n');
    }
    text.push_str(if gap.is_empty() { "somebody would be reached now" } else { "NOBODY WOULD BE REACHED: " });
    text.push_str(gap);
    let people: Vec<_> = view
        .people
        .iter()
        .map(|person| json!({ "name": name(&person.account), "routes": person.routes, "quiet": person.quiet }))
        .collect();
    output.answer(&text, &json!({ "channels": view.channels, "people": people, "shifts": view.shifts, "gap": gap }))?;
    Ok(if gap.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn test(args: &TestArgs, output: Output) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    let console = crate::node::console_base(&config, None).unwrap_or_default();
    let visit = Visit::begin(&config).await?;
    let messenger = crate::node::messenger(&config, visit.shared(), &console)?;
    let messenger = messenger.context("this node has no channel: write one into [reach] of its configuration")?;
    visit.set_channels(messenger.channels.kinds());
    let notices = visit.test_person(&args.to).await?;
    anyhow::ensure!(!notices.is_empty(), "{} has no channel: add one on the page People and rota", args.to);
    let mut calls = Vec::new();
    for _ in 0..TEST_LOOKS_MAX {
        // empty while a running node is the one that calls
        for call in visit.due_attempts().await?.into_iter().filter(|call| notices.contains(&call.notice.id)) {
            let called = messenger.make(&call).await;
            visit.attempt_done(call.attempt, called).await?;
        }
        calls.clear();
        for notice in &notices {
            calls.extend(visit.notice(*notice).await?.attempts);
        }
        if calls.len() == notices.len() && calls.iter().all(|call| call.state != AttemptState::Waiting) {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    visit.end().await;
    let took = |call: &domain::reach::Attempt| call.latency_ms.unwrap_or_default();
    let mut text = String::new();
    for call in &calls {
        let (channel, address, state) = (call.channel.as_str(), &call.address, call.state.as_str());
        text.push_str(&format!("{channel:<8} {address:<32} {state} in {} ms {}\n", took(call), call.reason));
    }
    let rows: Vec<_> = calls
        .iter()
        .map(|call| {
            json!({ "channel": call.channel, "address": call.address, "state": call.state, "ms": took(call),
                "reason": call.reason })
        })
        .collect();
    output.answer(&text, &rows)?;
    let well = |call: &domain::reach::Attempt| matches!(call.state, AttemptState::Sent | AttemptState::Acknowledged);
    let all = calls.len() == notices.len() && calls.iter().all(well);
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
