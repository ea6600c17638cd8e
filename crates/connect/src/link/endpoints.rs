//! What the hub answers on its link address: one short handler an endpoint. Each asks the member list first; none
//! decides anything that a use case could decide. A file of its own: this is the link's whole surface.

use std::io::Read as _;
use std::sync::Arc;

use app::App;
use app::link::{Push, receipt_signing_input};
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::watch;

use super::authority::{Authority, Issued};
use super::server::LinkLimits;
use super::verify::{Period, proved};
use super::wire::{AckRequest, EnrolAnswer, EnrolRequest, FORMAT, RenewAnswer, RenewRequest, SIGNATURE_HEADER};
use super::{hex, stream, tls};
use crate::serve::ClientCertificate;

/// What the endpoints need.
#[derive(Clone)]
pub struct Hub {
    /// The use cases.
    pub app: Arc<App>,
    /// Issues certificates.
    pub authority: Arc<Authority>,
    /// Limits and periods.
    pub limits: LinkLimits,
    /// Ends open streams.
    pub shutdown: watch::Receiver<bool>,
}

/// The endpoints, all under `/link/v1`.
pub fn router(hub: Hub) -> Router {
    let small = DefaultBodyLimit::max(SMALL_BODY_BYTES_MAX);
    let large = DefaultBodyLimit::max(hub.limits.body_bytes_max);
    let current = middleware::from_fn_with_state(hub.clone(), current_member_first);
    let expired_too = middleware::from_fn_with_state(hub.clone(), any_member_first);
    let in_time = middleware::from_fn_with_state(hub.clone(), in_time);
    Router::new()
        .route("/link/v1/enrol", post(enrol).layer(small))
        .route("/link/v1/renew", post(renew).layer(small).layer(expired_too))
        .route("/link/v1/push", post(push).layer(large).layer(current.clone()))
        .route("/link/v1/ack", post(acknowledge).layer(small).layer(current))
        .layer(in_time)
        .route("/link/v1/stream", get(listen))
        .with_state(hub)
}

/// The longest body of a call that carries no items.
const SMALL_BODY_BYTES_MAX: usize = 64 * 1024;

/// Ends a request that takes too long, its body included: whoever trickles holds a place for that long and no longer.
async fn in_time(State(hub): State<Hub>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(hub.limits.request_timeout, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => No::new(StatusCode::REQUEST_TIMEOUT, "the request took too long").into_response(),
    }
}

/// Looks for the member before a byte of the body is read.
async fn current_member_first(hub: State<Hub>, request: Request, next: Next) -> Result<Response, No> {
    member_first(hub, Allowed::CurrentOnly, request, next).await
}

async fn any_member_first(hub: State<Hub>, request: Request, next: Next) -> Result<Response, No> {
    member_first(hub, Allowed::ExpiredToo, request, next).await
}

async fn member_first(
    State(hub): State<Hub>,
    allowed: Allowed,
    mut request: Request,
    next: Next,
) -> Result<Response, No> {
    let caller = request.extensions().get::<ClientCertificate>().cloned().unwrap_or(ClientCertificate(None));
    let member = member(&hub, &caller, allowed).await?;
    request.extensions_mut().insert(member);
    Ok(next.run(request).await)
}

/// A no, as the caller reads it: a status and one sentence.
pub(super) struct No(StatusCode, String);

impl No {
    fn new(status: StatusCode, text: &str) -> Self {
        Self(status, text.to_owned())
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl From<app::Error> for No {
    fn from(problem: app::Error) -> Self {
        tracing::warn!(%problem, "link: a call failed");
        match problem.code() {
            "error-full" => Self::new(StatusCode::INSUFFICIENT_STORAGE, "the hub's storage is full"),
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the hub could not do it; try again"),
        }
    }
}

impl From<super::Error> for No {
    fn from(problem: super::Error) -> Self {
        Self(StatusCode::BAD_REQUEST, problem.to_string())
    }
}

fn check_format(format: u16) -> Result<(), No> {
    if format == FORMAT {
        return Ok(());
    }
    Err(No(StatusCode::BAD_REQUEST, format!("format {format} is unknown here; this hub reads {FORMAT}")))
}

/// The member that the handshake proved. An expired certificate may only renew; a revoked member nothing at all.
pub(super) async fn member(hub: &Hub, caller: &ClientCertificate, allowed: Allowed) -> Result<app::Member, No> {
    let Some(proved) = caller.0.as_ref().and_then(|shown| proved(shown, tls::now())) else {
        return Err(No::new(StatusCode::UNAUTHORIZED, "show your node's certificate"));
    };
    if proved.period == Period::Over && allowed == Allowed::CurrentOnly {
        return Err(No::new(StatusCode::UNAUTHORIZED, "the certificate is over: renew it first"));
    }
    match hub.app.member_by_key(&proved.public_key).await? {
        Some(member) => Ok(member),
        None => Err(No::new(StatusCode::FORBIDDEN, "this key is not enrolled here, or was revoked")),
    }
}

/// Which certificates an endpoint takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    CurrentOnly,
    ExpiredToo,
}

async fn enrol(State(hub): State<Hub>, Json(request): Json<EnrolRequest>) -> Result<Json<EnrolAnswer>, No> {
    check_format(request.format)?;
    // before the invite is spent: a request that cannot be served must not cost it
    let issued = issue(&hub, &request.request)?;
    let name: String = request.name.chars().take(200).collect();
    let enrolled = hub.app.enrol(&request.secret, &issued.public_key, &name).await?;
    let enrolled = enrolled.map_err(|refused| {
        tracing::warn!(?refused, "link: an enrolment was refused");
        No(StatusCode::FORBIDDEN, format!("the invite code is {}", refused_word(&refused)))
    })?;
    note_certificate(&hub, &enrolled.member, &issued).await?;
    Ok(Json(EnrolAnswer {
        format: FORMAT,
        chain: issued.chain_pem,
        until_s: issued.until_s,
        hub_name: enrolled.hub_name,
        hub_node: enrolled.hub_node,
        hub_public_key: hex(&enrolled.hub_public_key),
        authority: hub.authority.certificate_pem(),
    }))
}

fn refused_word(refused: &app::InviteRefused) -> &'static str {
    match refused {
        app::InviteRefused::Unknown => "unknown here",
        app::InviteRefused::Expired => "too old: ask for a new one",
        app::InviteRefused::Used => "used already: ask for a new one",
    }
}

