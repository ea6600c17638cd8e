//! Accounts: who may act here, and how a password is compared. Passwords are kept as argon2id, tokens as SHA-256.
//! A file of its own because nothing else makes or compares passwords.

use std::collections::BTreeMap;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::party::{Actor, Role};
use domain::record::hex;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Account, LoginOutcome, NewAccount, Proof};
use uuid::Uuid;

use crate::sessions::{CameFrom, Session, SessionStart};
use crate::{App, Error, Result, keys};

/// A one-time link for the first run holds this long.
const FIRST_RUN_LIFE: SignedDuration = SignedDuration::from_hours(72);
/// The shortest password, in characters. Source: NIST SP 800-63B-4 §3.1.1.2 asks for 15 where it is the only factor.
pub const PASSWORD_CHARS_MIN: usize = 15;
/// The longest password, in bytes; argon2 would take more, a request should not.
const PASSWORD_BYTES_MAX: usize = 1_024;
/// The longest account name, in characters.
const NAME_CHARS_MAX: usize = 80;

/// How a person wants to see things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// A language tag; empty follows the browser.
    pub lang: String,
    /// `system`, `light` or `dark`.
    pub scheme: String,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { lang: String::new(), scheme: "system".to_owned() }
    }
}

/// Why nobody was let in. Name and password are never told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginRefused {
    /// Name or password is wrong, or the account is disabled.
    Wrong,
    /// Too many wrong passwords or codes.
    LockedUntil(Timestamp),
    /// The password is right; the code of the authenticator app is asked for next. Holds the secret of that step.
    CodeFirst(String),
    /// The code is wrong, or was used already.
    WrongCode,
    /// The step before was too long ago, or is used up: begin again.
    TooLate,
}

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordRefused {
    /// It is shorter than [`PASSWORD_CHARS_MIN`].
    TooShort,
    /// It is longer than a kilobyte.
    TooLong,
    /// It is one repeated character or contains the account's name.
    TooCommon,
}

impl App {
    /// Lets somebody in, or asks for the second factor. Five wrong passwords or codes lock the account for a while (the
    /// store counts). Errors: `error-busy` where too many try at once.
    pub async fn login(
        &self,
        name: &str,
        password: &str,
        from: &CameFrom,
    ) -> Result<std::result::Result<SessionStart, LoginRefused>> {
        let now = self.now();
        let Some(account) = self.store.account_by_name(name.trim()).await? else {
            return self.login_unknown(name.trim(), password, now).await;
        };
        if let Some(until) = account.locked_until.filter(|until| *until > now) {
            return Ok(Err(LoginRefused::LockedUntil(until)));
        }
        let (given, hash) = (password.to_owned(), account.password_hash.clone());
        let right = self.logins.hash(move || password_matches(&given, &hash)).await? && !account.disabled;
        // with a second factor the count of failures goes back to nothing only when that is right, too
        let second = right && self.store.totp(account.id).await?.is_some();
        let account = match (right, second) {
            (true, true) => self.store.account(account.id).await?.ok_or(Error::NotFound)?,
            (true, false) => self.store.note_login(account.id, LoginOutcome::Success, now).await?,
            (false, _) => self.store.note_login(account.id, LoginOutcome::Failure, now).await?,
        };
        // also for a right password: others may have locked the account while this one was compared
        if let Some(until) = account.locked_until.filter(|until| *until > now) {
            return Ok(Err(LoginRefused::LockedUntil(until)));
        }
        match (right, second) {
            (true, true) => Ok(Err(LoginRefused::CodeFirst(self.code_ticket(account.id).await?))),
            (true, false) => Ok(Ok(self.begin_session(account.id, from, Proof::Password).await?)),
            (false, _) => Ok(Err(LoginRefused::Wrong)),
        }
    }

