//! Organizations: who offers services.

use crate::contract::row::{Row, Rows};
use crate::contract::{
    Access, Announcing, AnnouncingSteps, Applied, Change, Command, Query, Statement, Steps, StorageError,
};
use crate::params;
use protocol::{OrganizationId, Slug, Timestamp, Version};

/// An organization as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// What tokens and addresses call it.
    pub slug: Slug,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Since when the clients of its services are refused.
    pub disabled_at: Option<Timestamp>,
    /// How often it was changed: a change says which version it is of.
    pub version: Version,
}

fn from_row(row: &Row<'_>) -> Result<Organization, StorageError> {
    Ok(Organization {
        id: row.get(0)?,
        slug: row.get(1)?,
        name: row.get(2)?,
        created_at: row.get(3)?,
        updated_at: row.get(4)?,
        disabled_at: row.get(5)?,
        version: row.get(6)?,
    })
}

/// The organization with this slug.
pub struct OrganizationBySlug<'a>(pub &'a Slug);

impl Query for OrganizationBySlug<'_> {
    type Output = Option<Organization>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, slug, name, created_at, updated_at, disabled_at, version FROM organizations WHERE slug = ?",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(from_row)
    }
}

/// Organizations by slug, a page at a time.
pub struct ListOrganizations {
    /// The last one of the page before.
    pub after: Option<Slug>,
    /// How many at most.
    pub limit: u32,
}

impl Query for ListOrganizations {
    type Output = Vec<Organization>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, slug, name, created_at, updated_at, disabled_at, version FROM organizations WHERE slug > ? ORDER BY slug LIMIT ?",
            params![self.after.as_ref().map_or("", Slug::as_str), self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(from_row)
    }
}

/// Adds an organization; refused when its slug is taken.
pub struct AddOrganization(pub Organization);

impl Command for AddOrganization {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        let new = &self.0;
        steps.one(
            "INSERT INTO organizations (id, slug, name, created_at, updated_at, disabled_at) VALUES (?, ?, ?, ?, ?, ?)",
            params![new.id, &new.slug, &new.name, new.created_at, new.updated_at, new.disabled_at],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Changes an organization's name and whether it is disabled; its slug stays. Refused when there is no such organization, or it is no
/// more the version that was looked at.
pub struct ReplaceOrganization(pub Organization);

impl Announcing for ReplaceOrganization {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        let changed = &self.0;
        steps.one(
            "UPDATE organizations SET name = ?, updated_at = ?, disabled_at = ?, version = version + 1 WHERE id = ? AND version = ?",
            params![&changed.name, changed.updated_at, changed.disabled_at, changed.id, changed.version],
        );
        steps.announces(Change::Organization(changed.id));
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// What became of removing something that may be in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// There was no such thing.
    Unknown,
    /// Something else still stands on it; nothing was removed.
    InUse,
}

impl Removal {
    /// The first step finds the thing, another one removes it unless it is used.
    pub(crate) fn of(applied: Applied) -> Self {
        match applied {
            Applied::Done => Self::Removed,
            Applied::Refused { step: 0 } => Self::Unknown,
            Applied::Refused { .. } => Self::InUse,
        }
    }
}

/// Forgets an organization and its members; refused while it has services.
pub struct RemoveOrganization(pub OrganizationId);

impl Announcing for RemoveOrganization {
    type Outcome = Removal;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        hold(steps, self.0);
        steps.one(
            "DELETE FROM organizations WHERE id = ? AND NOT EXISTS (SELECT 1 FROM services WHERE organization_id = ?)",
            params![self.0, self.0],
        );
        steps.any("DELETE FROM memberships WHERE organization_id = ?", params![self.0]);
        steps.announces(Change::Organization(self.0));
    }

    fn outcome(&self, applied: Applied) -> Removal {
        Removal::of(applied)
    }
}

/// Nobody else removes it, or puts something under it, before this command is through: what a later statement sees of that is so.
pub(crate) fn hold(steps: &mut Steps, id: OrganizationId) {
    steps.one("UPDATE organizations SET updated_at = updated_at WHERE id = ?", params![id]);
}
