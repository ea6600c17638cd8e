//! The link over real sockets and real TLS, against a hub made by hand: what a member's connection believes, what the
//! hub's side lets in, and what both do when the line is bad.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::invite_code::InviteCode;
use app::link::{ItemOutcome, ItemResult, LINK_FORMAT, Push, PushItem, Receipt, receipt_signing_input};
use app::{Keys, node_id_of};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use connect::link::{
    Authority, CERTIFICATE_DAYS, Connection, EnrolAnswer, EnrolRequest, Enrolment, Error, LinkLimits, Period,
    SIGNATURE_HEADER, Uplink, enrol, tls_now,
};
use connect::serve::{ClientCertificate, HttpLimits, HttpServer};
use rustls::pki_types::UnixTime;
use testkit::proxy::{LossyProxy, Weather};
use tokio::sync::watch;

/// A hub made by hand: enrols everybody, answers pushes with a signed receipt, keeps what it saw.
#[derive(Clone)]
struct HandMade {
    keys: Arc<Keys>,
    receipt_keys: Arc<Keys>,
    authority: Arc<Authority>,
    saw: Arc<Mutex<Vec<Push>>>,
}

struct RunningHub {
    hub: HandMade,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

async fn start(receipts: Receipts) -> RunningHub {
    start_with(receipts, LinkLimits::default()).await
}

async fn start_with(receipts: Receipts, limits: LinkLimits) -> RunningHub {
    let files = Authority::create("Hand-made hub", tls_now()).unwrap();
    let authority = Arc::new(Authority::load(&files).unwrap());
    let keys = Arc::new(Keys::generate().unwrap());
    let receipt_keys = match receipts {
        Receipts::Honest => Arc::clone(&keys),
        Receipts::SignedByAStranger => Arc::new(Keys::generate().unwrap()),
    };
    let hub = HandMade { keys, receipt_keys, authority: Arc::clone(&authority), saw: Arc::default() };
    let router = Router::new()
        .route("/link/v1/enrol", post(enrol_anybody))
        .route("/link/v1/push", post(push))
        .route("/link/v1/stream", get(|| async { ": heartbeat\n\nid: 4\nevent: release\ndata: {}\n\n" }))
        .with_state(hub.clone());
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let any = "127.0.0.1:0".parse().unwrap();
    let server: HttpServer = connect::link::bind(any, &names, authority, &limits).await.unwrap();
    let address = server.address().unwrap();
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(server.run(router, stopping));
    RunningHub { hub, address, _stop: stop }
}

#[derive(Clone, Copy)]
enum Receipts {
    Honest,
    SignedByAStranger,
}

async fn enrol_anybody(State(hub): State<HandMade>, Json(request): Json<EnrolRequest>) -> Response {
    let der = STANDARD.decode(&request.request).unwrap();
    let Ok(issued) = hub.authority.issue_member(&der, tls_now()) else {
        return (StatusCode::BAD_REQUEST, "no").into_response();
    };
    Json(EnrolAnswer {
        format: LINK_FORMAT,
        chain: issued.chain_pem,
        until_s: issued.until_s,
        hub_name: "Hand-made hub".to_owned(),
        hub_node: hub.keys.node_id(),
        hub_public_key: domain::record::hex(hub.keys.public_key()),
        authority: hub.authority.certificate_pem(),
    })
    .into_response()
}

async fn push(
    State(hub): State<HandMade>,
    Extension(shown): Extension<ClientCertificate>,
    headers: axum::http::HeaderMap,
    body: Bytes,
) -> Response {
    if shown.0.is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let push: Push = if headers.contains_key("content-encoding") {
        serde_json::from_reader(flate2::read::GzDecoder::new(&body[..])).unwrap()
    } else {
        serde_json::from_slice(&body).unwrap()
    };
    let outcome = |item: &PushItem| ItemOutcome { position: item.position, result: ItemResult::New };
    let outcomes = push.items.iter().map(outcome).collect();
    let receipt = Receipt { format: LINK_FORMAT, epoch: push.epoch, outcomes };
    hub.saw.lock().unwrap().push(push);
    let bytes = serde_json::to_vec(&receipt).unwrap();
    let signature = STANDARD.encode(hub.receipt_keys.sign(&receipt_signing_input(&bytes)));
    ([(SIGNATURE_HEADER, signature)], bytes).into_response()
}

fn code(hub: &RunningHub, address: SocketAddr) -> InviteCode {
    InviteCode {
        urls: vec![format!("https://{address}")],
        ca_fingerprint: hub.hub.authority.fingerprint(),
        secret: "s".to_owned(),
        expires_at: "2099-01-01T00:00:00Z".parse().unwrap(),
    }
}

async fn join(hub: &RunningHub, keys: &Keys, address: SocketAddr) -> Result<Uplink, Error> {
    let code = code(hub, address);
    enrol(&Enrolment { code: &code, name: "Hospital", keys, proxy: None }).await
}

fn some_push(items: usize) -> Push {
    let item = |number: usize| PushItem {
        position: number as i64,
        kind: "sighting".to_owned(),
        key: uuid::Uuid::from_u128(number as u128),
        version: 1,
        hash: "0".repeat(64),
        body: vec![b'x'; 100],
    };
    Push {
        format: LINK_FORMAT,
        epoch: 1,
        sent_at: "2026-11-25T00:00:00Z".parse().unwrap(),
        items: (0..items).map(item).collect(),
        gaps: vec![],
    }
}

#[tokio::test]
async fn a_node_joins_pushes_and_believes_the_signed_receipt() {
    let hub = start(Receipts::Honest).await;
    let keys = Keys::generate().unwrap();
    let uplink = join(&hub, &keys, hub.address).await.unwrap();
    assert_eq!(uplink.hub_node, hub.hub.keys.node_id());
    let connection = Connection::new(&uplink, keys.pkcs8(), None).unwrap();
    for items in [1, 200] {
        let push = some_push(items);
        assert_eq!(connection.push(&push).await.unwrap().outcomes.len(), items);
        assert_eq!(hub.hub.saw.lock().unwrap().last(), Some(&push), "small as it is, large compressed");
    }
    let mut opened = connection.open(3, None).await.unwrap();
    assert!(opened.next().await.unwrap().unwrap().starts_with(b": heartbeat"));
}

#[tokio::test]
async fn a_receipt_that_a_stranger_signed_is_not_believed() {
    let hub = start(Receipts::SignedByAStranger).await;
    let keys = Keys::generate().unwrap();
    let uplink = join(&hub, &keys, hub.address).await.unwrap();
    let connection = Connection::new(&uplink, keys.pkcs8(), None).unwrap();
    let refused = connection.push(&some_push(1)).await.unwrap_err();
    assert!(matches!(&refused, Error::Unusable(why) if why.contains("not signed")), "{refused}");
    assert!(!refused.passes(), "the same answer again would be no better");
}

#[tokio::test]
async fn a_newcomer_talks_only_to_the_ca_that_its_code_names() {
    let (hub, other) = (start(Receipts::Honest).await, start(Receipts::Honest).await);
    let keys = Keys::generate().unwrap();
    let wrong = join(&hub, &keys, other.address).await.unwrap_err();
    assert!(matches!(wrong, Error::Unreachable(_)), "{wrong}");
}

#[tokio::test]
async fn a_member_does_not_take_another_hub_for_its_own() {
    let (hub, other) = (start(Receipts::Honest).await, start(Receipts::Honest).await);
    let keys = Keys::generate().unwrap();
    let mut uplink = join(&hub, &keys, hub.address).await.unwrap();
    uplink.urls = vec![format!("https://{}", other.address)];
    let connection = Connection::new(&uplink, keys.pkcs8(), None).unwrap();
    assert!(matches!(connection.push(&some_push(1)).await, Err(Error::Unreachable(_))));
    assert!(other.hub.saw.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_cut_line_is_an_error_and_the_next_push_works() {
    let hub = start(Receipts::Honest).await;
    let proxy = LossyProxy::start(hub.address, Weather::fair(7)).await.unwrap();
    let keys = Keys::generate().unwrap();
    let uplink = join(&hub, &keys, proxy.address()).await.unwrap();
    let connection = Connection::new(&uplink, keys.pkcs8(), None).unwrap();
    connection.push(&some_push(1)).await.unwrap();
    proxy.cut();
    let failed = connection.push(&some_push(1)).await.unwrap_err();
    assert!(failed.passes(), "{failed}");
    proxy.restore();
    connection.push(&some_push(1)).await.unwrap();
}

#[tokio::test]
async fn slow_and_torn_lines_change_no_byte() {
    let hub = start(Receipts::Honest).await;
    let weather = Weather { latency: Duration::from_millis(2), pieces_max: 37, ..Weather::fair(11) };
    let proxy = LossyProxy::start(hub.address, weather).await.unwrap();
    let keys = Keys::generate().unwrap();
    let uplink = join(&hub, &keys, proxy.address()).await.unwrap();
    let connection = Connection::new(&uplink, keys.pkcs8(), None).unwrap();
    let push = some_push(20);
    connection.push(&push).await.unwrap();
    assert_eq!(hub.hub.saw.lock().unwrap().last(), Some(&push));
}

#[tokio::test]
async fn garbage_on_the_port_is_refused_and_the_next_member_served() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let hub = start(Receipts::Honest).await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4096], &[0x16, 0x03, 0x01, 0xff, 0xff, 0x01]] {
        let mut socket = tokio::net::TcpStream::connect(hub.address).await.unwrap();
        socket.write_all(garbage).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
    }
    let keys = Keys::generate().unwrap();
    join(&hub, &keys, hub.address).await.unwrap();
}

