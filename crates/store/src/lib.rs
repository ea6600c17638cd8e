//! What a node remembers: records with their journal, alerts, the outbox and the published log, members, accounts.
//! The only crate that knows SQL; SQLite and PostgreSQL run the same statements. Public values are plain structs in
//! the domain's words: no row, no pool and no driver error leaves it.
//! What is *not* here: events (`eventstore`), and every decision (`domain`): the store only keeps what was decided.

mod alerts;
mod audit;
mod column;
mod db;
mod deliveries;
mod error;
mod factors;
mod federation;
mod filter;
mod members;
mod migrate;
mod notices;
mod open;
mod outbox;
mod people;
mod published;
mod received;
mod records;
mod rhythm;
mod rota;
mod sessions;
mod settings;
mod sightings;
mod sources;
mod telemetry;
mod tickets;
mod tuning;
mod verify;

pub use alerts::{
    ALERT_OBSERVABLES_MAX, ALERT_SEQS_MAX, Alert, AlertCount, AlertOrigin, AlertQuery, AlertStage, AlertState,
    AlertUpsert,
};
pub use audit::{AuditEntry, AuditQuery, NewAudit};
pub use deliveries::{Delivery, DeliveryState, VerdictCount};
pub use error::Error;
pub use factors::{BreakGlass, NewPasskey, Passkey, Totp};
pub use federation::{InboxConflict, InboxItem, Outcome, ReceivedSighting};
pub use members::{Invite, InviteRefused, Member, MemberGap, MemberRole, MemberState};
pub use notices::{AttemptEnd, KeptAttempt, NewAttempt, Outcome as AcknowledgeOutcome};
pub use open::{Format, NodeMeta, Store, Target};
pub use outbox::{Depth, Gap, Lane, NewOutboxItem, NotTaken, OutboxItem, Policy, SENT_KEPT_MAX};
pub use people::{Account, LOCK_OUT_MINUTES, LOGIN_FAILURES_MAX, LoginOutcome, NewAccount};
pub use published::{NewPublication, Published};
pub use received::{LookBackHit, ReceivedQuery, ReceivedStage, ReceivedState, ReceivedWarning, Saved, VerdictWhy};
pub use records::{
    Commit, Committed, DutyRow, JournalEntry, PAGE_ITEMS_DEFAULT, Page, RecordQuery, RecordWrite, StoredRecord,
};
pub use rhythm::{HourHeard, Rhythm};
pub use sessions::{NewSession, Proof, Session};
pub use sightings::{CountryCount, SightingQuery, SuspectedRule};
pub use sources::{FollowPosition, Source, SourceCounts, SourceEdit};
pub use telemetry::{BaseRow, Quarantined, QuarantinedEvent, ScanCommit, SourceSeen};
pub use tickets::{NewTicket, TICKETS_MAX, Ticket};
pub use tuning::{Exception, ExceptionScope, Hid, NewException, RuleNoise, RuleOff};
pub use verify::{Broken, JournalReport};
