//! How people may log in here: what the operator decided, with the console's address as it was bound.
//! A file of its own because it is known later than the rest of the configuration: port 0 is a port only once bound.

use std::sync::Arc;

use domain::party::Role;

use crate::App;

/// How people may log in here.
#[derive(Debug, Clone, Default)]
pub struct LogInPolicy {
    /// Accounts of this role and of those above need a second factor; none: nobody must have one.
    pub second_factor_from: Option<Role>,
    /// What links to the console begin with, e.g. `https://lazaret.example`; empty where nobody said.
    pub console: String,
}

impl App {
    /// Says how people may log in; before the console opens.
    pub fn set_log_in(&self, policy: LogInPolicy) {
        self.log_in.store(Arc::new(policy));
    }

    /// How people may log in here.
    pub fn log_in_policy(&self) -> Arc<LogInPolicy> {
        self.log_in.load_full()
    }
}
