//! Redirect URIs: which may be registered, and which presented one a registered one admits.
//!
//! Matching is by exact text (RFC 9700 section 4.1.3, RFC 3986 section 6.2.1), but for the port of a loopback address (RFC 8252
//! section 7.3). Nothing is normalized: two spellings are two URIs. What is a redirect URI at all is the same for both; what an operator may
//! register is less ([`RedirectUri::check_registrable`]).

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A redirect URI: absolute, without fragment, https, http on loopback, or a private-use scheme.
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
    /// `javascript:`, `data:`, `file:` and the like: no application answers there.
    #[error("redirect URI: this scheme is never allowed")]
    Scheme,
    /// Longer than 2,048 bytes.
    #[error("redirect URI: at most 2048 bytes are allowed")]
    TooLong,
}

/// Why a redirect URI cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRegistrable {
    /// What we add to it would be there twice, and the application could read the wrong one (RFC 6749 section 3.1).
    #[error("redirect URI: {0} in its query would be taken for a parameter of the answer")]
    Parameter(String),
    /// `https://*.example`, `https://client.example/*`: registered to the letter, they would admit nothing.
    #[error(
        "redirect URI: * stands for nothing here; every address is registered whole, and there may be several \
         (RFC 9700 section 4.1.3)"
    )]
    Wildcard,
    /// RFC 8252 section 7.1: nobody owns it.
    #[error(
        "redirect URI: {0} is a scheme without a dot, which other applications may use too; prefer a reversed domain such as \
         com.example.app, or allow it with --app-scheme {0}"
    )]
    AppScheme(String),
}

/// What a redirect URI is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// Authorization requests (RFC 6749 section 4.1.2).
    Authorization,
    /// Logout requests (OpenID Connect RP-Initiated Logout section 3).
    Logout,
}

impl Answered {
    /// The parameters that are added to it.
    const fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Authorization => &[
                "code",
                "state",
                "iss",
                "error",
                "error_description",
                "error_uri",
                "response",
                "id_token",
                "access_token",
                "token_type",
                "expires_in",
                "session_state",
            ],
            Self::Logout => &["state"],
        }
    }
}

