//! The signing keys of an installation, as one immutable snapshot: who signs, what is published, what verifies.
//!
//! Rotation is a new snapshot. Next, current and retired keys verify and are published if their algorithm is, so that neither a client that
//! cached the JWK Set before a rotation nor one that holds a token signed before it is ever refused. A key whose last token has expired is
//! neither published nor believed, but for ID Tokens as hints, which are good long after they expired. Knows nothing of time: when a key
//! changes state, and whose keys are published, is decided elsewhere.

use std::collections::HashMap;
use std::sync::Arc;

use protocol::SigningAlgorithm;

use crate::jwk::{JwkSet, PublicJwk};
use crate::jws::{JwsError, TokenType, UnverifiedToken};
use crate::signing_key::SigningKey;
use crate::verifying_key::VerifyingKey;

/// Where a signing key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyState {
    /// Published ahead of its use, until caches of the JWK Set have seen it.
    Next,
    /// Signs.
    Current,
    /// No longer signs; published until the last token it signed has expired.
    Retired,
    /// Everything it signed has expired. Not published; an ID Token of it still tells what it told.
    Outlived,
}

/// A snapshot of the signing keys.
#[derive(Debug)]
pub struct Keyring {
    current: Vec<Arc<SigningKey>>,
    published: Vec<SigningAlgorithm>,
    by_kid: HashMap<String, Arc<SigningKey>>,
    outlived: HashMap<String, Arc<SigningKey>>,
    jwk_set: JwkSet,
}

impl Keyring {
    /// With every key published.
    pub fn new(keys: Vec<(Arc<SigningKey>, KeyState)>) -> Self {
        Self::publishing(keys, SigningAlgorithm::ALL.to_vec())
    }

    /// Should two keys of one algorithm be current, the first signs. Keys of the `published` algorithms are in the JWK Set.
    pub fn publishing(keys: Vec<(Arc<SigningKey>, KeyState)>, published: Vec<SigningAlgorithm>) -> Self {
        let (outlived, mut keys): (Vec<_>, Vec<_>) =
            keys.into_iter().partition(|(_, state)| *state == KeyState::Outlived);
        // The current keys come first in the JWK Set: some clients try only the first key that fits.
        keys.sort_by_key(|(_, state)| match state {
            KeyState::Current => 0,
            KeyState::Next => 1,
            KeyState::Retired | KeyState::Outlived => 2,
        });
        let mut current: Vec<Arc<SigningKey>> = Vec::new();
        for (key, state) in &keys {
            if *state == KeyState::Current && current.iter().all(|other| other.algorithm() != key.algorithm())
            {
                current.push(Arc::clone(key));
            }
        }
        current.sort_by_key(|key| key.algorithm());
        let told = keys.iter().filter(|(key, _)| published.contains(&key.algorithm()));
        let jwk_set = JwkSet { keys: told.map(|(key, _)| key.public_jwk().clone()).collect() };
        Self { current, published, by_kid: by_kid(keys), outlived: by_kid(outlived), jwk_set }
    }

    /// The key that signs by `algorithm`.
    pub fn signing_key(&self, algorithm: SigningAlgorithm) -> Option<&Arc<SigningKey>> {
        self.current.iter().find(|key| key.algorithm() == algorithm)
    }

    /// The algorithms tokens can be signed by, fastest first.
    pub fn algorithms(&self) -> Vec<SigningAlgorithm> {
        self.current.iter().map(|key| key.algorithm()).collect()
    }

    /// The algorithms whose keys are published.
    pub fn published(&self) -> &[SigningAlgorithm] {
        &self.published
    }

    /// The key of this name.
    pub fn key(&self, kid: &str) -> Option<&Arc<SigningKey>> {
        self.by_kid.get(kid).or_else(|| self.outlived.get(kid))
    }

    /// What is published: the current, next and retired keys, in this order.
    pub fn jwk_set(&self) -> &JwkSet {
        &self.jwk_set
    }

    /// Checks form, type, key, algorithm and signature. Not the claims: those have a clock in them.
    pub fn verify(&self, token: &str, typ: TokenType) -> Result<VerifiedToken, JwsError> {
        let token = UnverifiedToken::parse(token)?;
        let kid = token.kid().ok_or(JwsError::NoKey)?;
        let as_hint = || self.outlived.get(kid).filter(|_| typ == TokenType::IdToken);
        let key = self.by_kid.get(kid).or_else(as_hint).ok_or(JwsError::UnknownKey)?;
        check(token, typ, key.verifying(), key.kid())
    }
}

fn by_kid(keys: Vec<(Arc<SigningKey>, KeyState)>) -> HashMap<String, Arc<SigningKey>> {
    keys.into_iter().map(|(key, _)| (key.kid().to_owned(), key)).collect()
}

/// Verifies with a key the caller chose, such as one from another issuer's JWK Set. A token without `kid` is accepted
/// (RFC 7515 section 4.1.4 makes it optional); one that names another key is not.
pub fn verify_with_jwk(jwk: &PublicJwk, token: &str, typ: TokenType) -> Result<VerifiedToken, JwsError> {
    let token = UnverifiedToken::parse(token)?;
    if let (Some(named), Some(kid)) = (token.kid(), jwk.kid.as_deref())
        && named != kid
    {
        return Err(JwsError::UnknownKey);
    }
    if !jwk.permits(token.algorithm()) {
        return Err(JwsError::AlgorithmMismatch);
    }
    let key = VerifyingKey::new(&jwk.material).ok_or(JwsError::UnknownKey)?;
    let kid = jwk.kid.clone().unwrap_or_else(|| jwk.thumbprint());
    check(token, typ, &key, &kid)
}

/// A token whose signature is right. Its claims are still to be read and judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    /// The key that signed it.
    pub kid: String,
    /// The algorithm it was signed by.
    pub algorithm: SigningAlgorithm,
    /// The payload as it was signed: for a JWT, the JSON of its claims.
    pub payload: Vec<u8>,
}

fn check(
    token: UnverifiedToken<'_>,
    typ: TokenType,
    key: &VerifyingKey,
    kid: &str,
) -> Result<VerifiedToken, JwsError> {
    token.require_type(typ)?;
    // RFC 8725 section 3.1: the key says which algorithm it is for, the token does not.
    if token.algorithm() != key.algorithm() {
        return Err(JwsError::AlgorithmMismatch);
    }
    if !key.verifies(token.signing_input().as_bytes(), token.signature()) {
        return Err(JwsError::Signature);
    }
    Ok(VerifiedToken { kid: kid.to_owned(), algorithm: token.algorithm(), payload: token.into_payload() })
}
