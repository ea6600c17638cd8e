//! Indicators against every token of an event: addresses, blocks, domains with their subdomains, URLs, hashes, mail
//! addresses, file names. A file of its own because it shares nothing with rules but the event.
//! Shape: one table from a keyed 64-bit hash to an indicator, verified on the text; merged address ranges; domains are
//! looked up label by label. Immutable: an update builds a new set, which is swapped whole.

mod tokens;

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;

use domain::telemetry::{Indicator, ObservableKind};

use crate::event::{Event, ScalarKind};
use crate::sigma::cidr::{Cidr, address_number};
use crate::sigma::fold::{Fold, fold_text};
use crate::sigma::matching::fold_into;

use tokens::{Form, each_file, each_token, each_url};

/// The longest text that is taken apart, in bytes; of a longer value the start is looked at.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// The most labels of a domain that are walked.
pub const LABELS_MAX: usize = 32;
/// The most matches reported for one event.
pub const MATCHES_MAX: usize = 64;

/// An indicator that an event holds, and the text it was found in.
#[derive(Debug, Clone, PartialEq)]
pub struct IndicatorMatch {
    /// The indicator.
    pub indicator: Arc<Indicator>,
    /// The token as the event has it, folded.
    pub found: String,
}

/// An indicator that could not be used, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct IndicatorProblem {
    /// The indicator.
    pub indicator: Indicator,
    /// Why not.
    pub what: &'static str,
}

/// Many indicators, ready to be looked up.
#[derive(Debug)]
pub struct IndicatorSet {
    indicators: Vec<Arc<Indicator>>,
    /// Open addressing: hash and indicator number; `EMPTY` ends a probe.
    table: Vec<(u64, u32)>,
    /// First address, last address, indicator; sorted by first, with the greatest last so far for stopping early.
    ranges: Vec<Range>,
    seed: RandomState,
    kinds: Kinds,
    problems: Vec<IndicatorProblem>,
}

#[derive(Debug, Clone, Copy)]
struct Range {
    first: u128,
    last: u128,
    /// The greatest `last` of this and all ranges before it.
    reach: u128,
    indicator: u32,
}

/// Which kinds of lookups are needed at all.
#[derive(Debug, Clone, Copy, Default)]
struct Kinds {
    domains: bool,
    urls: bool,
    hashes: bool,
    mails: bool,
    files: bool,
}

const EMPTY: u32 = u32::MAX;

impl Default for IndicatorSet {
    fn default() -> Self {
        Self::build(std::iter::empty())
    }
}

impl IndicatorSet {
    /// Builds a set. Shape: what cannot be used is kept in [`IndicatorSet::problems`]; of equal ones the first counts.
    pub fn build(indicators: impl Iterator<Item = Indicator>) -> Self {
        let mut set = Self {
            indicators: Vec::new(),
            table: Vec::new(),
            ranges: Vec::new(),
            seed: RandomState::new(),
            kinds: Kinds::default(),
            problems: Vec::new(),
        };
        let mut texts = Vec::new();
        for indicator in indicators {
            set.add(indicator, &mut texts);
        }
        set.table = vec![(0, EMPTY); (texts.len() * 2).next_power_of_two().max(2)];
        for (hash, number) in texts {
            set.place(hash, number);
        }
        set.ranges.sort_by_key(|range| range.first);
        let mut reach = 0;
        for range in &mut set.ranges {
            reach = range.last.max(reach);
            range.reach = reach;
        }
        set
    }

    /// How many indicators are looked up.
    pub fn len(&self) -> usize {
        self.indicators.len()
    }

    /// Whether there is nothing to look up.
    pub fn is_empty(&self) -> bool {
        self.indicators.is_empty()
    }

    /// What could not be used.
    pub fn problems(&self) -> &[IndicatorProblem] {
        &self.problems
    }

    fn add(&mut self, indicator: Indicator, texts: &mut Vec<(u64, u32)>) {
        let number = self.indicators.len() as u32;
        let kind = indicator.kind;
        if let ObservableKind::Ipv4Addr | ObservableKind::Ipv6Addr = kind {
            let Ok(block) = indicator.value.parse::<Cidr>() else {
                return self.problems.push(IndicatorProblem { indicator, what: "no address and no block" });
            };
            let (first, last) = block.range();
            self.ranges.push(Range { first, last, reach: last, indicator: number });
            return self.indicators.push(Arc::new(indicator));
        }
        let Some(value) = normal(kind, &indicator.value) else {
            return self.problems.push(IndicatorProblem { indicator, what: "not a value of its kind" });
        };
        match kind {
            ObservableKind::DomainName => self.kinds.domains = true,
            ObservableKind::Url => self.kinds.urls = true,
            ObservableKind::FileHash => self.kinds.hashes = true,
            ObservableKind::EmailAddr => self.kinds.mails = true,
            ObservableKind::FileName => self.kinds.files = true,
            ObservableKind::Ipv4Addr | ObservableKind::Ipv6Addr => {}
        }
        texts.push((self.hash(kind, &value), number));
        self.indicators.push(Arc::new(Indicator { value, ..indicator }));
    }

