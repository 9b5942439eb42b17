//! What forwarding headers tell of a set-up that cannot be meant: an http issuer behind an https proxy, and a proxy that nobody trusts. Said
//! once each. Decides nothing about requests.

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What was noticed of a server's proxies. A cheap clone of the same.
#[derive(Clone, Debug, Default)]
pub struct Forwarding(Arc<Noticed>);

#[derive(Debug, Default)]
struct Noticed {
    /// Only if it is not https.
    http_issuer: Option<String>,
    /// There is nothing left to notice.
    done: AtomicBool,
    https_outside: OnceLock<Notice>,
    not_trusted: OnceLock<Notice>,
}

/// Something that is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What was seen.
    pub found: String,
    /// Which setting to use.
    pub remedy: String,
}

impl Forwarding {
    /// Of a server with this issuer.
    pub fn of(issuer: &str) -> Self {
        let http_issuer = Some(issuer).filter(|issuer| !issuer.starts_with("https:")).map(str::to_owned);
        Self(Arc::new(Noticed { http_issuer, ..Noticed::default() }))
    }

    /// What was noticed until now.
    pub fn notices(&self) -> Vec<Notice> {
        [&self.0.https_outside, &self.0.not_trusted]
            .into_iter()
            .filter_map(|place| place.get().cloned())
            .collect()
    }

    /// Looks at a request of this peer.
    pub(crate) fn look(&self, peer: IpAddr, is_trusted: bool, headers: &HeaderMap) {
        let noticed = &*self.0;
        if noticed.done.load(Relaxed) {
            return;
        }
        let names = [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, FORWARDED];
        if !names.iter().any(|name| headers.contains_key(name)) {
            return;
        }
        if let Some(issuer) = &noticed.http_issuer
            && says_https(headers)
        {
            say(&noticed.https_outside, || Notice {
                found: format!(
                    "requests reach a proxy by https, but the issuer is {issuer}: cookies lack Secure, and tokens and links name an address \
                     that nobody uses"
                ),
                remedy:
                    "set `issuer` to the https URL that people use (--issuer https://HOST, DOORWARD_ISSUER)"
                        .to_owned(),
            });
        }
        if !is_trusted {
            say(&noticed.not_trusted, || Notice {
                found: format!(
                    "{peer} sends forwarding headers (X-Forwarded-For and the like) and is not trusted, so they are ignored: if it is a proxy, \
                     everybody behind it counts as one address"
                ),
                remedy: format!(
                    "if it is your proxy, set `trusted_proxies` to it (--trusted-proxies {peer}, DOORWARD_TRUSTED_PROXIES)"
                ),
            });
        }
        let all = noticed.not_trusted.get().is_some()
            && (noticed.http_issuer.is_none() || noticed.https_outside.get().is_some());
        noticed.done.store(all, Relaxed);
    }
}

fn say(place: &OnceLock<Notice>, notice: impl FnOnce() -> Notice) {
    let mut is_first = false;
    let notice = place.get_or_init(|| {
        is_first = true;
        notice()
    });
    if is_first {
        tracing::warn!("{}: {}", notice.found, notice.remedy);
    }
}

/// `X-Forwarded-Proto: https`, or `proto=https` in `Forwarded` (RFC 7239 section 5.4).
fn says_https(headers: &HeaderMap) -> bool {
    let any = |name: HeaderName, says: fn(&str) -> bool| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .any(|line| line.split([',', ';']).any(says))
    };
    any(X_FORWARDED_PROTO, |word| word.trim().eq_ignore_ascii_case("https"))
        || any(FORWARDED, |pair| {
            let pair = pair.trim().split_once('=');
            pair.is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("proto") && value.trim_matches('"').eq_ignore_ascii_case("https")
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(forwarding: &Forwarding, is_trusted: bool, headers: &[(&'static str, &str)]) -> Vec<String> {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("text")));
        forwarding.look(IpAddr::from([10, 0, 0, 7]), is_trusted, &headers.collect());
        forwarding.notices().into_iter().map(|notice| notice.remedy).collect()
    }

    #[test]
    fn a_forgotten_issuer_and_a_proxy_that_is_not_trusted_are_said_with_their_settings() {
        let here = Forwarding::of("http://localhost:8080");
        assert!(look(&here, false, &[("host", "id.example.org")]).is_empty(), "nobody forwards");
        assert!(look(&here, true, &[("x-forwarded-proto", "http")]).is_empty(), "as it is meant");
        let said = look(&here, true, &[("x-forwarded-proto", "https")]);
        assert!(matches!(&said[..], [one] if one.contains("`issuer`")), "{said:?}");
        let said = look(&here, false, &[("x-forwarded-for", "192.0.2.1")]);
        assert!(matches!(&said[..], [_, other] if other.contains("--trusted-proxies 10.0.0.7")), "{said:?}");

        // RFC 7239 section 5.4.
        let here = Forwarding::of("http://localhost:8080");
        assert_eq!(look(&here, true, &[("forwarded", "for=192.0.2.1;proto=\"https\"")]).len(), 1);

        let there = Forwarding::of("https://id.example.org");
        assert!(
            look(&there, true, &[("x-forwarded-proto", "https"), ("x-forwarded-for", "192.0.2.1")])
                .is_empty()
        );
        assert_eq!(look(&there, false, &[("x-forwarded-proto", "https")]).len(), 1, "not trusted");
    }
}
