//! Presented API keys: which service account one speaks for, if it is good now. A key seen before costs a hash and two look-ups in memory;
//! a revocation still takes effect at once, here and on every node.

use crate::memory::readings::{CacheReading, LookUps};
use crate::{Ctx, Provider, ProviderError};
use crypto::ApiKey;
use protocol::{ApiKeyId, AuditEvent, Client, Scope, Timestamp};
use quick_cache::sync::Cache;
use std::borrow::Cow;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use storage::StorageError;
use storage::api_key::{ApiKeyById, RevokeApiKey, StoredApiKey, TouchApiKey};
use storage::client::RegisteredClient;

/// An API key that was found good.
#[derive(Clone)]
pub struct VerifiedApiKey {
    known: Arc<KnownApiKey>,
    account: Arc<RegisteredClient>,
}

impl VerifiedApiKey {
    /// The key, without its secret.
    pub fn key(&self) -> &StoredApiKey {
        &self.known.stored
    }

    /// The service account it speaks for.
    pub fn account(&self) -> &Client {
        &self.account.client
    }

    /// What it allows: never more than its account may do now.
    pub fn scope(&self) -> Cow<'_, Scope> {
        let (key, account) = (&self.known.stored.scope, &self.account.client.scope);
        if account.covers(key) { Cow::Borrowed(key) } else { Cow::Owned(key.intersection(account)) }
    }
}

pub(crate) struct KnownApiKey {
    stored: StoredApiKey,
    /// When its use was noted last, in epoch milliseconds.
    noted_at: AtomicI64,
}

impl KnownApiKey {
    /// Whether this use is to be noted: for one of those that ask at once.
    fn is_due(&self, now: Timestamp, every: Duration) -> bool {
        let noted = self.noted_at.load(Ordering::Relaxed);
        now.since(Timestamp::from_millis(noted)) >= every
            && self
                .noted_at
                .compare_exchange(noted, now.millis(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

/// API keys by selector. It holds no secret and takes no memory until the first key is presented.
#[derive(Default)]
pub(crate) struct ApiKeyCache {
    keys: OnceLock<Cache<ApiKeyId, Arc<KnownApiKey>>>,
    /// Counts changes: what was read before a change is not kept after it.
    changes: AtomicU64,
    look_ups: LookUps,
}

impl ApiKeyCache {
    pub(crate) fn reading(&self) -> CacheReading {
        self.look_ups.reading("api_keys", self.keys.get())
    }

    /// Forgets a key that was revoked.
    pub(crate) fn forget(&self, id: ApiKeyId) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        if let Some(keys) = self.keys.get() {
            keys.remove(&id);
        }
    }

    /// Forgets every key: any may have changed.
    pub(crate) fn forget_all(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        if let Some(keys) = self.keys.get() {
            keys.clear();
        }
    }
}

impl Provider {
    /// Which service account this API key speaks for, if it is good now: stored, not expired, not revoked, its account admitted.
    ///
    /// # Errors
    /// When storage fails; a bad key is `None`.
    pub async fn verify_api_key(
        &self,
        ctx: &Ctx,
        presented: &str,
    ) -> Result<Option<VerifiedApiKey>, ProviderError> {
        self.inner.store.current()?;
        let Some(presented) = ApiKey::parse(presented) else { return Ok(None) };
        let id = ApiKeyId::from_bytes(presented.selector());
        let Some(known) = self.api_key(id).await? else { return Ok(None) };
        if !presented.matches(&known.stored.secret_hash) || !known.stored.is_live(ctx.now) {
            return Ok(None);
        }
        let account = self.client(&known.stored.client_id).await?;
        let Some(account) = account.filter(|account| account.client.service_account) else { return Ok(None) };
        if known.is_due(ctx.now, self.inner.settings.touch_every) {
            self.note_use(id, ctx.now);
        }
        Ok(Some(VerifiedApiKey { known, account }))
    }

    async fn api_key(&self, id: ApiKeyId) -> Result<Option<Arc<KnownApiKey>>, ProviderError> {
        let cache = &self.inner.api_keys;
        let keys = cache.keys.get_or_init(|| Cache::new(10_000));
        if let Some(known) = cache.look_ups.counted(keys.get(&id)) {
            return Ok(Some(known));
        }
        let changes = cache.changes.load(Ordering::SeqCst);
        let Some(stored) = self.inner.store.read(ApiKeyById(id)).await? else { return Ok(None) };
        let noted_at = AtomicI64::new(stored.last_used_at.map_or(i64::MIN, Timestamp::millis));
        let known = Arc::new(KnownApiKey { stored, noted_at });
        keys.insert(id, Arc::clone(&known));
        // Looked at after the insert: a change that is counted later forgets it by itself.
        if cache.changes.load(Ordering::SeqCst) != changes {
            keys.remove(&id);
        }
        Ok(Some(known))
    }

    /// Nobody waits for it, and a store too busy to note it is no reason to refuse anybody.
    fn note_use(&self, id: ApiKeyId, at: Timestamp) {
        let provider = self.clone();
        tokio::spawn(async move {
            if let Err(error) = provider.inner.store.write(TouchApiKey { id, at }).await {
                tracing::warn!(%error, "the last use of an API key was not written");
            }
        });
    }

    /// Ends a key, here once that is durable, also when whoever asked has gone meanwhile. False when there is no such key, or it was revoked.
    pub(crate) async fn end_api_key(&self, ctx: &Ctx, id: ApiKeyId) -> Result<bool, StorageError> {
        let event = AuditEvent::ApiKeyRevoked { key: id };
        self.commit(ctx, self.audited(ctx, RevokeApiKey { id, at: ctx.now }, event)).await
    }
}
