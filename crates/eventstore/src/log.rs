//! The log itself: opening it, and the small questions about it. The work is in
//! the files beside this one; here is what holds them together.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::append::{NewEvent, Queue, SeqRange, Writer, hold};
use crate::disk::{Disk, RealDisk};
use crate::erase::Erased;
use crate::error::{AppendError, Error};
use crate::limits::Limits;
use crate::lookback::{LookBack, LookedBack};
use crate::read::{Batch, OwnedEvent, StoredEvent};
use crate::recover::{self, Recovery};
use crate::retain::Retained;
use crate::segment::Segments;
use crate::stats::{Counters, Stats};

type Watcher = Box<dyn Fn(u64) + Send + Sync>;

/// An append-only log of events in one directory. Shared between threads by
/// reference or `Arc`.
pub struct EventLog {
    pub(crate) core: Arc<Core>,
    sealer: Option<JoinHandle<()>>,
}

/// What all parts of the log share.
pub(crate) struct Core {
    pub disk: Box<dyn Disk>,
    pub limits: Limits,
    pub segments: RwLock<Segments>,
    pub queue: Mutex<Queue>,
    pub committed: Condvar,
    pub writer: Mutex<Writer>,
    /// Held while segments are sealed or dropped.
    pub maintenance: Mutex<()>,
    pub counters: Counters,
    pub draw_salt: fn() -> u32,
    arrived: (Mutex<u64>, Condvar),
    watchers: RwLock<Vec<Watcher>>,
    seal_wanted: (Mutex<bool>, Condvar),
    closing: AtomicBool,
}

/// Who seals closed segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sealing {
    /// A thread of the log.
    InBackground,
    /// The test, by hand.
    #[cfg(test)]
    ByHand,
}

impl EventLog {
    /// Opens the log in `dir`, creating it if needed, and repairs what a crash
    /// left behind; what had to be cut or is damaged is told, never hidden.
    ///
    /// # Errors
    /// `Locked` when it is open elsewhere, `NewerFormat`, `Limits`, `Io`. A full
    /// disk is no error: the log opens and refuses events.
    pub fn open(dir: &Path, limits: Limits) -> Result<(EventLog, Recovery), Error> {
        let disk = Box::new(RealDisk::open(dir)?);
        Self::open_on(disk, limits, Sealing::InBackground, random_salt)
    }

    pub(crate) fn open_on(
        disk: Box<dyn Disk>,
        limits: Limits,
        sealing: Sealing,
        draw_salt: fn() -> u32,
    ) -> Result<(EventLog, Recovery), Error> {
        limits.check()?;
        let found = recover::look(disk.as_ref())?;
        let next_seq = found.next_seq;
        let core = Arc::new(Core {
            disk,
            limits,
            segments: RwLock::new(found.segments),
            queue: Mutex::default(),
            committed: Condvar::new(),
            writer: Mutex::new(Writer { active: None, next_seq, unused: Vec::new() }),
            maintenance: Mutex::new(()),
            counters: Counters::default(),
            draw_salt,
            arrived: (Mutex::new(next_seq), Condvar::new()),
            watchers: RwLock::default(),
            seal_wanted: (Mutex::new(true), Condvar::new()),
            closing: AtomicBool::new(false),
        });
        let recovery = core.finish_recovery(found.recovery, found.cuts, found.removals)?;
        let sealer = match sealing {
            Sealing::InBackground => Some(spawn_sealer(&core)?),
            #[cfg(test)]
            Sealing::ByHand => None,
        };
        Ok((EventLog { core, sealer }, recovery))
    }

