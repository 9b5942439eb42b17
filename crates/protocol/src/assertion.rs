//! Assertions (RFC 7521) as JWTs (RFC 7523): what they must say, and which algorithms may sign them. Pure checks: whose signature it is
//! and whether it was seen before is somebody else's part.

use crate::claims::Audience;
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The `client_assertion_type` of a JWT (RFC 7523 section 2.2).
pub const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// By how much a client's clock may differ from ours (RFC 7523 section 3: "subject to allowable clock skew").
pub const LEEWAY: Duration = Duration::from_secs(30);

/// The longest an assertion may still live when it arrives (RFC 7523 section 3, rule 4: one "unreasonably far in the future" may be
/// refused). Widespread libraries make them for an hour.
pub const LONGEST_LIFE: Duration = Duration::from_secs(3_600);

/// RFC 7519 sets no bound; what is longer identifies nothing.
const LONGEST_JTI: usize = 512;

/// An algorithm that may sign an assertion (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AssertionAlgorithm {
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// HMAC with SHA-256, under a client's secret.
    #[serde(rename = "HS256")]
    Hs256,
}

impl AssertionAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 5] = [Self::EdDsa, Self::Es256, Self::Ps256, Self::Rs256, Self::Hs256];

    /// Every `alg` value that is understood: Ed25519 has two, of which the second says all there is to say (RFC 9864 section 2.2).
    pub const NAMES: [&str; 6] = ["EdDSA", "Ed25519", "ES256", "PS256", "RS256", "HS256"];

    /// The `alg` value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }

    /// Whether its key is a secret that both sides hold.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256)
    }
}

impl FromStr for AssertionAlgorithm {
    type Err = UnknownAssertionAlgorithm;
    fn from_str(text: &str) -> Result<Self, UnknownAssertionAlgorithm> {
        if text == "Ed25519" {
            return Ok(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or(UnknownAssertionAlgorithm)
    }
}

/// The text names no algorithm that may sign an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown algorithm: EdDSA, ES256, PS256, RS256 or HS256 is expected")]
pub struct UnknownAssertionAlgorithm;

/// The claims of an assertion (RFC 7523 section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionClaims {
    /// Who made it.
    pub iss: String,
    /// Whom it speaks for.
    pub sub: String,
    /// Whom it is meant for.
    pub aud: Audience,
    /// When it ends.
    pub exp: i64,
    /// From when on it holds.
    pub nbf: Option<i64>,
    /// When it was made.
    pub iat: Option<i64>,
    /// Its name; none is given twice.
    pub jti: String,
}

/// Whom an assertion may be meant for.
#[derive(Debug, Clone, Copy)]
pub struct Audiences<'a> {
    /// The issuer identifier: what is preferred (RFC 7523bis, FAPI 2.0 section 5.3.2.1).
    pub issuer: &'a str,
    /// URLs of our own endpoints, which RFC 7523 section 3 allows as well; none for a client that is held to the issuer.
    pub endpoints: &'a [String],
}

/// Why an assertion is refused, in words for the developer whose program made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not a JSON object of claims.
    #[error("the assertion's claims are malformed")]
    Malformed,
    /// A claim that must be there is not.
    #[error("the assertion has no {0}")]
    Missing(&'static str),
    /// Somebody else's, or one more beside us.
    #[error("the assertion's aud must be the issuer identifier alone")]
    Audience,
    /// `exp` is past.
    #[error("the assertion has expired")]
    Expired,
    /// `exp` is too far away.
    #[error("the assertion lives too long: exp may be an hour ahead at most")]
    TooLong,
    /// `nbf` or `iat` lies ahead.
    #[error("the assertion is not valid yet: look at the clock that made it")]
    NotYet,
    /// `jti` is longer than 512 bytes.
    #[error("the assertion's jti is too long")]
    LongName,
}

