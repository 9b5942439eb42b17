//! A parsed public key that checks signatures by one algorithm. Knows no tokens.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use protocol::{AssertionAlgorithm, SigningAlgorithm};

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
        let algorithm = match material.algorithm() {
            SigningAlgorithm::EdDsa => AssertionAlgorithm::EdDsa,
            SigningAlgorithm::Es256 => AssertionAlgorithm::Es256,
            SigningAlgorithm::Rs256 => AssertionAlgorithm::Rs256,
        };
        Some(Self { algorithm: material.algorithm(), key: parsed(material, algorithm)? })
    }

    pub(crate) fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

/// RFC 7518 section 3.3: "A key of size 2048 bits or larger MUST be used".
pub(crate) const LEAST_BITS: usize = 2_048;

pub(crate) fn bits(modulus: &[u8]) -> usize {
    modulus.len() * 8 - modulus.first().map_or(0, |first| first.leading_zeros() as usize)
}

/// RFC 8017 section 3.1: an odd number from 3 on. With 1, everybody can sign.
pub(crate) fn is_exponent(e: &[u8]) -> bool {
    e.last().is_some_and(|last| last & 1 == 1) && e != [1]
}

/// The key, ready to check signatures by `algorithm`; `None` when it is no key for that.
pub(crate) fn parsed(material: &PublicKeyMaterial, algorithm: AssertionAlgorithm) -> Option<ParsedPublicKey> {
    use AssertionAlgorithm as A;
    if let PublicKeyMaterial::Rsa { n, e } = material
        && (bits(n) < LEAST_BITS || !is_exponent(e))
    {
        return None;
    }
    let key = match (material, algorithm) {
        (PublicKeyMaterial::Ed25519 { x }, A::EdDsa) => ParsedPublicKey::new(&ED25519, x),
        (PublicKeyMaterial::P256 { x, y }, A::Es256) => {
            // SEC 1 section 2.3.3: 4 announces an uncompressed point.
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], x.as_slice(), y.as_slice()].concat())
        }
        (PublicKeyMaterial::Rsa { n, e }, A::Rs256) => {
            RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
        }
        (PublicKeyMaterial::Rsa { n, e }, A::Ps256) => {
            RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PSS_2048_8192_SHA256)
        }
        _ => return None,
    };
    key.ok()
}
