//! Other parties' public keys: parsed once, and fetched from where they are published. Knows when a set is fresh, stale or worth asking for
//! again; how it is fetched is the binary's part, behind [`FetchKeys`].
//!
//! Nothing is made before the first party with keys comes.

use crypto::{AssertionKeys, AssertionKeysError, JwsError, registered_certificates};
use protocol::{JwksUri, Timestamp};
use quick_cache::sync::Cache;
use serde_json::Value;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// A set that says nothing about itself is asked for again after so long.
const FRESH_FOR: Duration = Duration::from_secs(3_600);
/// However it wishes, not sooner ..
const SOONEST: Duration = Duration::from_secs(60);
/// .. and not later. While it cannot be fetched, the last one is believed no longer than this either.
const LATEST: Duration = Duration::from_secs(86_400);
/// How long a party is left alone after it was asked: tokens with invented key names must not make us somebody's load.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// Parties whose keys are kept.
const PARTIES: usize = 10_000;

/// Fetches what others publish.
pub trait FetchKeys: Send + Sync + 'static {
    /// The document at this address. It bounds time and size, follows no redirect, and reaches no address that is not everybody's unless the
    /// operator allows it.
    fn fetch(&self, uri: JwksUri) -> Fetching;
}

/// A fetch under way; its error is a sentence for the log.
pub type Fetching = Pin<Box<dyn Future<Output = Result<FetchedKeys, String>> + Send>>;

/// A document that was fetched.
pub struct FetchedKeys {
    /// A JWK Set, hopefully.
    pub body: Vec<u8>,
    /// How long it may be kept, if it says so (RFC 9111 section 5.2.2.1).
    pub max_age: Option<Duration>,
}