impl AssertionClaims {
    /// Reads the claims; whether they are good is [`check`](Self::check)'s part.
    ///
    /// # Errors
    /// When it is no JSON object, a claim comes twice or has another type, or one that RFC 7523 section 3 requires is missing. `jti`, which
    /// it leaves optional, is required: without it nobody can tell a replay.
    pub fn parse(payload: &[u8]) -> Result<Self, AssertionError> {
        let members: Members = serde_json::from_slice(payload).map_err(|_| AssertionError::Malformed)?;
        let text = |value: Option<String>, name| {
            value.filter(|value| !value.is_empty()).ok_or(AssertionError::Missing(name))
        };
        let claims = Self {
            iss: text(members.iss, "iss")?,
            sub: text(members.sub, "sub")?,
            aud: members.aud.ok_or(AssertionError::Missing("aud"))?,
            exp: members.exp.ok_or(AssertionError::Missing("exp"))?.0,
            nbf: members.nbf.map(|date| date.0),
            iat: members.iat.map(|date| date.0),
            jti: text(members.jti, "jti")?,
        };
        if claims.jti.len() > LONGEST_JTI { Err(AssertionError::LongName) } else { Ok(claims) }
    }

    /// Whether it is meant for us and holds now.
    ///
    /// # Errors
    /// Which rule of RFC 7523 section 3 it breaks.
    pub fn check(&self, now: Timestamp, audiences: Audiences<'_>) -> Result<(), AssertionError> {
        let (now, leeway) = (now.seconds(), LEEWAY.as_secs().cast_signed());
        if !audiences.admit(&self.aud) {
            return Err(AssertionError::Audience);
        }
        if self.exp <= now.saturating_sub(leeway) {
            return Err(AssertionError::Expired);
        }
        if self.exp > now.saturating_add(LONGEST_LIFE.as_secs().cast_signed() + leeway) {
            return Err(AssertionError::TooLong);
        }
        let ahead = |date: Option<i64>| date.is_some_and(|date| date > now.saturating_add(leeway));
        if ahead(self.nbf) || ahead(self.iat) {
            return Err(AssertionError::NotYet);
        }
        Ok(())
    }

    /// From when on it is refused because it has expired; until then its `jti` must be remembered.
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_seconds(self.exp) + LEEWAY
    }
}

impl Audiences<'_> {
    /// RFC 7523 section 3, rule 3, as narrow as the advice after the audience injection attack: nobody else may stand beside us, for
    /// whoever that is could present the assertion here.
    fn admit(&self, audience: &Audience) -> bool {
        let ours = |one: &String| one == self.issuer || self.endpoints.contains(one);
        match audience {
            Audience::One(only) => ours(only),
            // An array is what clients are about to give up; where the issuer alone will do, it is no longer read.
            Audience::Many(all) => !self.endpoints.is_empty() && !all.is_empty() && all.iter().all(ours),
        }
    }
}

#[derive(Deserialize)]
struct Members {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    iat: Option<NumericDate>,
    jti: Option<String>,
}

/// Seconds since 1970, fractions allowed (RFC 7519 section 2); whole seconds are enough here.
struct NumericDate(i64);

