//! The one egress function: what of an alert may leave the hospital, and whether anything may cross a border.
//! An allow-list, never a deny-list: attacker-side values of known kinds that survive the warninglists, and nothing else.

use std::collections::BTreeSet;
use std::net::IpAddr;

use domain::marking::Marking;
use domain::telemetry::{Observable, ObservableKind, SIGHTING_OBSERVABLES_MAX, is_public_address};

/// Names that only an inside network resolves (RFC 6762, RFC 8375, ICANN's `internal`, and habits).
const INSIDE_SUFFIXES: [&str; 8] = ["local", "lan", "internal", "intranet", "corp", "home", "localdomain", "arpa"];

/// Values that are never the attacker's side: warninglists from content, and the hospital's own names.
#[derive(Debug, Clone, Default)]
pub struct Warninglists {
    domains: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
    ranges: Vec<(IpAddr, u8)>,
    hashes: BTreeSet<String>,
}

impl Warninglists {
    /// Reads lists with one value a line: addresses, CIDR blocks, hashes, and domains (which cover subdomains).
    /// `#` starts a comment. Lines that are nothing of these are returned with their number (from 1).
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> (Self, Vec<(usize, String)>) {
        let mut lists = Self::default();
        let mut unread = Vec::new();
        for text in texts {
            for (index, line) in text.lines().enumerate() {
                let value = line.split('#').next().unwrap_or_default().trim();
                if !value.is_empty() && !lists.add(value) {
                    unread.push((index + 1, value.to_owned()));
                }
            }
        }
        (lists, unread)
    }

    /// Adds one value; false where it is no address, block, hash or domain.
    pub fn add(&mut self, value: &str) -> bool {
        let value = value.trim_end_matches('.').to_lowercase();
        if let Ok(address) = value.parse::<IpAddr>() {
            self.addresses.insert(address);
            return true;
        }
        if let Some((address, bits)) = value.split_once('/') {
            return match (address.parse::<IpAddr>(), bits.parse::<u8>()) {
                (Ok(address), Ok(bits)) if bits <= width(address) => {
                    self.ranges.push((address, bits));
                    true
                }
                _ => false,
            };
        }
        if is_hash(&value) {
            self.hashes.insert(value);
            return true;
        }
        let plain = value.strip_prefix("*.").unwrap_or(&value);
        if !is_domain_shaped(plain) {
            return false;
        }
        self.domains.insert(plain.to_owned());
        true
    }

    fn holds_address(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address) || self.ranges.iter().any(|(base, bits)| in_block(address, *base, *bits))
    }

    fn holds_domain(&self, name: &str) -> bool {
        let mut rest = name;
        loop {
            if self.domains.contains(rest) {
                return true;
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return false,
            }
        }
    }
}

/// The observables that may leave, normalised, sorted, without repeats, at most [`SIGHTING_OBSERVABLES_MAX`].
pub fn attacker_side(candidates: &[Observable], lists: &Warninglists) -> Vec<Observable> {
    let kept: BTreeSet<Observable> = candidates.iter().filter_map(|candidate| leaving(candidate, lists)).collect();
    kept.into_iter().take(SIGHTING_OBSERVABLES_MAX).collect()
}

/// Whether a release may cross from this organisation to the community; the only question asked at every hop.
pub fn may_cross(marking: Marking) -> bool {
    marking.may_reach_community()
}

fn leaving(candidate: &Observable, lists: &Warninglists) -> Option<Observable> {
    let value = candidate.value.trim().trim_end_matches('.').to_lowercase();
    let kept = match candidate.kind {
        ObservableKind::Ipv4Addr | ObservableKind::Ipv6Addr => {
            let address: IpAddr = value.parse().ok()?;
            (is_public_address(address) && !lists.holds_address(address)).then(|| address.to_string())?
        }
        ObservableKind::DomainName => outside_domain(&value, lists).then_some(value)?,
        ObservableKind::Url => outside_url(&candidate.value, lists)?,
        ObservableKind::FileHash => (is_hash(&value) && !lists.hashes.contains(&value)).then_some(value)?,
        ObservableKind::EmailAddr => {
            let (_, host) = value.rsplit_once('@')?;
            outside_domain(host, lists).then_some(value.clone())?
        }
        ObservableKind::FileName => return None,
    };
    Some(Observable { kind: candidate.kind, value: kept })
}

