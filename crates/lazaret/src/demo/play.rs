//! Plays a stage over a world: sets the clock to each step's moment, writes its lines to the doors, and waits until
//! the nodes are quiet before the clock jumps on. So every window is as long as it says and latencies are real.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::SignedDuration;

use super::feed::{Feed, RawLine};
use super::judge::{RunResult, judge};
use super::record::Record;
use super::stage::{Stage, StepKind, length};
use super::story_clock::StoryClock;
use super::world::{Making, World};
use crate::node::Node;
use crate::visit::command_line;

/// How long a step may take to settle before the run is given up.
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// Quiet must be seen this many times in a row: work can be between two nodes when nobody has it.
const QUIET_TIMES: u32 = 4;
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(15);

/// One run without an audience, on nodes of its own.
pub async fn headless(stage: &Stage) -> anyhow::Result<RunResult> {
    let clock = StoryClock::begin_at(stage.begins_at);
    let making = Making { cast: &stage.cast, clock, theatre: None };
    let world = World::start(making).await?;
    let record = Record::default();
    let recording = record.begin(&world, None);
    let played = async {
        let feeds = feeds(&world).await?;
        let mut sent = vec![0; feeds.len()];
        for index in 0..stage.steps.len() {
            step(stage, index, &world, &feeds, &mut sent).await?;
        }
        judge(stage, &world, &record).await
    };
    let result = played.await;
    drop(recording);
    world.stop().await;
    result
}

/// The doors of every hospital.
pub async fn feeds(world: &World) -> anyhow::Result<Vec<Feed>> {
    let mut feeds = Vec::new();
    for (seat, node) in world.hospitals.iter().enumerate() {
        let doors = node.doors();
        feeds.push(Feed {
            syslog_tcp: doors.syslog_tcp.context("no syslog over TCP")?,
            syslog_udp: doors.syslog_udp.context("no syslog over UDP")?,
            http: doors.http.context("no HTTP")?,
            token: node.app().new_source_token(command_line(), "winlogbeat").await?,
            file: world.followed_file(seat),
        });
    }
    Ok(feeds)
}

/// Plays one step and waits until everything it caused has settled. `sent` counts lines by hospital.
pub async fn step(stage: &Stage, index: usize, world: &World, feeds: &[Feed], sent: &mut [u64]) -> anyhow::Result<()> {
    let step = &stage.steps[index];
    match &step.what {
        StepKind::Ordinary { part } => {
            world.clock.jump_to(step.at);
            for (seat, feed) in feeds.iter().enumerate() {
                let lines = stage.ordinary_lines(seat, *part, step.at)?;
                sent[seat] += feed.send(&lines).await.with_context(|| format!("ordinary lines of seat {seat}"))?;
            }
            // no waiting: the attack comes while the ordinary day is still being read
            Ok(())
        }
        StepKind::PushRule { text } => {
            world.clock.jump_to(step.at);
            world.push_rule(Some(text)).await
        }
        StepKind::PullRule => {
            world.clock.jump_to(step.at);
            world.push_rule(None).await
        }
        StepKind::Beat { beat, .. } => {
            // its last line is written when the clock shows that moment
            world.clock.jump_to(step.at + length(beat) + SignedDuration::from_secs(1));
            let line = |(_, bytes): (SignedDuration, Vec<u8>)| RawLine {
                carrier: beat.carrier,
                source: beat.source.clone(),
                bytes,
            };
            let lines: Vec<RawLine> = beat.lines(step.at).into_iter().map(line).collect();
            let seat = beat.hospital;
            sent[seat] += feeds[seat].send(&lines).await.with_context(|| format!("{} at seat {seat}", beat.stage))?;
            settle(world, sent).await
        }
    }
}

/// Waits until every line sent is stored and scanned, every outbox empty, and every member has read its hub's log.
pub async fn settle(world: &World, sent: &[u64]) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut quiet = 0;
    while quiet < QUIET_TIMES {
        anyhow::ensure!(begun.elapsed() < SETTLE_MAX, "the nodes did not settle: {}", unsettled(world, sent).await?);
        quiet = if unsettled(world, sent).await?.is_empty() { quiet + 1 } else { 0 };
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// What is still going on, in words; empty when all is quiet.
async fn unsettled(world: &World, sent: &[u64]) -> anyhow::Result<String> {
    for (node, sent) in world.hospitals.iter().zip(sent) {
        let metrics = node.app().metrics();
        let (stored, scanned) =
            (metrics.get("lazaret_events_stored_total", ""), metrics.get("lazaret_events_scanned_total", ""));
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53 lines")]
        let sent = *sent as f64;
        if stored < sent || scanned < stored {
            return Ok(format!("{}: {sent} lines sent, {stored} stored, {scanned} scanned", node.app().name()));
        }
    }
    for node in world.nodes() {
        let waiting: u64 = node.app().sharing().await?.depth.iter().map(|lane| lane.waiting).sum();
        if waiting > 0 {
            return Ok(format!("{}: {waiting} items wait in the outbox", node.app().name()));
        }
        if node.app().judging_waits().await? {
            return Ok(format!("{}: sightings are not judged yet", node.app().name()));
        }
    }
    for (member, hub) in links(world) {
        let head = *hub.app().published().borrow();
        let members = hub.app().members().await?;
        let confirmed = members.iter().find(|one| one.node == member.id()).map_or(0, |one| one.cursor);
        if member.app().down_cursor().await? < newest_for(hub, member, head).await? {
            return Ok(format!("{}: reads {} of {head}, confirmed {confirmed}", member.app().name(), hub.app().name()));
        }
    }
    Ok(String::new())
}

/// The newest position of a hub's log that is for this member.
async fn newest_for(hub: &Node, member: &Node, head: i64) -> anyhow::Result<i64> {
    let after = member.app().down_cursor().await?;
    if after >= head {
        return Ok(head);
    }
    let members = hub.app().members().await?;
    let Some(one) = members.iter().find(|one| one.node == member.id()) else { return Ok(0) };
    let page = hub.app().stream_page(one, after).await?;
    Ok(page.items.last().map_or(after, |item| item.position))
}

fn links(world: &World) -> impl Iterator<Item = (&Node, &Node)> {
    let national = world.hubs.iter().map(|hub| (hub, &world.union));
    let first = crate::content::cast::SEATS_FIRST_COUNTRY;
    let local = world.hospitals.iter().enumerate();
    national.chain(local.map(move |(seat, node)| (node, &world.hubs[usize::from(seat >= first)])))
}
