//! The issuer: the URL this installation is known by. Knows which URLs may be one.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// An origin such as `https://id.example.org`, spelled exactly as clients must compare it (OpenID Connect Core section 3.1.3.7).
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

    /// The URL, without a trailing slash.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
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
        // RFC 8414 section 2: no query or fragment. A path would need every well-known location to be rewritten by a proxy.
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !bare {
            return Err(
                "scheme and host only, without a path, query, fragment or user: a host name of its own"
                    .to_owned(),
            );
        }
        let origin = url.origin().ascii_serialization();
        if origin == text { Ok(Self(origin)) } else { Err(format!("it spelled as {origin}")) }
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
            ("https://id.example.org/auth", "without a path"),
            ("https://id.example.org?a=b", "without a path"),
            ("https://id.example.org#a", "without a path"),
            ("https://user@id.example.org", "without a path"),
        ] {
            let error = bad.parse::<Issuer>().expect_err(bad);
            assert!(error.contains(expected), "{bad}: {error}");
        }
        assert_eq!(Issuer::on_this_machine(false, 8080).as_str(), "http://localhost:8080");
        for (https, port) in [(true, 443), (true, 8443), (false, 80)] {
            let issuer = Issuer::on_this_machine(https, port);
            assert_eq!(issuer.as_str().parse(), Ok(issuer));
        }
    }
}
