//! Reading, looking back, waiting and retention on a healthy disk.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use super::{event, open, read_from, seal_everything, small};
use crate::crash_disk::CrashDisk;
use crate::{Batch, EventLog, Limits, LookBack, LookBackEnd, NewEvent, SeqRange};

const WHOLE: LookBack = LookBack { from: i64::MIN, to: i64::MAX, events_max: u64::MAX, bytes_max: u64::MAX };

/// A log of `count` events of 1 KiB, received at 0, 1, 2 …; every 100 sealed.
fn filled(disk: &CrashDisk, count: i64) -> EventLog {
    let (log, _) = open(disk, small());
    let body = [b'e'; 1024];
    for i in 0..count {
        log.append(&[event(i, &body)]).expect("stored");
        if i % 100 == 99 {
            seal_everything(&log);
        }
    }
    log
}

#[test]
fn a_batch_keeps_its_limits_but_always_moves() {
    let (log, _) = open(&CrashDisk::new(), small());
    let body = [1; 100];
    log.append(&[event(0, &body), event(1, &body), event(2, &body)]).expect("stored");
    let mut batch = Batch::default();
    for (events_max, bytes_max, expected) in [(10, 1000, 3), (2, 1000, 2), (10, 250, 2), (10, 1, 1), (0, 1000, 0)] {
        log.read(1, events_max, bytes_max, &mut batch).expect("reads");
        assert_eq!(batch.len(), expected, "{events_max} {bytes_max}");
        assert_eq!(batch.next_seq(), 1 + expected as u64);
    }
    log.read(4, 10, 10, &mut batch).expect("reads");
    assert!(batch.is_empty());
    assert_eq!(batch.next_seq(), 4);
}

