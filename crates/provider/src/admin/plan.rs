//! Plans, as an operator changes them. The plan called `free`, if there is one, is what users without a subscription have.

use super::{AdminError, TRIES, check_name};
use crate::{Ctx, Provider};
use protocol::{AuditEvent, Features, OrganizationId, PlanId, PlanPath, ServicePath, Slug, Version};
use storage::organization::Removal;
use storage::plan::{AddPlan, ListPlans, Plan, PlanBySlug, RemovePlan, ReplacePlan};
use storage::service::Addition;

/// What is to be changed about a plan; what is not said stays.
#[derive(Debug, Default)]
pub struct PlanChange {
    /// What people call it.
    pub name: Option<String>,
    /// What it opens.
    pub features: Option<Features>,
}

impl Provider {
    /// Adds a plan to a service.
    ///
    /// # Errors
    /// When there is no such service, the service has such a plan already, or it has no name.
    pub async fn add_plan(
        &self,
        ctx: &mut Ctx,
        path: PlanPath,
        name: String,
        features: Features,
    ) -> Result<Plan, AdminError> {
        check_name(&name)?;
        let service = self.find_service(&path.service).await?;
        let plan = Plan {
            id: PlanId::new(ctx.now, ctx.id()),
            service_id: service.id,
            slug: path.plan.clone(),
            name,
            features,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: Version::default(),
        };
        let command = AddPlan { plan: plan.clone(), organization: service.organization_id };
        let created = AuditEvent::PlanCreated { plan: plan.id, service: service.id, path: path.clone() };
        let command = self.audited(ctx, command, created);
        match self.commit(ctx, command).await? {
            Addition::Added => Ok(plan),
            Addition::Taken => Err(AdminError::Taken(format!("plan {path}"))),
            Addition::Nowhere => Err(AdminError::Unknown(format!("service {}", path.service))),
        }
    }

    /// A service's plans by slug, a page at a time.
    ///
    /// # Errors
    /// When there is no such service.
    pub async fn list_plans(
        &self,
        service: &ServicePath,
        after: Option<Slug>,
        limit: u32,
    ) -> Result<Vec<Plan>, AdminError> {
        let service = self.find_service(service).await?.id;
        Ok(self.inner.store.read(ListPlans { service, after, limit: limit.min(1_000) }).await?)
    }

    /// The plan of this path.
    ///
    /// # Errors
    /// When there is none.
    pub async fn find_plan(&self, path: &PlanPath) -> Result<Plan, AdminError> {
        Ok(self.plan_and_owner(path).await?.0)
    }

    /// Changes a plan, for everybody who has it. What somebody else changes at the same time stays as they made it.
    ///
    /// # Errors
    /// When there is none, or it would have no name.
    pub async fn change_plan(
        &self,
        ctx: &Ctx,
        path: &PlanPath,
        change: PlanChange,
    ) -> Result<Plan, AdminError> {
        for _ in 0..TRIES {
            let (before, organization) = self.plan_and_owner(path).await?;
            let name = change.name.clone().unwrap_or(before.name);
            check_name(&name)?;
            let features = change.features.clone().unwrap_or(before.features);
            let plan = Plan { name, features, updated_at: ctx.now, ..before };
            let command = ReplacePlan { plan: plan.clone(), organization };
            let command = self.audited(ctx, command, AuditEvent::PlanChanged { plan: plan.id });
            if self.commit(ctx, command).await? {
                return Ok(plan);
            }
        }
        Err(AdminError::Changed(format!("plan {path}")))
    }

    /// Forgets a plan.
    ///
    /// # Errors
    /// When there is none, or somebody has subscribed to it.
    pub async fn remove_plan(&self, ctx: &Ctx, path: &PlanPath) -> Result<(), AdminError> {
        let (plan, organization) = self.plan_and_owner(path).await?;
        let event = AuditEvent::PlanRemoved { plan: plan.id };
        let command = self.audited(ctx, RemovePlan { plan, organization }, event);
        match self.commit(ctx, command).await? {
            Removal::Removed => Ok(()),
            Removal::Unknown => Err(unknown(path)),
            Removal::InUse => {
                Err(AdminError::InUse(format!("plan {path} has subscriptions: move them first")))
            }
        }
    }

    async fn plan_and_owner(&self, path: &PlanPath) -> Result<(Plan, OrganizationId), AdminError> {
        let service = self.find_service(&path.service).await?;
        let plan = self.inner.store.read(PlanBySlug(service.id, path.plan.as_str())).await?;
        Ok((plan.ok_or_else(|| unknown(path))?, service.organization_id))
    }
}

fn unknown(path: &PlanPath) -> AdminError {
    AdminError::Unknown(format!("plan {path}"))
}
