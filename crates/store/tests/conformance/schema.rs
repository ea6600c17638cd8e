//! The schema: the same in both dialects, forward only, and readable for ever.

use std::collections::BTreeSet;
use std::path::PathBuf;

use domain::record::{Kind, RecordId};
use store::{AlertQuery, Error, RecordQuery, Store, Target};

use crate::place::{Place, environment};
use crate::words::*;

pub async fn a_newer_schema_is_refused(place: &Place) {
    let store = place.open().await;
    let id = new_case(&store, "kept", 0).await;
    store.close().await;
    place.raw("INSERT INTO migration (number, checksum) VALUES (9998, 'x'), (9999, 'x')").await;
    let refused = Store::open(&place.target()).await.unwrap_err();
    assert!(matches!(refused, Error::NewerSchema { found: 9999, known } if known < 9999), "{refused}");
    assert!(refused.to_string().contains("9999"));
    place.raw("DELETE FROM migration WHERE number > 9000").await;
    assert_eq!(place.open().await.journal(id).await.unwrap().len(), 1);
}

pub async fn a_changed_migration_is_refused(place: &Place) {
    place.open().await.close().await;
    place.raw("UPDATE migration SET checksum = 'other' WHERE number = 1").await;
    let refused = Store::open(&place.target()).await.unwrap_err();
    assert!(matches!(refused, Error::MigrationDiffers { number: 1 }), "{refused}");
}

/// Also from several processes at once: migrating is serialised.
pub async fn opening_twice_changes_nothing(place: &Place) {
    let target = place.target();
    let steps = "SELECT checksum FROM migration ORDER BY number";
    let opening: Vec<_> = (0..4)
        .map(|_| {
            let target = target.clone();
            tokio::spawn(async move { Store::open(&target).await.unwrap() })
        })
        .collect();
    let mut stores = Vec::new();
    for store in opening {
        stores.push(store.await.unwrap());
    }
    let id = new_case(&stores[0], "seen by all", 0).await;
    for store in stores {
        assert_eq!(store.load(&[id]).await.unwrap().len(), 1);
        store.integrity().await.unwrap();
        store.close().await;
    }
    let done = place.texts(steps).await;
    place.open().await.close().await;
    assert_eq!(place.texts(steps).await, done, "opening once more runs no step again");
}

pub async fn the_epoch_rises(place: &Place) {
    let store = place.open().await;
    let node = store.node().await.unwrap();
    assert_eq!(node.epoch, 1);
    assert!(node.created_at > at(0) - jiff::SignedDuration::from_hours(24 * 365 * 2));
    assert_eq!(store.raise_epoch().await.unwrap(), 2);
    assert_eq!(store.node().await.unwrap(), store::NodeMeta { epoch: 2, ..node });
}

/// Names, order, nullability and keys of every column, and every unique index, read from both databases' catalogues.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_dialects_have_the_same_schema() {
    let sqlite = Place::sqlite();
    sqlite.open().await.close().await;
    let columns = "SELECT t.name || ' ' || c.name || ' ' ||
            CASE c.type WHEN 'INTEGER' THEN 'number' WHEN 'TEXT' THEN 'text' ELSE 'bytes' END || ' ' ||
            CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN 'required' ELSE 'optional' END || ' key ' || c.pk
         FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'";
    let indexes = "SELECT t.name || ' ' || CASE i.\"unique\" WHEN 1 THEN 'unique ' ELSE 'index ' END ||
            CASE i.partial WHEN 1 THEN 'partial ' ELSE '' END ||
            (SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))
         FROM sqlite_master t, pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin <> 'pk'";
    let lite = (set(&sqlite, columns).await, set(&sqlite, indexes).await);
    assert!(lite.0.len() > 150 && lite.1.len() > 15, "the catalogue was read");
    let Some(postgres) = Place::postgres().await else { return };
    postgres.open().await.close().await;
    let columns = "SELECT c.table_name || ' ' || c.column_name || ' ' ||
            CASE c.data_type WHEN 'bigint' THEN 'number' WHEN 'boolean' THEN 'number' WHEN 'text' THEN 'text'
                 ELSE 'bytes' END || ' ' ||
            CASE c.is_nullable WHEN 'NO' THEN 'required' ELSE 'optional' END || ' key ' || COALESCE((
              SELECT k.ordinal_position FROM information_schema.key_column_usage k
              JOIN information_schema.table_constraints p USING (constraint_schema, constraint_name)
              WHERE p.constraint_type = 'PRIMARY KEY' AND k.table_schema = c.table_schema
                AND k.table_name = c.table_name AND k.column_name = c.column_name), 0)
         FROM information_schema.columns c WHERE c.table_schema = current_schema()";
    let indexes = "SELECT t.relname || ' ' || CASE WHEN i.indisunique THEN 'unique ' ELSE 'index ' END ||
            CASE WHEN i.indpred IS NOT NULL THEN 'partial ' ELSE '' END ||
            (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(i.indkey) WITH ORDINALITY k (number, place)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number)
         FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
         WHERE t.relnamespace = current_schema()::regnamespace AND NOT i.indisprimary";
    let pg = (set(&postgres, columns).await, set(&postgres, indexes).await);
    postgres.close().await;
    assert_eq!(lite.0.symmetric_difference(&pg.0).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(lite.1.symmetric_difference(&pg.1).collect::<Vec<_>>(), Vec::<&String>::new());
}

