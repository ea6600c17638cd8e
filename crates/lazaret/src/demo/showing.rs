//! The demo with an audience: the story is told while it happens, the theatre shows it, and every node's console stays
//! open with throw-away accounts until Ctrl-C.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::judge::judge;
use super::play::{feeds, step};
use super::record::Record;
use super::stage::{Stage, StepKind};
use super::story_clock::StoryClock;
use super::tell::Teller;
use super::world::{Making, World};
use super::{Args, theatre};
use crate::output::{Output, Tone, colours, print_line};
use crate::roles::Role;

/// How long the audience gets to read what one step caused.
const BREATH: Duration = Duration::from_millis(600);

/// Shows one run.
pub async fn show(args: &Args, output: Output) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stage = Arc::new(Stage::set(args.seed, super::variant(args), args.ordinary)?);
    let record = Record::default();
    let picture = theatre::Picture::new(Arc::clone(&stage), record.clone());
    let clock = StoryClock::begin_at(stage.begins_at);
    say(output, "Nine nodes start: one union hub, two national hubs, six hospitals in two countries …");
    let shown = picture.clone();
    let making = Making { cast: &stage.cast, clock, theatre: Some(Arc::new(move || shown.data())) };
    let world = World::start(making).await?;
    picture.know(&world);
    let password = app::readable_code()?;
    world.add_accounts(&password).await?;
    let played = tokio::select! {
        played = play(&stage, &world, &record, output) => played,
        _ = terminate.recv() => Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => Ok(ExitCode::SUCCESS),
    };
    let code = match played {
        Ok(code) => code,
        Err(problem) => {
            world.stop().await;
            return Err(problem);
        }
    };
    picture.finish(&world).await?;
    world.clock.catch_up();
    print_line(&doors(&world, &password, output)?);
    tokio::select! {
        _ = terminate.recv() => {},
        _ = interrupt.recv() => {},
    }
    say(output, "Stopping; the temporary directory goes with it.");
    world.stop().await;
    Ok(code)
}

/// Lines of the story go to standard output for people, and nowhere for programs.
fn say(output: Output, line: &str) {
    match output {
        Output::Table => print_line(line),
        Output::Json => {}
    }
}

async fn play(stage: &Stage, world: &World, record: &Record, output: Output) -> anyhow::Result<ExitCode> {
    let (live, mut heard) = mpsc::unbounded_channel();
    let recording = record.begin(world, Some(&live));
    let teller = Arc::new(Mutex::new(Teller::new(world, colours())));
    let telling = tokio::spawn({
        let teller = Arc::clone(&teller);
        async move {
            while let Some(one) = heard.recv().await {
                let line = teller.lock().unwrap_or_else(PoisonError::into_inner).tell(&one);
                if let Some(line) = line {
                    say(output, &line);
                }
            }
        }
    });
    say(output, &format!("The theatre: {}/theatre\n", world.union.doors().console));
    let feeds = feeds(world).await?;
    let mut sent = vec![0; feeds.len()];
    let mut told_attack = None;
    for (index, one) in stage.steps.iter().enumerate() {
        if let StepKind::Beat { attack, beat } = &one.what {
            if *attack != told_attack
                && let Some(attack) = attack
            {
                told_attack = Some(*attack);
                teller.lock().unwrap_or_else(PoisonError::into_inner).begin(&stage.attacks[*attack].families);
                let scenario = &stage.attacks[*attack].scenario;
                say(output, &format!("\n{} ({})", scenario.title, scenario.label));
            }
            let place = &stage.cast.seats[beat.hospital].names.title;
            let line = teller.lock().unwrap_or_else(PoisonError::into_inner).line(
                one.at,
                place,
                &beat.stage,
                Tone::Quiet,
                &beat.seen,
            );
            say(output, &line);
        }
        step(stage, index, world, &feeds, &mut sent).await?;
        if output == Output::Table {
            tokio::time::sleep(BREATH).await;
        }
    }
    let result = judge(stage, world, record).await?;
    drop((recording, live));
    telling.abort();
    say(output, &format!("\n{}\n", result.in_words()));
    let mut summary = super::Summary::new(stage.cast.variant == crate::content::cast::Variant::Control);
    summary.add(result);
    Ok(if summary.held() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn doors(world: &World, password: &str, output: Output) -> anyhow::Result<String> {
    let theatre = format!("{}/theatre", world.union.doors().console);
    let roles = [Role::Union, Role::National, Role::National];
    let all: Vec<_> = world.nodes().zip(roles.into_iter().chain(std::iter::repeat(Role::Hospital))).collect();
    if output == Output::Json {
        let users: Vec<_> = ["viewer", "operator", "approver", "admin"]
            .iter()
            .map(|role| json!({ "name": role, "password": password, "role": role }))
            .collect();
        let nodes: Vec<_> = all
            .iter()
            .map(|(node, role)| {
                let (name, url) = (node.app().name(), node.doors().console);
                json!({ "name": name, "role": role.as_str(), "url": url, "users": users })
            })
            .collect();
        return Ok(serde_json::to_string(&json!({ "theatre": theatre, "nodes": nodes }))?);
    }
    let width = all.iter().map(|(node, _)| node.app().name().chars().count()).max().unwrap_or(0);
    let mut text = format!("The theatre stays open: {theatre}\nSo do the consoles:\n");
    for (node, role) in &all {
        let name = node.app().name();
        text.push_str(&format!("  {name:<width$}  {:<9} {}\n", role.as_str(), node.doors().console));
    }
    text.push_str(&format!(
        "Log in as viewer, operator, approver or admin; the password is {password}\nCtrl-C ends it."
    ));
    Ok(text)
}
