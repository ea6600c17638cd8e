//! Rules and records made to hurt: each is refused or ends at a written limit with a clear message, the others load, and
//! the next event works. A binary of its own because it needs nothing but texts.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::Arc;

use detect::engine::{
    Carrier, EmbeddedLogsource, Engine, EngineOptions, IndicatorSet, MappingSet, RawEvent, RuleOrigin, RuleProblem,
    RuleSet, RuleText, Scan, Scanner,
};
use jiff::Timestamp;

const GOOD: &str =
    "title: Good\nid: good\nlogsource: {category: test}\ndetection: {sel: {Word: fine}, condition: sel}\n";

fn rule(detection: &str) -> String {
    format!("title: Bad\nid: bad\nlogsource: {{category: test}}\ndetection:\n{detection}")
}

fn text(text: &str, origin: RuleOrigin) -> RuleText {
    RuleText { path: "bad.yml".to_owned(), text: text.to_owned(), origin, mark: None }
}

fn load(texts: &[String], origin: &RuleOrigin) -> (Scanner, Vec<RuleProblem>) {
    let mut all: Vec<RuleText> = texts.iter().map(|bad| text(bad, origin.clone())).collect();
    all.push(text(GOOD, RuleOrigin::Local));
    let (rules, problems) = RuleSet::parse(&all);
    let options = EngineOptions { embedded_logsource: EmbeddedLogsource::Honoured, ..EngineOptions::default() };
    let engine = Engine::build(rules, MappingSet::default(), IndicatorSet::default(), options);
    (Scanner::new(Arc::new(engine)), problems)
}

fn scan(scanner: &mut Scanner, events: &[String], carrier: Carrier) -> Scan {
    let now: Timestamp = "2026-11-25T10:00:00Z".parse().unwrap();
    let raw = |(event, seq): (&String, u64)| {
        // the tests' events live as long as the batch
        (seq, event.clone())
    };
    let held: Vec<(u64, String)> = events.iter().zip(1..).map(raw).collect();
    let batch: Vec<RawEvent<'_>> = held
        .iter()
        .map(|(seq, event)| RawEvent { seq: *seq, source: "test", carrier, received_at: now, bytes: event.as_bytes() })
        .collect();
    scanner.scan(&batch, now)
}

fn event(word: &str) -> String {
    format!(r#"{{"category":"test","Word":"{word}"}}"#)
}

/// The bad text is refused with a message that holds `part`; the good rule loads and the next event fires it.
fn refused(name: &str, bad: &str, part: &str) {
    for origin in [RuleOrigin::Local, RuleOrigin::Warning("w".to_owned())] {
        let (mut scanner, problems) = load(&[bad.to_owned()], &origin);
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|problem| problem.contains(part)), "{name}: {said:?}");
        assert!(said.iter().all(|problem| problem.starts_with("bad.yml:")), "{name} says where: {said:?}");
        let found = scan(&mut scanner, &[event("fine")], Carrier::Http);
        assert_eq!(found.detections.len(), 1, "{name}: the good rule works");
    }
}

/// A text on which every place is another state of a counting expression.
fn noise(bytes: usize) -> String {
    let mut state = 7_u64;
    let letter = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state & 256 == 0 { 'a' } else { 'b' }
    };
    (0..bytes).map(letter).collect()
}

#[test]
fn a_regex_bomb_is_refused_or_gives_up_and_the_other_rules_and_the_next_event_work() {
    let one = |expression: &str| rule(&format!("  sel: {{Word|re: '{expression}'}}\n  condition: sel\n"));
    refused("nested repetitions", &one(r"((\w{100}){100}){100}"), "more than the limit of 4194304 bytes");
    refused("a long one", &one(&"a".repeat(9_000)), "9000 bytes, more than the limit of 8192");
    refused("back-tracking", &one(r"(a+)\1"), "backreferences");
    let many: String = (0..201).map(|n| format!("      - 'a{n}'\n")).collect();
    refused("many", &rule(&format!("  sel:\n    Word|re:\n{many}  condition: sel\n")), "more than the limit of ");
    let large: String = (0..90).map(|n| format!("      - '{n}\\w{{70}}'\n")).collect();
    let large = rule(&format!("  sel:\n    Word|re:\n{large}  condition: sel\n"));
    let (_, problems) = load(&[large], &RuleOrigin::Local);
    assert!(problems[0].what.contains("more than the limit of 16777216 bytes"), "{problems:?}");

    // within the limits of a rule, and yet half a minute of work for one value of a megabyte
    let slow: String = (3_000..3_050).map(|n| format!("      - 'a[ab]{{{n}}}c'\n")).collect();
    let slow = rule(&format!("  sel:\n    Word|re:\n{slow}  condition: sel\n"));
    let (mut scanner, problems) = load(&[slow], &RuleOrigin::Warning("w".to_owned()));
    assert_eq!(problems, []);
    let found = scan(&mut scanner, &[event(&noise(1 << 20)), event("fine")], Carrier::Http);
    assert_eq!(found.given_up.len(), 1, "counted, with the rule");
    assert_eq!((found.given_up[0].rule_id.as_str(), found.given_up[0].searches), ("bad", 50));
    assert_eq!(found.detections.iter().map(|one| (one.seq, one.rule_id())).collect::<Vec<_>>(), [(2, "good")]);
}

