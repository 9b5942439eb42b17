//! Which requests are traced, and whose word on that is believed (W3C Trace Context). Knows no exporter.

use crate::server::{Peer, TrustedProxies};
use axum::extract::Request;
use http::{HeaderMap, Method, StatusCode};
use meter::Trace;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Traces some requests.
pub struct Tracer {
    /// Of 2^64 requests that come without a word, so many are traced.
    share: u64,
    believe: Believe,
    /// Fills ids with random bytes.
    entropy: fn(&mut [u8]),
    /// Where finished requests go. Called on the request's thread: it must not wait.
    sink: Box<dyn Fn(TracedRequest) + Send + Sync>,
    asked: AtomicU64,
}

/// Whose `traceparent` header decides.
#[derive(Debug, Clone)]
pub enum Believe {
    /// Whoever sends one. Anybody can then fill the traces.
    Anyone,
    /// These only; what others send is ignored.
    Proxies(TrustedProxies),
}

/// A request that was answered.
#[derive(Debug)]
pub struct TracedRequest {
    /// Its ids, and what it waited for.
    pub trace: Arc<Trace>,
    /// The route's template.
    pub route: &'static str,
    /// Its method.
    pub method: Method,
    /// The answer's status.
    pub status: StatusCode,
    /// From when,
    pub began: Instant,
    /// until when.
    pub ended: Instant,
}

impl Tracer {
    /// Traces `share` (0 to 1) of the requests whose caller did not decide.
    pub fn new(
        share: f64,
        believe: Believe,
        entropy: fn(&mut [u8]),
        sink: impl Fn(TracedRequest) + Send + Sync + 'static,
    ) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a share of all numbers; a cast from floating point stops at the ends"
        )]
        let share = (share.clamp(0.0, 1.0) * u64::MAX as f64) as u64;
        Self { share, believe, entropy, sink: Box::new(sink), asked: AtomicU64::new(0) }
    }

    /// The trace of a request that is to be traced.
    pub(super) fn begin(&self, request: &Request) -> Option<Arc<Trace>> {
        let parent = self.believed(request).then(|| parent(request.headers())).flatten();
        let traced = parent.as_ref().map_or_else(|| self.draws(), |parent| parent.sampled);
        if !traced {
            return None;
        }
        let (mut trace_id, mut span_id) = ([0; 16], [0; 8]);
        (self.entropy)(&mut span_id);
        match parent {
            Some(parent) => Some(Trace::new(parent.trace_id, span_id, Some(parent.span_id))),
            None => {
                (self.entropy)(&mut trace_id);
                Some(Trace::new(trace_id, span_id, None))
            }
        }
    }

    pub(super) fn end(&self, request: TracedRequest) {
        (self.sink)(request);
    }

    fn believed(&self, request: &Request) -> bool {
        match &self.believe {
            Believe::Anyone => true,
            Believe::Proxies(proxies) => {
                let peer = request.extensions().get::<Peer>();
                peer.is_some_and(|peer| proxies.contains(peer.0.ip()))
            }
        }
    }

    /// Evenly spread, and cheap: which requests are traced is no secret (https://prng.di.unimi.it/splitmix64.c).
    fn draws(&self) -> bool {
        let mut z = self.asked.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31) < self.share || self.share == u64::MAX
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Parent {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    sampled: bool,
}

/// W3C Trace Context section 3.2.2: `00-`, 32 and 16 hexadecimal digits in lower case, neither all zero, and flags.
fn parent(headers: &HeaderMap) -> Option<Parent> {
    let mut values = headers.get_all("traceparent").iter();
    let value = values.next()?.to_str().ok()?;
    // Section 3.2: of several none is right.
    if values.next().is_some() {
        return None;
    }
    let mut parts = value.split('-');
    let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let [version] = hex::<1>(version)?;
    // Section 3.2.2.1: a later version may add parts, version 0 has these, and 255 is none.
    if version == 0xff || (version == 0 && parts.next().is_some()) {
        return None;
    }
    let (trace_id, span_id, [flags]) = (hex(trace_id)?, hex(span_id)?, hex(flags)?);
    let valid = trace_id != [0; 16] && span_id != [0; 8];
    valid.then_some(Parent { trace_id, span_id, sampled: flags & 1 == 1 })
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn tracer(share: f64, believe: Believe) -> Tracer {
        Tracer::new(share, believe, |bytes| bytes.fill(9), |_| {})
    }

    fn request(traceparents: &[&str], peer: &str) -> Request {
        let mut request = Request::new(Body::empty());
        for value in traceparents {
            request.headers_mut().append("traceparent", value.parse().expect("a value"));
        }
        request.extensions_mut().insert(Peer(peer.parse().expect("an address")));
        request
    }

    #[test]
    fn w3c_section_3_2_2_only_a_well_formed_traceparent_is_a_parent() {
        let parsed = |values: &[&str]| parent(request(values, "10.0.0.1:1").headers());
        let good = parsed(&[GOOD]).expect("a parent");
        assert_eq!((good.trace_id[0], good.span_id[7], good.sampled), (0x0a, 0x31, true));
        assert!(!parsed(&[&GOOD.replace("-01", "-00")]).expect("a parent").sampled);
        assert!(parsed(&[&GOOD.replace("00-0a", "cc-0a"),]).is_some(), "a later version");
        assert!(parsed(&[&format!("{}-more", GOOD.replace("00-0a", "cc-0a"))]).is_some(), "with more parts");
        for bad in [
            "",
            "00",
            &GOOD.to_uppercase(),
            &GOOD.replace("00-0a", "ff-0a"),
            &GOOD.replace("0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000000"),
            &GOOD.replace("b7ad6b7169203331", "0000000000000000"),
            &GOOD.replace("b7ad6b7169203331", "b7ad6b716920333"),
            &GOOD.replace("-01", "-1"),
            &format!("{GOOD}-more"),
        ] {
            assert_eq!(parsed(&[bad]), None, "{bad}");
        }
        assert_eq!(parsed(&[GOOD, GOOD]), None);
    }

    #[test]
    fn a_strangers_word_is_ignored_and_a_trusted_one_decides() {
        let proxies: TrustedProxies = "10.0.0.0/8".parse().expect("networks");
        let not_sampled = GOOD.replace("-01", "-00");
        for (share, believe, peer, header, traced) in [
            (0.0, Believe::Proxies(proxies.clone()), "10.0.0.1:1", GOOD, Some(0x0a)),
            (0.0, Believe::Proxies(proxies.clone()), "192.0.2.1:1", GOOD, None),
            (1.0, Believe::Proxies(proxies.clone()), "192.0.2.1:1", GOOD, Some(9)),
            (1.0, Believe::Proxies(proxies), "10.0.0.1:1", &not_sampled, None),
            (0.0, Believe::Anyone, "192.0.2.1:1", GOOD, Some(0x0a)),
        ] {
            let trace = tracer(share, believe).begin(&request(&[header], peer));
            assert_eq!(trace.map(|trace| trace.trace_id[0]), traced, "{share} {peer} {header}");
        }
    }

    #[test]
    fn of_requests_without_a_word_the_share_is_traced() {
        for (share, expected) in [(0.0, 0..=0), (0.1, 900..=1_100), (1.0, 10_000..=10_000)] {
            let tracer = tracer(share, Believe::Anyone);
            let traced = (0..10_000).filter(|_| tracer.begin(&request(&[], "192.0.2.1:1")).is_some()).count();
            assert!(expected.contains(&traced), "{share}: {traced}");
        }
    }
}
