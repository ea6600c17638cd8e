//! Readers of what people write to steer the engine: rules and mappings.

use std::sync::Arc;

use detect::decode::Carrier;
use detect::engine::{Engine, EngineOptions, RawEvent, Scanner};
use detect::indicator::IndicatorSet;
use detect::mapping::MappingSet;
use detect::sigma::{RuleOrigin, RuleSet, RuleText};

/// Events that every rule is run on: one of each shape.
const EVENTS: &[&str] = &[
    r#"{"Event":{"System":{"EventID":4625,"Channel":"Security"},"EventData":{"TargetUserName":"admin"}}}"#,
    r#"{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1,"CommandLine":"vssadmin delete shadows"}"#,
    "<86>Nov 24 08:16:53 gate sshd[7]: Failed password for root from 192.0.2.7 port 22 ssh2",
    "{\"a\":[1,null,\"\u{fc}\",{\"b\":true}]}",
];

/// A file of Sigma rules, compiled and run on a few events.
pub fn sigma_rule(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let text = RuleText { path: "rule.yml".to_string(), text, origin: RuleOrigin::Local, mark: None };
    let (rules, problems) = RuleSet::parse(&[text]);
    for problem in &problems {
        assert!(!problem.to_string().is_empty(), "a problem without words");
    }
    let options =
        EngineOptions { embedded_logsource: detect::engine::EmbeddedLogsource::Honoured, ..Default::default() };
    let engine = Engine::build(rules, MappingSet::default(), IndicatorSet::build(std::iter::empty()), options);
    let now = jiff::Timestamp::UNIX_EPOCH;
    let batch: Vec<RawEvent<'_>> = EVENTS
        .iter()
        .zip(1..)
        .map(|(event, seq)| RawEvent {
            seq,
            source: "fuzz",
            carrier: Carrier::Http,
            received_at: now,
            bytes: event.as_bytes(),
        })
        .collect();
    let scan = Scanner::new(Arc::new(engine)).scan(&batch, now);
    assert!(scan.quarantined.is_empty(), "a rule made the engine stumble: {:?}", scan.quarantined);
}

/// A mapping file.
pub fn mapping(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let text_lines = text.lines().count();
    let (mappings, problems) = MappingSet::parse(&[("mapping.toml".to_string(), text)]);
    for problem in &problems {
        assert!(!problem.to_string().is_empty(), "a problem without words");
    }
    assert!(mappings.logsources().count() <= text_lines, "more logsources than lines");
}
