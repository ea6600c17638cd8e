//! Any sequence of operations leaves the log equal to a plain list.

use std::time::Duration;

use proptest::prelude::*;

use super::{event, open, read_from, seal_everything, small};
use crate::crash_disk::CrashDisk;
use crate::{Batch, Limits, NewEvent};

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Vec<u8>>),
    Read { from: u64, events: usize, bytes: usize },
    Seal,
    Reopen,
    PowerLoss(u64),
    Retain(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let body = prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        5 => prop::collection::vec(body, 1..6).prop_map(Step::Append),
        3 => (0..60_u64, 0..9_usize, 0..900_usize).prop_map(|(from, events, bytes)| Step::Read { from, events, bytes }),
        1 => Just(Step::Seal),
        1 => Just(Step::Reopen),
        1 => any::<u64>().prop_map(Step::PowerLoss),
        1 => (0..60_u64).prop_map(Step::Retain),
    ]
}

fn limits() -> Limits {
    Limits { segment_bytes_max: 1500, age_max: Duration::from_micros(10), ..small() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_equals_a_list(steps in prop::collection::vec(step(), 1..40)) {
        let mut disk = CrashDisk::new();
        let mut log = open(&disk, limits()).0;
        let mut list: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut clock = 0_i64;
        let mut batch = Batch::default();
        for step in steps {
            match step {
                Step::Append(bodies) => {
                    let events: Vec<NewEvent<'_>> = bodies.iter().map(|b| { clock += 1; event(clock, b) }).collect();
                    let range = log.append(&events).expect("stored");
                    list.extend((range.first..).zip(bodies));
                }
                Step::Read { from, events, bytes } => {
                    log.read(from, events, bytes, &mut batch).expect("reads");
                    let expected: Vec<_> = list.iter().filter(|(seq, _)| *seq >= from).take(batch.len()).cloned().collect();
                    let got: Vec<_> = batch.iter().map(|e| (e.seq, e.bytes.to_vec())).collect();
                    prop_assert_eq!(&got, &expected);
                    prop_assert!(got.len() <= events);
                    let sum: usize = got.iter().map(|(_, b)| b.len()).sum();
                    prop_assert!(sum <= bytes || got.len() == 1);
                    let is_end = list.last().is_none_or(|(seq, _)| *seq < from);
                    prop_assert!(is_end || events == 0 || !got.is_empty());
                }
                Step::Seal => seal_everything(&log),
                Step::Reopen => {
                    drop(log);
                    let (again, recovery) = open(&disk, limits());
                    prop_assert!(recovery.places.is_empty(), "{:?}", recovery);
                    log = again;
                }
                Step::PowerLoss(seed) => {
                    drop(log);
                    disk = disk.after_power_loss(seed);
                    log = open(&disk, limits()).0;
                }
                Step::Retain(read_to) => {
                    let dropped = log.retain(clock, read_to).expect("runs");
                    prop_assert_eq!(dropped.lost, 0);
                    if let Some(range) = dropped.dropped {
                        prop_assert!(range.next <= read_to);
                        list.retain(|(seq, _)| *seq >= range.next);
                    }
                }
            }
            prop_assert!(log.head() > list.last().map_or(0, |(seq, _)| *seq));
        }
        let all: Vec<_> = read_from(&log, 0).into_iter().map(|e| (e.seq, e.bytes)).collect();
        prop_assert_eq!(all, list);
    }

    #[test]
    fn any_bytes_in_the_directory_open_or_are_refused(
        raw in prop::collection::vec(any::<u8>(), 0..400),
        sealed in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let disk = CrashDisk::new();
        for (name, bytes) in [("00000000000000000001.raw", raw), ("00000000000000000009.seg", sealed)] {
            crate::disk::Disk::create(&disk, name).and_then(|f| f.write_at(0, &bytes)).expect("written");
        }
        let (log, recovery) = open(&disk, small());
        prop_assert!(!recovery.places.is_empty());
        let seq = log.append(&[event(1, b"goes on")]).expect("stored").first;
        prop_assert_eq!(log.get(seq).expect("reads").map(|e| e.bytes), Some(b"goes on".to_vec()));
    }
}
