//! Certificates end, keys do not: a hospital that was away for months renews, one that was revoked is heard no more.

use std::time::Duration;

use connect::link::{certificate_request, tls_now};
use domain::party::Role;
use lazaret::data_dir::DataDir;
use rustls::pki_types::UnixTime;
use testkit::until::until;

use crate::fixture::Federation;

async fn heard(federation: &Federation, sightings: usize) {
    let what = format!("the hub has heard {sightings}");
    until(&what, || async {
        let new = federation.app("ro").metrics().get("lazaret_push_items_total", r#"result="new""#);
        (new >= sightings as f64).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hospital_that_was_offline_for_months_renews_and_goes_on() {
    let mut federation = Federation::start(|_, _| ()).await;
    federation.stop("ro-1").await;
    let dir = DataDir::at(&federation.files("ro-1"));
    let authority = DataDir::at(&federation.files("ro")).authority().unwrap();
    let issued_s = tls_now().as_secs() - 90 * 86_400;
    let then = UnixTime::since_unix_epoch(Duration::from_secs(issued_s));
    let request = certificate_request(dir.keys().unwrap().pkcs8()).unwrap();
    let issued = authority.issue_member(&request, then).unwrap();
    let mut uplink = dir.uplink().read().unwrap().unwrap();
    (uplink.chain, uplink.issued_s, uplink.until_s) = (issued.chain_pem, issued_s, issued.until_s);
    assert!(uplink.until_s < tls_now().as_secs(), "it ended two months ago");
    dir.uplink().write(&uplink).unwrap();

    federation.begin("ro-1").await;
    federation.helper_asks("ro-1", "PC1", "after-months.example").await;
    heard(&federation, 1).await;
    let renewed = dir.uplink().read().unwrap().unwrap();
    assert!(renewed.until_s > tls_now().as_secs() + 29 * 86_400, "the new certificate is kept");
    federation.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_member_is_heard_no_more_and_its_work_waits() {
    let federation = Federation::start(|_, _| ()).await;
    federation.helper_asks("ro-1", "PC1", "before.example").await;
    heard(&federation, 1).await;
    federation.sent("ro-1").await;
    let admin = federation.person("ro", "ana", Role::Admin).await;
    federation.app("ro").revoke_member(&admin, &federation.node("ro-1").id()).await.unwrap();
    federation.helper_asks("ro-1", "PC2", "after.example").await;
    federation.helper_asks("ro-2", "PC3", "other.example").await;
    heard(&federation, 2).await;
    let waiting: u64 = federation.app("ro-1").sharing().await.unwrap().depth.iter().map(|lane| lane.waiting).sum();
    assert_eq!(waiting, 1, "what a revoked member has to say waits at the member");
    let new = federation.app("ro").metrics().get("lazaret_push_items_total", r#"result="new""#);
    assert!((new - 2.0).abs() < f64::EPSILON, "one before, one of the other hospital, none of the revoked: {new}");
    federation.end().await;
}
