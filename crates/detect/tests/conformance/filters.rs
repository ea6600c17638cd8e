//! Filters: what they hide, where they apply, what they cost a correlation, and how a wrong one is told.

use std::sync::Arc;

use detect::engine::{
    Carrier, EmbeddedLogsource, Engine, EngineOptions, Filter, IndicatorSet, MappingSet, RawEvent, RuleOrigin, RuleSet,
    RuleText, Scan, Scanner, Scope,
};

use crate::support::now;

const RULE: &str = "title: Shell\nid: r1\nname: shell\nlogsource: {category: test}\ndetection:\n  sel: {Image|endswith: sh}\n  condition: sel\n";

fn text(yaml: &str) -> RuleText {
    RuleText { path: "t.yml".to_owned(), text: yaml.to_owned(), origin: RuleOrigin::Local, mark: None }
}

fn filter(rules: &str) -> String {
    format!(
        "title: Our backup\nid: f1\nlogsource: {{category: test}}\nfilter:\n  rules: {rules}\n  own: {{User: backup}}\n  condition: not own\n"
    )
}

fn rules(yaml: &str) -> RuleSet {
    let (rules, problems) = RuleSet::parse(&[text(yaml)]);
    assert!(problems.is_empty(), "{problems:?}");
    rules
}

fn scan(rules: RuleSet, lines: &[&str]) -> Scan {
    let options = EngineOptions { embedded_logsource: EmbeddedLogsource::Honoured, ..EngineOptions::default() };
    let engine = Arc::new(Engine::build(rules, MappingSet::default(), IndicatorSet::default(), options));
    let batch: Vec<RawEvent<'_>> = lines
        .iter()
        .enumerate()
        .map(|(seq, line)| RawEvent {
            seq: seq as u64,
            source: if line.contains("syslog") { "syslog:10.0.0.7" } else { "file" },
            carrier: Carrier::File,
            received_at: now(),
            bytes: line.as_bytes(),
        })
        .collect();
    let fast = Scanner::new(engine.clone()).scan(&batch, now());
    let full = Scanner::new(engine).full_scan(&batch, now());
    assert_eq!((&fast.detections, &fast.hidden, &fast.base), (&full.detections, &full.hidden, &full.base));
    fast
}

fn fired(scan: &Scan) -> Vec<(u64, &str)> {
    scan.detections.iter().map(|found| (found.seq, found.rule_id())).collect()
}

#[test]
fn what_a_filter_hides_is_told_and_is_no_detection() {
    let lines = [
        r#"{"category":"test","Image":"/bin/sh","User":"BACKUP"}"#,
        r#"{"category":"test","Image":"/bin/sh","User":"eve"}"#,
        r#"{"category":"test","Image":"/bin/ls","User":"backup"}"#,
    ];
    for named in ["[r1]", "shell", "any"] {
        let scan = scan(rules(&format!("{RULE}---\n{}", filter(named))), &lines);
        assert_eq!(fired(&scan), [(1, "r1")], "{named}");
        let hidden: Vec<_> = scan.hidden.iter().map(|one| (one.seq, &*one.rule.id, &*one.filter.id)).collect();
        assert_eq!(hidden, [(0, "r1", "f1")], "{named}: only after the rule matched");
    }
}

#[test]
fn a_filter_applies_within_its_scope_only() {
    let hides = |scope: Scope, line: &str| {
        let mut rules = rules(RULE);
        let filter = Filter::parse(&text(&filter("[r1]"))).unwrap().within(scope);
        assert!(rules.filter(&[Arc::new(filter)]).is_empty());
        scan(rules, &[line]).detections.is_empty()
    };
    let line = r#"{"category":"test","Image":"/bin/sh","User":"backup","via":"syslog"}"#;
    assert!(hides(Scope::Everywhere, line));
    assert!(hides(Scope::Source("syslog:10.0.0.7".to_owned()), line));
    assert!(!hides(Scope::Source("syslog:10.0.0.8".to_owned()), line));
    // no mapping names a host here, so a filter for one host hides nothing
    assert!(!hides(Scope::Host("pacs-01".to_owned()), line));
    assert!(Scope::Host("PACS-01".to_owned()).holds("any", Some("pacs-01")));
}

