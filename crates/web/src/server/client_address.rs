//! Where a request comes from: the peer of its connection, or what a trusted proxy says. Knows no policy about addresses.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header::{FORWARDED, HeaderName};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use ipnet::IpNet;
use protocol::quoted;

use super::problem::Problem;

/// The other end of the connection: a client, or the proxy before us. A request extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// How the connection was spoken to; a proxy before us may have been spoken to otherwise. A request extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

/// The client's address as far as it can be believed. A request extension, and an extractor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().copied().ok_or(Problem::new(StatusCode::INTERNAL_SERVER_ERROR))
    }
}

/// The host that a trusted proxy says it was called by (`X-Forwarded-Host`). A request extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardedHost(pub Arc<str>);

impl ForwardedHost {
    /// What the header says, if that is one host.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all("x-forwarded-host").iter();
        let (Some(host), None) = (lines.next(), lines.next()) else { return None };
        host.to_str().ok().filter(|host| !host.contains(',')).map(|host| Self(host.into()))
    }
}

/// The proxies whose forwarding headers are believed: addresses and networks.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

/// The header in which the proxies before us keep the addresses a request came through. They pass on every other one as the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardingHeader(HeaderName);

impl ForwardingHeader {
    /// The addresses in one line of it; `None` when it cannot be read.
    fn read<'a>(&self, line: &'a str) -> Option<Vec<Hop<'a>>> {
        if self.0 == FORWARDED { forwarded(line) } else { Some(line.split(',').map(Hop).collect()) }
    }
}

impl Default for ForwardingHeader {
    fn default() -> Self {
        Self(HeaderName::from_static("x-forwarded-for"))
    }
}

impl FromStr for ForwardingHeader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| "the name of a header, such as X-Forwarded-For".to_owned())
    }
}

impl TrustedProxies {
    /// Whether this address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address: the right-most one of the header that the proxies keep that is not itself a trusted proxy's. Everything left of
    /// it was written by somebody we have no reason to believe.
    ///
    /// The peer's own address when it is not trusted, when it forwards nothing, and when what it forwards cannot be read.
    pub fn client(&self, peer: IpAddr, header: &ForwardingHeader, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        self.right_most(header, headers).unwrap_or(peer)
    }

    fn right_most(&self, header: &ForwardingHeader, headers: &HeaderMap) -> Option<IpAddr> {
        let mut nearest_client = None;
        // Several lines of one header are one list (RFC 9110 section 5.3).
        for line in headers.get_all(&header.0).iter().rev() {
            for hop in header.read(line.to_str().ok()?)?.into_iter().rev() {
                let address = hop.address()?;
                nearest_client = Some(address);
                if !self.contains(address) {
                    return nearest_client;
                }
            }
        }
        nearest_client
    }
}

impl FromIterator<IpNet> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    /// Reads addresses and networks separated by commas: `127.0.0.1, 10.0.0.0/8, fd00::/8`.
    fn from_str(text: &str) -> Result<Self, String> {
        let networks = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        networks
            .map(|part| {
                let network = part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
                network.map_err(|_| format!("addresses and networks such as 10.0.0.0/8; `{part}` is neither"))
            })
            .collect()
    }
}

impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut networks = self.0.iter();
        if let Some(first) = networks.next() {
            write!(f, "{first}")?;
        }
        networks.try_for_each(|network| write!(f, ", {network}"))
    }
}

impl fmt::Debug for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedProxies({self})")
    }
}

/// The network that counts as one client: an IPv4 address, or an IPv6 /64, of which every household has one (RFC 6177) and may use any address.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The addresses this machine calls itself by (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3).
pub(crate) fn this_machine() -> Vec<IpNet> {
    let addresses =
        [IpNet::new(IpAddr::from([127, 0, 0, 0]), 8), IpNet::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 128)];
    addresses.into_iter().flatten().collect()
}

/// One entry of a forwarding header, unread.
struct Hop<'a>(&'a str);

impl Hop<'_> {
    /// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`. `None` for `unknown` and obfuscated identifiers
    /// (RFC 7239 section 6).
    fn address(&self) -> Option<IpAddr> {
        let text = self.0.trim();
        let address = if let Some(bracketed) = text.strip_prefix('[') {
            let (address, port) = bracketed.split_once(']')?;
            if !(port.is_empty() || port.starts_with(':')) {
                return None;
            }
            IpAddr::V6(address.parse().ok()?)
        } else if let Ok(address) = text.parse() {
            address
        } else {
            text.parse::<SocketAddr>().ok()?.ip()
        };
        Some(address.to_canonical())
    }
}

