//! Counters of one node, shown as Prometheus text on the admin address. No statics: a node is a value.
//! A file of its own because every limit that is hit is counted here under a written name.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;

/// Counters and gauges by name and labels.
#[derive(Debug, Default)]
pub struct Metrics {
    values: Mutex<BTreeMap<(&'static str, String), f64>>,
}

/// Every metric: its name, its type, and what it counts with its unit.
const KNOWN: &[(&str, &str, &str)] = &[
    ("lazaret_events_received_total", "counter", "Events read from a source."),
    ("lazaret_events_stored_total", "counter", "Events durable in the event log."),
    ("lazaret_events_refused_total", "counter", "Events not stored, by reason."),
    ("lazaret_events_lost_total", "counter", "Events that were stored and never scanned, by reason."),
    ("lazaret_events_scanned_total", "counter", "Events the engine has read."),
    ("lazaret_events_undecoded_total", "counter", "Events whose format nobody knows; keyword rules still see them."),
    ("lazaret_events_flagged_total", "counter", "Events whose own time was unusable; the received time is used."),
    ("lazaret_events_quarantined_total", "counter", "Events that made the engine fail; kept, counted, skipped."),
    ("lazaret_detections_total", "counter", "Rule and indicator matches, by level."),
    ("lazaret_detections_hidden_total", "counter", "Rule matches that an exception or filter hid."),
    ("lazaret_sightings_total", "counter", "Sightings put into the outbox."),
    ("lazaret_items_not_taken_total", "counter", "Items the hub refused, or held other bytes of."),
    ("lazaret_outbox_dropped_total", "counter", "Sightings dropped because the outbox was full."),
    ("lazaret_push_items_total", "counter", "Items received from members, by result."),
    ("lazaret_members_dropped_total", "counter", "Sightings that members said they had to drop."),
    ("lazaret_members_clock_off_total", "counter", "Pushes of members whose clock was a day or more off."),
    ("lazaret_proposals_total", "counter", "Warnings the correlator proposed."),
    ("lazaret_rules_suspected_total", "counter", "Times a young rule fired everywhere at once."),
    ("lazaret_releases_taken_total", "counter", "Releases taken from the hub, by result."),
    ("lazaret_engine_rebuilds_total", "counter", "Times the engine was rebuilt and swapped."),
    ("lazaret_engine_rules", "gauge", "Rules in the running engine."),
    ("lazaret_rules_refused", "gauge", "Rules that do not load (over a limit, or wrong), by who brought them."),
    ("lazaret_scan_behind_events", "gauge", "Events stored and not yet scanned."),
    ("lazaret_calls_refused_total", "counter", "Calls at the link, the console or the admin address that are none."),
    ("lazaret_link_connected", "gauge", "1 while the hub is reached, else 0."),
    ("lazaret_notices_raised_total", "counter", "Notices that somebody has to acknowledge, by what they are about."),
    ("lazaret_calls_total", "counter", "Calls of people that ended, by state."),
    ("lazaret_replies_unknown_total", "counter", "Replies that answered no call, or came from another address."),
    ("lazaret_limit_hits_total", "counter", "Times a written limit was hit, by limit."),
];

impl Metrics {
    /// Adds to a counter. `labels` is the text between the braces, e.g. `level="high"`, or empty.
    pub fn add(&self, name: &'static str, labels: &str, amount: u64) {
        debug_assert!(KNOWN.iter().any(|(known, ..)| *known == name), "{name} is not in the list of metrics");
        if let Ok(mut values) = self.values.lock() {
            // counters stay exact up to 2^53
            #[allow(clippy::cast_precision_loss, reason = "exact up to 2^53 events")]
            let amount = amount as f64;
            *values.entry((name, labels.to_owned())).or_default() += amount;
        }
    }

    /// Sets a gauge.
    pub fn set(&self, name: &'static str, labels: &str, value: u64) {
        debug_assert!(KNOWN.iter().any(|(known, ..)| *known == name), "{name} is not in the list of metrics");
        if let Ok(mut values) = self.values.lock() {
            #[allow(clippy::cast_precision_loss, reason = "exact up to 2^53")]
            let value = value as f64;
            values.insert((name, labels.to_owned()), value);
        }
    }

    /// One value, 0 where it was never touched.
    pub fn get(&self, name: &'static str, labels: &str) -> f64 {
        self.values.lock().ok().and_then(|values| values.get(&(name, labels.to_owned())).copied()).unwrap_or_default()
    }

    /// Everything in the Prometheus text format, version 0.0.4.
    pub fn prometheus(&self) -> String {
        let mut text = String::new();
        let Ok(values) = self.values.lock() else { return text };
        for &(name, kind, help) in KNOWN {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            let mut any = false;
            for ((_, labels), value) in values.range((name, String::new())..).take_while(|((n, _), _)| *n == name) {
                any = true;
                let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
                let _ = writeln!(text, "{name}{braces} {value}");
            }
            if !any {
                let _ = writeln!(text, "{name} 0");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_add_and_print_by_label() {
        let metrics = Metrics::default();
        metrics.add("lazaret_detections_total", r#"level="high""#, 2);
        metrics.add("lazaret_detections_total", r#"level="high""#, 3);
        assert!(metrics.prometheus().contains("lazaret_detections_total{level=\"high\"} 5\n"));
        assert!(metrics.prometheus().contains("lazaret_sightings_total 0\n"));
    }
}
