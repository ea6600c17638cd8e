//! The outbox: turns, replacement, gaps, holds.

use store::{Depth, Error, Lane, NewOutboxItem, NotTaken, Policy, SENT_KEPT_MAX, Store};

use crate::place::Place;
use crate::words::*;

async fn waiting(store: &Store) -> Vec<(u128, u64)> {
    store.outbox_pending(1_000).await.unwrap().iter().map(|item| (item.key.as_u128(), item.version)).collect()
}

pub async fn lanes_are_priorities(place: &Place) {
    let store = place.open().await;
    let items = vec![
        item(Lane::Sighting, 1, 1),
        item(Lane::Record, 2, 1),
        item(Lane::Release, 3, 1),
        item(Lane::Sighting, 4, 1),
        item(Lane::Record, 5, 1),
    ];
    store.outbox_enqueue(items, at(0)).await.unwrap();
    store.outbox_enqueue(vec![item(Lane::Record, 6, 1)], at(9)).await.unwrap();
    assert_eq!(waiting(&store).await, vec![(2, 1), (5, 1), (6, 1), (3, 1), (1, 1), (4, 1)]);
    let first = store.outbox_pending(1).await.unwrap().remove(0);
    assert_eq!((first.body.as_slice(), first.created_at), ("2 version 1".as_bytes(), at(0)));
    assert_eq!(first.hash, "dcb2ce0aed2499d086338aa16d82313d15d34196bfec4e6008399442fd129468");
    let depth = store.outbox_depth().await.unwrap();
    assert_eq!(depth[0], Depth { lane: Lane::Record, waiting: 3, held: 0, oldest: Some(at(0)) });
    assert_eq!((depth[1].waiting, depth[2].waiting), (1, 2));
}

pub async fn a_newer_version_takes_the_turn(place: &Place) {
    let store = place.open().await;
    store.outbox_enqueue(vec![item(Lane::Sighting, 1, 1), item(Lane::Sighting, 2, 1)], at(0)).await.unwrap();
    store.outbox_enqueue(vec![item(Lane::Sighting, 1, 3)], at(1)).await.unwrap();
    assert_eq!(waiting(&store).await, vec![(1, 3), (2, 1)]);
    store.outbox_enqueue(vec![item(Lane::Sighting, 1, 2), item(Lane::Sighting, 1, 3)], at(2)).await.unwrap();
    assert_eq!(waiting(&store).await, vec![(1, 3), (2, 1)], "an older or equal version changes nothing");
    // The same key under another kind is another thing.
    let other = NewOutboxItem { kind: "verdict".to_owned(), ..item(Lane::Sighting, 1, 1) };
    store.outbox_enqueue(vec![other], at(3)).await.unwrap();
    assert_eq!(waiting(&store).await, vec![(1, 3), (2, 1), (1, 1)]);
}

/// Version 1 is on the wire when version 2 replaces it; the hub's receipt for version 1 must not mark version 2 as sent.
pub async fn a_confirmation_never_covers_what_was_not_sent(place: &Place) {
    let store = place.open().await;
    store.outbox_enqueue(vec![item(Lane::Sighting, 1, 1)], at(0)).await.unwrap();
    let on_the_wire = store.outbox_pending(10).await.unwrap().remove(0);
    store.outbox_enqueue(vec![item(Lane::Sighting, 1, 2)], at(1)).await.unwrap();
    store.outbox_confirm(&[on_the_wire.position], &[], at(2)).await.unwrap();
    assert_eq!(waiting(&store).await, vec![(1, 2)]);
    let next = store.outbox_pending(10).await.unwrap().remove(0);
    store.outbox_confirm(&[next.position, 999], &[], at(3)).await.unwrap();
    assert_eq!(waiting(&store).await, vec![]);
    let sent = store.outbox_recent_sent(10).await.unwrap();
    assert_eq!((sent.len(), sent[0].version, sent[0].sent_at), (1, 2, Some(at(3))));
    // A later version of something sent is a new item.
    store.outbox_enqueue(vec![item(Lane::Sighting, 1, 3)], at(4)).await.unwrap();
    assert_eq!(waiting(&store).await, vec![(1, 3)]);
}

pub async fn trimming_is_counted(place: &Place) {
    let store = place.open().await;
    for second in 0..10 {
        let number = u128::try_from(second).unwrap();
        store.outbox_enqueue(vec![item(Lane::Sighting, number, 1)], at(second)).await.unwrap();
    }
    assert_eq!(store.outbox_trim(Lane::Sighting, 10, at(20)).await.unwrap(), 0);
    assert_eq!(store.outbox_gaps_unsent().await.unwrap(), vec![]);
    assert_eq!(store.outbox_trim(Lane::Sighting, 7, at(20)).await.unwrap(), 3);
    assert_eq!(waiting(&store).await[0], (3, 1), "the oldest go");
    let gap = store.outbox_gaps_unsent().await.unwrap().remove(0);
    assert_eq!((gap.lane, gap.dropped, gap.from, gap.to), (Lane::Sighting, 3, at(0), at(2)));
    // The gap grows while the hub is being told of it: it is told again.
    assert_eq!(store.outbox_trim(Lane::Sighting, 5, at(21)).await.unwrap(), 2);
    store.outbox_confirm_gap(&gap, at(22)).await.unwrap();
    let grown = store.outbox_gaps_unsent().await.unwrap().remove(0);
    assert_eq!((grown.id, grown.dropped, grown.from, grown.to), (gap.id, 5, at(0), at(4)));
    store.outbox_confirm_gap(&grown, at(23)).await.unwrap();
    assert_eq!(store.outbox_gaps_unsent().await.unwrap(), vec![]);
    assert_eq!(store.outbox_trim(Lane::Sighting, 0, at(24)).await.unwrap(), 5);
    let next = store.outbox_gaps_unsent().await.unwrap();
    assert_eq!((next.len(), next[0].dropped), (1, 5));
    assert_ne!(next[0].id, gap.id);
    assert_eq!(store.outbox_gaps(10).await.unwrap().len(), 2);
}

