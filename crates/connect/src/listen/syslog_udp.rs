//! Syslog over UDP (RFC 5426): one datagram is one message. Reading never waits
//! for the disk: datagrams gather while the last ones are written, each sender
//! within its share; what finds no room is counted, also what the operating
//! system dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::intake::{Carrier, Intake, Refused, SourceKey};
use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::framing::{Framed, datagram};
use super::hand_over::Shared;
use super::kernel_drops;
use super::limits::BATCH_EVENTS_MAX;
use super::peers::OTHERS;
use super::reason;

const DATAGRAM_BYTES_MAX: usize = 65_536;
/// Datagrams read in a row before anything else has its turn.
const READS_IN_A_ROW: usize = 512;
/// Such rows of reads when the node stops.
const LAST_READS_MAX: usize = 256;
/// How often the operating system is asked what it dropped.
const DROPS_EVERY: Duration = Duration::from_secs(1);
/// Senders whose datagrams are written at the same time.
const WRITES_AT_ONCE: usize = 16;

/// Datagrams that wait for the disk, by sender.
#[derive(Default)]
struct Waiting {
    by_source: BTreeMap<SourceKey, (Vec<Bytes>, usize)>,
    writing: BTreeSet<SourceKey>,
    bytes: usize,
}

impl Waiting {
    /// Takes a datagram if there is room for this sender.
    fn push(&mut self, source: &SourceKey, message: Bytes, bytes_max: usize) -> bool {
        let (events, bytes) = self.by_source.entry(source.clone()).or_default();
        let has_room = self.bytes + message.len() <= bytes_max && *bytes + message.len() <= bytes_max / 4;
        if has_room {
            *bytes += message.len();
            self.bytes += message.len();
            events.push(message);
        } else if *bytes == 0 {
            self.by_source.remove(source);
        }
        has_room
    }

    /// The next datagrams of a sender of whom none are being written, so that
    /// the order of each sender is kept; at most one batch. They keep their room
    /// until `written`.
    fn pop(&mut self) -> Option<(SourceKey, Vec<Bytes>)> {
        let is_next = |(source, (events, _)): &(&SourceKey, &(Vec<Bytes>, usize))| {
            !events.is_empty() && !self.writing.contains(*source)
        };
        let source = self.by_source.iter().find(is_next).map(|(source, _)| source.clone())?;
        let (events, _) = self.by_source.get_mut(&source)?;
        let later = events.split_off(events.len().min(BATCH_EVENTS_MAX));
        let taken = std::mem::replace(events, later);
        self.writing.insert(source.clone());
        Some((source, taken))
    }

    fn written(&mut self, source: &SourceKey, taken: usize) {
        self.writing.remove(source);
        self.bytes -= taken;
        if let Some((events, bytes)) = self.by_source.get_mut(source) {
            *bytes -= taken;
            if *bytes == 0 && events.is_empty() {
                self.by_source.remove(source);
            }
        }
    }
}

/// Binds with the receive buffer that was asked for, or what the system grants.
pub(super) async fn bind(address: SocketAddr, receive_buffer_bytes: usize) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address).await?;
    let forced = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, receive_buffer_bytes);
    if forced.is_err() {
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, receive_buffer_bytes)?;
    }
    Ok(socket)
}

/// Reads until the node stops.
pub(super) async fn listen<I: Intake>(socket: UdpSocket, shared: Arc<Shared<I>>) {
    let mut shutdown = shared.shutdown.clone();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let mut waiting = Waiting::default();
    let mut writes = JoinSet::new();
    let mut drops = Drops::default();
    let mut ask = tokio::time::interval(DROPS_EVERY);
    ask.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        while writes.len() < WRITES_AT_ONCE
            && let Some((source, events)) = waiting.pop()
        {
            writes.spawn(write(Arc::clone(&shared), source, events));
        }
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => break,
            done = writes.join_next(), if !writes.is_empty() => settle(done, &mut waiting),
            _ = ask.tick() => drops.count(&socket, &shared),
            ready = socket.readable() => if ready.is_ok() {
                let _ = read_some(|buffer| socket.try_recv_from(buffer), &mut buffer, &mut waiting, &shared);
            },
        }
    }
    // What had arrived is still read, but not a flood that never ends. Without
    // tokio, which knows only of arrivals that it has been told of.
    let socket = match socket.into_std() {
        Ok(socket) => socket,
        Err(problem) => return tracing::error!(%problem, "the last datagrams could not be read"),
    };
    for _ in 0..LAST_READS_MAX {
        let arrived = read_some(|buffer| socket.recv_from(buffer), &mut buffer, &mut waiting, &shared);
        if arrived == Arrived::All {
            break;
        }
    }
    loop {
        while let Some((source, events)) = waiting.pop() {
            writes.spawn(write(Arc::clone(&shared), source, events));
        }
        match writes.join_next().await {
            Some(done) => settle(Some(done), &mut waiting),
            None => break,
        }
    }
    drops.count(&socket, &shared);
}

