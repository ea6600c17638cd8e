//! Reads the indicators file: one value a line with the kind guessed, or a STIX 2.1 bundle.
//! A file of its own because guessing a value's kind is done nowhere else.

use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use domain::telemetry::{Indicator, ObservableKind};
use jiff::Timestamp;
use standards::stix;

use super::Problems;

/// The most lines of a list.
const LINES_MAX: usize = 20_000_000;

/// Reads the file. Shape: what is no indicator is told with its line or STIX id. Errors: the file cannot be read at all.
pub(super) fn load(path: &Path, now: Timestamp, problems: &mut Problems) -> Result<Vec<Indicator>> {
    let about = std::fs::metadata(path).with_context(|| format!("--indicators {}", path.display()))?;
    let limit = stix::BUNDLE_BYTES_MAX as u64 * 4;
    ensure!(about.len() <= limit, "--indicators {}: {} bytes, the limit is {limit}", path.display(), about.len());
    let bytes = std::fs::read(path).with_context(|| format!("--indicators {}", path.display()))?;
    let name = path.display().to_string();
    if stix::looks_like_bundle(&bytes) {
        return bundle(&bytes, &name, now, problems);
    }
    Ok(list(&String::from_utf8_lossy(&bytes), &name, problems))
}

fn bundle(bytes: &[u8], name: &str, now: Timestamp, problems: &mut Problems) -> Result<Vec<Indicator>> {
    let reading = stix::read_indicators(bytes, now).with_context(|| name.to_owned())?;
    for refused in &reading.refused {
        problems.tell(&format!("{name}: {}: {}", refused.id, refused.why));
    }
    let unlisted = reading.refused_count - reading.refused.len();
    if unlisted > 0 {
        problems.tell(&format!("{name}: {unlisted} further indicators could not be used"));
    }
    Ok(reading.indicators)
}

/// One value a line; `#` begins a comment, at the start or behind a space.
fn list(text: &str, name: &str, problems: &mut Problems) -> Vec<Indicator> {
    let mut indicators = Vec::new();
    for (at, line) in text.lines().take(LINES_MAX).enumerate() {
        let value = line.split_once(" #").map_or(line, |(value, _)| value).trim().trim_start_matches('\u{feff}');
        if value.is_empty() || value.starts_with('#') {
            continue;
        }
        match guess(value) {
            Some((kind, value)) => indicators.push(Indicator { kind, value, origin: format!("{name}:{}", at + 1) }),
            None => problems.tell(&format!(
                "{name}:{}: {value:?} is no address, domain, URL, hash, mail address or file name",
                at + 1
            )),
        }
    }
    indicators
}

/// The kind of a value by its form; the defanged spellings of reports (`hxxp`, `[.]`) are undone.
pub(super) fn guess(value: &str) -> Option<(ObservableKind, String)> {
    let value = value.replace("[.]", ".").replace("(.)", ".").replace("[:]", ":").replace("hxxp", "http");
    let value = value.trim_matches(['"', '\'', ',']);
    if let Some(address) = address(value) {
        return Some(address);
    }
    let is_hash = matches!(value.len(), 32 | 40 | 64) && value.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hash {
        return Some((ObservableKind::FileHash, value.to_lowercase()));
    }
    if value.contains("://") {
        return Some((ObservableKind::Url, value.to_owned()));
    }
    if value.is_empty() || value.contains([' ', '/', '\\']) {
        return None;
    }
    if let Some((user, host)) = value.split_once('@') {
        let fits = !user.is_empty() && host.contains('.');
        return fits.then(|| (ObservableKind::EmailAddr, value.to_lowercase()));
    }
    let name = value.trim_end_matches('.').to_lowercase();
    let (_, last) = name.rsplit_once('.')?;
    let is_file = FILE_ENDINGS.contains(&last);
    let is_domain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.')) && !last.is_empty();
    match (is_file, is_domain) {
        (true, _) => Some((ObservableKind::FileName, name)),
        (false, true) => Some((ObservableKind::DomainName, name)),
        (false, false) => None,
    }
}

/// Endings that are programs and documents rather than top-level domains.
const FILE_ENDINGS: [&str; 26] = [
    "exe", "dll", "sys", "bat", "cmd", "ps1", "vbs", "vbe", "js", "jse", "hta", "lnk", "scr", "msi", "iso", "img",
    "one", "doc", "docm", "docx", "xls", "xlsm", "xlsx", "pdf", "rar", "7z",
];

fn address(value: &str) -> Option<(ObservableKind, String)> {
    let (host, block) = value.split_once('/').map_or((value, None), |(host, length)| (host, Some(length)));
    let host: IpAddr = host.parse().ok()?;
    let (kind, most) = match host {
        IpAddr::V4(_) => (ObservableKind::Ipv4Addr, 32_u8),
        IpAddr::V6(_) => (ObservableKind::Ipv6Addr, 128),
    };
    match block {
        None => Some((kind, host.to_string())),
        Some(length) => {
            length.parse::<u8>().ok().filter(|l| *l <= most).map(|length| (kind, format!("{host}/{length}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_guessed_by_form() {
        let check = |value: &str, expected: &str| {
            let shown = guess(value).map_or("none".to_owned(), |(kind, value)| format!("{} {value}", kind.as_str()));
            assert_eq!(shown, expected, "{value}");
        };
        check("198.51.100.7", "ipv4-addr 198.51.100.7");
        check("198.51[.]100.7", "ipv4-addr 198.51.100.7");
        check("198.51.100.0/24", "ipv4-addr 198.51.100.0/24");
        check("2001:DB8::1", "ipv6-addr 2001:db8::1");
        check("Evil[.]Example.com", "domain-name evil.example.com");
        check("hxxps://evil[.]example/a", "url https://evil.example/a");
        check("FAB4B30C1C4F0A9202A7B42DCF1729DC", "file-hash fab4b30c1c4f0a9202a7b42dcf1729dc");
        check("eve@evil.example", "email-addr eve@evil.example");
        check("Invoice.DOCM", "file-name invoice.docm");
        check("two words", "none");
        check("198.51.100.0/64", "none");
        check("@", "none");
    }
}
