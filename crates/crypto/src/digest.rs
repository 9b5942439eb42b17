//! Digests and the hashes the protocols derive from them: `at_hash`, `c_hash`, PKCE. Knows no keys.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use protocol::SigningAlgorithm;

use crate::encoding;
use crate::opaque::constant_time_eq;

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut output = [0; 32];
    output.copy_from_slice(digest(&SHA256, bytes).as_ref());
    output
}

/// The name under which a presented token is looked up in a cache: its SHA-256, so that the cache holds no tokens.
pub fn token_digest(token: &str) -> [u8; 32] {
    sha256(token.as_bytes())
}

/// `at_hash` and `c_hash`: the base64url of the left half of the value's hash (OpenID Connect Core section 3.1.3.6).
///
/// The hash is the one in the ID Token's `alg`: SHA-256 for ES256 and RS256. EdDSA names none; Ed25519 works with
/// SHA-512 (RFC 8032 section 5.1), and that is what deployed clients compute.
pub fn left_half_hash(algorithm: SigningAlgorithm, value: &str) -> String {
    let hash = match algorithm {
        SigningAlgorithm::EdDsa => digest(&SHA512, value.as_bytes()),
        SigningAlgorithm::Es256 | SigningAlgorithm::Rs256 => digest(&SHA256, value.as_bytes()),
    };
    let hash = hash.as_ref();
    encoding::encode(&hash[..hash.len() / 2])
}

/// The `code_challenge` of a verifier by the method S256 (RFC 7636 section 4.2).
pub fn pkce_s256(verifier: &str) -> String {
    encoding::encode(&sha256(verifier.as_bytes()))
}

/// Whether `verifier` answers `challenge` (RFC 7636 section 4.6), in constant time.
pub fn pkce_s256_matches(verifier: &str, challenge: &str) -> bool {
    constant_time_eq(pkce_s256(verifier).as_bytes(), challenge.as_bytes())
}
