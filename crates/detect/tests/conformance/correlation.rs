//! Correlation: windows against a model that keeps everything, and whole rules from YAML to detection.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use detect::correlate::Correlator;
use detect::engine::{BaseDetection, Carrier, RuleOrigin, RuleSet, RuleText, Scanner};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::support::{Way, engine_of, scan};

const BASES: &str = "title: A\nid: a\nname: rule_a\nlogsource: {category: test}\ndetection: {sel: {K: a}, condition: sel}\n---\ntitle: B\nid: b\nname: rule_b\nlogsource: {category: test}\ndetection: {sel: {K: b}, condition: sel}\n";

fn rules(correlation: &str) -> RuleSet {
    let text = format!("{BASES}---\ntitle: C\nid: c\ncorrelation:\n{}", indent(correlation));
    let (set, problems) =
        RuleSet::parse(&[RuleText { path: "t.yml".to_owned(), text, origin: RuleOrigin::Local, mark: None }]);
    assert!(problems.is_empty(), "{problems:?}");
    set
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

const TIMESPAN: i64 = 10;

/// What a window of (rule, value) in order of time asks for.
type Holds = fn(&[(&str, &str)]) -> bool;

fn in_order(window: &[(&str, &str)]) -> bool {
    let first_a = window.iter().position(|(rule, _)| *rule == "a");
    first_a.is_some_and(|first| window[first..].iter().any(|(rule, _)| *rule == "b"))
}

fn kinds() -> Vec<(&'static str, Holds)> {
    vec![
        ("type: event_count\nrules: [rule_a, b]\ngroup-by: [g]\ntimespan: 10s\ncondition: {gte: 3}", |w| w.len() >= 3),
        ("type: value_count\nrules: [rule_a, b]\ngroup-by: [g]\ntimespan: 10s\ncondition: {gte: 3, field: v}", |w| {
            w.iter().map(|(_, value)| value).collect::<BTreeSet<_>>().len() >= 3
        }),
        ("type: value_sum\nrules: [rule_a, b]\ngroup-by: [g]\ntimespan: 10s\ncondition: {gt: 9, field: v}", |w| {
            w.iter().map(|(_, value)| value.parse::<f64>().unwrap()).sum::<f64>() > 9.0
        }),
        ("type: temporal\nrules: [rule_a, b]\ngroup-by: [g]\ntimespan: 10s", |w| {
            w.iter().any(|(rule, _)| *rule == "a") && w.iter().any(|(rule, _)| *rule == "b")
        }),
        ("type: temporal\nrules: [rule_a, b]\ngroup-by: [g]\ntimespan: 10s\ncondition: rule_a and not b", |w| {
            w.iter().any(|(rule, _)| *rule == "a") && !w.iter().any(|(rule, _)| *rule == "b")
        }),
        ("type: temporal_ordered\nrules: [rule_a, b]\ngroup-by: [g]\ntimespan: 10s", in_order),
    ]
}

/// Keeps every base detection for ever and looks at every window that holds the new one.
#[derive(Default)]
struct Model {
    kept: Vec<BaseDetection>,
    groups: BTreeMap<String, (bool, Option<Timestamp>)>,
}

impl Model {
    fn add(&mut self, base: &BaseDetection, holds: Holds) -> bool {
        let span = SignedDuration::from_secs(TIMESPAN);
        let group = base.fields["g"].clone();
        let newest = self.kept.iter().filter(|held| held.fields["g"] == group).map(|held| held.time).max();
        if newest.is_some_and(|newest| newest.duration_since(base.time) >= span) {
            return false;
        }
        self.kept.push(base.clone());
        let mut own: Vec<&BaseDetection> = self.kept.iter().filter(|held| held.fields["g"] == group).collect();
        own.sort_by_key(|held| (held.time, held.seq));
        let held = own.iter().find_map(|end| {
            let at_or_after = (end.time, end.seq) >= (base.time, base.seq);
            if !at_or_after || end.time.duration_since(base.time) >= span {
                return None;
            }
            let inside = |one: &&&BaseDetection| {
                (one.time, one.seq) <= (end.time, end.seq) && end.time.duration_since(one.time) < span
            };
            let window: Vec<(&str, &str)> =
                own.iter().filter(inside).map(|one| (one.rule_id.as_str(), one.fields["v"].as_str())).collect();
            holds(&window).then_some(end.time)
        });
        let state = self.groups.entry(group).or_default();
        let Some(time) = held else {
            state.0 = false;
            return false;
        };
        let again = state.1.is_none_or(|fired| time.duration_since(fired).abs() >= span);
        let fires = !state.0 || again;
        state.0 = true;
        if fires {
            state.1 = Some(time);
        }
        fires
    }
}

fn base(seq: u64, rule: &str, second: i64, group: &str, value: u8) -> BaseDetection {
    let fields = BTreeMap::from([("g".to_owned(), group.to_owned()), ("v".to_owned(), value.to_string())]);
    BaseDetection {
        seq,
        rule_id: rule.to_owned(),
        time: Timestamp::from_second(1_800_000_000 + second).unwrap(),
        host: None,
        fields,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn windows_agree_with_a_model_that_keeps_everything(
        kind in 0..6_usize,
        steps in prop::collection::vec((0..2_usize, -8..12_i64, 0..2_usize, 0..5_u8), 1..60),
    ) {
        let (yaml, holds) = kinds()[kind];
        let mut correlator = Correlator::new(&rules(yaml));
        let mut model = Model::default();
        let mut second = 0;
        let mut fired = Vec::new();
        let mut bases = Vec::new();
        for (place, (rule, step, group, value)) in steps.into_iter().enumerate() {
            second += step;
            let base = base(place as u64, ["a", "b"][rule], second, ["x", "y"][group], value);
            let found = !correlator.add(&base).is_empty();
            prop_assert_eq!(found, model.add(&base, holds), "{} at {}", yaml, place);
            fired.push(found);
            bases.push(base);
        }
        // after a restart the same base detections lead to the same state
        let mut again = Correlator::new(&rules(yaml));
        let half = bases.len() / 2;
        for base in &bases[..half] {
            again.add(base);
        }
        for (base, fired) in bases[half..].iter().zip(&fired[half..]) {
            prop_assert_eq!(!again.add(base).is_empty(), *fired);
            prop_assert!(again.add(base).is_empty(), "the same base detection twice changes nothing");
        }
    }
}

fn line(kind: &str, time: &str, user: &str) -> String {
    format!(r#"{{"category":"test","K":"{kind}","time":"{time}","User":"{user}","Name":"{user}"}}"#)
}

#[test]
fn a_correlation_reports_once_and_its_rules_stay_silent_unless_told() {
    let yaml = |generate: &str| {
        format!(
            "{BASES}---\ntitle: C\nid: c\ncorrelation:\n    type: temporal_ordered\n    rules: [rule_a, rule_b]\n    group-by: [who]\n    timespan: 5m\n    aliases:\n        who:\n            rule_a: User\n            rule_b: Name\n{generate}level: high\n"
        )
    };
    let lines = [line("a", "", "ann"), line("a", "", "bob"), line("b", "", "ann"), line("b", "", "eve")];
    let ids = |yaml: &str| -> Vec<(u64, String)> {
        let found = scan(&mut Scanner::new(Arc::new(engine_of(yaml))), &lines, Carrier::File, Way::Fast);
        assert_eq!(found.base.len(), 4);
        found.detections.iter().map(|one| (one.seq, one.rule_id().to_owned())).collect()
    };
    assert_eq!(ids(&yaml("")), [(3, "c".to_owned())]);
    assert_eq!(ids(&yaml("    generate: true\n")).len(), 5);
}

#[test]
fn a_correlation_that_another_one_is_over_stays_silent_unless_told() {
    let yaml = |generate: &str| {
        format!(
            "{BASES}---\ntitle: M\nid: m\nname: many\ncorrelation:\n    type: event_count\n    rules: [rule_a]\n    group-by: [User]\n    timespan: 5m\n    condition: {{gte: 2}}\n---\ntitle: C\nid: c\ncorrelation:\n    type: temporal_ordered\n    rules: [many, rule_b]\n    group-by: [User]\n    timespan: 5m\n{generate}"
        )
    };
    let lines = [line("a", "", "ann"), line("a", "", "ann"), line("b", "", "ann")];
    let ids = |yaml: &str| -> Vec<String> {
        let found = scan(&mut Scanner::new(Arc::new(engine_of(yaml))), &lines, Carrier::File, Way::Fast);
        found.detections.iter().map(|one| one.rule_id().to_owned()).collect()
    };
    assert_eq!(ids(&yaml("")), ["c"]);
    assert_eq!(ids(&yaml("    generate: true\n")).iter().filter(|id| *id == "m").count(), 1);
}

#[test]
fn windows_survive_a_restart_and_a_swap_of_the_engine() {
    let yaml = format!(
        "{BASES}---\ntitle: C\nid: c\ncorrelation:\n    type: event_count\n    rules: [rule_a]\n    group-by: [User]\n    timespan: 5m\n    condition: {{gte: 3}}\n"
    );
    let engine = Arc::new(engine_of(&yaml));
    let mut first = Scanner::new(engine.clone());
    let two = [line("a", "", "ann"), line("a", "", "ann")];
    let before = scan(&mut first, &two, Carrier::File, Way::Fast);
    assert!(before.detections.is_empty());
    // the scan helper numbers from 1; a third line needs its own number
    let third = [line("x", "", "ann"), line("x", "", "ann"), line("a", "", "ann")];

    let mut restarted = Scanner::new(engine.clone());
    restarted.restore(&before.base);
    let after = scan(&mut restarted, &third, Carrier::File, Way::Fast);
    assert_eq!(
        after.detections.iter().map(|one| (one.seq, one.because.clone())).collect::<Vec<_>>(),
        [(3, vec![1, 2, 3])]
    );

    let more = format!(
        "{yaml}---\ntitle: D\nid: d\nlogsource: {{category: test}}\ndetection: {{sel: {{K: never}}, condition: sel}}\n"
    );
    first.swap(Arc::new(engine_of(&more)));
    assert_eq!(scan(&mut first, &third, Carrier::File, Way::Fast).detections.len(), 1);
}

#[test]
fn correlations_over_nothing_or_themselves_are_named() {
    let check = |correlation: &str, what: &str| {
        let text = format!("{BASES}---\ntitle: C\nid: c\ncorrelation:\n{}", indent(correlation));
        let (set, problems) =
            RuleSet::parse(&[RuleText { path: "t.yml".to_owned(), text, origin: RuleOrigin::Local, mark: None }]);
        assert_eq!((set.len(), set.correlations().len(), problems.len()), (2, 0, 1), "{correlation}");
        assert!(problems[0].what.contains(what), "{}", problems[0]);
    };
    check("type: event_count\nrules: [nobody]\ntimespan: 5m\ncondition: {gte: 3}", "nobody");
    check("type: event_count\nrules: [c]\ntimespan: 5m\ncondition: {gte: 3}", "over itself");
    check("type: event_count\nrules: [a]\ntimespan: 5x\ncondition: {gte: 3}", "timespan");
    check("type: event_count\nrules: [a]\ntimespan: 5m", "without a limit");
    check("type: value_count\nrules: [a]\ntimespan: 5m\ncondition: {gte: 3}", "field");
    check("type: counting\nrules: [a]\ntimespan: 5m\ncondition: {gte: 3}", "counting");
    check("type: temporal\nrules: [a]\ntimespan: 5m\ncondition: a and b", "\"b\"");
}