/// The last second of the year 9999: beyond it there is nothing but mistakes, and arithmetic that overflows.
const LAST_DATE: f64 = 253_402_300_799.0;

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = NumericDate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds since 1970")
            }

            fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<NumericDate, E> {
                self.visit_f64(seconds as f64)
            }

            fn visit_i64<E: serde::de::Error>(self, seconds: i64) -> Result<NumericDate, E> {
                self.visit_f64(seconds as f64)
            }

            fn visit_f64<E: serde::de::Error>(self, seconds: f64) -> Result<NumericDate, E> {
                // Every whole number up to there is exact.
                if (0.0..=LAST_DATE).contains(&seconds) {
                    return Ok(NumericDate(seconds.floor() as i64));
                }
                Err(E::custom("not a date"))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: i64 = 1_767_225_600;
    const ISSUER: &str = "https://id.example";

    fn parsed(change: &Value) -> Result<AssertionClaims, AssertionError> {
        let mut claims =
            json!({"iss": "m", "sub": "m", "aud": ISSUER, "exp": NOW + 60, "iat": NOW, "jti": "1"});
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        AssertionClaims::parse(claims.to_string().as_bytes())
    }

    fn judged(change: &Value, strict: bool) -> Result<(), AssertionError> {
        let endpoints = [format!("{ISSUER}/oauth2/token"), format!("{ISSUER}/oauth2/revoke")];
        let endpoints = if strict { &[][..] } else { &endpoints };
        parsed(change)?.check(Timestamp::from_seconds(NOW), Audiences { issuer: ISSUER, endpoints })
    }

    #[test]
    fn rfc7523_3_rule_by_rule() {
        use AssertionError as E;
        let cases = [
            (json!({}), Ok(())),
            (json!({"iss": null}), Err(E::Missing("iss"))),
            (json!({"sub": ""}), Err(E::Missing("sub"))),
            (json!({"aud": null}), Err(E::Missing("aud"))),
            (json!({"exp": null}), Err(E::Missing("exp"))),
            (json!({"jti": null}), Err(E::Missing("jti"))),
            (json!({"jti": "x".repeat(513)}), Err(E::LongName)),
            (json!({"iss": 7}), Err(E::Malformed)),
            (json!({"exp": "soon"}), Err(E::Malformed)),
            (json!({"exp": 1e300}), Err(E::Malformed)),
            (json!({"exp": -1}), Err(E::Malformed)),
            (json!({"exp": NOW as f64 + 60.5}), Ok(())),
            (json!({"exp": NOW - 29}), Ok(())),
            (json!({"exp": NOW - 30}), Err(E::Expired)),
            (json!({"exp": NOW + 3_630}), Ok(())),
            (json!({"exp": NOW + 3_631}), Err(E::TooLong)),
            (json!({"nbf": NOW + 30, "iat": NOW + 30}), Ok(())),
            (json!({"nbf": NOW + 31}), Err(E::NotYet)),
            (json!({"iat": NOW + 31}), Err(E::NotYet)),
            (json!({"iat": null}), Ok(())),
        ];
        for (change, expected) in cases {
            assert_eq!(judged(&change, false), expected, "{change}");
        }
        assert_eq!(parsed(&json!({})).unwrap().expires_at(), Timestamp::from_seconds(NOW + 90));
    }

    #[test]
    fn rfc7523_3_the_audience_is_ours_alone() {
        let token = format!("{ISSUER}/oauth2/token");
        let cases = [
            (json!(ISSUER), true, true),
            (json!(token), true, false),
            (json!([ISSUER]), true, false),
            (json!([ISSUER, token]), true, false),
            (json!([ISSUER, "https://evil.example"]), false, false),
            (json!([]), false, false),
            (json!(format!("{ISSUER}/")), false, false),
            (json!("https://ID.example"), false, false),
            (json!("https://evil.example"), false, false),
        ];
        for (audience, usual, strict) in cases {
            let change = json!({"aud": audience});
            assert_eq!(judged(&change, false).is_ok(), usual, "{audience}");
            assert_eq!(judged(&change, true).is_ok(), strict, "{audience}, issuer only");
        }
    }

    #[test]
    fn rfc9864_2_2_every_name_is_an_algorithms() {
        for name in AssertionAlgorithm::NAMES {
            let algorithm: AssertionAlgorithm = name.parse().unwrap();
            assert!(algorithm.as_str() == name || name == "Ed25519", "{name}");
        }
        for none in ["none", "Ed448", "HS512", "eddsa", ""] {
            assert!(none.parse::<AssertionAlgorithm>().is_err(), "{none}");
        }
    }

    #[test]
    fn rfc7519_4_a_claim_that_comes_twice_is_no_claim() {
        let twice = format!(r#"{{"iss":"m","sub":"m","sub":"n","aud":"{ISSUER}","exp":1,"jti":"1"}}"#);
        assert_eq!(AssertionClaims::parse(twice.as_bytes()), Err(AssertionError::Malformed));
        for none in ["", "[]", "null", "{", "\"x\""] {
            assert!(AssertionClaims::parse(none.as_bytes()).is_err(), "{none}");
        }
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(bytes: Vec<u8>) {
            let _ = AssertionClaims::parse(&bytes);
        }

        #[test]
        fn no_date_overflows(exp: i64, nbf: i64, now in 0..i64::MAX / 1_000) {
            if let Ok(claims) = parsed(&json!({"exp": exp, "nbf": nbf})) {
                let audiences = Audiences { issuer: ISSUER, endpoints: &[] };
                let _ = claims.check(Timestamp::from_seconds(now), audiences);
                let _ = claims.expires_at();
            }
        }
    }
}
