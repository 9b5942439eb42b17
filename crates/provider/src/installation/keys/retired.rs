//! Signing keys that sign no more: how long they are published, and how long they are kept. The row stays as it is, private half sealed: it
//! opens nothing that the current key's does not.

use crate::settings::MAX_ACCESS_TOKEN_LIFETIME;
use crate::{Provider, ProviderError};
use protocol::Timestamp;
use std::sync::atomic::Ordering;
use std::time::Duration;
use storage::signing_key::StoredSigningKey;

/// A retired key is published until nothing it signed can live, and this much longer.
const MARGIN: Duration = Duration::from_secs(86_400);
/// So many retired keys of an algorithm are kept beyond that for hints, however long sessions may last.
const MAX_KEYS_FOR_HINTS: usize = 32;

impl Provider {
    /// Takes back what needs to be published no more: time alone does that, on every node.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn age_keys(&self, now: Timestamp) -> Result<(), ProviderError> {
        match now.millis() > self.inner.keys.ages_at.load(Ordering::Relaxed) {
            true => self.load_keys(now).await,
            false => Ok(()),
        }
    }

    /// How long a retired key is published: until the last ID Token and access token of it have expired.
    pub(super) fn published_for(&self) -> Duration {
        MAX_ACCESS_TOKEN_LIFETIME.max(self.inner.settings.id_token_lifetime) + MARGIN
    }

    /// Retired keys that nobody can bring a hint of that is worth something: the last session that began under them is over too
    /// (OpenID Connect RP-Initiated Logout 1.0 section 2: a hint is good although it has expired).
    pub(super) fn outlived(&self, keys: &[StoredSigningKey], now: Timestamp) -> Vec<String> {
        let published_for = self.published_for();
        let kept_for = published_for.max(self.inner.settings.session_lifetime + MARGIN);
        let mut for_hints: Vec<(Duration, &str)> = keys
            .iter()
            .filter_map(|key| Some((now.since(key.retired_at?), key.kid.as_str())))
            .filter(|(retired_for, _)| *retired_for > published_for)
            .collect();
        for_hints.sort();
        let needed = for_hints.iter().take(MAX_KEYS_FOR_HINTS);
        let needed = needed.take_while(|(retired_for, _)| *retired_for <= kept_for).count();
        for_hints.split_off(needed).into_iter().map(|(_, kid)| kid.to_owned()).collect()
    }
}
