//! What the file says of accounts, decided. A file of its own because it is the one part that people ask an auditor
//! about.

use domain::party::Role;

use super::Accounts;
use super::decide::Deciding;
use super::raw::RawAccounts;

impl Deciding<'_> {
    /// `[accounts]`.
    pub(super) fn accounts(&mut self, raw: &RawAccounts) -> Accounts {
        let read = |word: &str| if word == "nobody" { Some(None) } else { Role::from_word(word).map(Some) };
        let given = raw.second_factor_from.as_deref();
        let known = "viewer, operator, approver, admin or nobody";
        let second_factor_from = self.word("accounts.second_factor_from", given, Some(None), read, known);
        Accounts { second_factor_from: second_factor_from.flatten() }
    }
}
