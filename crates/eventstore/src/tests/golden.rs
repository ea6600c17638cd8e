//! Files of format v1, kept for ever: this program must read them and write the
//! raw one to the byte. The sealed one is only read: another zstd may pack the
//! same bytes otherwise.

use std::path::{Path, PathBuf};

use super::{event, open, read_from, seal_everything, small};
use crate::crash_disk::CrashDisk;
use crate::disk::{Disk, read_all};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

fn bodies() -> Vec<Vec<u8>> {
    let mut all = vec![
        b"<13>1 2026-11-24T08:16:53Z vm app - - - hello".to_vec(),
        Vec::new(),
        "für Müller\n\0\u{feff}".as_bytes().to_vec(),
        vec![0xFF; 300],
    ];
    all.extend((0..40).map(|i| format!("event number {i}").into_bytes()));
    all
}

fn written() -> CrashDisk {
    let disk = CrashDisk::new();
    let (log, _) = open(&disk, small());
    for (i, body) in bodies().iter().enumerate() {
        log.append(&[event(1_764_000_000_000_000 + i as i64, body)]).expect("stored");
    }
    disk
}

fn bytes_of(disk: &CrashDisk, name: &str) -> Vec<u8> {
    read_all(disk.open(name).expect("opens").as_ref()).expect("reads")
}

fn check_reads(name: &str, bytes: &[u8]) {
    let disk = CrashDisk::new();
    disk.create(name).and_then(|f| f.write_at(0, bytes)).expect("written");
    let (log, recovery) = open(&disk, small());
    assert!(recovery.places.is_empty(), "{recovery:?}");
    let found = read_from(&log, 0);
    assert_eq!(found.len(), bodies().len());
    for (i, (event, body)) in found.iter().zip(bodies()).enumerate() {
        assert_eq!(event.seq, i as u64 + 1);
        assert_eq!(event.received_at, 1_764_000_000_000_000 + i as i64);
        assert_eq!(event.source, event.received_at as u32 ^ 7);
        assert_eq!(event.bytes, body);
    }
}

#[test]
fn raw_format_v1_is_written_and_read() {
    let expected = std::fs::read(golden("v1.raw")).expect("golden file");
    assert_eq!(bytes_of(&written(), "00000000000000000001.raw"), expected);
    check_reads("00000000000000000001.raw", &expected);
}

#[test]
fn sealed_format_v1_is_read() {
    let expected = std::fs::read(golden("v1.seg")).expect("golden file");
    check_reads("00000000000000000001.seg", &expected);
}

#[test]
fn a_sealed_file_is_ordinary_zstd() {
    let disk = written();
    let raw = bytes_of(&disk, "00000000000000000001.raw");
    let (log, _) = open(&disk, small());
    seal_everything(&log);
    let sealed = bytes_of(&disk, "00000000000000000001.seg");
    let unpacked = zstd::decode_all(sealed.as_slice()).expect("plain zstd reads it");
    assert_eq!(unpacked, raw[64..]);
    if std::env::args().any(|a| a == "write_golden") {
        std::fs::write(golden("v1.raw"), raw).expect("written");
        std::fs::write(golden("v1.seg"), sealed).expect("written");
    }
}