fn outside_domain(name: &str, lists: &Warninglists) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    is_domain_shaped(name)
        && !INSIDE_SUFFIXES.contains(&last)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
        && !lists.holds_domain(name)
}

/// A URL without user information, query and fragment: those may name a patient or a user.
fn outside_url(url: &str, lists: &Warninglists) -> Option<String> {
    let (scheme, rest) = url.trim().split_once("://")?;
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https" | "ftp") {
        return None;
    }
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    let authority = authority.rsplit('@').next().unwrap_or_default().to_lowercase();
    let host = host_of(&authority);
    let outside = match host.parse::<IpAddr>() {
        Ok(address) => is_public_address(address) && !lists.holds_address(address),
        Err(_) => outside_domain(host, lists),
    };
    outside.then(|| format!("{}://{authority}/{path}", scheme.to_ascii_lowercase()))
}

fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn is_hash(value: &str) -> bool {
    matches!(value.len(), 32 | 40 | 64) && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_domain_shaped(name: &str) -> bool {
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' || byte >= 0x80)
        })
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn in_block(address: IpAddr, base: IpAddr, bits: u8) -> bool {
    match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) => {
            let shift = 32 - u32::from(bits);
            u32::from(address).checked_shr(shift) == u32::from(base).checked_shr(shift)
        }
        (IpAddr::V6(address), IpAddr::V6(base)) => {
            let shift = 128 - u32::from(bits);
            u128::from(address).checked_shr(shift) == u128::from(base).checked_shr(shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists() -> Warninglists {
        let (lists, unread) =
            Warninglists::parse(["8.8.8.8 # a resolver\n203.0.114.0/24\n*.update.example\nnot a value"]);
        assert_eq!(unread, [(4, "not a value".to_owned())]);
        lists
    }

    fn leaves(kind: ObservableKind, value: &str) -> Option<String> {
        let candidate = Observable { kind, value: value.to_owned() };
        attacker_side(&[candidate], &lists()).pop().map(|kept| kept.value)
    }

    #[test]
    fn only_the_attackers_side_leaves() {
        use ObservableKind::{DomainName, EmailAddr, FileHash, FileName, Ipv4Addr, Ipv6Addr, Url};
        let check = |kind, value: &str, expected: Option<&str>| {
            assert_eq!(leaves(kind, value).as_deref(), expected, "{value}");
        };
        check(Ipv4Addr, "10.0.0.7", None);
        check(Ipv4Addr, "8.8.8.8", None);
        check(Ipv4Addr, "203.0.114.9", None);
        check(Ipv4Addr, "198.51.100.7", Some("198.51.100.7"));
        check(Ipv6Addr, "fd00::1", None);
        check(DomainName, "PACS01.hospital.local", None);
        check(DomainName, "dc01", None);
        check(DomainName, "cdn.update.example", None);
        check(DomainName, "Evil.Example.", Some("evil.example"));
        check(Url, "https://bob:secret@evil.example:8443/a/b?patient=7#x", Some("https://evil.example:8443/a/b"));
        check(Url, "http://10.0.0.7/x", None);
        check(Url, "file:///etc/passwd", None);
        check(EmailAddr, "bill@evil.example", Some("bill@evil.example"));
        check(EmailAddr, "nurse@ward.local", None);
        check(FileHash, &"AB".repeat(32), Some(&"ab".repeat(32)));
        check(FileName, "patient-list.xlsx", None);
    }

    #[test]
    fn an_address_at_a_mail_provider_for_everybody_stays_here() {
        let (lists, unread) = Warninglists::parse([include_str!("../../../content/warninglists/free-mail.txt")]);
        assert_eq!(unread, []);
        let leaves = |value: &str| {
            let candidate = Observable { kind: ObservableKind::EmailAddr, value: value.to_owned() };
            !attacker_side(&[candidate], &lists).is_empty()
        };
        assert!(!leaves("patient@gmail.com"));
        assert!(!leaves("Nurse@Yahoo.ro"));
        assert!(leaves("bill@evil.example"));
    }

    #[test]
    fn a_block_of_all_addresses_holds_every_address() {
        let (lists, _) = Warninglists::parse(["0.0.0.0/0"]);
        assert!(lists.holds_address("198.51.100.7".parse().unwrap()));
    }
}