async fn renew(
    State(hub): State<Hub>,
    Extension(member): Extension<app::Member>,
    Json(request): Json<RenewRequest>,
) -> Result<Json<RenewAnswer>, No> {
    check_format(request.format)?;
    let issued = issue(&hub, &request.request)?;
    if issued.public_key != member.public_key {
        return Err(No::new(StatusCode::FORBIDDEN, "a certificate is renewed for the enrolled key only"));
    }
    note_certificate(&hub, &member, &issued).await?;
    Ok(Json(RenewAnswer { format: FORMAT, chain: issued.chain_pem, until_s: issued.until_s }))
}

fn issue(hub: &Hub, request: &str) -> Result<Issued, No> {
    let der = STANDARD.decode(request).map_err(|_| No::new(StatusCode::BAD_REQUEST, "the request is not base64"))?;
    Ok(hub.authority.issue_member(&der, tls::now())?)
}

async fn note_certificate(hub: &Hub, member: &app::Member, issued: &Issued) -> Result<(), No> {
    let until =
        i64::try_from(issued.until_s).ok().and_then(|s| Timestamp::from_second(s).ok()).unwrap_or(Timestamp::MAX);
    Ok(hub.app.note_certificate(member, until).await?)
}

async fn push(
    State(hub): State<Hub>,
    Extension(member): Extension<app::Member>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, No> {
    let gzipped = headers.get("content-encoding").is_some_and(|value| value == "gzip");
    let body = if gzipped { unzip(&body, hub.limits.body_bytes_max)? } else { body };
    let push: Push = serde_json::from_slice(&body)
        .map_err(|problem| No(StatusCode::BAD_REQUEST, format!("the push is unreadable: {problem}")))?;
    check_format(push.format)?;
    if push.items.len() > app::link::PUSH_ITEMS_MAX {
        return Err(No::new(StatusCode::PAYLOAD_TOO_LARGE, "too many items in one push"));
    }
    let receipt = hub.app.receive_push(&member, push).await?;
    let bytes = serde_json::to_vec(&receipt).map_err(|problem| No::from(app::Error::from(problem)))?;
    let signature = STANDARD.encode(hub.app.keys().sign(&receipt_signing_input(&bytes)));
    Ok(([("content-type", "application/json"), (SIGNATURE_HEADER, &signature)], bytes).into_response())
}

fn unzip(body: &[u8], bytes_max: usize) -> Result<Bytes, No> {
    let mut out = Vec::new();
    let limit = bytes_max as u64 + 1;
    flate2::read::GzDecoder::new(body)
        .take(limit)
        .read_to_end(&mut out)
        .map_err(|problem| No(StatusCode::BAD_REQUEST, format!("the gzip body is damaged: {problem}")))?;
    if out.len() > bytes_max {
        return Err(No::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long when unpacked"));
    }
    Ok(out.into())
}

async fn acknowledge(
    State(hub): State<Hub>,
    Extension(member): Extension<app::Member>,
    Json(request): Json<AckRequest>,
) -> Result<Json<serde_json::Value>, No> {
    check_format(request.format)?;
    hub.app.acknowledge(&member, request.position).await?;
    Ok(Json(serde_json::json!({ "format": FORMAT })))
}

/// Where a listener stands and how it wants to wait.
#[derive(Debug, Deserialize)]
struct Listen {
    after: i64,
    wait: Option<u64>,
}

async fn listen(
    State(hub): State<Hub>,
    Extension(caller): Extension<ClientCertificate>,
    Query(wanted): Query<Listen>,
) -> Result<Response, No> {
    let member = member(&hub, &caller, Allowed::CurrentOnly).await?;
    Ok(stream::answer(hub, caller, member, wanted.after, wanted.wait.map(std::time::Duration::from_secs)))
}
