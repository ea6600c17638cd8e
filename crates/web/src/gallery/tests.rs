//! What must hold for every page, and the numbers of the design.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use super::{pages, words};
use crate::words::Language;

const CSS: &str = include_str!(concat!(env!("OUT_DIR"), "/lazaret.css"));
const SCRIPT: &str = include_str!(concat!(env!("OUT_DIR"), "/lazaret.js"));

fn gzipped(text: &str) -> usize {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap().len()
}

/// Writes the pages where people (and a browser) can look at them.
#[test]
fn the_gallery_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/gallery");
    std::fs::create_dir_all(folder.join("static")).unwrap();
    std::fs::write(folder.join("static/lazaret.css"), CSS).unwrap();
    std::fs::write(folder.join("static/lazaret.js"), SCRIPT).unwrap();
    for (language, prefix) in [(Language::English, ""), (Language::Pseudo, "xa-")] {
        for (name, html) in pages(language) {
            let html = html
                .replace(crate::frame::CSS_PATH, "/static/lazaret.css")
                .replace(crate::frame::SCRIPT_PATH, "/static/lazaret.js");
            std::fs::write(folder.join(format!("{prefix}{name}.html")), html).unwrap();
        }
    }
}

#[test]
fn no_page_lacks_a_message() {
    for (name, html) in pages(Language::English) {
        assert!(!html.contains('\u{27e6}'), "{name}: {}", html.split('\u{27e6}').nth(1).unwrap_or_default());
        assert!(html.contains("<main"), "{name} is empty");
    }
}

#[test]
fn no_page_needs_inline_script_or_style() {
    for (name, html) in pages(Language::English) {
        assert!(!html.contains(" style="), "{name}");
        assert!(!html.contains("<style"), "{name}");
        assert!(!html.contains(" onclick="), "{name}");
        assert_eq!(html.matches("<script").count(), 1, "{name}");
    }
}

#[test]
fn pages_stay_light() {
    for (name, html) in pages(Language::English) {
        assert!(html.len() <= 60_000, "{name}: {} bytes", html.len());
        assert!(gzipped(&html) <= 14_000, "{name}: {} bytes gzipped", gzipped(&html));
    }
    assert!(CSS.len() <= 20_000 && gzipped(CSS) <= 5_000, "css {} {}", CSS.len(), gzipped(CSS));
    assert!(SCRIPT.len() <= 12_000 && gzipped(SCRIPT) <= 4_000, "script {} {}", SCRIPT.len(), gzipped(SCRIPT));
}

#[test]
fn every_page_has_one_h1_one_status_and_unique_ids() {
    for (name, html) in pages(Language::English) {
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert_eq!(html.matches("role=\"status\"").count(), 1, "{name}");
        let mut seen = BTreeSet::new();
        for part in html.split(" id=\"").skip(1) {
            let id = part.split('"').next().unwrap_or_default();
            assert!(seen.insert(id), "{name}: id {id} twice");
        }
        let menu = html.split("<nav class=\"menu\"").nth(1).and_then(|rest| rest.split("</nav>").next());
        assert!(menu.is_none_or(|menu| menu.matches("<a ").count() <= 7), "{name}");
    }
}

#[test]
fn a_form_that_changes_something_carries_the_token() {
    for (name, html) in pages(Language::English) {
        for form in html.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap_or_default();
            let open = ["action=\"/login", "action=\"/first-run/", "action=\"/welcome?", "action=\"/acknowledge/"]
                .iter()
                .any(|action| form.contains(action));
            assert!(!form.contains("method=\"post\"") || open || form.contains("name=\"csrf\""), "{name}: {form}");
        }
    }
}

/// Every key that templates and sources name literally, and every closed set of words, has a message.
#[test]
fn every_key_has_a_message() {
    let words = words(Language::English);
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![here.join("templates"), here.join("src")];
    let mut keys = BTreeSet::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for call in ["t(\"", "n(\"", "with(\"", "with_all(\"", "n_with(\"", "frame(\"", "notice-"] {
            for part in text.split(call).skip(1) {
                let key = part.split('"').next().unwrap_or_default();
                let key = if call == "notice-" { format!("notice-{key}") } else { key.to_owned() };
                if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                    keys.insert((key, path.display().to_string()));
                }
            }
        }
    }
    let lacking: Vec<_> =
        keys.iter().filter(|(key, file)| !words.has(key) && key.contains('-') && !file.contains("tests")).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
    let sets: [(&str, &[&str]); 24] = [
        ("proof", &["password", "password-and-code", "passkey", "break-glass"]),
        ("level", &["critical", "high", "medium", "low", "informational"]),
        ("role", &["viewer", "operator", "approver", "admin"]),
        ("verdict-short", &["hit", "exposed", "not-concerned", "cannot-tell"]),
        ("delivery", &["sent", "received", "hit", "exposed", "not-concerned", "cannot-tell"]),
        ("above-state", &["trial", "held", "live", "ignored", "withdrawn"]),
        ("reach", &["members", "sent", "received", "hit", "exposed", "not-concerned", "cannot-tell"]),
        ("received-state", &["trial", "held", "live", "ignored", "withdrawn"]),
        ("alert-state", &["open", "dismissed", "in-case"]),
        ("kind", &["ipv4-addr", "ipv6-addr", "domain-name", "url", "file-hash", "email-addr", "file-name"]),
        ("shared", &["indicator", "supplier", "family"]),
        ("sort", &["incident", "near-miss", "partner-outage", "suspected-device-incident"]),
        ("stage", &["open", "contained", "closed"]),
        ("outcome", &["resolved", "false-alarm", "duplicate"]),
        ("warning-stage", &["proposed", "declined", "approved", "sent", "withdrawn"]),
        ("reason", &["false-alarm", "over", "replaced"]),
        ("source", &["confirmed-victim", "mail", "document", "phone", "advisory"]),
        ("answer", &["used", "not-used", "unknown"]),
        ("member-role", &["hospital", "national"]),
        ("channel", &["mail", "webhook", "sms", "modem"]),
        ("call-state", &["waiting", "sent", "failed", "acknowledged", "dropped"]),
        ("how", &["console", "link", "sms-reply"]),
        ("notice-about", &["alert", "hit", "trouble", "monthly-test", "test"]),
        ("month", &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"]),
    ];
    for (prefix, set) in sets {
        for word in set {
            assert!(words.has(&format!("{prefix}-{word}")), "{prefix}-{word}");
        }
    }
}

