//! A member's side of the link while it runs: one loop pushes the outbox, one listens to the hub's log, both renew the
//! certificate when it is time. A missing hub stops neither; it only makes them wait.
//!
//! Order of effects, so that nothing is lost and nothing doubled: an outbox item is confirmed only after the hub's
//! signed receipt; the cursor moves in the same transaction that takes a release; the hub hears of it afterwards.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use app::link::{StreamGap, StreamItem};
use app::{App, LinkState};
use tokio::sync::watch;

use super::connection::{Connection, Opened, Proxy};
use super::decide::{Backoff, Batch, End, Listening, Mode, Tempo};
use super::sse::{Event, Found, Reader};
use super::uplink::{Uplink, UplinkFile};
use super::{Error, tls};

/// What the client runs with.
pub struct Client {
    /// The use cases.
    pub app: Arc<App>,
    /// What is known of the hub.
    pub uplink: Uplink,
    /// Where that is kept.
    pub file: UplinkFile,
    /// The way out, where there is a proxy.
    pub proxy: Option<Proxy>,
    /// Periods and limits.
    pub tempo: Tempo,
    /// Makes the waits of different nodes differ.
    pub seed: u64,
}

/// Runs both loops until `shutdown` turns true.
pub async fn run(client: Client, shutdown: watch::Receiver<bool>) {
    let shared = Shared {
        uplink: Mutex::new(client.uplink.clone()),
        renewing: tokio::sync::Mutex::new(()),
        reached: Mutex::new(None),
        client,
    };
    tokio::join!(push_loop(&shared, shutdown.clone()), listen_loop(&shared, shutdown));
}

struct Shared {
    client: Client,
    uplink: Mutex<Uplink>,
    renewing: tokio::sync::Mutex<()>,
    reached: Mutex<Option<bool>>,
}

