//! A flipped bit is found, reported with segment and offset, and the rest stays
//! readable.

use super::{event, open, read_from, seal_everything, small, try_open};
use crate::crash_disk::{CrashDisk, Seeded};
use crate::{Batch, Damage, EventLog, RecoveryReason, SeqRange};

/// Events that do not compress, so that several blocks come together.
fn noise(count: usize, len: usize) -> Vec<Vec<u8>> {
    let mut random = Seeded(42);
    (0..count).map(|_| (0..len).map(|_| random.below(256) as u8).collect()).collect()
}

fn store(log: &EventLog, bodies: &[Vec<u8>]) {
    for (i, body) in bodies.iter().enumerate() {
        log.append(&[event(i as i64, body)]).expect("stored");
    }
}

/// Reads everything there is; the events' bodies and the damage on the way.
fn read_with_damage(log: &EventLog) -> (Vec<(u64, Vec<u8>)>, Vec<Damage>) {
    let mut batch = Batch::default();
    let mut found = Vec::new();
    let mut damage = Vec::new();
    let mut at = 1;
    while at < log.head() {
        log.read(at, 5, 1 << 20, &mut batch).expect("reads");
        found.extend(batch.iter().map(|e| (e.seq, e.bytes.to_vec())));
        damage.extend_from_slice(batch.damage());
        at = batch.next_seq();
    }
    (found, damage)
}

#[test]
fn a_flipped_bit_in_a_raw_segment_costs_one_event_and_is_told() {
    let bodies = noise(6, 50);
    let disk = CrashDisk::new();
    let (log, _) = open(&disk, small());
    store(&log, &bodies);
    drop(log);
    let name = "00000000000000000001.raw";
    for byte in 0..disk.file_len(name) {
        let disk = disk.copy();
        disk.flip_bit(name, byte, (byte % 8) as u8);
        let (log, recovery) = open(&disk, small());
        let (found, _) = read_with_damage(&log);
        for (seq, body) in &found {
            assert_eq!(Some(body), bodies.get(*seq as usize - 1), "byte {byte}");
        }
        if byte < 64 {
            assert_eq!(found.len(), 6, "one header copy is enough, byte {byte}");
            continue;
        }
        let victim = (byte - 64) / 82 + 1;
        assert_eq!(found.len(), 5, "byte {byte}");
        assert!(found.iter().all(|(seq, _)| *seq as usize != victim));
        let place = recovery.places.first().expect("reported");
        let is_last = victim == 6;
        let reason = if is_last { RecoveryReason::TornTail } else { RecoveryReason::Damaged };
        assert_eq!((place.segment.as_str(), place.reason), (name, reason), "byte {byte}");
        assert_eq!(place.offset as usize, 64 + (victim - 1) * 82);
        assert!(log.append(&[event(9, b"on")]).expect("goes on").first > 6);
    }
}

#[test]
fn a_bit_that_flips_while_the_log_is_open_is_met_by_the_reader() {
    let bodies = noise(6, 50);
    let disk = CrashDisk::new();
    let (log, _) = open(&disk, small());
    store(&log, &bodies);
    disk.flip_bit("00000000000000000001.raw", 64 + 82 * 2 + 40, 3);
    let (found, damage) = read_with_damage(&log);
    assert_eq!(found.len(), 5);
    let expected = Damage {
        segment: "00000000000000000001.raw".to_owned(),
        offset: 64 + 82 * 2,
        lost: SeqRange { first: 3, next: 4 },
    };
    assert_eq!(damage, [expected]);
    seal_everything(&log);
    assert_eq!(log.stats().segments_damaged, 1, "kept raw, not sealed away");
    assert_eq!(log.stats().damaged_places, 1);
    assert_eq!(read_with_damage(&log).0.len(), 5);
}

#[test]
fn a_flipped_bit_in_a_sealed_segment_costs_at_most_its_block() {
    let bodies = noise(40, 20_000);
    let disk = CrashDisk::new();
    let (log, _) = open(&disk, small());
    store(&log, &bodies);
    seal_everything(&log);
    drop(log);
    let name = "00000000000000000001.seg";
    let len = disk.file_len(name);
    let places = (0..120).chain((120..len - 400).step_by(20_011)).chain(len - 400..len);
    let mut told = 0;
    for byte in places {
        let disk = disk.copy();
        disk.flip_bit(name, byte, (byte % 8) as u8);
        let (log, recovery) = open(&disk, small());
        let (found, damage) = read_with_damage(&log);
        for (seq, body) in &found {
            assert_eq!(Some(body), bodies.get(*seq as usize - 1), "byte {byte}");
        }
        let lost: u64 = damage.iter().map(|d| d.lost.next - d.lost.first).sum();
        assert_eq!(found.len() as u64 + lost, 40, "byte {byte}: {damage:?}");
        assert!(found.len() >= 26, "byte {byte}: only {} readable", found.len());
        told += usize::from(!damage.is_empty() || !recovery.places.is_empty());
    }
    assert!(told > 400, "{told}");
}

#[test]
fn forged_frames_inside_an_event_are_never_returned() {
    // Attacker's bytes look like a frame with the next number, summed without
    // the salt; then the frame around them is damaged.
    let mut forged = Vec::new();
    crate::frame::encode_unstamped(&mut forged, 1, 2, 3, b"forged");
    crate::frame::stamp(&mut forged, 0, 2);
    let disk = CrashDisk::new();
    let (log, _) = open(&disk, small());
    log.append(&[event(0, b"first"), event(1, &forged), event(2, b"third")]).expect("stored");
    drop(log);
    disk.flip_bit("00000000000000000001.raw", 64 + 32 + 5 + 2, 0);
    let (log, recovery) = open(&disk, small());
    let bodies: Vec<Vec<u8>> = read_from(&log, 0).into_iter().map(|e| e.bytes).collect();
    assert_eq!(bodies, [b"first".to_vec(), b"third".to_vec()]);
    assert_eq!(recovery.places.len(), 1);
}

#[test]
fn a_newer_format_is_refused_and_not_touched() {
    let disk = CrashDisk::new();
    let (log, _) = open(&disk, small());
    log.append(&[event(0, b"x")]).expect("stored");
    drop(log);
    let name = "00000000000000000001.raw";
    let mut header =
        crate::frame::encode_header(crate::frame::Kind::Raw, crate::frame::Header { salt: 1, base_seq: 1 });
    for copy in header.chunks_exact_mut(32) {
        copy[8] = 2;
        let crc = crc32fast::hash(&copy[..28]).to_le_bytes();
        copy[28..].copy_from_slice(&crc);
    }
    crate::disk::Disk::open(&disk, name).and_then(|f| f.write_at(0, &header)).expect("written");
    let before = disk.file_len(name);
    let refused = try_open(&disk, small()).err().expect("refused");
    assert!(matches!(refused, crate::Error::NewerFormat { format: 2, known: 1, .. }));
    assert_eq!(disk.file_len(name), before);
    assert_eq!(disk.names().len(), 1);
}