/// The pseudo-locale changes every text that comes from the catalogue; what stays plain was typed into a template.
#[test]
fn every_text_comes_from_the_catalogue() {
    for (name, html) in pages(Language::Pseudo) {
        for heading in html.split("<label").skip(1).chain(html.split("<button").skip(1)) {
            let text = heading.split('>').nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default();
            let plain = text.chars().any(char::is_alphabetic) && !text.contains('~') && !text.contains("TLP");
            assert!(!plain || text.contains("After Romania"), "{name}: {text:?}");
        }
    }
}

fn tokens(block: &str) -> Vec<(String, [f64; 3])> {
    block
        .split(';')
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            let value = value.trim().strip_prefix('#')?;
            let part = |range: std::ops::Range<usize>| u8::from_str_radix(value.get(range)?, 16).ok().map(f64::from);
            Some((name.trim().trim_start_matches("--").to_owned(), [part(0..2)?, part(2..4)?, part(4..6)?]))
        })
        .collect()
}

fn luminance(colour: [f64; 3]) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = part / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Every pair of colours that pages use, in both schemes. Source: WCAG 2.2, 1.4.3 and 1.4.11.
#[test]
fn colours_can_be_read_in_both_schemes() {
    let light = CSS.split(":root{").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    let dark = CSS.split("[data-scheme=dark]{").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    let focus = |name: &str| tokens(light).into_iter().find(|(token, _)| token == name).unwrap().1;
    assert!(contrast(focus("focus-in"), focus("focus-out")) >= 3.0);
    for block in [light, dark] {
        let tokens = tokens(block);
        let of = |name: &str| tokens.iter().find(|(token, _)| token == name).unwrap_or_else(|| panic!("{name}")).1;
        let text = |front: &str, back: &str| {
            let found = contrast(of(front), of(back));
            assert!(found >= 4.5, "{front} on {back}: {found:.2}");
        };
        for front in ["ink", "action", "visited", "critical", "high", "medium", "low", "good", "edge"] {
            text(front, "paper");
            text(front, "soft");
        }
        for level in ["critical", "high", "medium", "low", "good"] {
            text(level, &format!("{level}-tint"));
            text("ink", &format!("{level}-tint"));
            text("edge", &format!("{level}-tint"));
        }
        text("on-action", "action");
        for heat in ["heat-1", "heat-2", "heat-3"] {
            text("ink", heat);
        }
        for heat in ["heat-4", "heat-5"] {
            text("on-action", heat);
        }
        for mark in ["edge", "action"] {
            assert!(contrast(of(mark), of("paper")) >= 3.0, "{mark}");
        }
    }
}

#[test]
fn moments_carry_their_zone_and_the_repeated_hour_its_offset() {
    let words = words(Language::English);
    let check = |at: &str, shown: &str| assert_eq!(words.moment(&at.parse().unwrap()), shown);
    check("2026-11-25T12:02:00Z", "25 Nov 2026, 14:02 EET");
    check("2026-07-01T12:02:00Z", "1 Jul 2026, 15:02 EEST");
    check("2026-10-25T00:30:00Z", "25 Oct 2026, 03:30 EEST (+03:00)");
    check("2026-10-25T01:30:00Z", "25 Oct 2026, 03:30 EET (+02:00)");
    assert_eq!(words.apart(&"2026-11-25T18:14:00Z".parse().unwrap()), "in 6 h 12 min");
    assert_eq!(words.number(&1_284_077), "1,284,077");
}

#[test]
fn pages_keep_their_shape() {
    let pages = pages(Language::English);
    for name in ["now", "warning", "theatre"] {
        let (_, html) = pages.iter().find(|(page, _)| *page == name).unwrap();
        let start = html.find("<main").unwrap();
        let end = html.find("</main>").unwrap();
        insta::assert_snapshot!(name, &html[start..end]);
    }
}
