//! Lists of values that are never attackers: read, and checked for lines that say nothing.
//! A file of its own because the lists are written by hand and laid over by operators; the allow-list itself is `app`'s.

use std::net::IpAddr;

use super::Content;

/// One entry of a warninglist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A domain and everything below it, lower case.
    Domain(String),
    /// An address block: first address and prefix length.
    Block(IpAddr, u8),
}

/// A line that is neither a domain nor an address block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryProblem {
    /// Path of the list.
    pub path: String,
    /// Line, counted from 1.
    pub line: usize,
    /// The line's text.
    pub text: String,
}

/// Reads every list: entries by path of their list, and the lines that could not be read.
pub fn read(content: &Content) -> (Vec<(String, Vec<Entry>)>, Vec<EntryProblem>) {
    let (mut lists, mut problems) = (Vec::new(), Vec::new());
    for (path, text) in content.under("warninglists").filter(|(path, _)| path.ends_with(".txt")) {
        let mut entries = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let value = line.split('#').next().unwrap_or("").trim();
            match entry(value) {
                _ if value.is_empty() => {}
                Some(entry) => entries.push(entry),
                None => problems.push(EntryProblem { path: path.to_owned(), line: number + 1, text: value.to_owned() }),
            }
        }
        lists.push((path.to_owned(), entries));
    }
    (lists, problems)
}

/// Whether an entry covers a value: a domain, or an address.
pub fn covers(entry: &Entry, value: &str) -> bool {
    match entry {
        Entry::Domain(domain) => {
            value.strip_suffix(domain.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        }
        Entry::Block(first, length) => value.parse().is_ok_and(|address| in_block(address, *first, *length)),
    }
}

fn entry(text: &str) -> Option<Entry> {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    if let Ok(address) = address.parse::<IpAddr>() {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Some(longest), |length| length.parse().ok())?;
        return (length <= longest).then_some(Entry::Block(address, length));
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    (text.contains('.') && text.split('.').all(label)).then(|| Entry::Domain(text.to_owned()))
}

fn in_block(address: IpAddr, first: IpAddr, length: u8) -> bool {
    match (address, first) {
        (IpAddr::V4(address), IpAddr::V4(first)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            u32::from(address) & mask == u32::from(first) & mask
        }
        (IpAddr::V6(address), IpAddr::V6(first)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            u128::from(address) & mask == u128::from(first) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_cover_what_is_below_and_blocks_what_is_inside() {
        let check = |text: &str, value: &str, expected: bool| {
            assert_eq!(covers(&entry(text).unwrap(), value), expected, "{text} {value}")
        };
        check("microsoft.com", "go.microsoft.com", true);
        check("microsoft.com", "microsoft.com", true);
        check("microsoft.com", "notmicrosoft.com", false);
        check("10.0.0.0/8", "10.200.1.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("0.0.0.0/0", "11.0.0.1", true);
        check("fc00::/7", "fd12::1", true);
        check("fc00::/7", "10.0.0.1", false);
    }

    #[test]
    fn lines_that_say_nothing_are_found() {
        for bad in ["com", "10.0.0.0/40", "Microsoft.com", "http://x.org", "a..b"] {
            assert_eq!(entry(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_bundled_lists_read_and_leave_documentation_addresses_alone() {
        let (lists, problems) = read(&Content::builtin());
        assert_eq!(problems, []);
        assert!(lists.iter().map(|(_, entries)| entries.len()).sum::<usize>() > 150);
        for value in ["203.0.113.9", "198.51.100.9", "192.0.2.9", "2001:db8::9", "amber-cdn.example"] {
            assert!(!lists.iter().flat_map(|(_, entries)| entries).any(|entry| covers(entry, value)), "{value}");
        }
        for value in ["relay-77ab01.net.anydesk.com", "8.8.8.8", "192.168.4.4", "go.microsoft.com"] {
            assert!(lists.iter().flat_map(|(_, entries)| entries).any(|entry| covers(entry, value)), "{value}");
        }
    }
}
