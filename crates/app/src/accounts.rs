//! Accounts and sessions: who may act here. Passwords are kept as argon2id, tokens as SHA-256.
//! A file of its own because nothing else compares secrets.

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
use store::{Account, AuditEntry, LoginOutcome, NewAccount, NewAudit, NewSession};
use uuid::Uuid;

use crate::{App, Error, Result, keys};

/// A session ends this long after its last use.
const SESSION_IDLE: SignedDuration = SignedDuration::from_mins(30);
/// A session ends this long after it began, however busy.
const SESSION_LIFE: SignedDuration = SignedDuration::from_hours(12);
/// A one-time link for the first run holds this long.
const FIRST_RUN_LIFE: SignedDuration = SignedDuration::from_hours(72);
/// The shortest password, in characters. Source: NIST SP 800-63B-4 §3.1.1.2 asks for 15 where it is the only factor.
pub const PASSWORD_CHARS_MIN: usize = 15;
/// The longest password, in bytes; argon2 would take more, a request should not.
const PASSWORD_BYTES_MAX: usize = 1_024;
/// The longest account name, in characters.
const NAME_CHARS_MAX: usize = 80;

/// A session that has begun: what the cookie holds, and what forms must repeat.
#[derive(Debug, Clone)]
pub struct SessionStart {
    /// The secret for the cookie.
    pub token: String,
    /// The secret that every form repeats.
    pub csrf: String,
}

/// A session in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The account.
    pub account: Uuid,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// The secret that every form repeats.
    pub csrf: String,
    /// When it ends unless it is used.
    pub expires_at: Timestamp,
    /// How this person wants to see things.
    pub preferences: Preferences,
}

