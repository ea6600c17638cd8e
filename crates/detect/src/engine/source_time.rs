//! Which time an event has: its own, or when it arrived. A file of its own because this decision drives every window.
//!
//! An event's own time counts unless it is more than a day ahead of its arrival, or more than a day behind without its
//! source catching up in order: a sender that was cut off delivers its queue oldest first, so each event is no older than
//! the one before. Files are read on purpose later than they were written: for them only *ahead* is suspicious.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::decode::Carrier;

/// How far ahead of its arrival an event's own time may be, in seconds.
pub const AHEAD_SECONDS_MAX: i64 = 86_400;
/// How far behind its arrival an event's own time may be without a backlog, in seconds.
pub const BEHIND_SECONDS_MAX: i64 = 86_400;
/// How far back events of a backlog may jump among themselves, in seconds: senders have several threads.
pub const BACKLOG_DISORDER_SECONDS_MAX: i64 = 60;
/// The most sources whose last time is remembered; at the limit all are forgotten.
pub const SOURCES_MAX: usize = 65_536;

/// Whether an event's own time was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeFlag {
    /// It was.
    Own,
    /// The event has none that can be read; received time was used.
    Missing,
    /// It is too far ahead; received time was used.
    Ahead,
    /// It is too far behind and no backlog; received time was used.
    Behind,
}

/// The last own time of each source.
#[derive(Debug, Default)]
pub struct SourceTimes {
    last: HashMap<String, Timestamp>,
}

impl SourceTimes {
    /// Decides an event's time.
    pub fn decide(
        &mut self,
        source: &str,
        carrier: Carrier,
        own: Option<Timestamp>,
        received_at: Timestamp,
    ) -> (Timestamp, TimeFlag) {
        let Some(own) = own else { return (received_at, TimeFlag::Missing) };
        let ahead = own.duration_since(received_at);
        if ahead > SignedDuration::from_secs(AHEAD_SECONDS_MAX) {
            return (received_at, TimeFlag::Ahead);
        }
        if matches!(carrier, Carrier::File | Carrier::Evtx) {
            return (own, TimeFlag::Own);
        }
        let last = self.remember(source, own);
        if -ahead <= SignedDuration::from_secs(BEHIND_SECONDS_MAX) {
            return (own, TimeFlag::Own);
        }
        let disorder = SignedDuration::from_secs(BACKLOG_DISORDER_SECONDS_MAX);
        match last {
            Some(last) if last.duration_since(own) <= disorder => (own, TimeFlag::Own),
            _ => (received_at, TimeFlag::Behind),
        }
    }

    fn remember(&mut self, source: &str, own: Timestamp) -> Option<Timestamp> {
        if let Some(last) = self.last.get_mut(source) {
            return Some(std::mem::replace(last, own));
        }
        if self.last.len() >= SOURCES_MAX {
            self.last.clear();
        }
        self.last.insert(source.to_owned(), own);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_time_counts_unless_it_cannot_be_true() {
        let mut times = SourceTimes::default();
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let mut check = |source: &str, carrier: Carrier, hours: i64, flag: TimeFlag| {
            let own = now + SignedDuration::from_hours(hours);
            let (time, given) = times.decide(source, carrier, Some(own), now);
            assert_eq!(given, flag, "{source} {hours}");
            assert_eq!(time, if flag == TimeFlag::Own { own } else { now });
        };
        check("a", Carrier::Syslog, 0, TimeFlag::Own);
        check("a", Carrier::Syslog, 23, TimeFlag::Own);
        check("a", Carrier::Syslog, 25, TimeFlag::Ahead);
        check("b", Carrier::Syslog, -25, TimeFlag::Behind);
        check("file", Carrier::File, -9_000, TimeFlag::Own);
        check("file", Carrier::File, 25, TimeFlag::Ahead);
        // cut off for two days, then delivers in order
        check("c", Carrier::Http, -20, TimeFlag::Own);
        check("d", Carrier::Http, -50, TimeFlag::Behind);
        check("d", Carrier::Http, -49, TimeFlag::Own);
        check("d", Carrier::Http, -48, TimeFlag::Own);
        check("d", Carrier::Http, -60, TimeFlag::Behind);
        assert_eq!(times.decide("e", Carrier::Http, None, now), (now, TimeFlag::Missing));
    }
}
