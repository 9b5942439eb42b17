//! Memberships: who belongs to an organization, and as what.

use crate::contract::row::Rows;
use crate::contract::{Access, Applied, Command, Query, Statement, Steps, StorageError};
use crate::params;
use protocol::{OrganizationId, Role, Slug, Timestamp, UserId};

/// What this user is in this organization, if anything.
pub struct RoleOf(pub UserId, pub OrganizationId);

impl Query for RoleOf {
    type Output = Option<Role>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT role FROM memberships WHERE user_id = ? AND organization_id = ?",
            params![self.0, self.1],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| row.get(0))
    }
}

/// A member in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// How they sign in.
    pub username: String,
    /// As what.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
}

/// An organization's members, a page at a time.
pub struct ListMembers {
    /// Of which organization.
    pub organization: OrganizationId,
    /// The last one of the page before.
    pub after: Option<UserId>,
    /// How many at most.
    pub limit: u32,
}

impl Query for ListMembers {
    type Output = Vec<Member>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        let after = self.after.map_or([0; 16], |id| *id.as_bytes());
        Statement::new(
            "SELECT m.user_id, u.username, m.role, m.created_at FROM memberships m JOIN users u ON u.id = m.user_id \
             WHERE m.organization_id = ? AND m.user_id > ? ORDER BY m.user_id LIMIT ?",
            params![self.organization, after.as_slice(), self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| {
            Ok(Member {
                user_id: row.get(0)?,
                username: row.get(1)?,
                role: row.get(2)?,
                created_at: row.get(3)?,
            })
        })
    }
}

/// What a user is in organizations, by the names of those.
pub struct MembershipsOf {
    /// Whose.
    pub user: UserId,
    /// How many at most.
    pub limit: u32,
}

impl Query for MembershipsOf {
    type Output = Vec<(Slug, Role)>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT o.slug, m.role FROM memberships m JOIN organizations o ON o.id = m.organization_id \
             WHERE m.user_id = ? ORDER BY o.slug LIMIT ?",
            params![self.user, self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| Ok((row.get(0)?, row.get(1)?)))
    }
}

/// Makes a user a member, or gives a member another role. Refused when the user or the organization is gone.
pub struct SetMember {
    /// Who.
    pub user: UserId,
    /// Of which organization.
    pub organization: OrganizationId,
    /// As what.
    pub role: Role,
    /// When.
    pub at: Timestamp,
}

impl Command for SetMember {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.replace(
            Statement::new(
                "DELETE FROM memberships WHERE user_id = ? AND organization_id = ?",
                params![self.user, self.organization],
            ),
            Statement::new(
                "INSERT INTO memberships (user_id, organization_id, role, created_at) \
                 SELECT users.id, organizations.id, ?, ? FROM users, organizations \
                 WHERE users.id = ? AND organizations.id = ? /* share */",
                params![self.role, self.at, self.user, self.organization],
            ),
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Ends a membership. Refused when there is none.
pub struct RemoveMember {
    /// Whose.
    pub user: UserId,
    /// Of which organization.
    pub organization: OrganizationId,
}

impl Command for RemoveMember {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "DELETE FROM memberships WHERE user_id = ? AND organization_id = ?",
            params![self.user, self.organization],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
