//! Sessions: how one begins, holds, is seen by its owner and ends.
//! A file of its own because every way to log in ends here, and every page begins here.

use domain::party::{Actor, Role};
use jiff::{SignedDuration, Timestamp};
use store::{NewSession, Proof};
use uuid::Uuid;

use crate::accounts::{Preferences, hash_token, secret};
use crate::{App, Error, Result};

/// A session ends this long after its last use.
const SESSION_IDLE: SignedDuration = SignedDuration::from_mins(30);
/// A session ends this long after it began, however busy.
pub(crate) const SESSION_LIFE: SignedDuration = SignedDuration::from_hours(12);
/// The longest address and device that are kept, in characters.
const CAME_FROM_CHARS_MAX: usize = 100;

/// Where somebody who logs in comes from, as the console saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CameFrom {
    /// The address of the connection; empty where none is known.
    pub address: String,
    /// Browser and system in words; empty where none is known.
    pub device: String,
}

/// A session that has begun: what the cookie holds, and what forms must repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionStart {
    /// The secret for the cookie.
    pub token: String,
    /// The secret that every form repeats.
    pub csrf: String,
}

/// A session in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What lists and audit call it.
    pub id: Uuid,
    /// The account.
    pub account: Uuid,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// What it began with.
    pub proof: Proof,
    /// Whether this role needs a second factor that this session does not have: then it may only set one up.
    pub second_factor_due: bool,
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

impl App {
    pub(crate) async fn begin_session(&self, account: Uuid, from: &CameFrom, proof: Proof) -> Result<SessionStart> {
        let (session, start) = self.new_session(account, from, proof, SESSION_LIFE)?;
        self.store.create_session(session).await?;
        Ok(start)
    }

    /// A session that has still to be kept, together with what lets it begin.
    pub(crate) fn new_session(
        &self,
        account: Uuid,
        from: &CameFrom,
        proof: Proof,
        life: SignedDuration,
    ) -> Result<(NewSession, SessionStart)> {
        let (token, csrf) = (secret()?, secret()?);
        let now = self.now();
        let short = |text: &str| text.chars().take(CAME_FROM_CHARS_MAX).collect::<String>();
        let session = NewSession {
            token_hash: hash_token(&token),
            id: self.new_id()?,
            account,
            csrf: csrf.clone(),
            address: short(&from.address),
            device: short(&from.device),
            proof,
            created_at: now,
            expires_at: now + SESSION_IDLE.min(life),
            ends_at: now + life,
        };
        Ok((session, SessionStart { token, csrf }))
    }

    /// The session behind a cookie, if it still holds; using it prolongs it.
    pub async fn session(&self, token: &str) -> Result<Option<Session>> {
        let Some((session, ends_at)) = self.peek(token).await? else { return Ok(None) };
        let expires_at = (self.now() + SESSION_IDLE).min(ends_at);
        if expires_at.duration_since(session.expires_at) <= SignedDuration::from_secs(60) {
            return Ok(Some(session));
        }
        match self.store.extend_session(&hash_token(token), expires_at).await {
            // ended by somebody else between the two
            Err(store::Error::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(Some(Session { expires_at, ..session })),
        }
    }

    /// The session behind a cookie without prolonging it: an open page that refreshes itself is nobody at work.
    pub async fn session_peek(&self, token: &str) -> Result<Option<Session>> {
        Ok(self.peek(token).await?.map(|(session, _)| session))
    }

    async fn peek(&self, token: &str) -> Result<Option<(Session, Timestamp)>> {
        let Some(session) = self.store.session(&hash_token(token), self.now()).await? else { return Ok(None) };
        let account = session.account;
        let due = self.log_in_policy().second_factor_from.is_some_and(|from| account.role >= from);
        let found = Session {
            id: session.id,
            account: account.id,
            name: account.name,
            role: account.role,
            proof: session.proof,
            second_factor_due: due && !session.proof.is_strong(),
            csrf: session.csrf,
            expires_at: session.expires_at,
            preferences: serde_json::from_str(&account.preferences).unwrap_or_default(),
        };
        Ok(Some((found, session.ends_at)))
    }

    /// Ends a session.
    pub async fn logout(&self, token: &str) -> Result<()> {
        Ok(self.store.end_session(&hash_token(token)).await?)
    }

    /// The sessions of an account, newest first: one's own, or as an admin anybody's.
    pub async fn sessions_of(&self, session: &Session, account: Uuid) -> Result<Vec<store::Session>> {
        session.may_look_after(account)?;
        if self.store.account(account).await?.is_none() {
            return Err(Error::NotFound);
        }
        Ok(self.store.sessions_of(account, self.now()).await?)
    }

    /// Ends one session of an account: one's own, or as an admin anybody's. One that has ended is no error.
    pub async fn end_session_of(&self, session: &Session, account: Uuid, id: Uuid) -> Result<()> {
        session.may_look_after(account)?;
        let audit = self.audit_line(session.actor(), "session-ended", &account.to_string(), &id.to_string());
        self.store.end_session_of(account, id, audit).await?;
        self.changed();
        Ok(())
    }

    /// Ends every session of an account but this one: one's own, or as an admin anybody's. How many.
    pub async fn end_other_sessions(&self, session: &Session, account: Uuid) -> Result<u64> {
        session.may_look_after(account)?;
        let audit = self.audit_line(session.actor(), "sessions-ended", &account.to_string(), "");
        let ended = self.store.end_other_sessions(account, Some(session.id), audit).await?;
        self.changed();
        Ok(ended)
    }
}

impl Session {
    /// One's own account, or an admin's business.
    pub(crate) fn may_look_after(&self, account: Uuid) -> Result<()> {
        if self.account == account { Ok(()) } else { self.needs(Role::Admin) }
    }
}
