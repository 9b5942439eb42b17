//! Redirect URIs: which may be registered, and which presented one a registered one admits.
//!
//! Matching is by exact text (RFC 9700 section 4.1.3, RFC 3986 section 6.2.1), but for the port of a loopback address (RFC 8252
//! section 7.3). Nothing is normalized: two spellings are two URIs.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A redirect URI that may be registered: absolute, without fragment, https, http on loopback, or a private-use scheme.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri(String);

/// Why a text is no redirect URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirectUri {
    /// Not absolute, or with characters no URI holds.
    #[error("redirect URI: an absolute URI is expected")]
    NotAbsolute,
    /// RFC 6749 section 3.1.2.
    #[error("redirect URI: a fragment is not allowed")]
    Fragment,
    /// `user:password@` hides where a browser really goes.
    #[error("redirect URI: user information is not allowed")]
    UserInformation,
    /// Codes would travel in clear text (RFC 9700 section 2.6).
    #[error("redirect URI: http is allowed on loopback only (127.0.0.1, [::1], localhost); use https")]
    ClearText,
    /// `javascript:`, `data:` and the like, or a scheme without a dot (RFC 8252 section 7.1).
    #[error(
        "redirect URI: this scheme is not allowed; a private-use scheme is a reversed domain such as com.example.app"
    )]
    Scheme,
    /// Longer than 2,048 bytes.
    #[error("redirect URI: at most 2048 bytes are allowed")]
    TooLong,
}

impl RedirectUri {
    const MAX_BYTES: usize = 2_048;

    /// Parses what may be registered or presented.
    ///
    /// # Errors
    /// As [`InvalidRedirectUri`] says.
    pub fn parse(text: &str) -> Result<Self, InvalidRedirectUri> {
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidRedirectUri::TooLong);
        }
        // What browsers strip or turn around would make the text we compare another URI than the one they follow.
        if !text.bytes().all(|b| {
            (0x21..=0x7e).contains(&b)
                && !matches!(b, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
        }) {
            return Err(InvalidRedirectUri::NotAbsolute);
        }
        if text.contains('#') {
            return Err(InvalidRedirectUri::Fragment);
        }
        let url = url::Url::parse(text).map_err(|_| InvalidRedirectUri::NotAbsolute)?;
        match url.scheme() {
            "https" | "http" => Self::check_web(text, &url)?,
            scheme if scheme.contains('.') => {}
            _ => return Err(InvalidRedirectUri::Scheme),
        }
        Ok(Self(text.to_owned()))
    }

    fn check_web(text: &str, url: &url::Url) -> Result<(), InvalidRedirectUri> {
        // The URL parser forgives `https:host` and `https:/host`; an absolute URI has an authority.
        let authority =
            text.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
        let Some(authority) = authority.filter(|authority| !authority.is_empty()) else {
            return Err(InvalidRedirectUri::NotAbsolute);
        };
        if authority.contains('@') {
            return Err(InvalidRedirectUri::UserInformation);
        }
        if url.scheme() == "http" && !is_loopback(url) {
            return Err(InvalidRedirectUri::ClearText);
        }
        Ok(())
    }

    /// As text, to the letter.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this registered URI admits the presented one: the same text, or the same but for the port where this is an http
    /// URI on a loopback IP address (RFC 8252 section 7.3; `localhost` is not one, section 8.3).
    pub fn admits(&self, presented: &Self) -> bool {
        if self == presented {
            return true;
        }
        match (split_loopback(&self.0), split_loopback(&presented.0)) {
            (Some(registered), Some(presented)) => registered == presented,
            _ => false,
        }
    }

    /// Whether any program on the person's machine could be listening there: http, or a private-use scheme. Such a client's
    /// identity is not proven by its redirect URI (RFC 8252 section 8.6).
    pub fn is_unproven(&self) -> bool {
        !self.0.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
    }

    /// Whether it lies in this web origin, written as RFC 6454 section 6.2 says: any port of it where [`admits`](Self::admits) takes any.
    pub fn is_in_origin(&self, origin: &str) -> bool {
        let web = origin.starts_with("https://") || origin.starts_with("http://");
        let Ok(url) = url::Url::parse(&self.0) else { return false };
        let same = web && url.origin().ascii_serialization() == origin;
        let path = split_loopback(&self.0).map(|(_, path)| path);
        same || path.is_some_and(|path| Self(format!("{origin}{path}")).admits(self))
    }

    /// What a person is shown: the host, or the scheme of an app.
    pub fn shown(&self) -> String {
        url::Url::parse(&self.0)
            .ok()
            .map(|url| url.host_str().map_or_else(|| url.scheme().to_owned(), str::to_owned))
            .unwrap_or_default()
    }

    /// The scheme, in lower case.
    pub fn scheme(&self) -> String {
        self.0.split(':').next().unwrap_or_default().to_ascii_lowercase()
    }

    /// The URI with parameters added to its query component (RFC 6749 section 4.1.2).
    pub fn with_query(&self, parameters: &[(&str, &str)]) -> String {
        let separator = match self.0.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{separator}{}", self.0, form_urlencoded(parameters))
    }

    /// The URI with parameters as its fragment (OAuth 2.0 Multiple Response Types section 2.1).
    pub fn with_fragment(&self, parameters: &[(&str, &str)]) -> String {
        format!("{}#{}", self.0, form_urlencoded(parameters))
    }
}