#[test]
fn the_rules_of_one_warning_share_a_limit_of_regular_expressions() {
    let ten = |id: usize| {
        let list: String = (0..50).map(|n| format!("      - 'x{id}y{n}'\n")).collect();
        rule(&format!("  sel:\n    Word|re:\n{list}  condition: sel\n")).replace("id: bad", &format!("id: bad{id}"))
    };
    let texts: Vec<String> = (0..6).map(ten).collect();
    let (mut scanner, problems) = load(&texts, &RuleOrigin::Warning("w".to_owned()));
    assert_eq!(problems.len(), 2, "four of fifty load: {problems:?}");
    assert!(problems[0].what.contains("more than the limit of 200 regular expressions"), "{}", problems[0]);
    let found = scan(&mut scanner, &[event("x3y7"), event("x5y7"), event("fine")], Carrier::Http);
    let fired: Vec<&str> = found.detections.iter().map(|one| one.rule_id()).collect();
    assert_eq!(fired, ["bad3", "good"]);
    assert_eq!(load(&texts, &RuleOrigin::Local).1, [], "the operator's own rules are the operator's business");
}

#[test]
fn nested_conditions_huge_lists_and_alias_bombs_are_refused() {
    let condition = |condition: &str| rule(&format!("  sel: {{Word: x}}\n  condition: {condition}\n"));
    refused("deep", &condition(&format!("{}sel{}", "(".repeat(5_000), ")".repeat(5_000))), "more than 1000 words");
    refused("less deep", &condition(&format!("{}sel{}", "(".repeat(100), ")".repeat(100))), "nested deeper than 32");
    refused("not not not", &condition(&format!("{}sel", "not ".repeat(900))), "nested deeper than 32");
    let conditions = format!("[{}]", "sel,".repeat(200));
    refused("many conditions", &condition(&conditions), "200 conditions, more than the limit of 50");

    let list = format!("  sel: {{Word: [{}]}}\n  condition: sel\n", "x,".repeat(30_000));
    refused("a huge list", &rule(&list), "30000 values, more than the limit of 20000");
    let list = format!("  one: {{Word: [{}]}}\n  condition: one and one and one and one\n", "x,".repeat(16_000));
    refused("a list four times", &rule(&list), "more tests than the limit of 50000");
    let selections: String = (0..600).map(|n| format!("  s{n}: {{Word: x}}\n")).collect();
    refused("selections", &rule(&format!("{selections}  condition: 1 of s*\n")), "more than the limit of 500");
    let nested = format!("  sel: {}x{}\n  condition: sel\n", "[".repeat(1_000), "]".repeat(1_000));
    refused("nested lists", &rule(&nested), "recursion limit");
    let nested = format!("  sel: {}x{}\n  condition: sel\n", "[".repeat(40), "]".repeat(40));
    refused("fewer nested lists", &rule(&nested), "nested deeper than 32");
    refused("a large file", &rule(&format!("  # {}\n", "x".repeat(1 << 20))), "more than the limit of 1048576");

    let mut laughs = "  a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..9 {
        let inner = vec![format!("*a{}", level - 1); 10].join(",");
        laughs.push_str(&format!("  a{level}: &a{level} [{inner}]\n"));
    }
    refused("aliases", &rule(&format!("{laughs}  condition: a8\n")), "after aliases are written out");
    let long = format!("  a: &a '{}'\n  b: [{}]\n  condition: b\n", "x".repeat(400_000), "*a,".repeat(10_000));
    refused("one long alias", &rule(&long), "bytes of text after aliases");
}

