//! Sealing: a closed segment is compressed beside the raw one, made durable,
//! put in its place, and only then is the raw one removed. Apart from
//! `sealed.rs`, which knows the bytes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::append::hold;
use crate::disk::DiskFile;
use crate::frame::{Found, Frames, Header};
use crate::log::Core;
use crate::read::frame_bytes;
use crate::sealed::{SealedTable, SealedWriter};
use crate::segment::{Place, Segment, raw_name, seal_tmp_name, sealed_name};

/// What came of sealing one segment.
enum Outcome {
    Sealed(SealedTable, u64),
    /// A frame is not what was written: the raw segment stays for ever.
    Damaged,
}

impl Core {
    /// Seals all closed segments, oldest first; stops at the first failure, to
    /// try again when the next segment is closed.
    pub(crate) fn seal_closed(&self) {
        while !self.is_closing() {
            let _maintenance = hold(&self.maintenance);
            let Some((segment, file)) = self.next_to_seal() else {
                return;
            };
            if !self.has_room_to_seal(segment.bytes) {
                self.counters.seals_postponed.fetch_add(1, Relaxed);
                return;
            }
            let sealed = self.write_sealed(&segment, file.as_ref());
            if self.settle(&segment, file, sealed).is_err() {
                self.counters.seals_failed.fetch_add(1, Relaxed);
                let _ = self.disk.remove(&seal_tmp_name(segment.base_seq));
                return;
            }
        }
    }

    fn next_to_seal(&self) -> Option<(Segment, Arc<dyn DiskFile>)> {
        let segments = self.segments();
        segments.by_base.values().find_map(|s| match &s.place {
            Place::Raw(file) => Some((s.clone(), Arc::clone(file))),
            _ => None,
        })
    }

    /// Sealing frees more than it takes, so it may use half of the reserve.
    fn has_room_to_seal(&self, raw_bytes: u64) -> bool {
        let needed = raw_bytes / 2 + self.limits.free_bytes_min / 2;
        self.disk.free().is_ok_and(|free| free >= needed)
    }

    fn write_sealed(&self, segment: &Segment, raw: &dyn DiskFile) -> io::Result<Outcome> {
        let file = self.disk.create(&seal_tmp_name(segment.base_seq))?;
        let header = Header { salt: segment.salt, base_seq: segment.base_seq };
        let mut writer = SealedWriter::new(file.as_ref(), header)?;
        let mut buffer = Vec::new();
        for block in &segment.blocks {
            buffer.resize(block.stored_len as usize, 0);
            raw.read_at(block.offset, &mut buffer)?;
            for (at, found) in Frames::new(&buffer, segment.salt, block.first_seq) {
                match found {
                    Found::Frame(frame) => {
                        writer.push(frame_bytes(&buffer, at, &frame), frame.seq, frame.received_at)?;
                    }
                    Found::Bad { offset, .. } => {
                        self.segments_mut().note_damage(segment.base_seq, block.offset + offset as u64);
                        return Ok(Outcome::Damaged);
                    }
                }
            }
        }
        let (table, bytes) = writer.finish(segment.next_seq)?;
        Ok(Outcome::Sealed(table, bytes))
    }

    fn settle(&self, segment: &Segment, raw: Arc<dyn DiskFile>, sealed: io::Result<Outcome>) -> io::Result<()> {
        let base_seq = segment.base_seq;
        let (place, bytes, blocks) = match sealed? {
            Outcome::Damaged => {
                self.disk.remove(&seal_tmp_name(base_seq))?;
                (Place::Damaged(raw), segment.bytes, segment.blocks.clone())
            }
            Outcome::Sealed(table, bytes) => {
                self.disk.rename(&seal_tmp_name(base_seq), &sealed_name(base_seq))?;
                self.disk.sync_dir()?;
                (Place::Sealed, bytes, table.blocks)
            }
        };
        let is_sealed = matches!(place, Place::Sealed);
        if let Some(known) = self.segments_mut().by_base.get_mut(&base_seq) {
            known.place = place;
            known.bytes = bytes;
            known.blocks = blocks;
        }
        if is_sealed {
            self.counters.seals.fetch_add(1, Relaxed);
            self.disk.remove(&raw_name(base_seq))?;
        }
        Ok(())
    }
}
