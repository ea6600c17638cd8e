//! Erasure: segments that hold what must go are written again without it. The number, times and source of an erased
//! event stay, so that counts, cursors and whatever points to it still hold; its bytes become [`ERASED`].
//! Apart from retention, because what stands around an erased event stays.
//!
//! As safe as sealing: the new file is made durable beside the old one and takes its name in one step. A crash leaves
//! the old or the new one, whole.

use std::io;

use crate::append::hold;
use crate::error::Error;
use crate::frame::{Found, Frame, Frames, Header, encode_unstamped, stamp};
use crate::log::Core;
use crate::read::{BlockCache, Loaded, Spot, StoredEvent};
use crate::sealed::SealedWriter;
use crate::segment::{Place, Segment, raw_name, seal_tmp_name, sealed_name};

/// What an erased event holds.
pub const ERASED: &[u8] = b"[erased]";

/// What an erasure did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Numbers of the erased events, in order.
    pub seqs: Vec<u64>,
    /// Segments that were written again.
    pub segments: u64,
    /// Events that could not be looked into, because their place is damaged.
    pub unreadable: u64,
}

/// Whether an event must go. Asked more than once for each.
pub(crate) type Goes<'a> = &'a dyn Fn(&StoredEvent<'_>) -> bool;

impl Core {
    /// See `EventLog::erase`.
    pub(crate) fn erase(&self, goes: Goes<'_>) -> Result<Erased, Error> {
        let _maintenance = hold(&self.maintenance);
        self.close_active()?;
        let segments: Vec<Segment> =
            self.segments().by_base.values().filter(|s| !matches!(s.place, Place::Active(_))).cloned().collect();
        let mut erased = Erased::default();
        for segment in segments {
            let found = self.find_in(&segment, goes, &mut erased)?;
            if !found.is_empty() {
                self.rewrite(&segment, goes).map_err(|e| Error::io(format!("write {} again", segment.name()), e))?;
                erased.segments += 1;
                erased.seqs.extend(found);
            }
        }
        Ok(erased)
    }

    /// See `EventLog::find_erasable`.
    pub(crate) fn find_erasable(&self, goes: Goes<'_>) -> Result<Erased, Error> {
        let _maintenance = hold(&self.maintenance);
        let segments: Vec<Segment> = self.segments().by_base.values().cloned().collect();
        let mut erased = Erased::default();
        for segment in segments {
            let found = self.find_in(&segment, goes, &mut erased)?;
            erased.segments += u64::from(!found.is_empty());
            erased.seqs.extend(found);
        }
        Ok(erased)
    }

    /// What was written until now is looked into too.
    fn close_active(&self) -> Result<(), Error> {
        let mut writer = hold(&self.writer);
        if let Some(active) = writer.active.take() {
            self.close(&mut writer, active.base_seq);
        }
        self.create_segment(&mut writer).map_err(|e| Error::io("create a segment", e))
    }

    fn find_in(&self, segment: &Segment, goes: Goes<'_>, erased: &mut Erased) -> Result<Vec<u64>, Error> {
        let mut found = Vec::new();
        self.each_frame(segment, &mut |frame| {
            if frame.bytes != ERASED && goes(&StoredEvent::from(frame)) {
                found.push(frame.seq);
            }
            Ok(())
        })
        .map(|unreadable| erased.unreadable += unreadable)?;
        Ok(found)
    }

    /// Hands over every readable frame; answers how many events of the segment are not.
    fn each_frame(&self, segment: &Segment, each: &mut dyn FnMut(Frame<'_>) -> io::Result<()>) -> Result<u64, Error> {
        let mut cache = BlockCache::default();
        let mut read = 0;
        for block in &segment.blocks {
            if self.load(&Spot::of(segment, *block), &mut cache)? != Loaded::Yes {
                continue;
            }
            for (_, found) in Frames::new(cache.raw(), segment.salt, block.first_seq) {
                if let Found::Frame(frame) = found {
                    read += 1;
                    each(frame).map_err(|e| Error::io("write a segment again", e))?;
                }
            }
        }
        Ok(segment.events().saturating_sub(read))
    }

    fn rewrite(&self, segment: &Segment, goes: Goes<'_>) -> io::Result<()> {
        let base_seq = segment.base_seq;
        let tmp = seal_tmp_name(base_seq);
        let file = self.disk.create(&tmp)?;
        let header = Header { salt: (self.draw_salt)(), base_seq };
        let mut writer = SealedWriter::new(file.as_ref(), header)?;
        let mut buffer = Vec::new();
        self.each_frame(segment, &mut |frame| {
            let bytes = if goes(&StoredEvent::from(frame)) { ERASED } else { frame.bytes };
            buffer.clear();
            encode_unstamped(&mut buffer, frame.received_at, frame.source, frame.carrier, bytes);
            stamp(&mut buffer, header.salt, frame.seq).ok_or(io::ErrorKind::InvalidData)?;
            writer.push(&buffer, frame.seq, frame.received_at)
        })
        .map_err(io::Error::other)?;
        let (table, bytes) = writer.finish(segment.next_seq)?;
        self.disk.rename(&tmp, &sealed_name(base_seq))?;
        self.disk.sync_dir()?;
        if let Some(known) = self.segments_mut().by_base.get_mut(&base_seq) {
            *known = Segment { place: Place::Sealed, salt: header.salt, bytes, blocks: table.blocks, ..known.clone() };
        }
        if !matches!(segment.place, Place::Sealed) {
            self.disk.remove(&raw_name(base_seq))?;
            self.disk.sync_dir()?;
        }
        Ok(())
    }
}
