//! `scan` on small files of every format, sound and damaged.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use super::*;

const RULE: &str = "title: Night service\nid: 11111111-1111-4111-8111-111111111111\nlevel: high\nlogsource:\n  product: \
                    windows\n  service: system\ndetection:\n  s:\n    EventID: 7045\n    ServiceName: PSEXESVC\n  condition: s\n";
const HIT: &str = r#"{"@timestamp":"2026-11-24T01:02:03Z","Hostname":"dc01","Channel":"System","EventID":7045,"SourceName":"Service Control Manager","ServiceName":"PSEXESVC"}"#;
const NOW: &str = "2026-11-24T09:00:00Z";

/// Output that a test can read back.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A folder with a rule, and files to scan.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.put("rules/night.yml", RULE.as_bytes());
        desk
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn args(&self) -> Args {
        Args {
            paths: vec![self.0.path().join("in")],
            rules: vec![self.0.path().join("rules")],
            indicators: None,
            mapping: None,
            zone: "UTC".to_owned(),
        }
    }

    /// Scans and gives the lines with the folder cut out of the paths.
    fn scan(&self, args: &Args, output: Output) -> (Outcome, Vec<String>) {
        let kept = Kept::default();
        let outcome = scan_to(args, output, NOW.parse().unwrap(), Box::new(kept.clone())).unwrap();
        let folder = format!("{}/", self.0.path().display());
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        (outcome, text.lines().map(|line| line.replace(&folder, "")).collect())
    }
}

#[test]
fn the_json_line_is_a_contract() {
    let desk = Desk::new();
    desk.put("in/a.jsonl", format!("{{}}\n{HIT}\n").as_bytes());
    let (outcome, lines) = desk.scan(&desk.args(), Output::Json);
    assert_eq!(outcome, Outcome::AllRead);
    assert_eq!(
        lines,
        [
            r#"{"file":"in/a.jsonl","record":2,"time":"2026-11-24T01:02:03Z","rule_id":"11111111-1111-4111-8111-111111111111","rule_title":"Night service","level":"high","matched":{"EventID":"7045","ServiceName":"PSEXESVC"}}"#
        ]
    );
}