/// How much of what had arrived was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrived {
    All,
    Some,
}

type Written = Option<Result<(SourceKey, usize), tokio::task::JoinError>>;

fn settle(done: Written, waiting: &mut Waiting) {
    match done {
        Some(Ok((source, bytes))) => waiting.written(&source, bytes),
        Some(Err(problem)) => tracing::error!(%problem, "a write of datagrams was lost"),
        None => {}
    }
}

fn read_some<I: Intake>(
    mut receive: impl FnMut(&mut [u8]) -> io::Result<(usize, SocketAddr)>,
    buffer: &mut [u8],
    waiting: &mut Waiting,
    shared: &Shared<I>,
) -> Arrived {
    for _ in 0..READS_IN_A_ROW {
        let (bytes, from) = match receive(buffer) {
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Arrived::All,
            Err(problem) => {
                tracing::warn!(%problem, "a datagram could not be read");
                return Arrived::All;
            }
        };
        shared.counters.read(bytes);
        let source = shared.peers.source(Carrier::Syslog, from.ip());
        if !shared.limits.senders.allow(from.ip()) {
            shared.refuse(&source, reason::SENDER, 1);
            continue;
        }
        match datagram(buffer.get(..bytes).unwrap_or_default()) {
            Some(Framed::Message(message) | Framed::Cut(message)) => take(message, &source, waiting, shared),
            Some(Framed::Refused { reason, .. }) => shared.refuse(&source, reason, 1),
            None => {}
        }
    }
    Arrived::Some
}

fn take<I: Intake>(message: Bytes, source: &SourceKey, waiting: &mut Waiting, shared: &Shared<I>) {
    if shared.quotas.take(&source.peer, 1, Instant::now()) == 0 {
        shared.refuse(source, reason::QUOTA, 1);
    } else if !waiting.push(source, message, shared.limits.datagram_queue_bytes) {
        shared.refuse(source, reason::QUEUE_FULL, 1);
    }
}

async fn write<I: Intake>(shared: Arc<Shared<I>>, source: SourceKey, events: Vec<Bytes>) -> (SourceKey, usize) {
    let bytes = events.iter().map(Bytes::len).sum();
    store(&shared, &source, events).await;
    (source, bytes)
}

/// Stores what one sender sent; a full log cannot make it wait, so that is
/// counted.
async fn store<I: Intake>(shared: &Shared<I>, source: &SourceKey, mut events: Vec<Bytes>) {
    // Twice at most: once more without what was too large.
    for _ in 0..2 {
        let why = match shared.intake.append(source, events.clone()).await {
            Ok(stored) => return shared.counters.stored(stored.count),
            Err(Refused::Full { .. }) => reason::LOG_FULL,
            Err(Refused::Failed) => reason::LOG_FAILED,
            Err(Refused::TooLarge { bytes_max, .. }) => {
                let before = events.len();
                events.retain(|e| e.len() as u64 <= bytes_max);
                shared.refuse(source, reason::TOO_LARGE, (before - events.len()) as u64);
                if events.is_empty() {
                    return;
                }
                continue;
            }
        };
        return shared.refuse(source, why, events.len() as u64);
    }
    shared.refuse(source, reason::LOG_FAILED, events.len() as u64);
}

/// What the operating system dropped, counted once.
#[derive(Default)]
struct Drops {
    counted: u64,
}

impl Drops {
    fn count<I: Intake>(&mut self, socket: impl AsFd, shared: &Shared<I>) {
        let Some(now) = kernel_drops::dropped(socket) else { return };
        let more = now.saturating_sub(self.counted);
        self.counted = self.counted.max(now);
        // Whose they were is not known.
        let source = SourceKey { carrier: Carrier::Syslog, peer: OTHERS.to_owned() };
        shared.refuse(&source, reason::KERNEL_DROP, more);
    }
}
