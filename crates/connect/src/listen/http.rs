//! Events over HTTP: `POST /ingest` with one JSON object a line, and the shape
//! of Elasticsearch's `_bulk` with the calls its senders make before the first
//! event. A request is answered when its events are durable, never before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use app::intake::{Carrier, Intake, Refused, SourceKey};
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use super::accept::{Accepted, accept_all};
use super::hand_over::Shared;
use super::reason;

mod answer;
pub mod bodies;
mod body;
mod bulk;
mod ndjson;
mod setup;
mod token;

/// Whose events an HTTP listener takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HttpSenders {
    /// Those with a token of ours; the token says which source it is.
    #[default]
    WithToken,
    /// Anybody who reaches the port; the address says which source it is.
    Anyone,
}

/// What all requests of a listener share.
struct Http<I> {
    shared: Arc<Shared<I>>,
    senders: HttpSenders,
    room: body::Room,
}

/// What comes of a request before it is put into an answer's shape.
enum Problem {
    Unauthorised,
    Quota(Duration),
    Body(body::BodyProblem),
    Log(Refused),
    /// The request as a whole makes no sense; the text says where.
    Shape(String),
}

/// Serves until the node stops.
pub(super) async fn listen<I: Intake>(
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    senders: HttpSenders,
    shared: Arc<Shared<I>>,
) {
    let http = Arc::new(Http { shared: Arc::clone(&shared), senders, room: body::Room::new(&shared.limits) });
    let router = Router::new()
        .route("/ingest", post(ingest::<I>))
        .route("/_bulk", post(bulk_of_all::<I>).put(bulk_of_all::<I>))
        .route("/{index}/_bulk", post(bulk_of_one::<I>).put(bulk_of_one::<I>))
        .route("/", get(set_up::<I>))
        .fallback(set_up::<I>)
        .with_state(http);
    let speak = move |accepted, shared| speak(accepted, shared, router.clone());
    accept_all(listener, tls, Carrier::Http, shared, speak).await;
}

/// One connection.
async fn speak<I: Intake>(accepted: Accepted, shared: Arc<Shared<I>>, router: Router) {
    let Accepted { stream, source } = accepted;
    let peer = source.clone();
    let router = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        router.call(request.map(Body::new))
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .half_close(true)
        .header_read_timeout(shared.limits.handshake_timeout)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let mut shutdown = shared.shutdown.clone();
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        _ = shutdown.wait_for(|stop| *stop) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    match ended {
        Err(problem) if problem.is_parse() => {
            tracing::info!(%source, %problem, "a connection did not speak HTTP");
            shared.refuse(&source, reason::GARBAGE, 1);
        }
        // Also an idle connection that is kept open: no event is concerned.
        Err(problem) if problem.is_timeout() => shared.counters.refused(reason::TIMEOUT, 1),
        Err(problem) => tracing::debug!(%source, %problem, "a connection ended"),
        Ok(()) => {}
    }
}

async fn ingest<I: Intake>(
    State(http): State<Arc<Http<I>>>,
    Extension(peer): Extension<SourceKey>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let lines = ndjson::Lines::of(&headers);
    let max = http.shared.limits.message_bytes_max;
    match http.take(&peer, &headers, body, move |body| Ok(ndjson::read(&body, lines, max))).await {
        Ok((read, stored)) => answer::ingested(&read, stored),
        Err(problem) => answer::problem(&problem, &headers),
    }
}

async fn bulk_of_all<I: Intake>(
    state: State<Arc<Http<I>>>,
    peer: Extension<SourceKey>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    bulk(state, peer, headers, body, None).await
}

async fn bulk_of_one<I: Intake>(
    state: State<Arc<Http<I>>>,
    peer: Extension<SourceKey>,
    Path(index): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    bulk(state, peer, headers, body, Some(index)).await
}

async fn bulk<I: Intake>(
    State(http): State<Arc<Http<I>>>,
    Extension(peer): Extension<SourceKey>,
    headers: HeaderMap,
    body: Body,
    index: Option<String>,
) -> Response {
    let started = Instant::now();
    let max = http.shared.limits.message_bytes_max;
    match http.take(&peer, &headers, body, move |body| bulk::read(&body, index.as_deref(), max)).await {
        Ok((read, _)) => answer::bulk(&read, started.elapsed(), &headers),
        Err(problem) => answer::problem(&problem, &headers),
    }
}

