//! Duties: what must happen by when, derived from a record's state and never stored as truth of its own.
//! A file of its own because clocks, screens and reminders ask every kind the same question.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::party::Role;

/// One thing that somebody must do by a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duty {
    /// Stable within its record, e.g. `decide` or `take`; with the record's id it identifies the duty.
    pub key: String,
    /// When it must have happened.
    pub due_at: Timestamp,
    /// Who must do it.
    pub bearer: Role,
    /// What the number rests on, e.g. `NIS2 Art. 23(4)(b)` or the name of our own default.
    pub citation: String,
}