/// Limits under which nothing ends by itself while a test runs.
fn patient(http: HttpLimits) -> LinkLimits {
    let http = HttpLimits { handshake_timeout: Duration::from_secs(3600), ..http };
    LinkLimits { http, ..LinkLimits::default() }
}

#[tokio::test]
async fn callers_that_say_nothing_hold_no_handshake() {
    let limits = patient(HttpLimits { handshakes_max: 1, ..HttpLimits::default() });
    let hub = start_with(Receipts::Honest, limits).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(tokio::net::TcpStream::connect(hub.address).await.unwrap());
    }
    join(&hub, &Keys::generate().unwrap(), hub.address).await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn one_address_does_not_take_every_place() {
    use tokio::io::AsyncReadExt as _;
    let limits = patient(HttpLimits { connections_per_address_max: 1, ..HttpLimits::default() });
    let hub = start_with(Receipts::Honest, limits).await;
    let first = tokio::net::TcpStream::connect(hub.address).await.unwrap();
    let mut second = tokio::net::TcpStream::connect(hub.address).await.unwrap();
    let read = second.read(&mut [0; 1]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "let go at once: {read:?}");
    drop(first);
}

#[test]
fn a_member_is_named_by_the_key_it_proved_and_a_foreign_request_gets_nothing() {
    let files = Authority::create("Hub", tls_now()).unwrap();
    let authority = Authority::load(&files).unwrap();
    let keys = Keys::generate().unwrap();
    let request = connect::link::certificate_request(keys.pkcs8()).unwrap();
    let issued = authority.issue_member(&request, tls_now()).unwrap();
    assert_eq!(issued.public_key, keys.public_key());
    assert_eq!(node_id_of(&issued.public_key), keys.node_id());
    let mut forged = request.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert!(authority.issue_member(&forged, tls_now()).is_err(), "the signature of the request is checked");
    assert!(authority.issue_member(b"nonsense", tls_now()).is_err());
}

#[test]
fn a_certificate_is_back_dated_by_two_days_and_ends_after_thirty() {
    use rustls::pki_types::pem::PemObject as _;
    let files = Authority::create("Hub", tls_now()).unwrap();
    let authority = Authority::load(&files).unwrap();
    let keys = Keys::generate().unwrap();
    let request = connect::link::certificate_request(keys.pkcs8()).unwrap();
    let at = |s: u64| UnixTime::since_unix_epoch(Duration::from_secs(s));
    let issued_s = tls_now().as_secs();
    let issued = authority.issue_member(&request, at(issued_s)).unwrap();
    let certificate = rustls::pki_types::CertificateDer::from_pem_slice(issued.chain_pem.as_bytes()).unwrap();
    let period = |s: u64| connect::link::proved(&certificate, at(s)).unwrap().period;
    assert_eq!(period(issued_s - 48 * 3600 + 1), Period::Current, "a member whose clock is two days behind");
    assert_eq!(period(issued_s - 48 * 3600 - 1), Period::Over);
    assert_eq!(period(issued_s + CERTIFICATE_DAYS * 86_400), Period::Current);
    assert_eq!(period(issued_s + CERTIFICATE_DAYS * 86_400 + 1), Period::Over);
}
