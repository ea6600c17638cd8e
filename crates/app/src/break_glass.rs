//! The printed code of the node: one, in a sealed envelope, for the day when nobody can log in any more. It opens an
//! administrator's account of its own, once; its use is an audit fact and needs somebody until it is replaced.
//! A file of its own because it goes past every other way to log in.

use domain::party::{Actor, Role};
use store::{BreakGlass, NewAccount, Proof};

use crate::accounts::{hash_password, password_matches};
use crate::sessions::{CameFrom, SESSION_LIFE, SessionStart};
use crate::{App, Result, Session, keys};

/// The name of the account that the code opens; no other account may have it.
pub const BREAK_GLASS_NAME: &str = "break-glass";
/// Letters of a code; more are not compared.
const CODE_CHARS_MAX: usize = 100;

/// A secret of 120 random bits in groups that can be read aloud and typed.
pub fn readable_code() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = keys::random::<24>()?;
    let letter = |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len()).map_or('a', |letter| char::from(*letter));
    let groups: Vec<String> = random.chunks(6).map(|group| group.iter().map(letter).collect()).collect();
    Ok(groups.join("-"))
}

/// The code without what people add or leave out when they type it.
fn bare(code: &str) -> String {
    let kept = code.chars().filter(|character| character.is_alphanumeric()).take(CODE_CHARS_MAX);
    kept.flat_map(char::to_lowercase).collect()
}

impl App {
    /// Makes a new printed code; the one before no longer opens anything.
    pub async fn make_break_glass(&self, session: &Session) -> Result<String> {
        session.needs(Role::Admin)?;
        let code = readable_code()?;
        let given = bare(&code);
        let hash = self.logins.hash(move || hash_password(&given)).await??;
        let name = BREAK_GLASS_NAME.to_owned();
        let id = match self.store.account_by_name(&name).await? {
            Some(account) => account.id,
            None => self.new_id()?,
        };
        let account = NewAccount { id, name, role: Role::Admin, password_hash: String::new() };
        let audit = self.audit_line(session.actor(), "break-glass-made", "", "");
        self.store.set_break_glass(&hash, account, audit).await?;
        self.changed();
        Ok(code)
    }

    /// The printed code as far as an admin may know: when it was made and used.
    pub async fn break_glass(&self, session: &Session) -> Result<Option<BreakGlass>> {
        session.needs(Role::Admin)?;
        Ok(self.store.break_glass().await?)
    }

    /// Lets somebody in with the printed code, once. None where it is wrong, used or replaced. No lock-out: nobody can
    /// guess it, and nobody must be able to close this way by trying.
    pub async fn use_break_glass(&self, code: &str, from: &CameFrom) -> Result<Option<SessionStart>> {
        let kept = self.store.break_glass().await?.filter(|kept| kept.used_at.is_none());
        let hash = kept.map(|kept| kept.code_hash).unwrap_or_default();
        let (given, compared) = (bare(code), hash.clone());
        let right = self.logins.hash(move || password_matches(&given, &compared)).await?;
        let account = self.store.account_by_name(BREAK_GLASS_NAME).await?;
        let Some(account) = account.filter(|account| right && !account.disabled) else {
            tracing::warn!(address = from.address, "a wrong break-glass code was tried");
            return Ok(None);
        };
        let (session, start) = self.new_session(account.id, from, Proof::BreakGlass, SESSION_LIFE)?;
        let by = Actor::Person { account: account.id, role: account.role };
        let audit = self.audit_line(by, "break-glass-used", "", &session.address);
        if !self.store.use_break_glass(&hash, session, audit).await? {
            return Ok(None);
        }
        tracing::warn!(address = from.address, "the break-glass code was used");
        self.changed();
        Ok(Some(start))
    }

    /// What its use asks of somebody.
    pub(crate) async fn break_glass_used(&self) -> Result<Option<BreakGlass>> {
        Ok(self.store.break_glass().await?.filter(|kept| kept.used_at.is_some()))
    }
}