#[test]
fn correlations_and_filters_on_top_of_each_other_are_refused() {
    let correlation = |id: usize, rules: &str| {
        format!(
            "---\ntitle: C{id}\nid: c{id}\ncorrelation: {{type: event_count, rules: [{rules}], timespan: 1m, condition: \
             {{gte: 1}}}}\n"
        )
    };
    let base = rule("  sel: {Word: x}\n  condition: sel\n");
    // each over the one before, sixty times named: sixty to the power of twenty
    let doubled: String = (1..20)
        .map(|id| correlation(id, &vec![format!("c{}", id - 1); 60].join(",")))
        .fold(format!("{base}{}", correlation(0, "bad")), |all, one| all + &one);
    refused("each rule sixty times", &doubled, "twice");
    // each over all before it: two to the power of sixty
    let all_before = |id: usize| (0..id).map(|before| format!("c{before}")).collect::<Vec<_>>().join(",");
    let stacked: String = (1..60)
        .map(|id| correlation(id, &all_before(id)))
        .fold(format!("{base}{}", correlation(0, "bad")), |all, one| all + &one);
    refused("stacked", &stacked, "more than 8 others on top of each other");

    let filter = |n: usize| {
        format!(
            "---\ntitle: F{n}\nid: f{n}\nlogsource: {{category: test}}\nfilter: {{rules: [bad], sel: {{Word: y{n}}}, \
             condition: not sel}}\n"
        )
    };
    let filtered: String = (0..3_000).map(filter).fold(base, |all, one| all + &one);
    refused("filters", &filtered, "more than 100 filters for the rule bad");
}

#[test]
fn a_file_of_many_documents_is_held_once() {
    let documents: String = (0..4_000)
        .map(|n| format!("---\ntitle: T\nid: n{n}\nlogsource: {{category: test}}\ndetection: {{s: {{Word: w{n}}}, condition: s}}\n"))
        .collect();
    let (rules, problems) = RuleSet::parse(&[text(&documents, RuleOrigin::Local)]);
    assert_eq!((rules.len(), problems.len()), (4_000, 0));
    let first = &rules.rules()[0].meta.yaml;
    assert!(rules.rules().iter().all(|rule| Arc::ptr_eq(&rule.meta.yaml, first)), "400 kB, not 4,000 times 400 kB");
}

#[test]
fn billion_laughs_xml_is_counted_and_the_next_record_works() {
    let mut entities = "<!ENTITY a0 \"ha\">".to_owned();
    for level in 1..30 {
        let inner = format!("&a{};", level - 1).repeat(10);
        entities.push_str(&format!("<!ENTITY a{level} \"{inner}\">"));
    }
    let header = "<85>1 2026-11-24T08:16:53Z pacs atna 7 IHE+RFC-3881 - ";
    let body = |user: &str| {
        format!(
            "<AuditMessage><EventIdentification EventActionCode=\"E\" EventOutcomeIndicator=\"0\"><EventID \
             csd-code=\"110114\"/></EventIdentification><ActiveParticipant UserID=\"{user}\"/></AuditMessage>"
        )
    };
    let laughs = format!("{header}<?xml version=\"1.0\"?><!DOCTYPE m [{entities}]>{}", body("&a29;"));
    let deep = format!("{header}<AuditMessage>{}{}", "<x>".repeat(10_000), "</x>".repeat(10_000));
    let good = format!("{header}{}", body("fine"));
    let yaml = GOOD.replace("Word: fine", "UserID: fine").replace("{category: test}", "{product: ihe, service: atna}");
    let (rules, problems) = RuleSet::parse(&[text(&yaml, RuleOrigin::Local)]);
    assert_eq!(problems, []);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../content/mappings/atna.toml");
    let mapping = std::fs::read_to_string(path).unwrap();
    let (mappings, problems) = MappingSet::parse(&[(path.to_owned(), mapping)]);
    assert!(problems.is_empty(), "{problems:?}");
    let engine = Engine::build(rules, mappings, IndicatorSet::default(), EngineOptions::default());
    let found = scan(&mut Scanner::new(Arc::new(engine)), &[laughs, deep, good], Carrier::Syslog);
    let formats: Vec<(u64, &str)> = found.seen.iter().map(|seen| (seen.seq, seen.format)).collect();
    assert_eq!(found.detections.iter().map(|one| one.seq).collect::<Vec<_>>(), [3], "{formats:?}");
    assert_eq!(found.seen.len() + found.quarantined.len(), 3, "each is counted: {formats:?} {:?}", found.quarantined);
}
