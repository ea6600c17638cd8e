//! Each public regression case fires the rule that its `info.yml` names, at least as often as it says.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use detect::decode::evtx::{Record, records};
use detect::engine::{Carrier, Scanner};
use detect::sigma::yaml::{self, Node};

use crate::support::{MAPPED_ENGINE, Way, files, pairs, scan, shared};

struct Case {
    info: PathBuf,
    rule_id: String,
    data: PathBuf,
    count: usize,
}

#[test]
fn every_regression_case_fires_its_rule() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("data/sigma/regression_data");
    let infos: Vec<PathBuf> = files(&folder, "yml").into_iter().filter(|path| path.ends_with("info.yml")).collect();
    assert_eq!(infos.len(), 101);
    let cases: Vec<Case> = infos.iter().flat_map(|info| cases(info)).collect();
    assert!(cases.len() >= infos.len());
    let missed: Vec<String> = cases.iter().filter_map(miss).collect();
    assert_eq!(missed, Vec::<String>::new());
}

fn cases(info: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(info).unwrap();
    let document = yaml::documents(&text).remove(0).unwrap();
    let list = |node: Option<&Node>| match node.map(|node| node.value.clone()) {
        Some(yaml::Yaml::List(items)) => items,
        _ => Vec::new(),
    };
    let word = |node: &Node, key: &str| node.get(key).and_then(Node::scalar);
    let count = list(document.get("regression_tests_info"))
        .iter()
        .find_map(|test| word(test, "match_count"))
        .map_or(1, |count| count.parse().unwrap());
    let rules = list(document.get("rule_metadata"));
    assert!(!rules.is_empty(), "{}", info.display());
    let case = |rule: &Node| {
        let rule_id = word(rule, "id").unwrap();
        Case { info: info.to_owned(), data: data_file(info, &rule_id), rule_id, count }
    };
    rules.iter().map(case).collect()
}

/// The recorded events beside an `info.yml`; named after the rule, or the only ones there.
fn data_file(info: &Path, rule_id: &str) -> PathBuf {
    let folder = info.parent().unwrap();
    let found: Vec<PathBuf> = ["evtx", "raw"].iter().flat_map(|extension| files(folder, extension)).collect();
    let named = found.iter().find(|path| path.file_stem().is_some_and(|stem| stem == rule_id));
    named.or(found.first()).unwrap_or_else(|| panic!("no data beside {}", info.display())).clone()
}

fn miss(case: &Case) -> Option<String> {
    let bytes = std::fs::read(&case.data).unwrap();
    let is_evtx = case.data.extension().is_some_and(|extension| extension == "evtx");
    let (lines, carrier) = match is_evtx {
        true => (evtx_lines(bytes), Carrier::Evtx),
        false => {
            (bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect(), Carrier::File)
        }
    };
    let result = scan(&mut Scanner::new(MAPPED_ENGINE.clone()), &lines, carrier, Way::Fast);
    assert!(result.quarantined.is_empty(), "{}: {:?}", case.data.display(), result.quarantined);
    let fired = pairs(&result).iter().filter(|(_, rule)| *rule == case.rule_id).count();
    (fired < case.count)
        .then(|| format!("{}: {} fired {fired} of {} times", case.info.display(), case.rule_id, case.count))
}

fn evtx_lines(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    records(Cursor::new(bytes), |record| {
        if let Record::Event { json, .. } = record {
            lines.push(json);
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    lines
}
