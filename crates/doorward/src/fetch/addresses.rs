//! Which addresses may be reached on somebody else's word. Whoever registers a client, or whoever holds a name in the DNS, could otherwise
//! make this server knock on doors that only it can see (server-side request forgery).
//!
//! Allowed is what is everybody's: global unicast. What else may be reached, the operator says. A list of what is private, reserved or special
//! (the registries of RFC 6890), not of what is known to be dangerous.

use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Whom the operator allows beside everybody: hosts by name, and networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowed {
    hosts: Vec<String>,
    networks: Vec<IpNet>,
}

impl Allowed {
    /// Whether this address may be connected to for this host.
    pub(crate) fn admits(&self, host: &str, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_everybodys(address)
            || self.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host.trim_end_matches('.')))
            || self.networks.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for Allowed {
    type Err = String;

    /// Reads hosts, addresses and networks separated by commas: `keys.internal, 10.1.2.0/24, ::1`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut allowed = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let network = part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
            match network {
                Ok(network) => allowed.networks.push(network),
                Err(_) if part.chars().all(is_name) => {
                    allowed.hosts.push(part.trim_end_matches('.').to_owned())
                }
                Err(_) => {
                    return Err(format!(
                        "`{part}` is neither a host, an address, nor a network such as 10.0.0.0/8"
                    ));
                }
            }
        }
        Ok(allowed)
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks = self.networks.iter().map(ToString::to_string);
        let all: Vec<String> = self.hosts.iter().cloned().chain(networks).collect();
        f.write_str(&all.join(", "))
    }
}

/// Whether an address is global unicast: reachable by everybody, and by this server no better than by them.
fn is_everybodys(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4_is_everybodys(v4),
        IpAddr::V6(v6) => match embedded(v6) {
            Some(v4) => v4_is_everybodys(v4),
            None => v6_is_everybodys(v6),
        },
    }
}

fn v4_is_everybodys(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        // RFC 791 this network, RFC 1918 private, RFC 1122 loopback.
        (0 | 10 | 127, ..) | (172, 16..=31, _) | (192, 168, _)
        // RFC 6598 carriers' NAT, RFC 3927 link-local, where clouds keep their metadata.
        | (100, 64..=127, _) | (169, 254, _)
        // RFC 6890 protocol assignments, RFC 5737 documentation, RFC 7526 deprecated anycast, RFC 2544 benchmarks.
        | (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) | (198, 18..=19, _)
        // RFC 5771 multicast, RFC 1112 reserved, broadcast.
        | (224..=255, ..)
    )
}

fn v6_is_everybodys(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    match (a, b) {
        // RFC 4380 Teredo and the rest of the protocol assignments, RFC 3849 and RFC 9637 documentation.
        (0x2001, 0..=0x01ff | 0x0db8) | (0x3fff, 0..=0x0fff) => false,
        // RFC 4291 section 2.4: what is global unicast today. Everything else is loopback, local, multicast, or to be assigned.
        (0x2000..=0x3fff, _) => true,
        _ => false,
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped and compatible (RFC 4291 section 2.5.5), translated (RFC 6052), 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => v4(g, h),
        (0x2002, ..) => v4(b, c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYBODYS: &[&str] = &[
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::1",
        "2606:4700::1111",
        "2a00::1",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
        "2002:101:101::1",
    ];
    const SOMEBODYS: &[&str] = &[
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a00:1::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];

    #[test]
    fn only_global_unicast_is_everybodys() {
        let nobody_else = Allowed::default();
        for address in EVERYBODYS {
            assert!(nobody_else.admits("a.example", address.parse().expect("an address")), "{address}");
        }
        for address in SOMEBODYS {
            assert!(!nobody_else.admits("a.example", address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn the_operator_allows_more_by_host_or_by_network() {
        let allowed: Allowed = "keys.internal., 10.1.2.0/24 ,::1".parse().expect("a list");
        assert_eq!(allowed.to_string(), "keys.internal, 10.1.2.0/24, ::1/128");
        for (host, address, admitted) in [
            ("keys.internal", "10.9.9.9", true),
            ("KEYS.internal.", "127.0.0.1", true),
            ("evil.keys.internal", "10.9.9.9", false),
            ("a.example", "10.1.2.3", true),
            ("a.example", "::ffff:10.1.2.3", true),
            ("a.example", "10.1.3.3", false),
            ("a.example", "::1", true),
            ("a.example", "127.0.0.1", false),
        ] {
            assert_eq!(
                allowed.admits(host, address.parse().expect("an address")),
                admitted,
                "{host} {address}"
            );
        }
        assert_eq!("".parse(), Ok(Allowed::default()));
        assert!("10.0.0.0/33".parse::<Allowed>().is_err() && "a b".parse::<Allowed>().is_err());
    }
}
