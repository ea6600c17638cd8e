//! What is erased is gone from every file, everything else stays as it was, and a crash at any byte leaves each event
//! as it was before or erased.

use super::{event, open, read_from, seal_everything, small};
use crate::crash_disk::CrashDisk;
use crate::erase::ERASED;
use crate::{EventLog, Limits};

const MARK: &[u8] = b"patient-4711";

fn limits() -> Limits {
    Limits { segment_bytes_max: 600, ..small() }
}

/// Thirty events in several segments, sealed and not, every fifth with the mark.
fn filled() -> (CrashDisk, Vec<Vec<u8>>) {
    let disk = CrashDisk::new();
    let (log, _) = open(&disk, limits());
    let texts: Vec<Vec<u8>> = (0..30)
        .map(|n| if n % 5 == 0 { [b"event ", MARK].concat() } else { format!("event {n}").into_bytes() })
        .collect();
    for (number, text) in texts.iter().enumerate() {
        log.append(&[event(number as i64, text)]).expect("stored");
        if number == 20 {
            seal_everything(&log);
        }
    }
    (disk, texts)
}

fn erase(log: &EventLog) -> Result<crate::Erased, crate::Error> {
    log.erase(|event| event.bytes.windows(MARK.len()).any(|part| part == MARK))
}

#[test]
fn only_what_must_go_is_gone() {
    let (disk, texts) = filled();
    let (log, _) = open(&disk, limits());
    let before = read_from(&log, 0);
    let erased = erase(&log).expect("erases");
    assert_eq!((erased.seqs.as_slice(), erased.unreadable), ([1, 6, 11, 16, 21, 26].as_slice(), 0));
    let check = |log: &EventLog| {
        let after = read_from(log, 0);
        assert_eq!(after.len(), before.len(), "the count is kept");
        for (old, new) in before.iter().zip(&after) {
            let gone = old.bytes.ends_with(MARK);
            assert_eq!((new.seq, new.received_at, new.source), (old.seq, old.received_at, old.source));
            assert_eq!(new.bytes, if gone { ERASED } else { old.bytes.as_slice() });
        }
    };
    check(&log);
    assert!(erase(&log).expect("erases").seqs.is_empty(), "nothing is left to erase");
    log.append(&[event(30, b"goes on")]).expect("stored");
    drop(log);
    let (log, recovery) = open(&disk, limits());
    assert_eq!(recovery.places, []);
    assert_eq!(read_from(&log, 31).len(), 1);
    assert_eq!(texts.len(), 30);
}

#[test]
fn a_crash_at_any_byte_leaves_each_event_whole_or_erased() {
    const MUCH: u64 = 1 << 40;
    let (filled_disk, _) = filled();
    let whole = read_from(&open(&filled_disk.copy(), limits()).0, 0);
    let disk = filled_disk.copy();
    disk.lose_power_after(MUCH);
    erase(&open(&disk, limits()).0).expect("erases");
    let total = MUCH - disk.power_left();
    for power in 0..total {
        let disk = filled_disk.copy();
        disk.lose_power_after(power);
        if let Ok((log, _)) = super::try_open(&disk, limits()) {
            let _ = erase(&log);
        }
        let disk = disk.after_power_loss(power);
        let (log, _) = open(&disk, limits());
        let after = read_from(&log, 0);
        assert_eq!(after.len(), whole.len(), "power for {power} bytes");
        for (old, new) in whole.iter().zip(&after) {
            let erased = old.bytes.ends_with(MARK) && new.bytes == ERASED;
            assert!(new.bytes == old.bytes || erased, "power for {power} bytes: event {}", old.seq);
        }
        erase(&log).expect("erases after all");
        assert!(read_from(&log, 0).iter().all(|event| !event.bytes.ends_with(MARK)), "power for {power} bytes");
    }
}
