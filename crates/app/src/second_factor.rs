//! The second factor with an authenticator app: set up, asked for at log-in, taken away.
//! A file of its own because a code must be counted, used up and tied to one account in one place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use store::{LoginOutcome, NewTicket, Proof, Totp};
use uuid::Uuid;

use crate::accounts::{hash_token, secret};
use crate::sessions::{CameFrom, SessionStart};
use crate::{App, Error, LoginRefused, Result, Session, keys, totp};

/// How long somebody has for the code after the password.
const CODE_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// How long somebody has to type the first code of a new app.
const SETUP_LIFE: SignedDuration = SignedDuration::from_mins(15);
const CODE: &str = "login-code";
const SETUP: &str = "totp-setup";
const SEAL: &str = "totp";

/// An authenticator app that is being set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// The secret of this step; the form repeats it.
    pub ticket: String,
    /// The key as people type it.
    pub key: String,
    /// What the QR code says.
    pub uri: String,
}

/// Why an authenticator app is not set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupRefused {
    /// The code is not that of this key and moment; try again.
    WrongCode(Box<Setup>),
    /// It took too long, or was finished in another window: begin again.
    TooLate,
}

/// What an account has besides its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factors {
    /// When its authenticator app was set up.
    pub app_since: Option<jiff::Timestamp>,
}

impl App {
    /// What stands between a right password and the code.
    pub(crate) async fn code_ticket(&self, account: Uuid) -> Result<String> {
        self.ticket(CODE, Some(account), String::new(), CODE_LIFE).await
    }

    /// Makes and keeps a ticket; its secret.
    pub(crate) async fn ticket(
        &self,
        purpose: &'static str,
        account: Option<Uuid>,
        data: String,
        life: SignedDuration,
    ) -> Result<String> {
        let token = secret()?;
        let now = self.now();
        let ticket = NewTicket { token_hash: hash_token(&token), purpose, account, data, expires_at: now + life };
        self.store.put_ticket(ticket, now).await?;
        Ok(token)
    }

    /// The second step of a log-in: the code of the authenticator app. A wrong one counts like a wrong password.
    pub async fn login_code(
        &self,
        ticket: &str,
        code: &str,
        from: &CameFrom,
    ) -> Result<std::result::Result<SessionStart, LoginRefused>> {
        let now = self.now();
        let found = self.store.ticket(&hash_token(ticket), CODE, now).await?;
        let Some(account) = found.and_then(|ticket| ticket.account) else { return Ok(Err(LoginRefused::TooLate)) };
        let account = self.store.account(account).await?.ok_or(Error::NotFound)?;
        if let Some(until) = account.locked_until.filter(|until| *until > now) {
            return Ok(Err(LoginRefused::LockedUntil(until)));
        }
        let right = !account.disabled && self.code_is_right(account.id, code).await?;
        let noted = if right { LoginOutcome::Success } else { LoginOutcome::Failure };
        let account = self.store.note_login(account.id, noted, now).await?;
        if let Some(until) = account.locked_until.filter(|until| *until > now) {
            return Ok(Err(LoginRefused::LockedUntil(until)));
        }
        if !right {
            return Ok(Err(LoginRefused::WrongCode));
        }
        if self.store.take_ticket(&hash_token(ticket), CODE, now).await?.is_none() {
            return Ok(Err(LoginRefused::TooLate));
        }
        Ok(Ok(self.begin_session(account.id, from, Proof::PasswordAndCode).await?))
    }

    /// Whether a code is right; it is used up by that.
    async fn code_is_right(&self, account: Uuid, code: &str) -> Result<bool> {
        let Some(kept) = self.store.totp(account).await? else { return Ok(false) };
        let Some(key) = self.unseal(SEAL, account.as_bytes(), &kept.sealed)? else {
            tracing::warn!(%account, "the authenticator's key was sealed with another node key; reset the account");
            return Ok(false);
        };
        let Some(step) = totp::matching_step(&key, code, self.now(), kept.last_step) else { return Ok(false) };
        Ok(self.store.use_totp_step(account, step).await?)
    }

    /// What an account has: one's own.
    pub async fn factors(&self, session: &Session) -> Result<Factors> {
        let app_since = self.store.totp(session.account).await?.map(|totp| totp.created_at);
        Ok(Factors { app_since })
    }

    /// Begins to set up an authenticator app for one's own account. Errors: `input-authenticator-there`.
    pub async fn begin_authenticator(&self, session: &Session) -> Result<Setup> {
        if self.store.totp(session.account).await?.is_some() {
            return Err(Error::Input { code: "input-authenticator-there" });
        }
        let key = keys::random::<{ totp::SECRET_BYTES }>()?;
        let sealed = STANDARD.encode(self.seal(SEAL, session.account.as_bytes(), &key)?);
        let ticket = self.ticket(SETUP, Some(session.account), sealed, SETUP_LIFE).await?;
        Ok(self.setup(session, ticket, &key))
    }

    fn setup(&self, session: &Session, ticket: String, key: &[u8]) -> Setup {
        Setup { ticket, key: totp::base32(key), uri: totp::uri(self.name(), &session.name, key) }
    }

    /// Finishes it with the app's first code.
    pub async fn finish_authenticator(
        &self,
        session: &Session,
        ticket: &str,
        code: &str,
    ) -> Result<std::result::Result<(), SetupRefused>> {
        let now = self.now();
        let kept = self.store.ticket(&hash_token(ticket), SETUP, now).await?;
        let Some(kept) = kept.filter(|kept| kept.account == Some(session.account)) else {
            return Ok(Err(SetupRefused::TooLate));
        };
        let sealed = STANDARD.decode(&kept.data).unwrap_or_default();
        let Some(key) = self.unseal(SEAL, session.account.as_bytes(), &sealed)? else {
            return Ok(Err(SetupRefused::TooLate));
        };
        let Some(step) = totp::matching_step(&key, code, now, 0) else {
            return Ok(Err(SetupRefused::WrongCode(Box::new(self.setup(session, ticket.to_owned(), &key)))));
        };
        if self.store.take_ticket(&hash_token(ticket), SETUP, now).await?.is_none() {
            return Ok(Err(SetupRefused::TooLate));
        }
        let totp = Totp { sealed, last_step: step, created_at: now };
        let audit = self.audit_line(session.actor(), "authenticator-added", &session.account.to_string(), "");
        match self.store.set_totp(session.account, totp, session.id, audit).await {
            Err(store::Error::Exists { .. }) => Ok(Err(SetupRefused::TooLate)),
            done => Ok(Ok(done?)),
        }
    }

    /// Takes one's own authenticator app away. Errors: `input-factor-needed` where the role must keep one,
    /// `input-prove-first` where this session did not prove a second factor itself.
    pub async fn remove_authenticator(&self, session: &Session) -> Result<()> {
        self.may_drop_factor(session).await?;
        let audit = self.audit_line(session.actor(), "authenticator-removed", &session.account.to_string(), "");
        Ok(self.store.remove_totp(session.account, audit).await?)
    }

    /// Whether one factor less is allowed.
    async fn may_drop_factor(&self, session: &Session) -> Result<()> {
        if !session.proof.is_strong() {
            return Err(Error::Input { code: "input-prove-first" });
        }
        let must = self.log_in_policy().second_factor_from.is_some_and(|from| session.role >= from);
        if must {
            return Err(Error::Input { code: "input-factor-needed" });
        }
        Ok(())
    }
}
