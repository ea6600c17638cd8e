//! Mapping files: what they produce, and how their mistakes are told.

use super::*;
use crate::decode::{Carrier, decode};
use crate::event::Event;

const SMALL: &str = r#"
id = "probe"
title = "A probe"

[[shape]]
id = "flat"
has = ["Channel"]
fields = { Provider_Name = ["SourceName", "Provider"] }
below = ["", "Event."]
time = ["TimeCreated", { utc = "UtcTime" }]
host = ["Hostname"]

[[shape]]
id = "camel"
has = ["sys.channel"]
first_letter = "lower"
below = ["data.", "sys."]

[[route]]
logsource = { product = "windows" }

[[route]]
when = { Channel = "Security" }
logsource = { product = "windows", service = "security" }

[[route]]
when = { Channel = "Security", EventID = 4688 }
logsource = { product = "windows", service = "security", category = "process_creation", fields = "audit" }

[[route]]
each = { field = "Channel", values = ["Application", "System"] }
logsource = { product = "windows", service = "{}" }

[fields.audit]
Image = "NewProcessName"
ProcessId = { from = "NewProcessId", as = "hex-to-decimal" }

[aliases]
md5 = { from = "Hashes", as = "hash:MD5" }

[observables]
address = "IpAddress"

[[sample]]
origin = "invented"
raw = '{"Channel":"security","EventID":4688,"SourceName":"x","Hostname":"h","UtcTime":"2026-11-24 08:00:00","NewProcessName":"c.exe","NewProcessId":"0x10","IpAddress":"9.9.9.9"}'
[sample.expect]
shape = "probe/flat"
logsources = ["windows/-/-", "windows/security/-", "windows/security/process_creation"]
time = "2026-11-24T08:00:00Z"
host = "h"
fields = { Image = "c.exe", ProcessId = "16", Provider_Name = "x" }
absent = ["md5"]
observables = ["ipv4-addr=9.9.9.9"]

[[sample]]
origin = "invented"
raw = '{"sys":{"channel":"System"},"data":{"image":"c.exe"}}'
expect = { shape = "probe/camel", logsources = ["windows/-/-", "windows/System/-"], fields = { Image = "c.exe" } }
"#;

fn parse(text: &str) -> (MappingSet, Vec<MappingProblem>) {
    MappingSet::parse(&[("probe.toml".to_owned(), text.to_owned())])
}

fn route(set: &MappingSet, line: &str) -> RouteId {
    let decoded = decode(line.as_bytes(), Carrier::File);
    let format = decoded.format;
    let event = Event::new(line.as_bytes(), decoded).unwrap();
    let text = |at: usize| event.text(set.selectors()[at].path.as_str()).map(Cow::Owned);
    set.route_by(format, &|at| text(at).is_some(), &text)
}

#[test]
fn a_mapping_recognises_routes_and_renames() {
    let (set, problems) = parse(SMALL);
    assert_eq!(problems, []);
    assert_eq!(set.check_samples(), []);
    let security = route(&set, r#"{"Channel":"Security","EventID":1}"#);
    assert_eq!(security, route(&set, r#"{"Channel":"SECURITY","EventID":2}"#));
    assert_ne!(security, route(&set, r#"{"Channel":"Security","EventID":4688}"#));
    assert_eq!(route(&set, r#"{"a":1}"#), RouteId::UNROUTED);
    let audit = Logsource { product: Some("windows".into()), category: Some("process_creation".into()), service: None };
    assert!(set.sees(&audit));
    assert!(!set.sees(&Logsource { product: Some("zeek".into()), ..Logsource::default() }));
}

#[test]
fn a_clone_and_many_threads_agree() {
    let (set, _) = parse(SMALL);
    let id = route(&set, r#"{"Channel":"Security"}"#);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(route(&set, r#"{"Channel":"Security"}"#), id));
        }
    });
    let clone = set.clone();
    assert_eq!(clone.sources(id), &[], "a clone has its own numbers");
    let again = route(&clone, r#"{"Channel":"Security"}"#);
    assert_eq!(clone.sources(again), set.sources(id));
}

#[test]
fn a_failing_sample_says_what_came_instead() {
    let text = SMALL.replace("host = \"h\"\nfields", "host = \"other\"\nfields");
    let (set, problems) = parse(&text);
    assert_eq!(problems, []);
    let failures: Vec<String> = set.check_samples().iter().map(ToString::to_string).collect();
    assert_eq!(failures, ["probe.toml: sample 1: host is \"h\", expected \"other\""]);
}

#[test]
fn what_is_wrong_is_named_with_key_and_remedy() {
    let check = |from: &str, to: &str, expected: &str| {
        let text = SMALL.replacen(from, to, 1);
        assert_ne!(text, SMALL, "{from}");
        let (set, problems) = parse(&text);
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(shown.iter().any(|line| line.contains(expected)), "{expected} not in {shown:?}");
        assert_eq!(set.ids().count(), 0, "a broken file adds nothing");
    };
    check("id = \"probe\"", "identity = \"probe\"", "probe.toml:2: identity: unknown field `identity`");
    check(
        "as = \"hex-to-decimal\"",
        "as = \"rot13\"",
        "fields.audit.ProcessId: \"rot13\" is no transform; write hex-to-decimal",
    );
    check("fields = \"audit\"", "fields = \"nothing\"", "route[2].logsource.fields: there is no [fields.nothing]");
    check("first_letter = \"lower\"", "first_letter = \"upper\"", "shape.camel.first_letter: \"upper\" is unknown");
    check("address = \"IpAddress\"", "adress = \"IpAddress\"", "observables.adress: unknown kind; write address");
    check("origin = \"invented\"", "origin = \"somewhere\"", "sample[0].origin");
    check("id = \"camel\"", "id = \"flat\"", "shape.id: \"flat\" appears twice");
    check("has = [\"Channel\"]", "format = \"yaml\"", "shape.flat.format: \"yaml\" is no format; write one of json");
    check("when = { Channel = \"Security\" }", "when = Channel", "probe.toml:");
}

#[test]
fn one_broken_file_never_drops_the_rest() {
    let files = [("a.toml".to_owned(), "id = ".to_owned()), ("b.toml".to_owned(), SMALL.to_owned())];
    let (set, problems) = MappingSet::parse(&files);
    assert_eq!(set.ids().collect::<Vec<_>>(), ["probe"]);
    assert_eq!(problems.len(), 1);
}

/// The mappings that the binary carries.
fn content() -> Vec<(String, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content/mappings");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    files.into_iter().map(read).collect()
}

#[test]
fn every_mapping_of_the_content_is_whole_and_keeps_its_promises() {
    let (set, problems) = MappingSet::parse(&content());
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(shown, Vec::<String>::new());
    let failures: Vec<String> = set.check_samples().iter().map(ToString::to_string).collect();
    assert_eq!(failures, Vec::<String>::new());
    assert!(set.sample_count() >= 30, "{} samples", set.sample_count());
}
