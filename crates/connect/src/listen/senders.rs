//! Who may send syslog: address blocks. A file of its own because syslog has no other proof of who sends; a datagram's
//! address can still be forged, so this keeps out mistakes and strangers, not an attacker inside the network.

use std::net::IpAddr;

/// The most blocks of a list.
pub const BLOCKS_MAX: usize = 1_024;

/// Address blocks that may send; an empty list is everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Senders(Vec<Block>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    address: IpAddr,
    bits: u32,
}

impl Senders {
    /// Reads `10.20.0.0/16`, `10.20.0.7` or `fd00::/8`. Errors: the text that is none, or more than [`BLOCKS_MAX`].
    pub fn parse<'a>(blocks: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut list = Vec::new();
        for text in blocks {
            list.push(Block::parse(text).ok_or_else(|| text.to_owned())?);
            if list.len() > BLOCKS_MAX {
                return Err(format!("more than {BLOCKS_MAX} blocks"));
            }
        }
        Ok(Self(list))
    }

    /// Whether an address may send.
    pub fn allow(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.is_empty() || self.0.iter().any(|block| block.holds(address))
    }
}

impl Block {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(whole);
        (bits <= whole).then_some(Self { address, bits })
    }

    fn holds(self, other: IpAddr) -> bool {
        let differ = |own: u128, other: u128, width: u32| match width - self.bits {
            0 => own != other,
            shift => own.checked_shr(shift) != other.checked_shr(shift),
        };
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => !differ(own.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => !differ(own.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_their_addresses_and_no_others() {
        let check = |block: &str, address: &str, allowed: bool| {
            let senders = Senders::parse([block]).expect("a block");
            assert_eq!(senders.allow(address.parse().expect("an address")), allowed, "{block} {address}");
        };
        check("10.20.0.0/16", "10.20.255.1", true);
        check("10.20.0.0/16", "10.21.0.1", false);
        check("10.20.0.0/16", "::ffff:10.20.1.1", true);
        check("10.20.0.7", "10.20.0.7", true);
        check("10.20.0.7", "10.20.0.8", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "fd00::1", false);
        check("fd00::/8", "fdff::1", true);
        check("::/0", "2001:db8::1", true);
        assert!(Senders::default().allow("203.0.113.9".parse().expect("an address")));
    }

    #[test]
    fn what_is_no_block_is_named() {
        for text in ["10.0.0.0/33", "10.0.0", "::/129", "lan", "10.0.0.0/-1"] {
            assert_eq!(Senders::parse(["10.0.0.0/8", text]), Err(text.to_owned()));
        }
    }
}
