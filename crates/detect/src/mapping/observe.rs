//! Finds values of the attacker's side in fields that a mapping names: public addresses, domains, URLs, hashes, senders.
//! A file of its own because normalising them is shared by every source, and because what is *not* taken (private
//! addresses, single-label names) is a promise about what may ever leave a hospital.

use std::net::IpAddr;

use domain::telemetry::{Observable, ObservableKind, is_public_address};

use super::Path;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntityKind {
    /// An IP address, perhaps with a port.
    Address,
    /// A domain name, or a host that may be one.
    Domain,
    /// A URL; its host counts too.
    Url,
    /// A hash, or a composite such as `SHA1=…,MD5=…`.
    Hash,
    /// A mail address.
    Email,
    /// A path or file name; only the name behind the last separator is taken.
    FileName,
}

impl EntityKind {
    /// Reads the key of a mapping file.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "address" => Self::Address,
            "domain" => Self::Domain,
            "url" => Self::Url,
            "hash" => Self::Hash,
            "email" => Self::Email,
            "file" => Self::FileName,
            _ => return None,
        })
    }
}

/// A field that holds values of the attacker's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// What it holds.
    pub kind: EntityKind,
    /// Where it is; all of the paths count.
    pub paths: Vec<Path>,
}

impl Entity {
    /// Calls with every observable in a value, normalised: lower case, no port, no trailing dot.
    /// Shape: private, loopback and other internal addresses are passed over, and so are names without a dot.
    pub fn read(&self, value: &str, each: &mut dyn FnMut(Observable)) {
        let value = value.trim();
        match self.kind {
            EntityKind::Address => address(value, each),
            EntityKind::Domain => domain_name(value, each),
            EntityKind::Url => url(value, each),
            EntityKind::Hash => hashes(value, each),
            EntityKind::Email => email(value, each),
            EntityKind::FileName => file_name(value, each),
        }
    }
}

fn send(kind: ObservableKind, value: String, each: &mut dyn FnMut(Observable)) {
    each(Observable { kind, value });
}

/// An address with or without brackets, port or IPv4-in-IPv6 prefix.
fn parse_address(value: &str) -> Option<IpAddr> {
    let bare = value.trim_start_matches("::ffff:");
    if let Ok(address) = bare.parse() {
        return Some(address);
    }
    if let Some(inside) = bare.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return inside.0.parse().ok();
    }
    let (host, port) = bare.rsplit_once(':')?;
    (!port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())).then(|| host.parse().ok()).flatten()
}

fn address(value: &str, each: &mut dyn FnMut(Observable)) {
    let Some(address) = parse_address(value).filter(|address| is_public_address(*address)) else { return };
    let kind = match address {
        IpAddr::V4(_) => ObservableKind::Ipv4Addr,
        IpAddr::V6(_) => ObservableKind::Ipv6Addr,
    };
    send(kind, address.to_string(), each);
}

fn domain_name(value: &str, each: &mut dyn FnMut(Observable)) {
    if parse_address(value).is_some() {
        return address(value, each);
    }
    let name = value.split(':').next().unwrap_or("").trim_end_matches('.').to_lowercase();
    if is_domain(&name) {
        send(ObservableKind::DomainName, name, each);
    }
}

/// At least two labels, letters digits hyphens underscores, a last label with a letter, and no name that only an inside
/// network has.
fn is_domain(name: &str) -> bool {
    let inside = [".local", ".lan", ".internal", ".intern", ".localdomain", ".arpa", ".home", ".corp", ".localhost"];
    let label =
        |l: &str| (1..=63).contains(&l.len()) && l.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(label)
        && name.rsplit('.').next().is_some_and(|last| last.chars().any(char::is_alphabetic))
        && !inside.iter().any(|suffix| name.ends_with(suffix))
}

/// Scheme and host in lower case, no fragment; the host alone counts too.
fn url(value: &str, each: &mut dyn FnMut(Observable)) {
    let Some((scheme, rest)) = value.split_once("://") else { return };
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https" | "ftp") {
        return;
    }
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = host.rsplit('@').next().unwrap_or(host).to_lowercase();
    let mut seen_host = false;
    domain_name(&host, &mut |observable| {
        seen_host = true;
        each(observable);
    });
    if seen_host {
        let path = path.split('#').next().unwrap_or("");
        send(ObservableKind::Url, format!("{}://{host}{path}", scheme.to_lowercase()), each);
    }
}

fn hashes(value: &str, each: &mut dyn FnMut(Observable)) {
    for piece in value.split([',', ';', ' ']) {
        let (name, hash) = piece.split_once('=').unwrap_or(("", piece));
        let is_hash = matches!(hash.len(), 32 | 40 | 64) && hash.bytes().all(|b| b.is_ascii_hexdigit());
        // an import hash is shared by unrelated programs of one toolchain: no sign of the attacker
        if is_hash && !name.eq_ignore_ascii_case("imphash") {
            send(ObservableKind::FileHash, hash.to_lowercase(), each);
        }
    }
}

fn email(value: &str, each: &mut dyn FnMut(Observable)) {
    let value = value.trim_matches(['<', '>']).to_lowercase();
    let Some((user, host)) = value.rsplit_once('@') else { return };
    if !user.is_empty() && !user.contains(' ') && is_domain(host) {
        send(ObservableKind::EmailAddr, value, each);
    }
}

fn file_name(value: &str, each: &mut dyn FnMut(Observable)) {
    let name = value.rsplit(['\\', '/']).next().unwrap_or("").to_lowercase();
    if name.contains('.') && name.len() <= 255 {
        send(ObservableKind::FileName, name, each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: EntityKind, value: &str, expected: &[&str]) {
        let mut found = Vec::new();
        Entity { kind, paths: Vec::new() }.read(value, &mut |o| found.push(format!("{} {}", o.kind.as_str(), o.value)));
        assert_eq!(found, expected, "{value}");
    }

    #[test]
    fn only_the_outside_counts() {
        check(EntityKind::Address, "9.9.9.9:443", &["ipv4-addr 9.9.9.9"]);
        check(EntityKind::Address, "::ffff:9.9.9.9", &["ipv4-addr 9.9.9.9"]);
        check(EntityKind::Address, "[2a00:1450::1]:80", &["ipv6-addr 2a00:1450::1"]);
        check(EntityKind::Address, "10.0.0.1", &[]);
        check(EntityKind::Address, "-", &[]);
        check(EntityKind::Domain, "Evil.Example.COM.", &["domain-name evil.example.com"]);
        check(EntityKind::Domain, "dc01.kh.local", &[]);
        check(EntityKind::Domain, "dc01", &[]);
        check(EntityKind::Domain, "1.2.3", &[]);
    }

    #[test]
    fn urls_hashes_senders_files() {
        check(
            EntityKind::Url,
            "HTTPS://u:p@Evil.example.com/a?b#c",
            &["domain-name evil.example.com", "url https://evil.example.com/a?b"],
        );
        check(EntityKind::Url, "http://10.0.0.1/x", &[]);
        check(EntityKind::Url, "file:///etc/passwd", &[]);
        let md5 = "FAB4B30C1C4F0A9202A7B42DCF1729DC";
        check(
            EntityKind::Hash,
            &format!("MD5={md5},IMPHASH={md5},SHA1=zz"),
            &[&format!("file-hash {}", md5.to_lowercase())],
        );
        check(EntityKind::Email, "<Eve@Evil.example.com>", &["email-addr eve@evil.example.com"]);
        check(EntityKind::FileName, r"C:\tmp\Evil.EXE", &["file-name evil.exe"]);
    }
}
