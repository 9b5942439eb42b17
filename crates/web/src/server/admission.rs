//! How many connections there may be: in all, and from one address. Knows addresses, not what they ask for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::client_address::{TrustedProxies, network_of};
use super::{ServerOptions, ServerStats, count};

/// Admits connections.
pub(crate) struct Admission {
    all: Arc<Semaphore>,
    per_address: Option<AddressLimit>,
    unlimited: Vec<IpNet>,
    proxies: TrustedProxies,
    stats: ServerStats,
}

/// Held as long as a connection lives.
pub(crate) struct Admitted {
    stats: ServerStats,
    _share: Option<AddressShare>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.stats.counts().open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    pub(crate) fn new(options: &ServerOptions) -> Self {
        Self {
            all: Arc::new(Semaphore::new(options.max_connections.clamp(1, Semaphore::MAX_PERMITS))),
            per_address: options.max_connections_per_address.map(AddressLimit::new),
            unlimited: options.unlimited_addresses.clone(),
            proxies: options.trusted_proxies.clone(),
            stats: options.stats.clone(),
        }
    }

    /// Waits until there is room for one more connection.
    pub(crate) async fn permit(&self) -> OwnedSemaphorePermit {
        loop {
            // The semaphore is never closed, so the first turn ends with a permit.
            if let Ok(permit) = Arc::clone(&self.all).acquire_owned().await {
                return permit;
            }
        }
    }

    /// Whether another connection would have to wait. (The accept loop holds one permit while it waits for a connection.)
    pub(crate) fn is_full(&self) -> bool {
        self.all.available_permits() == 0
    }

    /// `None` when the address holds too many already.
    pub(crate) fn admit(&self, address: IpAddr, permit: OwnedSemaphorePermit) -> Option<Admitted> {
        let address = address.to_canonical();
        let limit = self.per_address.as_ref().filter(|_| !self.is_unlimited(address));
        let share = match limit {
            Some(limit) => Some(limit.admit(address)?),
            None => None,
        };
        count(&self.stats.counts().open);
        Some(Admitted { stats: self.stats.clone(), _share: share, _permit: permit })
    }

    fn is_unlimited(&self, address: IpAddr) -> bool {
        self.proxies.contains(address) || self.unlimited.iter().any(|network| network.contains(&address))
    }
}

/// Counts what each address holds. Its memory is bounded by the connections that are open.
struct AddressLimit {
    most: u32,
    held: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

impl AddressLimit {
    fn new(most: u32) -> Self {
        Self { most, held: Arc::default() }
    }

    fn admit(&self, address: IpAddr) -> Option<AddressShare> {
        let network = network_of(address);
        let mut held = lock(&self.held);
        let count = held.entry(network).or_default();
        if *count >= self.most {
            if *count == 0 {
                held.remove(&network);
            }
            return None;
        }
        *count += 1;
        Some(AddressShare { network, held: Arc::clone(&self.held) })
    }
}

struct AddressShare {
    network: IpAddr,
    held: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

impl Drop for AddressShare {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        if let Some(count) = held.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.network);
            }
        }
    }
}

/// A count is right even if a panic elsewhere poisoned its lock.
fn lock(held: &Mutex<HashMap<IpAddr, u32>>) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_its_share_back_and_leaves_nothing_behind() {
        let limit = AddressLimit::new(2);
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let first = limit.admit(address("2001:db8::1")).expect("the first");
        let second = limit.admit(address("2001:db8::2")).expect("the same /64");
        assert!(limit.admit(address("2001:db8::3")).is_none(), "a third of the same /64");
        let other = limit.admit(address("192.0.2.1")).expect("another address");
        drop(first);
        let third = limit.admit(address("2001:db8::3")).expect("a share was given back");
        drop((second, third, other));
        assert!(lock(&limit.held).is_empty());
        assert!(AddressLimit::new(0).admit(address("192.0.2.1")).is_none());
    }
}