impl Session {
    /// The actor of this person's commands.
    pub fn actor(&self) -> Actor {
        Actor::Person { account: self.account, role: self.role }
    }
}

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginRefused {
    /// Name or password is wrong, or the account is disabled.
    Wrong,
    /// Too many wrong passwords.
    LockedUntil(Timestamp),
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
    /// Lets somebody in. Five wrong passwords lock the account for a while (the store counts). Errors: `error-busy`
    /// where too many try at once.
    pub async fn login(&self, name: &str, password: &str) -> Result<std::result::Result<SessionStart, LoginRefused>> {
        let now = self.now();
        let Some(account) = self.store.account_by_name(name.trim()).await? else {
            return self.login_unknown(name.trim(), password, now).await;
        };
        if let Some(until) = account.locked_until.filter(|until| *until > now) {
            return Ok(Err(LoginRefused::LockedUntil(until)));
        }
        let (given, hash) = (password.to_owned(), account.password_hash.clone());
        let right = self.logins.hash(move || password_matches(&given, &hash)).await?;
        let noted = if right && !account.disabled { LoginOutcome::Success } else { LoginOutcome::Failure };
        let account = self.store.note_login(account.id, noted, now).await?;
        // also for a right password: others may have locked the account while this one was compared
        if let Some(until) = account.locked_until.filter(|until| *until > now) {
            return Ok(Err(LoginRefused::LockedUntil(until)));
        }
        match noted {
            LoginOutcome::Success => Ok(Ok(self.begin_session(account.id).await?)),
            LoginOutcome::Failure => Ok(Err(LoginRefused::Wrong)),
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

    async fn begin_session(&self, account: Uuid) -> Result<SessionStart> {
        let (token, csrf) = (secret()?, secret()?);
        let now = self.now();
        let session = NewSession {
            token_hash: hash_token(&token),
            account,
            csrf: csrf.clone(),
            created_at: now,
            expires_at: now + SESSION_IDLE,
        };
        self.store.create_session(session).await?;
        Ok(SessionStart { token, csrf })
    }

    /// The session behind a cookie, if it still holds; using it prolongs it.
    pub async fn session(&self, token: &str) -> Result<Option<Session>> {
        let Some((session, created_at)) = self.peek(token).await? else { return Ok(None) };
        let expires_at = (self.now() + SESSION_IDLE).min(created_at + SESSION_LIFE);
        if expires_at.duration_since(session.expires_at) <= SignedDuration::from_secs(60) {
            return Ok(Some(session));
        }
        self.store.extend_session(&hash_token(token), expires_at).await?;
        Ok(Some(Session { expires_at, ..session }))
    }

    /// The session behind a cookie without prolonging it: an open page that refreshes itself is nobody at work.
    pub async fn session_peek(&self, token: &str) -> Result<Option<Session>> {
        Ok(self.peek(token).await?.map(|(session, _)| session))
    }

    async fn peek(&self, token: &str) -> Result<Option<(Session, Timestamp)>> {
        let now = self.now();
        let Some(session) = self.store.session(&hash_token(token), now).await? else { return Ok(None) };
        let account = session.account;
        let found = Session {
            account: account.id,
            name: account.name,
            role: account.role,
            csrf: session.csrf,
            expires_at: session.expires_at,
            preferences: serde_json::from_str(&account.preferences).unwrap_or_default(),
        };
        Ok(Some((found, session.created_at)))
    }

    /// Ends a session.
    pub async fn logout(&self, token: &str) -> Result<()> {
        Ok(self.store.end_session(&hash_token(token)).await?)
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
        Ok(Ok(self.begin_session(id).await?))
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
        let name = crate::cases::checked(name, NAME_CHARS_MAX, "input-name")?.to_owned();
        if let Err(refused) = check_password(&name, password) {
            return Ok(Err(refused));
        }
        let password = password.to_owned();
        let password_hash = self.logins.hash(move || hash_password(&password)).await??;
        Ok(Ok(NewAccount { id: self.new_id()?, name, role, password_hash }))
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
        if let Err(refused) = check_password(&name, password) {
            return Ok(Err(refused));
        }
        let password = password.to_owned();
        let hash = self.logins.hash(move || hash_password(&password)).await??;
        let audit = self.audit_line(by.clone(), "password-set", &account.to_string(), "");
        self.store.set_password(account, &hash, audit).await?;
        Ok(Ok(()))
    }

    /// All accounts.
    pub async fn accounts(&self, session: &Session) -> Result<Vec<Account>> {
        session.needs(Role::Admin)?;
        Ok(self.store.accounts().await?)
    }

    /// Disables an account (its sessions end) or enables it again.
    pub async fn set_account_disabled(&self, session: &Session, account: Uuid, disabled: bool) -> Result<()> {
        session.needs(Role::Admin)?;
        if account == session.account {
            return Err(Error::Input { code: "input-own-account" });
        }
        let verb = if disabled { "account-disabled" } else { "account-enabled" };
        let audit = self.audit_line(session.actor(), verb, &account.to_string(), "");
        if disabled {
            self.store.disable_account(account, audit).await?;
        } else {
            self.store.enable_account(account, audit).await?;
        }
        self.changed();
        Ok(())
    }

    /// Keeps how a person wants to see things.
    pub async fn set_preferences(&self, session: &Session, preferences: &Preferences) -> Result<()> {
        Ok(self.store.set_preferences(session.account, &serde_json::to_string(preferences)?).await?)
    }

    /// The audit trail, newest first; `after` is the last entry of the page before.
    pub async fn audit(&self, session: &Session, after: Option<i64>, limit: u32) -> Result<Vec<(AuditEntry, String)>> {
        session.needs(Role::Admin)?;
        let names = self.account_names().await?;
        let entries = self.store.audit(after, limit).await?;
        Ok(entries.into_iter().map(|entry| (entry.clone(), actor_name(&entry.actor, &names))).collect())
    }

    /// Names by account id, for screens.
    pub async fn account_names(&self) -> Result<BTreeMap<Uuid, String>> {
        Ok(self.store.accounts().await?.into_iter().map(|account| (account.id, account.name)).collect())
    }

    pub(crate) fn audit_line(&self, actor: Actor, verb: &str, object: &str, detail: &str) -> NewAudit {
        NewAudit { at: self.now(), actor, verb: verb.to_owned(), object: object.to_owned(), detail: detail.to_owned() }
    }
}

/// How screens name an actor.
pub(crate) fn actor_name(actor: &Actor, names: &BTreeMap<Uuid, String>) -> String {
    match actor {
        Actor::Person { account, .. } => names.get(account).cloned().unwrap_or_else(|| account.to_string()),
        Actor::Policy { name } => name.clone(),
        Actor::Peer { node } => node.0.chars().take(12).collect(),
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

fn hash_password(password: &str) -> Result<String> {
    let salt = SaltString::encode_b64(&keys::random::<16>()?).map_err(|_| Error::Input { code: "error-internal" })?;
    let hash =
        argon2()?.hash_password(password.as_bytes(), &salt).map_err(|_| Error::Input { code: "error-internal" })?;
    Ok(hash.to_string())
}

fn password_matches(password: &str, hash: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(hash) else { return false };
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
