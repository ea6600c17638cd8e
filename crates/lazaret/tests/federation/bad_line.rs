//! A line on which nothing goes right for long: torn, reset, half open. It delays; it loses nothing and doubles nothing.

use std::time::Duration;

use connect::link::Tempo;
use lazaret::data_dir::DataDir;
use testkit::proxy::{LossyProxy, Weather};
use testkit::until::until;

use crate::fixture::Federation;

/// How many sightings go over the bad line.
const SIGHTINGS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_line_delays_and_neither_loses_nor_doubles() {
    let tempo = Tempo {
        backoff_first: Duration::from_millis(10),
        backoff_max: Duration::from_millis(100),
        silence_max: Duration::from_millis(600),
        poll_wait: Duration::from_secs(1),
        ..Tempo::default()
    };
    let mut federation = Federation::start_at(tempo, |_, config| {
        if let Some(link) = &mut config.link {
            link.heartbeat = Duration::from_millis(100);
        }
    })
    .await;
    let hub = federation.node("ro").doors().link.unwrap();
    let hub = hub.strip_prefix("https://").unwrap().parse().unwrap();
    let proxy = LossyProxy::start(hub, Weather::foul(11)).await.unwrap();
    federation.stop("ro-1").await;
    let file = DataDir::at(&federation.files("ro-1")).uplink();
    let mut uplink = file.read().unwrap().unwrap();
    uplink.urls = vec![format!("https://{}", proxy.address())];
    file.write(&uplink).unwrap();
    federation.begin("ro-1").await;

    for number in 0..SIGHTINGS {
        federation.helper_asks("ro-1", &format!("PC{number}"), &format!("bad-line-{number}.example")).await;
    }
    let what = "all of them are at the hub";
    let new = || federation.app("ro").metrics().get("lazaret_push_items_total", r#"result="new""#);
    until(what, || async { (new() >= SIGHTINGS as f64).then_some(()) }).await;
    federation.sent("ro-1").await;
    assert!((new() - SIGHTINGS as f64).abs() < f64::EPSILON, "a push that came twice took effect once: {}", new());

    // nobody tells either side that the line is dead
    proxy.half_open();
    federation.helper_asks("ro-2", "PC1", "shared.example").await;
    federation.helper_asks("fr-1", "PC1", "shared.example").await;
    federation.card("ro-2", "a card", |_| true).await;
    proxy.restore();
    federation.card("ro-1", "the card that went astray", |_| true).await;
    federation.end().await;
}
