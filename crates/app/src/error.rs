//! What can go wrong in a use case. A file of its own because screens, the link and the command line map it differently.

use domain::party::Role;
use domain::record::Refusal;

/// The result of a use case.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a use case did not happen. A refusal is the domain's no; everything else is the world's.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The domain says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It does not exist, or the actor may not see it.
    #[error("not found")]
    NotFound,
    /// The account's role is too low.
    #[error("this needs the role {needs:?}")]
    Forbidden {
        /// The role it takes.
        needs: Role,
    },
    /// What was given cannot be used; the code is a message key.
    #[error("unusable input: {code}")]
    Input {
        /// The message key.
        code: &'static str,
    },
    /// Somebody else changed it again and again at the same time.
    #[error("somebody else is changing this right now")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The event log failed.
    #[error(transparent)]
    EventLog(#[from] eventstore::Error),
    /// Randomness or keys failed.
    #[error(transparent)]
    Keys(#[from] crate::keys::KeyError),
    /// A stored or built value could not be written or read as JSON.
    #[error("a stored value is unreadable: {0}")]
    Json(#[from] serde_json::Error),
    /// A background thread was lost (it panicked).
    #[error("a background task was lost: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl Error {
    /// The message key that screens translate.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::NotFound => "error-not-found",
            Self::Forbidden { .. } => "error-forbidden",
            Self::Input { code } => code,
            Self::Conflict => "error-conflict",
            Self::Store(store::Error::Full) => "error-full",
            Self::Store(_) | Self::EventLog(_) | Self::Keys(_) | Self::Json(_) | Self::Task(_) => "error-internal",
        }
    }
}