    /// The same work and the same answers as for an account that exists, so that neither time nor words tell.
    async fn login_unknown(
        &self,
        name: &str,
        password: &str,
        now: Timestamp,
    ) -> Result<std::result::Result<SessionStart, LoginRefused>> {
        // no account's name is longer
        let name: String = name.chars().take(NAME_CHARS_MAX + 1).collect();
        if let Some(until) = self.logins.unknown_locked(&name, now) {
            return Ok(Err(LoginRefused::LockedUntil(until)));
        }
        let password = password.to_owned();
        self.logins.hash(move || hash_password(&password)).await??;
        Ok(Err(self.logins.unknown_failed(&name, now).map_or(LoginRefused::Wrong, LoginRefused::LockedUntil)))
    }

    /// Makes the one-time secret with which the first admin is made; earlier ones no longer hold.
    pub async fn create_first_run(&self) -> Result<String> {
        let token = secret()?;
        self.store.set_first_run_token(&hash_token(&token), self.now() + FIRST_RUN_LIFE).await?;
        Ok(token)
    }

    /// Whether a first-run secret still holds.
    pub async fn first_run_open(&self, token: &str) -> Result<bool> {
        Ok(self.store.first_run_holds(&hash_token(token), self.now()).await?)
    }

    /// Makes the first admin and lets them in. The secret is used up.
    pub async fn first_run(
        &self,
        token: &str,
        name: &str,
        password: &str,
        from: &CameFrom,
    ) -> Result<std::result::Result<SessionStart, PasswordRefused>> {
        if !self.first_run_open(token).await? {
            return Err(Error::NotFound);
        }
        let account = match self.new_account(name, Role::Admin, password).await? {
            Ok(account) => account,
            Err(refused) => return Ok(Err(refused)),
        };
        let id = account.id;
        let audit =
            self.audit_line(Actor::Policy { name: "first-run".to_owned() }, "account-added", &id.to_string(), "admin");
        if !self.store.use_first_run(&hash_token(token), account, audit).await? {
            return Err(Error::NotFound);
        }
        Ok(Ok(self.begin_session(id, from, Proof::Password).await?))
    }

    /// Adds an account, by an admin or (with a policy actor) from the command line.
    pub async fn add_account(
        &self,
        by: &Actor,
        name: &str,
        role: Role,
        password: &str,
    ) -> Result<std::result::Result<Uuid, PasswordRefused>> {
        if let Actor::Person { role, .. } = by
            && *role < Role::Admin
        {
            return Err(Error::Forbidden { needs: Role::Admin });
        }
        let account = match self.new_account(name, role, password).await? {
            Ok(account) => account,
            Err(refused) => return Ok(Err(refused)),
        };
        let id = account.id;
        let audit = self.audit_line(by.clone(), "account-added", &id.to_string(), role.as_str());
        self.store.create_account(account, audit).await?;
        self.changed();
        Ok(Ok(id))
    }

    async fn new_account(
        &self,
        name: &str,
        role: Role,
        password: &str,
    ) -> Result<std::result::Result<NewAccount, PasswordRefused>> {
        let name = self.new_name(name)?;
        let password_hash = match self.hashed(&name, password).await? {
            Ok(hash) => hash,
            Err(refused) => return Ok(Err(refused)),
        };
        Ok(Ok(NewAccount { id: self.new_id()?, name, role, password_hash }))
    }

    /// A name that a new account may have: not that of the account behind the printed code.
    pub(crate) fn new_name(&self, name: &str) -> Result<String> {
        let name = crate::cases::checked(name, NAME_CHARS_MAX, "input-name")?.to_owned();
        if name.eq_ignore_ascii_case(crate::break_glass::BREAK_GLASS_NAME) {
            return Err(Error::Input { code: "input-name-reserved" });
        }
        Ok(name)
    }

    /// The hash of a new password of that account, or why it is not taken.
    pub(crate) async fn hashed(
        &self,
        name: &str,
        password: &str,
    ) -> Result<std::result::Result<String, PasswordRefused>> {
        if let Err(refused) = check_password(name, password) {
            return Ok(Err(refused));
        }
        let password = password.to_owned();
        Ok(Ok(self.logins.hash(move || hash_password(&password)).await??))
    }

