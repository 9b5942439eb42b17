//! Services and their subscriptions in memory, and what tokens say of them. What is remembered is forgotten when it changes, here or on
//! another node, so that a check of a known token reads no row and still says what is so now.

use crate::memory::readings::{CacheReading, LookUps};
use crate::tokens::access_token::VerifiedAccessToken;
use crate::{Provider, ProviderError};
use protocol::claims::{AccessTokenClaims, ServiceClaims};
use protocol::{Client, ErrorCode, Features, Params, ServiceId, Slug, SubscriptionStatus, Timestamp, UserId};
use quick_cache::sync::Cache;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use storage::plan::PlanBySlug;
use storage::service::{Service, ServiceById};
use storage::subscription::{Subscription, SubscriptionOf};

/// Services by id.
pub(crate) type ServiceCache = Remembered<ServiceId, Service>;
/// How users stand with services, subscribed or not.
pub(crate) type SubscriptionCache = Remembered<(UserId, ServiceId), Standing>;

/// What was read and has not changed since.
pub(crate) struct Remembered<K, V> {
    values: Cache<K, Arc<V>>,
    /// Counts changes: what was read before a change is not kept after it.
    changes: AtomicU64,
    look_ups: LookUps,
}

impl<K: Eq + Hash + Clone, V> Remembered<K, V> {
    /// For so many at most.
    pub(crate) fn of(most: usize) -> Self {
        Self { values: Cache::new(most), changes: AtomicU64::new(0), look_ups: LookUps::default() }
    }

    /// Forgets one that changed.
    pub(crate) fn forget(&self, key: &K) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.values.remove(key);
    }

    /// Forgets all of them: any may have changed.
    pub(crate) fn forget_all(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.values.clear();
    }

    fn find(&self, key: &K) -> Option<Arc<V>> {
        self.look_ups.counted(self.values.get(key))
    }

    pub(crate) fn reading(&self, name: &'static str) -> CacheReading {
        self.look_ups.reading(name, Some(&self.values))
    }

    /// Where changes stand; to be asked before a row is read.
    fn mark(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    fn keep(&self, mark: u64, key: K, value: V) -> Arc<V> {
        let value = Arc::new(value);
        self.values.insert(key.clone(), Arc::clone(&value));
        // Looked at after the insert: a change that is counted later forgets it by itself.
        if self.mark() != mark {
            self.values.remove(&key);
        }
        value
    }
}

/// How a user stands with a service.
#[derive(Debug)]
pub(crate) struct Standing {
    /// What they subscribed to, if they did.
    pub(crate) subscription: Option<Subscription>,
    /// What the service gives to everybody else.
    free: Features,
}

impl Standing {
    /// The plan in force, and what it opens.
    pub(crate) fn plan(&self, now: Timestamp) -> (Slug, Features) {
        match &self.subscription {
            Some(subscription) if in_force(subscription, now) => {
                (subscription.plan.clone(), subscription.features.clone())
            }
            _ => (Slug::free(), self.free.clone()),
        }
    }
}

/// A late payment or a late word from whoever bills takes nothing away; a cancellation does, when the period is over.
fn in_force(subscription: &Subscription, now: Timestamp) -> bool {
    match subscription.status {
        SubscriptionStatus::Active | SubscriptionStatus::Trialing | SubscriptionStatus::PastDue => true,
        SubscriptionStatus::Canceled => subscription.current_period_end.is_some_and(|end| now < end),
    }
}

impl Provider {
    /// The service with this id.
    pub(crate) async fn service(&self, id: ServiceId) -> Result<Option<Arc<Service>>, ProviderError> {
        self.inner.store.current()?;
        let cache = &self.inner.services;
        if let Some(service) = cache.find(&id) {
            return Ok(Some(service));
        }
        let mark = cache.mark();
        let found = self.inner.store.read(ServiceById(id)).await?;
        Ok(found.map(|service| cache.keep(mark, id, service)))
    }

    /// How this user stands with this service.
    pub(crate) async fn standing(
        &self,
        user: UserId,
        service: ServiceId,
    ) -> Result<Arc<Standing>, ProviderError> {
        self.inner.store.current()?;
        let cache = &self.inner.subscriptions;
        if let Some(standing) = cache.find(&(user, service)) {
            return Ok(standing);
        }
        let mark = cache.mark();
        let queries = (SubscriptionOf(user, service), PlanBySlug(service, Slug::FREE));
        let (subscription, free) = self.inner.store.read_together(queries).await?;
        let free = free.map(|plan| plan.features).unwrap_or_default();
        Ok(cache.keep(mark, (user, service), Standing { subscription, free }))
    }

