//! Which keys are published: those of algorithms that something uses. Some readers of a JWK Set fail on a key of a kind that they do not know
//! (docs/adr/0003-algorithms.md), so an algorithm that nobody chose is not shown to anybody. Knows no HTTP.

use crate::{Ctx, Provider, ProviderError};
use protocol::{Client, ClientId, SigningAlgorithm, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;
use storage::client::ListClients;
use storage::signing_key::{ListSigningKeys, PublishSigningKeys, StoredSigningKey};

/// What is in use is said again this long before keys would stop being published.
const EARLY: Duration = Duration::from_secs(43_200);
/// Clients that are looked through at once.
const PAGE: u32 = 1_000;

/// What a client has its tokens signed by, where it says so itself.
fn chosen_by(client: &Client) -> impl Iterator<Item = SigningAlgorithm> {
    client.access_token_signed_response_alg.into_iter().chain([client.id_token_signed_response_alg])
}

impl Provider {
    /// The key of RS256 signatures: a `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7) as base64.
    ///
    /// # Errors
    /// When it takes too long to be made.
    pub async fn rs256_public_key(&self) -> Result<String, ProviderError> {
        let pem = self.signing_key(SigningAlgorithm::Rs256).await?.public_jwk().to_pem();
        Ok(pem.lines().filter(|line| !line.starts_with("-----")).collect())
    }

    /// Whether this algorithm's keys are published whatever clients are registered for: it is the installation's, or the one that every
    /// provider offers (OpenID Connect Core section 15.1).
    fn is_always_published(&self, algorithm: SigningAlgorithm) -> bool {
        algorithm == SigningAlgorithm::Rs256 || algorithm == self.inner.settings.access_token_alg
    }

    /// The algorithms whose keys are published now.
    pub(super) fn published(&self, keys: &[StoredSigningKey], now: Timestamp) -> Vec<SigningAlgorithm> {
        let needed = |algorithm| published_until(keys, algorithm).is_some_and(|until| until > now);
        let all = SigningAlgorithm::ALL.into_iter();
        all.filter(|&algorithm| self.is_always_published(algorithm) || needed(algorithm)).collect()
    }

    /// What must be written with a registration, so that what it chooses is published from then on, and until nothing signed by it can live.
    pub(crate) async fn publishing_for(
        &self,
        now: Timestamp,
        registrations: &[&Client],
    ) -> Result<Option<PublishSigningKeys>, ProviderError> {
        let chosen: BTreeSet<_> = registrations.iter().flat_map(|client| chosen_by(client)).collect();
        if chosen.iter().all(|&algorithm| self.is_always_published(algorithm)) {
            return Ok(None);
        }
        let keys = self.inner.store.read(ListSigningKeys).await?;
        Ok(self.due(&keys, &chosen, now))
    }

    /// Says again what is in use.
    pub(super) async fn maintain_published(&self, ctx: &Ctx) -> Result<(), ProviderError> {
        let chosen = self.chosen_by_clients().await?;
        let keys = self.inner.store.read(ListSigningKeys).await?;
        if let Some(publish) = self.due(&keys, &chosen, ctx.now) {
            self.commit(ctx, publish).await?;
        }
        Ok(())
    }

    fn due(
        &self,
        keys: &[StoredSigningKey],
        chosen: &BTreeSet<SigningAlgorithm>,
        now: Timestamp,
    ) -> Option<PublishSigningKeys> {
        // As long as retired keys are published: a day longer than what they signed can live.
        let needed_for = self.published_for();
        let soonest = now + needed_for - EARLY;
        let is_due = |algorithm: SigningAlgorithm| {
            chosen.contains(&algorithm)
                && !self.is_always_published(algorithm)
                && published_until(keys, algorithm).is_none_or(|until| until < soonest)
        };
        let kids: Vec<_> =
            keys.iter().filter(|key| is_due(key.algorithm)).map(|key| key.kid.clone()).collect();
        (!kids.is_empty()).then(|| PublishSigningKeys { kids, until: now + needed_for })
    }

    async fn chosen_by_clients(&self) -> Result<BTreeSet<SigningAlgorithm>, ProviderError> {
        let mut chosen = BTreeSet::new();
        let mut after: Option<ClientId> = None;
        loop {
            let page = self.inner.store.read(ListClients { after, limit: PAGE }).await?;
            chosen.extend(page.iter().flat_map(|registered| chosen_by(&registered.client)));
            match page.last() {
                Some(last) if page.len() == PAGE as usize => after = Some(last.client.id.clone()),
                _ => return Ok(chosen),
            }
        }
    }
}

fn published_until(keys: &[StoredSigningKey], algorithm: SigningAlgorithm) -> Option<Timestamp> {
    keys.iter().filter(|key| key.algorithm == algorithm).filter_map(|key| key.published_until).max()
}
