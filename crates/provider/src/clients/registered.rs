//! Registered clients, kept in memory and forgotten when they change, here or on another node.

use crate::memory::readings::{CacheReading, LookUps};
use crate::{Provider, ProviderError};
use protocol::{ClientId, Logo};
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use storage::client::{ClientById, RegisteredClient};

/// Clients by `client_id`.
pub(crate) struct ClientCache {
    clients: Cache<ClientId, Arc<RegisteredClient>>,
    /// Counts changes: what was read before a change is not kept after it.
    changes: AtomicU64,
    look_ups: LookUps,
}

impl Default for ClientCache {
    fn default() -> Self {
        Self { clients: Cache::new(10_000), changes: AtomicU64::new(0), look_ups: LookUps::default() }
    }
}

impl ClientCache {
    pub(crate) fn reading(&self) -> CacheReading {
        self.look_ups.reading("clients", Some(&self.clients))
    }

    /// Forgets a client whose registration changed.
    pub(crate) fn forget(&self, id: &ClientId) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.clients.remove(id);
    }

    /// Forgets every client: any may have changed.
    pub(crate) fn forget_all(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.clients.clear();
    }
}

impl Provider {
    /// Whether this is the name of a client that was looked up lately. Reads no row.
    pub fn knows_client(&self, id: &str) -> bool {
        ClientId::parse(id).is_ok_and(|id| self.inner.clients.clients.peek(&id).is_some())
    }

    /// The logo of the client with this `client_id`. Everybody may see it who may be sent here by that client.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn client_logo(&self, id: &str) -> Result<Option<Logo>, ProviderError> {
        let Ok(id) = ClientId::parse(id) else { return Ok(None) };
        Ok(self.client(&id).await?.and_then(|client| client.client.logo.clone()))
    }

    /// The client with this `client_id`, unless it is unknown or disabled, or the organization whose service it belongs to is disabled.
    pub(crate) async fn client(&self, id: &ClientId) -> Result<Option<Arc<RegisteredClient>>, ProviderError> {
        self.inner.store.current()?;
        let cache = &self.inner.clients;
        if let Some(client) = cache.look_ups.counted(cache.clients.get(id)) {
            return Ok(Some(client));
        }
        let changes = cache.changes.load(Ordering::SeqCst);
        let Some(registered) = self.inner.store.read(ClientById(id)).await? else { return Ok(None) };
        if registered.client.disabled {
            return Ok(None);
        }
        if let Some(service) = registered.client.service {
            let service = self.service(service).await?;
            if service.is_none_or(|service| service.organization_disabled_at.is_some()) {
                return Ok(None);
            }
        }
        let registered = Arc::new(registered);
        cache.clients.insert(id.clone(), Arc::clone(&registered));
        // Looked at after the insert: a change that is counted later forgets it by itself.
        if cache.changes.load(Ordering::SeqCst) != changes {
            cache.clients.remove(id);
        }
        Ok(Some(registered))
    }
}