fn form_urlencoded(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

/// The parts around the port of an http URI on a loopback IP address literal.
fn split_loopback(text: &str) -> Option<(&str, &str)> {
    for host in ["http://127.0.0.1", "http://[::1]"] {
        if let Some(rest) = text.strip_prefix(host) {
            let rest = match rest.strip_prefix(':') {
                Some(with_port) => {
                    let digits = with_port.bytes().take_while(u8::is_ascii_digit).count();
                    (digits > 0).then(|| &with_port[digits..])?
                }
                None => rest,
            };
            return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest));
        }
    }
    None
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RedirectUri {
    type Error = InvalidRedirectUri;
    fn try_from(text: String) -> Result<Self, InvalidRedirectUri> {
        Self::parse(&text)
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.0
    }
}

impl std::str::FromStr for RedirectUri {
    type Err = InvalidRedirectUri;
    fn from_str(text: &str) -> Result<Self, InvalidRedirectUri> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6454_6_2_a_redirect_uri_lies_in_one_origin_and_on_loopback_in_one_for_each_port() {
        let lies_in = |uri: &str, origin: &str| RedirectUri::parse(uri).unwrap().is_in_origin(origin);
        assert!(lies_in("https://app.example/cb?x=1", "https://app.example"));
        assert!(lies_in("https://app.example:8443/cb", "https://app.example:8443"));
        assert!(lies_in("http://localhost:3000/", "http://localhost:3000"));
        assert!(lies_in("http://127.0.0.1:3000/cb", "http://127.0.0.1:4000"));
        for (uri, origin) in [
            ("https://app.example/cb", "http://app.example"),
            ("https://app.example/cb", "https://app.example:8443"),
            ("https://app.example/cb", "https://app.example/"),
            ("https://app.example/cb", "https://app.example.evil.example"),
            ("https://app.example/cb", "null"),
            ("https://app.example/cb", ""),
            ("http://127.0.0.1:3000/cb", "http://127.0.0.1.evil.example"),
            ("http://127.0.0.1:3000/cb", "http://127.0.0.1:4000/cb"),
            ("com.example.app:/cb", "null"),
        ] {
            assert!(!lies_in(uri, origin), "{uri} {origin}");
        }
    }

    fn admits(registered: &str, presented: &str) -> bool {
        match RedirectUri::parse(presented) {
            Ok(presented) => RedirectUri::parse(registered).unwrap().admits(&presented),
            Err(_) => false,
        }
    }

    #[test]
    fn rfc9700_4_1_3_matching_is_exact() {
        let registered = "https://client.example/cb?x=1";
        assert!(admits(registered, registered));
        for other in [
            "https://client.example/cb",
            "https://client.example/cb?x=1&y=2",
            "https://client.example/cb/?x=1",
            "https://CLIENT.example/cb?x=1",
            "https://client.example:443/cb?x=1",
            "http://client.example/cb?x=1",
            "https://client.example/a/../cb?x=1",
            "https://client.example/%63b?x=1",
            "https://client.example.evil.example/cb?x=1",
            "https://client.example@evil.example/cb?x=1",
            "https://client.example/cb?x=1#fragment",
        ] {
            assert!(!admits(registered, other), "{other}");
        }
    }

