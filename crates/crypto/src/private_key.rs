//! Private signing keys: made, exported to be sealed, read back. Knows no tokens and no states.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use protocol::SigningAlgorithm;
use zeroize::Zeroizing;

use crate::jwk::{PublicJwk, PublicKeyMaterial};
use crate::random::Random;
use crate::verifying_key::VerifyingKey;

/// A private key, parsed once and kept for signing, with its public half. aws-lc wipes it when it is dropped.
pub struct PrivateKey {
    pair: Pair,
    public: PublicJwk,
    verifying: VerifyingKey,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl PrivateKey {
    /// A new RSA key of 2048 bits. It alone among all that is generated here comes from aws-lc's own random source, which
    /// offers no other way to find primes; and it takes a tenth of a second or more.
    pub fn generate_rsa() -> Result<Self, KeyError> {
        Self::new(Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generate)?))
    }

    /// A new key; for RSA see [`generate_rsa`](Self::generate_rsa).
    pub fn generate(algorithm: SigningAlgorithm, random: &mut dyn Random) -> Result<Self, KeyError> {
        Self::new(match algorithm {
            SigningAlgorithm::EdDsa => {
                let mut seed = Zeroizing::new([0; 32]);
                random.fill(seed.as_mut_slice());
                Pair::Ed25519(
                    Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| KeyError::Generate)?,
                )
            }
            SigningAlgorithm::Es256 => Pair::P256(generate_p256(random)?),
            SigningAlgorithm::Rs256 => return Self::generate_rsa(),
        })
    }

    /// Reads PKCS #8 (RFC 5208, RFC 5958). RSA keys need 2048 to 8192 bits.
    pub fn from_pkcs8(algorithm: SigningAlgorithm, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let rejected = |_| KeyError::Rejected(algorithm);
        Self::new(match algorithm {
            SigningAlgorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(rejected)?),
            SigningAlgorithm::Es256 => Pair::P256(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(rejected)?,
            ),
            SigningAlgorithm::Rs256 => Pair::Rsa(RsaKeyPair::from_pkcs8(pkcs8).map_err(rejected)?),
        })
    }

    /// PKCS #8 version 1, the form OpenSSL reads too. To be sealed before it is stored.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let copy = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
        match &self.pair {
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map(|der| copy(der.as_ref())),
            Pair::P256(pair) => pair.to_pkcs8v1().map(|der| copy(der.as_ref())),
            Pair::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|der| copy(der.as_ref())),
        }
        .map_err(|_| KeyError::Export)
    }

    /// The algorithm it signs by.
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.verifying.algorithm()
    }

    /// The public half: `kid` is its thumbprint, `use` is `sig`.
    pub fn public_jwk(&self) -> &PublicJwk {
        &self.public
    }

    pub(crate) fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The signature of `message` in the JWS form (RFC 7518 sections 3.3 and 3.4, RFC 8037 section 3.1).
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        // aws-lc ignores the generator it is given: ECDSA's nonce and RSA's blinding are its own. `SystemRandom` is
        // only there to be named.
        match &self.pair {
            Pair::Ed25519(pair) => pair.try_sign(message).map(|signature| signature.as_ref().to_vec()),
            Pair::P256(pair) => {
                pair.sign(&SystemRandom::new(), message).map(|signature| signature.as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map(|()| signature)
            }
        }
        .map_err(|_| KeyError::Sign)
    }

    fn new(pair: Pair) -> Result<Self, KeyError> {
        let material = pair.public().ok_or(KeyError::Export)?;
        let verifying = VerifyingKey::new(&material).ok_or(KeyError::Export)?;
        Ok(Self { pair, public: PublicJwk::for_signing(material), verifying })
    }
}

