//! Users and keys as an operator sees them, on a terminal, as JSON and over the socket. Holds no secret.

use crate::commands::shown;
use protocol::SigningAlgorithm;
use provider::SigningKeyView;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use storage::user::User;

/// A user. Times are RFC 3339.
#[derive(Serialize, Deserialize)]
pub(crate) struct UserView {
    pub(crate) sub: String,
    pub(crate) username: String,
    pub(crate) email: Option<String>,
    pub(crate) email_verified: bool,
    pub(crate) name: Option<String>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) platform_owner: bool,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) disabled_at: Option<String>,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            sub: user.id.to_string(),
            username: user.username,
            email: user.email,
            email_verified: user.email_verified,
            name: user.name,
            claims: user.claims,
            platform_owner: user.platform_owner,
            created_at: shown::time(user.created_at),
            updated_at: shown::time(user.updated_at),
            disabled_at: user.disabled_at.map(shown::time),
        }
    }
}

/// A signing key. Times are RFC 3339.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeyView {
    pub(crate) kid: String,
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) state: String,
    pub(crate) created_at: String,
    pub(crate) current_at: Option<String>,
    pub(crate) retired_at: Option<String>,
}

impl From<SigningKeyView> for KeyView {
    fn from(key: SigningKeyView) -> Self {
        Self {
            kid: key.kid,
            algorithm: key.algorithm,
            state: key.state.to_owned(),
            created_at: shown::time(key.created_at),
            current_at: key.current_at.map(shown::time),
            retired_at: key.retired_at.map(shown::time),
        }
    }
}
