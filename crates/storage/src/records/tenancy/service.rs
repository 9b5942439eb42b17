//! Services: the products of an organization. A service owns clients, and has plans.

use crate::contract::row::{Row, Rows};
use crate::contract::{
    Access, Announcing, AnnouncingSteps, Applied, Change, Command, Query, Statement, Steps, StorageError,
};
use crate::params;
use crate::records::tenancy::organization::Removal;
use protocol::{OrganizationId, ServiceId, ServicePath, Slug, Timestamp};

/// A service as stored, with what is asked of its organization all the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// What tokens and addresses call it.
    pub path: ServicePath,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Since when its organization's clients are refused.
    pub organization_disabled_at: Option<Timestamp>,
}

fn from_row(row: &Row<'_>) -> Result<Service, StorageError> {
    Ok(Service {
        id: row.get(0)?,
        organization_id: row.get(1)?,
        path: ServicePath { service: row.get(2)?, organization: row.get(6)? },
        name: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        organization_disabled_at: row.get(7)?,
    })
}

/// The service with this id.
pub struct ServiceById(pub ServiceId);

impl Query for ServiceById {
    type Output = Option<Service>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT s.id, s.organization_id, s.slug, s.name, s.created_at, s.updated_at, o.slug, o.disabled_at \
             FROM services s JOIN organizations o ON o.id = s.organization_id WHERE s.id = ?",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(from_row)
    }
}

/// The service of this path.
pub struct ServiceByPath<'a>(pub &'a ServicePath);

impl Query for ServiceByPath<'_> {
    type Output = Option<Service>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT s.id, s.organization_id, s.slug, s.name, s.created_at, s.updated_at, o.slug, o.disabled_at \
             FROM organizations o JOIN services s ON s.organization_id = o.id WHERE o.slug = ? AND s.slug = ?",
            params![&self.0.organization, &self.0.service],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(from_row)
    }
}

/// An organization's services by slug, a page at a time.
pub struct ListServices {
    /// Whose.
    pub organization: OrganizationId,
    /// The last one of the page before.
    pub after: Option<Slug>,
    /// How many at most.
    pub limit: u32,
}

impl Query for ListServices {
    type Output = Vec<Service>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT s.id, s.organization_id, s.slug, s.name, s.created_at, s.updated_at, o.slug, o.disabled_at \
             FROM services s JOIN organizations o ON o.id = s.organization_id \
             WHERE s.organization_id = ? AND s.slug > ? ORDER BY s.slug LIMIT ?",
            params![self.organization, self.after.as_ref().map_or("", Slug::as_str), self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(from_row)
    }
}

/// What became of adding something to something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addition {
    /// It is there.
    Added,
    /// What it was to belong to is not there.
    Nowhere,
    /// Its slug is taken.
    Taken,
}

impl Addition {
    /// The first step finds what it belongs to.
    pub(crate) fn of(applied: Applied) -> Self {
        match applied {
            Applied::Done => Self::Added,
            Applied::Refused { step: 0 } => Self::Nowhere,
            Applied::Refused { .. } => Self::Taken,
        }
    }
}

/// Adds a service to an organization.
pub struct AddService(pub Service);

impl Command for AddService {
    type Outcome = Addition;

    fn steps(&self, steps: &mut Steps) {
        let new = &self.0;
        crate::records::tenancy::organization::hold(steps, new.organization_id);
        steps.one(
            "INSERT INTO services (id, organization_id, slug, name, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
            params![new.id, new.organization_id, &new.path.service, &new.name, new.created_at, new.updated_at],
        );
    }

    fn outcome(&self, applied: Applied) -> Addition {
        Addition::of(applied)
    }
}

/// Gives a service another name; its slug stays. Refused when there is no such service.
pub struct RenameService {
    /// Which.
    pub id: ServiceId,
    /// What people call it from now on.
    pub name: String,
    /// When.
    pub at: Timestamp,
}

impl Command for RenameService {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "UPDATE services SET name = ?, updated_at = ? WHERE id = ?",
            params![&self.name, self.at, self.id],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Forgets a service and its plans; refused while a client belongs to it or somebody has subscribed to it.
pub struct RemoveService {
    /// Which.
    pub id: ServiceId,
    /// Whose it is.
    pub organization: OrganizationId,
}

impl Announcing for RemoveService {
    type Outcome = Removal;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        hold(steps, self.id);
        // First: whoever is just subscribing to one of them is waited for, and seen by what comes next.
        steps.any("DELETE FROM plans WHERE service_id = ?", params![self.id]);
        steps.one(
            "DELETE FROM services WHERE id = ? AND NOT EXISTS (SELECT 1 FROM clients WHERE service_id = ?) \
             AND NOT EXISTS (SELECT 1 FROM subscriptions WHERE service_id = ?)",
            params![self.id, self.id, self.id],
        );
        steps.announces(Change::Organization(self.organization));
    }

    fn outcome(&self, applied: Applied) -> Removal {
        Removal::of(applied)
    }
}

/// Nobody else removes it, or puts something under it, before this command is through.
pub(crate) fn hold(steps: &mut Steps, id: ServiceId) {
    steps.one("UPDATE services SET updated_at = updated_at WHERE id = ?", params![id]);
}