#[test]
fn packed_nested_and_pretty_inputs_give_the_same() {
    let desk = Desk::new();
    let pretty = format!("[\n  {}\n]\n", HIT.replace(',', ",\n    "));
    desk.put("in/1/pretty.json", pretty.as_bytes());
    desk.put("in/2/lines.zst", &raw_zstd(HIT.as_bytes()));
    desk.put("in/3/lines.gz", &stored_gzip(HIT.as_bytes()));
    desk.put("in/4/syslog.log", format!("<14>1 2026-11-24T01:02:03Z wec agent - - - {HIT}\n").as_bytes());
    let (outcome, lines) = desk.scan(&desk.args(), Output::Json);
    assert_eq!(outcome, Outcome::AllRead);
    let files: Vec<&str> = lines.iter().map(|line| line.split('"').nth(3).unwrap()).collect();
    assert_eq!(files, ["in/1/pretty.json", "in/2/lines.zst", "in/3/lines.gz", "in/4/syslog.log"]);
    assert!(lines[0].contains(r#""record":2,"#), "{}", lines[0]);
}

/// Bytes as one stored gzip member (RFC 1952, RFC 1951 §3.2.4), so that no compressor is needed here.
fn stored_gzip(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(bytes);
    out.extend(crc32(bytes).to_le_bytes());
    out.extend(u32::from(length).to_le_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let table_step = |crc: u32| (0..8).fold(crc, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 });
    !bytes.iter().fold(!0, |crc: u32, byte| crc >> 8 ^ table_step((crc ^ u32::from(*byte)) & 0xff))
}

/// Bytes as one raw block of a Zstandard frame (RFC 8878 §3.1.1).
fn raw_zstd(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    out.extend(length.to_le_bytes());
    out.extend((length << 3 | 1).to_le_bytes().iter().take(3));
    out.extend(bytes);
    out
}

#[test]
fn what_cannot_be_read_is_counted_and_the_rest_goes_on() {
    let check = |name: &str, bytes: &[u8]| {
        let desk = Desk::new();
        desk.put(&format!("in/0/{name}"), bytes);
        desk.put("in/9.jsonl", HIT.as_bytes());
        let (outcome, lines) = desk.scan(&desk.args(), Output::Json);
        assert_eq!((outcome, lines.len()), (Outcome::SomeUnread, 1), "{name}");
    };
    check("torn.jsonl", b"{\"a\":1}\n{\"a\":\n");
    check("long.log", &[b"x".repeat(1024 * 1024 + 1), b"\nnext\n".to_vec()].concat());
    check("picture.png", b"\x89PNG\r\n\x1a\n");
    check("torn.zst", &raw_zstd(HIT.as_bytes())[..40]);
    check("broken.evtx", b"ElfFile\0 and nothing more");
    check("utf16.txt", b"\xff\xfea\0b\0");
}

#[test]
fn a_faulty_rule_is_named_and_a_description_of_tests_is_no_rule() {
    let desk = Desk::new();
    desk.put("in/a.jsonl", HIT.as_bytes());
    desk.put("rules/info.yml", b"id: x\nregression_tests_info: []\n");
    assert_eq!(desk.scan(&desk.args(), Output::Json).0, Outcome::AllRead);
    desk.put(
        "rules/bad.yml",
        b"title: x\nlogsource: {product: windows}\ndetection: {s: {a|nosuch: b}, condition: s}\n",
    );
    let (outcome, lines) = desk.scan(&desk.args(), Output::Json);
    assert_eq!((outcome, lines.len()), (Outcome::SomeUnread, 1));
}

#[test]
fn without_anything_to_look_for_it_does_not_run() {
    let desk = Desk::new();
    let args = Args { rules: vec![Path::new("/nowhere/rules").to_owned()], ..desk.args() };
    assert!(scan_to(&args, Output::Json, NOW.parse().unwrap(), Box::new(io::sink())).is_err());
    let args = Args { zone: "Mars/Olympus".to_owned(), ..desk.args() };
    assert!(scan_to(&args, Output::Json, NOW.parse().unwrap(), Box::new(io::sink())).is_err());
}

#[test]
fn indicators_from_a_list_or_a_bundle() {
    let desk = Desk::new();
    desk.put("in/a.log", b"<38>Nov 24 08:16:53 srv sshd[1]: Failed password for x from 198.51.100.7 port 2 ssh2\n");
    desk.put("list.txt", b"# campaign\n198.51.100.7 # scanner\n");
    desk.put("bundle.json", br#"{"type":"bundle","objects":[{"type":"indicator","id":"indicator--1","pattern_type":"stix","pattern":"[ipv4-addr:value = '198.51.100.0/24']"}]}"#);
    let check = |file: &str, indicator: &str, origin: &str| {
        let args = Args { indicators: Some(desk.0.path().join(file)), ..desk.args() };
        let (outcome, lines) = desk.scan(&args, Output::Json);
        assert_eq!((outcome, lines.len()), (Outcome::AllRead, 1), "{file}");
        let expected = format!(
            r#"{{"file":"in/a.log","record":1,"time":"2026-11-24T08:16:53Z","indicator":"{indicator}","indicator_kind":"ipv4-addr","indicator_origin":"{origin}","level":"high""#
        );
        assert!(lines[0].starts_with(&expected), "{}", lines[0]);
    };
    check("list.txt", "198.51.100.7", "list.txt:2");
    check("bundle.json", "198.51.100.0/24", "indicator--1");
}

#[test]
fn embedded_logsources_count_only_when_asked() {
    let desk = Desk::new();
    desk.put(
        "in/a.jsonl",
        br#"{"EventID":7045,"ServiceName":"PSEXESVC","product":"windows","service":"system","category":"none"}"#,
    );
    assert_eq!(desk.scan(&desk.args(), Output::Json).1.len(), 0);
    let args = Args { mapping: Some("corpus".to_owned()), ..desk.args() };
    assert_eq!(desk.scan(&args, Output::Json).1.len(), 1);
}

#[test]
fn the_table_passes_no_control_characters_on() {
    let desk = Desk::new();
    desk.put("in/a.jsonl", HIT.replace("dc01", "dc\\u001b[2J01").as_bytes());
    let (_, lines) = desk.scan(&desk.args(), Output::Table);
    assert_eq!(lines.len(), 2, "header and one row");
    assert!(lines[1].contains("dc·[2J01") && lines[1].contains("Night service") && lines[1].ends_with("in/a.jsonl:1"));
    assert!(!lines.concat().contains('\u{1b}'));
}

/// A reader that went away.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_broken_pipe_ends_it_quietly() {
    let desk = Desk::new();
    desk.put("in/a.jsonl", format!("{HIT}\n").repeat(20_000).as_bytes());
    let outcome = scan_to(&desk.args(), Output::Json, NOW.parse().unwrap(), Box::new(Gone));
    assert_eq!(outcome.unwrap(), Outcome::AllRead);
}

/// The public Sigma data, where it is at hand; a test that needs it passes without, saying so.
fn sigma_data() -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "the environment is read in this crate only")]
    let shared = std::env::var_os("LAZARET_SHARED");
    if shared.is_none() {
        crate::cli::tell("LAZARET_SHARED is unset: the public Sigma data was not scanned");
    }
    shared.map(|shared| Path::new(&shared).join("data/sigma"))
}

