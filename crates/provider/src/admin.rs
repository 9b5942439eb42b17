//! Administration: users, clients, service accounts and resource servers, as an operator changes them. Knows neither the command line nor a terminal.

mod assertion_issuer;
mod client;
mod client_proof;
mod resource_server;
mod service_account;
mod user;

pub use client::{ClientCreated, NewClient};
pub use service_account::{ApiKeyCreated, NewApiKey, NewServiceAccount};
pub use user::{NewUser, UserPassword};

/// Why an administrator's request was refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is no such user or client.
    #[error("there is no {0}")]
    Unknown(String),
    /// It exists already.
    #[error("{0} is taken")]
    Taken(String),
    /// It cannot be stored as asked.
    #[error("{0}")]
    Invalid(String),
    /// This server could not do it.
    #[error(transparent)]
    Provider(#[from] crate::ProviderError),
}

impl From<storage::StorageError> for AdminError {
    fn from(error: storage::StorageError) -> Self {
        Self::Provider(error.into())
    }
}
