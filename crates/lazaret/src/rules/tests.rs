//! Archives of strangers, and packages that are all there or not at all.

use std::io::Write as _;

use super::*;

fn rule(id: u32, level: &str) -> String {
    format!(
        "title: T{id}\nid: r{id}\nlogsource: {{category: test}}\ndetection:\n  a: {{A: x}}\n  condition: a\nlevel: {level}\n"
    )
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn tarred(files: &[(&str, &[u8])]) -> Vec<u8> {
    let gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gz);
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // set by hand: the builder itself refuses paths that lead out
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn inside(archive: &[u8]) -> (Vec<String>, Vec<String>) {
    let gathering = gather::from_archive("a", archive).unwrap();
    (gathering.files.iter().map(|file| file.inside.display().to_string()).collect(), gathering.left_out)
}

#[test]
fn the_rules_of_a_release_are_found_in_either_form() {
    let (one, two) = (rule(1, "high"), rule(2, "low"));
    let files: [(&str, &[u8]); 4] = [
        ("rules/windows/one.yml", one.as_bytes()),
        ("rules/two.yaml", two.as_bytes()),
        ("README.md", b"read me"),
        ("pipelines/p.yml", b"name: no rule\n"),
    ];
    for archive in [zipped(&files), tarred(&files)] {
        let (found, left_out) = inside(&archive);
        assert_eq!(found, ["rules/windows/one.yml", "rules/two.yaml"]);
        assert_eq!(left_out, Vec::<String>::new());
    }
    assert!(gather::from_archive("a", b"neither").is_err());
    assert!(gather::from_archive("a", &zipped(&files)[..40]).is_err());
}

#[test]
fn no_path_of_an_archive_leads_out_of_its_package() {
    let text = rule(1, "high");
    for name in ["../../etc/one.yml", "/etc/one.yml", "a/../../one.yml", ".hidden/one.yml"] {
        for archive in [zipped(&[(name, text.as_bytes())]), tarred(&[(name, text.as_bytes())])] {
            let (found, left_out) = inside(&archive);
            assert_eq!((found.len(), left_out.len()), (0, 1), "{name}");
        }
    }
}

#[test]
fn a_bomb_ends_at_a_written_limit() {
    let huge = vec![b' '; crate::content::FILE_BYTES_MAX as usize + 1];
    for archive in [zipped(&[("big.yml", &huge)]), tarred(&[("big.yml", &huge)])] {
        let (found, left_out) = inside(&archive);
        assert_eq!(found.len(), 0);
        assert!(left_out[0].contains("larger than"), "{left_out:?}");
    }
    // many files that are each allowed, together too much
    let bound = gather::Bound(64 * 1024);
    let part = vec![b' '; 4 * 1024];
    let names: Vec<String> = (0..20).map(|at| format!("{at}.yml")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), part.as_slice())).collect();
    for archive in [zipped(&files), tarred(&files)] {
        assert!(archive.len() < 16 * 1024, "it is small outside");
        let problem = gather::within("a", &archive, bound).unwrap_err();
        assert!(format!("{problem:#}").contains("unpacks to more"), "{problem:#}");
        assert!(gather::from_archive("a", &archive).is_ok());
    }
}

#[tokio::test]
async fn a_download_ends_at_a_written_limit() {
    let small = zipped(&[("one.yml", rule(1, "high").as_bytes())]);
    let served = small.clone();
    let endless = || async {
        let part = axum::body::Bytes::from(vec![0_u8; 1024 * 1024]);
        let parts = std::iter::repeat_n(part, 80).map(Ok::<_, std::io::Error>);
        axum::body::Body::from_stream(futures_util::stream::iter(parts))
    };
    let router = axum::Router::new()
        .route("/small", axum::routing::get(move || async move { served }))
        .route("/endless", axum::routing::get(endless));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    assert_eq!(gather::download_plain(&format!("{base}/small")).await.unwrap(), small);
    for (path, says) in [("endless", "longer than"), ("none", "404")] {
        let problem = gather::download_plain(&format!("{base}/{path}")).await.unwrap_err();
        assert!(format!("{problem:#}").contains(says), "{path}: {problem:#}");
    }
    assert!(gather::download(&format!("{base}/small"), None, |_, _| {}).await.is_err(), "only https is taken");
}

#[test]
fn files_are_sorted_by_level_and_by_whether_they_load() {
    let file = |name: &str, text: String| Gathered { path: name.into(), inside: name.into(), text };
    let filter =
        "title: F\nid: f\nlogsource: {category: test}\nfilter:\n  rules: [r1]\n  own: {B: x}\n  condition: not own\n";
    let files = vec![
        file("high.yml", rule(1, "high")),
        file("low.yml", rule(2, "low")),
        file("both.yml", format!("{}---\n{}", rule(3, "low"), rule(4, "critical"))),
        file("filter.yml", filter.to_owned()),
        file("broken.yml", rule(5, "high").replace("condition: a", "condition: b")),
    ];
    let sorted = sort(files, &[Level::High, Level::Critical]);
    let taken: Vec<&str> = sorted.taken.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(taken, ["high.yml", "both.yml", "filter.yml"]);
    assert_eq!((sorted.other_levels, sorted.broken, sorted.rules, sorted.problems.len()), (1, 1, 3, 1));
}

#[test]
fn a_package_is_all_there_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let package = |name: &str| Package {
        format: 1,
        name: name.to_owned(),
        from: "a.zip".to_owned(),
        added_at: Timestamp::UNIX_EPOCH,
        files: 1,
        rules: 1,
        levels: vec![],
    };
    let file = |name: &str| Gathered { path: name.into(), inside: name.into(), text: rule(1, "high") };
    install(dir.path(), &package("core"), &[file("a/one.yml"), file("two.yml")]).unwrap();
    assert_eq!(packages(dir.path()).unwrap(), [package("core")]);
    install(dir.path(), &package("core"), &[file("three.yml")]).unwrap();
    assert!(dir.path().join("core/three.yml").is_file() && !dir.path().join("core/two.yml").exists());
    // a folder in the way of a file: the second write fails, and the old package stays whole
    let bad = [file("x.yml"), file("x.yml/y.yml")];
    assert!(install(dir.path(), &package("core"), &bad).is_err());
    assert!(dir.path().join("core/three.yml").is_file());
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["core"], "nothing half written stays");
    assert!(install(dir.path(), &package("../out"), &[file("one.yml")]).is_err());
    assert!(remove(dir.path(), "other").unwrap_err().to_string().contains("core"));
    remove(dir.path(), "core").unwrap();
    assert!(packages(dir.path()).unwrap().is_empty());
}

#[test]
fn a_package_is_named_after_where_it_comes_from() {
    for (from, name) in [
        ("/tmp/sigma_core.zip", "sigma_core"),
        ("https://example.org/r2026-10-01/sigma_all_rules.zip?x=1", "sigma_all_rules"),
        ("rules/", "rules"),
        ("x.tar.gz", "x"),
        ("..", "rules"),
        ("/", "rules"),
    ] {
        assert_eq!(name_from(from), name, "{from}");
    }
}
