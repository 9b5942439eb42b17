//! Where workers are: URLs, and which addresses are near enough to be spoken to without TLS.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use url::{Host, Url};

/// The workers of a server, in the order they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkerUrls(Vec<Url>);

impl WorkerUrls {
    pub(crate) fn as_slice(&self) -> &[Url] {
        &self.0
    }

    /// Whether any is spoken to without TLS.
    pub(crate) fn any_plain(&self) -> bool {
        self.0.iter().any(|url| url.scheme() == "http")
    }
}

impl FromStr for WorkerUrls {
    type Err = String;

    /// Reads URLs separated by commas. Without TLS only addresses of this machine or of a private network: a name may lead anywhere.
    fn from_str(text: &str) -> Result<Self, String> {
        let urls = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        urls.map(worker_url).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for WorkerUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<&str> = self.0.iter().map(Url::as_str).collect();
        f.write_str(&all.join(", "))
    }
}

fn worker_url(text: &str) -> Result<Url, String> {
    let expected = || format!("`{text}` is not a worker's URL, such as https://worker-1.internal:8443");
    let url = Url::parse(text).map_err(|_| expected())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    if !bare || !anonymous {
        return Err(expected());
    }
    let near = match url.host() {
        Some(Host::Ipv4(address)) => is_near(address.into()),
        Some(Host::Ipv6(address)) => is_near(address.into()),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if near => Ok(url),
        "http" => Err(format!(
            "`{text}`: without TLS only an address of this machine or of a private network, such as http://10.0.0.7:8081"
        )),
        _ => Err(expected()),
    }
}

/// Whether an address is this machine's, or of a network that nobody else is on: RFC 1918, RFC 3927, RFC 6598 (overlay networks), RFC 4193, RFC 4291.
pub(crate) fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || (a == 100 && (64..=127).contains(&b))
        }
        IpAddr::V6(v6) => v6 == Ipv6Addr::LOCALHOST || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_a_worker_is_near_by_its_address() {
        for good in [
            "https://worker-1.internal:8443",
            "https://203.0.113.7",
            "http://127.0.0.1:8081",
            "http://10.0.0.7",
            "http://100.64.0.1:80",
            "http://[::1]:8081",
            "http://[fd00::7]:8081",
            "http://localhost:8081",
        ] {
            assert!(good.parse::<WorkerUrls>().is_ok_and(|urls| urls.as_slice().len() == 1), "{good}");
        }
        for bad in [
            "http://worker.internal",
            "http://203.0.113.7",
            "http://100.128.0.1",
            "http://[2001:db8::1]",
            "https://worker/path",
            "https://worker/?a=b",
            "https://user@worker",
            "ftp://10.0.0.7",
            "worker",
            "https://",
        ] {
            assert!(bad.parse::<WorkerUrls>().is_err(), "{bad}");
        }
        let two: WorkerUrls = " https://a:1 ,http://127.0.0.1:2,".parse().expect("two URLs");
        assert_eq!(
            (two.to_string(), two.any_plain()),
            ("https://a:1/, http://127.0.0.1:2/".to_owned(), true)
        );
    }
}
