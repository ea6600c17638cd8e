//! A crash, a full disk or a failing sync at any point: what was acknowledged is
//! there, nothing half-written is returned, no number is used twice.

use std::collections::BTreeMap;

use super::{event, open, read_from, seal_everything, small, try_open};
use crate::crash_disk::CrashDisk;
use crate::{AppendError, EventLog, Limits, NewEvent};

/// What the script has handed over and what was acknowledged.
#[derive(Default)]
struct Ledger {
    handed_over: Vec<Vec<u8>>,
    acknowledged: BTreeMap<u64, Vec<u8>>,
}

impl Ledger {
    fn append(&mut self, log: &EventLog, texts: &[&str]) -> bool {
        let start = self.handed_over.len();
        let bytes: Vec<Vec<u8>> =
            texts.iter().enumerate().map(|(i, t)| format!("{t} {}", start + i).into_bytes()).collect();
        let events: Vec<NewEvent<'_>> = bytes.iter().enumerate().map(|(i, b)| event((start + i) as i64, b)).collect();
        let result = log.append(&events);
        if let Ok(range) = result {
            assert_eq!(range.next - range.first, bytes.len() as u64);
            for (seq, b) in (range.first..).zip(&bytes) {
                let earlier = self.acknowledged.insert(seq, b.clone());
                assert!(earlier.is_none(), "seq {seq} acknowledged twice");
            }
        }
        self.handed_over.extend(bytes);
        result.is_ok()
    }

    /// Everything acknowledged is found, and only whole events, in order.
    fn check(&self, log: &EventLog, about: &str) {
        let found = read_from(log, 0);
        let mut last = 0;
        for e in &found {
            assert!(e.seq > last, "{about}: order at {}", e.seq);
            last = e.seq;
            let number = e.received_at as usize;
            assert_eq!(Some(&e.bytes), self.handed_over.get(number), "{about}: seq {}", e.seq);
            assert_eq!(e.source, e.received_at as u32 ^ 7, "{about}");
        }
        for (seq, bytes) in &self.acknowledged {
            let there = found.iter().find(|e| e.seq == *seq);
            assert_eq!(there.map(|e| &e.bytes), Some(bytes), "{about}: acknowledged seq {seq}");
            let got = log.get(*seq).expect("reads").map(|e| e.bytes);
            assert_eq!(got.as_ref(), Some(bytes), "{about}: get {seq}");
        }
        assert!(log.head() > last, "{about}: head");
    }
}

/// Two sessions with appends, rotation, sealing and retention; ignores errors,
/// as after a loss of power there are only errors.
fn script(disk: &CrashDisk, ledger: &mut Ledger) {
    let limits = || Limits { segment_bytes_max: 700, ..small() };
    let long = "x".repeat(250);
    if let Ok((log, _)) = try_open(disk, limits()) {
        ledger.append(&log, &["a"]);
        ledger.append(&log, &["b", "c", &long[..100]]);
        ledger.append(&log, &[""]);
        seal_everything(&log);
        ledger.append(&log, &["d", "e"]);
    }
    if let Ok((log, _)) = try_open(disk, limits()) {
        ledger.append(&log, &["f"]);
        ledger.append(&log, &[&long[..200], "g"]);
        log.core.seal_closed();
        ledger.append(&log, &[&long]);
        ledger.append(&log, &[&long]);
        ledger.append(&log, &[&long]);
        log.core.seal_closed();
        ledger.append(&log, &["h"]);
    }
}

fn cost_of_script() -> u64 {
    const MUCH: u64 = 1 << 40;
    let disk = CrashDisk::new();
    disk.lose_power_after(MUCH);
    script(&disk, &mut Ledger::default());
    MUCH - disk.power_left()
}

#[test]
fn acknowledged_events_survive_a_crash_at_every_byte() {
    let total = cost_of_script();
    assert!(total > 1_500, "the script writes too little: {total}");
    for power in 0..=total {
        let disk = CrashDisk::new();
        disk.lose_power_after(power);
        let mut ledger = Ledger::default();
        script(&disk, &mut ledger);
        assert!(!disk.has_power(), "power {power} of {total}");
        for seed in 0..2 {
            let about = format!("power {power}, seed {seed}");
            let disk = disk.after_power_loss(power * 2 + seed);
            let (log, _) = open(&disk, small());
            ledger.check(&log, &about);
            continue_after(&log, &disk, &mut ledger, &about);
        }
    }
}