#[test]
fn correlations_see_only_what_is_left() {
    let correlation = "title: Many\nid: c1\ncorrelation:\n  type: event_count\n  rules: [shell]\n  group-by: [Host]\n  timespan: 5m\n  condition: {gte: 2}\n";
    let lines = [
        r#"{"category":"test","Image":"/bin/sh","User":"backup","Host":"a"}"#,
        r#"{"category":"test","Image":"/bin/sh","User":"eve","Host":"a"}"#,
    ];
    let without = scan(rules(&format!("{RULE}---\n{correlation}")), &lines);
    assert_eq!(fired(&without), [(1, "c1")]);
    let with = scan(rules(&format!("{RULE}---\n{correlation}---\n{}", filter("[r1]"))), &lines);
    assert_eq!(fired(&with), []);
    assert_eq!(with.base.iter().map(|base| base.seq).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_disabled_rule_is_gone_and_what_stands_behind_a_correlation_is_found() {
    let correlation = "title: Many\nid: c1\ncorrelation:\n  type: event_count\n  rules: [shell]\n  group-by: [Host]\n  timespan: 5m\n  condition: {gte: 2}\n";
    let mut both = rules(&format!("{RULE}---\n{correlation}---\n{}", filter("any")));
    let behind = both.behind("c1");
    assert_eq!((behind.rules()[0].meta.id.as_str(), behind.correlations().len()), ("r1", 0));
    assert!(behind.rules()[0].filters.is_empty());
    let line = r#"{"category":"test","Image":"/bin/sh","User":"backup"}"#;
    assert_eq!(fired(&scan(behind, &[line])), [(0, "r1")]);
    both.retain(|meta| meta.id != "r1");
    assert!(both.rules().is_empty() && both.correlations().len() == 1);
}

#[test]
fn a_filter_that_cannot_run_hides_nothing() {
    let bad = filter("[r1]").replace("User: backup", "User|expand: '%nobody%'");
    let scan = scan(rules(&format!("{RULE}---\n{bad}")), &[r#"{"category":"test","Image":"/bin/sh","User":"backup"}"#]);
    assert_eq!(fired(&scan), [(0, "r1")]);
}

#[test]
fn mistakes_in_filters_say_what_to_write_instead() {
    let check = |yaml: &str, what: &str, instead: &str| {
        let problem = match Filter::parse(&text(yaml)) {
            Err(problem) => problem,
            Ok(filter) => {
                let correlation = "title: Many\nid: c1\ncorrelation:\n  type: event_count\n  rules: [shell]\n  group-by: [Host]\n  timespan: 5m\n  condition: {gte: 2}\n";
                let mut rules = rules(&format!("{RULE}---\n{correlation}"));
                rules.filter(&[Arc::new(filter)]).remove(0)
            }
        };
        assert!(problem.what.contains(what), "{problem}");
        assert!(problem.instead.contains(instead), "{problem}");
        assert!(problem.line > 0 && problem.path == "t.yml");
    };
    check(RULE, "a rule where a filter", "filter:");
    check(&format!("{}---\n{}", filter("any"), filter("any")), "one document", "nothing else");
    check(&filter("[]"), "for no rule", "rules:");
    check(&filter("[r1]").replace("  condition: not own\n", ""), "no condition", "condition:");
    check(&filter("[r1]").replace("not own", "not mine"), "mine", "own");
    check(&filter("[nobody]"), "no loaded rule", "correct");
    check(&filter("[c1]"), "a correlation", "r1");
    check(&filter("[r1]").replace("category: test", "category: other"), "logsource", "test");
}