/// Schemes that browsers and systems handle themselves. An answer there would be run as a script, shown as a file, or sent by mail.
const NEVER: [&str; 44] = [
    "about",
    "acap",
    "blob",
    "chrome",
    "chrome-extension",
    "cid",
    "content",
    "data",
    "dict",
    "edge",
    "feed",
    "file",
    "filesystem",
    "ftp",
    "ftps",
    "geo",
    "gopher",
    "imap",
    "intent",
    "jar",
    "javascript",
    "ldap",
    "ldaps",
    "livescript",
    "mailto",
    "mid",
    "mocha",
    "moz-extension",
    "news",
    "nfs",
    "nntp",
    "resource",
    "safari-extension",
    "sftp",
    "sip",
    "sms",
    "ssh",
    "tel",
    "telnet",
    "urn",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

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
            scheme if NEVER.contains(&scheme) => return Err(InvalidRedirectUri::Scheme),
            _ => {}
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

    /// Whether an operator may register it. `app_schemes` are those without a dot that were allowed for this client by name.
    ///
    /// # Errors
    /// As [`NotRegistrable`] says.
    pub fn check_registrable(
        &self,
        answered: Answered,
        app_schemes: &BTreeSet<AppScheme>,
    ) -> Result<(), NotRegistrable> {
        if self.0.contains('*') {
            return Err(NotRegistrable::Wildcard);
        }
        let query = self.0.split_once('?').map(|(_, query)| query).unwrap_or_default();
        for (name, _) in form_urlencoded::parse(query.as_bytes()) {
            if answered.parameters().contains(&&*name) {
                return Err(NotRegistrable::Parameter(name.into_owned()));
            }
        }
        let scheme = self.scheme();
        let known = scheme == "https" || scheme == "http" || scheme.contains('.');
        if known || app_schemes.iter().any(|allowed| allowed.0 == scheme) {
            return Ok(());
        }
        Err(NotRegistrable::AppScheme(scheme))
    }

    /// As text, to the letter.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this registered URI admits the presented one: the same text, or the same but for the port where this is an http URI on a
    /// loopback IP address (RFC 8252 section 7.3). `localhost` may resolve elsewhere (section 8.3); its port is free only where
    /// `port_of_localhost` says so: for public clients, of which many can register no other.
    pub fn admits(&self, presented: &Self, port_of_localhost: bool) -> bool {
        if self == presented {
            return true;
        }
        match (split_loopback(&self.0), split_loopback(&presented.0)) {
            (Some(registered), Some(presented)) => {
                registered == presented && (port_of_localhost || registered.0 != LOCALHOST)
            }
            _ => false,
        }
    }

    /// Whether any program on the person's machine could be listening there: http, or a private-use scheme. Such a client's
    /// identity is not proven by its redirect URI (RFC 8252 section 8.6).
    pub fn is_unproven(&self) -> bool {
        !self.0.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
    }

    /// Whether it lies in this web origin, written as RFC 6454 section 6.2 says: any port of it where [`admits`](Self::admits) takes any.
    pub fn is_in_origin(&self, origin: &str, port_of_localhost: bool) -> bool {
        let web = origin.starts_with("https://") || origin.starts_with("http://");
        let Ok(url) = url::Url::parse(&self.0) else { return false };
        let same = web && url.origin().ascii_serialization() == origin;
        let path = split_loopback(&self.0).map(|(_, path)| path);
        same || path.is_some_and(|path| Self(format!("{origin}{path}")).admits(self, port_of_localhost))
    }

    /// The root of the site it lies in. None of an app, whose scheme or loopback address leads a person nowhere (RFC 8252 section 7).
    pub fn site(&self) -> Option<String> {
        let url = url::Url::parse(&self.0).ok()?;
        let is_site = matches!(url.scheme(), "https" | "http") && matches!(url.host()?, url::Host::Domain(_));
        is_site.then(|| format!("{}/", url.origin().ascii_serialization()))
    }

    /// What a person is shown: the host, or the scheme of an app.
    pub fn shown(&self) -> String {
        url::Url::parse(&self.0)
            .ok()
            .map(|url| url.host_str().map_or_else(|| url.scheme().to_owned(), str::to_owned))
            .unwrap_or_default()
    }

    /// The origin of the website it belongs to, where a person can go; an app on their own device has none.
    pub fn web_origin(&self) -> Option<String> {
        let url = url::Url::parse(&self.0).ok()?;
        (url.scheme() == "https").then(|| url.origin().ascii_serialization())
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
        // RFC 6761 section 6.3.
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

const LOCALHOST: &str = "http://localhost";

/// The parts around the port of an http URI on a loopback IP address literal, or on localhost itself.
fn split_loopback(text: &str) -> Option<(&str, &str)> {
    for host in ["http://127.0.0.1", "http://[::1]", LOCALHOST] {
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

/// A private-use scheme without a dot, such as `cursor`, in lower case (RFC 3986 section 3.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppScheme(String);

/// What no application's scheme can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "app scheme: a name such as cursor is expected (letters, digits, + and -), none that browsers or systems handle themselves"
)]
pub struct InvalidAppScheme;

impl std::str::FromStr for AppScheme {
    type Err = InvalidAppScheme;
    fn from_str(text: &str) -> Result<Self, InvalidAppScheme> {
        let scheme = text.to_ascii_lowercase();
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-');
        let is_scheme = scheme.len() <= 64
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(letters);
        let taken = NEVER.contains(&&*scheme) || scheme == "https" || scheme == "http";
        if is_scheme && !taken { Ok(Self(scheme)) } else { Err(InvalidAppScheme) }
    }
}

impl fmt::Display for AppScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for AppScheme {
    type Error = InvalidAppScheme;
    fn try_from(text: String) -> Result<Self, InvalidAppScheme> {
        text.parse()
    }
}

impl From<AppScheme> for String {
    fn from(scheme: AppScheme) -> Self {
        scheme.0
    }
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
        let lies_in = |uri: &str, origin: &str| RedirectUri::parse(uri).unwrap().is_in_origin(origin, false);
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
            Ok(presented) => RedirectUri::parse(registered).unwrap().admits(&presented, false),
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
        // https on loopback is an ordinary web URI.
        assert!(!admits("https://127.0.0.1/cb", "https://127.0.0.1:49152/cb"));
    }

    #[test]
    fn rfc8252_8_3_the_port_of_localhost_is_free_where_it_is_said() {
        let uri = |text| RedirectUri::parse(text).unwrap();
        for (registered, presented, same) in [
            ("http://localhost/cb", "http://localhost:49152/cb", true),
            ("http://localhost:3000/cb", "http://localhost:49152/cb", true),
            ("http://localhost:3000/", "http://localhost/", true),
            ("http://localhost/cb", "http://localhost:49152/other", false),
            ("http://localhost/cb", "http://127.0.0.1:49152/cb", false),
            ("http://localhost/cb", "http://app.localhost:49152/cb", false),
            ("http://app.localhost/cb", "http://app.localhost:49152/cb", false),
            ("https://localhost/cb", "https://localhost:49152/cb", false),
        ] {
            assert_eq!(uri(registered).admits(&uri(presented), true), same, "{registered} {presented}");
            assert!(!uri(registered).admits(&uri(presented), false), "{registered} {presented}");
        }
        for invalid in [
            "http://localhost:49152x/cb",
            "http://localhost.evil.example/cb",
            "http://localhost@evil.example/cb",
        ] {
            assert!(RedirectUri::parse(invalid).is_err(), "{invalid}");
        }
    }

    fn registrable(text: &str, answered: Answered, schemes: &[&str]) -> Result<(), NotRegistrable> {
        let schemes = schemes.iter().map(|scheme| scheme.parse().unwrap()).collect();
        RedirectUri::parse(text).unwrap().check_registrable(answered, &schemes)
    }

    #[test]
    fn rfc6749_3_1_what_we_add_must_not_be_there_already() {
        use Answered::{Authorization, Logout};
        let parameter = |name: &str| Err(NotRegistrable::Parameter(name.to_owned()));
        for name in
            ["code", "state", "iss", "error", "error_description", "response", "id_token", "access_token"]
        {
            for query in [
                format!("?{name}=x"),
                format!("?a=b&{name}"),
                format!("?%{:02x}{}=", name.as_bytes()[0], &name[1..]),
            ] {
                let text = format!("https://client.example/cb{query}");
                assert_eq!(registrable(&text, Authorization, &[]), parameter(name), "{text}");
                let private = format!("com.example.app:/cb{query}");
                assert_eq!(registrable(&private, Authorization, &[]), parameter(name), "{private}");
            }
        }
        for good in [
            "https://c.example/cb?codes=1&State=2",
            "https://c.example/code?x=state",
            "https://c.example/cb?",
        ] {
            assert_eq!(registrable(good, Authorization, &[]), Ok(()), "{good}");
        }
        assert_eq!(registrable("https://c.example/bye?state=1", Logout, &[]), parameter("state"));
        assert_eq!(registrable("https://c.example/bye?code=1", Logout, &[]), Ok(()));
    }

    #[test]
    fn rfc9700_4_1_3_a_wildcard_is_no_address() {
        for text in [
            "https://client.example/*",
            "https://*.client.example/cb",
            "https://client.example/*/cb",
            "com.example.app:/*",
            "https://c.example/cb?x=*",
        ] {
            for answered in [Answered::Authorization, Answered::Logout] {
                assert_eq!(registrable(text, answered, &[]), Err(NotRegistrable::Wildcard), "{text}");
            }
        }
    }

    #[test]
    fn rfc8252_7_1_a_scheme_without_a_dot_is_registered_by_an_explicit_choice_only() {
        for text in [
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "vscode://a/b",
            "homeassistant://auth-callback",
            "MyApp:/cb",
        ] {
            let scheme = RedirectUri::parse(text).unwrap().scheme();
            let refused = Err(NotRegistrable::AppScheme(scheme.clone()));
            assert_eq!(registrable(text, Answered::Authorization, &[]), refused, "{text}");
            assert_eq!(registrable(text, Answered::Authorization, &["other"]), refused, "{text}");
            assert_eq!(registrable(text, Answered::Authorization, &["other", &scheme]), Ok(()), "{text}");
            assert!(!admits(text, &format!("{text}/more")));
        }
        for never in [
            "javascript",
            "JavaScript",
            "data",
            "file",
            "vbscript",
            "https",
            "http",
            "ws",
            "blob",
            "urn",
            "a.b",
            "",
            "1a",
            "a b",
            "a:",
        ] {
            assert!(never.parse::<AppScheme>().is_err(), "{never}");
        }
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
            ("JAVASCRIPT:alert(1)", E::Scheme),
            ("vbscript:x", E::Scheme),
            ("file:///etc/passwd", E::Scheme),
            ("blob:https://client.example/x", E::Scheme),
            ("ws://client.example/cb", E::Scheme),
            ("http://localhost.client.example/cb", E::ClearText),
        ] {
            assert_eq!(RedirectUri::parse(text), Err(error), "{text}");
        }
        for text in [
            "https://c.example",
            "http://localhost:3000/cb",
            "http://127.0.0.1/cb",
            "http://app.localhost:8080/cb",
            "com.example.app:/cb",
        ] {
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
        let origin = |text| RedirectUri::parse(text).unwrap().web_origin();
        assert_eq!(origin("https://c.example:8443/cb?x=1").as_deref(), Some("https://c.example:8443"));
        assert_eq!((origin("com.example.app:/cb"), origin("http://127.0.0.1/cb")), (None, None));
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
