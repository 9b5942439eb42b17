//! Public keys as JSON (RFC 7517, RFC 7518 section 6, RFC 8037 section 2) and their thumbprints (RFC 7638).
//!
//! Refuses to know private keys: a JWK that carries one is an error, not a key with members to ignore.

use base64::Engine as _;
use protocol::SigningAlgorithm;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::digest::sha256;
use crate::encoding;

/// A public key with what it says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Members", into = "Members")]
pub struct PublicJwk {
    /// The key itself.
    pub material: PublicKeyMaterial,
    /// `kid`: the name tokens refer to it by (RFC 7517 section 4.5).
    pub kid: Option<String>,
    /// `alg`: the one algorithm it is meant for (section 4.4).
    pub alg: Option<String>,
    /// `use`: `sig` or `enc` (section 4.2).
    pub usage: Option<String>,
}

/// The members that make the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKeyMaterial {
    /// `OKP` on Ed25519.
    Ed25519 {
        /// The public key.
        x: [u8; 32],
    },
    /// `EC` on P-256. Whether the point is on the curve is checked when a signature is verified.
    P256 {
        /// The x coordinate, big-endian.
        x: [u8; 32],
        /// The y coordinate, big-endian.
        y: [u8; 32],
    },
    /// `RSA`.
    Rsa {
        /// The modulus, big-endian without leading zeros.
        n: Vec<u8>,
        /// The exponent, big-endian without leading zeros.
        e: Vec<u8>,
    },
}

/// `AlgorithmIdentifier`s: RFC 8410 section 3; RFC 5480 section 2.1.1 with secp256r1; RFC 3279 section 2.3.1.
const ID_ED25519: &[u8] = &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70];
const ID_EC_P256: &[u8] =
    &[0x30, 19, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const ID_RSA: &[u8] = &[0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];

impl PublicKeyMaterial {
    /// The algorithm Doorward uses such a key with.
    pub const fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::Ed25519 { .. } => SigningAlgorithm::EdDsa,
            Self::P256 { .. } => SigningAlgorithm::Es256,
            Self::Rsa { .. } => SigningAlgorithm::Rs256,
        }
    }

    fn subject_public_key_info(&self) -> Vec<u8> {
        use crate::der::{BIT_STRING, INTEGER, SEQUENCE, value};
        /// An unsigned integer: a first byte that would read as a sign gets a zero before it (X.690 section 8.3).
        fn integer(bytes: &[u8]) -> Vec<u8> {
            let sign: &[u8] = if bytes.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
            value(INTEGER, &[sign, bytes])
        }
        let (algorithm, key) = match self {
            Self::Ed25519 { x } => (ID_ED25519, x.to_vec()),
            Self::P256 { x, y } => (ID_EC_P256, [&[4], x.as_slice(), y].concat()),
            Self::Rsa { n, e } => (ID_RSA, value(SEQUENCE, &[&integer(n), &integer(e)])),
        };
        // No bits of the last byte are unused.
        value(SEQUENCE, &[algorithm, &value(BIT_STRING, &[&[0], &key])])
    }

    /// The JWK thumbprint by SHA-256 (RFC 7638 section 3; for OKP RFC 8037 section 2).
    pub fn thumbprint(&self) -> String {
        // The required members only, in lexicographic order, without white space. base64url needs no escaping.
        let canonical = match self {
            Self::Ed25519 { x } => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encoding::encode(x))
            }
            Self::P256 { x, y } => format!(
                r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
                encoding::encode(x),
                encoding::encode(y)
            ),
            Self::Rsa { n, e } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encoding::encode(e), encoding::encode(n))
            }
        };
        encoding::encode(&sha256(canonical.as_bytes()))
    }
}

impl PublicJwk {
    /// A key that signs, named by its thumbprint.
    pub(crate) fn for_signing(material: PublicKeyMaterial) -> Self {
        Self {
            kid: Some(material.thumbprint()),
            alg: Some(material.algorithm().as_str().to_owned()),
            usage: Some("sig".to_owned()),
            material,
        }
    }

    /// The JWK thumbprint of [`material`](Self::material).
    pub fn thumbprint(&self) -> String {
        self.material.thumbprint()
    }

    /// One whose members may be of any kind: a private one is found even where others are malformed.
    fn read(key: serde_json::Value) -> Result<Self, JwkError> {
        let is_private = |name: &&str| key.get(*name).is_some_and(|member| !member.is_null());
        if PRIVATE_MEMBERS.iter().any(is_private) {
            return Err(JwkError::Private);
        }
        serde_json::from_value::<Members>(key).map_err(|_| JwkError::Malformed)?.try_into()
    }

    /// The key as PEM, a `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7, RFC 7468 section 13).
    pub fn to_pem(&self) -> String {
        let base64 =
            base64::engine::general_purpose::STANDARD.encode(self.material.subject_public_key_info());
        let lines: Vec<&str> = (0..base64.len())
            .step_by(64)
            .filter_map(|at| base64.get(at..base64.len().min(at + 64)))
            .collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    /// Whether the key itself permits verifying `algorithm` with it.
    pub(crate) fn permits(&self, algorithm: SigningAlgorithm) -> bool {
        self.material.algorithm() == algorithm
            && self.alg.as_deref().is_none_or(|alg| alg == algorithm.as_str())
            && self.usage.as_deref().is_none_or(|usage| usage == "sig")
    }
}

/// A JWK Set (RFC 7517 section 5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys this crate understands; reading leaves out the others, as section 5 asks.
    #[serde(deserialize_with = "understood")]
    pub keys: Vec<PublicJwk>,
}

/// A key of a set that is left out because something is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("key {name}: {why}")]
pub struct SkippedKey {
    /// Its `kid`, or else its thumbprint, or of one that has none its place in the set, from one.
    pub name: String,
    /// What is wrong.
    pub why: String,
}

