//! The issuer: the URL this installation is known by. Knows which URLs may be one.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use url::{Host, Url};

/// An origin such as `https://id.example.org`, perhaps with a path, spelled exactly as clients must compare it (OpenID Connect Core section
/// 3.1.3.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issuer(String);

impl Issuer {
    /// What it is when nothing is set: good for trying things out on this machine.
    pub(crate) fn on_this_machine(https: bool, port: u16) -> Self {
        match (https, port) {
            (true, 443) => Self("https://localhost".to_owned()),
            (true, port) => Self(format!("https://localhost:{port}")),
            (false, 80) => Self("http://localhost".to_owned()),
            (false, port) => Self(format!("http://localhost:{port}")),
        }
    }

    /// What it is by https at this address.
    pub(crate) fn at(address: SocketAddr) -> Self {
        match address.port() {
            443 => Self(format!("https://{}", bracketed(address.ip()))),
            _ => Self(format!("https://{address}")),
        }
    }

    /// Whether nobody elsewhere can reach it.
    pub(crate) fn is_loopback(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| url.host().is_some_and(|host| is_loopback(&host)))
    }

    /// The URL, without a trailing slash.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is more than an origin.
    pub(crate) fn has_path(&self) -> bool {
        self.0.split_once("://").is_some_and(|(_, rest)| rest.contains('/'))
    }

    /// Whether everything here is reached by https only.
    pub(crate) fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Issuer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "a URL such as https://id.example.org";
        let url = Url::parse(text).map_err(|_| expected.to_owned())?;
        let Some(host) = url.host() else { return Err(expected.to_owned()) };
        match url.scheme() {
            "https" => {}
            // RFC 8414 section 2 wants https; on the machine itself there is nothing to listen in on.
            "http" if is_loopback(&host) => {}
            "http" => return Err("https, because its host is not this machine".to_owned()),
            _ => return Err(expected.to_owned()),
        }
        // RFC 8414 section 2: no query or fragment.
        let bare = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !bare {
            return Err("scheme, host and perhaps a path, without a query, fragment or user".to_owned());
        }
        let origin = url.origin().ascii_serialization();
        let path = url.path().trim_end_matches('/');
        let spelled = format!("{origin}{path}");
        if spelled != text {
            return Err(format!("it spelled as {spelled}"));
        }
        if !path.split('/').skip(1).all(is_segment) {
            return Err("a path of letters, digits, - and _, as in https://example.org/auth".to_owned());
        }
        Ok(Self(spelled))
    }
}

/// What no proxy, browser or client rewrites.
fn is_segment(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(known)
}

fn bracketed(address: IpAddr) -> Host {
    match address {
        IpAddr::V4(address) => Host::Ipv4(address),
        IpAddr::V6(address) => Host::Ipv6(address),
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        // RFC 6761 section 6.3.
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_origin_that_nobody_can_listen_in_on() {
        for good in [
            "https://id.example.org",
            "https://id.example.org:8443",
            "http://localhost:8080",
            "http://id.localhost",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "https://example.org/auth",
            "https://example.org:8443/realms/a_b-c.d",
            "http://localhost:8080/auth",
        ] {
            assert_eq!(good.parse::<Issuer>().map(|issuer| issuer.0), Ok(good.to_owned()));
        }
        for (bad, expected) in [
            ("id.example.org", "a URL such as"),
            ("ftp://id.example.org", "a URL such as"),
            ("http://id.example.org", "https, because"),
            ("http://localhost.example.org", "https, because"),
            ("https://id.example.org/", "spelled as https://id.example.org"),
            ("https://ID.example.org", "spelled as https://id.example.org"),
            ("https://id.example.org:443", "spelled as https://id.example.org"),
            ("https://id.example.org/auth/", "spelled as https://id.example.org/auth"),
            ("https://id.example.org/a/../auth", "spelled as https://id.example.org/auth"),
            ("https://id.example.org/a//b", "a path of letters"),
            ("https://id.example.org/%61uth", "a path of letters"),
            ("https://id.example.org/a;b", "a path of letters"),
            ("https://id.example.org/.well-known", "a path of letters"),
            ("https://id.example.org?a=b", "without a query"),
            ("https://id.example.org/auth?a=b", "without a query"),
            ("https://id.example.org#a", "without a query"),
            ("https://user@id.example.org", "without a query"),
        ] {
            let error = bad.parse::<Issuer>().expect_err(bad);
            assert!(error.contains(expected), "{bad}: {error}");
        }
        assert_eq!(Issuer::on_this_machine(false, 8080).as_str(), "http://localhost:8080");
        for (address, issuer, loopback) in [
            ("192.0.2.7:8080", "https://192.0.2.7:8080", false),
            ("192.0.2.7:443", "https://192.0.2.7", false),
            ("[2001:db8::7]:443", "https://[2001:db8::7]", false),
            ("127.0.0.1:8080", "https://127.0.0.1:8080", true),
        ] {
            let at = Issuer::at(address.parse().unwrap());
            assert_eq!((at.as_str(), at.is_loopback()), (issuer, loopback));
            assert_eq!(at.as_str().parse(), Ok(at));
        }
        for (https, port) in [(true, 443), (true, 8443), (false, 80)] {
            let issuer = Issuer::on_this_machine(https, port);
            assert_eq!(issuer.as_str().parse(), Ok(issuer));
        }
    }
}
