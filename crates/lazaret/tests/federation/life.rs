//! A node that is never silently dead: the daily probe goes all the way, and a source that falls silent is said.

use std::time::Duration;

use app::{ProbeStuck, Trouble, What};
use testkit::until::until;

use crate::fixture::Federation;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_reaches_the_hub_and_leaves_no_trace() {
    let mut federation = Federation::start(|_, _| ()).await;
    let app = federation.app("ro-1");
    app.send_probe().await.unwrap();
    until("the hub acknowledges the probe", || async { app.probe().acknowledged_at }).await;
    assert_eq!(app.probe_stuck(), None);
    // what a sender makes to look like one is neither a probe nor an alert
    let forged = r#"{"message":"<14>1 2026-11-25T09:00:00Z a b - - - lazaret-daily-probe"}"#.to_owned();
    federation.send("ro-1", &[forged]).await;
    federation.helper_asks("ro-1", "PC1", "one.example").await;
    until("the line after it is scanned", || async { (!federation.alerts("ro-1").await.is_empty()).then_some(()) })
        .await;
    assert_eq!(federation.alerts("ro-1").await.len(), 1, "only the real one is an alert");
    federation.sent("ro-1").await;
    let hub = federation.app("ro");
    assert!((hub.metrics().get("lazaret_push_items_total", r#"result="new""#) - 1.0).abs() < f64::EPSILON);
    let sources = federation.app("ro-1").sources().await.unwrap();
    assert_eq!(sources.len(), 1, "it is no source");
    assert_eq!(sources[0].scanned, 2, "and no event of one");
    // without a hub it stays found, and is stuck only once the hub is there again
    federation.stop("ro").await;
    let app = federation.app("ro-1");
    app.send_probe().await.unwrap();
    until("the probe is found", || async { app.probe().found_at }).await;
    assert_eq!(app.probe().acknowledged_at, None);
    assert_ne!(app.probe_stuck(), Some(ProbeStuck::Scan));
    federation.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_falls_silent_needs_somebody_until_it_speaks_again() {
    let federation = Federation::start(|_, _| ()).await;
    let app = federation.app("ro-1");
    for hour in 0..75 {
        federation.send("ro-1", &[format!(r#"{{"message":"hour {hour}"}}"#)]).await;
        app.keep_rhythm().await.unwrap();
        federation.clock.turn(Duration::from_secs(3600));
    }
    let silent = async || {
        app.keep_rhythm().await.unwrap();
        let items = app.attention().await.unwrap().items;
        items.into_iter().find_map(|item| match item.what {
            What::Trouble(trouble) => match *trouble {
                Trouble::Silent(silence) => Some(silence),
                _ => None,
            },
            _ => None,
        })
    };
    federation.clock.turn(Duration::from_secs(3500));
    assert_eq!(silent().await, None, "it usually pauses an hour");
    federation.clock.turn(Duration::from_secs(300));
    let silence = silent().await.unwrap();
    assert_eq!((silence.usual.as_secs(), silence.name.as_str()), (3600, "winlogbeat"));
    assert!(app.attention().await.unwrap().items.len() > 1 || silence.since < app.now());
    federation.send("ro-1", &[r#"{"message":"back"}"#.to_owned()]).await;
    assert_eq!(silent().await, None, "heard again");
    federation.end().await;
}
