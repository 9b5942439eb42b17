//! Checking other people's signatures: assertions by a client's or a trusted issuer's keys (RFC 7523). Knows no claims, no clock, and not
//! where keys come from.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::ParsedPublicKey;
use protocol::AssertionAlgorithm;

use crate::jwk::JwkSet;
use crate::jws::{JwsError, UnverifiedAssertion};
use crate::verifying_key::parsed;

/// More keys than this are no key set of one client: each costs a signature check when a token names none.
const MOST_KEYS: usize = 32;

/// RFC 7518 section 3.2: "A key of the same size as the hash output .. or larger MUST be used with this algorithm."
const SHORTEST_SECRET: usize = 32;

/// What an assertion is for. Explicit types keep one kind of JWT from passing for another (RFC 8725 section 3.11); older clients write
/// `JWT` or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionUse {
    /// A client proves who it is (RFC 7523 section 2.2).
    ClientAuthentication,
    /// A grant (RFC 7523 section 2.1).
    AuthorizationGrant,
}

impl AssertionUse {
    /// The types of draft-ietf-oauth-rfc7523bis section 3; media types compare without case, and `application/` may be left out (RFC 7515
    /// section 4.1.9).
    fn admits(self, token: &UnverifiedAssertion<'_>) -> Result<(), JwsError> {
        let Some(typ) = token.typ() else { return Ok(()) };
        let typ = typ.to_ascii_lowercase();
        let own = match self {
            Self::ClientAuthentication => "client-authentication+jwt",
            Self::AuthorizationGrant => "authorization-grant+jwt",
        };
        let bare = typ.strip_prefix("application/").unwrap_or(&typ);
        if bare == "jwt" || bare == own { Ok(()) } else { Err(JwsError::Type) }
    }
}

/// The keys of a JWK Set that check assertions, parsed once.
#[derive(Debug, Default)]
pub struct AssertionKeys(Vec<Key>);

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    algorithm: AssertionAlgorithm,
    key: ParsedPublicKey,
}

/// Why a JWK Set is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionKeysError {
    /// Not a JWK Set, or one with a private or symmetric key in it; in a sentence.
    #[error("not a JWK Set of public keys: {0}")]
    Malformed(String),
    /// More than 32 keys.
    #[error("the JWK Set has more than {MOST_KEYS} keys")]
    TooMany,
    /// None that could check a signature.
    #[error("the JWK Set has no Ed25519, P-256 or RSA key (2048 to 8192 bits) that signs")]
    None,
}

impl AssertionKeys {
    /// Reads a JWK Set (RFC 7517 section 5). Keys of other kinds, and keys that encrypt, are left out.
    pub fn parse(jwks: &[u8]) -> Result<Self, AssertionKeysError> {
        let set: JwkSet =
            serde_json::from_slice(jwks).map_err(|error| AssertionKeysError::Malformed(error.to_string()))?;
        if set.keys.len() > MOST_KEYS {
            return Err(AssertionKeysError::TooMany);
        }
        let mut keys = Vec::new();
        for jwk in set.keys {
            for algorithm in AssertionAlgorithm::ALL {
                // RFC 7517 section 4.4: a key that names its algorithm is for no other.
                let meant = jwk.alg.as_deref().is_none_or(|alg| alg.parse() == Ok(algorithm))
                    && jwk.usage.as_deref().is_none_or(|usage| usage == "sig");
                if let Some(key) = parsed(&jwk.material, algorithm).filter(|_| meant) {
                    keys.push(Key { kid: jwk.kid.clone(), algorithm, key });
                }
            }
        }
        if keys.is_empty() { Err(AssertionKeysError::None) } else { Ok(Self(keys)) }
    }

    /// Whether there is any key.
    pub fn can_sign(&self) -> bool {
        !self.0.is_empty()
    }

    /// Checks type, key, algorithm and signature. [`JwsError::UnknownKey`] means that newer keys might know better.
    pub fn verify(&self, token: &UnverifiedAssertion<'_>, usage: AssertionUse) -> Result<(), JwsError> {
        usage.admits(token)?;
        // RFC 8725 section 3.1: HMAC under a public key, which everybody knows, proves nothing.
        if token.algorithm().is_symmetric() {
            return Err(JwsError::AlgorithmMismatch);
        }
        let named =
            |key: &&Key| token.kid().is_none() || key.kid.is_none() || key.kid.as_deref() == token.kid();
        let mut candidates = self.0.iter().filter(named).peekable();
        if candidates.peek().is_none() {
            return Err(JwsError::UnknownKey);
        }
        let mut refusal = JwsError::AlgorithmMismatch;
        for candidate in candidates.filter(|key| key.algorithm == token.algorithm()) {
            if candidate.key.verify_sig(token.signing_input().as_bytes(), token.signature()).is_ok() {
                return Ok(());
            }
            // Only a key of this very name is known to be the one that did not sign.
            let exact = token.kid().is_some() && candidate.kid.as_deref() == token.kid();
            refusal = if exact { JwsError::Signature } else { JwsError::UnknownKey };
        }
        Err(refusal)
    }
}

/// A client's secret as a key of HMAC with SHA-256.
pub struct SharedKey(hmac::Key);

impl SharedKey {
    /// The octets of the secret's UTF-8 (OpenID Connect Core section 10.1); nothing when they are fewer than 32.
    pub fn from_secret(secret: &[u8]) -> Option<Self> {
        (secret.len() >= SHORTEST_SECRET).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// Checks type, algorithm and signature, in constant time.
    pub fn verify(&self, token: &UnverifiedAssertion<'_>, usage: AssertionUse) -> Result<(), JwsError> {
        usage.admits(token)?;
        if !token.algorithm().is_symmetric() {
            return Err(JwsError::AlgorithmMismatch);
        }
        hmac::verify(&self.0, token.signing_input().as_bytes(), token.signature())
            .map_err(|_| JwsError::Signature)
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey(..)")
    }
}