pub async fn records_are_never_trimmed(place: &Place) {
    let store = place.open().await;
    store.outbox_enqueue(vec![item(Lane::Record, 1, 1), item(Lane::Record, 2, 1)], at(0)).await.unwrap();
    assert_eq!(store.outbox_trim(Lane::Record, 0, at(1)).await.unwrap(), 0);
    assert_eq!(waiting(&store).await.len(), 2);
}

pub async fn held_items_wait_for_a_person(place: &Place) {
    let store = place.open().await;
    let held = |key, version| NewOutboxItem { policy: Policy::Hold, ..item(Lane::Sighting, key, version) };
    store.outbox_enqueue(vec![held(1, 1), held(2, 1), item(Lane::Sighting, 3, 1)], at(0)).await.unwrap();
    assert_eq!(waiting(&store).await, vec![(3, 1)]);
    let list = store.outbox_held(10).await.unwrap();
    assert_eq!(list.iter().map(|item| item.key.as_u128()).collect::<Vec<_>>(), vec![1, 2]);
    assert_eq!(store.outbox_depth().await.unwrap()[2].held, 2);
    store.release_held(list[0].position, audit("held-released", 1)).await.unwrap();
    store.drop_held(list[1].position, audit("held-dropped", 1)).await.unwrap();
    assert_eq!(waiting(&store).await, vec![(1, 1), (3, 1)]);
    assert!(matches!(store.release_held(list[1].position, audit("x", 2)).await, Err(Error::Missing { .. })));
    // What a person saw and let go is that version only: a newer one that the policy holds waits again.
    store.outbox_enqueue(vec![held(1, 2)], at(3)).await.unwrap();
    assert_eq!(waiting(&store).await, vec![(3, 1)]);
    assert_eq!(store.audit(None, 10).await.unwrap().len(), 2);
}

pub async fn fifty_sent_items_stay(place: &Place) {
    let store = place.open().await;
    let items = (0..60).map(|key| item(Lane::Sighting, key, 1)).collect();
    store.outbox_enqueue(items, at(0)).await.unwrap();
    let positions: Vec<i64> = store.outbox_pending(100).await.unwrap().iter().map(|item| item.position).collect();
    store.outbox_confirm(&positions[..5], &[], at(1)).await.unwrap();
    store.outbox_confirm(&positions[5..], &[], at(2)).await.unwrap();
    let sent = store.outbox_recent_sent(100).await.unwrap();
    assert_eq!(sent.len(), SENT_KEPT_MAX as usize);
    assert_eq!(sent[0].key.as_u128(), 59);
    assert!(sent.iter().all(|item| item.sent_at == Some(at(2))));
}

/// What the hub did not take has left, does not come again, and stays readable apart from what it took.
pub async fn what_the_hub_did_not_take_says_why(place: &Place) {
    let store = place.open().await;
    let items = (0..60).map(|key| item(Lane::Sighting, key, 1)).collect();
    store.outbox_enqueue(items, at(0)).await.unwrap();
    let positions: Vec<i64> = store.outbox_pending(100).await.unwrap().iter().map(|item| item.position).collect();
    let why = || NotTaken::Refused { why: "a sighting of another country".to_owned() };
    let not_taken = [(positions[0], why()), (positions[1], NotTaken::Conflict)];
    store.outbox_confirm(&positions[2..], &not_taken, at(5)).await.unwrap();
    assert_eq!(waiting(&store).await, vec![]);
    let kept = store.outbox_not_taken(100).await.unwrap();
    assert_eq!(kept.len(), 2, "fifty newer items do not push them out");
    assert_eq!((kept[0].key.as_u128(), kept[0].not_taken.clone()), (1, Some(NotTaken::Conflict)));
    assert_eq!((kept[1].not_taken.clone(), kept[1].sent_at), (Some(why()), Some(at(5))));
    let sent = store.outbox_recent_sent(100).await.unwrap();
    assert!(sent.len() == SENT_KEPT_MAX as usize && sent.iter().all(|item| item.not_taken.is_none()));
    // What it says next is a new item, and the answer to the old one stays.
    store.outbox_enqueue(vec![item(Lane::Sighting, 0, 2)], at(6)).await.unwrap();
    assert_eq!(waiting(&store).await, vec![(0, 2)]);
    assert_eq!(store.outbox_not_taken(100).await.unwrap().len(), 2);
}
