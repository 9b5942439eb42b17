//! Reading a compact JWS (RFC 7515 section 7.1) as strictly as RFC 8725 asks, up to but not including its signature.
//!
//! Knows no keys: what comes out is unverified, and says so in its name.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use protocol::{AssertionAlgorithm, SigningAlgorithm};
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use crate::encoding;

/// Longer tokens are refused unread. The longest Doorward issues are a tenth of it.
const MAX_TOKEN_LEN: usize = 16 * 1024;

/// What a token claims to be in its `typ` header; explicit typing keeps one kind from passing for another
/// (RFC 8725 section 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// A JWT access token: `at+jwt` (RFC 9068 section 2.1).
    AccessToken,
    /// A JWT access token for resource servers that are older than RFC 9068: `JWT`. Its claims must say that it is no ID Token.
    PlainAccessToken,
    /// An ID Token: `JWT`, which OpenID Connect leaves optional.
    IdToken,
    /// The signed head of a block of audit events.
    AuditHead,
    /// The signed record of what was forgotten of them.
    AuditRecord,
}

impl TokenType {
    /// The `typ` that Doorward writes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::IdToken | Self::PlainAccessToken => "JWT",
            Self::AuditHead => "doorward-audit-head+jwt",
            Self::AuditRecord => "doorward-audit-record+jwt",
        }
    }

    /// Media types compare without case, and `application/` may be left out (RFC 7515 section 4.1.9, RFC 9068
    /// section 4).
    fn accepts(self, typ: Option<&str>) -> bool {
        let Some(typ) = typ else {
            return self == Self::IdToken;
        };
        let typ = typ.to_ascii_lowercase();
        typ.strip_prefix("application/").unwrap_or(&typ) == self.as_str().to_ascii_lowercase()
    }
}

/// A token whose form is right and whose signature nobody has checked yet.
///
/// Its algorithm is one of `A`: what we sign with ourselves, or what others may sign assertions with.
pub struct UnverifiedToken<'a, A = SigningAlgorithm> {
    algorithm: A,
    kid: Option<String>,
    typ: Option<String>,
    signing_input: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A client's or another issuer's assertion, its signature unchecked.
pub type UnverifiedAssertion<'a> = UnverifiedToken<'a, AssertionAlgorithm>;

impl<'a> UnverifiedToken<'a> {
    /// Reads header, payload and signature. Every refusal is one of [`JwsError`].
    pub fn parse(token: &'a str) -> Result<Self, JwsError> {
        // RFC 8725 section 3.1: an allow-list, on which `none` and HMAC do not stand.
        Self::read(token)
    }

    pub(crate) fn require_type(&self, expected: TokenType) -> Result<(), JwsError> {
        if expected.accepts(self.typ.as_deref()) { Ok(()) } else { Err(JwsError::Type) }
    }
}

impl<'a> UnverifiedAssertion<'a> {
    /// As [`UnverifiedToken::parse`]; HMAC stands on this allow-list, and which keys it may be used with is for `assertion` to see.
    pub fn parse_assertion(token: &'a str) -> Result<Self, JwsError> {
        Self::read(token)
    }

    /// What it claims: not to be believed before its signature was checked.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    pub(crate) fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }
}

impl<'a, A: FromStr + Copy> UnverifiedToken<'a, A> {
    fn read(token: &'a str) -> Result<Self, JwsError> {
        if token.len() > MAX_TOKEN_LEN {
            return Err(JwsError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::NotCompact)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::NotCompact)?;
        if payload.contains('.') {
            return Err(JwsError::NotCompact);
        }
        let header = encoding::decode(header).ok_or(JwsError::Encoding)?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| JwsError::Header)?;
        if let Some(refusal) = header.refusal {
            return Err(refusal);
        }
        let algorithm = header.alg.ok_or(JwsError::Header)?.parse().map_err(|_| JwsError::Algorithm)?;
        Ok(Self {
            algorithm,
            kid: header.kid,
            typ: header.typ,
            signing_input,
            payload: encoding::decode(payload).ok_or(JwsError::Encoding)?,
            signature: encoding::decode(signature).ok_or(JwsError::Encoding)?,
        })
    }

    /// The algorithm the header names: a claim until it is compared with the key's.
    pub fn algorithm(&self) -> A {
        self.algorithm
    }

    /// The key the header names.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(crate) fn signing_input(&self) -> &'a str {
        self.signing_input
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    pub(crate) fn into_payload(self) -> Vec<u8> {
        self.payload
    }
}

impl<A: fmt::Debug> fmt::Debug for UnverifiedToken<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnverifiedToken({:?} {:?}, ..)", self.algorithm, self.kid)
    }
}

/// Why a token is refused. To a client they all mean `invalid_token`; the difference is for logs and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// More than 16 KiB.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts.
    #[error("not a compact JWS")]
    NotCompact,
    /// A part is not canonical base64url.
    #[error("a part of the token is not base64url")]
    Encoding,
    /// Not a JSON object, or `alg`, `kid` or `typ` is not a string.
    #[error("the token's header is malformed")]
    Header,
    /// A member stands twice in the header.
    #[error("the token's header repeats a member")]
    DuplicateMember,
    /// `none`, HMAC, or an algorithm Doorward does not use.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// `crit` names extensions, and none is understood.
    #[error("the token demands an extension")]
    CriticalExtension,
    /// The header brings its own key or says where to fetch one.
    #[error("the token brings its own key")]
    EmbeddedKey,
    /// `b64` or `zip`: the payload is not what it seems.
    #[error("the token's payload is transformed")]
    TransformedPayload,
    /// `typ` is another kind of token's.
    #[error("the token is of another type")]
    Type,
    /// The header names no key.
    #[error("the token names no key")]
    NoKey,
    /// The key the header names is not at hand, or not valid.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The header's algorithm is not the key's.
    #[error("the token's algorithm is not its key's")]
    AlgorithmMismatch,
    /// The signature is not the key's over this header and payload.
    #[error("the token's signature is wrong")]
    Signature,
}

/// What matters of a JWS header, and the first reason to refuse it.
#[derive(Default)]
struct Header {
    alg: Option<String>,
    kid: Option<String>,
    typ: Option<String>,
    refusal: Option<JwsError>,
}

impl Header {
    /// Members that change how a token is to be read, none of which Doorward reads.
    fn refusal_of(member: &str) -> Option<JwsError> {
        match member {
            // RFC 7515 section 4.1.11: whoever does not understand a critical extension must reject.
            "crit" => Some(JwsError::CriticalExtension),
            // RFC 8725 section 3.10: a key that the token itself brings or points at proves nothing.
            "jwk" | "jku" | "x5c" | "x5u" => Some(JwsError::EmbeddedKey),
            // RFC 7797 section 3; RFC 8725 section 3.6.
            "b64" | "zip" => Some(JwsError::TransformedPayload),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut header = Header::default();
        let mut seen = BTreeSet::new();
        while let Some(member) = map.next_key::<String>()? {
            match member.as_str() {
                "alg" => header.alg = Some(map.next_value()?),
                "kid" => header.kid = Some(map.next_value()?),
                "typ" => header.typ = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            header.refusal = header.refusal.or(Header::refusal_of(&member));
            // RFC 7515 section 4: names are unique, and a parser that took the last one would let two readers differ.
            if !seen.insert(member) {
                header.refusal = header.refusal.or(Some(JwsError::DuplicateMember));
            }
        }
        Ok(header)
    }
}
