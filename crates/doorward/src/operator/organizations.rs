//! What an operator can do to organizations and what belongs to them: the same kind of list as [`super::Operation`], and how each is done.

use super::{Answer, Outcome, Refusal};
use crate::commands::shown;
use protocol::{
    Features, PlanPath, Role, ServiceId, ServicePath, Slug, SubscriptionStatus, Timestamp, UserId,
};
use provider::admin::{AdminError, NewSubscription, OrganizationChange, PlanChange};
use provider::{Ctx, Provider};
use serde::{Deserialize, Serialize};
use storage::membership::Member;
use storage::organization::Organization;
use storage::plan::Plan;
use storage::service::Service;
use storage::subscription::ListedSubscription;

macro_rules! operations {
    ($(#[$doc:meta])* $name:ident { $($variant:ident { $($field:ident : $kind:ty),+ $(,)? } = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name { $($variant { $($field: $kind),+ }),+ }

        impl $name {
            /// What stands in the log.
            pub(crate) fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $text),+ }
            }
        }
    };
}

operations! {
    /// Organizations and their members.
    OrganizationOperation {
        Add { slug: Slug, name: String } = "add_organization",
        List { after: Option<Slug>, limit: u32 } = "list_organizations",
        Find { slug: Slug } = "find_organization",
        Change { slug: Slug, name: Option<String>, disabled: Option<bool> } = "change_organization",
        Remove { slug: Slug } = "remove_organization",
        SetMember { organization: Slug, login: String, role: Role } = "set_member",
        ListMembers { organization: Slug, after: Option<UserId>, limit: u32 } = "list_members",
        RemoveMember { organization: Slug, login: String } = "remove_member",
    }
}

operations! {
    /// Services and their plans.
    ServiceOperation {
        Add { path: ServicePath, name: String } = "add_service",
        List { organization: Slug, after: Option<Slug>, limit: u32 } = "list_services",
        Find { path: ServicePath } = "find_service",
        FindById { id: ServiceId } = "find_service",
        Rename { path: ServicePath, name: String } = "rename_service",
        Remove { path: ServicePath } = "remove_service",
        AddPlan { path: PlanPath, name: String, features: Features } = "add_plan",
        ListPlans { service: ServicePath, after: Option<Slug>, limit: u32 } = "list_plans",
        FindPlan { path: PlanPath } = "find_plan",
        ChangePlan { path: PlanPath, name: Option<String>, features: Option<Features> } = "change_plan",
        RemovePlan { path: PlanPath } = "remove_plan",
    }
}

operations! {
    /// Who subscribed to what.
    SubscriptionOperation {
        Set {
            login: String,
            plan: PlanPath,
            status: SubscriptionStatus,
            current_period_end: Option<Timestamp>,
        } = "set_subscription",
        Find { login: String, service: ServicePath } = "find_subscription",
        ListTo { service: ServicePath, after: Option<UserId>, limit: u32 } = "list_subscriptions",
        ListOf { login: String, after: Option<ServiceId>, limit: u32 } = "list_subscriptions",
        Remove { login: String, service: ServicePath } = "remove_subscription",
    }
}

impl OrganizationOperation {
    pub(super) async fn perform(self, provider: &Provider, ctx: &mut Ctx) -> Answer {
        Ok(match self {
            Self::Add { slug, name } => organization(provider.add_organization(ctx, slug, name).await)?,
            Self::List { after, limit } => {
                let found = provider.list_organizations(after, limit).await?;
                Outcome::Organizations(found.into_iter().map(Into::into).collect())
            }
            Self::Find { slug } => organization(provider.find_organization(&slug).await)?,
            Self::Change { slug, name, disabled } => {
                let change = OrganizationChange { name, disabled };
                organization(provider.change_organization(ctx, &slug, change).await)?
            }
            Self::Remove { slug } => done(provider.remove_organization(ctx, &slug).await)?,
            Self::SetMember { organization, login, role } => {
                done(provider.set_member(ctx, &organization, &login, role).await)?
            }
            Self::ListMembers { organization, after, limit } => {
                let found = provider.list_members(&organization, after, limit).await?;
                Outcome::Members(found.into_iter().map(Into::into).collect())
            }
            Self::RemoveMember { organization, login } => {
                done(provider.remove_member(ctx, &organization, &login).await)?
            }
        })
    }
}

impl ServiceOperation {
    pub(super) async fn perform(self, provider: &Provider, ctx: &mut Ctx) -> Answer {
        Ok(match self {
            Self::Add { path, name } => service(provider.add_service(ctx, path, name).await)?,
            Self::List { organization, after, limit } => {
                let found = provider.list_services(&organization, after, limit).await?;
                Outcome::Services(found.into_iter().map(Into::into).collect())
            }
            Self::Find { path } => service(provider.find_service(&path).await)?,
            Self::FindById { id } => service(provider.find_service_by_id(id).await)?,
            Self::Rename { path, name } => service(provider.rename_service(ctx, &path, name).await)?,
            Self::Remove { path } => done(provider.remove_service(ctx, &path).await)?,
            Self::AddPlan { path, name, features } => {
                plan(&path.service.clone(), provider.add_plan(ctx, path, name, features).await)?
            }
            Self::ListPlans { service, after, limit } => {
                let found = provider.list_plans(&service, after, limit).await?;
                Outcome::Plans(found.into_iter().map(|plan| PlanView::of(&service, plan)).collect())
            }
            Self::FindPlan { path } => plan(&path.service, provider.find_plan(&path).await)?,
            Self::ChangePlan { path, name, features } => {
                let change = PlanChange { name, features };
                plan(&path.service, provider.change_plan(ctx, &path, change).await)?
            }
            Self::RemovePlan { path } => done(provider.remove_plan(ctx, &path).await)?,
        })
    }
}

