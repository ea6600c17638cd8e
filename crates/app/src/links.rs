//! One-time links for accounts: whoever holds one sets the password of that account, once. An administrator or the
//! command line makes them for a new account and after a reset, so that no password is ever told to anybody else.
//! A file of its own because it is the way back in for everybody who lost theirs.

use domain::party::{Actor, Role};
use jiff::SignedDuration;
use store::{NewAccount, NewTicket};
use uuid::Uuid;

use crate::accounts::{hash_token, secret};
use crate::{App, Error, PasswordRefused, Result};

/// A link holds this long.
pub const LINK_LIFE: SignedDuration = SignedDuration::from_hours(72);
const PURPOSE: &str = "account-link";

impl App {
    /// Adds an account without a password; who holds the secret that is returned sets one.
    pub async fn add_account_by_link(&self, by: &Actor, name: &str, role: Role) -> Result<String> {
        admin(by)?;
        let account = NewAccount { id: self.new_id()?, name: self.new_name(name)?, role, password_hash: String::new() };
        let id = account.id;
        let audit = self.audit_line(by.clone(), "account-added", &id.to_string(), role.as_str());
        match self.store.create_account(account, audit).await {
            Err(store::Error::Exists { .. }) => return Err(Error::Input { code: "people-name-taken" }),
            done => done?,
        }
        self.changed();
        self.account_link(by, id).await
    }

    /// Takes password, authenticator app, passkeys and sessions of an account away; who holds the secret that is
    /// returned sets a new password. Not for one's own account.
    pub async fn reset_account(&self, by: &Actor, account: Uuid) -> Result<String> {
        admin(by)?;
        if matches!(by, Actor::Person { account: own, .. } if *own == account) {
            return Err(Error::Input { code: "input-own-account" });
        }
        let found = self.store.account(account).await?.ok_or(Error::NotFound)?;
        if found.name == crate::break_glass::BREAK_GLASS_NAME {
            return Err(Error::Input { code: "input-name-reserved" });
        }
        let audit = self.audit_line(by.clone(), "account-reset", &account.to_string(), "");
        self.store.reset_account(account, audit).await?;
        self.changed();
        self.account_link(by, account).await
    }

    async fn account_link(&self, by: &Actor, account: Uuid) -> Result<String> {
        let token = secret()?;
        let ticket = NewTicket {
            token_hash: hash_token(&token),
            purpose: PURPOSE,
            account: Some(account),
            data: String::new(),
            expires_at: self.now() + LINK_LIFE,
        };
        let audit = self.audit_line(by.clone(), "account-link-made", &account.to_string(), "");
        self.store.put_account_link(ticket, audit).await?;
        Ok(token)
    }

    /// The name of the account that a link belongs to, while it holds.
    pub async fn account_of_link(&self, token: &str) -> Result<Option<String>> {
        let ticket = self.store.ticket(&hash_token(token), PURPOSE, self.now()).await?;
        let Some(account) = ticket.and_then(|ticket| ticket.account) else { return Ok(None) };
        Ok(self.store.account(account).await?.filter(|account| !account.disabled).map(|account| account.name))
    }

    /// Sets the password of the account that a link belongs to, and uses the link up. Its name. Errors:
    /// [`Error::NotFound`] where the link does not hold (any more).
    pub async fn use_account_link(
        &self,
        token: &str,
        password: &str,
    ) -> Result<std::result::Result<String, PasswordRefused>> {
        let name = self.account_of_link(token).await?.ok_or(Error::NotFound)?;
        let hash = match self.hashed(&name, password).await? {
            Ok(hash) => hash,
            Err(refused) => return Ok(Err(refused)),
        };
        let by = Actor::Policy { name: "account-link".to_owned() };
        let account = self.store.account_by_name(&name).await?.ok_or(Error::NotFound)?;
        let audit = self.audit_line(by, "password-set", &account.id.to_string(), "");
        let used = self.store.use_account_link(&hash_token(token), PURPOSE, &hash, audit).await?;
        used.ok_or(Error::NotFound)?;
        self.changed();
        Ok(Ok(name))
    }

    /// Disables an account (its sessions end) or enables it again; not one's own.
    pub async fn switch_account(&self, by: &Actor, account: Uuid, may: MayLogIn) -> Result<()> {
        admin(by)?;
        if matches!(by, Actor::Person { account: own, .. } if *own == account) {
            return Err(Error::Input { code: "input-own-account" });
        }
        match may {
            MayLogIn::No => {
                let audit = self.audit_line(by.clone(), "account-disabled", &account.to_string(), "");
                self.store.disable_account(account, audit).await?;
            }
            MayLogIn::Yes => {
                let audit = self.audit_line(by.clone(), "account-enabled", &account.to_string(), "");
                self.store.enable_account(account, audit).await?;
            }
        }
        self.changed();
        Ok(())
    }

    /// All accounts, for the command line.
    pub async fn list_accounts(&self) -> Result<Vec<crate::Account>> {
        Ok(self.store.accounts().await?)
    }
}

/// Whether an account may log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayLogIn {
    /// It may.
    Yes,
    /// It may not.
    No,
}

/// An admin, or the command line.
fn admin(by: &Actor) -> Result<()> {
    match by {
        Actor::Person { role, .. } if *role < Role::Admin => Err(Error::Forbidden { needs: Role::Admin }),
        Actor::Peer { .. } => Err(Error::Forbidden { needs: Role::Admin }),
        Actor::Person { .. } | Actor::Policy { .. } => Ok(()),
    }
}
