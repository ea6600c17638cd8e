//! The rhythm of sources.

use store::{HourHeard, NewAudit, Rhythm};

use crate::place::Place;
use crate::words::*;

pub async fn hours_learn_long_gaps_at_once_and_short_ones_slowly(place: &Place) {
    let store = place.open().await;
    let heard = |gap_s| HourHeard { source: 7, hour: 9, gap_s };
    assert_eq!(store.rhythms(9).await.unwrap(), []);
    store.save_rhythm(&[(7, at(1)), (8, at(2))], &[heard(800)]).await.unwrap();
    store.save_rhythm(&[(7, at(3))], &[heard(100), HourHeard { hour: 10, gap_s: 3_000, ..heard(0) }]).await.unwrap();
    let seven = Rhythm { source: 7, heard_at: at(3), longest_s: Some(3_000), hour_s: Some(700), hour_times: 2 };
    let eight = Rhythm { source: 8, heard_at: at(2), longest_s: None, hour_s: None, hour_times: 0 };
    assert_eq!(store.rhythms(9).await.unwrap(), [seven, eight]);
    store.save_rhythm(&[], &[heard(900)]).await.unwrap();
    assert_eq!(store.rhythms(9).await.unwrap()[0].hour_s, Some(900));
    let elsewhere = store.rhythms(11).await.unwrap()[0];
    assert_eq!((elsewhere.hour_s, elsewhere.hour_times, elsewhere.longest_s), (None, 0, Some(3_000)));
}

/// What alerts repeat of erased events goes; the alerts and their counts stay.
pub async fn alerts_forget_what_was_erased(place: &Place) {
    let store = place.open().await;
    let told = crate::telemetry::upsert(1, 5);
    let seq = told.seqs[0];
    let id = told.id;
    store.commit_scan(crate::telemetry::scan(10, vec![told])).await.unwrap();
    let audit = |verb: &str| NewAudit {
        at: at(9),
        actor: domain::party::Actor::Policy { name: "test".to_owned() },
        verb: verb.to_owned(),
        object: String::new(),
        detail: String::new(),
    };
    let other = [seq + 1_000].into_iter().collect();
    assert_eq!(store.forget_events(&other, audit("one")).await.unwrap(), 0);
    let before = store.alert(id).await.unwrap().unwrap();
    assert!(!before.matched.is_empty(), "the alert repeats something");
    assert_eq!(store.forget_events(&[seq].into_iter().collect(), audit("two")).await.unwrap(), 1);
    let after = store.alert(id).await.unwrap().unwrap();
    assert_eq!((after.matched.len(), after.count, &after.rule_title), (0, before.count, &before.rule_title));
    assert_eq!(store.audit(None, 10).await.unwrap().len(), 2);
}
