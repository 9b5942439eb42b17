//! Users and keys of both kinds as an operator sees them, on a terminal, as JSON and over the socket. Holds no secret.

use crate::commands::shown;
use crypto::PublicJwk;
use protocol::{ApiKeyId, Scope, SigningAlgorithm};
use provider::SigningKeyView;
use provider::admin::UserDetails;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use storage::api_key::StoredApiKey;
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
    /// Of one that was asked for by name.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub(crate) details: Option<UserDetailsView>,
}

/// What is told about a user beside the account.
#[derive(Serialize, Deserialize)]
pub(crate) struct UserDetailsView {
    pub(crate) has_password: bool,
    pub(crate) last_sign_in: Option<String>,
    /// As in `acme owner`.
    pub(crate) memberships: Vec<String>,
    /// As in `acme/notes/pro active`.
    pub(crate) subscriptions: Vec<String>,
}

impl From<(User, UserDetails)> for UserView {
    fn from((user, details): (User, UserDetails)) -> Self {
        let memberships = details.memberships.iter().map(|(slug, role)| format!("{slug} {}", role.as_str()));
        let subscriptions = details.subscriptions.iter();
        let subscriptions =
            subscriptions.map(|it| format!("{}/{} {}", it.service, it.plan, it.status.as_str()));
        let details = UserDetailsView {
            has_password: details.has_password,
            last_sign_in: details.last_sign_in.map(shown::time),
            memberships: memberships.collect(),
            subscriptions: subscriptions.collect(),
        };
        Self { details: Some(details), ..Self::from(user) }
    }
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
            details: None,
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
    /// Whether it is in the JWK Set.
    pub(crate) published: bool,
    /// Its public half, a JWK.
    pub(crate) public_key: Option<PublicJwk>,
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
            published: key.published,
            public_key: key.public_key,
        }
    }
}

/// An API key without its secret. Times are RFC 3339.
#[derive(Serialize, Deserialize)]
pub(crate) struct ApiKeyView {
    pub(crate) id: ApiKeyId,
    /// How it begins.
    pub(crate) prefix: String,
    pub(crate) service_account: String,
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) created_at: String,
    pub(crate) expires_at: Option<String>,
    pub(crate) last_used_at: Option<String>,
    pub(crate) revoked_at: Option<String>,
}

impl From<StoredApiKey> for ApiKeyView {
    fn from(key: StoredApiKey) -> Self {
        Self {
            id: key.id,
            prefix: crypto::api_key::shown_selector(key.id.as_bytes()),
            service_account: key.client_id.to_string(),
            name: key.name,
            scope: key.scope,
            created_at: shown::time(key.created_at),
            expires_at: key.expires_at.map(shown::time),
            last_used_at: key.last_used_at.map(shown::time),
            revoked_at: key.revoked_at.map(shown::time),
        }
    }
}
