//! The real file system: locking, background sealing, and a small tmpfs where
//! the machine lets us mount one.

use std::path::Path;
use std::process::Command;

use super::{event, read_from, small};
use crate::{AppendError, Error, EventLog, Limits};

#[test]
fn a_directory_is_open_once() {
    let dir = tempfile::tempdir().expect("tempdir");
    let (log, _) = EventLog::open(&dir.path().join("new/log"), small()).expect("opens");
    let second = EventLog::open(&dir.path().join("new/log"), small()).err();
    assert!(matches!(second, Some(Error::Locked { .. })));
    drop(log);
    assert!(EventLog::open(&dir.path().join("new/log"), small()).is_ok());
}

#[test]
fn events_survive_a_restart_and_are_sealed_by_the_thread() {
    let dir = tempfile::tempdir().expect("tempdir");
    let body = [b'x'; 1000];
    let limits = || Limits { segment_bytes_max: 10_000, ..small() };
    let (log, recovery) = EventLog::open(dir.path(), limits()).expect("opens");
    assert!(recovery.places.is_empty());
    for i in 0..100 {
        log.append(&[event(i, &body)]).expect("stored");
    }
    let before = read_from(&log, 1);
    assert_eq!(before.len(), 100);
    while log.stats().segments_raw > 1 {
        std::thread::yield_now();
    }
    assert_eq!(read_from(&log, 1), before);
    drop(log);
    let (log, recovery) = EventLog::open(dir.path(), limits()).expect("opens");
    assert!(recovery.places.is_empty(), "{recovery:?}");
    assert_eq!(read_from(&log, 1), before);
}

#[test]
fn the_reserve_of_a_real_file_system_is_kept() {
    let dir = tempfile::tempdir().expect("tempdir");
    let limits = Limits { free_bytes_min: u64::MAX / 2, ..small() };
    let (log, _) = EventLog::open(dir.path(), limits).expect("opens");
    let refused = log.append(&[event(0, b"x")]);
    assert!(matches!(refused, Err(AppendError::Full { free, min }) if free > 0 && free < min));
    assert_eq!(log.head(), 1);
}

struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn tmpfs(dir: &'a Path) -> Option<Self> {
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(dir).output();
        done.is_ok_and(|o| o.status.success()).then_some(Mounted(dir))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).output();
    }
}

#[test]
fn a_full_tmpfs_refuses_keeps_everything_and_resumes() {
    let dir = tempfile::tempdir().expect("tempdir");
    let Some(mounted) = Mounted::tmpfs(dir.path()) else {
        eprintln!("skipped: this user may not mount a tmpfs");
        return;
    };
    let limits = || Limits { free_bytes_min: 256 << 10, segment_bytes_max: 128 << 10, ..small() };
    let body: Vec<u8> = (0..4096_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let (log, _) = EventLog::open(&dir.path().join("log"), limits()).expect("opens");
    let mut stored = 0;
    let filler = dir.path().join("filler");
    std::fs::write(&filler, vec![0; 1 << 20]).expect("written");
    while log.append(&[event(stored, &body)]).is_ok() {
        stored += 1;
        assert!(stored < 100_000, "never full");
    }
    assert!(stored > 10, "{stored}");
    // Others may use the reserve.
    std::fs::write(dir.path().join("record"), vec![1; 128 << 10]).expect("the reserve is there");
    // And a disk that is full to the last byte loses nothing and still opens.
    let rest = std::fs::write(dir.path().join("rest"), vec![1; 2 << 20]);
    assert!(rest.is_err(), "the tmpfs is full");
    assert!(matches!(log.append(&[event(stored, &body)]), Err(AppendError::Full { .. })));
    drop(log);
    let (log, recovery) = EventLog::open(&dir.path().join("log"), limits()).expect("opens when full");
    assert!(recovery.is_full || recovery.places.is_empty(), "{recovery:?}");
    assert_eq!(read_from(&log, 1).len() as i64, stored);
    for name in ["filler", "record", "rest"] {
        std::fs::remove_file(dir.path().join(name)).expect("removed");
    }
    assert!(log.append(&[event(stored, &body)]).is_ok(), "intake resumes");
    assert_eq!(read_from(&log, 1).len() as i64, stored + 1);
    drop(log);
    drop(mounted);
}