/// The log goes on: new numbers, and a second start finds the same.
fn continue_after(log: &EventLog, disk: &CrashDisk, ledger: &mut Ledger, about: &str) {
    let seen_max = read_from(log, 0).last().map_or(0, |e| e.seq);
    let before = ledger.acknowledged.clone();
    let handed_over = ledger.handed_over.len();
    let head = log.head();
    assert!(ledger.append(log, &["after"]), "{about}");
    let newest = *ledger.acknowledged.keys().next_back().expect("one");
    assert!(newest >= head && newest > seen_max, "{about}: number used twice");
    seal_everything(log);
    ledger.check(log, about);
    let (again, recovery) = open(disk, small());
    ledger.check(&again, &format!("{about}, second start"));
    let cut_again = recovery.places.iter().filter(|p| p.reason != crate::RecoveryReason::Damaged).count();
    assert_eq!(cut_again, 0, "{about}: repaired twice: {recovery:?}");
    ledger.acknowledged = before;
    ledger.handed_over.truncate(handed_over);
}

#[test]
fn a_disk_that_fills_at_any_byte_refuses_and_resumes() {
    for capacity in (0..3_000).step_by(3) {
        let disk = CrashDisk::new();
        disk.set_capacity(capacity);
        let mut ledger = Ledger::default();
        script(&disk, &mut ledger);
        let about = format!("capacity {capacity}");
        let (log, _) = open(&disk, small());
        ledger.check(&log, &about);
        disk.set_capacity(1 << 30);
        assert!(ledger.append(&log, &["room again"]), "{about}");
        ledger.check(&log, &about);
        drop(log);
        let (log, _) = open(&disk, small());
        ledger.check(&log, &about);
    }
}

#[test]
fn the_reserve_is_refused_before_the_disk_is_full() {
    let disk = CrashDisk::new();
    disk.set_capacity(200_000);
    let (log, _) = open(&disk, Limits { free_bytes_min: 100_000, ..small() });
    let bytes = [7; 1000];
    let mut stored = 0;
    let refused = loop {
        match log.append(&[event(stored, &bytes)]) {
            Ok(_) => stored += 1,
            Err(e) => break e,
        }
    };
    let AppendError::Full { free, min } = refused else { panic!("{refused}") };
    assert_eq!(min, 100_000);
    assert!((100_000..120_000).contains(&free), "{free}");
    assert!(stored > 70, "{stored}");
    assert_eq!(log.stats().refused_full, 1);
    disk.set_capacity(300_000);
    assert!(log.append(&[event(stored, &bytes)]).is_ok());
}

#[test]
fn a_failed_sync_acknowledges_nothing_and_burns_its_numbers() {
    for failing in 0..8 {
        let disk = CrashDisk::new();
        let mut ledger = Ledger::default();
        let (log, _) = open(&disk, small());
        disk.fail_sync(failing);
        let mut failures = 0;
        for text in ["a", "b", "c", "d", "e"] {
            failures += u32::from(!ledger.append(&log, &[text, text]));
        }
        assert!(failures <= 1, "sync {failing}");
        ledger.check(&log, &format!("sync {failing}"));
        seal_everything(&log);
        ledger.check(&log, &format!("sync {failing}, sealed"));
        drop(log);
        let (log, _) = open(&disk.after_power_loss(failing), small());
        ledger.check(&log, &format!("sync {failing}, reopened"));
    }
}

#[test]
fn an_event_over_the_limit_is_refused_with_its_place() {
    let (log, _) = open(&CrashDisk::new(), Limits { event_bytes_max: 10, ..small() });
    let refused = log.append(&[event(1, b"short"), event(2, b"far too long")]);
    assert_eq!(refused, Err(AppendError::TooLarge { index: 1, bytes: 12, max: 10 }));
    assert_eq!(log.head(), 1);
    assert!(log.append(&[event(1, b"just right")]).is_ok());
}

#[test]
fn numbers_go_on_where_the_caller_says() {
    let disk = CrashDisk::new();
    let (log, _) = open(&disk, small());
    log.append(&[event(1, b"a")]).expect("stored");
    log.skip_to(1000);
    assert_eq!(log.head(), 1000);
    assert_eq!(log.append(&[event(2, b"b")]).expect("stored").first, 1000);
    log.skip_to(5);
    assert_eq!(log.append(&[event(3, b"c")]).expect("stored").first, 1001);
    drop(log);
    let (log, _) = open(&disk, small());
    let seqs: Vec<u64> = read_from(&log, 0).iter().map(|e| e.seq).collect();
    assert_eq!(seqs, [1, 1000, 1001]);
}
