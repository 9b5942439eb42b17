//! The stored half of an opaque token: the SHA-256 of its secret. Comparing it in constant time is `crypto`'s part.

use std::fmt;

/// SHA-256 of a secret. Deliberately without `PartialEq`: compare with `crypto::OpaqueToken::matches`.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// From the 32 bytes of the digest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes as stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}
