//! What access tokens look like to those who take them. Knows nothing of what they say.

use serde::{Deserialize, Serialize};

/// What an access token looks like to a resource server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenFormat {
    /// A signed JWT that a resource server can check by itself (RFC 9068).
    Jwt,
    /// A random string that only introspection explains.
    Opaque,
}

/// How a JWT access token says in its header that it is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessTokenType {
    /// `at+jwt` (RFC 9068 section 2.1).
    #[default]
    #[serde(rename = "at+jwt")]
    AtJwt,
    /// `JWT`, for resource servers that are older than RFC 9068.
    #[serde(rename = "JWT")]
    Jwt,
}

impl AccessTokenType {
    /// Every type there is.
    pub const ALL: [Self; 2] = [Self::AtJwt, Self::Jwt];

    /// The `typ` value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtJwt => "at+jwt",
            Self::Jwt => "JWT",
        }
    }
}

impl std::str::FromStr for AccessTokenType {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|typ| typ.as_str() == text).ok_or("at+jwt or JWT is expected")
    }
}
