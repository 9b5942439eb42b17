//! Secrets of the installation itself (such as the key that derives refresh tokens) and those of clients that sign with theirs
//! (`client.rs` writes them), sealed; and resealing everything at once when the master key changes.

use crate::contract::row::Rows;
use crate::contract::{Access, Applied, Command, Query, Statement, Steps, StorageError};
use crate::params;
use protocol::Timestamp;

/// A secret as stored.
#[derive(Debug, Clone)]
pub struct ServerSecret {
    /// What it is for.
    pub name: String,
    /// Sealed under the master key.
    pub sealed: Vec<u8>,
}

/// Every server secret.
pub struct ListServerSecrets;

impl Query for ListServerSecrets {
    type Output = Vec<ServerSecret>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new("SELECT name, sealed FROM server_secrets ORDER BY name", params![])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| Ok(ServerSecret { name: row.get(0)?, sealed: row.get(1)? }))
    }
}

/// Stores a secret; refused when one of that name exists.
pub struct AddServerSecret {
    /// The secret.
    pub secret: ServerSecret,
    /// When.
    pub at: Timestamp,
}

impl Command for AddServerSecret {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "INSERT INTO server_secrets (name, sealed, created_at) VALUES (?, ?, ?)",
            params![&self.secret.name, self.secret.sealed.clone(), self.at],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Replaces every sealed value by its resealed one, all or nothing; refused when one changed meanwhile.
pub struct Reseal {
    /// Server secrets: name, sealed before, sealed now.
    pub secrets: Vec<(String, Vec<u8>, Vec<u8>)>,
    /// Signing keys: `kid`, sealed before, sealed now.
    pub signing_keys: Vec<(String, Vec<u8>, Vec<u8>)>,
}

impl Command for Reseal {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        for (name, before, now) in &self.secrets {
            steps.one(
                "UPDATE server_secrets SET sealed = ? WHERE name = ? AND sealed = ?",
                params![now.clone(), name, before.clone()],
            );
        }
        for (kid, before, now) in &self.signing_keys {
            steps.one(
                "UPDATE signing_keys SET sealed_private_key = ? WHERE kid = ? AND sealed_private_key = ?",
                params![now.clone(), kid, before.clone()],
            );
        }
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
