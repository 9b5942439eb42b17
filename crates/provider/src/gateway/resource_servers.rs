//! Resource servers in memory, with their rules ready to be asked: filled at start, and anew when one was
//! changed, here or on another node. A check reads no row.

use crate::{Provider, ProviderError};
use arc_swap::ArcSwap;
use protocol::access_rule::host_name;
use protocol::{AccessRules, ClientId, ResourceServer, Scope};
use std::collections::HashMap;
use std::sync::Arc;
use storage::resource_server::ListResourceServers;
use tokio::sync::Mutex;

/// Every resource server.
#[derive(Default)]
pub(crate) struct ResourceServers {
    directory: ArcSwap<Directory>,
    /// Held while all are read: an older reading overtakes no newer one.
    reading: Mutex<()>,
}

#[derive(Default)]
struct Directory {
    by_identifier: HashMap<String, Arc<KnownResourceServer>>,
    /// Nothing where several answer under one host.
    by_host: HashMap<String, Option<Arc<KnownResourceServer>>>,
}

/// A resource server and what follows from its registration.
pub(crate) struct KnownResourceServer {
    pub(crate) server: ResourceServer,
    pub(crate) scopes: Scope,
    pub(crate) rules: AccessRules,
}

impl KnownResourceServer {
    fn new(server: ResourceServer) -> Result<Self, ProviderError> {
        let rules = server.access_rules().map_err(|error| ProviderError::Defect(error.to_string()))?;
        Ok(Self { scopes: server.scopes(), rules, server })
    }
}

impl Directory {
    fn of(servers: impl IntoIterator<Item = Arc<KnownResourceServer>>) -> Self {
        let mut directory = Self::default();
        for known in servers {
            for host in known.server.all_hosts() {
                let found = directory.by_host.entry(host).or_insert_with(|| Some(Arc::clone(&known)));
                if found.as_ref().is_some_and(|found| !Arc::ptr_eq(found, &known)) {
                    *found = None;
                }
            }
            directory.by_identifier.insert(known.server.identifier.as_str().to_owned(), known);
        }
        directory
    }
}

impl ResourceServers {
    /// The one with this identifier.
    pub(crate) fn named(&self, identifier: &str) -> Option<Arc<KnownResourceServer>> {
        self.directory.load().by_identifier.get(identifier).cloned()
    }

    /// The one that answers under this host, if that is one only.
    pub(crate) fn at(&self, host: &str) -> Option<Arc<KnownResourceServer>> {
        self.directory.load().by_host.get(&host_name(host)?).cloned().flatten()
    }

    /// Those this client introspects for.
    pub(crate) fn introspected_by(&self, client: &ClientId) -> Vec<Arc<KnownResourceServer>> {
        let directory = self.directory.load();
        let all = directory.by_identifier.values();
        all.filter(|known| known.server.introspected_by.contains(client)).cloned().collect()
    }
}

impl Provider {
    /// Reads all of them.
    pub(crate) async fn load_resource_servers(&self) -> Result<(), ProviderError> {
        let _turn = self.inner.resource_servers.reading.lock().await;
        let servers = self.inner.store.read(ListResourceServers).await?;
        let known = servers.into_iter().map(|server| KnownResourceServer::new(server).map(Arc::new));
        let directory = Directory::of(known.collect::<Result<Vec<_>, _>>()?);
        self.inner.resource_servers.directory.store(Arc::new(directory));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ResourceIndicator;

    fn known(identifier: &str, hosts: &[&str]) -> KnownResourceServer {
        let mut server = ResourceServer::new(ResourceIndicator::parse(identifier).unwrap(), "API");
        server.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        KnownResourceServer::new(server).unwrap()
    }

    #[test]
    fn a_host_that_is_two_resource_servers_is_neither_until_one_goes() {
        let all = ResourceServers::default();
        let now = |servers: Vec<KnownResourceServer>| {
            all.directory.store(Arc::new(Directory::of(servers.into_iter().map(Arc::new))));
        };
        let found = |host: &str| all.at(host).map(|known| known.server.identifier.as_str().to_owned());
        let (first, second) = ("https://a.example/1", "https://a.example/2");
        now(vec![known(first, &["b.example"])]);
        assert_eq!(found("A.example:443").as_deref(), Some(first));
        now(vec![known(first, &["b.example"]), known(second, &[])]);
        assert_eq!((found("a.example"), found("b.example").as_deref()), (None, Some(first)));
        assert!(all.named(second).is_some() && all.named("https://a.example").is_none());
        now(vec![known(second, &[])]);
        assert_eq!((found("a.example").as_deref(), found("b.example")), (Some(second), None));
    }
}