impl SubscriptionOperation {
    pub(super) async fn perform(self, provider: &Provider, ctx: &Ctx) -> Answer {
        Ok(match self {
            Self::Set { login, plan, status, current_period_end } => {
                let new = NewSubscription { plan, status, current_period_end };
                done(provider.set_subscription(ctx, &login, new).await)?
            }
            Self::Find { login, service } => {
                let user = provider.find_user(&login).await?;
                let found = provider.find_subscription(&login, &service).await?;
                Outcome::Subscription(SubscriptionView {
                    sub: user.id,
                    username: user.username,
                    service_id: provider.find_service(&service).await?.id,
                    service,
                    plan: found.plan,
                    status: found.status,
                    current_period_end: found.current_period_end.map(shown::time),
                    created_at: shown::time(found.created_at),
                })
            }
            Self::ListTo { service, after, limit } => {
                listed(provider.list_subscriptions_to(&service, after, limit).await)?
            }
            Self::ListOf { login, after, limit } => {
                listed(provider.list_subscriptions_of(&login, after, limit).await)?
            }
            Self::Remove { login, service } => {
                done(provider.remove_subscription(ctx, &login, &service).await)?
            }
        })
    }
}

fn done(result: Result<(), AdminError>) -> Answer {
    result.map(|()| Outcome::Done).map_err(Refusal::from)
}

fn organization(result: Result<Organization, AdminError>) -> Answer {
    Ok(Outcome::Organization(result?.into()))
}

fn service(result: Result<Service, AdminError>) -> Answer {
    Ok(Outcome::Service(result?.into()))
}

fn plan(service: &ServicePath, result: Result<Plan, AdminError>) -> Answer {
    Ok(Outcome::Plan(PlanView::of(service, result?)))
}

fn listed(result: Result<Vec<ListedSubscription>, AdminError>) -> Answer {
    Ok(Outcome::Subscriptions(result?.into_iter().map(Into::into).collect()))
}

/// An organization. Times are RFC 3339, here and below.
#[derive(Serialize, Deserialize)]
pub(crate) struct OrganizationView {
    pub(crate) slug: Slug,
    pub(crate) name: String,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) disabled_at: Option<String>,
}

impl From<Organization> for OrganizationView {
    fn from(organization: Organization) -> Self {
        Self {
            slug: organization.slug,
            name: organization.name,
            created_at: shown::time(organization.created_at),
            updated_at: shown::time(organization.updated_at),
            disabled_at: organization.disabled_at.map(shown::time),
        }
    }
}

/// A service.
#[derive(Serialize, Deserialize)]
pub(crate) struct ServiceView {
    pub(crate) id: ServiceId,
    pub(crate) service: ServicePath,
    pub(crate) name: String,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
}

impl From<Service> for ServiceView {
    fn from(service: Service) -> Self {
        Self {
            id: service.id,
            service: service.path,
            name: service.name,
            created_at: shown::time(service.created_at),
            updated_at: shown::time(service.updated_at),
        }
    }
}

/// A plan.
#[derive(Serialize, Deserialize)]
pub(crate) struct PlanView {
    pub(crate) plan: PlanPath,
    pub(crate) name: String,
    pub(crate) features: Features,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
}

impl PlanView {
    fn of(service: &ServicePath, plan: Plan) -> Self {
        Self {
            plan: PlanPath { service: service.clone(), plan: plan.slug },
            name: plan.name,
            features: plan.features,
            created_at: shown::time(plan.created_at),
            updated_at: shown::time(plan.updated_at),
        }
    }
}

/// A subscription.
#[derive(Serialize, Deserialize)]
pub(crate) struct SubscriptionView {
    pub(crate) sub: UserId,
    pub(crate) username: String,
    pub(crate) service_id: ServiceId,
    pub(crate) service: ServicePath,
    pub(crate) plan: Slug,
    pub(crate) status: SubscriptionStatus,
    pub(crate) current_period_end: Option<String>,
    pub(crate) created_at: String,
}

impl From<ListedSubscription> for SubscriptionView {
    fn from(listed: ListedSubscription) -> Self {
        Self {
            sub: listed.user_id,
            username: listed.username,
            service_id: listed.service_id,
            service: listed.service,
            plan: listed.plan,
            status: listed.status,
            current_period_end: listed.current_period_end.map(shown::time),
            created_at: shown::time(listed.created_at),
        }
    }
}

/// A member.
#[derive(Serialize, Deserialize)]
pub(crate) struct MemberView {
    pub(crate) sub: UserId,
    pub(crate) username: String,
    pub(crate) role: Role,
    pub(crate) created_at: String,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self {
            sub: member.user_id,
            username: member.username,
            role: member.role,
            created_at: shown::time(member.created_at),
        }
    }
}
