//! What a node tells observers in its own process: the demo's story and its latencies are made of these.
//! Not an event bus: no use case listens here, and losing one changes nothing.

use std::time::Instant;

use domain::party::NodeId;
use domain::telemetry::{Level, Verdict};
use jiff::Timestamp;
use uuid::Uuid;

/// Something that just became durable at a node. `at` is the monotonic clock right after the commit.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// Right after the commit.
    pub at: Instant,
    /// The node's clock then.
    pub time: Timestamp,
    /// What.
    pub what: What,
}

/// What became durable.
#[derive(Debug, Clone)]
pub enum What {
    /// An alert was raised or grew.
    Alert {
        /// The alert.
        id: Uuid,
        /// The rule.
        rule_id: String,
        /// Its title.
        title: String,
        /// Its family.
        family: String,
        /// Its level.
        level: Level,
        /// The host it happened on.
        host: String,
        /// Sequence numbers in the event log.
        seqs: Vec<u64>,
    },
    /// A sighting went into the outbox.
    SightingCommitted {
        /// The sighting.
        id: Uuid,
        /// Its family.
        family: String,
    },
    /// A hub stored a member's sighting.
    SightingReceived {
        /// The sighting.
        id: Uuid,
        /// Who sent it.
        from: NodeId,
    },
    /// The correlator proposed a warning.
    Proposed {
        /// Which attack.
        cluster: Uuid,
        /// How many hospitals it rests on.
        hospitals: u32,
        /// The sighting that decided it.
        deciding: Uuid,
    },
    /// A rule is suspected instead of an attacker.
    RuleSuspected {
        /// The rule.
        rule_id: String,
        /// How many hospitals fired it.
        hospitals: u32,
    },
    /// A warning or withdrawal was published here.
    Sent {
        /// Which attack.
        cluster: Uuid,
        /// The release.
        release: Uuid,
        /// Its version.
        version: u32,
    },
    /// A release was taken: in force (or held), looked back, verdict durable.
    Received {
        /// Which attack.
        cluster: Uuid,
        /// The release.
        release: Uuid,
        /// Its version.
        version: u32,
        /// What this hospital can say about itself.
        verdict: Verdict,
        /// Its title; empty for a withdrawal.
        title: String,
        /// Whether it takes a warning back.
        withdrawal: bool,
    },
}
