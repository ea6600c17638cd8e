//! Bundles as the standard shows them, and bundles that are broken in one place.

use domain::telemetry::ObservableKind as Kind;
use proptest::prelude::*;

use super::*;

fn now() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn check(pattern: &str, expected: &[(Kind, &str)]) {
    let values = pattern::values(pattern).unwrap_or_else(|refused| panic!("{pattern}: {refused}"));
    let found: Vec<(Kind, &str)> = values.iter().map(|(kind, value)| (*kind, value.as_str())).collect();
    assert_eq!(found, expected, "{pattern}");
}

#[test]
fn patterns_that_name_values() {
    check("[ipv4-addr:value = '198.51.100.7']", &[(Kind::Ipv4Addr, "198.51.100.7")]);
    check("[ipv4-addr:value='198.51.100.0/24']", &[(Kind::Ipv4Addr, "198.51.100.0/24")]);
    check("[ipv4-addr:value ISSUBSET '198.51.100.0/24']", &[(Kind::Ipv4Addr, "198.51.100.0/24")]);
    check("[ipv6-addr:value = '2001:DB8::1']", &[(Kind::Ipv6Addr, "2001:db8::1")]);
    check("[domain-name:value = 'Evil.Example.']", &[(Kind::DomainName, "evil.example")]);
    check("[url:value = 'https://evil.example/A\\'b']", &[(Kind::Url, "https://evil.example/A'b")]);
    let sha = "AEC070645FE53EE3B3763059376134F058CC337247C978ADD178B6CCDFB0019F";
    let lower = sha.to_lowercase();
    for spelling in ["file:hashes.'SHA-256'", "file:hashes.\"SHA-256\"", "file:hashes.SHA256"] {
        check(&format!("[{spelling} = '{sha}']"), &[(Kind::FileHash, lower.as_str())]);
    }
    check(
        "[email-addr:value = 'Eve@evil.example' OR file:name = 'A.EXE']",
        &[(Kind::EmailAddr, "eve@evil.example"), (Kind::FileName, "a.exe")],
    );
    check(
        "[domain-name:value IN ('a.example','b.example')]",
        &[(Kind::DomainName, "a.example"), (Kind::DomainName, "b.example")],
    );
    check(
        "([domain-name:value = 'a.example']) OR [(domain-name:value = 'b.example')]",
        &[(Kind::DomainName, "a.example"), (Kind::DomainName, "b.example")],
    );
}

#[test]
fn patterns_that_need_more_are_refused_with_a_reason() {
    let check = |pattern: &str, expected: &str| {
        let refused = pattern::values(pattern).unwrap_err().to_string();
        assert!(refused.contains(expected), "{pattern}: {refused}");
    };
    check("[domain-name:value = 'a.example' AND url:value = 'http://a.example']", "uses AND");
    check("[domain-name:value = 'a.example'] FOLLOWEDBY [url:value = 'http://x.example']", "uses FOLLOWEDBY");
    check("[domain-name:value != 'a.example']", "uses !=");
    check("[domain-name:value LIKE '%.example']", "uses LIKE");
    check("[domain-name:value = 'a.example'] WITHIN 5 SECONDS", "uses WITHIN");
    check("[process:name = 'x']", "tests process:name");
    check("[file:hashes.SSDEEP = 'x']", "tests file:hashes.SSDEEP");
    check("[ipv4-addr:value = 'not']", "compares ipv4-addr:value with \"not\"");
    check("[file:hashes.MD5 = 'zz']", "no such value");
    check("[domain-name:value = 'torn", "not well-formed at byte");
    check("", "not well-formed");
    check("domain-name:value = 'a.example'", "not well-formed at byte 0");
    check(&format!("[file:name IN ({})]", vec!["'a'"; 5_000].join(",")), "more than 4,096 values");
}

const BUNDLE: &str = r#"{"type":"bundle","id":"bundle--1","objects":[
 {"type":"identity","id":"identity--1","name":"CSIRT"},
 {"type":"indicator","id":"indicator--1","pattern_type":"stix","pattern":"[ipv4-addr:value = '198.51.100.7']","valid_from":"2026-01-01T00:00:00Z"},
 {"type":"indicator","id":"indicator--2","pattern_type":"stix","pattern":"[ipv4-addr:value = '198.51.100.8']","revoked":true},
 {"type":"indicator","id":"indicator--3","pattern_type":"sigma","pattern":"title: x"},
 {"type":"indicator","id":"indicator--4","pattern_type":"stix","pattern":"[domain-name:value = 'old.example']","valid_until":"2026-11-01T00:00:00Z"},
 {"type":"indicator","id":"indicator--5","pattern_type":"stix"},
 {"type":"indicator","pattern":17},
 {"type":"indicator","id":"indicator--7","pattern":"[domain-name:value = 'evil.example']"}]}"#;

#[test]
fn a_bundle_gives_what_it_can_and_says_what_not() {
    let reading = read_indicators(BUNDLE.as_bytes(), now()).unwrap();
    let mut shown = String::new();
    for indicator in &reading.indicators {
        shown += &format!("+ {} {} ({})\n", indicator.kind.as_str(), indicator.value, indicator.origin);
    }
    for refused in &reading.refused {
        shown += &format!("- {}: {}\n", refused.id, refused.why);
    }
    insta::assert_snapshot!(shown, @r#"
    + ipv4-addr 198.51.100.7 (indicator--1)
    + domain-name evil.example (indicator--7)
    - indicator--2: it is revoked
    - indicator--3: its pattern is of type "sigma", only "stix" is read
    - indicator--4: it was valid until 2026-11-01T00:00:00Z
    - indicator--5: it has no pattern
    - objects[6]: not a STIX object: invalid type: integer `17`, expected a string at line 1 column 32
    "#);
    assert_eq!((reading.refused_count, reading.others_count), (5, 1));
}

#[test]
fn what_is_no_bundle_is_an_error() {
    let check = |text: &str, expected: &str| {
        let error = read_indicators(text.as_bytes(), now()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:.40}: {error}");
    };
    check("", "not a STIX bundle");
    check(r#"{"type":"indicator"}"#, "its type is \"indicator\"");
    check("[]", "not a STIX bundle");
    let deep = format!(r#"{{"type":"bundle","objects":[{{"type":"x","y":{}{}}}]}}"#, "[".repeat(500), "]".repeat(500));
    assert_eq!(read_indicators(deep.as_bytes(), now()).unwrap().indicators, []);
    assert!(looks_like_bundle(b"\xef\xbb\xbf {\"type\":\"bundle\"}"));
    assert!(!looks_like_bundle(b"9.9.9.9\n"));
}

proptest! {
    #[test]
    fn any_pattern_is_read_or_refused(text in ".{0,200}") {
        let _ = pattern::values(&text);
    }

    #[test]
    fn a_mutated_pattern_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<char>()) {
        let mut pattern: Vec<char> = "[file:hashes.'SHA-256' = 'a\\'b' OR ipv4-addr:value IN ('1.1.1.1','x')]".chars().collect();
        let at = at.index(pattern.len());
        pattern[at] = byte;
        let _ = pattern::values(&pattern.iter().collect::<String>());
        pattern.truncate(at);
        let _ = pattern::values(&pattern.iter().collect::<String>());
    }

    #[test]
    fn any_bundle_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_indicators(&bytes, now());
    }
}
