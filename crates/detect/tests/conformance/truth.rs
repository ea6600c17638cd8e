//! What each modifier, wildcard, condition and special value means: one rule, one event, fires or not; both ways of scanning.

use std::collections::BTreeMap;
use std::sync::Arc;

use detect::engine::{
    Carrier, EmbeddedLogsource, Engine, EngineOptions, IndicatorSet, MappingSet, RuleOrigin, RuleSet, RuleText, Scanner,
};

use crate::support::{Way, engine_of, pairs, scan};

/// A rule around a detection; the detection is given with its condition.
fn rule(detection: &str) -> String {
    let indented: String = detection.lines().map(|line| format!("    {line}\n")).collect();
    format!("title: T\nid: r\nlogsource:\n    category: test\ndetection:\n{indented}")
}

fn fires_in(engine: Engine, event: &str) -> bool {
    let engine = Arc::new(engine);
    let line = event.replacen('{', r#"{"category":"test","#, 1).replace(",}", "}");
    let fast = scan(&mut Scanner::new(engine.clone()), &[&line], Carrier::File, Way::Fast);
    let full = scan(&mut Scanner::new(engine), &[&line], Carrier::File, Way::Full);
    assert!(fast.quarantined.is_empty(), "{line}: {:?}", fast.quarantined);
    assert_eq!(pairs(&fast), pairs(&full), "{line}");
    !fast.detections.is_empty()
}

/// One field line as the only selection.
fn check(field_line: &str, event: &str, fires: bool) {
    let detection = format!("sel:\n    {}\ncondition: sel", field_line.replace('\n', "\n    "));
    assert_eq!(fires_in(engine_of(&rule(&detection)), event), fires, "{field_line} on {event}");
    // the same with another necessary test before it, and under a negation
    let negated = format!(
        "sel:\n    {}\nodd:\n    never: 'x'\ncondition: not sel and not odd",
        field_line.replace('\n', "\n    ")
    );
    assert_eq!(fires_in(engine_of(&rule(&negated)), event), !fires, "not {field_line} on {event}");
}

#[test]
fn plain_values_wildcards_and_case() {
    check("A: abc", r#"{"A":"ABC"}"#, true);
    check("A: abc", r#"{"A":"abcd"}"#, false);
    check("A: abc", r#"{"B":"abc"}"#, false);
    check("A: 'a*c'", r#"{"A":"aXXC"}"#, true);
    check("A: 'a?c'", r#"{"A":"abc"}"#, true);
    check("A: 'a?c'", r#"{"A":"ac"}"#, false);
    check(r"A: 'a\*c'", r#"{"A":"a*c"}"#, true);
    check(r"A: 'a\*c'", r#"{"A":"abc"}"#, false);
    check(r"A|endswith: '\cmd.exe'", r#"{"A":"C:\\Windows\\CMD.EXE"}"#, true);
    check(r"A|endswith: '\cmd.exe'", r#"{"A":"C:\\Windows\\xcmd.exe"}"#, false);
    check("A|endswith: '1?'", r#"{"A":"0x10"}"#, true);
    check("A|startswith: 'ab'", r#"{"A":"ABC"}"#, true);
    check("A|contains: 'ell'", r#"{"A":"hELLo"}"#, true);
    check("A|contains: '.'", r#"{"A":"hello"}"#, false);
    check("A|contains:\n    - xx\n    - ell", r#"{"A":"hello"}"#, true);
    check("A|contains|all:\n    - xx\n    - ell", r#"{"A":"hello"}"#, false);
    check("A|contains|all:\n    - he\n    - ell", r#"{"A":"hello"}"#, true);
    check("A|cased: abc", r#"{"A":"Abc"}"#, false);
    check("A|cased: Abc", r#"{"A":"Abc"}"#, true);
    check("A|contains|cased: 'Bc'", r#"{"A":"aBcd"}"#, true);
    check("A|contains|cased: 'Bc'", r#"{"A":"abcd"}"#, false);
    check("A: '*'", r#"{"A":""}"#, true);
    check("A: '*'", r#"{"B":""}"#, false);
}

#[test]
fn letters_that_look_alike() {
    check("A: whoami", r#"{"A":"WHOAMI"}"#, true);
    check("A|contains: größe", r#"{"A":"die GRÖSSE"}"#, false);
    check("A|contains: größe", r#"{"A":"die GRÖẞE"}"#, true);
    check("A|contains: οδος", r#"{"A":"ΟΔΟΣ"}"#, true);
    // kept apart under a negation, so only the positive side is checked
    let fires = |value: &str| {
        fires_in(engine_of(&rule("sel:\n    A|contains: whoami\ncondition: sel")), &format!("{{\"A\":\"{value}\"}}"))
    };
    assert!(fires("x WHOAMİ"));
    assert!(fires("x ｗｈｏａｍｉ"));
    assert!(fires(r"x \u0077hoam\u0131"));
    let filter =
        engine_of(&rule("sel:\n    A|contains: exe\nf:\n    A|startswith: 'C:\\Windows\\'\ncondition: sel and not f"));
    assert!(fires_in(filter, r#"{"A":"C:\\Wındows\\x.exe"}"#));
}

#[test]
fn null_missing_and_empty() {
    check("A: null", r#"{"B":"x"}"#, true);
    check("A: null", r#"{"A":null}"#, true);
    check("A: null", r#"{"A":""}"#, false);
    check("A: ''", r#"{"A":""}"#, true);
    check("A: ''", r#"{"B":"x"}"#, false);
    check("A:\n    - null\n    - ''", r#"{"B":"x"}"#, true);
    check("A:\n    - null\n    - ''", r#"{"A":""}"#, true);
    check("A:\n    - null\n    - ''", r#"{"A":"x"}"#, false);
    check("A|exists: true", r#"{"A":null}"#, true);
    check("A|exists: true", r#"{"B":1}"#, false);
    check("A|exists: false", r#"{"B":1}"#, true);
}

#[test]
fn numbers_and_booleans() {
    check("A: 4625", r#"{"A":4625}"#, true);
    check("A: 4625", r#"{"A":"4625"}"#, true);
    check("A: 4625", r#"{"A":4625.0}"#, true);
    check("A: 4625", r#"{"A":46250}"#, false);
    check("A: '4625'", r#"{"A":4625}"#, true);
    check("A: 0x10", r#"{"A":16}"#, true);
    check("A|startswith: 46", r#"{"A":4625}"#, true);
    check("A: true", r#"{"A":true}"#, true);
    check("A: true", r#"{"A":"True"}"#, true);
    check("A|lt: 5", r#"{"A":4.5}"#, true);
    check("A|lt: 5", r#"{"A":"5"}"#, false);
    check("A|lte: 5", r#"{"A":"5"}"#, true);
    check("A|gt: 5", r#"{"A":"many"}"#, false);
    check("A|gte: -1", r#"{"A":-1}"#, true);
}

#[test]
fn arrays_nested_names_and_repeated_keys() {
    check("A: x", r#"{"A":["y","X"]}"#, true);
    check("A: x", r#"{"A":["y","z"]}"#, false);
    check("A.B: x", r#"{"A":{"B":"x"}}"#, true);
    check("A.B: x", r#"{"A.B":"x"}"#, true);
    check("A.B: x", r#"{"A":[{"B":"y"},{"B":"x"}]}"#, true);
    check("A: x", r#"{"A":"y","A":"x"}"#, true);
    check("A|re: '^[A-Z]+$'", r#"{"A":["abc","ABC"]}"#, true);
    check("A|re: '^[A-Z]+$'", r#"{"A":["abc","aBC"]}"#, false);
}

#[test]
fn encodings() {
    check("A|base64: foobar", r#"{"A":"Zm9vYmFy"}"#, true);
    check("A|base64offset|contains: '/bin/bash'", r#"{"A":"run IC9iaW4vYmFzaA=="}"#, true);
    check("A|base64offset|contains: '/bin/bash'", r#"{"A":"run eC9iaW4vYmFzaCB4"}"#, true);
    check("A|wide|base64offset|contains: 'IEX'", r#"{"A":"-enc SQBFAFgA"}"#, true);
    check("A|utf16le|base64offset|contains: 'IEX'", r#"{"A":"-enc SQBFAFgA"}"#, true);
    check("A|utf16be|base64: 'I'", r#"{"A":"AEk="}"#, true);
    check("A|utf16|base64: 'I'", r#"{"A":"//5JAA=="}"#, true);
    check("A|wide|contains: 'ab'", r#"{"A":"xa\u0000b\u0000"}"#, true);
    for dash in ["-", "/", "–", "—", "―"] {
        check("A|windash|contains: ' -accepteula'", &format!("{{\"A\":\"x {dash}accepteula\"}}"), true);
    }
    check("A|windash|contains: ' -a -b'", r#"{"A":"x /a –b"}"#, true);
    check("A|windash|contains: 'a-b'", r#"{"A":"a/b"}"#, false);
    check("A|contains|windash: ' /accepteula'", r#"{"A":"x -accepteula"}"#, true);
}

#[test]
fn expressions_addresses_references_and_times() {
    check("A|re: 'a.c'", r#"{"A":"xabcx"}"#, true);
    check("A|re: 'A.C'", r#"{"A":"abc"}"#, false);
    check("A|re|i: 'A.C'", r#"{"A":"abc"}"#, true);
    check("A|re|m: '^b$'", r#"{"A":"a\nb"}"#, true);
    check("A|re|s: 'a.b'", r#"{"A":"a\nb"}"#, true);
    check("A|re: 'a.b'", r#"{"A":"a\nb"}"#, false);
    check("A|cidr: 10.0.0.0/8", r#"{"A":"10.2.3.4"}"#, true);
    check("A|cidr: 10.0.0.0/8", r#"{"A":"11.2.3.4"}"#, false);
    check("A|cidr: 'fe80::/10'", r#"{"A":"fe80::1%eth0"}"#, true);
    check("A|cidr:\n    - 192.168.0.0/16\n    - '::1/128'", r#"{"A":"::1"}"#, true);
    check("A|fieldref: B", r#"{"A":"x","B":"X"}"#, true);
    check("A|fieldref: B", r#"{"A":"x","B":"y"}"#, false);
    check("A|fieldref: B", r#"{"A":"x"}"#, false);
    check("A|fieldref|startswith: B", r#"{"A":"xyz","B":"xy"}"#, true);
    check("A|fieldref|endswith: B", r#"{"A":"xyz","B":"xy"}"#, false);
    check("A|fieldref|contains: B", r#"{"A":"xyz","B":"y"}"#, true);
    check("A|neq: x", r#"{"A":"y"}"#, true);
    check("A|neq: x", r#"{"A":"x"}"#, false);
    check("A|neq: x", r#"{"B":"x"}"#, true);
    check("A|hour: 22", r#"{"A":"2026-11-25T23:15:00+01:00"}"#, true);
    check("A|minute: 15", r#"{"A":"2026-11-25 22:15:09.123"}"#, true);
    check("A|day: 25", r#"{"A":1795645800}"#, true);
    check("A|week: 48", r#"{"A":"2026-11-25T00:00:00Z"}"#, true);
    check("A|month: 11", r#"{"A":"2026-11-25T00:00:00Z"}"#, true);
    check("A|year: 2025", r#"{"A":"2026-11-25T00:00:00Z"}"#, false);
}

#[test]
fn keywords_conditions_and_lists_of_maps() {
    let check = |detection: &str, event: &str, fires: bool| {
        assert_eq!(fires_in(engine_of(&rule(detection)), event), fires, "{detection} on {event}");
    };
    let keywords = "keywords:\n    - 'rm *HISTFILE'\n    - secret\ncondition: keywords";
    check(keywords, r#"{"A":{"B":["the SECRET is"]}}"#, true);
    check(keywords, r#"{"A":"rm -f $HISTFILE"}"#, true);
    check(keywords, r#"{"secret":"no"}"#, false);
    let all = "keywords:\n    '|all':\n        - one\n        - two\ncondition: keywords";
    check(all, r#"{"A":"one","B":"two"}"#, true);
    check(all, r#"{"A":"one"}"#, false);
    check("keywords:\n    '|re': 'p[ao]ss'\ncondition: keywords", r#"{"A":"a poss b"}"#, true);
    let maps = "sel:\n    - A: x\n      B: y\n    - C: z\ncondition: sel";
    check(maps, r#"{"A":"x","B":"y"}"#, true);
    check(maps, r#"{"A":"x"}"#, false);
    check(maps, r#"{"C":"z"}"#, true);
    let of = |quantity: &str| {
        format!("s_1:\n    A: x\ns_2:\n    B: x\ns_3:\n    C: x\n_hidden:\n    D: x\ncondition: {quantity}")
    };
    check(&of("1 of s_*"), r#"{"B":"x"}"#, true);
    check(&of("2 of s_*"), r#"{"B":"x"}"#, false);
    check(&of("2 of s_*"), r#"{"B":"x","C":"x"}"#, true);
    check(&of("all of them"), r#"{"A":"x","B":"x","C":"x"}"#, true);
    check(&of("all of s_*"), r#"{"A":"x","B":"x"}"#, false);
    check(&of("s_1 and not (s_2 or s_3)"), r#"{"A":"x"}"#, true);
    check(&of("not 1 of s_* and _hidden"), r#"{"D":"x"}"#, true);
    let two = "a:\n    A: x\nb:\n    B: x\ncondition:\n    - a\n    - b";
    check(two, r#"{"B":"x"}"#, true);
    check("sel:\n    Lazaret.absent: null\ncondition: sel", r#"{"B":"x"}"#, true);
}

#[test]
fn placeholders_come_from_the_configuration_or_the_rule_waits() {
    let yaml = rule("sel:\n    A|contains|expand: '%admins%'\ncondition: not sel");
    let text = RuleText { path: "t.yml".to_owned(), text: yaml, origin: RuleOrigin::Local, mark: None };
    let build = |placeholders: BTreeMap<String, Vec<String>>| {
        let (rules, problems) = RuleSet::parse(std::slice::from_ref(&text));
        assert!(problems.is_empty());
        let embedded_logsource = EmbeddedLogsource::Honoured;
        let options = EngineOptions { placeholders, embedded_logsource, ..EngineOptions::default() };
        Engine::build(rules, MappingSet::default(), IndicatorSet::default(), options)
    };
    let waiting = build(BTreeMap::new());
    assert_eq!(waiting.report().inactive.len(), 1);
    assert!(!fires_in(waiting, r#"{"A":"x"}"#));
    let table = || BTreeMap::from([("admins".to_owned(), vec!["root".to_owned(), "adm".to_owned()])]);
    assert!(fires_in(build(table()), r#"{"A":"x"}"#));
    assert!(!fires_in(build(table()), r#"{"A":"the ADM"}"#));
}

#[test]
fn routing_uses_every_dimension_and_filters_add_to_rules() {
    let yaml = "title: T\nid: r\nname: base\nlogsource:\n    product: windows\n    category: test\ndetection:\n    sel:\n        A: x\n    condition: sel\n---\ntitle: F\nid: f\nlogsource:\n    product: windows\nfilter:\n    rules:\n        - base\n    own:\n        User: backup\n    condition: not own\n";
    let fires = |event: &str| fires_in(engine_of(yaml), event);
    assert!(!fires(r#"{"A":"x"}"#));
    assert!(fires(r#"{"product":"windows","A":"x"}"#));
    assert!(!fires(r#"{"product":"windows","A":"x","User":"BACKUP"}"#));
    assert!(!fires(r#"{"product":"linux","A":"x"}"#));
}

#[test]
fn mistakes_say_where_what_and_what_instead_and_drop_nothing_else() {
    let check = |detection: &str, line: u32, what: &str| {
        let good = rule("sel:\n    A: x\ncondition: sel");
        let bad = rule(detection).replace("id: r", "id: bad");
        let text = RuleText {
            path: "dir/t.yml".to_owned(),
            text: format!("{bad}---\n{good}"),
            origin: RuleOrigin::Local,
            mark: None,
        };
        let (rules, problems) = RuleSet::parse(&[text]);
        assert_eq!(rules.len(), 1, "{detection}");
        assert_eq!(problems.len(), 1, "{detection}");
        assert_eq!((problems[0].path.as_str(), problems[0].line), ("dir/t.yml", line), "{}", problems[0]);
        assert!(problems[0].what.contains(what), "{}", problems[0]);
        assert!(!problems[0].instead.is_empty());
    };
    check("sel:\n    A|foo: x\ncondition: sel", 7, "unknown modifier");
    check("sel:\n    A|re: '(?=x)'\ncondition: sel", 7, "expression");
    check("sel:\n    A|re: '(a{1000}){1000}'\ncondition: sel", 7, "expression");
    check("sel:\n    A|cidr: x\ncondition: sel", 7, "address block");
    check("sel:\n    A: x\ncondition: sell", 8, "sell");
    check("sel:\n    A: x\ncondition: sel | count() > 5", 8, "aggregation");
    check("sel:\n    A|i: x\ncondition: sel", 7, "without 're'");
    check("sel:\n    A|lt: many\ncondition: sel", 7, "no number");
    check("sel:\n    A|base64: 'a*'\ncondition: sel", 7, "wildcard");
    check("sel:\n    A: x", 6, "no condition");
    check("sel:\n    A: x\nsel:\n    B: x\ncondition: sel", 8, "twice");
    check("sel:\n    A: [\ncondition: sel", 8, "YAML");
}

#[test]
fn json_flow_style_is_yaml_too() {
    let yaml = r#"{"title":"T","id":"r","logsource":{"category":"test"},"detection":{"sel":{"A|contains":["x"]},"condition":"sel"}}"#;
    assert!(fires_in(engine_of(yaml), r#"{"A":"axb"}"#));
}