    /// What a token of this client says about its service, and about the user it speaks for.
    pub(crate) async fn service_claims(
        &self,
        now: Timestamp,
        client: &Client,
        user: Option<UserId>,
    ) -> Result<Option<ServiceClaims>, ProviderError> {
        let Some(id) = client.service else { return Ok(None) };
        let Some(service) = self.service(id).await? else { return Ok(None) };
        let (plan, features) = match user {
            Some(user) => {
                let (plan, features) = self.standing(user, id).await?.plan(now);
                (Some(plan), Some(features))
            }
            None => (None, None),
        };
        let path = &service.path;
        Ok(Some(ServiceClaims {
            org: path.organization.clone(),
            service: path.service.clone(),
            plan,
            features,
        }))
    }

    /// What this token says about its service, as it is now: the token itself may be older than the subscription.
    pub(crate) async fn current_service_claims(
        &self,
        now: Timestamp,
        token: &VerifiedAccessToken,
    ) -> Result<Option<ServiceClaims>, ProviderError> {
        let Some(service) = self.service_of(token).await? else { return Ok(None) };
        let Some(client) = self.client(&token.client_id).await? else { return Ok(None) };
        let claims = self.service_claims(now, &client.client, token.user_id).await?;
        Ok(claims.filter(|claims| claims.service == service.path.service))
    }

    /// Everything this token says, as it is now.
    pub(crate) async fn current_claims(
        &self,
        now: Timestamp,
        token: &VerifiedAccessToken,
    ) -> Result<AccessTokenClaims, ProviderError> {
        let service = match token.claims.service {
            None => None,
            Some(_) => self.current_service_claims(now, token).await?,
        };
        Ok(AccessTokenClaims { service, ..token.claims.clone() })
    }

    /// The service this token was issued for, as long as its client belongs to it.
    pub(crate) async fn service_of(
        &self,
        token: &VerifiedAccessToken,
    ) -> Result<Option<Arc<Service>>, ProviderError> {
        let Some(issued_for) = &token.claims.service else { return Ok(None) };
        let Some(client) = self.client(&token.client_id).await? else { return Ok(None) };
        let Some(id) = client.client.service else { return Ok(None) };
        let service = self.service(id).await?;
        Ok(service.filter(|service| {
            service.path.organization == issued_for.org && service.path.service == issued_for.service
        }))
    }

    /// A request may name the organization and the service it is for; then they must be its client's.
    pub(crate) async fn check_named_service(
        &self,
        client: &Client,
        params: &Params,
    ) -> Result<(), ProviderError> {
        let (organization, service) = match (params.get("org"), params.get("service")) {
            (None, None) => return Ok(()),
            (Some(organization), Some(service)) => (organization, service),
            _ => {
                let why = "org and service are named together or not at all";
                return Err(ProviderError::oauth(ErrorCode::InvalidRequest, why));
            }
        };
        let own = match client.service {
            Some(id) => self.service(id).await?,
            None => None,
        };
        let is_own = own.is_some_and(|own| {
            own.path.organization.as_str() == organization && own.path.service.as_str() == service
        });
        match is_own {
            true => Ok(()),
            false => {
                let why = "this client does not belong to that service of that organization";
                Err(ProviderError::oauth(ErrorCode::UnauthorizedClient, why))
            }
        }
    }

    /// Forgets what organizations, services and plans decide. They change seldom.
    pub(crate) fn forget_organizations(&self) {
        self.inner.services.forget_all();
        self.inner.subscriptions.forget_all();
        // Last: whether a client is admitted is decided by what its service says.
        self.inner.clients.forget_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_in_force_until_a_cancellation_takes_effect() {
        let at = Timestamp::from_millis;
        let now = at(100);
        use SubscriptionStatus as Status;
        for (status, end, expected) in [
            (Status::Active, None, "pro"),
            (Status::Active, Some(at(50)), "pro"),
            (Status::Trialing, Some(at(150)), "pro"),
            (Status::PastDue, Some(at(50)), "pro"),
            (Status::Canceled, Some(at(101)), "pro"),
            (Status::Canceled, Some(at(100)), "free"),
            (Status::Canceled, None, "free"),
        ] {
            let standing = Standing {
                subscription: Some(Subscription {
                    plan: Slug::parse("pro").unwrap(),
                    features: Features::named(["pro".to_owned()]).unwrap(),
                    status,
                    current_period_end: end,
                    created_at: at(1),
                }),
                free: Features::named(["free".to_owned()]).unwrap(),
            };
            let (plan, features) = standing.plan(now);
            assert_eq!(plan.as_str(), expected, "{status:?} {end:?}");
            assert_eq!(*features.as_json(), serde_json::json!([expected]));
        }
        let nobody = Standing { subscription: None, free: Features::default() };
        assert_eq!(nobody.plan(now), (Slug::free(), Features::default()));
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let cache: Remembered<u8, u8> = Remembered::of(10);
        let mark = cache.mark();
        cache.forget(&1);
        assert_eq!(*cache.keep(mark, 1, 7), 7, "it is answered once");
        assert!(cache.values.get(&1).is_none());
        cache.keep(cache.mark(), 1, 8);
        assert_eq!(cache.values.get(&1).as_deref(), Some(&8));
        cache.forget_all();
        assert!(cache.values.get(&1).is_none());
    }
}
