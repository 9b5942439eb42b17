//! What the provider and what it stands on count about themselves, read at one moment. Knows no name of a metric.

use crate::Provider;
use crate::installation::audit::AuditCounts;
use meter::Counter;
pub use passwords::{PoolStats, RemoteStats};
use protocol::Timestamp;
use quick_cache::sync::Cache;
use std::hash::Hash;
pub use storage::Stats as StoreStats;
use storage::archive::ShippingStats;

/// One reading.
#[derive(Debug, Clone)]
pub struct Readings {
    /// Password hashing.
    pub hash_pool: PoolStats,
    /// What other machines did of that.
    pub remotes: Vec<RemoteStats>,
    /// The store.
    pub store: StoreStats,
    /// Shipping of changes, when they are shipped.
    pub shipping: Option<ShippingStats>,
    /// What is held in memory to save reads and signatures.
    pub caches: [CacheReading; 5],
    /// Revocations that a living access token could meet.
    pub revocations: usize,
    /// The audit log.
    pub audit: AuditCounts,
    /// When each job of this process last did what there was to do.
    pub jobs: Vec<(&'static str, Timestamp)>,
}

/// How a cache does.
#[derive(Debug, Clone, Copy)]
pub struct CacheReading {
    /// What it holds.
    pub name: &'static str,
    /// Look-ups that found what they looked for.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// What it holds now.
    pub entries: usize,
}

/// Look-ups in a cache.
#[derive(Debug, Default)]
pub(crate) struct LookUps {
    hits: Counter,
    misses: Counter,
}

impl LookUps {
    /// Counts a look-up, and gives back what it found.
    pub(crate) fn counted<V>(&self, found: Option<V>) -> Option<V> {
        if found.is_some() {
            self.hits.inc()
        } else {
            self.misses.inc()
        }
        found
    }

    pub(crate) fn reading<K: Eq + Hash, V: Clone>(
        &self,
        name: &'static str,
        cache: Option<&Cache<K, V>>,
    ) -> CacheReading {
        let entries = cache.map_or(0, Cache::len);
        CacheReading { name, hits: self.hits.get(), misses: self.misses.get(), entries }
    }
}

impl Provider {
    /// Reads what is counted.
    pub fn readings(&self) -> Readings {
        let inner = &self.inner;
        Readings {
            hash_pool: inner.hash_pool.stats(),
            remotes: inner.hash_pool.remote_stats(),
            store: inner.store.stats(),
            shipping: inner.store.shipping(),
            caches: [
                inner.clients.reading(),
                inner.tokens.reading(),
                inner.api_keys.reading(),
                inner.services.reading("services"),
                inner.subscriptions.reading("subscriptions"),
            ],
            revocations: inner.revocations.count(),
            audit: self.audit_counts(),
            jobs: inner.jobs.read(),
        }
    }
}
