//! A parsed public key that checks signatures by one algorithm. Knows no tokens.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use protocol::SigningAlgorithm;

use crate::jwk::PublicKeyMaterial;

/// Parsed once; parsing an RSA key costs as much as verifying with it.
#[derive(Debug)]
pub(crate) struct VerifyingKey {
    algorithm: SigningAlgorithm,
    key: ParsedPublicKey,
}

impl VerifyingKey {
    /// `None` when the material is no valid key, such as a point that is not on the curve.
    pub(crate) fn new(material: &PublicKeyMaterial) -> Option<Self> {
        let key = match material {
            PublicKeyMaterial::Ed25519 { x } => ParsedPublicKey::new(&ED25519, x),
            PublicKeyMaterial::P256 { x, y } => {
                // SEC 1 section 2.3.3: 4 announces an uncompressed point.
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], x.as_slice(), y.as_slice()].concat())
            }
            PublicKeyMaterial::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            }
        };
        Some(Self { algorithm: material.algorithm(), key: key.ok()? })
    }

    pub(crate) fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}
