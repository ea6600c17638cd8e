//! What the scenarios promise, tested over several seeds and with the real engine.
//! A file of its own because it is as long as the code it tests.

use super::*;

fn drawn(seed: u64, variant: Variant) -> (Content, Vec<Scenario>, Cast) {
    let content = Content::builtin();
    let scenarios: Vec<Scenario> = SCENARIOS.iter().map(|id| Scenario::read(&content, id).unwrap()).collect();
    let cast = Cast::draw(&content, seed, variant, &shared_suppliers(&scenarios)).unwrap();
    (content, scenarios, cast)
}

fn text_of(beats: &[Beat], hospital: usize) -> String {
    let when = "2026-03-03T10:00:00Z".parse().unwrap();
    let of_hospital = beats.iter().filter(|beat| beat.hospital == hospital);
    let lines = of_hospital.flat_map(|beat| beat.lines(when));
    lines.map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_hospital_of_the_pattern_sees_a_shared_value_and_no_other_does() {
    for seed in 0..5 {
        let (content, scenarios, cast) = drawn(seed, Variant::Attack);
        for scenario in &scenarios {
            let beats = scenario.beats(&content, &cast).unwrap();
            let shared = scenario.shared_values(&content, &cast).unwrap();
            for hospital in 0..SEATS {
                let text = text_of(&beats, hospital);
                let sees = shared.iter().any(|(_, value)| text.contains(value));
                assert_eq!(sees, scenario.pattern.seats.contains(&hospital), "{} seat {hospital}", scenario.id);
            }
        }
    }
}

#[test]
fn in_the_control_no_two_hospitals_share_an_attacker() {
    let (content, scenarios, cast) = drawn(3, Variant::Control);
    for scenario in &scenarios {
        assert_eq!(scenario.shared_values(&content, &cast).unwrap(), []);
        let beats = scenario.beats(&content, &cast).unwrap();
        assert_eq!(
            beats.iter().map(|beat| beat.hospital).collect::<BTreeSet<_>>().len(),
            SEATS,
            "each hospital has trouble"
        );
        for one in 0..SEATS {
            let attacker = AttackNames::draw(&content, cast.seed, scenario.number * (SEATS + 1) + one + 1).unwrap();
            for other in (0..SEATS).filter(|other| *other != one) {
                let text = text_of(&beats, other);
                for value in [&attacker.c2_domain, &attacker.c2_ip, &attacker.attacker_ip, &attacker.digest] {
                    assert!(!text.contains(value.as_str()), "{} of seat {one} at seat {other}", value);
                }
            }
        }
    }
}

#[test]
fn both_attacks_cross_the_border_and_end_with_encryption() {
    let (content, scenarios, cast) = drawn(1, Variant::Attack);
    for scenario in &scenarios {
        let beats = scenario.beats(&content, &cast).unwrap();
        let countries: BTreeSet<&str> = scenario.pattern.seats.iter().map(|seat| cast.seats[*seat].country).collect();
        assert_eq!(countries.len(), 2);
        assert_eq!(beats.last().unwrap().stage, "encryption");
        let first_signs: BTreeSet<usize> =
            beats.iter().filter(|beat| beat.first_sign).map(|beat| beat.hospital).collect();
        assert!(first_signs.len() >= 2, "a warning rests on two hospitals");
        assert!(beats.iter().all(|beat| beat.citation.is_some()), "every dated fact has its source");
        assert_eq!(scenario.label, "reconstruction");
    }
}

#[test]
fn lines_move_with_the_clock_and_json_stays_json() {
    let (content, scenarios, cast) = drawn(2, Variant::Attack);
    let when = "2026-11-20T08:00:00Z".parse().unwrap();
    for beat in scenarios.iter().flat_map(|scenario| scenario.beats(&content, &cast).unwrap()) {
        for (_, bytes) in beat.lines(when) {
            assert!(bytes.windows(10).any(|window| window == b"2026-11-20"));
            if beat.carrier == Carrier::Http {
                let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&bytes);
                assert!(parsed.is_ok(), "{}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}

#[test]
fn the_three_kinds_of_noise_are_there() {
    let (content, _, cast) = drawn(2, Variant::Attack);
    let noise = noise(&content, &cast).unwrap();
    let by_id = |id: &str| noise.iter().find(|item| item.id == id).unwrap();
    let hospitals = |id: &str| by_id(id).beats.iter().map(|beat| beat.hospital).collect::<BTreeSet<_>>().len();
    assert_eq!((hospitals("admin-tool"), hospitals("flood"), hospitals("bad-rule")), (3, 1, SEATS));
    assert_eq!(by_id("flood").beats[0].lines(Timestamp::UNIX_EPOCH).len(), 1_000);
    assert!(by_id("bad-rule").rule.as_deref().unwrap().contains("logsource"));
}

/// What our own rules say of a beat: families, gravest level, observables.
fn detected(
    engine: &Arc<detect::engine::Engine>,
    beats: &[&Beat],
) -> (BTreeSet<String>, Option<domain::telemetry::Level>, BTreeSet<String>) {
    let mut scanner = detect::engine::Scanner::new(Arc::clone(engine));
    let (mut families, mut level, mut observables) = (BTreeSet::new(), None, BTreeSet::new());
    let begins: Timestamp = "2026-03-03T00:00:00Z".parse().unwrap();
    for beat in beats {
        let when = begins.checked_add(beat.offset).unwrap();
        for (offset, bytes) in beat.lines(when) {
            let received_at = when.checked_add(offset).unwrap();
            let event = detect::engine::RawEvent {
                seq: 0,
                source: &beat.source,
                carrier: beat.carrier,
                received_at,
                bytes: &bytes,
            };
            let scan = scanner.scan(&[event], received_at);
            assert_eq!(scan.quarantined, []);
            for detection in scan.detections {
                level = level.max(Some(detection.level()));
                observables.extend(detection.observables.iter().map(|observable| observable.value.clone()));
                if let detect::engine::By::Rule(rule) = &detection.by {
                    families.insert(rule.family.clone());
                }
            }
        }
    }
    (families, level, observables)
}

fn engine(content: &Content) -> Arc<detect::engine::Engine> {
    use detect::engine::{Engine, EngineOptions, IndicatorSet, MappingSet, RuleSet};
    let (rules, _) = RuleSet::parse(&content.rules(&[]));
    let (mappings, _) = MappingSet::parse(&content.mappings());
    Arc::new(Engine::build(rules, mappings, IndicatorSet::build(std::iter::empty()), EngineOptions::default()))
}

#[test]
fn our_rules_see_every_first_sign_and_no_quiet_sign() {
    use domain::telemetry::Level;
    for seed in 0..3 {
        let (content, scenarios, cast) = drawn(seed, Variant::Attack);
        let engine = engine(&content);
        for scenario in &scenarios {
            let beats = scenario.beats(&content, &cast).unwrap();
            let shared: BTreeSet<String> = scenario
                .shared_values(&content, &cast)
                .unwrap()
                .into_iter()
                .map(|(_, value)| value.to_lowercase())
                .collect();
            let mut of_first_signs: Vec<BTreeSet<String>> = Vec::new();
            for beat in &beats {
                let (families, level, observables) = detected(&engine, &[beat]);
                let seen: BTreeSet<String> = observables.intersection(&shared).cloned().collect();
                match beat.stage.as_str() {
                    "first sign" => {
                        assert!(level >= Some(Level::High), "{} at {}: {level:?}", scenario.id, beat.offset);
                        assert!(
                            families.iter().any(|family| scenario.pattern.families.contains(family)),
                            "{families:?}"
                        );
                        of_first_signs.push(seen);
                    }
                    "quiet sign" | "a mail is opened" => assert_eq!(level, None, "{families:?}"),
                    "inside" | "way in" => assert!(level >= Some(Level::High), "{} {}", scenario.id, beat.offset),
                    _ => assert_eq!(level, Some(Level::Critical), "{} {}", scenario.id, beat.stage),
                }
            }
            let common = of_first_signs
                .iter()
                .skip(1)
                .fold(of_first_signs[0].clone(), |all, one| all.intersection(one).cloned().collect());
            assert!(!common.is_empty(), "{}: the first signs share no observable: {of_first_signs:?}", scenario.id);
        }
    }
}

#[test]
fn in_the_control_every_hospital_alarms_and_no_two_alike() {
    let (content, scenarios, cast) = drawn(1, Variant::Control);
    let engine = engine(&content);
    for scenario in &scenarios {
        let beats = scenario.beats(&content, &cast).unwrap();
        let (mut families_before, mut observables_before) = (BTreeSet::new(), BTreeSet::new());
        for hospital in 0..SEATS {
            let of_hospital: Vec<&Beat> = beats.iter().filter(|beat| beat.hospital == hospital).collect();
            let (families, level, observables) = detected(&engine, &of_hospital);
            assert!(level >= Some(domain::telemetry::Level::Medium), "{} seat {hospital} is silent", scenario.id);
            assert!(
                families.is_disjoint(&families_before) && observables.is_disjoint(&observables_before),
                "{families:?} {observables:?}"
            );
            families_before.extend(families);
            observables_before.extend(observables);
        }
    }
}

#[test]
fn noise_alarms_only_where_it_should() {
    let (content, _, cast) = drawn(1, Variant::Attack);
    let engine = engine(&content);
    for noise in noise(&content, &cast).unwrap() {
        let (families, level, _) = detected(&engine, &noise.beats.iter().collect::<Vec<_>>());
        let expected = match noise.id.as_str() {
            "admin-tool" => BTreeSet::from(["remote-support-tool".to_owned()]),
            "flood" => BTreeSet::from(["unknown-station".to_owned()]),
            _ => BTreeSet::new(),
        };
        assert_eq!(families, expected, "{}", noise.id);
        assert!(level <= Some(domain::telemetry::Level::Low));
    }
}

#[test]
fn offsets_are_read() {
    assert_eq!(offset("13d 09:31").unwrap(), SignedDuration::from_mins(13 * 1440 + 9 * 60 + 31));
    assert!(offset("soon").is_err());
}