async fn set(place: &Place, sql: &str) -> BTreeSet<String> {
    place.texts(sql).await.into_iter().collect()
}

/// No statement outside the migrations uses what only one of the two understands.
#[test]
fn statements_stay_in_the_common_language() {
    let forbidden = ["NOW()", "ILIKE", "::", "ARRAY[", "SKIP LOCKED", "FOR UPDATE", "AUTOINCREMENT", "REPLACE INTO"];
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut statements = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        for sql in
            source.split('"').skip(1).step_by(2).filter(|text| text.contains("SELECT") || text.contains("UPDATE"))
        {
            statements += 1;
            for word in forbidden {
                assert!(!sql.contains(word), "{}: {word} in {sql}", path.display());
            }
        }
    }
    assert!(statements > 60, "only {statements} statements were found");
}

/// A database that the first release wrote opens for ever. Written with `LAZARET_WRITE_FIXTURES=1`, then only read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_format_1_opens() {
    let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/store/v1.sqlite");
    if environment("LAZARET_WRITE_FIXTURES").is_some() {
        write_format_1(&fixture).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.sqlite");
    std::fs::copy(&fixture, &copy).unwrap();
    // left by a try that was cut off while it copied
    let kept = folder.path().join("copy.sqlite.format-1");
    std::fs::write(folder.path().join(format!("copy.sqlite.part-{}", std::process::id())), "half").unwrap();
    let store = Store::open(&Target::Sqlite(copy.clone())).await.unwrap();
    store.integrity().await.unwrap();
    let report = store.verify_journal(&mut |_, _| {}).await.unwrap();
    assert_eq!((report.records, report.facts, report.broken), (2, 5, vec![]));
    let cases = store.list_records(RecordQuery::default()).await.unwrap();
    let texts = store.documents(&[case_of(&cases.items[0].state).title.id]).await.unwrap();
    assert_eq!(texts[0].text, "Backups of the PACS were deleted");
    let warnings = RecordQuery { kind: Kind::Warning, ..RecordQuery::default() };
    assert_eq!(store.list_records(warnings).await.unwrap().total, 1);
    assert_eq!(store.alerts(AlertQuery::default()).await.unwrap().items[0].host, "pacs-01");
    assert_eq!(store.scan_cursor().await.unwrap(), 4_711);
    assert_eq!(store.outbox_pending(10).await.unwrap()[0].body, b"1 version 1");
    assert_eq!(store.published_after(0, 10).await.unwrap().len(), 1);
    new_case(&store, "and it can be written", 9).await;
    store.close().await;
    // what it was before is kept beside it, and is upgraded like the first time when somebody goes back to it
    let format = async |path: &PathBuf| Store::format(&Target::Sqlite(path.clone())).await.unwrap().unwrap();
    let upgraded = format(&copy).await;
    assert_eq!((format(&kept).await.found, upgraded.found), (1, upgraded.known));
    std::fs::copy(&kept, &copy).unwrap();
    for left in ["copy.sqlite-wal", "copy.sqlite-shm"] {
        let _ = std::fs::remove_file(folder.path().join(left));
    }
    Store::open(&Target::Sqlite(copy.clone())).await.unwrap().close().await;
    assert_eq!(format(&copy).await, upgraded);
}

fn case_of(state: &domain::record::State) -> &domain::record::case::Case {
    match state {
        domain::record::State::Case(case) => case,
        domain::record::State::Warning(_) => panic!("a case was asked for"),
    }
}

async fn write_format_1(fixture: &std::path::Path) {
    use domain::party::Role;
    use domain::record::{Command, case, warning};
    let place = Place::sqlite();
    let store = place.open().await;
    let id = new_case(&store, "Backups of the PACS were deleted", 0).await;
    done(&store, Command::Case(id, case::Command::Note(document("a note"))), person(Role::Operator), 1).await;
    done(&store, Command::Case(id, case::Command::Contain), person(Role::Operator), 2).await;
    let id = RecordId(fresh_id());
    done(&store, Command::Warning(id, propose(fresh_id())), person(Role::Operator), 3).await;
    done(&store, Command::Warning(id, warning::Command::Approve), other_person(Role::Approver), 4).await;
    store.commit_scan(crate::telemetry::scan(4_711, vec![crate::telemetry::upsert(1, 5)])).await.unwrap();
    store.outbox_enqueue(vec![item(store::Lane::Sighting, 1, 1)], at(6)).await.unwrap();
    store.publish(publication(1, 1), at(7)).await.unwrap();
    std::fs::create_dir_all(fixture.parent().unwrap()).unwrap();
    store.backup(fixture).await.unwrap();
    // Small pages: most tables are empty.
    crate::place::sqlite_script(fixture, "PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM").await;
}