/// RFC 7239 section 4: `for=192.0.2.60;proto=http, for="[2001:db8::1]:80"`. An element without
/// `for` hides its hop, and nothing beyond it can be believed.
fn forwarded(line: &str) -> Option<Vec<Hop<'_>>> {
    let mut hops = Vec::new();
    for element in quoted::split(line, b',')? {
        let mut hop = None;
        for pair in quoted::split(element, b';')? {
            if pair.trim().is_empty() {
                continue;
            }
            let (name, value) = pair.trim().split_once('=')?;
            if name.eq_ignore_ascii_case("for") && hop.replace(Hop(quoted::unquoted(value)?)).is_some() {
                // RFC 7239 section 4: each parameter must not occur more than once per element.
                return None;
            }
        }
        hops.push(hop?);
    }
    Some(hops)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(kept: &str, peer: &str, headers: &[(&str, &str)]) -> String {
        let proxies: TrustedProxies = "10.0.0.0/8, fd00::/8".parse().expect("networks");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a header's name");
            map.append(name, value.parse().expect("a header's value"));
        }
        let kept = kept.parse().expect("a header's name");
        proxies.client(peer.parse().expect("an address"), &kept, &map).to_string()
    }

    const XFF: &str = "x-forwarded-for";
    const FWD: &str = "forwarded";
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

    #[test]
    fn only_a_trusted_peer_is_believed_and_only_up_to_the_first_stranger() {
        let cases: &[Case<'_>] = &[
            ("203.0.113.9", &[(XFF, "192.0.2.1")], "203.0.113.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[(XFF, "192.0.2.1")], "192.0.2.1"),
            ("::ffff:10.0.0.1", &[(XFF, "::ffff:192.0.2.1")], "192.0.2.1"),
            ("10.0.0.1", &[(XFF, "6.6.6.6, 192.0.2.1, 10.0.0.2")], "192.0.2.1"),
            ("10.0.0.1", &[(XFF, "6.6.6.6"), (XFF, "192.0.2.1"), (XFF, "10.0.0.2")], "192.0.2.1"),
            ("10.0.0.1", &[(XFF, "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
            ("10.0.0.1", &[(XFF, "192.0.2.1:4711")], "192.0.2.1"),
            ("10.0.0.1", &[(XFF, "[2001:db8::1]:4711")], "2001:db8::1"),
            ("10.0.0.1", &[(XFF, "2001:db8::1")], "2001:db8::1"),
            ("fd00::1", &[(XFF, "garbage, 192.0.2.1")], "192.0.2.1"),
            ("10.0.0.1", &[(XFF, "192.0.2.1, garbage")], "10.0.0.1"),
            ("10.0.0.1", &[(XFF, "")], "10.0.0.1"),
        ];
        for (peer, headers, expected) in cases {
            assert_eq!(client(XFF, peer, headers), *expected, "{peer} {headers:?}");
        }
        assert_eq!(client("X-Real-IP", "10.0.0.1", &[("x-real-ip", "192.0.2.1")]), "192.0.2.1");
    }

    #[test]
    fn rfc7239_4_forwarded_is_read_where_the_proxies_keep_it() {
        let cases: &[Case<'_>] = &[
            ("203.0.113.9", &[(FWD, "for=192.0.2.1")], "203.0.113.9"),
            ("10.0.0.1", &[(FWD, "for=192.0.2.1")], "192.0.2.1"),
            ("10.0.0.1", &[(FWD, "For=\"[2001:db8::1]:80\";proto=https;by=10.0.0.1")], "2001:db8::1"),
            ("10.0.0.1", &[(FWD, "for=6.6.6.6, for=192.0.2.1;host=\"a,b;c\", for=10.0.0.2")], "192.0.2.1"),
            ("10.0.0.1", &[(FWD, "for=192.0.2.1, for=unknown")], "10.0.0.1"),
            ("10.0.0.1", &[(FWD, "for=192.0.2.1, for=_hidden")], "10.0.0.1"),
            ("10.0.0.1", &[(FWD, "for=192.0.2.1;for=6.6.6.6")], "10.0.0.1"),
            ("10.0.0.1", &[(FWD, "for=\"192.0.2.1")], "10.0.0.1"),
            ("10.0.0.1", &[(FWD, "proto=https")], "10.0.0.1"),
        ];
        for (peer, headers, expected) in cases {
            assert_eq!(client(FWD, peer, headers), *expected, "{peer} {headers:?}");
        }
    }

    /// What a client writes into the other header must not even hide its address.
    #[test]
    fn the_header_that_the_proxies_do_not_keep_is_ignored() {
        for forged in ["for=6.6.6.6", "x", "for=unknown", ""] {
            let headers = [(XFF, "192.0.2.1"), (FWD, forged)];
            assert_eq!(client(XFF, "10.0.0.1", &headers), "192.0.2.1", "{forged}");
            assert_eq!(client(XFF, "10.0.0.1", &[(FWD, forged)]), "10.0.0.1", "{forged}");
        }
        for forged in ["6.6.6.6", "x", ""] {
            let headers = [(FWD, "for=192.0.2.1"), (XFF, forged)];
            assert_eq!(client(FWD, "10.0.0.1", &headers), "192.0.2.1", "{forged}");
            assert_eq!(client(FWD, "10.0.0.1", &[(XFF, forged)]), "10.0.0.1", "{forged}");
        }
    }

    #[test]
    fn a_list_of_networks_is_read_and_shown() {
        let proxies: TrustedProxies = " 127.0.0.1,10.0.0.0/8 ,fd00::/8".parse().expect("networks");
        assert_eq!(proxies.to_string(), "127.0.0.1/32, 10.0.0.0/8, fd00::/8");
        assert_eq!("".parse(), Ok(TrustedProxies::default()));
        assert!("10.0.0.0/33".parse::<TrustedProxies>().is_err());
        assert!(
            "proxy.example".parse::<TrustedProxies>().is_err_and(|error| error.contains("`proxy.example`"))
        );
    }

    #[test]
    fn a_household_is_one_client() {
        let network = |text: &str| network_of(text.parse().expect("an address")).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
    }
}
