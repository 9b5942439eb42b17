//! Token exchange (RFC 8693): the token types there are, and what a client may exchange, as registered. Who decides by it is `provider`.

use crate::client::ClientId;
use crate::scope::Scope;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A token type identifier that Doorward knows (RFC 8693 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenTypeUri {
    /// An access token of this issuer, whatever it looks like.
    AccessToken,
    /// A JWT access token of this issuer (RFC 9068).
    Jwt,
}

impl TokenTypeUri {
    const ALL: [Self; 2] = [Self::AccessToken, Self::Jwt];

    /// The identifier.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
        }
    }

    /// The type of this identifier, if it is one that is offered.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// What a client may exchange, and for what. The default: tokens that were issued to it or are for it, as the actor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExchangePolicy {
    /// Further clients whose tokens it may exchange.
    pub clients: BTreeSet<ClientId>,
    /// What the tokens it gets may be for, beside its own audience.
    pub audience: Vec<String>,
    /// The most that the tokens it gets may allow; `None` leaves it at the client's own scope.
    pub scope: Option<Scope>,
    /// Whether it may get tokens that do not say who acts.
    pub impersonation: bool,
    /// Whether the tokens it gets are accepted once.
    pub one_time: bool,
}
