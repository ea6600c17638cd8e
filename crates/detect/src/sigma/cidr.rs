//! Address blocks, IPv4 and IPv6. A file of its own because rules and indicators both need them.

use std::net::IpAddr;
use std::str::FromStr;

/// A block of addresses. Shape: an inclusive range; IPv4 as IPv4-mapped IPv6, so that `::ffff:10.0.0.1` is 10.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    first: u128,
    last: u128,
}

/// A text that is no address block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address block; write 10.0.0.0/8 or fe80::/10")]
pub struct CidrError(pub String);

impl Cidr {
    /// Whether the address is in the block.
    pub fn contains(&self, address: IpAddr) -> bool {
        (self.first..=self.last).contains(&address_number(address))
    }

    /// The first and last address as numbers of [`address_number`].
    pub fn range(&self) -> (u128, u128) {
        (self.first, self.last)
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let error = || CidrError(text.to_owned());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| error())?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = match length {
            Some(length) => length.trim().parse::<u32>().ok().filter(|bits| *bits <= bits_max).ok_or_else(error)?,
            None => bits_max,
        };
        let free = bits_max - bits;
        let host = if free == 128 { u128::MAX } else { (1 << free) - 1 };
        let first = address_number(address) & !host;
        Ok(Self { first, last: first | host })
    }
}

/// An address as a number; IPv4 in its IPv6-mapped form.
pub fn address_number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_ipv6_mapped()),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

/// Reads an address as logs write it: with brackets, a zone or an IPv4 port.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if !text.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'[' | b']' | b'%' | b'/')) {
        return text.split_once('%').and_then(|(address, _)| address.parse().ok());
    }
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']').and_then(|(address, _)| address.parse().ok());
    }
    let (address, rest) = text.split_once([':', '%', '/'])?;
    rest.bytes().all(|b| b.is_ascii_hexdigit()).then(|| address.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_their_addresses_and_no_others() {
        let check = |block: &str, address: &str, inside: bool| {
            let block: Cidr = block.parse().unwrap();
            assert_eq!(block.contains(address.parse().unwrap()), inside, "{address}");
        };
        check("10.0.0.0/8", "10.255.1.2", true);
        check("10.0.0.0/8", "11.0.0.0", false);
        check("192.168.1.77/24", "192.168.1.1", true);
        check("0.0.0.0/0", "8.8.8.8", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("fe80::/10", "febf::1", true);
        check("fe80::/10", "fec0::1", false);
        check("::/0", "2001:db8::1", true);
        check("127.0.0.1", "127.0.0.1", true);
        check("10.0.0.0/8", "::ffff:10.1.1.1", true);
        for bad in ["10.0.0.0/33", "10.0.0/8", "x", "10.0.0.0/", "::/129"] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_as_logs_write_them() {
        let check = |text: &str, address: Option<&str>| {
            assert_eq!(parse_address(text), address.map(|a| a.parse().unwrap()), "{text}");
        };
        check("10.0.0.1", Some("10.0.0.1"));
        check("10.0.0.1:443", Some("10.0.0.1"));
        check("[2001:db8::1]:443", Some("2001:db8::1"));
        check("fe80::1%eth0", Some("fe80::1"));
        check("host.example", None);
        check("1.2.3", None);
    }
}
