//! The name of a sender: its address, until there are too many of them. A
//! datagram's address can be forged, so names must not grow without end.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use app::intake::{Carrier, SourceKey};

/// The name that senders share for whom there is no room.
pub(super) const OTHERS: &str = "others";

/// Senders known by their own name.
#[derive(Debug)]
pub(super) struct Peers {
    known: Mutex<HashSet<IpAddr>>,
    peers_max: usize,
}

impl Peers {
    pub(super) fn new(peers_max: usize) -> Self {
        Peers { known: Mutex::default(), peers_max }
    }

    pub(super) fn source(&self, carrier: Carrier, address: IpAddr) -> SourceKey {
        let address = address.to_canonical();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = known.contains(&address) || known.len() < self.peers_max;
        if has_room {
            known.insert(address);
        }
        let peer = if has_room { address.to_string() } else { OTHERS.to_owned() };
        SourceKey { carrier, peer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_beyond_the_limit_share_a_name() {
        let peers = Peers::new(2);
        let name = |text: &str| peers.source(Carrier::Syslog, text.parse().expect("an address")).to_string();
        assert_eq!(name("10.0.0.1"), "syslog:10.0.0.1");
        assert_eq!(name("::ffff:10.0.0.1"), "syslog:10.0.0.1");
        assert_eq!(name("fe80::1"), "syslog:fe80::1");
        assert_eq!(name("10.0.0.2"), "syslog:others");
        assert_eq!(name("10.0.0.1"), "syslog:10.0.0.1");
    }
}
