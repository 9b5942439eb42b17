//! Proof Key for Code Exchange (RFC 7636): the shapes of verifier and challenge. Comparing them needs SHA-256: that is `crypto`'s part.

use serde::{Deserialize, Serialize};

/// A `code_challenge` of method S256: the base64url of a SHA-256 (RFC 7636 section 4.2). `plain` is not offered (RFC 9700 section 2.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeChallenge(String);

/// A `code_verifier`: 43 to 128 unreserved characters (RFC 7636 section 4.1).
#[derive(Clone, PartialEq, Eq)]
pub struct CodeVerifier(String);

/// What an authorization request must carry so that its code is of no use in another's session (RFC 9700 section 2.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PkcePolicy {
    /// A code challenge. Always so for a public client.
    Required,
    /// A code challenge, or a `nonce` with the `openid` scope, which a confidential client finds in its ID Token again.
    PkceOrNonce,
    /// Nothing.
    Optional,
}

impl PkcePolicy {
    /// Every policy, the strictest first.
    pub const ALL: [Self; 3] = [Self::Required, Self::PkceOrNonce, Self::Optional];

    /// Its word in settings and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::PkceOrNonce => "pkce-or-nonce",
            Self::Optional => "optional",
        }
    }

    /// Whether a request without a code challenge is admitted.
    pub const fn admits_without_challenge(self, has_nonce: bool) -> bool {
        match self {
            Self::Required => false,
            Self::PkceOrNonce => has_nonce,
            Self::Optional => true,
        }
    }
}

/// A value outside the grammar of RFC 7636.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPkce {
    /// RFC 7636 section 4.1.
    #[error("code_verifier: 43 to 128 unreserved characters are expected")]
    Verifier,
    /// RFC 7636 section 4.2.
    #[error("code_challenge: the base64url of a SHA-256, 43 characters, is expected")]
    Challenge,
    /// RFC 9700 section 2.1.1.
    #[error("code_challenge_method: S256 is expected")]
    Method,
}

impl CodeChallenge {
    /// The one method offered.
    pub const METHOD: &'static str = "S256";

    /// Parses `code_challenge` with its `code_challenge_method`; an absent method means `plain` (RFC 7636 section 4.3).
    ///
    /// # Errors
    /// When the method is not S256, or the challenge no base64url of 32 bytes.
    pub fn parse(challenge: &str, method: Option<&str>) -> Result<Self, InvalidPkce> {
        if method != Some(Self::METHOD) {
            return Err(InvalidPkce::Method);
        }
        Self::from_stored(challenge)
    }

    /// Parses a challenge whose method was checked before.
    ///
    /// # Errors
    /// When it is no base64url of 32 bytes.
    pub fn from_stored(challenge: &str) -> Result<Self, InvalidPkce> {
        let base64url = challenge.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if challenge.len() == 43 && base64url {
            Ok(Self(challenge.to_owned()))
        } else {
            Err(InvalidPkce::Challenge)
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CodeVerifier {
    /// Parses a `code_verifier`.
    ///
    /// # Errors
    /// When it is shorter than 43 or longer than 128 characters, or holds a reserved one.
    pub fn parse(text: &str) -> Result<Self, InvalidPkce> {
        let unreserved =
            text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'));
        if (43..=128).contains(&text.len()) && unreserved {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPkce::Verifier)
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeVerifier(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7636_4_1_verifiers_have_43_to_128_unreserved_characters() {
        for (text, valid) in [
            ("a".repeat(43), true),
            ("~".repeat(128), true),
            ("a".repeat(42), false),
            ("a".repeat(129), false),
            (format!("{}+", "a".repeat(43)), false),
            (format!("{}=", "a".repeat(43)), false),
        ] {
            assert_eq!(CodeVerifier::parse(&text).is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn rfc9700_2_1_1_plain_is_refused_named_or_implied() {
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(CodeChallenge::parse(challenge, Some("S256")).is_ok());
        assert_eq!(CodeChallenge::parse(challenge, Some("plain")), Err(InvalidPkce::Method));
        assert_eq!(CodeChallenge::parse(challenge, None), Err(InvalidPkce::Method));
        assert_eq!(CodeChallenge::parse("short", Some("S256")), Err(InvalidPkce::Challenge));
    }
}
