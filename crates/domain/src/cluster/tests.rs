//! What makes a cluster, and above all what does not.

use super::*;
use crate::telemetry::ObservableKind;

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn c2(value: &str) -> Observable {
    Observable { kind: ObservableKind::DomainName, value: value.to_owned() }
}

struct Given {
    number: u128,
    seen: Seen,
}

/// A grave sighting of family `backup-sabotage` at a hospital, an hour ago, with a rule that is a year old.
fn at(hospital: &str, number: u128) -> Given {
    let hour = now() - SignedDuration::from_hours(1);
    let sighting = Sighting {
        id: Uuid::from_u128(number),
        rule_id: "rule".to_owned(),
        family: "backup-sabotage".to_owned(),
        level: Level::High,
        hour,
        count: 1,
        country: "RO".to_owned(),
        suppliers: vec![],
        products: vec![],
        observables: vec![],
        rule_since: now() - SignedDuration::from_hours(24 * 365),
        drill: false,
    };
    Given { number, seen: Seen { hospital: hospital.to_owned(), received_at: hour, familiar: false, sighting } }
}

impl Given {
    fn with(mut self, change: impl FnOnce(&mut Seen)) -> Seen {
        assert_eq!(self.seen.sighting.id, Uuid::from_u128(self.number));
        change(&mut self.seen);
        self.seen
    }

    fn sharing(self, value: &str) -> Seen {
        self.with(|seen| seen.sighting.observables = vec![c2(value)])
    }

    fn supplied_by(self, supplier: &str) -> Seen {
        self.with(|seen| seen.sighting.suppliers = vec![supplier.to_owned()])
    }
}

fn judge_last(seen: &[Seen], members: u32) -> Judgement {
    judge(seen.last().unwrap(), seen, members, &Thresholds::default(), now())
}

fn proposed(seen: &[Seen]) -> Option<Cluster> {
    match judge_last(seen, 40) {
        Judgement::Propose(cluster) => Some(*cluster),
        Judgement::Nothing | Judgement::RuleSuspected { .. } => None,
    }
}

#[test]
fn two_hospitals_with_one_value_are_one_attack() {
    let cluster = proposed(&[at("A", 1).sharing("evil.example"), at("B", 2).sharing("evil.example")]).unwrap();
    assert_eq!(cluster.key.shared(), Shared::Indicator);
    assert_eq!(cluster.hospitals.len(), 2);
    assert_eq!(cluster.observables, vec![c2("evil.example")]);
    assert_eq!(cluster.key.cluster(), Key::Indicator { observable: c2("evil.example") }.cluster());
}

#[test]
fn one_hospital_is_never_enough_however_often_it_fires() {
    let flood: Vec<Seen> = (0..1_000).map(|number| at("A", number).sharing("evil.example")).collect();
    assert_eq!(judge_last(&flood, 40), Judgement::Nothing);
}

#[test]
fn a_shared_supplier_needs_the_same_family() {
    let same = [at("A", 1).supplied_by("hipo"), at("B", 2).supplied_by("hipo")];
    assert_eq!(proposed(&same).unwrap().key.shared(), Shared::Supplier);
    let other = at("B", 2).with(|seen| {
        seen.sighting.suppliers = vec!["hipo".to_owned()];
        seen.sighting.family = "phishing".to_owned();
    });
    assert_eq!(proposed(&[at("A", 1).supplied_by("hipo"), other]), None);
}

#[test]
fn an_admin_tool_that_three_hospitals_use_is_no_attack() {
    let medium = |hospital, number| {
        at(hospital, number).with(|seen| {
            seen.sighting.level = Level::Medium;
            seen.sighting.observables = vec![c2("relay.support.example")];
        })
    };
    assert_eq!(judge_last(&[medium("A", 1), medium("B", 2), medium("C", 3)], 40), Judgement::Nothing);
}