    /// Stores events in the order given and returns when they are durable.
    /// Callers on other threads share one sync of the disk.
    ///
    /// # Errors
    /// All or none of a call is acknowledged; see [`AppendError`].
    pub fn append(&self, events: &[NewEvent<'_>]) -> Result<SeqRange, AppendError> {
        self.core.append(events)
    }

    /// One past the number of the last durable event. The first event of a log
    /// has number 1.
    pub fn head(&self) -> u64 {
        self.core.head()
    }

    /// Number of the first event still kept; the head when none is.
    pub fn tail(&self) -> u64 {
        self.core.segments().tail()
    }

    /// Makes the next event's number at least `seq`: for a caller whose cursor
    /// is ahead of an older copy of this directory.
    pub fn skip_to(&self, seq: u64) {
        self.core.skip_to(seq);
    }

    /// Reads events from number `from_seq` on into `out`, at most `events_max`
    /// and `bytes_max` bytes of events, but at least one if there is one.
    /// Continue at `out.next_seq()`; what could not be read is in
    /// `out.damage()`, what retention dropped in `out.skipped()`.
    ///
    /// # Errors
    /// `BlockUnreadable` and `Io` when the device fails; `out` then holds
    /// nothing.
    pub fn read(&self, from_seq: u64, events_max: usize, bytes_max: usize, out: &mut Batch) -> Result<(), Error> {
        self.core.read(from_seq, events_max, bytes_max, out)
    }

    /// The event with this number, `None` when it is not kept or damaged.
    ///
    /// # Errors
    /// `BlockUnreadable` and `Io` when the device fails.
    pub fn get(&self, seq: u64) -> Result<Option<OwnedEvent>, Error> {
        self.core.get(seq)
    }

    /// Goes through the events received in a period, newest block first, until
    /// `each` answers `Break` or a limit of `look` is met; the answer says
    /// exactly which part of the period was searched.
    ///
    /// # Errors
    /// `BlockUnreadable` and `Io` when the device fails.
    pub fn look_back(
        &self,
        look: &LookBack,
        each: impl FnMut(StoredEvent<'_>) -> std::ops::ControlFlow<()>,
    ) -> Result<LookedBack, Error> {
        self.core.look_back(look, each)
    }

    /// Waits until event `seq` is durable, at most `timeout`; answers the head.
    pub fn wait_for(&self, seq: u64, timeout: Duration) -> u64 {
        self.core.wait_for(seq, timeout)
    }

    /// Calls `watcher` with the new head after every commit, on the committing
    /// thread: it must return at once (set a flag, wake a task).
    pub fn watch(&self, watcher: impl Fn(u64) + Send + Sync + 'static) {
        let mut watchers = self.core.watchers.write().unwrap_or_else(PoisonError::into_inner);
        watchers.push(Box::new(watcher));
    }

    /// Drops whole segments that are too old or too much, never what stands at
    /// or after `read_to` (the reader's cursor) unless the hard limit is met:
    /// that is counted as lost. Also closes a segment that has become old.
    ///
    /// # Errors
    /// `Io` when a file cannot be removed; it is tried again next time.
    pub fn retain(&self, now: i64, read_to: u64) -> Result<Retained, Error> {
        self.core.retain(now, read_to)
    }

    /// Writes every segment again that holds an event which must go; those events then hold
    /// [`ERASED`](crate::ERASED), everything else stays. `goes` is asked more than once for each event.
    ///
    /// # Errors
    /// `Io`, also when the disk is full: what was written again until then stays so, and the call can be repeated.
    pub fn erase(&self, goes: impl Fn(&StoredEvent<'_>) -> bool) -> Result<Erased, Error> {
        self.core.erase(&goes)
    }

    /// What [`EventLog::erase`] would erase; changes nothing.
    ///
    /// # Errors
    /// `Io`.
    pub fn find_erasable(&self, goes: impl Fn(&StoredEvent<'_>) -> bool) -> Result<Erased, Error> {
        self.core.find_erasable(&goes)
    }

    /// The limits it was opened with.
    pub fn limits(&self) -> &Limits {
        &self.core.limits
    }

    /// Figures about the log, for metrics and screens.
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        self.core.closing.store(true, Relaxed);
        self.core.wake_sealer();
        if let Some(sealer) = self.sealer.take() {
            let _ = sealer.join();
        }
    }
}

impl Core {
    pub(crate) fn segments(&self) -> RwLockReadGuard<'_, Segments> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn segments_mut(&self) -> RwLockWriteGuard<'_, Segments> {
        self.segments.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn head(&self) -> u64 {
        self.segments().head
    }

    /// Tells those who wait and watch that the head has moved.
    pub(crate) fn announce(&self) {
        let head = self.head();
        {
            let mut arrived = hold(&self.arrived.0);
            *arrived = head.max(*arrived);
            self.arrived.1.notify_all();
        }
        let watchers = self.watchers.read().unwrap_or_else(PoisonError::into_inner);
        for watcher in watchers.iter() {
            watcher(head);
        }
    }

    fn wait_for(&self, seq: u64, timeout: Duration) -> u64 {
        let until = Instant::now() + timeout;
        let mut head = hold(&self.arrived.0);
        while *head <= seq {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let (guard, _) = self.arrived.1.wait_timeout(head, left).unwrap_or_else(PoisonError::into_inner);
            head = guard;
        }
        *head
    }

    fn skip_to(&self, seq: u64) {
        let mut writer = hold(&self.writer);
        if writer.next_seq >= seq {
            return;
        }
        let before = writer.active.take();
        writer.next_seq = seq;
        // Best done now, so that the number survives a restart; if not, the
        // next append does it.
        let _ = self.create_segment(&mut writer);
        if let Some(before) = before {
            self.close(&mut writer, before.base_seq);
        }
        self.segments_mut().head = seq;
        *hold(&self.arrived.0) = seq;
    }

    pub(crate) fn wake_sealer(&self) {
        *hold(&self.seal_wanted.0) = true;
        self.seal_wanted.1.notify_all();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    /// Waits for the next reason to seal; false when the log closes.
    fn wait_for_seal(&self) -> bool {
        let mut wanted = hold(&self.seal_wanted.0);
        while !*wanted && !self.is_closing() {
            wanted = self.seal_wanted.1.wait(wanted).unwrap_or_else(PoisonError::into_inner);
        }
        *wanted = false;
        !self.is_closing()
    }
}

fn spawn_sealer(core: &Arc<Core>) -> Result<JoinHandle<()>, Error> {
    let core = Arc::clone(core);
    std::thread::Builder::new()
        .name("eventlog-seal".to_owned())
        .spawn(move || {
            while core.wait_for_seal() {
                core.seal_closed();
            }
        })
        .map_err(|e| Error::io("start the sealing thread", e))
}

/// A number a sender cannot know; drawn from the seed that the standard library
/// takes from the operating system.
fn random_salt() -> u32 {
    RandomState::new().hash_one(0_u8) as u32
}
