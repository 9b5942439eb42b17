//! How a client proves itself at the token endpoint, and what it registers for that. Checks words, knows no key and no certificate.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use url::Url;

/// How a client proves itself at the token endpoint (`token_endpoint_auth_method`, RFC 7591 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// A confidential client's secret, in the header or in the form, as it likes.
    ClientSecret,
    /// A confidential client's secret in the `Authorization` header only (RFC 6749 section 2.3.1).
    ClientSecretBasic,
    /// A confidential client's secret in the form only.
    ClientSecretPost,
    /// An assertion by HMAC under the client's secret (RFC 7523 section 2.2, OpenID Connect Core section 9).
    ClientSecretJwt,
    /// An assertion signed by a key of the client's own (RFC 7523 section 2.2, OpenID Connect Core section 9).
    PrivateKeyJwt,
    /// A certificate of an authority that the operator trusts (RFC 8705 section 2.1).
    TlsClientAuth,
    /// A certificate that the client registered (RFC 8705 section 2.2).
    SelfSignedTlsClientAuth,
    /// A public client: no proof, PKCE always.
    None,
}

impl ClientAuthentication {
    /// Every method, as the command line names them.
    pub const ALL: [Self; 8] = [
        Self::ClientSecret,
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::ClientSecretJwt,
        Self::PrivateKeyJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
        Self::None,
    ];

    /// The `token_endpoint_auth_method` value; [`Self::ClientSecret`], which stands for two, has none in the registry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecret => "client_secret",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::ClientSecretJwt => "client_secret_jwt",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
            Self::None => "none",
        }
    }

    /// Whether the client can prove who it is (RFC 6749 section 2.1).
    pub const fn is_confidential(self) -> bool {
        !matches!(self, Self::None)
    }

    /// Whether the client presents a secret as it is, so that its hash is all that is kept.
    pub const fn presents_secret(self) -> bool {
        matches!(self, Self::ClientSecret | Self::ClientSecretBasic | Self::ClientSecretPost)
    }

    /// Whether the client and the server share a secret.
    pub const fn has_secret(self) -> bool {
        self.presents_secret() || matches!(self, Self::ClientSecretJwt)
    }

    /// Whether the client's own keys or certificates must be known.
    pub const fn needs_keys(self) -> bool {
        matches!(self, Self::PrivateKeyJwt | Self::SelfSignedTlsClientAuth)
    }
}

impl FromStr for ClientAuthentication {
    type Err = UnknownMethod;
    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or(UnknownMethod)
    }
}

/// The text names no method of client authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown method of client authentication")]
pub struct UnknownMethod;

/// Where a JWK Set is: an absolute `https` URL with a host, without credentials and fragment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JwksUri(String);

/// A text that cannot be a `jwks_uri`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("jwks_uri: an https URL without credentials and fragment is expected, of 2000 characters at most")]
pub struct InvalidJwksUri;

impl JwksUri {
    /// Parses it.
    ///
    /// # Errors
    /// When it is no such URL.
    pub fn parse(text: &str) -> Result<Self, InvalidJwksUri> {
        let url = Url::parse(text).map_err(|_| InvalidJwksUri)?;
        let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if url.scheme() != "https" || !url.has_host() || !bare || text.len() > 2_000 {
            return Err(InvalidJwksUri);
        }
        // As the parser spells it: what is checked is then what is asked.
        Ok(Self(url.into()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JwksUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for JwksUri {
    type Err = InvalidJwksUri;
    fn from_str(text: &str) -> Result<Self, InvalidJwksUri> {
        Self::parse(text)
    }
}

impl TryFrom<String> for JwksUri {
    type Error = InvalidJwksUri;
    fn try_from(text: String) -> Result<Self, InvalidJwksUri> {
        Self::parse(&text)
    }
}

impl From<JwksUri> for String {
    fn from(uri: JwksUri) -> Self {
        uri.0
    }
}

/// Whom a client's certificate names: exactly one of the metadata of RFC 8705 section 2.1.2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsSubject {
    /// The subject, as RFC 4514 writes it.
    #[serde(rename = "tls_client_auth_subject_dn")]
    Dn(String),
    /// A `dNSName` among its subject alternative names.
    #[serde(rename = "tls_client_auth_san_dns")]
    Dns(String),
    /// A `uniformResourceIdentifier`.
    #[serde(rename = "tls_client_auth_san_uri")]
    Uri(String),
    /// An `iPAddress`.
    #[serde(rename = "tls_client_auth_san_ip")]
    Ip(IpAddr),
    /// An `rfc822Name`.
    #[serde(rename = "tls_client_auth_san_email")]
    Email(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jwks_uri_is_https_and_names_nobody() {
        for good in ["https://a.example/jwks", "https://a.example:8443/k?x=1", "https://[2001:db8::1]/k"] {
            assert!(JwksUri::parse(good).is_ok(), "{good}");
        }
        let long = format!("https://a.example/{}", "x".repeat(2_000));
        for bad in [
            "http://a.example/",
            "https://u@a.example/",
            "https://u:p@a.example/",
            "https://a.example/#k",
            "/jwks",
            "",
            &long,
        ] {
            assert_eq!(JwksUri::parse(bad), Err(InvalidJwksUri), "{bad:.60}");
        }
    }

    #[test]
    fn methods_are_written_as_rfc7591_registers_them() {
        for method in ClientAuthentication::ALL {
            assert_eq!(serde_json::to_value(method).unwrap(), method.as_str());
            assert_eq!(method.as_str().parse(), Ok(method));
        }
    }
}