/// The calls that senders of the `_bulk` shape make before the first event.
async fn set_up<I: Intake>(
    State(http): State<Arc<Http<I>>>,
    Extension(peer): Extension<SourceKey>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Err(problem) = http.source(&peer, &headers).await {
        return answer::problem(&problem, &headers);
    }
    let setup = setup::answer(&method, uri.path(), &headers);
    if setup.is_none() {
        http.shared.counters.refused(reason::UNKNOWN_PATH, 1);
    }
    answer::setup(setup, &uri, &headers)
}

/// Events read from a body, and the lines that are none.
trait HasEvents {
    fn events(&self) -> &[Bytes];
    fn bad_lines(&self) -> usize;
}

impl<I: Intake> Http<I> {
    /// Everything from the token to the durable event; the same for both shapes.
    async fn take<R: HasEvents + Send + 'static>(
        &self,
        peer: &SourceKey,
        headers: &HeaderMap,
        body: Body,
        read: impl FnOnce(Bytes) -> Result<R, String> + Send + 'static,
    ) -> Result<(R, u64), Problem> {
        let source = self.source(peer, headers).await?;
        let counted = |problem: Problem| {
            self.count(&source, &problem);
            problem
        };
        let held =
            body::read(body, headers, &self.shared.limits, &self.room).await.map_err(|p| counted(Problem::Body(p)))?;
        self.shared.counters.read(held.bytes.len());
        let body = held.bytes.clone();
        let read = tokio::task::spawn_blocking(move || read(body))
            .await
            .unwrap_or_else(|_| Err("the body could not be read".to_owned()))
            .map_err(|text| counted(Problem::Shape(text)))?;
        self.shared.refuse(&source, reason::BAD_LINE, read.bad_lines() as u64);
        let stored = self.store(&source, read.events()).await.map_err(counted)?;
        Ok((read, stored))
    }

    async fn store(&self, source: &SourceKey, events: &[Bytes]) -> Result<u64, Problem> {
        if events.is_empty() {
            return Ok(0);
        }
        let refuse = |why| self.shared.refuse(source, why, events.len() as u64);
        self.shared.quotas.take_whole(&source.peer, events.len(), Instant::now()).map_err(|wait| {
            refuse(reason::QUOTA);
            Problem::Quota(wait)
        })?;
        match self.shared.intake.append(source, events.to_vec()).await {
            Ok(stored) => {
                self.shared.counters.stored(stored.count);
                Ok(stored.count)
            }
            Err(refused) => {
                refuse(match refused {
                    Refused::Full { .. } => reason::LOG_FULL,
                    Refused::TooLarge { .. } => reason::TOO_LARGE,
                    Refused::Failed => reason::LOG_FAILED,
                });
                Err(Problem::Log(refused))
            }
        }
    }

    /// Whose request it is.
    async fn source(&self, peer: &SourceKey, headers: &HeaderMap) -> Result<SourceKey, Problem> {
        if self.senders == HttpSenders::Anyone {
            return Ok(peer.clone());
        }
        for token in token::candidates(headers) {
            if let Some(source) = self.shared.intake.source_of_token(&token).await {
                return Ok(source);
            }
        }
        self.shared.refuse(peer, reason::UNAUTHORISED, 1);
        Err(Problem::Unauthorised)
    }

    /// Counts a request that came to nothing; how many events it held is not
    /// known.
    fn count(&self, source: &SourceKey, problem: &Problem) {
        let why = match problem {
            Problem::Body(body::BodyProblem::TooLarge { .. }) => reason::TOO_LARGE,
            Problem::Body(body::BodyProblem::Timeout) => reason::TIMEOUT,
            Problem::Body(body::BodyProblem::Busy) => reason::QUEUE_FULL,
            Problem::Body(_) => reason::BAD_BODY,
            Problem::Shape(_) => reason::BAD_LINE,
            // Counted by event where it arose.
            Problem::Quota(_) | Problem::Log(_) | Problem::Unauthorised => return,
        };
        self.shared.refuse(source, why, 1);
    }
}