/// Where a party's keys come from.
#[derive(Clone, Copy)]
pub(crate) enum KeySource<'a> {
    Set(&'a Value),
    Uri(&'a JwksUri),
}

impl<'a> KeySource<'a> {
    /// One of the two that RFC 7591 section 2 allows.
    pub(crate) fn of(set: Option<&'a Value>, uri: Option<&'a JwksUri>) -> Option<Self> {
        uri.map(Self::Uri).or(set.map(Self::Set))
    }
}

/// What a JWK Set holds for us.
#[derive(Debug)]
pub(crate) struct KnownKeys {
    /// Keys that check signatures.
    pub(crate) signing: AssertionKeys,
    /// Thumbprints of certificates (RFC 8705 section 2.2).
    pub(crate) certificates: Vec<String>,
}

impl KnownKeys {
    pub(crate) fn parse(jwks: &[u8]) -> Result<Self, AssertionKeysError> {
        let value: Value =
            serde_json::from_slice(jwks).map_err(|error| AssertionKeysError::Malformed(error.to_string()))?;
        let certificates = registered_certificates(&value).unwrap_or_default();
        let signing = match AssertionKeys::parse(jwks) {
            // A certificate's key may be of a kind that signs no assertion.
            Err(AssertionKeysError::None | AssertionKeysError::Unusable(_)) if !certificates.is_empty() => {
                AssertionKeys::default()
            }
            parsed => parsed?,
        };
        Ok(Self { signing, certificates })
    }

    /// RFC 7517 section 5: a key with a fault is ignored, and whoever looks for the reason finds it.
    fn tell_skipped(&self, party: &str) {
        for key in self.signing.skipped() {
            tracing::warn!(party, key = %key.name, why = %key.why, "a key of a JWK Set is not used");
        }
    }
}

/// Why a party's keys did not bear something out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyTrouble {
    #[error(transparent)]
    Jws(#[from] JwsError),
    #[error(transparent)]
    Unusable(#[from] AssertionKeysError),
    #[error("its keys could not be fetched")]
    Unreachable,
}

/// The keys of the parties that came by lately.
#[derive(Default)]
pub(crate) struct TrustedKeys {
    parties: OnceLock<Cache<String, Arc<Held>>>,
    fetcher: OnceLock<Arc<dyn FetchKeys>>,
}

/// What is held of one party. A registration that changed is another source, and gets another one of these.
struct Held {
    source: Source,
    known: Mutex<Known>,
    /// One fetch at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(PartialEq, Eq)]
enum Source {
    Set(Value),
    Uri(JwksUri),
}

#[derive(Default)]
struct Known {
    keys: Option<Arc<KnownKeys>>,
    /// Never, if they were handed in.
    fetched_at: Option<Timestamp>,
    fresh_for: Duration,
    asked_at: Option<Timestamp>,
}

impl TrustedKeys {
    /// Says who fetches; the first word counts.
    pub(crate) fn fetched_by(&self, fetcher: Arc<dyn FetchKeys>) {
        // A second fetcher would be a second opinion on what may be reached.
        let _ = self.fetcher.set(fetcher);
    }

    /// Whether the party's keys bear `check` out; newer ones are asked for when the ones at hand do not know the key.
    pub(crate) async fn check(
        &self,
        now: Timestamp,
        party: &str,
        source: KeySource<'_>,
        check: impl Fn(&KnownKeys) -> Result<(), JwsError>,
    ) -> Result<(), KeyTrouble> {
        let held = self.held(party, source)?;
        if let Some(keys) = held.fresh(now) {
            match check(&keys) {
                Err(JwsError::UnknownKey) if matches!(held.source, Source::Uri(_)) => {}
                checked => return Ok(checked?),
            }
        }
        self.fetch(&held, party, now).await;
        let keys = held.tolerable(now).ok_or(KeyTrouble::Unreachable)?;
        Ok(check(&keys)?)
    }

    fn held(&self, party: &str, source: KeySource<'_>) -> Result<Arc<Held>, KeyTrouble> {
        let parties = self.parties.get_or_init(|| Cache::new(PARTIES));
        if let Some(held) = parties.get(party).filter(|held| held.source.is(source)) {
            return Ok(held);
        }
        let (source, keys) = match source {
            KeySource::Set(set) => {
                let keys = KnownKeys::parse(set.to_string().as_bytes())?;
                keys.tell_skipped(party);
                (Source::Set(set.clone()), Some(Arc::new(keys)))
            }
            KeySource::Uri(uri) => (Source::Uri(uri.clone()), None),
        };
        let held = Arc::new(Held {
            source,
            known: Mutex::new(Known { keys, ..Known::default() }),
            turn: Arc::default(),
        });
        parties.insert(party.to_owned(), Arc::clone(&held));
        Ok(held)
    }

    /// Asks for newer keys, unless that was done lately. Whoever waits for a fetch under way finds what it brought.
    async fn fetch(&self, held: &Arc<Held>, party: &str, now: Timestamp) {
        let Source::Uri(uri) = &held.source else { return };
        let Some(fetcher) = self.fetcher.get().cloned() else {
            tracing::error!(party, "keys are published at an address, and nothing here fetches");
            return;
        };
        let turn = Arc::clone(&held.turn).lock_owned().await;
        if !held.may_ask(now) {
            return;
        }
        let (held, uri, party) = (Arc::clone(held), uri.clone(), party.to_owned());
        // A task of its own: whoever asked may hang up, and would otherwise be free to make us ask again.
        let fetched = tokio::spawn(async move {
            let fetched = fetcher.fetch(uri.clone()).await.and_then(|fetched| {
                let keys = KnownKeys::parse(&fetched.body).map_err(|error| error.to_string())?;
                Ok((keys, fetched.max_age.unwrap_or(FRESH_FOR).clamp(SOONEST, LATEST)))
            });
            match &fetched {
                Ok((keys, _)) => keys.tell_skipped(&party),
                Err(error) => tracing::warn!(party, %uri, %error, "keys could not be fetched"),
            }
            held.learn(fetched.ok(), now);
            drop(turn);
        });
        // It does not panic; if it did, nothing was learned.
        let _ = fetched.await;
    }
}

impl Source {
    fn is(&self, other: KeySource<'_>) -> bool {
        match (self, other) {
            (Self::Set(one), KeySource::Set(other)) => one == other,
            (Self::Uri(one), KeySource::Uri(other)) => one == other,
            _ => false,
        }
    }
}

impl Held {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keys that need not be asked for again.
    fn fresh(&self, now: Timestamp) -> Option<Arc<KnownKeys>> {
        let known = self.known();
        let fresh = known.fetched_at.is_none_or(|fetched_at| now.since(fetched_at) < known.fresh_for);
        known.keys.clone().filter(|_| fresh)
    }

    /// Keys that will do while there are no newer ones: refused from a day on, for a key may have been given up for a reason.
    fn tolerable(&self, now: Timestamp) -> Option<Arc<KnownKeys>> {
        let known = self.known();
        known
            .keys
            .clone()
            .filter(|_| known.fetched_at.is_some_and(|fetched_at| now.since(fetched_at) < LATEST))
    }

    fn may_ask(&self, now: Timestamp) -> bool {
        self.known().asked_at.is_none_or(|asked| now.since(asked) >= ASK_AGAIN)
    }

    fn learn(&self, fetched: Option<(KnownKeys, Duration)>, now: Timestamp) {
        let mut known = self.known();
        known.asked_at = Some(now);
        if let Some((keys, fresh_for)) = fetched {
            *known =
                Known { keys: Some(Arc::new(keys)), fetched_at: Some(now), fresh_for, asked_at: Some(now) };
        }
    }
}
