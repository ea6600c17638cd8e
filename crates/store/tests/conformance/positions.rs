//! The published log: position order is commit order, so a cursor never skips.

use sqlx::{AssertSqlSafe, Connection, Executor};
use store::Target;

use crate::place::Place;
use crate::words::*;

const WRITERS: u128 = 8;
const EACH: u128 = 25;

pub async fn a_polling_reader_never_skips(place: &Place) {
    let store = place.open().await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for turn in 0..EACH {
                    let publication = publication(writer * EACH + turn, 1);
                    // Half of them beside a record, half alone: both ways lead into the same log.
                    if turn % 2 == 0 {
                        store.publish(publication, at(0)).await.unwrap();
                    } else {
                        let mut commit = store::Commit::new(at(0));
                        commit.publish.push(publication);
                        assert_eq!(store.commit(commit).await.unwrap().positions.len(), 1);
                    }
                }
            })
        })
        .collect();
    let mut cursor = 0;
    let mut ids = std::collections::BTreeSet::new();
    while ids.len() < (WRITERS * EACH) as usize {
        for published in store.published_after(cursor, 7).await.unwrap() {
            assert_eq!(published.position, cursor + 1, "a position was skipped or came twice");
            cursor = published.position;
            assert!(ids.insert(published.id));
        }
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(store.published_head().await.unwrap(), cursor);
}

/// Somebody has taken a position and has not committed; a second publisher must wait for him, or a reader that sees
/// the second one first would never see his.
pub async fn the_lower_number_commits_last(place: &Place) {
    let store = place.open().await;
    store.publish(publication(1, 1), at(0)).await.unwrap();
    let take = "UPDATE stream SET head = head + 1 WHERE name = 'published'";
    let insert = "INSERT INTO published
          (position, bytes, signer, signature, issuer, id, version, cluster, issued_at, skip, published_at)
        SELECT 2, bytes, signer, signature, issuer, id, 99, cluster, issued_at, skip, published_at
        FROM published WHERE position = 1";
    match place.target() {
        Target::Sqlite(path) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut slow = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
            slow.execute("BEGIN IMMEDIATE").await.unwrap();
            slow.execute(AssertSqlSafe(format!("{take}; {insert}"))).await.unwrap();
            let fast = overtake(&store).await;
            slow.execute("COMMIT").await.unwrap();
            assert_eq!(fast.await.unwrap(), Some(3));
        }
        Target::Postgres(url) => {
            let mut slow = sqlx::PgConnection::connect(&url).await.unwrap();
            let mut tx = slow.begin().await.unwrap();
            tx.execute(AssertSqlSafe(take)).await.unwrap();
            tx.execute(AssertSqlSafe(insert)).await.unwrap();
            let fast = overtake(&store).await;
            tx.commit().await.unwrap();
            assert_eq!(fast.await.unwrap(), Some(3));
        }
    }
    let log = store.published_after(1, 10).await.unwrap();
    let order: Vec<(i64, u32)> = log.iter().map(|published| (published.position, published.version)).collect();
    assert_eq!(order, vec![(2, 99), (3, 1)]);
}

/// Starts the second publisher and looks, often, whether anything of it can be seen yet.
async fn overtake(store: &store::Store) -> tokio::task::JoinHandle<Option<i64>> {
    let publisher = store.clone();
    let fast = tokio::spawn(async move { publisher.publish(publication(2, 1), at(0)).await.unwrap() });
    for _ in 0..50 {
        assert_eq!(store.published_after(1, 10).await.unwrap(), vec![], "the second overtook the first");
        tokio::task::yield_now().await;
    }
    assert!(!fast.is_finished(), "the second did not wait for the first");
    fast
}

pub async fn a_release_is_published_once(place: &Place) {
    let store = place.open().await;
    assert_eq!(store.publish(publication(1, 1), at(0)).await.unwrap(), Some(1));
    assert_eq!(store.publish(publication(1, 1), at(1)).await.unwrap(), None);
    assert_eq!(store.publish(publication(1, 2), at(2)).await.unwrap(), Some(2));
    // Another hub may derive the same record id from the same attack.
    let mut other = publication(1, 1);
    other.release.key = vec![8; 32];
    other.skip = Some(node("member"));
    assert_eq!(store.publish(other.clone(), at(3)).await.unwrap(), Some(3));
    let log = store.publications(&[other.id]).await.unwrap();
    assert_eq!(log.iter().map(|published| published.version).collect::<Vec<_>>(), vec![1, 2, 1]);
    assert_eq!((log[2].release.clone(), log[2].skip.clone()), (other.release, other.skip));
    assert_ne!(log[2].issuer, log[0].issuer);
}

pub async fn a_trimmed_log_says_where_it_starts(place: &Place) {
    let store = place.open().await;
    assert_eq!(store.published_before(at(99)).await.unwrap(), 0);
    for id in 0..5 {
        let second = i64::try_from(id).unwrap();
        store.publish(publication(id, 1), at(second)).await.unwrap();
    }
    let before = async |second| store.published_before(at(second)).await.unwrap();
    assert_eq!((before(0).await, before(3).await, before(99).await), (0, 3, 5));
    assert_eq!((store.published_floor().await.unwrap(), store.published_head().await.unwrap()), (0, 5));
    assert_eq!(store.published_trim(3).await.unwrap(), 3);
    assert_eq!(store.published_floor().await.unwrap(), 3);
    assert_eq!(store.published_after(0, 10).await.unwrap()[0].position, 4);
    assert_eq!(store.published_trim(1).await.unwrap(), 0);
    assert_eq!(store.published_floor().await.unwrap(), 3);
    assert_eq!(store.published_trim(99).await.unwrap(), 2);
    assert_eq!(store.published_floor().await.unwrap(), 5);
    assert_eq!(store.publish(publication(9, 1), at(0)).await.unwrap(), Some(6));
}
