//! The three roles. The only place that asks which one a node has: everything else asks for the parts.
//! A role is configuration, not code: each part exists once and does not know who uses it.

use web::Place;

/// What kind of node this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A hospital: reads its logs, shares sightings, receives warnings.
    Hospital,
    /// A national hub: correlates its hospitals' sightings, warns, passes on to the union.
    National,
    /// The union's hub: correlates across states.
    Union,
}

/// Whether a node has a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Has {
    /// It has.
    Yes,
    /// It has not.
    No,
}

/// What a role consists of.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// Log listeners, followed files, and the scanner behind them.
    pub intake: Has,
    /// A link address for members, a CA, and the correlator.
    pub members: Has,
    /// A hub above.
    pub uplink: Has,
    /// The pages of its console, in the menu's order.
    pub places: &'static [Place],
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Hospital, Self::National, Self::Union];

    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hospital => "hospital",
            Self::National => "national",
            Self::Union => "union",
        }
    }

    /// Reads [`Role::as_str`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// What it consists of.
    pub fn parts(self) -> Parts {
        match self {
            Self::Hospital => Parts {
                intake: Has::Yes,
                members: Has::No,
                uplink: Has::Yes,
                places: &[Place::Now, Place::Alerts, Place::Warnings, Place::Cases, Place::Sources, Place::Sharing],
            },
            Self::National => Parts {
                intake: Has::No,
                members: Has::Yes,
                uplink: Has::Yes,
                places: &[Place::Now, Place::Map, Place::Desk, Place::Members],
            },
            Self::Union => Parts {
                intake: Has::No,
                members: Has::Yes,
                uplink: Has::No,
                places: &[Place::Now, Place::Map, Place::Desk, Place::Members],
            },
        }
    }

    /// What a node of this role that joins a hub is there.
    pub fn as_member(self) -> app::MemberRole {
        match self {
            Self::Hospital => app::MemberRole::Hospital,
            Self::National | Self::Union => app::MemberRole::National,
        }
    }

    /// What joins this node when its operator invites.
    pub fn invites(self) -> app::MemberRole {
        match self {
            Self::Hospital | Self::National => app::MemberRole::Hospital,
            Self::Union => app::MemberRole::National,
        }
    }
}