    fn place(&mut self, hash: u64, number: u32) {
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        while self.table[at].1 != EMPTY {
            let held = &self.indicators[self.table[at].1 as usize];
            let new = &self.indicators[number as usize];
            if self.table[at].0 == hash && held.kind == new.kind && held.value == new.value {
                return;
            }
            at = (at + 1) & mask;
        }
        self.table[at] = (hash, number);
    }

    fn hash(&self, kind: ObservableKind, value: &str) -> u64 {
        self.seed.hash_one((kind as u8, value))
    }

    fn find(&self, kind: ObservableKind, value: &str) -> Option<&Arc<Indicator>> {
        let hash = self.hash(kind, value);
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        while self.table[at].1 != EMPTY {
            let (held, number) = self.table[at];
            let indicator = &self.indicators[number as usize];
            if held == hash && indicator.kind == kind && indicator.value == value {
                return Some(indicator);
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// The narrowest way to all ranges that hold an address: back from the last that begins at or before it.
    fn find_address(&self, address: IpAddr) -> Option<&Arc<Indicator>> {
        let number = address_number(address);
        let after = self.ranges.partition_point(|range| range.first <= number);
        for range in self.ranges[..after].iter().rev() {
            if range.reach < number {
                return None;
            }
            if range.last >= number {
                return self.indicators.get(range.indicator as usize);
            }
        }
        None
    }

    /// Every indicator that the event holds. Limits: [`MATCHES_MAX`]. `memory` is kept from event to event.
    pub fn matches(&self, event: &Event<'_>, memory: &mut String) -> Vec<IndicatorMatch> {
        let mut found: Vec<IndicatorMatch> = Vec::new();
        if self.is_empty() {
            return found;
        }
        event.each_scalar(&mut |value| {
            if matches!(value.kind, ScalarKind::Text | ScalarKind::EscapedText) && value.raw.len() > 2 {
                memory.clear();
                fold_into(memory, &value);
                self.match_text(start_of(memory, VALUE_BYTES_MAX), &mut found);
            }
        });
        found
    }

    fn match_text(&self, text: &str, found: &mut Vec<IndicatorMatch>) {
        each_token(text, &mut |token, form| self.match_token(token, form, found));
        if self.kinds.urls {
            each_url(text, &mut |url| {
                if let Some(normal) = normal_url(url) {
                    self.report(self.find(ObservableKind::Url, &normal), url, found);
                }
            });
        }
        if self.kinds.files {
            each_file(text, &mut |name| self.report(self.find(ObservableKind::FileName, name), name, found));
        }
    }

    fn match_token(&self, token: &str, form: Form, found: &mut Vec<IndicatorMatch>) {
        match form {
            Form::Address if !self.ranges.is_empty() => {
                if let Some(address) = crate::sigma::cidr::parse_address(token) {
                    self.report(self.find_address(address), token, found);
                }
            }
            Form::Hash if self.kinds.hashes => self.report(self.find(ObservableKind::FileHash, token), token, found),
            Form::Mail => {
                if self.kinds.mails {
                    self.report(self.find(ObservableKind::EmailAddr, token), token, found);
                }
                if let Some((_, domain)) = token.rsplit_once('@') {
                    self.match_domain(domain, found);
                }
            }
            Form::Name => self.match_domain(token, found),
            Form::Address | Form::Hash => {}
        }
    }

    fn match_domain(&self, name: &str, found: &mut Vec<IndicatorMatch>) {
        if !self.kinds.domains {
            return;
        }
        let mut rest = name.split_once(':').map_or(name, |(host, _)| host).trim_end_matches('.');
        for _ in 0..LABELS_MAX {
            if !rest.contains('.') {
                return;
            }
            if let Some(indicator) = self.find(ObservableKind::DomainName, rest) {
                return self.report(Some(indicator), name, found);
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return,
            }
        }
    }

    fn report(&self, indicator: Option<&Arc<Indicator>>, token: &str, found: &mut Vec<IndicatorMatch>) {
        let Some(indicator) = indicator else { return };
        let known = found.iter().any(|held| Arc::ptr_eq(&held.indicator, indicator));
        if !known && found.len() < MATCHES_MAX {
            found.push(IndicatorMatch { indicator: indicator.clone(), found: start_of(token, 1_024).to_owned() });
        }
    }
}

fn start_of(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A value in the form that tokens are compared in; `None` where it is no value of its kind.
fn normal(kind: ObservableKind, value: &str) -> Option<String> {
    let value = fold_text(value.trim(), Fold::Wide);
    let normal = match kind {
        ObservableKind::DomainName => value.trim_matches('.').trim_start_matches("*.").to_owned(),
        ObservableKind::Url => normal_url(&value)?,
        ObservableKind::FileHash => {
            let whole = matches!(value.len(), 32 | 40 | 64) && value.bytes().all(|b| b.is_ascii_hexdigit());
            return whole.then_some(value);
        }
        ObservableKind::EmailAddr if !value.contains('@') => return None,
        _ => value,
    };
    (normal.len() > 2).then_some(normal)
}

/// Scheme and host in lower case, no default port, no fragment, no slash at the end.
fn normal_url(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let rest = rest.split('#').next().unwrap_or(rest).trim_end_matches('/');
    let (host, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(default_port).unwrap_or(host);
    Some(format!("{scheme}://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indicator(kind: ObservableKind, value: &str) -> Indicator {
        Indicator { kind, value: value.to_owned(), origin: "test".to_owned() }
    }

    fn set() -> IndicatorSet {
        use ObservableKind::{DomainName, EmailAddr, FileHash, FileName, Ipv4Addr, Ipv6Addr, Url};
        let list = [
            (Ipv4Addr, "203.0.113.7"),
            (Ipv4Addr, "198.51.100.0/24"),
            (Ipv4Addr, "198.51.0.0/16"),
            (Ipv6Addr, "2001:db8:bad::/48"),
            (DomainName, "Evil.Example"),
            (Url, "https://cdn.example:443/Load/x.bin#top"),
            (FileHash, "D41D8CD98F00B204E9800998ECF8427E"),
            (EmailAddr, "boss@phish.example"),
            (FileName, "invoice 2026.exe"),
            (Ipv4Addr, "300.1.1.1"),
            (FileHash, "abc"),
        ];
        IndicatorSet::build(list.into_iter().map(|(kind, value)| indicator(kind, value)))
    }

    fn found(set: &IndicatorSet, text: &str) -> Vec<String> {
        let line = format!("{{\"a\":[{}]}}", serde_json::Value::from(text));
        let event = Event::from_json(line.as_bytes()).unwrap();
        set.matches(&event, &mut String::new()).into_iter().map(|one| one.indicator.value.clone()).collect()
    }

    #[test]
    fn tokens_of_every_kind_are_found_and_their_neighbours_are_not() {
        let set = set();
        assert_eq!((set.len(), set.problems().len()), (9, 2));
        let check = |text: &str, values: &[&str]| assert_eq!(found(&set, text), values, "{text}");
        check("from 203.0.113.7:443 to 10.0.0.1", &["203.0.113.7"]);
        check("src=203.0.113.7,dst=203.0.113.70", &["203.0.113.7"]);
        check("::ffff:203.0.113.7", &["203.0.113.7"]);
        check("203.0.113.71", &[]);
        check("198.51.100.9", &["198.51.100.0/24"]);
        check("198.51.7.9 and 198.52.0.1", &["198.51.0.0/16"]);
        check("[2001:db8:bad:1::5]:8080", &["2001:db8:bad::/48"]);
        check("2001:db8:bae::1", &[]);
        check("GET a.b.EVIL.example. HTTP", &["evil.example"]);
        check("http://login.evil.example:8080/x?y", &["evil.example"]);
        check("notevil.example evil.example.org", &[]);
        check("curl HTTPS://CDN.example/Load/x.bin", &["https://cdn.example/load/x.bin"]);
        check("https://cdn.example/load/y.bin", &[]);
        check("SHA256=00,MD5=d41d8cd98f00b204e9800998ecf8427e,X", &["d41d8cd98f00b204e9800998ecf8427e"]);
        check("From: <Boss@Phish.example>", &["boss@phish.example"]);
        check("anna@evil.example", &["evil.example"]);
        check(r"C:\Users\x\Invoice 2026.EXE", &["invoice 2026.exe"]);
        check("invoice 2026.exe.txt", &[]);
    }

    #[test]
    fn wide_and_narrow_blocks_around_an_address_are_both_tried() {
        let blocks = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.3.0/24"];
        let set = IndicatorSet::build(blocks.into_iter().map(|value| indicator(ObservableKind::Ipv4Addr, value)));
        assert_eq!(found(&set, "10.1.2.3"), ["10.1.2.0/24"]);
        assert_eq!(found(&set, "10.1.4.1"), ["10.1.0.0/16"]);
        assert_eq!(found(&set, "10.200.4.1"), ["10.0.0.0/8"]);
        assert_eq!(found(&set, "11.0.0.0"), Vec::<String>::new());
    }

    #[test]
    fn many_indicators_are_all_found() {
        let names = || (0..5_000).map(|n| format!("host{n}.zone{}.example", n % 7));
        let set = IndicatorSet::build(names().map(|name| indicator(ObservableKind::DomainName, &name)));
        for name in names() {
            assert_eq!(found(&set, &format!("x.{name}")), [name]);
        }
    }
}
