//! An HTTP server on one address: accepts, finishes the TLS handshake where there is one, and hands requests to a
//! router with what the handshake proved. The link, the console and the admin address all stand on it.
//! A file of its own because every limit against floods and slow peers is here, once.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::listen::reason;
use crate::places::{OpenByPeer, Place};

/// The written limits of a server.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// Handshakes at one time; more wait their turn, so that a storm of callers costs time and not memory. A caller that
    /// says nothing takes no turn.
    pub handshakes_max: usize,
    /// Open connections at one time.
    pub connections_max: usize,
    /// Handshakes of one address at one time; more are let go.
    pub handshakes_per_address_max: usize,
    /// Open connections of one address at one time; more are let go.
    pub connections_per_address_max: usize,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// How long a request's head may take.
    pub header_timeout: Duration,
    /// How long open connections get to finish when the server stops.
    pub drain: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            handshakes_max: 200,
            connections_max: 20_000,
            handshakes_per_address_max: 100,
            connections_per_address_max: 2_000,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(5),
        }
    }
}

/// The client certificate that the handshake of a request showed; none without TLS or without a certificate.
#[derive(Debug, Clone)]
pub struct ClientCertificate(pub Option<CertificateDer<'static>>);

/// How an address is protected.
#[derive(Clone)]
pub enum Security {
    /// Not at all: for loopback, and for health probes.
    Plain,
    /// TLS.
    Tls(TlsAcceptor),
}

/// Hears of every call that came to nothing, by reason: what is no HTTP or no TLS, or passes a limit.
pub type Refused = Arc<dyn Fn(&'static str) + Send + Sync>;

/// A bound server.
pub struct HttpServer {
    listener: TcpListener,
    security: Security,
    limits: HttpLimits,
    refused: Refused,
}

impl HttpServer {
    /// Binds the address.
    pub async fn bind(address: SocketAddr, security: Security, limits: HttpLimits) -> std::io::Result<Self> {
        let refused: Refused = Arc::new(|_| ());
        Ok(Self { listener: TcpListener::bind(address).await?, security, limits, refused })
    }

    /// Tells somebody of every call that came to nothing, under a word of [`reason`]; nobody is told otherwise.
    #[must_use]
    pub fn telling(self, refused: Refused) -> Self {
        Self { refused, ..self }
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Answers until `shutdown` turns true, then lets open connections finish for a while.
    pub async fn run(self, router: Router, mut shutdown: watch::Receiver<bool>) {
        let turns = Turns {
            all: Arc::new(Semaphore::new(self.limits.handshakes_max)),
            by_address: Arc::default(),
            per_address_max: self.limits.handshakes_per_address_max,
        };
        let connections = Arc::new(Semaphore::new(self.limits.connections_max));
        let open_by_address = Arc::new(OpenByPeer::default());
        let mut open = JoinSet::new();
        loop {
            while open.try_join_next().is_some() {}
            // the permit first, the accept after it: beyond the limit callers wait in the listen queue
            let accepted = tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => break,
                accepted = next(&self.listener, &connections) => accepted,
            };
            let Some((socket, from, connected)) = accepted else { continue };
            let Some(place) = open_by_address.enter(from.ip(), self.limits.connections_per_address_max) else {
                tracing::debug!(%from, "an address holds as many connections as it may");
                (self.refused)(reason::CONNECTIONS);
                continue;
            };
            let connection = Connection {
                security: self.security.clone(),
                limits: self.limits.clone(),
                refused: Arc::clone(&self.refused),
                turns: turns.clone(),
                router: router.clone(),
                shutdown: shutdown.clone(),
            };
            open.spawn(async move {
                connection.serve(socket, from).await;
                drop((connected, place));
            });
        }
        let drained = async { while open.join_next().await.is_some() {} };
        if tokio::time::timeout(self.limits.drain, drained).await.is_err() {
            tracing::warn!("connections were still open when a server stopped");
        }
    }
}

type Permit = tokio::sync::OwnedSemaphorePermit;

/// How long to wait after an accept failed (no file descriptors left, say) before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

async fn next(listener: &TcpListener, connections: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, Permit)> {
    let connected = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((socket, from)) => Some((socket, from, connected)),
        Err(problem) => {
            tracing::warn!(%problem, "accept failed");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// Whose turn it is to shake hands.
#[derive(Clone)]
struct Turns {
    all: Arc<Semaphore>,
    by_address: Arc<OpenByPeer>,
    per_address_max: usize,
}

impl Turns {
    /// A turn for this caller, once it has said something; none where its address has too many already.
    async fn next(&self, socket: &TcpStream, from: SocketAddr) -> Option<(Permit, Place)> {
        // not `readable`: that may wake without a byte
        if socket.peek(&mut [0; 1]).await.ok()? == 0 {
            return None;
        }
        let place = self.by_address.enter(from.ip(), self.per_address_max)?;
        Some((Arc::clone(&self.all).acquire_owned().await.ok()?, place))
    }
}

struct Connection {
    security: Security,
    limits: HttpLimits,
    refused: Refused,
    turns: Turns,
    router: Router,
    shutdown: watch::Receiver<bool>,
}

impl Connection {
    async fn serve(self, socket: TcpStream, from: SocketAddr) {
        let _ = socket.set_nodelay(true);
        let acceptor = match &self.security {
            Security::Plain => return self.answer(socket, from, ClientCertificate(None)).await,
            Security::Tls(acceptor) => acceptor.clone(),
        };
        let shake = async {
            let turn = self.turns.next(&socket, from).await?;
            let shaken = acceptor.accept(socket).await;
            drop(turn);
            Some(shaken)
        };
        match tokio::time::timeout(self.limits.handshake_timeout, shake).await {
            Ok(Some(Ok(stream))) => {
                let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).cloned();
                let certificate = certificate.map(CertificateDer::into_owned);
                self.answer(stream, from, ClientCertificate(certificate)).await;
            }
            Ok(None) => {
                tracing::debug!(%from, "a caller said nothing, or its address shakes as many hands as it may");
                (self.refused)(reason::CONNECTIONS);
            }
            Ok(Some(Err(problem))) => {
                tracing::info!(%from, %problem, "a handshake was refused");
                (self.refused)(reason::HANDSHAKE);
            }
            Err(_) => {
                tracing::debug!(%from, "a handshake took too long");
                (self.refused)(reason::TIMEOUT);
            }
        }
    }

    async fn answer<S>(mut self, stream: S, from: SocketAddr, certificate: ClientCertificate)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = TowerToHyperService::new(self.router);
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(certificate.clone());
            request.extensions_mut().insert(ConnectInfo(from));
            let answer = router.call(request.map(Body::new));
            async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        let serving = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .serve_connection(TokioIo::new(stream), service);
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            ended = serving.as_mut() => return log_end(ended, from, &self.refused),
            _ = self.shutdown.wait_for(|stop| *stop) => serving.as_mut().graceful_shutdown(),
        }
        log_end(serving.await, from, &self.refused);
    }
}

fn log_end(ended: Result<(), hyper::Error>, from: SocketAddr, refused: &Refused) {
    match ended {
        Err(problem) if problem.is_parse() => {
            tracing::info!(%from, %problem, "a caller did not speak HTTP");
            refused(reason::GARBAGE);
        }
        // also a connection that was kept open and said nothing more
        Err(problem) if problem.is_timeout() => refused(reason::TIMEOUT),
        Err(problem) => tracing::debug!(%problem, "a connection ended"),
        Ok(()) => {}
    }
}
