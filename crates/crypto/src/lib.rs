//! KEYS, PROOFS: bytes in, bytes out. JWK, JWS, the keyring, opaque secrets, sealing at rest.
//!
//! Nothing here performs I/O, reads a clock or knows who asks: no storage, no provider, no web. Randomness is an
//! argument ([`Random`]), with two exceptions that are aws-lc's own and cannot be handed in: the per-signature nonce
//! of ECDSA and the blinding of RSA (`signing_key`), and the primes of a new RSA key (`private_key`).
//!
//! Secrets are zeroized when dropped, compared in constant time and never shown by `Debug`.

pub mod api_key;
pub mod assertion;
pub mod backup_keys;
pub mod certificate;
pub mod derive;
pub mod digest;
mod envelope;
pub mod jwk;
pub mod jws;
pub mod keyring;
pub mod opaque;
pub mod private_key;
pub mod random;
pub mod seal;
pub mod signing_key;

mod der;
mod distinguished_name;
mod encoding;
mod verifying_key;

pub use api_key::{API_KEY_PREFIX, ApiKey};
pub use assertion::{AssertionKeys, AssertionKeysError, AssertionUse, SharedKey};
pub use backup_keys::BackupKeys;
pub use certificate::{
    CertificateAuthorities, CertificateAuthoritiesError, certificate_thumbprint, is_distinguished_name,
    registered_certificates, subject_matches,
};
pub use derive::DerivationKey;
pub use digest::{left_half_hash, pkce_s256, pkce_s256_matches, sha256, token_digest};
pub use jwk::{JwkError, JwkSet, PublicJwk, PublicKeyMaterial, SkippedKey};
pub use jws::{JwsError, TokenType, UnverifiedAssertion, UnverifiedToken};
pub use keyring::{KeyState, Keyring, VerifiedToken, verify_with_jwk};
pub use opaque::{OpaqueToken, constant_time_eq, generate_secret, secret_hash, secret_matches};
pub use private_key::{KeyError, PrivateKey};
pub use random::{Random, SeededRandom, random_bytes};
pub use seal::{MasterKey, MasterKeyError, MasterKeyId, MasterKeys, SealError};
pub use signing_key::SigningKey;
