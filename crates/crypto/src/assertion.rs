//! Checking other people's signatures: assertions by a client's or a trusted issuer's keys (RFC 7523). Knows no claims, no clock, and not
//! where keys come from.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::ParsedPublicKey;
use protocol::AssertionAlgorithm;

use crate::jwk::{JwkSet, PublicJwk, PublicKeyMaterial, SkippedKey};
use crate::jws::{JwsError, UnverifiedAssertion};
use crate::verifying_key::{LEAST_BITS, bits, is_exponent, parsed};

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
pub struct AssertionKeys {
    keys: Vec<Key>,
    skipped: Vec<SkippedKey>,
}

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
    /// Its only key is of no use.
    #[error("{0}")]
    Unusable(SkippedKey),
    /// None that could check a signature.
    #[error("the JWK Set has no Ed25519, P-256 or RSA key (2048 to 8192 bits) that signs")]
    None,
}

impl AssertionKeys {
    /// Reads a JWK Set (RFC 7517 section 5). Keys of other kinds, and keys that encrypt, are left out; a key that means to sign and could
    /// never be verified is [`skipped`](Self::skipped).
    pub fn parse(jwks: &[u8]) -> Result<Self, AssertionKeysError> {
        let (set, mut skipped) =
            JwkSet::read(jwks).map_err(|error| AssertionKeysError::Malformed(error.to_string()))?;
        if set.keys.len() > MOST_KEYS {
            return Err(AssertionKeysError::TooMany);
        }
        let mut keys = Vec::new();
        for jwk in set.keys {
            if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
                continue;
            }
            // RFC 7517 section 4.4: a key that names its algorithm is for no other.
            let meant = |algorithm: &AssertionAlgorithm| {
                jwk.alg.as_deref().is_none_or(|alg| alg.parse() == Ok(*algorithm))
            };
            let good = AssertionAlgorithm::ALL.into_iter().filter(meant);
            let before = keys.len();
            keys.extend(good.filter_map(|algorithm| {
                let key = parsed(&jwk.material, algorithm)?;
                Some(Key { kid: jwk.kid.clone(), algorithm, key })
            }));
            if keys.len() == before
                && let Some(why) = unverifiable(&jwk)
            {
                let name = jwk.kid.clone().unwrap_or_else(|| jwk.thumbprint());
                skipped.push(SkippedKey { name, why });
            }
        }
        if keys.is_empty() { Err(none(&skipped)) } else { Ok(Self { keys, skipped }) }
    }

    /// Whether there is any key.
    pub fn can_sign(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether there is a key for this algorithm.
    pub fn can_sign_by(&self, algorithm: AssertionAlgorithm) -> bool {
        self.keys.iter().any(|key| key.algorithm == algorithm)
    }

    /// The keys that are not used because something is wrong with them.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
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
        let mut candidates = self.keys.iter().filter(named).peekable();
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

/// What is wrong with a key that signs nothing that could be verified; nothing when it does not mean to sign.
fn unverifiable(jwk: &PublicJwk) -> Option<String> {
    if let Some(alg) = &jwk.alg {
        // RFC 7518 section 4.1: a key that encrypts may say so by its algorithm alone.
        if ["RSA", "ECDH", "dir", "A"].iter().any(|encrypts| alg.starts_with(encrypts)) {
            return None;
        }
        if alg.parse::<AssertionAlgorithm>().is_err() {
            return Some(format!("alg {alg} is none that is verified here"));
        }
    }
    Some(match &jwk.material {
        PublicKeyMaterial::Rsa { n, .. } if bits(n) < LEAST_BITS => {
            format!("an RSA key of {} bits: at least 2048 are expected (RFC 7518 section 3.3)", bits(n))
        }
        PublicKeyMaterial::Rsa { e, .. } if !is_exponent(e) => {
            "its public exponent e is even or less than 3".to_owned()
        }
        _ => match &jwk.alg {
            Some(alg) => format!("its alg {alg} is for another kind of key"),
            None => "it is no valid public key".to_owned(),
        },
    })
}

/// A set in which no key is left says why, when there is one reason only.
fn none(skipped: &[SkippedKey]) -> AssertionKeysError {
    match skipped {
        [only] => AssertionKeysError::Unusable(only.clone()),
        _ => AssertionKeysError::None,
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
