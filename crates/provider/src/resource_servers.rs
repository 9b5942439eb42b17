//! Resource servers in memory, with their rules ready to be asked: filled at start, by the command that changes one, and anew when another
//! node changed one. A check reads no row.

use crate::{Provider, ProviderError};
use arc_swap::ArcSwap;
use protocol::access_rule::host_name;
use protocol::{AccessRules, ClientId, ResourceServer, Scope};
use std::collections::HashMap;
use std::sync::Arc;
use storage::resource_server::ListResourceServers;
use storage::{Command, StorageError};
use tokio::sync::Mutex;

/// Every resource server.
#[derive(Default)]
pub(crate) struct ResourceServers {
    directory: ArcSwap<Directory>,
    /// Held from before a change or a reading of all until memory is right: none overtakes another.
    changing: Arc<Mutex<()>>,
}

#[derive(Default, Clone)]
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

    fn replace(&self, identifier: &str, with: Option<KnownResourceServer>) {
        let directory = self.directory.load();
        let others = directory.by_identifier.iter().filter(|(other, _)| *other != identifier);
        let all = others.map(|(_, known)| Arc::clone(known)).chain(with.map(Arc::new));
        self.directory.store(Arc::new(Directory::of(all)));
    }
}

impl Provider {
    /// Reads all of them.
    pub(crate) async fn load_resource_servers(&self) -> Result<(), ProviderError> {
        let _turn = self.inner.resource_servers.changing.lock().await;
        let servers = self.inner.store.read(ListResourceServers).await?;
        let known = servers.into_iter().map(|server| KnownResourceServer::new(server).map(Arc::new));
        let directory = Directory::of(known.collect::<Result<Vec<_>, _>>()?);
        self.inner.resource_servers.directory.store(Arc::new(directory));
        Ok(())
    }

    /// Writes what changes one, and makes it effective here once it is durable, also when whoever asked has gone meanwhile.
    pub(crate) async fn write_resource_server<C>(
        &self,
        command: C,
        identifier: String,
        after: Option<ResourceServer>,
    ) -> Result<bool, ProviderError>
    where
        C: Command<Outcome = bool> + 'static,
    {
        let after = after.map(KnownResourceServer::new).transpose()?;
        let provider = self.clone();
        let to_the_end = tokio::spawn(async move {
            let inner = &provider.inner;
            let _turn = inner.resource_servers.changing.lock().await;
            let done = inner.store.write(command).await?;
            if done {
                inner.resource_servers.replace(&identifier, after);
            }
            Ok::<_, StorageError>(done)
        });
        let ended = to_the_end.await.unwrap_or_else(|ended| Err(StorageError::Undecided(ended.to_string())));
        Ok(ended?)
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
        let found = |host: &str| all.at(host).map(|known| known.server.identifier.as_str().to_owned());
        all.replace("https://a.example/1", Some(known("https://a.example/1", &["b.example"])));
        assert_eq!(found("A.example:443").as_deref(), Some("https://a.example/1"));
        all.replace("https://a.example/2", Some(known("https://a.example/2", &[])));
        assert_eq!((found("a.example"), found("b.example").as_deref()), (None, Some("https://a.example/1")));
        assert!(all.named("https://a.example/2").is_some() && all.named("https://a.example").is_none());
        all.replace("https://a.example/1", None);
        assert_eq!((found("a.example").as_deref(), found("b.example")), (Some("https://a.example/2"), None));
    }
}
