//! How many connections one address holds, so that one peer cannot take every place.
//! A file of its own because log listeners and HTTP servers count alike.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The open connections of a listener, by address.
#[derive(Debug, Default)]
pub(crate) struct OpenByPeer(Mutex<HashMap<IpAddr, usize>>);

impl OpenByPeer {
    /// A place for one more connection of this address; none where it holds `max` already.
    pub(crate) fn enter(self: &Arc<Self>, peer: IpAddr, max: usize) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(peer).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place { all: Arc::clone(self), peer })
    }
}

/// One connection's place among those of its address.
#[derive(Debug)]
pub(crate) struct Place {
    all: Arc<OpenByPeer>,
    peer: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
    }
}
