//! Members of a hub: inviting, enrolling, revoking. The identity of a member is its enrolled public key, nothing else.

use std::collections::BTreeMap;

use domain::party::{Actor, NodeId, Role};
use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use store::{Invite, InviteRefused, Member, MemberRole, MemberState};

use crate::accounts::{hash_token, secret};
use crate::invite_code::InviteCode;
use crate::{App, Error, InviteAddress, Result, Session, keys};

/// An invite holds this long.
const INVITE_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The longest a member's name may be, in characters.
const NAME_CHARS_MAX: usize = 120;

/// Whom to invite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteOrder {
    /// The member's name.
    pub name: String,
    /// ISO 3166-1 alpha-2 code of its country.
    pub country: String,
    /// What it is.
    pub role: MemberRole,
}

/// What a new member learns.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// The member as this hub keeps it.
    pub member: Member,
    /// The hub's name.
    pub hub_name: String,
    /// The hub's identity.
    pub hub_node: NodeId,
    /// The hub's public key, with which it signs releases and receipts.
    pub hub_public_key: Vec<u8>,
}

impl App {
    /// The members of this hub, by name.
    pub async fn members(&self) -> Result<Vec<Member>> {
        Ok(self.store.members().await?)
    }

    /// Members' names by node id.
    pub(crate) async fn member_names(&self) -> Result<BTreeMap<NodeId, String>> {
        Ok(self.store.members().await?.into_iter().map(|member| (member.node, member.name)).collect())
    }

    /// Makes an invite and returns its code. It holds once and for seven days; only a hash of its secret is kept.
    pub async fn invite(&self, by: &Actor, order: InviteOrder) -> Result<String> {
        let Some(address) = &self.config.invite else { return Err(Error::Input { code: "refusal-no-link" }) };
        let created_by = match by {
            Actor::Person { account, role } if *role >= Role::Admin => Some(*account),
            Actor::Person { .. } => return Err(Error::Forbidden { needs: Role::Admin }),
            Actor::Policy { .. } | Actor::Peer { .. } => None,
        };
        let country = order.country.trim().to_uppercase();
        if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Error::Input { code: "input-country" });
        }
        let name = crate::cases::checked(&order.name, NAME_CHARS_MAX, "input-name")?.to_owned();
        let secret = secret()?;
        let expires_at = self.now() + INVITE_LIFE;
        let secret_hash = hash_token(&secret);
        self.store
            .create_invite(Invite { secret_hash, name, country, role: order.role, expires_at, created_by })
            .await?;
        self.store.add_audit(self.audit_line(by.clone(), "member-invited", &order.country, "")).await?;
        let InviteAddress { urls, ca_fingerprint } = address.clone();
        Ok(InviteCode { urls, ca_fingerprint, secret, expires_at }.text())
    }

    /// Enrols the holder of an invite under its public key. One use; both the invite's end and the member are one
    /// transaction. `name` is what the member calls itself and is only logged: the invite's name counts.
    pub async fn enrol(
        &self,
        secret: &str,
        public_key: &[u8],
        name: &str,
    ) -> Result<std::result::Result<Enrolled, InviteRefused>> {
        let now = self.now();
        let node = keys::node_id_of(public_key);
        let member = Member {
            pseudonym: self.pseudonym(&node),
            node: node.clone(),
            name: name.to_owned(),
            country: String::new(),
            role: MemberRole::Hospital,
            public_key: public_key.to_vec(),
            state: MemberState::Active,
            enrolled_at: now,
            certificate_until: now,
            last_seen_at: None,
            cursor: 0,
            epoch: 0,
            clock_off_ms: None,
        };
        if let Err(refused) = self.store.enrol(&hash_token(secret), member, now).await? {
            return Ok(Err(refused));
        }
        let member = self.store.member(&node).await?.ok_or(Error::NotFound)?;
        let peer = Actor::Peer { node };
        self.store.add_audit(self.audit_line(peer, "member-enrolled", &member.node.0, &member.country)).await?;
        self.changed();
        Ok(Ok(Enrolled {
            member,
            hub_name: self.config.name.clone(),
            hub_node: self.node(),
            hub_public_key: self.keys.public_key().to_vec(),
        }))
    }

    /// The member behind a public key; none where it is not enrolled or revoked.
    pub async fn member_by_key(&self, public_key: &[u8]) -> Result<Option<Member>> {
        let member = self.store.member(&keys::node_id_of(public_key)).await?;
        let member = member.filter(|member| member.state == MemberState::Active && member.public_key == public_key);
        if let Some(member) = &member {
            self.hear_member(member).await;
        }
        Ok(member)
    }

    /// Revokes a member: its key opens nothing any more.
    pub async fn revoke_member(&self, session: &Session, node: &NodeId) -> Result<()> {
        session.needs(Role::Admin)?;
        let audit = self.audit_line(session.actor(), "member-revoked", &node.0, "");
        self.store.revoke_member(node, audit).await?;
        self.changed();
        Ok(())
    }

    /// Notes until when a member's certificate holds.
    pub async fn note_certificate(&self, member: &Member, until: Timestamp) -> Result<()> {
        Ok(self.store.set_certificate_until(&member.node, until).await?)
    }

    /// What the union knows a member by: HMAC-SHA-256 of its node id under a key only this hub holds, 32 digits.
    fn pseudonym(&self, node: &NodeId) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.keys.sign(b"lazaret pseudonym key 1\0"));
        domain::record::hex(&hmac::sign(&key, node.0.as_bytes()).as_ref()[..16])
    }
}
