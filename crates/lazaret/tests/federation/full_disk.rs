//! A data directory that is full: events are refused with a clear answer, records still commit, and intake goes on when
//! there is space. Needs a small file system of its own, which only root may mount.

use std::process::Command;
use std::sync::Arc;

use app::observe::What;
use domain::party::{Actor, Role as AccountRole};
use domain::record::case::Sort;
use lazaret::clock::SystemClock;
use lazaret::node::Node;
use lazaret::roles::Role;

use crate::fixture::{PASSWORD, init};

/// A mounted tmpfs; unmounted when dropped.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(dir.path()).output();
        mounted.is_ok_and(|done| done.status.success()).then_some(Self(dir))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_events_with_507_and_nothing_else() {
    let Some(small) = Small::mount() else {
        eprintln!("not tested: mounting a 64 MB tmpfs needs root");
        return;
    };
    let dir = small.0.path().join("node");
    let mut config = init(&dir, "Small hospital", Role::Hospital, "RO");
    config.events.free_bytes_min = 12 << 20;
    config.events.segment_bytes_max = 4 << 20;
    let ballast = small.0.path().join("ballast");
    std::fs::write(&ballast, vec![0_u8; 24 << 20]).unwrap();
    let node = Node::start(config, Arc::new(SystemClock)).await.unwrap();
    let app = node.app();
    let actor = Actor::Policy { name: "test".to_owned() };
    let token = app.new_source_token(actor.clone(), "sender").await.unwrap();
    let http = node.doors().http.unwrap();
    let lines: Vec<String> = (0..64).map(noise_line).collect();
    let refused = async {
        for _ in 0..200 {
            let answer = testkit::http::post_events(http, &token, &lines).await.unwrap();
            if answer.status != 200 {
                return answer;
            }
        }
        panic!("64 MB were never full");
    };
    let answer = refused.await;
    assert_eq!(answer.status, 507, "{}", answer.text);

    let mut observed = app.observe();
    app.add_account(&actor, "ana", AccountRole::Operator, PASSWORD).await.unwrap().unwrap();
    let start = app.login("ana", PASSWORD, &app::CameFrom::default()).await.unwrap().unwrap();
    let ana = app.session(&start.token).await.unwrap().unwrap();
    app.open_case(&ana, Sort::Incident, "The disk is full", None).await.unwrap();
    assert!(!matches!(observed.try_recv().map(|one| one.what), Ok(What::Alert { .. })), "no event slipped in");
    let console: std::net::SocketAddr = node.doors().console.strip_prefix("http://").unwrap().parse().unwrap();
    let page = testkit::http::request(console, "GET", "/login", &[], b"").await.unwrap();
    assert_eq!(page.status, 200, "{}", page.text);

    std::fs::remove_file(&ballast).unwrap();
    let resumed = testkit::http::post_events(http, &token, &lines[..1]).await.unwrap();
    assert_eq!(resumed.status, 200, "{}", resumed.text);
    node.stop().await;
}

/// Eight kilobytes that no compression makes small.
fn noise_line(number: u64) -> String {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let noise: String = (0..500)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            format!("{state:016x}")
        })
        .collect();
    format!(r#"{{"number":{number},"noise":"{noise}"}}"#)
}
