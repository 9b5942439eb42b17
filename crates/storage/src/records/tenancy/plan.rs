//! Plans: what a service offers at a price, and what each opens.

use crate::contract::row::{Row, Rows};
use crate::contract::value::Json;
use crate::contract::{Access, Announcing, AnnouncingSteps, Applied, Change, Query, Statement, StorageError};
use crate::params;
use crate::records::tenancy::organization::Removal;
use crate::records::tenancy::service::Addition;
use protocol::{Features, OrganizationId, PlanId, ServiceId, Slug, Timestamp, Version};

/// A plan as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Of which service.
    pub service_id: ServiceId,
    /// What tokens call it.
    pub slug: Slug,
    /// What people call it.
    pub name: String,
    /// What it opens.
    pub features: Features,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// How often it was changed: a change says which version it is of.
    pub version: Version,
}

fn from_row(row: &Row<'_>) -> Result<Plan, StorageError> {
    Ok(Plan {
        id: row.get(0)?,
        service_id: row.get(1)?,
        slug: row.get(2)?,
        name: row.get(3)?,
        features: row.get::<Json<_>>(4)?.0,
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
        version: row.get(7)?,
    })
}

/// A service's plan with this slug.
pub struct PlanBySlug<'a>(pub ServiceId, pub &'a str);

impl Query for PlanBySlug<'_> {
    type Output = Option<Plan>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, service_id, slug, name, features, created_at, updated_at, version FROM plans WHERE service_id = ? AND slug = ?",
            params![self.0, self.1],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(from_row)
    }
}

/// A service's plans by slug, a page at a time.
pub struct ListPlans {
    /// Of which service.
    pub service: ServiceId,
    /// The last one of the page before.
    pub after: Option<Slug>,
    /// How many at most.
    pub limit: u32,
}

impl Query for ListPlans {
    type Output = Vec<Plan>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, service_id, slug, name, features, created_at, updated_at, version FROM plans \
             WHERE service_id = ? AND slug > ? ORDER BY slug LIMIT ?",
            params![self.service, self.after.as_ref().map_or("", Slug::as_str), self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(from_row)
    }
}

/// Adds a plan to a service. Nodes hear of it: it may be the one that stands for users without a subscription.
pub struct AddPlan {
    /// The plan.
    pub plan: Plan,
    /// Whose service it is.
    pub organization: OrganizationId,
}

impl Announcing for AddPlan {
    type Outcome = Addition;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        let new = &self.plan;
        crate::records::tenancy::service::hold(steps, new.service_id);
        steps.one(
            "INSERT INTO plans (id, service_id, slug, name, features, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                new.id,
                new.service_id,
                &new.slug,
                &new.name,
                Json(&new.features),
                new.created_at,
                new.updated_at
            ],
        );
        steps.announces(Change::Organization(self.organization));
    }

    fn outcome(&self, applied: Applied) -> Addition {
        Addition::of(applied)
    }
}

/// Changes a plan's name and features, for everybody who has it; its slug stays. Refused when there is no such plan, or it is no more the version
/// that was looked at.
pub struct ReplacePlan {
    /// The plan, with the version that was looked at.
    pub plan: Plan,
    /// Whose service it is.
    pub organization: OrganizationId,
}

impl Announcing for ReplacePlan {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        let changed = &self.plan;
        steps.one(
            "UPDATE plans SET name = ?, features = ?, updated_at = ?, version = version + 1 WHERE id = ? AND version = ?",
            params![&changed.name, Json(&changed.features), changed.updated_at, changed.id, changed.version],
        );
        steps.announces(Change::Organization(self.organization));
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Forgets a plan; refused while somebody has subscribed to it.
pub struct RemovePlan {
    /// The plan.
    pub plan: Plan,
    /// Whose service it is.
    pub organization: OrganizationId,
}

impl Announcing for RemovePlan {
    type Outcome = Removal;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        let plan = &self.plan;
        steps.one("UPDATE plans SET updated_at = updated_at WHERE id = ?", params![plan.id]);
        steps.one(
            "DELETE FROM plans WHERE id = ? AND NOT EXISTS (SELECT 1 FROM subscriptions WHERE service_id = ? AND plan_id = ?)",
            params![plan.id, plan.service_id, plan.id],
        );
        steps.announces(Change::Organization(self.organization));
    }

    fn outcome(&self, applied: Applied) -> Removal {
        Removal::of(applied)
    }
}
