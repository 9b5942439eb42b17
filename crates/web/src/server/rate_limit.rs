//! How many requests one client may make: two budgets per address, held in bounded memory. Knows no account and no route; each of a router's
//! routes is laid under a [`Limit`].

use std::fmt;
use std::hash::{Hash as _, Hasher as _};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use futures_util::future::{Either, Ready, ready};
use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::header::RETRY_AFTER;
use http::{HeaderValue, Method, StatusCode};
use tower::{Layer, Service};

use super::client_address::{ClientAddress, network_of};
use super::count;
use super::problem::Problem;

/// The budgets of one address. (An IPv6 /64 counts as one address.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Requests per second that it may keep up; ten seconds' worth may come at once.
    pub requests_per_second: NonZeroU32,
    /// Attempts at signing in or up per minute; a minute's worth may come at once.
    pub sign_ins_per_minute: NonZeroU32,
}

/// Writes the answer of a refused request; [`RateLimits`] adds Retry-After. The duration is how long the client has to wait.
pub type Refusal = dyn Fn(&Request, Duration) -> Response + Send + Sync;

/// The limits in force. A cheap clone of the same counts.
#[derive(Clone)]
pub struct RateLimits {
    limiters: Option<Arc<Limiters>>,
    refusal: Arc<Refusal>,
}

struct Limiters {
    general: PerAddress,
    sign_in: PerAddress,
    refused: AtomicU64,
}

impl RateLimits {
    /// Limits with these budgets, answering with a problem (RFC 9457).
    pub fn new(budgets: Budgets) -> Self {
        let burst = budgets.requests_per_second.saturating_mul(TEN);
        let limiters = Limiters {
            general: PerAddress::new(Quota::per_second(budgets.requests_per_second).allow_burst(burst)),
            sign_in: PerAddress::new(Quota::per_minute(budgets.sign_ins_per_minute)),
            refused: AtomicU64::new(0),
        };
        Self { limiters: Some(Arc::new(limiters)), refusal: Arc::new(problem) }
    }

    /// No limits, for measuring and for the demo.
    pub fn off() -> Self {
        Self { limiters: None, refusal: Arc::new(problem) }
    }

    /// Lets a refused request be answered otherwise, a page for a browser say.
    #[must_use]
    pub fn with_refusal(
        mut self,
        refusal: impl Fn(&Request, Duration) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.refusal = Arc::new(refusal);
        self
    }

    /// For every route.
    pub fn general(&self) -> Limit {
        Limit { limits: self.clone(), tries_passwords: false }
    }

    /// For the routes that try passwords or make accounts: their POST requests have a budget of their own besides.
    pub fn sign_in(&self) -> Limit {
        Limit { limits: self.clone(), tries_passwords: true }
    }

    /// Requests refused since the start.
    pub fn refused(&self) -> u64 {
        self.limiters.as_ref().map_or(0, |limiters| limiters.refused.load(Ordering::Relaxed))
    }

    fn refuse(&self, request: &Request, wait: Duration) -> Response {
        let mut response = (self.refusal)(request, wait);
        // RFC 9110 section 10.2.3: whole seconds; rounded up, or the client would be early.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        response
    }

    fn check(&self, request: &Request, budget: fn(&Limiters) -> &PerAddress) -> Result<(), Duration> {
        let Some(limiters) = &self.limiters else { return Ok(()) };
        // A request that did not come through a socket has no address, and nobody to protect against.
        let Some(ClientAddress(address)) = request.extensions().get() else { return Ok(()) };
        budget(limiters).check(*address).inspect_err(|_| count(&limiters.refused))
    }
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.limiters.is_some() { "RateLimits(on)" } else { "RateLimits(off)" })
    }
}

/// The layer that holds requests to their address's budgets. It boxes nothing: every request pays for it.
#[derive(Clone, Debug)]
pub struct Limit {
    limits: RateLimits,
    tries_passwords: bool,
}

impl<S> Layer<S> for Limit {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Limited { inner, limit: self.clone() }
    }
}

impl Limit {
    fn check(&self, request: &Request) -> Result<(), Duration> {
        self.limits.check(request, |limiters| &limiters.general)?;
        // Looking at a form costs nothing.
        if self.tries_passwords && *request.method() == Method::POST {
            self.limits.check(request, |limiters| &limiters.sign_in)?;
        }
        Ok(())
    }
}

