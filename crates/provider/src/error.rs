//! Why a decision could not be answered otherwise. One vocabulary; how it looks to a client is `web`'s part.

use passwords::Refused;
use protocol::{ErrorCode, OAuthError};
use std::time::Duration;
use storage::StorageError;

/// What had too much to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overloaded {
    /// Too many passwords wait to be hashed (429).
    Hashing,
    /// The same, and nobody more is asked for one (429): asking again is all there is to do.
    Arrivals,
    /// Too many sign-ins were begun from one network and left open (429).
    Interactions,
    /// Storage has too many writes waiting (503).
    Storage,
}

/// What can be gone when somebody comes back to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// A sign-in under way: answered, expired, or another browser's; which of them is not told.
    Interaction,
    /// The same, about a device.
    Device,
    /// A sign-in of this browser that was answered: a page of it was gone back to, or loaded again.
    Answered {
        /// What its client is called.
        client_name: String,
        /// Where that is, if it is on the web: its home page, or the origin of its redirect URI.
        client_origin: Option<String>,
    },
    /// The link that creates the first platform owner: used, expired, or incomplete.
    SetupLink,
}

/// Why a request was refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProviderError {
    /// The request is at fault, in the protocol's words.
    #[error(transparent)]
    OAuth(#[from] OAuthError),
    /// What the person came back to is gone.
    #[error("ended: {0:?}")]
    Ended(Ended),
    /// Try again later.
    #[error("overloaded: {what:?}")]
    Overloaded {
        /// What had too much to do.
        what: Overloaded,
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many wrong passwords; try again later.
    #[error("too many failed attempts")]
    TooManyAttempts {
        /// When to try again.
        retry_after: Duration,
    },
    /// The client asks more often than it is registered for; try again later.
    #[error("too many requests of this client")]
    TooManyRequests {
        /// When to try again.
        retry_after: Duration,
    },
    /// Something this server stands on does not answer.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A defect of this server or damaged data.
    #[error("defect: {0}")]
    Defect(String),
}

impl ProviderError {
    pub(crate) fn oauth(code: ErrorCode, description: &'static str) -> Self {
        Self::OAuth(OAuthError::new(code, description))
    }
}

impl From<StorageError> for ProviderError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Overloaded { retry_after } => {
                Self::Overloaded { what: Overloaded::Storage, retry_after }
            }
            StorageError::Unavailable(why) | StorageError::Undecided(why) => Self::Unavailable(why),
            other => Self::Defect(other.to_string()),
        }
    }
}

impl From<Refused> for ProviderError {
    fn from(refused: Refused) -> Self {
        Self::Overloaded { what: Overloaded::Hashing, retry_after: refused.retry_after }
    }
}

impl From<serde_json::Error> for ProviderError {
    fn from(error: serde_json::Error) -> Self {
        Self::Defect(error.to_string())
    }
}

/// Why an administrator's request was refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is no such thing.
    #[error("there is no {0}")]
    Unknown(String),
    /// It exists already.
    #[error("{0} is taken")]
    Taken(String),
    /// Somebody else changed it since it was looked at.
    #[error(
        "{0} was changed meanwhile, and nothing was changed now: look at it again, then repeat what still holds"
    )]
    Changed(String),
    /// Something else still stands on it.
    #[error("{0}")]
    InUse(String),
    /// It cannot be stored as asked.
    #[error("{0}")]
    Invalid(String),
    /// This server could not do it.
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

impl From<StorageError> for AdminError {
    fn from(error: StorageError) -> Self {
        Self::Provider(error.into())
    }
}
