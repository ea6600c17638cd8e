//! Every kind of place keeps what was put there: a folder, the real SFTP server where it is installed, and an S3 store
//! whose side of the protocol is played here, signature by signature.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};

use super::{Access, Sftp, Target};

/// What a backup asks of a place.
async fn keeps_files(target: &Target) {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    assert!(target.list("lazaret/ab/segments").await.unwrap().is_empty(), "nothing yet is an empty list");
    target.put("lazaret/ab/segments/one.age", &write("one", "first")).await.unwrap();
    target.put("lazaret/ab/segments/two.age", &write("two", "second")).await.unwrap();
    target.put("lazaret/ab/segments/one.age", &write("one", "replaced")).await.unwrap();
    target.put("lazaret/ab/backups/t1/manifest", &write("m", "m")).await.unwrap();
    let mut names = target.list("lazaret/ab/segments").await.unwrap();
    names.sort();
    assert_eq!(names, ["one.age", "two.age"]);
    assert_eq!(target.list("lazaret/ab/backups").await.unwrap(), ["t1"], "folders are listed too");
    assert_eq!(target.list("lazaret").await.unwrap(), ["ab"]);
    let back = dir.path().join("back");
    target.get("lazaret/ab/segments/one.age", &back).await.unwrap();
    assert_eq!(std::fs::read_to_string(&back).unwrap(), "replaced");
    assert!(target.get("lazaret/ab/segments/three.age", &back).await.is_err());
}

#[tokio::test]
async fn a_folder_keeps_files() {
    let dir = tempfile::tempdir().unwrap();
    keeps_files(&Target::Folder(dir.path().to_owned())).await;
    let missing = Target::Folder(dir.path().join("not mounted"));
    let problem = missing.put("a", &dir.path().join("lazaret/ab/segments/one.age")).await.unwrap_err();
    assert!(format!("{problem:#}").contains("mount it"), "{problem:#}");
}

#[tokio::test]
async fn sftp_keeps_files() {
    let servers = ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"];
    let Some(server) = servers.map(Path::new).into_iter().find(|path| path.exists()) else {
        eprintln!("skipped: no sftp-server is installed");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    keeps_files(&Target::Sftp(Sftp::local(server, dir.path()))).await;
}

/// Objects by key, and what the store was asked last.
type Objects = Arc<Mutex<BTreeMap<String, Bytes>>>;

async fn object_store(
    State(objects): State<Objects>,
    method: Method,
    uri: Uri,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    let signed = headers.get("authorization").is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256"));
    if !signed {
        return (StatusCode::FORBIDDEN, b"<Error><Code>AccessDenied</Code><Message>sign</Message></Error>".to_vec());
    }
    let mut objects = objects.lock().unwrap();
    let key = uri.path().strip_prefix("/bucket").unwrap().trim_start_matches('/').to_owned();
    match (method, key.is_empty()) {
        (Method::PUT, _) => {
            objects.insert(key, body);
            (StatusCode::OK, Vec::new())
        }
        (_, true) => (StatusCode::OK, listing(&objects, &query).into_bytes()),
        (_, false) => objects.get(&key).map_or_else(
            || (StatusCode::NOT_FOUND, b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
            |body| (StatusCode::OK, body.to_vec()),
        ),
    }
}

/// One name a page, so that paging is walked.
fn listing(objects: &BTreeMap<String, Bytes>, query: &BTreeMap<String, String>) -> String {
    let (prefix, after) = (&query["prefix"], query.get("start-after").cloned().unwrap_or_default());
    let mut names: Vec<String> = objects
        .keys()
        .filter_map(|key| key.strip_prefix(prefix.as_str()))
        .map(|rest| match rest.split_once('/') {
            Some((folder, _)) => format!("<CommonPrefixes><Prefix>{prefix}{folder}/</Prefix></CommonPrefixes>"),
            None => format!("<Contents><Key>{prefix}{rest}</Key></Contents>"),
        })
        .collect();
    names.dedup();
    let bare = |name: &String| name.replace("<CommonPrefixes><Prefix>", "").replace("<Contents><Key>", "");
    names.retain(|name| bare(name).split('<').next().unwrap() > after.as_str());
    let more = names.len() > 1;
    let first = names.into_iter().next().unwrap_or_default();
    format!("<ListBucketResult><Prefix>{prefix}</Prefix><IsTruncated>{more}</IsTruncated>{first}</ListBucketResult>")
}

#[tokio::test]
async fn s3_keeps_files() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(object_store).with_state(Objects::default());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let dir = tempfile::tempdir().unwrap();
    let credentials = dir.path().join("s3");
    std::fs::write(&credentials, "key\nsecret\n").unwrap();
    let access = Access { s3_credentials: Some(credentials), ..Access::default() };
    keeps_files(&Target::read(&format!("s3+http://{address}/bucket/hospital"), &access).unwrap()).await;
    let clear = Target::read("s3+http://store.example/bucket", &access).unwrap_err();
    assert!(clear.to_string().contains("https"), "{clear}");
}
