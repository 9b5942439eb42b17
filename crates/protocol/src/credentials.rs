//! The `Authorization` header: Basic (client authentication) and Bearer (access tokens). Checks shapes, never values.

use base64::Engine as _;

/// What an `Authorization` header presents.
pub enum Authorization {
    /// A client's identifier and secret (RFC 6749 section 2.3.1).
    Basic {
        /// `client_id`, decoded.
        id: String,
        /// The secret, decoded.
        secret: String,
    },
    /// An access token (RFC 6750 section 2.1).
    Bearer(String),
}

/// A header that is neither Basic nor Bearer credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Authorization: Basic or Bearer credentials are expected")]
pub struct InvalidAuthorization;

impl Authorization {
    /// Parses the header's value.
    ///
    /// # Errors
    /// When the scheme is another, or its credentials are malformed.
    pub fn parse(header: &str) -> Result<Self, InvalidAuthorization> {
        let (scheme, credentials) = header.split_once(' ').ok_or(InvalidAuthorization)?;
        let credentials = credentials.trim_matches(' ');
        if scheme.eq_ignore_ascii_case("basic") {
            parse_basic(credentials)
        } else if scheme.eq_ignore_ascii_case("bearer") && is_token68(credentials) {
            Ok(Self::Bearer(credentials.to_owned()))
        } else {
            Err(InvalidAuthorization)
        }
    }
}

fn parse_basic(credentials: &str) -> Result<Authorization, InvalidAuthorization> {
    let decoded =
        base64::engine::general_purpose::STANDARD.decode(credentials).map_err(|_| InvalidAuthorization)?;
    let decoded = String::from_utf8(decoded).map_err(|_| InvalidAuthorization)?;
    let (id, secret) = decoded.split_once(':').ok_or(InvalidAuthorization)?;
    // RFC 6749 section 2.3.1: both halves are form-urlencoded before they are joined.
    Ok(Authorization::Basic { id: form_decode(id)?, secret: form_decode(secret)? })
}

fn form_decode(text: &str) -> Result<String, InvalidAuthorization> {
    let spaces = text.replace('+', " ");
    let decoded =
        percent_encoding::percent_decode_str(&spaces).decode_utf8().map_err(|_| InvalidAuthorization)?;
    Ok(decoded.into_owned())
}

// RFC 7235 section 2.1: token68
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(header: &str) -> Option<(String, String)> {
        match Authorization::parse(header) {
            Ok(Authorization::Basic { id, secret }) => Some((id, secret)),
            _ => None,
        }
    }

    #[test]
    fn rfc6749_2_3_1_halves_are_form_urlencoded() {
        assert_eq!(
            basic("Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"),
            Some(("s6BhdRkqt3".into(), "7Fjfp0ZBr1KtDRbnfVdmIw".into()))
        );
        // "a%3Ab:c+d%25"
        assert_eq!(basic("basic YSUzQWI6YytkJTI1"), Some(("a:b".into(), "c d%".into())));
    }

    #[test]
    fn malformed_headers_are_refused() {
        for header in [
            "",
            "Basic",
            "Basic !!!",
            "Basic YQ==",
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer ä",
            "Digest a=b",
            "Basic /////w==",
        ] {
            assert!(Authorization::parse(header).is_err(), "{header:?}");
        }
        assert!(
            matches!(Authorization::parse("bearer a.b-c_~+/=="), Ok(Authorization::Bearer(token)) if token == "a.b-c_~+/==")
        );
    }
}
