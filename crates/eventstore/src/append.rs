//! Appending: callers on any thread put events into one queue, and whoever
//! finds nobody writing writes for all (group commit without a thread of its
//! own and without a delay). A file of its own because this is where
//! "acknowledged" is decided.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::disk::{DiskFile, is_full};
use crate::error::AppendError;
use crate::frame::{FRAME_BYTES, HEADER_BYTES, Header, Kind, encode_header, encode_unstamped, i64_at, stamp};
use crate::log::Core;
use crate::segment::{Place, Segment, raw_name};

/// Bytes beyond the events that a commit may need (a new segment's header, the
/// file system's own blocks).
const COMMIT_OVERHEAD_BYTES: u64 = 16 << 10;

/// One event to store.
#[derive(Debug, Clone, Copy)]
pub struct NewEvent<'a> {
    /// When it was received: microseconds since 1970 UTC.
    pub received_at: i64,
    /// The caller's number for the source it came from.
    pub source: u32,
    /// The caller's number for how it arrived.
    pub carrier: u8,
    /// The record itself, kept exactly; at most `Limits::event_bytes_max`.
    pub bytes: &'a [u8],
}

/// The sequence numbers that a call to `append` got: `first` up to, not
/// including, `next`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeqRange {
    /// Number of the first event of the call.
    pub first: u64,
    /// One past the number of the last.
    pub next: u64,
}

/// Events waiting for one commit, and where its outcome will be found.
#[derive(Default)]
pub(crate) struct Queue {
    frames: Vec<u8>,
    events: u64,
    outcome: Arc<OnceLock<Result<u64, AppendError>>>,
    committing: bool,
}

/// Only the one who commits holds this.
pub(crate) struct Writer {
    pub active: Option<ActiveFile>,
    pub next_seq: u64,
    /// Empty segments to remove when a newer one is durable: until then their
    /// names are what remembers the numbers.
    pub unused: Vec<u64>,
}

pub(crate) struct ActiveFile {
    pub base_seq: u64,
    pub salt: u32,
    pub file: Arc<dyn DiskFile>,
    pub bytes: u64,
    /// received_at of the first event.
    pub since: Option<i64>,
}

pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    /// See `EventLog::append`.
    pub(crate) fn append(&self, events: &[NewEvent<'_>]) -> Result<SeqRange, AppendError> {
        self.check_sizes(events)?;
        if events.is_empty() {
            let head = self.head();
            return Ok(SeqRange { first: head, next: head });
        }
        let (outcome, offset) = self.enqueue(events);
        let first = self.await_commit(&outcome)? + offset;
        Ok(SeqRange { first, next: first + events.len() as u64 })
    }

    fn check_sizes(&self, events: &[NewEvent<'_>]) -> Result<(), AppendError> {
        let max = self.limits.event_bytes_max;
        match events.iter().position(|e| e.bytes.len() > max) {
            None => Ok(()),
            Some(index) => {
                self.counters.refused_too_large.fetch_add(1, Relaxed);
                Err(AppendError::TooLarge { index, bytes: events.get(index).map_or(0, |e| e.bytes.len()), max })
            }
        }
    }

    /// Waits until the queue has room, then adds the events to it.
    fn enqueue(&self, events: &[NewEvent<'_>]) -> (Arc<OnceLock<Result<u64, AppendError>>>, u64) {
        let mut queue = hold(&self.queue);
        while queue.committing && queue.frames.len() >= self.limits.group_commit_bytes_max {
            queue = self.committed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let offset = queue.events;
        for event in events {
            encode_unstamped(&mut queue.frames, event.received_at, event.source, event.carrier, event.bytes);
        }
        queue.events += events.len() as u64;
        (Arc::clone(&queue.outcome), offset)
    }

    /// Commits for all who wait, or waits for the one who does.
    fn await_commit(&self, outcome: &OnceLock<Result<u64, AppendError>>) -> Result<u64, AppendError> {
        let mut queue = hold(&self.queue);
        loop {
            if let Some(result) = outcome.get() {
                return result.clone();
            }
            if queue.committing {
                queue = self.committed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.committing = true;
            let frames = std::mem::take(&mut queue.frames);
            let events = std::mem::take(&mut queue.events);
            let waiting = std::mem::take(&mut queue.outcome);
            drop(queue);
            let result = self.commit(frames, events);
            let _ = waiting.set(result);
            queue = hold(&self.queue);
            queue.committing = false;
            self.committed.notify_all();
        }
    }

    /// Writes and syncs one batch; answers the seq of its first event.
    fn commit(&self, mut frames: Vec<u8>, events: u64) -> Result<u64, AppendError> {
        let mut writer = hold(&self.writer);
        let result = self.commit_with(&mut writer, &mut frames, events);
        match &result {
            Ok(_) => {
                self.counters.commits.fetch_add(1, Relaxed);
                self.counters.appended_events.fetch_add(events, Relaxed);
                self.counters.appended_bytes.fetch_add(frames.len() as u64 - events * FRAME_BYTES as u64, Relaxed);
            }
            Err(AppendError::Full { .. }) => {
                self.counters.refused_full.fetch_add(events, Relaxed);
            }
            Err(_) => {
                self.counters.io_errors.fetch_add(1, Relaxed);
            }
        }
        drop(writer);
        if result.is_ok() {
            self.announce();
        }
        result
    }

    fn commit_with(&self, writer: &mut Writer, frames: &mut [u8], events: u64) -> Result<u64, AppendError> {
        let needed = frames.len() as u64 + COMMIT_OVERHEAD_BYTES;
        self.check_free(needed)?;
        let received_at = i64_at(frames, 16).unwrap_or(0);
        self.rotate_if_due(writer, frames.len() as u64, received_at);
        if writer.active.is_none() {
            self.create_segment(writer).map_err(|e| self.append_error("create a segment", &e))?;
        }
        let first_seq = writer.next_seq;
        writer.next_seq += events;
        let Some(active) = writer.active.as_mut() else {
            return Err(AppendError::Io("no segment to write to".to_owned()));
        };
        let frame_lens = stamp_all(frames, active.salt, first_seq);
        let written = active.file.write_at(active.bytes, frames).and_then(|()| active.file.sync());
        if let Err(error) = written {
            self.abandon(writer);
            return Err(self.append_error("write the log", &error));
        }
        active.since.get_or_insert(received_at);
        self.publish(active, frames, &frame_lens, first_seq);
        active.bytes += frames.len() as u64;
        Ok(first_seq)
    }

    fn check_free(&self, needed: u64) -> Result<(), AppendError> {
        let min = self.limits.free_bytes_min;
        let free = self.disk.free().map_err(|e| AppendError::Io(format!("ask for free space: {e}")))?;
        if free < min.saturating_add(needed) {
            return Err(AppendError::Full { free, min });
        }
        Ok(())
    }

    pub(crate) fn append_error(&self, what: &str, error: &std::io::Error) -> AppendError {
        if is_full(error) {
            return AppendError::Full { free: self.disk.free().unwrap_or(0), min: self.limits.free_bytes_min };
        }
        AppendError::Io(format!("{what}: {error}"))
    }

    /// Makes the batch visible to readers; it is durable already.
    fn publish(&self, active: &ActiveFile, frames: &[u8], frame_lens: &[u32], first_seq: u64) {
        let mut segments = self.segments_mut();
        if let Some(segment) = segments.by_base.get_mut(&active.base_seq) {
            let mut at = 0_usize;
            for (seq, len) in (first_seq..).zip(frame_lens) {
                let received_at = i64_at(frames, at + 16).unwrap_or(0);
                segment.note_frame(active.bytes + at as u64, seq, received_at, *len);
                at += *len as usize;
            }
            segment.bytes = active.bytes + frames.len() as u64;
        }
        segments.head = first_seq + frame_lens.len() as u64;
    }

    /// After a failed write nothing is known about the file's end: cut it to
    /// what was acknowledged, if that still works, and go on in a new segment.
    /// The failed batch's numbers are not used again.
    fn abandon(&self, writer: &mut Writer) {
        if let Some(active) = writer.active.take() {
            let _ = active.file.truncate(active.bytes).and_then(|()| active.file.sync());
            self.close(writer, active.base_seq);
        }
    }

    pub(crate) fn rotate_if_due(&self, writer: &mut Writer, more: u64, now: i64) {
        let Some(active) = &writer.active else { return };
        let Some(since) = active.since else { return };
        let age = Duration::from_micros(u64::try_from(now.saturating_sub(since)).unwrap_or(0));
        let fits = active.bytes + more <= self.limits.segment_bytes_max;
        if fits && age < self.limits.segment_age {
            return;
        }
        if let Some(active) = writer.active.take() {
            self.close(writer, active.base_seq);
        }
    }

    /// The segment will not grow any more.
    pub(crate) fn close(&self, writer: &mut Writer, base_seq: u64) {
        let mut segments = self.segments_mut();
        let Some(segment) = segments.by_base.get_mut(&base_seq) else {
            return;
        };
        if let Place::Active(file) = &segment.place {
            segment.place = Place::Raw(Arc::clone(file));
        }
        if segment.blocks.is_empty() {
            segments.by_base.remove(&base_seq);
            writer.unused.push(base_seq);
        }
        drop(segments);
        self.wake_sealer();
    }

    /// Starts a segment at the writer's next seq; durable before it is used.
    pub(crate) fn create_segment(&self, writer: &mut Writer) -> std::io::Result<()> {
        let header = Header { salt: (self.draw_salt)(), base_seq: writer.next_seq };
        let file = self.disk.create(&raw_name(header.base_seq))?;
        file.write_at(0, &encode_header(Kind::Raw, header))?;
        file.sync()?;
        self.disk.sync_dir()?;
        let segment = Segment {
            base_seq: header.base_seq,
            next_seq: header.base_seq,
            salt: header.salt,
            place: Place::Active(Arc::clone(&file)),
            bytes: HEADER_BYTES as u64,
            blocks: Vec::new(),
        };
        self.segments_mut().by_base.insert(header.base_seq, segment);
        for unused in writer.unused.drain(..).filter(|b| *b != header.base_seq) {
            let _ = self.disk.remove(&raw_name(unused));
        }
        writer.active = Some(ActiveFile {
            base_seq: header.base_seq,
            salt: header.salt,
            file,
            bytes: HEADER_BYTES as u64,
            since: None,
        });
        Ok(())
    }
}

/// Numbers and sums all frames of a batch; answers their lengths.
fn stamp_all(frames: &mut [u8], salt: u32, first_seq: u64) -> Vec<u32> {
    let mut lens = Vec::new();
    let mut rest = frames;
    let mut seq = first_seq;
    while let Some(len) = stamp(rest, salt, seq) {
        lens.push(len as u32);
        seq += 1;
        rest = rest.get_mut(len..).unwrap_or_default();
    }
    lens
}