#[test]
fn what_is_everyday_at_a_hospital_does_not_count_as_family() {
    let familiar = |hospital, number| at(hospital, number).with(|seen| seen.familiar = true);
    assert_eq!(judge_last(&[familiar("A", 1), familiar("B", 2), familiar("C", 3)], 40), Judgement::Nothing);
    let fresh = [at("A", 1).with(|_| ()), at("B", 2).with(|_| ()), at("C", 3).with(|_| ())];
    assert_eq!(proposed(&fresh).unwrap().key.shared(), Shared::Family);
}

#[test]
fn a_young_rule_that_everyone_fires_is_suspected_itself() {
    let young = |hospital: &str, number| {
        at(hospital, number).with(|seen| {
            seen.sighting.rule_since = now() - SignedDuration::from_hours(2);
            seen.sighting.suppliers = vec!["everybody-has-it".to_owned()];
        })
    };
    let everyone = [young("A", 1), young("B", 2), young("C", 3), young("D", 4)];
    assert_eq!(judge_last(&everyone, 6), Judgement::RuleSuspected { rule_id: "rule".to_owned(), hospitals: 4 });
    assert!(matches!(judge_last(&everyone, 400), Judgement::Propose(_)), "four of four hundred is no rule push");
}

#[test]
fn a_shared_value_outweighs_the_young_rule() {
    let young = |hospital: &str, number| {
        at(hospital, number).with(|seen| {
            seen.sighting.rule_since = now() - SignedDuration::from_hours(2);
            seen.sighting.observables = vec![c2("evil.example")];
        })
    };
    assert!(matches!(judge_last(&[young("A", 1), young("B", 2)], 2), Judgement::Propose(_)));
}

#[test]
fn sightings_leave_the_window_by_the_hubs_own_clock() {
    let old = at("A", 1).with(|seen| {
        seen.sighting.observables = vec![c2("evil.example")];
        seen.received_at = now() - SignedDuration::from_hours(97);
    });
    assert_eq!(judge_last(&[old, at("B", 2).sharing("evil.example")], 40), Judgement::Nothing);
}

#[test]
fn a_drill_is_never_counted_with_the_real() {
    let drill = at("A", 1).with(|seen| {
        seen.sighting.observables = vec![c2("evil.example")];
        seen.sighting.drill = true;
    });
    assert_eq!(judge_last(&[drill, at("B", 2).sharing("evil.example")], 40), Judgement::Nothing);
}

#[test]
fn hitting_different_indicators_is_nothing_in_common() {
    let hit = |hospital, number, value: &str| {
        at(hospital, number).with(|seen| {
            seen.sighting.family = INDICATOR_FAMILY.to_owned();
            seen.sighting.observables = vec![c2(value)];
            seen.sighting.suppliers = vec!["hipo".to_owned()];
        })
    };
    let seen = [hit("A", 1, "one.example"), hit("B", 2, "two.example"), hit("C", 3, "three.example")];
    assert_eq!(judge_last(&seen, 40), Judgement::Nothing);
}

#[test]
fn one_more_side_of_an_attack_has_its_supplier_and_two_of_its_hospitals() {
    let new = proposed(&[at("a", 1).supplied_by("his"), at("b", 2).supplied_by("his"), at("c", 3).supplied_by("his")]);
    let new = new.unwrap();
    let check = |suppliers: &[&str], hospitals: &[&str], expected: bool| {
        let suppliers: Vec<String> = suppliers.iter().map(|&one| one.to_owned()).collect();
        let hospitals = hospitals.iter().map(|&one| one.to_owned()).collect();
        assert_eq!(is_one_more_side(&new, &suppliers, &hospitals), expected, "{suppliers:?} {hospitals:?}");
    };
    check(&["his"], &["a", "b"], true);
    check(&["lab", "his"], &["c", "b", "x"], true);
    check(&["his"], &["a", "x", "y"], false);
    check(&["lab"], &["a", "b", "c"], false);
    check(&[], &["a", "b", "c"], false);
    check(&["his"], &[], false);
}