    /// Sets a new password and ends the account's sessions. By the account itself or an admin.
    pub async fn set_password(
        &self,
        by: &Actor,
        account: Uuid,
        password: &str,
    ) -> Result<std::result::Result<(), PasswordRefused>> {
        if let Actor::Person { account: own, role } = by
            && *own != account
            && *role < Role::Admin
        {
            return Err(Error::Forbidden { needs: Role::Admin });
        }
        let name = self.account_names().await?.remove(&account).ok_or(Error::NotFound)?;
        let hash = match self.hashed(&name, password).await? {
            Ok(hash) => hash,
            Err(refused) => return Ok(Err(refused)),
        };
        let audit = self.audit_line(by.clone(), "password-set", &account.to_string(), "");
        self.store.set_password(account, &hash, audit).await?;
        Ok(Ok(()))
    }

    /// All accounts.
    pub async fn accounts(&self, session: &Session) -> Result<Vec<Account>> {
        session.needs(Role::Admin)?;
        Ok(self.store.accounts().await?)
    }

    /// Keeps how a person wants to see things.
    pub async fn set_preferences(&self, session: &Session, preferences: &Preferences) -> Result<()> {
        Ok(self.store.set_preferences(session.account, &serde_json::to_string(preferences)?).await?)
    }

    /// Names by account id, for screens.
    pub async fn account_names(&self) -> Result<BTreeMap<Uuid, String>> {
        Ok(self.store.accounts().await?.into_iter().map(|account| (account.id, account.name)).collect())
    }
}

/// A secret of 256 random bits as text.
pub(crate) fn secret() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(keys::random::<32>()?))
}

/// What is stored of a secret.
pub(crate) fn hash_token(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn check_password(name: &str, password: &str) -> std::result::Result<(), PasswordRefused> {
    let mut characters = password.chars();
    let first = characters.next();
    if password.len() > PASSWORD_BYTES_MAX {
        Err(PasswordRefused::TooLong)
    } else if password.chars().count() < PASSWORD_CHARS_MIN {
        Err(PasswordRefused::TooShort)
    } else if characters.all(|character| Some(character) == first)
        || password.to_lowercase().replace(&name.to_lowercase(), "").chars().count() < PASSWORD_CHARS_MIN / 2
    {
        Err(PasswordRefused::TooCommon)
    } else {
        Ok(())
    }
}

/// Argon2id with 19 MiB, two passes, one lane. Source: OWASP Password Storage Cheat Sheet.
fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|_| Error::Input { code: "error-internal" })?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

pub(crate) fn hash_password(password: &str) -> Result<String> {
    let salt = SaltString::encode_b64(&keys::random::<16>()?).map_err(|_| Error::Input { code: "error-internal" })?;
    let hash =
        argon2()?.hash_password(password.as_bytes(), &salt).map_err(|_| Error::Input { code: "error-internal" })?;
    Ok(hash.to_string())
}

/// Compares; an account without a password costs the same work, so that time does not tell.
pub(crate) fn password_matches(password: &str, hash: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(hash) else {
        let _ = hash_password(password);
        return false;
    };
    argon2().is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_verify_against_their_own_hash_only() {
        let hash = hash_password("correct horse battery").unwrap();
        assert!(password_matches("correct horse battery", &hash));
        assert!(!password_matches("correct horse batterz", &hash));
        assert!(!password_matches("correct horse battery", "garbage"));
    }

    #[test]
    fn weak_passwords_are_named() {
        assert_eq!(check_password("ana", "short"), Err(PasswordRefused::TooShort));
        assert_eq!(check_password("ana", &"a".repeat(20)), Err(PasswordRefused::TooCommon));
        assert_eq!(check_password("ana.maria", "ana.maria.ana.maria"), Err(PasswordRefused::TooCommon));
        assert_eq!(check_password("ana", &"ab".repeat(600)), Err(PasswordRefused::TooLong));
        assert_eq!(check_password("ana", "three words nobody says"), Ok(()));
    }
}
