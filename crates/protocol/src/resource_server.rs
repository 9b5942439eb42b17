//! A resource server as registered (RFC 6749 section 1.1): what its tokens are for, which scopes it defines, and which of its requests need
//! which of them. Knows no token and no storage.

use crate::access_rule::{AccessRule, AccessRules, InvalidRule, Needs, host_name};
use crate::access_token::AccessTokenType;
use crate::client::ClientId;
use crate::resource::ResourceIndicator;
use crate::scope::Scope;
use serde::{Deserialize, Serialize};

/// A registered resource server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceServer {
    /// Its identifier: the `aud` of tokens that are for it (RFC 8707 section 2).
    pub identifier: ResourceIndicator,
    /// What people call it.
    pub name: String,
    /// Scopes it defines besides those that its rules name.
    #[serde(default)]
    pub scope: Scope,
    /// Hosts that it answers under, besides the one in its identifier: by them a gateway's question finds it.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Which requests need what; what no rule lets through is refused.
    #[serde(default)]
    pub rules: Vec<AccessRule>,
    /// The clients that introspect for it (RFC 7662): they learn of tokens that are for it.
    #[serde(default)]
    pub introspected_by: Vec<ClientId>,
    /// The `typ` of JWT access tokens that are for it, where that is not said by their client.
    #[serde(default)]
    pub access_token_type: AccessTokenType,
    /// Whether JWT access tokens that are for it carry the claims of their scopes.
    #[serde(default)]
    pub access_token_claims: bool,
}

/// Why a resource server cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResourceServer {
    /// Identifiers are keys.
    #[error("identifier: at most 255 characters are expected")]
    Identifier,
    /// People read it.
    #[error("name: 1 to 255 bytes are expected")]
    Name,
    /// A host that is none.
    #[error("host: {0} is none")]
    Host(String),
    /// More rules than anybody reads.
    #[error("rules: at most 1000 are expected")]
    TooMany,
    /// Rules that contradict each other.
    #[error(transparent)]
    Rules(#[from] InvalidRule),
}

impl ResourceServer {
    /// One that nothing is known of yet.
    pub fn new(identifier: ResourceIndicator, name: impl Into<String>) -> Self {
        Self {
            identifier,
            name: name.into(),
            scope: Scope::default(),
            hosts: Vec::new(),
            rules: Vec::new(),
            introspected_by: Vec::new(),
            access_token_type: AccessTokenType::default(),
            access_token_claims: false,
        }
    }

    /// Every scope it defines: those it lists, and those its rules name.
    pub fn scopes(&self) -> Scope {
        self.rules.iter().fold(self.scope.clone(), |all, rule| match rule.needs() {
            Needs::Public => all,
            Needs::Token(scope) => all.union(scope),
        })
    }

    /// Every host it answers under.
    pub fn all_hosts(&self) -> impl Iterator<Item = String> + '_ {
        let own = url::Url::parse(self.identifier.as_str()).ok();
        let own = own.as_ref().and_then(url::Url::host_str).and_then(host_name);
        own.into_iter().chain(self.hosts.iter().filter_map(|host| host_name(host)))
    }

    /// Checks it, and makes its rules ready to be asked.
    ///
    /// # Errors
    /// When it cannot be registered so.
    pub fn access_rules(&self) -> Result<AccessRules, InvalidResourceServer> {
        if self.identifier.as_str().len() > 255 {
            return Err(InvalidResourceServer::Identifier);
        }
        if self.name.trim().is_empty() || self.name.len() > 255 {
            return Err(InvalidResourceServer::Name);
        }
        if let Some(host) = self.hosts.iter().find(|host| host_name(host).is_none()) {
            return Err(InvalidResourceServer::Host(host.clone()));
        }
        if self.rules.len() > 1_000 {
            return Err(InvalidResourceServer::TooMany);
        }
        Ok(AccessRules::new(&self.rules)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_its_scopes_and_hosts() {
        let mut orders = ResourceServer::new(
            ResourceIndicator::parse("https://API.example.org:8443/v1").unwrap(),
            "Orders",
        );
        orders.scope = Scope::parse("orders:admin").unwrap();
        orders.rules =
            vec!["GET /orders = orders:read".parse().unwrap(), "/health = public".parse().unwrap()];
        orders.hosts = vec!["orders.internal:8080".to_owned()];
        assert_eq!(orders.scopes().to_string(), "orders:admin orders:read");
        assert_eq!(orders.all_hosts().collect::<Vec<_>>(), ["api.example.org", "orders.internal"]);
        orders.access_rules().unwrap();
        let stored = serde_json::to_string(&orders).unwrap();
        assert_eq!(serde_json::from_str::<ResourceServer>(&stored).unwrap(), orders);

        orders.hosts = vec!["no host".to_owned()];
        assert!(matches!(orders.access_rules(), Err(InvalidResourceServer::Host(_))));
    }

    #[test]
    fn one_that_is_no_url_has_no_host() {
        let urn = ResourceServer::new(ResourceIndicator::parse("urn:example:orders").unwrap(), "Orders");
        assert_eq!(urn.all_hosts().count(), 0);
    }
}
