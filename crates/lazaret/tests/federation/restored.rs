//! A node put back from an older copy of its files.

use std::path::Path;

use testkit::until::until;

use crate::fixture::Federation;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            // the socket of a running node is no file of it
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn put_back(copied: &Path, files: &Path) {
    std::fs::remove_dir_all(files).unwrap();
    copy(copied, files);
}

/// Waits until the hub has this many sightings of the hospital.
async fn at_hub(federation: &Federation, sightings: usize) {
    federation.sent("ro-1").await;
    let what = format!("the hub has {sightings} sightings");
    until(&what, || async {
        let metrics = federation.app("ro").metrics().get("lazaret_push_items_total", r#"result="new""#);
        (metrics >= sightings as f64).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_node_loses_no_new_work_and_a_conflict_is_visible() {
    let mut federation = Federation::start(|_, _| ()).await;
    let files = federation.files("ro-1");
    let copied = files.with_extension("copy");
    federation.helper_asks("ro-1", "PC1", "one.example").await;
    at_hub(&federation, 1).await;
    federation.stop("ro-1").await;
    copy(&files, &copied);

    federation.begin("ro-1").await;
    federation.helper_asks("ro-1", "PC2", "two.example").await;
    at_hub(&federation, 2).await;
    federation.stop("ro-1").await;

    // put back, and said so: the same host raises the same alert again, under the same name, with other content
    put_back(&copied, &files);
    let store = store::Store::open(&store::Target::Sqlite(files.join("lazaret.sqlite"))).await.unwrap();
    store.raise_epoch().await.unwrap();
    store.close().await;
    federation.begin("ro-1").await;
    federation.helper_asks("ro-1", "PC2", "two-again.example").await;
    federation.helper_asks("ro-1", "PC3", "three.example").await;
    at_hub(&federation, 4).await;
    assert!(federation.app("ro").conflicts().await.unwrap().is_empty(), "new work in a new epoch is no conflict");
    federation.stop("ro-1").await;

    // put back once more, and not said: the hub cannot know which of the two is right, and shows it
    put_back(&copied, &files);
    federation.begin("ro-1").await;
    federation.helper_asks("ro-1", "PC2", "two-once-more.example").await;
    federation.sent("ro-1").await;
    let what = "the hub shows the conflict";
    until(what, || async { federation.app("ro").conflicts().await.unwrap().pop() }).await;
    federation.end().await;
}
