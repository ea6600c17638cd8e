//! The command against a node that runs and one that does not.

use std::path::Path;
use std::sync::Arc;

use app::intake::{Carrier, Intake, SourceKey};
use bytes::Bytes;

use super::*;
use crate::config::{Answers, ListenAnswers, template};
use crate::node::Node;
use crate::roles::Role;

const RULE: &str = "title: Backup job deleted twice over\nid: 6a1de1b0-2b7f-4d0a-9a52-000000000001\nlogsource: {product: \
                    veeam, service: backup}\ndetection:\n  deleted: {instanceId: '23090'}\n  condition: \
                    deleted\nlevel: high\n";

struct Hospital {
    dir: tempfile::TempDir,
    config: Config,
}

fn hospital() -> Hospital {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("node");
    let data = DataDir::at(&data_dir);
    data.create().unwrap();
    data.create_keys().unwrap();
    let free = || "127.0.0.1:0".to_owned();
    let answers = Answers {
        role: Role::Hospital,
        name: "hospital".to_owned(),
        country: "RO".to_owned(),
        zone: "UTC".to_owned(),
        data_dir: ".".to_owned(),
        console: free(),
        admin: free(),
        link: free(),
        link_urls: Vec::new(),
        listeners: ListenAnswers { syslog_udp: free(), syslog_tcp: free(), http: free() },
    };
    let file = data_dir.join("lazaret.toml");
    std::fs::write(&file, template(&answers)).unwrap();
    Hospital { config: Config::load(&file).unwrap(), dir }
}

fn args(from: &Path) -> AddArgs {
    AddArgs {
        from: from.display().to_string(),
        level: Vec::new(),
        name: None,
        yes: true,
        config: ConfigArg { config: "unused".into() },
    }
}

fn rules_folder(dir: &Path) -> std::path::PathBuf {
    let folder = dir.join("their-rules");
    std::fs::create_dir_all(folder.join("deep")).unwrap();
    std::fs::write(folder.join("deep/one.yml"), RULE).unwrap();
    std::fs::write(folder.join("low.yml"), RULE.replace("0001", "0002").replace("high", "low")).unwrap();
    std::fs::write(folder.join("broken.yml"), RULE.replace("condition: deleted", "condition: nothing")).unwrap();
    folder
}

fn refuse(_: &str) -> Result<bool> {
    Ok(false)
}

async fn runs(app: &App, id: &str) -> bool {
    app.rule_rows("", None).await.unwrap().iter().any(|rule| rule.id.ends_with(id))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_are_tried_and_go_live_in_the_running_node_at_once() {
    let hospital = hospital();
    let folder = rules_folder(hospital.dir.path());
    let node = Node::start(hospital.config.clone(), Arc::new(SystemClock)).await.unwrap();
    let app = Arc::clone(node.app());
    let line = "<14>1 2026-11-25T01:59:00Z vbr01 Veeam_MP - - [origin enterpriseId=\"31023\"] [categoryId=0 \
                instanceId=23090 JobID=\"7\" Version=\"1\" Description=\"Job has been deleted\"]";
    let source = SourceKey { carrier: Carrier::Syslog, peer: "10.0.0.9".to_owned() };
    let mut scanned = app.scanned();
    let stored = app.append(&source, vec![Bytes::from(line)]).await.unwrap();
    scanned.wait_for(|next| *next >= stored.first + stored.count).await.unwrap();

    let gathered = gather(&folder.display().to_string(), &hospital.config).await.unwrap();
    let sorted = rules::sort(gathered.files, &[Level::High]);
    assert_eq!((sorted.taken.len(), sorted.other_levels, sorted.broken, sorted.rules), (1, 1, 1, 1));
    let trial = try_rules(&hospital.config, &sorted).await.unwrap();
    assert_eq!((trial.events, trial.fired.len(), trial.fired[0].detections), (1, 1, 1), "over the control door");
    assert!(told(&sorted, &[], &trial).contains("Backup job deleted twice over"));

    let mut add_args = AddArgs { level: vec![Level::High], yes: false, ..args(&folder) };
    let code = add(&add_args, &hospital.config, Output::Json, &refuse).await.unwrap();
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
    assert!(!runs(&app, "0001").await && rules::packages(&rules::dir_of(&hospital.config)).unwrap().is_empty());
    add_args.yes = true;
    add(&add_args, &hospital.config, Output::Json, &refuse).await.unwrap();
    assert!(runs(&app, "0001").await && !runs(&app, "0002").await, "only the wanted level");

    // the same name replaces what it holds
    add(&args(&folder), &hospital.config, Output::Json, &refuse).await.unwrap();
    let packages = rules::packages(&rules::dir_of(&hospital.config)).unwrap();
    assert_eq!((packages.len(), packages[0].name.as_str(), packages[0].rules), (1, "their-rules", 2));
    assert!(runs(&app, "0002").await);
    remove("their-rules", &hospital.config, Output::Json).await.unwrap();
    assert!(!runs(&app, "0001").await);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_at_rest_finds_the_rules_when_it_starts() {
    let hospital = hospital();
    let folder = rules_folder(hospital.dir.path());
    add(&args(&folder), &hospital.config, Output::Json, &refuse).await.unwrap();
    let node = Node::start(hospital.config.clone(), Arc::new(SystemClock)).await.unwrap();
    assert!(runs(node.app(), "0001").await);
    node.stop().await;
    let nothing = hospital.dir.path().join("nothing");
    std::fs::create_dir(&nothing).unwrap();
    assert!(add(&args(&nothing), &hospital.config, Output::Json, &refuse).await.is_err());
    assert!(remove("../node", &hospital.config, Output::Json).await.is_err());
}
