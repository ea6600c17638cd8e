//! Parties: who acts. Account roles, the actor of a command, and the names of nodes.
//! A file of its own because every record, fact and audit line says who did it in these words.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What an account may do. Ordered: each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Works on alerts and cases, proposes warnings.
    Operator,
    /// Approves what others proposed.
    Approver,
    /// Manages accounts, sources, members and settings.
    Admin,
}

impl Role {
    /// The stable word used in storage and forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// Reads [`Role::as_str`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Viewer, Self::Operator, Self::Approver, Self::Admin].into_iter().find(|role| role.as_str() == word)
    }
}

/// Who stands behind a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "actor", rename_all = "kebab-case")]
pub enum Actor {
    /// A person with an account at this node.
    Person {
        /// The account's id; its name stays in the account table, never in a fact.
        account: Uuid,
        /// The role held when the command was given.
        role: Role,
    },
    /// The node itself, under a written policy.
    Policy {
        /// The policy's stable name, e.g. `two-hospitals-one-indicator`.
        name: String,
    },
    /// Another node, over the link.
    Peer {
        /// Its node id.
        node: NodeId,
    },
}

impl Actor {
    /// The role that authorisation looks at; policies act as approver, peers as operator.
    pub fn role(&self) -> Role {
        match self {
            Self::Person { role, .. } => *role,
            Self::Policy { .. } => Role::Approver,
            Self::Peer { .. } => Role::Operator,
        }
    }
}

/// A node's identity: SHA-256 of its Ed25519 public key, 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub String);

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
