//! Opening after a crash: decide what each file is, find the next number that
//! was certainly never used, and say what had to be cut. Apart from `log.rs`
//! because it runs once, alone, over files nobody is using yet.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::append::hold;
use crate::disk::{Disk, is_full, read_all};
use crate::error::Error;
use crate::frame::{FORMAT, FRAME_BYTES, HEADER_BYTES, HeaderProblem, Kind, decode_header};
use crate::log::Core;
use crate::sealed::{SealedProblem, SealedTable, read_table, rebuild_table};
use crate::segment::{Place, Segment, Segments, raw_name, sealed_name};

/// What opening had to repair. Empty after a clean stop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// One entry a place, in the order of the files.
    pub places: Vec<Recovered>,
    /// True when there was no room even for an empty segment: the log reads,
    /// and takes events when there is room again.
    pub is_full: bool,
}

/// One place that was cut, dropped or found damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// File name inside the log's directory.
    pub segment: String,
    /// Where it starts in that file.
    pub offset: u64,
    /// How many bytes it spans.
    pub bytes: u64,
    /// What it is.
    pub reason: RecoveryReason,
}

/// What was wrong with a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryReason {
    /// The end of a segment that was being written: cut. Such events were not
    /// acknowledged (or the device lost what it had promised).
    TornTail,
    /// A segment that was just being created: removed, it held nothing.
    UnfinishedSegment,
    /// A seal that did not finish: removed, the raw segment is used.
    UnfinishedSeal,
    /// Bytes in the middle that are not what was written. The file is kept as
    /// it is; everything around them is readable.
    Damaged,
    /// The start of a file is damaged in both copies: none of it is readable.
    HeaderDamaged,
}

/// What a look at the directory found.
pub(crate) struct Found {
    pub segments: Segments,
    pub next_seq: u64,
    pub recovery: Recovery,
    /// Files to cut, with their new length.
    pub cuts: Vec<(String, u64)>,
    /// Files to remove.
    pub removals: Vec<String>,
}

impl Found {
    fn report(&mut self, segment: String, offset: u64, bytes: u64, reason: RecoveryReason) {
        self.recovery.places.push(Recovered { segment, offset, bytes, reason });
    }

    fn used_below(&mut self, next_seq: u64) {
        self.next_seq = self.next_seq.max(next_seq);
    }
}

/// Reads the directory; changes nothing.
pub(crate) fn look(disk: &dyn Disk) -> Result<Found, Error> {
    let names = disk.list().map_err(|e| Error::io("list the event log", e))?;
    let mut found = Found {
        segments: Segments::default(),
        next_seq: 1,
        recovery: Recovery::default(),
        cuts: Vec::new(),
        removals: Vec::new(),
    };
    let raw = bases(&names, ".raw");
    let sealed = bases(&names, ".seg");
    for base_seq in raw.union(&sealed) {
        found.used_below(*base_seq);
        let is_sealed =
            sealed.contains(base_seq) && look_at_sealed(disk, *base_seq, raw.contains(base_seq), &mut found)?;
        if !is_sealed && raw.contains(base_seq) {
            look_at_raw(disk, *base_seq, &mut found)?;
        }
    }
    for name in names.iter().filter(|n| n.ends_with(".tmp")) {
        found.report(name.clone(), 0, 0, RecoveryReason::UnfinishedSeal);
        found.removals.push(name.clone());
    }
    found.segments.head = found.next_seq;
    Ok(found)
}

fn bases(names: &[String], suffix: &str) -> BTreeSet<u64> {
    names
        .iter()
        .filter_map(|n| n.strip_suffix(suffix))
        .filter(|n| n.len() == 20)
        .filter_map(|n| n.parse().ok())
        .collect()
}

/// True when the sealed file is used.
fn look_at_sealed(disk: &dyn Disk, base_seq: u64, has_raw: bool, found: &mut Found) -> Result<bool, Error> {
    let name = sealed_name(base_seq);
    let at = |e| Error::io(format!("read {name}"), e);
    let file = disk.open(&name).map_err(at)?;
    let bytes = file.len().map_err(at)?;
    let refuse = |problem| match problem {
        SealedProblem::Newer(format) => Err(Error::NewerFormat { segment: name.clone(), format, known: FORMAT }),
        SealedProblem::Io(e) => Err(at(e)),
        SealedProblem::Damaged => Ok(()),
    };
    match read_table(file.as_ref()) {
        Ok(table) => {
            if has_raw {
                found.removals.push(raw_name(base_seq));
            }
            add_sealed(table, bytes, found);
            return Ok(true);
        }
        Err(problem) => refuse(problem)?,
    }
    if has_raw {
        found.report(name.clone(), 0, bytes, RecoveryReason::UnfinishedSeal);
        found.removals.push(name);
        return Ok(false);
    }
    match rebuild_table(file.as_ref()) {
        Ok(table) => {
            let end = table.blocks.last().map_or(0, |b| b.offset + u64::from(b.stored_len));
            found.report(name.clone(), end, bytes - end, RecoveryReason::Damaged);
            found.used_below(table.next_seq.saturating_add(bytes));
            add_sealed(SealedTable { base_seq, ..table }, bytes, found);
        }
        Err(problem) => {
            refuse(problem)?;
            found.report(name.clone(), 0, bytes, RecoveryReason::HeaderDamaged);
            found.used_below(base_seq.saturating_add(bytes));
            let unreadable = SealedTable { salt: 0, base_seq, next_seq: base_seq, blocks: Vec::new() };
            add_sealed(unreadable, bytes, found);
        }
    }
    Ok(true)
}

