//! Accepting connections for all stream listeners: limits on how many and from
//! whom, the TLS handshake with its time limit, and the counting of both. Apart
//! from what is spoken on the connection.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use app::intake::{Carrier, Intake, SourceKey};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::hand_over::Shared;
use super::reason;
use crate::places::OpenByPeer;

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that passed the limits and the handshake.
pub(super) struct Accepted {
    pub stream: Pin<Box<dyn Stream>>,
    pub source: SourceKey,
}

/// How long open connections get to hand over what they hold when the node
/// stops.
const DRAIN: Duration = Duration::from_secs(5);
/// How long to wait after an accept failed (no file descriptors left, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves connections until the node stops; `speak` is run for each.
pub(super) async fn accept_all<I, F, S>(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    carrier: Carrier,
    shared: Arc<Shared<I>>,
    speak: F,
) where
    I: Intake,
    F: Fn(Accepted, Arc<Shared<I>>) -> S + Clone + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let open_by_peer = Arc::new(OpenByPeer::default());
    let tls = tls.map(TlsAcceptor::from);
    let mut shutdown = shared.shutdown.clone();
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        let accepted = tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, from)) = accepted.inspect_err(|problem| tracing::warn!(%problem, "accept failed")) else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let source = shared.peers.source(carrier, from.ip());
        if carrier == Carrier::Syslog && !shared.limits.senders.allow(from.ip()) {
            shared.refuse(&source, reason::SENDER, 1);
            continue;
        }
        let place = open_by_peer.enter(from.ip(), shared.limits.connections_per_peer_max);
        let Some(place) = place.filter(|_| open.len() < shared.limits.connections_max) else {
            shared.refuse(&source, reason::CONNECTIONS, 1);
            continue;
        };
        let (shared, tls, speak) = (Arc::clone(&shared), tls.clone(), speak.clone());
        open.spawn(async move {
            shared.counters.opened();
            if let Some(stream) = prepare(socket, from, tls, &source, &shared).await {
                speak(Accepted { stream, source }, Arc::clone(&shared)).await;
            }
            shared.counters.closed();
            drop(place);
        });
    }
    let drained = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!("connections still held events when a listener stopped");
    }
}

/// The handshake, where there is one.
async fn prepare<I: Intake>(
    socket: TcpStream,
    from: SocketAddr,
    tls: Option<TlsAcceptor>,
    source: &SourceKey,
    shared: &Shared<I>,
) -> Option<Pin<Box<dyn Stream>>> {
    let _ = socket.set_nodelay(true);
    let Some(acceptor) = tls else { return Some(Box::pin(socket)) };
    let mut shutdown = shared.shutdown.clone();
    let handshake = tokio::time::timeout(shared.limits.handshake_timeout, acceptor.accept(socket));
    let done = tokio::select! {
        done = handshake => done,
        _ = shutdown.wait_for(|stop| *stop) => return None,
    };
    match done {
        Ok(Ok(stream)) => Some(Box::pin(stream)),
        Ok(Err(problem)) => {
            tracing::info!(%from, %problem, "a TLS handshake failed");
            shared.refuse(source, reason::HANDSHAKE, 1);
            None
        }
        Err(_) => {
            shared.refuse(source, reason::TIMEOUT, 1);
            None
        }
    }
}
