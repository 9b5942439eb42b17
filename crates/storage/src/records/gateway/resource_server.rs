//! Registered resource servers. There are few, and every node holds all of them in memory.

use crate::contract::row::Rows;
use crate::contract::value::Json;
use crate::contract::{Access, Announcing, AnnouncingSteps, Applied, Change, Query, Statement, StorageError};
use crate::params;
use protocol::{ResourceIndicator, ResourceServer, Timestamp, Version};

/// Every resource server, by identifier.
pub struct ListResourceServers;

impl Query for ListResourceServers {
    type Output = Vec<ResourceServer>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new("SELECT metadata FROM resource_servers ORDER BY id", params![])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| Ok(row.get::<Json<ResourceServer>>(0)?.0))
    }
}

/// The resource server with this identifier, and its version.
pub struct ResourceServerByIdentifier<'a>(pub &'a ResourceIndicator);

impl Query for ResourceServerByIdentifier<'_> {
    type Output = Option<(ResourceServer, Version)>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT metadata, version FROM resource_servers WHERE id = ?",
            params![self.0.as_str()],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| Ok((row.get::<Json<ResourceServer>>(0)?.0, row.get(1)?)))
    }
}

/// Registers a resource server; refused when the identifier is taken.
pub struct AddResourceServer {
    /// The resource server.
    pub server: ResourceServer,
    /// When.
    pub at: Timestamp,
}

impl Announcing for AddResourceServer {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one(
            "INSERT INTO resource_servers (id, metadata, created_at, updated_at) VALUES (?, ?, ?, ?)",
            params![self.server.identifier.as_str(), Json(&self.server), self.at, self.at],
        );
        steps.announces(Change::ResourceServers);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Replaces a resource server's registration; refused when there is none, or it is no more the version that was looked at.
pub struct ReplaceResourceServer {
    /// The resource server.
    pub server: ResourceServer,
    /// The version that was looked at.
    pub version: Version,
    /// When.
    pub at: Timestamp,
}

impl Announcing for ReplaceResourceServer {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one(
            "UPDATE resource_servers SET metadata = ?, updated_at = ?, version = version + 1 WHERE id = ? AND version = ?",
            params![Json(&self.server), self.at, self.server.identifier.as_str(), self.version],
        );
        steps.announces(Change::ResourceServers);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Forgets a resource server; refused when there is none.
pub struct RemoveResourceServer(pub ResourceIndicator);

impl Announcing for RemoveResourceServer {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one("DELETE FROM resource_servers WHERE id = ?", params![self.0.as_str()]);
        steps.announces(Change::ResourceServers);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
