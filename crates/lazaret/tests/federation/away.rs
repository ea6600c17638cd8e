//! A hub that is away for a day: the hospital works on, what must not be lost waits, what has a limit is counted, and
//! everything flows in its order when the hub is back.

use std::time::Duration;

use domain::party::Role;
use domain::record::case::Sort;
use testkit::until::until;

use crate::fixture::Federation;

/// How many sightings may wait in this test.
const WAITING_MAX: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_away_for_a_day_costs_nothing_but_the_oldest_sightings_and_those_are_counted() {
    let mut federation = Federation::start(|name, config| {
        if name == "ro-1" {
            config.app.limits.sightings_waiting_max = WAITING_MAX;
        }
    })
    .await;
    // a first warning, so that there is an answer to give later
    federation.helper_asks("ro-1", "PC1", "first.example").await;
    federation.helper_asks("fr-1", "PC1", "first.example").await;
    let card = federation.card("ro-1", "the first card", |_| true).await;
    federation.sent("ro-1").await;

    federation.stop("ro").await;
    for hour in 0..8 {
        federation.helper_asks("ro-1", &format!("PC{}", hour + 10), &format!("away-{hour}.example")).await;
        let what = format!("ro-1 alarms without a hub, hour {hour}");
        until(&what, || async { (federation.alerts("ro-1").await.len() >= hour + 2).then_some(()) }).await;
        federation.clock.turn(Duration::from_secs(3 * 3600));
    }
    let person = federation.person("ro-1", "ana", Role::Operator).await;
    let app = federation.app("ro-1");
    app.open_case(&person, Sort::Incident, "Helper programs call home", None).await.unwrap();
    app.look_back(&person, card.release).await.unwrap();
    let sharing = app.sharing().await.unwrap();
    let next: Vec<&str> = sharing.next.iter().map(|view| view.item.kind.as_str()).collect();
    assert_eq!(next.first(), Some(&"verdict"), "what is owed goes before sightings: {next:?}");
    assert_eq!(next.iter().filter(|kind| **kind == "sighting").count() as u64, WAITING_MAX, "the limit holds");
    assert_eq!(sharing.gaps.iter().map(|gap| gap.dropped).sum::<u64>(), 3, "what the limit cost is counted");

    // in the other country the attack went on meanwhile
    federation.helper_asks("fr-1", "PC2", "away-7.example").await;
    federation.sent("fr-1").await;
    federation.begin("ro").await;
    federation.sent("ro-1").await;
    let hub = federation.app("ro");
    let dropped = hub.metrics().get("lazaret_members_dropped_total", "");
    assert!((dropped - 3.0).abs() < f64::EPSILON, "the hub heard of the gap: {dropped}");
    let gaps = hub.member_gaps(jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    let gaps: Vec<_> = gaps.iter().map(|gap| (&gap.member, gap.dropped)).collect();
    assert_eq!(gaps, [(&federation.app("ro-1").node(), 3)], "and names it on its page of members");
    // three hops up and three down again
    for hospital in ["ro-1", "fr-1"] {
        federation
            .card(hospital, "the card of the day", |card| {
                card.content.iter().flat_map(|content| &content.indicators).any(|one| one.value == "away-7.example")
            })
            .await;
    }
    federation.end().await;
}
