//! A resource indicator (RFC 8707 section 2): which resource an access token is to be for. Knows no client, and not who may ask for what.

use serde::{Deserialize, Serialize};

/// An absolute URI without a fragment, compared character by character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceIndicator(String);

/// A `resource` that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("resource: an absolute URI without a fragment is expected, of at most 1024 characters")]
pub struct InvalidResource;

impl ResourceIndicator {
    const MAX_BYTES: usize = 1_024;

    /// Parses a `resource` parameter.
    ///
    /// # Errors
    /// When it is no absolute URI (RFC 3986 section 4.3), has a fragment, or is too long.
    pub fn parse(text: &str) -> Result<Self, InvalidResource> {
        let (scheme, rest) = text.split_once(':').ok_or(InvalidResource)?;
        let good = text.len() <= Self::MAX_BYTES
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            && !rest.trim_start_matches('/').is_empty()
            && rest.bytes().all(is_uri_byte)
            && percent_encoded(rest);
        if good { Ok(Self(text.to_owned())) } else { Err(InvalidResource) }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ResourceIndicator {
    type Error = InvalidResource;
    fn try_from(text: String) -> Result<Self, InvalidResource> {
        Self::parse(&text)
    }
}

impl From<ResourceIndicator> for String {
    fn from(resource: ResourceIndicator) -> Self {
        resource.0
    }
}

// RFC 3986 section 2, without `#`.
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte)
}

fn percent_encoded(text: &str) -> bool {
    let digits = |after: &str| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    text.split('%').skip(1).all(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8707_2_an_absolute_uri_without_a_fragment() {
        for good in ["https://api.example/", "https://api.example/v1?tenant=a%20b", "urn:example:api", "x:y"]
        {
            assert_eq!(ResourceIndicator::parse(good).unwrap().as_str(), good);
        }
        let long = format!("https://api.example/{}", "a".repeat(1_024));
        for bad in [
            "",
            "api",
            "/relative",
            "//api.example",
            "https:",
            "https://",
            "https://api.example/#part",
            "https://api.example#",
            "1x:y",
            ":y",
            "https://a b",
            "https://a\"b",
            "https://ä.example",
            "https://a/%2",
            "https://a/%zz",
            &long,
        ] {
            assert_eq!(ResourceIndicator::parse(bad), Err(InvalidResource), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(text in ".*") {
            let _ = ResourceIndicator::parse(&text);
        }
    }
}