#[test]
fn concurrent_callers_get_their_own_numbers() {
    let disk = CrashDisk::new();
    let log = Arc::new(open(&disk, Limits { segment_bytes_max: 8192, ..small() }).0);
    let threads: Vec<_> = (0..8_i64)
        .map(|t| {
            let log = Arc::clone(&log);
            std::thread::spawn(move || {
                (0..100)
                    .map(|i| {
                        let text = format!("{t}:{i}");
                        let pair = [event(t, text.as_bytes()), event(t, b"second")];
                        (log.append(&pair).expect("stored"), text)
                    })
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let mut all: Vec<_> = threads.into_iter().flat_map(|t| t.join().expect("joins")).collect();
    all.sort_by_key(|(range, _)| range.first);
    let mut next = 1;
    for (range, text) in all {
        assert_eq!(range, SeqRange { first: next, next: next + 2 });
        next = range.next;
        assert_eq!(log.get(range.first).expect("reads").expect("there").bytes, text.as_bytes());
    }
    assert_eq!(log.head(), 1601);
    assert_eq!(read_from(&log, 1).len(), 1600);
}

#[test]
fn a_waiting_reader_wakes_and_a_watcher_is_told() {
    let log = Arc::new(open(&CrashDisk::new(), small()).0);
    let seen = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&seen);
    log.watch(move |head| told.store(head, SeqCst));
    assert_eq!(log.wait_for(1, Duration::ZERO), 1);
    let waiting = Arc::clone(&log);
    let waiter = std::thread::spawn(move || waiting.wait_for(2, Duration::from_secs(600)));
    log.append(&[event(0, b"one"), event(0, b"two")]).expect("stored");
    assert_eq!(waiter.join().expect("joins"), 3);
    assert_eq!(seen.load(SeqCst), 3);
}

#[test]
fn looking_back_says_what_was_searched() {
    let log = filled(&CrashDisk::new(), 350);
    let count = |look: &LookBack| {
        let mut times = Vec::new();
        let answer = log
            .look_back(look, |e| {
                times.push(e.received_at);
                ControlFlow::Continue(())
            })
            .expect("reads");
        times.sort_unstable();
        assert_eq!(answer.events, times.len() as u64);
        (answer, times)
    };
    let (answer, times) = count(&WHOLE);
    assert_eq!((answer.end, answer.from, answer.to), (LookBackEnd::Complete, i64::MIN, i64::MAX));
    assert_eq!(answer.kept_from, Some(0));
    assert_eq!(times, (0..350).collect::<Vec<_>>());

    let (answer, times) = count(&LookBack { from: 120, to: 205, ..WHOLE });
    assert_eq!(answer.end, LookBackEnd::Complete);
    assert_eq!(times, (120..205).collect::<Vec<_>>());

    let (answer, times) = count(&LookBack { from: 0, to: 350, events_max: 60, ..WHOLE });
    assert_eq!(answer.end, LookBackEnd::LimitReached);
    assert!(answer.from > 0 && answer.events >= 50, "{answer:?}");
    let searched: Vec<i64> = times.into_iter().filter(|t| *t >= answer.from).collect();
    assert_eq!(searched, (answer.from..350).collect::<Vec<_>>(), "exactly what it says");

    let mut left = 10;
    let answer = log
        .look_back(&LookBack { from: 0, to: 350, ..WHOLE }, |_| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .expect("reads");
    assert_eq!((answer.end, answer.from), (LookBackEnd::Stopped, 350), "nothing whole was searched");
}

#[test]
fn retention_drops_whole_segments_and_never_what_is_unread() {
    let disk = CrashDisk::new();
    drop(filled(&disk, 350));
    let (log, _) = open(&disk, Limits { age_max: Duration::from_micros(50), ..small() });
    let nothing_read = log.retain(1000, 1).expect("runs");
    assert_eq!(nothing_read.dropped, None);
    let half_read = log.retain(1000, 250).expect("runs");
    assert_eq!(half_read.dropped, Some(SeqRange { first: 1, next: 201 }));
    assert_eq!((half_read.events, half_read.lost), (200, 0));
    assert_eq!(log.tail(), 201);
    let mut batch = Batch::default();
    log.read(5, 1, 1, &mut batch).expect("reads");
    assert_eq!(batch.skipped(), Some(SeqRange { first: 5, next: 201 }));
    assert_eq!(batch.iter().next().map(|e| e.seq), Some(201));
    assert_eq!(log.get(5).expect("reads"), None);
    let young = log.retain(300, 351).expect("runs");
    assert_eq!(young.dropped, None, "its last event is 299, not older than 50");
}

#[test]
fn the_hard_limit_drops_unread_events_and_counts_them_as_lost() {
    let disk = CrashDisk::new();
    drop(filled(&disk, 350));
    let limits = Limits { total_bytes_max: 1, total_bytes_hard: 40_000, ..small() };
    let (log, _) = open(&disk, limits);
    let retained = log.retain(0, 51).expect("runs");
    assert!(retained.lost >= 50, "{retained:?}");
    assert_eq!(retained.events - retained.lost, 50);
    assert_eq!(log.stats().lost_events, retained.lost);
    assert!(log.stats().bytes <= 40_000 || log.stats().events == 0);
}

#[test]
fn retention_closes_an_old_segment_and_the_numbers_go_on() {
    let disk = CrashDisk::new();
    let limits = || Limits { age_max: Duration::from_secs(10), segment_age: Duration::from_secs(5), ..small() };
    let (log, _) = open(&disk, limits());
    log.append(&[event(0, b"old")]).expect("stored");
    let retained = log.retain(60_000_000, 2).expect("runs");
    assert_eq!(retained.events, 1);
    assert_eq!((log.tail(), log.head()), (2, 2));
    drop(log);
    let (log, _) = open(&disk, limits());
    assert_eq!(log.head(), 2, "an empty log remembers its numbers");
}

#[test]
fn sealed_segments_are_smaller_and_the_same() {
    let disk = CrashDisk::new();
    let (log, _) = open(&disk, small());
    let events: Vec<Vec<u8>> = (0..2000).map(|i| format!("<13>1 host app - {i} the same words").into_bytes()).collect();
    let all: Vec<NewEvent<'_>> = events.iter().enumerate().map(|(i, b)| event(i as i64, b)).collect();
    log.append(&all).expect("stored");
    let before = read_from(&log, 1);
    let raw_bytes = log.stats().bytes;
    seal_everything(&log);
    assert_eq!(read_from(&log, 1), before);
    let stats = log.stats();
    assert_eq!((stats.segments_raw, stats.segments_sealed, stats.events), (0, 1, 2000));
    assert!(stats.bytes * 3 < raw_bytes, "{} of {raw_bytes}", stats.bytes);
    drop(log);
    let (log, recovery) = open(&disk, small());
    assert!(recovery.places.is_empty(), "{recovery:?}");
    assert_eq!(read_from(&log, 1), before);
}