#[test]
fn a_damaged_chunk_is_reported_and_the_next_one_read() {
    let Some(sigma) = sigma_data() else { return };
    let case = "windows/image_load/image_load_win_werfaultsecure_dbgcore_dbghelp_load";
    let folder = sigma.join("regression_data/rules-threat-hunting").join(case);
    let log = std::fs::read(folder.join("8a2f4b1c-3d5e-4f7a-9b2c-1e4f6d8a9c2b.evtx")).unwrap();
    let (head, chunk) = log.split_at(4_096);
    let mut damaged = chunk.to_vec();
    damaged[600..3_000].fill(0xff);
    let desk = Desk::new();
    desk.put("in/a.evtx", &[head, &damaged, chunk].concat());
    let args = Args { rules: vec![sigma.join("rules-threat-hunting")], ..desk.args() };
    let (outcome, lines) = desk.scan(&args, Output::Json);
    assert_eq!((outcome, lines.len()), (Outcome::SomeUnread, 1));
    assert!(lines[0].contains(r#""record":1,"time":"2025-11-27T07:40:10.165324Z""#), "{}", lines[0]);
}

/// Each public regression case fires its rule at least as often as its description says.
#[test]
fn every_public_regression_case_fires_its_rule() {
    let Some(sigma) = sigma_data() else { return };
    let rules = ["rules", "rules-emerging-threats", "rules-threat-hunting"].map(|folder| sigma.join(folder));
    let args = Args {
        paths: vec![sigma.join("regression_data")],
        rules: rules.to_vec(),
        indicators: None,
        mapping: None,
        zone: "UTC".to_owned(),
    };
    let kept = Kept::default();
    let outcome = scan_to(&args, Output::Json, NOW.parse().unwrap(), Box::new(kept.clone())).unwrap();
    assert_eq!(outcome, Outcome::AllRead);
    let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    let mut fired: HashMap<(String, String), usize> = HashMap::new();
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let file = value["file"].as_str().unwrap();
        if !file.ends_with(".json") {
            let folder = Path::new(file).parent().unwrap().display().to_string();
            *fired.entry((folder, value["rule_id"].as_str().unwrap().to_owned())).or_default() += 1;
        }
    }
    let cases = cases_below(&sigma.join("regression_data"));
    let missing: Vec<_> = cases.iter().filter(|(case, count)| fired.get(case).unwrap_or(&0) < count).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(cases.len() > 90, "{} cases", cases.len());
}

/// Folder, rule id and `match_count` of every `info.yml`.
fn cases_below(folder: &Path) -> Vec<((String, String), usize)> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            cases.extend(cases_below(&path));
        } else if path.ends_with("info.yml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let value_of = |key: &str| text.lines().find_map(|line| line.trim_start().strip_prefix(key).map(str::trim));
            let count = value_of("match_count:").map_or(1, |count| count.parse().unwrap());
            let ids = text.lines().filter_map(|line| line.trim_start().strip_prefix("- id: "));
            cases.extend(ids.map(|id| ((folder.display().to_string(), id.trim().to_owned()), count)));
        }
    }
    cases
}