/// A service that is asked within budgets only.
#[derive(Clone, Debug)]
pub struct Limited<S> {
    inner: S,
    limit: Limit,
}

impl<S: Service<Request, Response = Response>> Service<Request> for Limited<S> {
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.limit.check(&request) {
            Ok(()) => Either::Left(self.inner.call(request)),
            Err(wait) => Either::Right(ready(Ok(self.limit.limits.refuse(&request, wait)))),
        }
    }
}

fn problem(_: &Request, _: Duration) -> Response {
    Problem::new(StatusCode::TOO_MANY_REQUESTS)
        .detail("Too many requests from this address. Try again later.")
        .into_response()
}

const TEN: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
/// How many addresses are told apart. Beyond, strangers share buckets: an attacker with many addresses costs other newcomers some of
/// their budget, but never us more memory than this.
const MOST_ADDRESSES: usize = 65_536;
const SHARED_BUCKETS: u64 = 1_024;
/// After how many checks the limiter looks for addresses it may forget.
const SWEEP_EVERY: u64 = 4_096;

/// A budget for each address.
struct PerAddress {
    limiter: DefaultKeyedRateLimiter<Bucket>,
    checks: AtomicU64,
    full: AtomicBool,
    most: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Bucket {
    Own(IpAddr),
    Shared(u64),
}

impl PerAddress {
    fn new(quota: Quota) -> Self {
        Self {
            limiter: RateLimiter::keyed(quota),
            checks: AtomicU64::new(0),
            full: AtomicBool::new(false),
            most: MOST_ADDRESSES,
        }
    }

    /// `Err` says how long to wait.
    fn check(&self, address: IpAddr) -> Result<(), Duration> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.sweep();
        }
        let network = network_of(address);
        let bucket = if self.full.load(Ordering::Relaxed) { shared(network) } else { Bucket::Own(network) };
        let checked = self.limiter.check_key(&bucket);
        checked.map_err(|until| until.wait_time_from(self.limiter.clock().now()))
    }

    /// Forgets whoever has its whole budget again.
    fn sweep(&self) {
        self.limiter.retain_recent();
        let known = self.limiter.len();
        if known < self.most / 4 {
            self.limiter.shrink_to_fit();
        }
        self.full.store(known >= self.most, Ordering::Relaxed);
    }
}

fn shared(network: IpAddr) -> Bucket {
    let mut hasher = std::collections::hash_map::DefaultHasher::new();
    network.hash(&mut hasher);
    Bucket::Shared(hasher.finish() % SHARED_BUCKETS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets(requests_per_second: u32, sign_ins_per_minute: u32) -> Budgets {
        let count = |count| NonZeroU32::new(count).expect("not zero");
        Budgets {
            requests_per_second: count(requests_per_second),
            sign_ins_per_minute: count(sign_ins_per_minute),
        }
    }

    #[test]
    fn each_address_has_its_own_budget_and_is_told_how_long_to_wait() {
        let limits = RateLimits::new(budgets(1, 2));
        let sign_in = &limits.limiters.as_ref().expect("on").sign_in;
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(sign_in.check(address("2001:db8::1")), Ok(()));
        assert_eq!(sign_in.check(address("2001:db8::2")), Ok(()));
        let wait = sign_in.check(address("2001:db8::3")).expect_err("two were allowed to this /64");
        assert!((Duration::from_secs(25)..=Duration::from_secs(30)).contains(&wait), "{wait:?}");
        assert_eq!(sign_in.check(address("2001:db8:0:1::1")), Ok(()), "the next /64");
    }

    #[test]
    fn many_addresses_cost_a_bounded_amount_of_memory() {
        let mut addresses = PerAddress::new(Quota::per_minute(NonZeroU32::MIN));
        addresses.most = 5_000;
        for number in 0..40_000_u32 {
            // Refusals among those that share a bucket are meant.
            addresses.check(IpAddr::from(number.to_be_bytes())).ok();
        }
        let bound = addresses.most + SHARED_BUCKETS as usize + SWEEP_EVERY as usize;
        assert!(addresses.limiter.len() <= bound, "{} > {bound}", addresses.limiter.len());
        assert!(addresses.full.load(Ordering::Relaxed));
    }
}
