//! What every decision is told about the request it serves: the instant, randomness, the caller's address. Reads no clock itself.

use crypto::{OpaqueToken, Random, random_bytes};
use passwords::OnBehalfOf;
use protocol::{AuditEventId, ClientCertificate, ClientId, Timestamp, UnreadCertificate};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU16, Ordering};

/// Names one request, in its error page and in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(u64);

/// A number that nobody else's request has, on no node: random, or as good as that.
impl From<u64> for RequestId {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl RequestId {
    /// One of `0..bound`, each for as many requests as any other.
    pub(crate) fn one_of(self, bound: u64) -> u64 {
        self.0 % bound
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Whose words a request is in. What is decided is the same in all of them; what tokens say beside it may differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Those of the RFCs.
    #[default]
    Ours,
    /// Keycloak's.
    Keycloak,
}

/// One request's circumstances.
pub struct Ctx {
    /// The instant the whole request happens at.
    pub now: Timestamp,
    /// Where it comes from; none for the command line and for jobs.
    pub remote: Option<IpAddr>,
    /// The certificate its caller has shown to have the key of, if any (RFC 8705): whose it is, nobody has looked at yet.
    pub certificate: Option<ClientCertificate>,
    /// Why there is none, where a proxy passed on something that could not be read.
    pub unread_certificate: Option<UnreadCertificate>,
    /// What an operator looks it up by.
    pub request_id: RequestId,
    /// Whose words it is in.
    pub dialect: Dialect,
    /// Paths by which the caller knows the endpoint that was asked, and the issuer, in that dialect: an assertion may be made out to them.
    pub known_as: Vec<String>,
    /// Audit events told so far.
    told: AtomicU16,
    random: Box<dyn Random + Sync>,
}

impl Ctx {
    /// The circumstances of a request.
    pub fn new(
        now: Timestamp,
        remote: Option<IpAddr>,
        request_id: RequestId,
        random: Box<dyn Random + Sync>,
    ) -> Self {
        Self {
            now,
            remote,
            certificate: None,
            unread_certificate: None,
            request_id,
            dialect: Dialect::default(),
            known_as: Vec::new(),
            told: AtomicU16::new(0),
            random,
        }
    }

    /// The request's randomness.
    pub fn random(&mut self) -> &mut dyn Random {
        self.random.as_mut()
    }

    /// In whose turn passwords are hashed for this request: its client's, and within it the address's. Of IPv6 addresses the first half
    /// counts: the rest is its owner's to choose.
    pub(crate) fn on_behalf_of(&self, client: Option<&ClientId>) -> OnBehalfOf {
        let numbered = |client: &ClientId| {
            let mut hasher = DefaultHasher::new();
            client.hash(&mut hasher);
            hasher.finish()
        };
        let address = match self.remote.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => u64::from(address.to_bits()),
            Some(IpAddr::V6(address)) => (address.to_bits() >> 64) as u64,
            None => 0,
        };
        OnBehalfOf { client: client.map_or(0, numbered), address }
    }

    /// Ten bytes for a new id.
    pub(crate) fn id(&mut self) -> [u8; 10] {
        random_bytes(self.random())
    }

    /// The id of the next event of this request: its number, and the request's own randomness, so that telling draws none.
    pub(crate) fn event_id(&self) -> AuditEventId {
        let mut random = [0; 10];
        let (number, request) = random.split_at_mut(2);
        number.copy_from_slice(&self.told.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        request.copy_from_slice(&self.request_id.0.to_be_bytes());
        AuditEventId::new(self.now, random)
    }

    /// A new opaque token with this selector.
    pub(crate) fn opaque(&mut self, selector: &[u8; 16]) -> OpaqueToken {
        OpaqueToken::generate(*selector, self.random())
    }
}
