//! Subscriptions, as an operator or whoever bills for a service changes them.

use super::AdminError;
use crate::{Ctx, Provider};
use protocol::{AuditEvent, PlanPath, ServiceId, ServicePath, SubscriptionStatus, Timestamp, UserId};
use storage::subscription::{
    ListSubscriptionsOf, ListSubscriptionsTo, ListedSubscription, RemoveSubscription, SetSubscription,
    Subscription, SubscriptionOf,
};

/// A subscription to set.
#[derive(Debug)]
pub struct NewSubscription {
    /// The plan, and thereby the service.
    pub plan: PlanPath,
    /// How it stands.
    pub status: SubscriptionStatus,
    /// Until when it is paid for, if that is known.
    pub current_period_end: Option<Timestamp>,
}

impl Provider {
    /// Gives a user a plan of a service, in the place of whatever plan of it they had. The next check of their tokens knows.
    ///
    /// # Errors
    /// When there is no such user or plan.
    pub async fn set_subscription(
        &self,
        ctx: &Ctx,
        login: &str,
        new: NewSubscription,
    ) -> Result<(), AdminError> {
        let user = self.find_user(login).await?.id;
        let plan = self.find_plan(&new.plan).await?;
        let service = plan.service_id;
        let before = self.inner.store.read(SubscriptionOf(user, service)).await?;
        let command = SetSubscription {
            user,
            service,
            plan: plan.id,
            status: new.status,
            current_period_end: new.current_period_end,
            created_at: before.map_or(ctx.now, |before| before.created_at),
            at: ctx.now,
        };
        let event = AuditEvent::SubscriptionChanged { user, service, plan: plan.id, status: new.status };
        let command = self.audited(ctx, command, event);
        if self.commit(ctx, command).await? {
            Ok(())
        } else {
            Err(AdminError::Unknown(format!("user {login} or plan {}", new.plan)))
        }
    }

    /// A user's subscription to a service.
    ///
    /// # Errors
    /// When there is no such user or service, or the user has not subscribed.
    pub async fn find_subscription(
        &self,
        login: &str,
        service: &ServicePath,
    ) -> Result<Subscription, AdminError> {
        let (user, id) = (self.find_user(login).await?.id, self.find_service(service).await?.id);
        self.inner.store.read(SubscriptionOf(user, id)).await?.ok_or_else(|| unknown(login, service))
    }

    /// A service's subscriptions, a page at a time.
    ///
    /// # Errors
    /// When there is no such service.
    pub async fn list_subscriptions_to(
        &self,
        service: &ServicePath,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<ListedSubscription>, AdminError> {
        let service = self.find_service(service).await?.id;
        Ok(self.inner.store.read(ListSubscriptionsTo { service, after, limit: limit.min(1_000) }).await?)
    }

    /// A user's subscriptions, a page at a time.
    ///
    /// # Errors
    /// When there is no such user.
    pub async fn list_subscriptions_of(
        &self,
        login: &str,
        after: Option<ServiceId>,
        limit: u32,
    ) -> Result<Vec<ListedSubscription>, AdminError> {
        let user = self.find_user(login).await?.id;
        Ok(self.inner.store.read(ListSubscriptionsOf { user, after, limit: limit.min(1_000) }).await?)
    }

    /// Ends a subscription at once.
    ///
    /// # Errors
    /// When there is no such user or service, or the user has not subscribed.
    pub async fn remove_subscription(
        &self,
        ctx: &Ctx,
        login: &str,
        service: &ServicePath,
    ) -> Result<(), AdminError> {
        let (user, id) = (self.find_user(login).await?.id, self.find_service(service).await?.id);
        let event = AuditEvent::SubscriptionRemoved { user, service: id };
        let command = self.audited(ctx, RemoveSubscription { user, service: id }, event);
        if self.commit(ctx, command).await? { Ok(()) } else { Err(unknown(login, service)) }
    }
}

fn unknown(login: &str, service: &ServicePath) -> AdminError {
    AdminError::Unknown(format!("subscription of {login} to {service}"))
}
