//! The kill harness: a union, two national hubs and two hospitals as real processes of the built binary, each killed at
//! random with SIGKILL, under load with watermarks. What was acknowledged is stored, what is stored took effect exactly
//! once, and what both hospitals saw is warned of across three hops.
//!
//! Before every kill the hospitals begin to see a new value, so that the kill falls into proposing, approving, sending
//! and passing on. `LAZARET_KILL_SECONDS` makes it longer, `LAZARET_KILL_SEED` repeats a run; the seed is printed.

mod judge;
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::fixture::dns_line;
use process::{Europe, NODES, Process, lazaret};

/// How long the load lasts where nobody says.
const SECONDS_DEFAULT: u64 = 20;
/// Lines of one request.
const BATCH: u64 = 7;
/// A kill follows within this time of a new value, in milliseconds.
const VALUE_BEFORE_KILL_MS: u64 = 900;

#[allow(clippy::disallowed_methods, reason = "a test is told its length and seed from outside")]
fn told(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// The value that both hospitals see in one period.
fn value_of(period: u64) -> String {
    format!("calls-home-{period}.example")
}

/// The line of one watermark: it fires a grave rule at the host of its period, and names the period's value.
fn line(watermark: u64, period: u64, at: jiff::Timestamp) -> String {
    let host = format!("PC{period}");
    let line = dns_line(at, &host, "C:\\\\Windows\\\\System32\\\\rundll32.exe", &value_of(period));
    line.replacen('{', &format!("{{\"watermark\":{watermark},\"period\":{period},"), 1)
}

/// When the next kill is, and when the value before it begins.
struct Plan {
    value_at: Instant,
    kill_at: Instant,
}

impl Plan {
    fn next(draws: &mut Draws) -> Self {
        let kill_at = Instant::now() + Duration::from_millis(2_000 + draws.below(3_000));
        Self { value_at: kill_at - Duration::from_millis(draws.below(VALUE_BEFORE_KILL_MS)), kill_at }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_any_kill_and_takes_effect_once() {
    let seconds = told("LAZARET_KILL_SECONDS", SECONDS_DEFAULT);
    let seed = told("LAZARET_KILL_SEED", u64::from(std::process::id()));
    eprintln!("kill harness: {seconds} s, LAZARET_KILL_SEED={seed}");
    let europe = Europe::init();
    let mut processes: Vec<(&str, Process)> = Vec::new();
    for (name, _, country, hub) in NODES {
        processes.push((name, europe.start(name, country, hub).await));
    }

    let mut draws = Draws(seed);
    let ends_at = Instant::now() + Duration::from_secs(seconds);
    let mut plan = Plan::next(&mut draws);
    let mut acknowledged: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    let (mut watermark, mut period, mut fresh) = (0, 0, true);
    let at = app::Clock::now(&lazaret::clock::SystemClock);
    while Instant::now() < ends_at {
        let batch: Vec<u64> = (watermark..watermark + BATCH).collect();
        let lines: Vec<String> = batch.iter().map(|one| line(*one, period, at)).collect();
        for (name, intake) in europe.intakes() {
            let answer = testkit::http::post_events(*intake, "", &lines).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                acknowledged.entry(name).or_default().extend(&batch);
            }
        }
        // what was not acknowledged is not sent again: its fate is open, and the count must hold either way
        watermark += BATCH;
        if fresh && Instant::now() >= plan.value_at {
            (period, fresh) = (period + 1, false);
        }
        if Instant::now() >= plan.kill_at {
            let victim = draws.below(processes.len() as u64) as usize;
            processes[victim].1.kill_and_start();
            (plan, fresh) = (Plan::next(&mut draws), true);
        }
        tokio::time::sleep(Duration::from_millis(draws.below(40))).await;
    }
    let kills: Vec<String> = processes.iter().map(|(name, process)| format!("{name} {}", process.kills)).collect();
    let taken: usize = acknowledged.values().map(BTreeSet::len).sum();
    let sent = watermark * europe.intakes().len() as u64;
    eprintln!("kill harness: {sent} lines sent, {taken} acknowledged; killed: {}", kills.join(", "));
    assert!(processes.iter().any(|(_, process)| process.kills > 0), "nothing was killed");
    assert!(taken > 0, "nothing was acknowledged");

    judge::settled(&europe).await;
    for (_, process) in processes.iter_mut().rev() {
        process.stop();
    }
    let figures = judge::judge(&europe, &acknowledged).await;
    eprintln!("kill harness: {figures}");
    for (name, ..) in NODES {
        lazaret(&["journal", "verify", "--config", &europe.config(name).display().to_string()]);
    }
}