impl JwkSet {
    /// Reads a set; what is wrong with one key is no other key's fault (RFC 7517 section 5). Keys of other kinds are left out silently.
    ///
    /// # Errors
    /// When it is no JWK Set, or a private or symmetric key is in it.
    pub fn read(jwks: &[u8]) -> Result<(Self, Vec<SkippedKey>), serde_json::Error> {
        let set: AnySet = serde_json::from_slice(jwks)?;
        let (mut keys, mut skipped) = (Vec::new(), Vec::new());
        for (index, key) in set.keys.into_iter().enumerate() {
            let kid = key.get("kid").and_then(serde_json::Value::as_str).map(str::to_owned);
            let name = kid.unwrap_or_else(|| (index + 1).to_string());
            match PublicJwk::read(key) {
                Ok(key) => keys.push(key),
                Err(JwkError::Unsupported) => {}
                Err(error @ JwkError::Private) => return Err(serde::de::Error::custom(error)),
                Err(error) => skipped.push(SkippedKey { name, why: error.to_string() }),
            }
        }
        Ok((Self { keys }, skipped))
    }
}

/// Keys of which nothing is known yet.
#[derive(Deserialize)]
struct AnySet {
    keys: Vec<serde_json::Value>,
}

fn understood<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicJwk>, D::Error> {
    let mut keys = Vec::new();
    for key in Vec::<serde_json::Value>::deserialize(deserializer)? {
        match PublicJwk::read(key) {
            Ok(key) => keys.push(key),
            Err(error @ JwkError::Private) => return Err(serde::de::Error::custom(error)),
            Err(_) => {}
        }
    }
    Ok(keys)
}

/// RFC 7518 sections 6.2.2, 6.3.2 and 6.4: the private members of EC, OKP, RSA and symmetric keys.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a JWK is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// It carries `d`, `k` or another private member.
    #[error("the JWK carries a private key: only public keys belong here")]
    Private,
    /// A `kty` or `crv` other than Ed25519, P-256 and RSA.
    #[error("the JWK is not an Ed25519, P-256 or RSA key")]
    Unsupported,
    /// A member is missing or not in its one correct encoding.
    #[error("a member of the JWK is missing or wrongly encoded")]
    Malformed,
}

/// The JSON members as they stand on the wire. Unknown ones are ignored (RFC 7517 section 4), repeated ones refused.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Members {
    kty: String,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    // RFC 7518 sections 6.2.2, 6.3.2 and 6.4: the private members of EC, OKP, RSA and symmetric keys.
    #[serde(skip_serializing)]
    d: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    p: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    q: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    dp: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    dq: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    qi: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    oth: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    k: Option<IgnoredAny>,
}

impl TryFrom<Members> for PublicJwk {
    type Error = JwkError;

    fn try_from(members: Members) -> Result<Self, JwkError> {
        let Members { d, p, q, dp, dq, qi, oth, k, .. } = &members;
        if [d, p, q, dp, dq, qi, oth, k].iter().any(|member| member.is_some()) {
            return Err(JwkError::Private);
        }
        let material = match (members.kty.as_str(), members.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => PublicKeyMaterial::Ed25519 { x: fixed(members.x.as_deref())? },
            // RFC 7518 section 6.2.1.2: the full width, leading zeros included.
            ("EC", Some("P-256")) => {
                PublicKeyMaterial::P256 { x: fixed(members.x.as_deref())?, y: fixed(members.y.as_deref())? }
            }
            ("RSA", _) => PublicKeyMaterial::Rsa {
                n: integer(members.n.as_deref(), MAX_MODULUS_LEN)?,
                e: integer(members.e.as_deref(), MAX_EXPONENT_LEN)?,
            },
            ("", _) => return Err(JwkError::Malformed),
            _ => return Err(JwkError::Unsupported),
        };
        Ok(Self { material, kid: members.kid, alg: members.alg, usage: members.usage })
    }
}

impl From<PublicJwk> for Members {
    fn from(jwk: PublicJwk) -> Self {
        let shared = Self { usage: jwk.usage, alg: jwk.alg, kid: jwk.kid, ..Self::default() };
        match jwk.material {
            PublicKeyMaterial::Ed25519 { x } => Self {
                kty: "OKP".to_owned(),
                crv: Some("Ed25519".to_owned()),
                x: Some(encoding::encode(&x)),
                ..shared
            },
            PublicKeyMaterial::P256 { x, y } => Self {
                kty: "EC".to_owned(),
                crv: Some("P-256".to_owned()),
                x: Some(encoding::encode(&x)),
                y: Some(encoding::encode(&y)),
                ..shared
            },
            PublicKeyMaterial::Rsa { n, e } => Self {
                kty: "RSA".to_owned(),
                n: Some(encoding::encode(&n)),
                e: Some(encoding::encode(&e)),
                ..shared
            },
        }
    }
}

/// 8192 bits, the most that verification accepts; larger ones would only cost time.
const MAX_MODULUS_LEN: usize = 1024;
const MAX_EXPONENT_LEN: usize = 8;

fn fixed(member: Option<&str>) -> Result<[u8; 32], JwkError> {
    member.and_then(encoding::decode_array).map(|bytes| *bytes).ok_or(JwkError::Malformed)
}

/// Base64urlUInt (RFC 7518 section 2): big-endian in as few bytes as possible.
fn integer(member: Option<&str>, max_len: usize) -> Result<Vec<u8>, JwkError> {
    member
        .filter(|text| text.len() <= encoding::encoded_len(max_len))
        .and_then(encoding::decode)
        .filter(|bytes| bytes.first().is_some_and(|first| *first != 0))
        .ok_or(JwkError::Malformed)
}