impl Shared {
    fn uplink(&self) -> Uplink {
        self.uplink.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn connection(&self) -> Result<Connection, Error> {
        Connection::new(&self.uplink(), self.client.app.keys().pkcs8(), self.client.proxy.as_ref())
    }

    /// Tells the screens, on changes only.
    fn reached(&self, reached: Reached) {
        let now = Some(reached == Reached::Yes);
        let before = std::mem::replace(&mut *self.reached.lock().unwrap_or_else(PoisonError::into_inner), now);
        if before == now {
            return;
        }
        let (peer, since) = (self.client.uplink.hub_name.clone(), self.client.app.now());
        let state = match reached {
            Reached::Yes => LinkState::Connected { peer, since },
            Reached::No => LinkState::Disconnected { peer, since },
        };
        self.client.app.set_link_state(state);
    }

    /// Renews the certificate when it is time; answers whether there is a new one.
    async fn renew_if_due(&self, connection: &Connection) -> Result<bool, Error> {
        let _one_at_a_time = self.renewing.lock().await;
        let uplink = self.uplink();
        if !uplink.life().renew_due(tls::now().as_secs()) {
            return Ok(false);
        }
        let fresh = connection.renew(&uplink, self.client.app.keys().pkcs8()).await?;
        self.client.file.write(&fresh)?;
        *self.uplink.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        tracing::info!("link: the certificate was renewed");
        Ok(true)
    }

    /// A connection whose certificate is as fresh as it can be.
    async fn fresh_connection(&self) -> Result<Connection, Error> {
        let connection = self.connection()?;
        match self.renew_if_due(&connection).await {
            Ok(true) => self.connection(),
            Ok(false) => Ok(connection),
            // it still holds: go on with it and try to renew at the next connection
            Err(problem) if !self.uplink().life().over(tls::now().as_secs()) => {
                tracing::warn!(%problem, "link: the certificate could not be renewed yet");
                Ok(connection)
            }
            Err(problem) => Err(problem),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    Yes,
    No,
}

/// How often the outbox is asked while nothing wakes: a lost wake-up costs no more than this.
const IDLE: Duration = Duration::from_secs(30);

async fn push_loop(shared: &Shared, mut shutdown: watch::Receiver<bool>) {
    let tempo = &shared.client.tempo;
    let mut backoff = Backoff::new(shared.client.seed);
    let mut batch = Batch::new(tempo);
    let mut wake = shared.client.app.outbox_wake();
    let mut connection = None;
    while !*shutdown.borrow() {
        wake.borrow_and_update();
        let step = push_once(shared, &mut connection, &batch).await;
        let idle = matches!(step, Ok(Pushed::NothingWaits));
        let wait = match step {
            Ok(Pushed::Some) => {
                backoff.succeeded();
                batch.arrived(tempo);
                continue;
            }
            Ok(Pushed::NothingWaits) => IDLE,
            Err(problem) => {
                note_failure("push", &problem, backoff.failures());
                batch.failed();
                retire(&mut connection, &problem);
                backoff.failed(tempo)
            }
        };
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(wait) => {},
            changed = wake.changed(), if idle => if changed.is_err() { return },
        }
    }
}

enum Pushed {
    Some,
    NothingWaits,
}

async fn push_once(shared: &Shared, slot: &mut Option<Connection>, batch: &Batch) -> Result<Pushed, Error> {
    let Some(mut push) = shared.client.app.next_push().await? else { return Ok(Pushed::NothingWaits) };
    push.items.truncate(batch.items());
    let due = shared.uplink().life().renew_due(tls::now().as_secs());
    let connection = match slot {
        Some(connection) if !due => connection,
        _ => slot.insert(shared.fresh_connection().await?),
    };
    let receipt = connection.push(&push).await?;
    shared.client.app.push_confirmed(&push, &receipt).await?;
    shared.reached(Reached::Yes);
    Ok(Pushed::Some)
}

/// After a failure the next try may use another address; after a refused certificate it needs a new connection.
fn retire(slot: &mut Option<Connection>, problem: &Error) {
    match (slot.as_mut(), problem.passes()) {
        (Some(connection), true) => connection.next_address(),
        _ => *slot = None,
    }
}

fn note_failure(what: &str, problem: &Error, failures: u32) {
    if failures == 0 {
        tracing::warn!(%problem, "link: {what} failed; trying again");
    } else {
        tracing::debug!(%problem, failures, "link: {what} failed again");
    }
}

async fn listen_loop(shared: &Shared, mut shutdown: watch::Receiver<bool>) {
    let tempo = &shared.client.tempo;
    let mut backoff = Backoff::new(shared.client.seed.rotate_left(32));
    let mut listening = Listening::new(Instant::now());
    let mut connection = None;
    while !*shutdown.borrow() {
        let ended = tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => return,
            ended = listen_once(shared, &mut connection, &mut listening) => ended,
        };
        let wait = match ended {
            Ok(Listened { end, progress: Progress::Some }) => {
                listening.ended(end, Instant::now());
                backoff.succeeded();
                // a stream that ended properly is opened again at once, but never in a tight loop
                if listening.mode(tempo, Instant::now()) == Mode::LongPoll {
                    Duration::ZERO
                } else {
                    backoff.failed(tempo)
                }
            }
            Ok(Listened { end, progress: Progress::None }) => {
                listening.ended(end, Instant::now());
                shared.reached(Reached::No);
                backoff.failed(tempo)
            }
            Err(problem) => {
                note_failure("listening", &problem, backoff.failures());
                listening.ended(End::Closed, Instant::now());
                shared.reached(Reached::No);
                retire(&mut connection, &problem);
                backoff.failed(tempo)
            }
        };
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// How one answer of the hub went.
struct Listened {
    end: End,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    None,
    Some,
}

async fn listen_once(
    shared: &Shared,
    slot: &mut Option<Connection>,
    listening: &mut Listening,
) -> Result<Listened, Error> {
    let tempo = &shared.client.tempo;
    let due = shared.uplink().life().renew_due(tls::now().as_secs());
    let connection = match slot {
        Some(connection) if !due => connection,
        _ => slot.insert(shared.fresh_connection().await?),
    };
    let wait = match listening.mode(tempo, Instant::now()) {
        Mode::Stream => None,
        Mode::LongPoll => Some(tempo.poll_wait),
    };
    let after = shared.client.app.down_cursor().await?;
    let mut opened = connection.open(after, wait).await?;
    listening.opened(Instant::now());
    let mut reader = Reader::default();
    let mut progress = Progress::None;
    loop {
        let piece = match next_piece(&mut opened, listening.silent_until(tempo)).await? {
            Piece::Bytes(bytes) => bytes,
            Piece::Over(end) => return Ok(Listened { end, progress }),
        };
        let found = reader.push(&piece).map_err(|problem| Error::Unusable(problem.to_string()))?;
        if !found.is_empty() {
            listening.heard(Instant::now());
            progress = Progress::Some;
            shared.reached(Reached::Yes);
        }
        take_all(shared, connection, found).await?;
    }
}

enum Piece {
    Bytes(bytes::Bytes),
    Over(End),
}

async fn next_piece(opened: &mut Opened, silent_until: Instant) -> Result<Piece, Error> {
    match tokio::time::timeout_at(silent_until.into(), opened.next()).await {
        Err(_) => Ok(Piece::Over(End::Silence)),
        Ok(Ok(Some(bytes))) => Ok(Piece::Bytes(bytes)),
        Ok(Ok(None)) => Ok(Piece::Over(End::Closed)),
        Ok(Err(problem)) => Err(problem),
    }
}

async fn take_all(shared: &Shared, connection: &Connection, found: Vec<Found>) -> Result<(), Error> {
    let mut newest = None;
    for found in found {
        if let Found::Event(event) = found {
            newest = take(shared, &event).await?.or(newest);
        }
    }
    match newest {
        // the member holds it durably; the hub only learns that a little later
        Some(position) => connection.acknowledge(position).await,
        None => Ok(()),
    }
}

/// Takes one event in; answers the position that is durable now.
async fn take(shared: &Shared, event: &Event) -> Result<Option<i64>, Error> {
    match event.name.as_str() {
        "release" => {
            let item: StreamItem =
                serde_json::from_str(&event.data).map_err(|problem| Error::Unusable(problem.to_string()))?;
            let position = item.position;
            shared.client.app.take_release(item).await?;
            Ok(Some(position))
        }
        "gap" => {
            let gap: StreamGap =
                serde_json::from_str(&event.data).map_err(|problem| Error::Unusable(problem.to_string()))?;
            shared.client.app.note_gap(gap).await?;
            Ok(Some(gap.to))
        }
        // a newer hub may say more; what is not understood is passed over
        _ => Ok(None),
    }
}
