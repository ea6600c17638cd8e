//! What the hub's link refuses before it costs anything: bodies of strangers, long bodies, slow bodies, and the next
//! page of a member that was revoked while it listened.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use app::{
    App, AppConfig, Approval, Clock, Content, InviteAddress, InviteOrder, Keys, Limits, MemberRole, Outgoing, Trial,
};
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use connect::link::{Authority, Hub, LinkLimits, certificate_request, router, tls_now};
use connect::serve::ClientCertificate;
use domain::party::{Actor, Role};
use domain::release::SignedRelease;
use futures_util::{StreamExt as _, stream};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use store::{NewPublication, Store, Target};
use tokio::sync::watch;
use uuid::Uuid;

struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(i64::try_from(tls_now().as_secs()).unwrap()).unwrap()
    }
}

struct Standing {
    hub: Hub,
    member: ClientCertificate,
    keys: Keys,
    _dir: tempfile::TempDir,
    _stop: watch::Sender<bool>,
}

/// A hub with one release published and one member enrolled.
async fn standing() -> Standing {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&Target::Sqlite(dir.path().join("node.sqlite"))).await.unwrap();
    let release = SignedRelease { bytes: b"{}".to_vec(), key: vec![1; 32], signature: vec![2; 64] };
    let (id, cluster, issued_at) = (Uuid::from_u128(1), Uuid::from_u128(2), Now.now());
    store.publish(NewPublication { release, id, version: 1, cluster, issued_at, skip: None }, issued_at).await.unwrap();
    let limits = eventstore::Limits { free_bytes_min: 0, ..eventstore::Limits::default() };
    let (log, _) = eventstore::EventLog::open(&dir.path().join("events"), limits).unwrap();
    let config = AppConfig {
        name: "hub".to_owned(),
        country: "RO".to_owned(),
        zone: jiff::tz::TimeZone::UTC,
        own: vec![],
        invite: Some(InviteAddress { urls: vec!["https://hub.example".to_owned()], ca_fingerprint: "0".repeat(64) }),
        backup_older_than: None,
        passes_on: true,
        listens: false,
        sightings: Outgoing::Send,
        approval: Approval::Person,
        thresholds: Default::default(),
        trial: Trial::default(),
        kept: app::Kept::default(),
        limits: Limits::default(),
    };
    let app = App::start(config, Arc::new(Now), Keys::generate().unwrap(), store, log, Content::default());
    let app = app.await.unwrap();
    let authority = Arc::new(Authority::load(&Authority::create("Hub", tls_now()).unwrap()).unwrap());
    let keys = Keys::generate().unwrap();
    let order = InviteOrder { name: "a".to_owned(), country: "RO".to_owned(), role: MemberRole::Hospital };
    let code = app.invite(&Actor::Policy { name: "test".to_owned() }, order).await.unwrap();
    let code = app::invite_code::InviteCode::read(&code).unwrap();
    app.enrol(&code.secret, keys.public_key(), "a").await.unwrap().unwrap();
    let issued = authority.issue_member(&certificate_request(keys.pkcs8()).unwrap(), tls_now()).unwrap();
    let member = ClientCertificate(Some(CertificateDer::from_pem_slice(issued.chain_pem.as_bytes()).unwrap()));
    let (stop, shutdown) = watch::channel(false);
    let hour = Duration::from_secs(3600);
    let limits = LinkLimits { request_timeout: hour, heartbeat: hour, ..LinkLimits::default() };
    Standing { hub: Hub { app, authority, limits, shutdown }, member, keys, _dir: dir, _stop: stop }
}

async fn call(hub: &Hub, method: &str, path: &str, caller: &ClientCertificate, body: Body) -> Response {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let mut request = request.body(body).unwrap();
    request.extensions_mut().insert(caller.clone());
    TowerToHyperService::new(router(hub.clone())).call(request).await.unwrap()
}

/// A body that never comes.
fn never() -> Body {
    Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())
}

#[tokio::test]
async fn a_stranger_is_refused_before_its_body_is_read() {
    let standing = standing().await;
    for path in ["/link/v1/push", "/link/v1/ack", "/link/v1/renew"] {
        let refused = call(&standing.hub, "POST", path, &ClientCertificate(None), never()).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn calls_without_items_take_64_kib() {
    let standing = standing().await;
    for path in ["/link/v1/enrol", "/link/v1/ack", "/link/v1/renew"] {
        let long = Body::from(vec![b' '; 64 * 1024 + 1]);
        let refused = call(&standing.hub, "POST", path, &standing.member, long).await;
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let mut standing = standing().await;
    standing.hub.limits.request_timeout = Duration::from_millis(1);
    for path in ["/link/v1/enrol", "/link/v1/push"] {
        let refused = call(&standing.hub, "POST", path, &standing.member, never()).await;
        assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT, "{path}");
    }
}

#[tokio::test]
async fn a_member_revoked_while_it_listens_reads_no_further_page() {
    let standing = standing().await;
    let listen = "/link/v1/stream?after=0";
    let answer = call(&standing.hub, "GET", &format!("{listen}&wait=0"), &standing.member, Body::empty()).await;
    let text = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    assert!(String::from_utf8_lossy(&text).contains("event: release"), "there is a page to read");
    let answer = call(&standing.hub, "GET", listen, &standing.member, Body::empty()).await;
    let mut pieces = answer.into_body().into_data_stream();
    assert!(pieces.next().await.unwrap().unwrap().starts_with(b":"), "the greeting");
    let admin = app::Session {
        id: Uuid::from_u128(11),
        account: Uuid::from_u128(1),
        name: "ana".to_owned(),
        role: Role::Admin,
        proof: app::Proof::PasswordAndCode,
        second_factor_due: false,
        csrf: String::new(),
        expires_at: Timestamp::MAX,
        preferences: app::Preferences::default(),
    };
    standing.hub.app.revoke_member(&admin, &standing.keys.node_id()).await.unwrap();
    assert!(pieces.next().await.is_none());
}