impl Pair {
    fn public(&self) -> Option<PublicKeyMaterial> {
        match self {
            Self::Ed25519(pair) => {
                Some(PublicKeyMaterial::Ed25519 { x: pair.public_key().as_ref().try_into().ok()? })
            }
            Self::P256(pair) => {
                // SEC 1 section 2.3.3: 4, then both coordinates in full.
                let point = pair.public_key().as_ref().strip_prefix(&[4])?;
                let (x, y) = point.split_first_chunk()?;
                Some(PublicKeyMaterial::P256 { x: *x, y: y.try_into().ok()? })
            }
            Self::Rsa(pair) => {
                let key = pair.public_key();
                Some(PublicKeyMaterial::Rsa {
                    n: key.modulus().big_endian_without_leading_zero().to_vec(),
                    e: key.exponent().big_endian_without_leading_zero().to_vec(),
                })
            }
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, ..)", self.algorithm().as_str())
    }
}

/// RFC 5915 section 3, with the curve and without the public key, which aws-lc computes: this is how a P-256 key is
/// made from bytes of our choosing, where its own `generate` would draw them itself.
const P256_BEFORE: [u8; 7] = [0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
const P256_AFTER: [u8; 12] = [0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

fn generate_p256(random: &mut dyn Random) -> Result<EcdsaKeyPair, KeyError> {
    let mut der = Zeroizing::new([0; 51]);
    der[..7].copy_from_slice(&P256_BEFORE);
    der[39..].copy_from_slice(&P256_AFTER);
    // One candidate in four billion is zero or beyond the curve's order and is drawn anew.
    for _ in 0..4 {
        random.fill(&mut der[7..39]);
        if let Ok(pair) = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_slice())
        {
            return Ok(pair);
        }
    }
    Err(KeyError::Generate)
}

/// What went wrong with a private key. Says nothing about its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key came out.
    #[error("a signing key could not be generated")]
    Generate,
    /// The bytes are no PKCS #8 key for this algorithm, or one too weak for it.
    #[error("not a usable {} private key in PKCS #8", .0.as_str())]
    Rejected(SigningAlgorithm),
    /// The key could not be written out.
    #[error("the signing key could not be exported")]
    Export,
    /// The library refused to sign.
    #[error("signing failed")]
    Sign,
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rsa::KeyPairComponents;
    use aws_lc_rs::signature::RsaPublicKeyComponents;

    use super::*;
    use crate::encoding;

    fn bytes(base64url: &str) -> Vec<u8> {
        encoding::decode(base64url).expect(base64url)
    }

    /// RFC 8037 appendices A.1 to A.4; the key in the PKCS #8 of RFC 8410 section 7.
    #[test]
    fn ed25519_signs_as_in_rfc_8037() {
        let mut pkcs8 = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
        pkcs8.extend(bytes("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"));
        let key = PrivateKey::from_pkcs8(SigningAlgorithm::EdDsa, &pkcs8).expect("the RFC's key");
        assert_eq!(key.to_pkcs8().expect("exportable").as_slice(), pkcs8);
        assert_eq!(key.public_jwk().kid.as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
        let signature =
            key.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc").expect("a signature");
        assert_eq!(
            encoding::encode(&signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    /// RFC 7520 section 4.1, with the key of its section 3.4.
    #[test]
    fn rsa_signs_as_in_rfc_7520() {
        let components = KeyPairComponents {
            public_key: RsaPublicKeyComponents {
                n: bytes(
                    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw",
                ),
                e: bytes("AQAB"),
            },
            d: bytes(
                "bWUC9B-EFRIo8kpGfh0ZuyGPvMNKvYWNtB_ikiH9k20eT-O1q_I78eiZkpXxXQ0UTEs2LsNRS-8uJbvQ-A1irkwMSMkK1J3XTGgdrhCku9gRldY7sNA_AKZGh-Q661_42rINLRCe8W-nZ34ui_qOfkLnK9QWDDqpaIsA-bMwWWSDFu2MUBYwkHTMEzLYGqOe04noqeq1hExBTHBOBdkMXiuFhUq1BU6l-DqEiWxqg82sXt2h-LMnT3046AOYJoRioz75tSUQfGCshWTBnP5uDjd18kKhyv07lhfSJdrPdM5Plyl21hsFf4L_mHCuoFau7gdsPfHPxxjVOcOpBrQzwQ",
            ),
            p: bytes(
                "3Slxg_DwTXJcb6095RoXygQCAZ5RnAvZlno1yhHtnUex_fp7AZ_9nRaO7HX_-SFfGQeutao2TDjDAWU4Vupk8rw9JR0AzZ0N2fvuIAmr_WCsmGpeNqQnev1T7IyEsnh8UMt-n5CafhkikzhEsrmndH6LxOrvRJlsPp6Zv8bUq0k",
            ),
            q: bytes(
                "uKE2dh-cTf6ERF4k4e_jy78GfPYUIaUyoSSJuBzp3Cubk3OCqs6grT8bR_cu0Dm1MZwWmtdqDyI95HrUeq3MP15vMMON8lHTeZu2lmKvwqW7anV5UzhM1iZ7z4yMkuUwFWoBvyY898EXvRD-hdqRxHlSqAZ192zB3pVFJ0s7pFc",
            ),
            dP: bytes(
                "B8PVvXkvJrj2L-GYQ7v3y9r6Kw5g9SahXBwsWUzp19TVlgI-YV85q1NIb1rxQtD-IsXXR3-TanevuRPRt5OBOdiMGQp8pbt26gljYfKU_E9xn-RULHz0-ed9E9gXLKD4VGngpz-PfQ_q29pk5xWHoJp009Qf1HvChixRX59ehik",
            ),
            dQ: bytes(
                "CLDmDGduhylc9o7r84rEUVn7pzQ6PF83Y-iBZx5NT-TpnOZKF1pErAMVeKzFEl41DlHHqqBLSM0W1sOFbwTxYWZDm6sI6og5iTbwQGIC3gnJKbi_7k_vJgGHwHxgPaX2PnvP-zyEkDERuf-ry4c_Z11Cq9AqC2yeL6kdKT1cYF8",
            ),
            qInv: bytes(
                "3PiqvXQN0zwMeE-sBvZgi289XP9XCQF3VWqPzMKnIgQp7_Tugo6-NZBKCQsMf3HaEGBjTVJs_jcK8-TRXvaKe-7ZMaQj8VfBdYkssbu0NKDDhjJ-GtiseaDVWt7dcH0cfwxgFUHpQh7FoCrjFJ6h6ZEpMF6xmujs4qMpPz8aaI4",
            ),
        };
        let pair = RsaKeyPair::from_components(&components).expect("the RFC's key");
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().expect("exportable");
        let key = PrivateKey::from_pkcs8(SigningAlgorithm::Rs256, pkcs8.as_ref()).expect("its own export");
        let signature = key
            .sign(b"eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4")
            .expect("a signature");
        assert_eq!(
            encoding::encode(&signature),
            "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg"
        );
    }

    /// The lowest and the highest scalar, and the first beyond: what the retry in `generate_p256` is for.
    #[test]
    fn p256_scalars_out_of_range_are_drawn_anew() {
        struct Script(Vec<[u8; 32]>);
        impl Random for Script {
            fn fill(&mut self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.0.pop().expect("another candidate"));
            }
        }
        let mut one = [0; 32];
        one[31] = 1;
        let mut script = Script(vec![one, [0xff; 32], [0; 32]]);
        let key = PrivateKey::generate(SigningAlgorithm::Es256, &mut script).expect("the third candidate");
        // The public key of the scalar 1 is the curve's base point (SEC 2 section 2.4.2).
        assert!(matches!(&key.public_jwk().material, PublicKeyMaterial::P256 { x, .. }
            if x.starts_with(&[0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47])));
        assert!(script.0.is_empty());
        let never = &mut Script(vec![[0; 32]; 4]);
        assert_eq!(PrivateKey::generate(SigningAlgorithm::Es256, never).map(|_| ()), Err(KeyError::Generate));
    }
}