fn add_sealed(table: SealedTable, bytes: u64, found: &mut Found) {
    found.used_below(table.next_seq);
    found.segments.by_base.insert(
        table.base_seq,
        Segment {
            base_seq: table.base_seq,
            next_seq: table.next_seq,
            salt: table.salt,
            place: Place::Sealed,
            bytes,
            blocks: table.blocks,
        },
    );
}

fn look_at_raw(disk: &dyn Disk, base_seq: u64, found: &mut Found) -> Result<(), Error> {
    let name = raw_name(base_seq);
    let at = |e| Error::io(format!("read {name}"), e);
    let file = disk.open(&name).map_err(at)?;
    let bytes = read_all(file.as_ref()).map_err(at)?;
    let len = bytes.len() as u64;
    let mut segment = Segment {
        base_seq,
        next_seq: base_seq,
        salt: 0,
        place: Place::Raw(Arc::clone(&file)),
        bytes: len,
        blocks: Vec::new(),
    };
    match decode_header(&bytes, Kind::Raw) {
        Ok(header) => segment.salt = header.salt,
        Err(HeaderProblem::Newer(format)) => {
            return Err(Error::NewerFormat { segment: name, format, known: FORMAT });
        }
        Err(HeaderProblem::Unreadable) if bytes.len() <= HEADER_BYTES => {
            found.report(name.clone(), 0, len, RecoveryReason::UnfinishedSegment);
            found.removals.push(name);
            return Ok(());
        }
        Err(HeaderProblem::Unreadable) => {
            found.report(name, 0, len, RecoveryReason::HeaderDamaged);
            found.used_below(base_seq.saturating_add(len / FRAME_BYTES as u64 + 1));
            segment.place = Place::Damaged(file);
            found.segments.by_base.insert(base_seq, segment);
            return Ok(());
        }
    }
    let (end, damage) = segment.note_all(&bytes, HEADER_BYTES.min(bytes.len()));
    found.used_below(segment.next_seq);
    if end < len {
        // Whatever stood there may have been numbered, even acknowledged if the
        // device lied: its numbers are never given again.
        let frames = (len - end).div_ceil(FRAME_BYTES as u64);
        found.used_below(segment.next_seq.saturating_add(frames));
        found.report(name.clone(), end, len - end, RecoveryReason::TornTail);
        found.cuts.push((name.clone(), end));
        segment.bytes = end;
    }
    if !damage.is_empty() {
        for place in &damage {
            found.segments.note_damage(base_seq, place.offset);
        }
        found.recovery.places.extend(damage);
        segment.place = Place::Damaged(file);
    }
    if segment.blocks.is_empty() {
        found.removals.push(name);
    } else {
        found.segments.by_base.insert(base_seq, segment);
    }
    Ok(())
}

impl Core {
    /// Starts the new segment, and only when that is durable (so that its
    /// number is taken) cuts and removes what is not needed.
    pub(crate) fn finish_recovery(
        &self,
        mut recovery: Recovery,
        cuts: Vec<(String, u64)>,
        removals: Vec<String>,
    ) -> Result<Recovery, Error> {
        let mut writer = hold(&self.writer);
        let active_name = raw_name(writer.next_seq);
        match self.create_segment(&mut writer) {
            Ok(()) => {}
            Err(e) if is_full(&e) => {
                recovery.is_full = true;
                return Ok(recovery);
            }
            Err(e) => return Err(Error::io(format!("create {active_name}"), e)),
        }
        for (name, len) in cuts {
            self.disk
                .open(&name)
                .and_then(|file| file.truncate(len).and_then(|()| file.sync()))
                .map_err(|e| Error::io(format!("cut {name}"), e))?;
        }
        for name in removals.into_iter().filter(|n| *n != active_name) {
            self.disk.remove(&name).map_err(|e| Error::io(format!("remove {name}"), e))?;
        }
        self.disk.sync_dir().map_err(|e| Error::io("sync the event log", e))?;
        Ok(recovery)
    }
}