    #[test]
    fn rfc8252_7_3_the_port_of_a_loopback_address_is_free() {
        assert!(admits("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"));
        assert!(admits("http://127.0.0.1:8080/cb", "http://127.0.0.1:49152/cb"));
        assert!(admits("http://[::1]/cb?a=b", "http://[::1]:1/cb?a=b"));
        assert!(!admits("http://127.0.0.1/cb", "http://127.0.0.1:49152/other"));
        assert!(!admits("http://127.0.0.1/cb", "http://[::1]:49152/cb"));
        assert!(!admits("http://127.0.0.1/cb", "https://127.0.0.1:49152/cb"));
        assert!(!admits("http://127.0.0.1/cb", "http://127.0.0.1:49152x/cb"));
        assert!(!admits("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb"));
        // RFC 8252 section 8.3: localhost may resolve elsewhere; it is matched to the letter.
        assert!(!admits("http://localhost/cb", "http://localhost:49152/cb"));
        // https on loopback is an ordinary web URI.
        assert!(!admits("https://127.0.0.1/cb", "https://127.0.0.1:49152/cb"));
    }

    #[test]
    fn what_may_not_be_registered() {
        use InvalidRedirectUri as E;
        for (text, error) in [
            ("/relative", E::NotAbsolute),
            ("//host/path", E::NotAbsolute),
            ("", E::NotAbsolute),
            ("https:client.example", E::NotAbsolute),
            ("https:///cb", E::NotAbsolute),
            ("https://client.example/\r\nSet-Cookie: a", E::NotAbsolute),
            ("https://client.example\\@evil.example/", E::NotAbsolute),
            ("https://client.example/#", E::Fragment),
            ("https://user@client.example/", E::UserInformation),
            ("http://client.example/cb", E::ClearText),
            ("javascript:alert(1)", E::Scheme),
            ("data:text/html,hi", E::Scheme),
            ("urn:ietf:wg:oauth:2.0:oob", E::Scheme),
            ("myapp:/cb", E::Scheme),
        ] {
            assert_eq!(RedirectUri::parse(text), Err(error), "{text}");
        }
        for text in
            ["https://c.example", "http://localhost:3000/cb", "http://127.0.0.1/cb", "com.example.app:/cb"]
        {
            assert!(RedirectUri::parse(text).is_ok(), "{text}");
        }
        assert_eq!(RedirectUri::parse(&format!("https://c.example/{}", "a".repeat(2_100))), Err(E::TooLong));
    }

    #[test]
    fn rfc6749_4_1_2_an_existing_query_is_kept() {
        let uri = |text| RedirectUri::parse(text).unwrap();
        assert_eq!(
            uri("https://c.example/cb").with_query(&[("code", "a b")]),
            "https://c.example/cb?code=a+b"
        );
        assert_eq!(
            uri("https://c.example/cb?x=1").with_query(&[("code", "a")]),
            "https://c.example/cb?x=1&code=a"
        );
        assert_eq!(uri("https://c.example/cb?").with_query(&[("code", "a")]), "https://c.example/cb?code=a");
        assert_eq!(
            uri("com.example.app:/cb").with_fragment(&[("code", "a&b")]),
            "com.example.app:/cb#code=a%26b"
        );
    }

    #[test]
    fn rfc8252_8_6_only_https_proves_a_client() {
        let unproven = |text| RedirectUri::parse(text).unwrap().is_unproven();
        assert!(
            unproven("com.example.app:/cb")
                && unproven("http://127.0.0.1/cb")
                && !unproven("https://c.example")
        );
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics_and_keeps_the_text(text in ".*") {
            if let Ok(uri) = RedirectUri::parse(&text) {
                proptest::prop_assert_eq!(uri.as_str(), text);
            }
        }
    }
}
