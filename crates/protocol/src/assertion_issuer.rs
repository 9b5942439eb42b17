//! An issuer whose assertions are grants (RFC 7523 section 2.1): whose word the operator takes, for whom, and for how much.

use crate::client::ClientId;
use crate::client_authentication::JwksUri;
use crate::scope::Scope;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A trusted issuer of assertions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssertionIssuer {
    /// The `iss` of its assertions, compared as it is.
    pub issuer: String,
    /// Its public keys, a JWK Set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// Where its public keys are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<JwksUri>,
    /// The clients that may present its assertions.
    pub clients: BTreeSet<ClientId>,
    /// Whom its `sub` names.
    pub subject: SubjectMapping,
    /// The most a token issued on its word may allow.
    pub scope: Scope,
}

/// How a user is named by another issuer's `sub`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectMapping {
    /// By the username.
    Username,
    /// By the e-mail address, once that was verified.
    Email,
    /// By the id that our own tokens call `sub`.
    Id,
}

impl SubjectMapping {
    /// As text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::Id => "id",
        }
    }
}
