//! Signing keys as an operator sees them.

use crate::{Provider, ProviderError};
use crypto::{Keyring, PublicJwk};
use protocol::{SigningAlgorithm, Timestamp};
use storage::signing_key::{ListSigningKeys, StoredSigningKey};

/// A signing key as an operator sees it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SigningKeyView {
    /// Its RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs with.
    pub algorithm: SigningAlgorithm,
    /// `next`, `current` or `retired`.
    pub state: &'static str,
    /// When it was made and published.
    pub created_at: Timestamp,
    /// When it began to sign.
    pub current_at: Option<Timestamp>,
    /// When it stopped signing.
    pub retired_at: Option<Timestamp>,
    /// Whether it is in the JWK Set.
    pub published: bool,
    /// Its public half; none of a key that came to be a moment ago on another node.
    pub public_key: Option<PublicJwk>,
}

impl Provider {
    /// Every signing key, for an operator.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn list_signing_keys(&self) -> Result<Vec<SigningKeyView>, ProviderError> {
        let keys = self.inner.store.read(ListSigningKeys).await?;
        let keyring = self.keyring();
        Ok(keys.into_iter().map(|key| view(key, &keyring)).collect())
    }
}

fn view(key: StoredSigningKey, keyring: &Keyring) -> SigningKeyView {
    let state = match (key.current_at, key.retired_at) {
        (_, Some(_)) => "retired",
        (Some(_), None) => "current",
        (None, None) => "next",
    };
    SigningKeyView {
        published: keyring.jwk_set().keys.iter().any(|jwk| jwk.kid.as_ref() == Some(&key.kid)),
        public_key: keyring.key(&key.kid).map(|key| key.public_jwk().clone()),
        kid: key.kid,
        algorithm: key.algorithm,
        state,
        created_at: key.created_at,
        current_at: key.current_at,
        retired_at: key.retired_at,
    }
}
