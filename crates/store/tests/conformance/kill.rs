//! Kill -9: what was acknowledged is stored, whatever the moment.
//! A file of its own because it runs this very test binary again as the process that is killed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command as Process, Stdio};

use domain::record::RecordId;
use store::{Store, Target};
use uuid::Uuid;

use crate::place::{Place, environment};
use crate::words::*;

const ROUNDS: u64 = 8;

/// The victim: commits record after record and says so after each commit. In an ordinary run it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim() {
    let Some(target) = environment("LAZARET_KILL_TARGET") else { return };
    let start: u64 = environment("LAZARET_KILL_START").unwrap().parse().unwrap();
    let target = if target.starts_with("postgres") { Target::Postgres(target) } else { Target::Sqlite(target.into()) };
    let store = Store::open(&target).await.unwrap();
    for number in start.. {
        commit_number(&store, number).await;
        writeln!(std::io::stdout(), "acknowledged {number}").unwrap();
    }
}

/// A record, an outbox item and a publication of one number, in one commit.
async fn commit_number(store: &Store, number: u64) {
    let id = RecordId(Uuid::from_u128(u128::from(number)));
    let command = domain::record::Command::Case(id, open_case("killed"));
    let mut commit = prepared(store, &command, person(domain::party::Role::Operator), 0).await.unwrap();
    commit.outbox.push(item(store::Lane::Record, u128::from(number), 1));
    commit.publish.push(publication(u128::from(number), 1));
    store.commit(commit).await.unwrap();
}

fn start_victim(place: &Place, start: u64) -> Child {
    let target = match place.target() {
        Target::Sqlite(path) => path.to_string_lossy().into_owned(),
        Target::Postgres(url) => url,
    };
    Process::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::victim", "--nocapture"])
        .env("LAZARET_KILL_TARGET", target)
        .env("LAZARET_KILL_START", start.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn acknowledged_is_stored(place: &Place) {
    place.open().await.close().await;
    let seed = fresh_id().as_u128();
    eprintln!("seed {seed}");
    let mut start = 1;
    for round in 0..ROUNDS {
        let mut victim = start_victim(place, start);
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        // Killed after a random number of acknowledgements, in the middle of whatever it does then.
        let until = start + (seed >> (round * 8)) as u64 % 61;
        let mut acknowledged = start - 1;
        for line in lines {
            let line = line.unwrap();
            let Some((_, number)) = line.split_once("acknowledged ") else { continue };
            acknowledged = number.parse().unwrap();
            if acknowledged == until {
                victim.kill().unwrap();
            }
        }
        victim.wait().unwrap();
        assert!(acknowledged >= until, "the victim died by itself");
        start = check_stored(place, acknowledged).await + 1;
    }
}

/// All that was acknowledged is there, whole, and at most one commit more; the highest number there.
async fn check_stored(place: &Place, acknowledged: u64) -> u64 {
    let store = place.open().await;
    store.integrity().await.unwrap();
    let report = store.verify_journal(&mut |_, _| {}).await.unwrap();
    assert_eq!(report.broken, vec![]);
    let stored = report.records;
    assert!(stored == acknowledged || stored == acknowledged + 1, "{acknowledged} acknowledged, {stored} stored");
    let keys: Vec<u128> = store.outbox_pending(u32::MAX).await.unwrap().iter().map(|item| item.key.as_u128()).collect();
    assert_eq!(keys, (1..=u128::from(stored)).collect::<Vec<_>>());
    let positions: Vec<i64> =
        store.published_after(0, u32::MAX).await.unwrap().iter().map(|published| published.position).collect();
    assert_eq!(positions, (1..=i64::try_from(stored).unwrap()).collect::<Vec<_>>());
    store.close().await;
    stored
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_what_it_acknowledged() {
    acknowledged_is_stored(&Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_what_it_acknowledged() {
    if let Some(place) = Place::postgres().await {
        acknowledged_is_stored(&place).await;
        place.close().await;
    }
}
