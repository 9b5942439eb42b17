//! `client_uri` (RFC 7591 section 2): a client's home page, which people are led back to. Knows no redirect.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An http or https URL of at most 2,000 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientUri(String);

/// Something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("client_uri: a URL such as https://app.example.org/ is expected")]
pub struct InvalidClientUri;

const LONGEST: usize = 2_000;

impl FromStr for ClientUri {
    type Err = InvalidClientUri;

    fn from_str(text: &str) -> Result<Self, InvalidClientUri> {
        let url = url::Url::parse(text).map_err(|_| InvalidClientUri)?;
        let good = text.len() <= LONGEST
            && matches!(url.scheme(), "https" | "http")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none();
        if good { Ok(Self(url.into())) } else { Err(InvalidClientUri) }
    }
}

impl TryFrom<String> for ClientUri {
    type Error = InvalidClientUri;

    fn try_from(text: String) -> Result<Self, InvalidClientUri> {
        text.parse()
    }
}

impl From<ClientUri> for String {
    fn from(uri: ClientUri) -> Self {
        uri.0
    }
}

impl fmt::Display for ClientUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RedirectUri;

    #[test]
    fn rfc7591_2_a_home_page_is_a_web_page() {
        for good in
            ["https://app.example.org/", "http://localhost:3000/", "https://app.example.org/notes?x=1"]
        {
            assert_eq!(good.parse::<ClientUri>().unwrap().to_string(), good);
        }
        let long = format!("https://app.example.org/{}", "a".repeat(LONGEST));
        for bad in [
            "",
            "app.example.org",
            "javascript:alert(1)",
            "com.example.app:/",
            "https://u:p@example.org/",
            &long,
        ] {
            assert_eq!(bad.parse::<ClientUri>(), Err(InvalidClientUri), "{bad}");
        }
    }

    #[test]
    fn rfc8252_7_a_site_has_a_root_and_an_app_has_none() {
        for (uri, site) in [
            ("https://app.example.org/cb?x=1", Some("https://app.example.org/")),
            ("http://localhost:3000/cb", Some("http://localhost:3000/")),
            ("http://127.0.0.1:3000/cb", None),
            ("com.example.app:/cb", None),
        ] {
            assert_eq!(RedirectUri::parse(uri).unwrap().site().as_deref(), site, "{uri}");
        }
    }
}
