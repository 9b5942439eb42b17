//! Requests that came in a form and are carried over to the GET that follows: taken up once, soon, and only at the endpoint they came to.

use crate::contract::row::Rows;
use crate::contract::{Applied, Command, Query, Statement, Steps, StorageError};
use crate::params;
use protocol::{CarriedRequestId, SecretHash, Timestamp};

/// A carried request as stored.
#[derive(Debug, Clone)]
pub struct CarriedRequest {
    /// Its id.
    pub id: CarriedRequestId,
    /// Of the secret in its reference.
    pub secret_hash: SecretHash,
    /// Which endpoint it came to.
    pub endpoint: String,
    /// What it says, as a query component.
    pub params: String,
    /// When it came.
    pub created_at: Timestamp,
    /// When it can no longer be taken up.
    pub expires_at: Timestamp,
}

/// The carried request with this id.
pub struct CarriedRequestById(pub CarriedRequestId);

impl Query for CarriedRequestById {
    type Output = Option<CarriedRequest>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, secret_hash, endpoint, params, created_at, expires_at FROM carried_requests WHERE id = ?",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| {
            Ok(CarriedRequest {
                id: row.get(0)?,
                secret_hash: row.get(1)?,
                endpoint: row.get(2)?,
                params: row.get(3)?,
                created_at: row.get(4)?,
                expires_at: row.get(5)?,
            })
        })
    }
}

/// Keeps a request until it is taken up.
pub struct CarryRequest(pub CarriedRequest);

impl Command for CarryRequest {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        let carried = &self.0;
        // Lost with the power, it is sent again.
        steps.relax();
        steps.newcomers();
        steps.one(
            "INSERT INTO carried_requests (id, secret_hash, endpoint, params, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
            params![
                carried.id,
                carried.secret_hash,
                &carried.endpoint,
                &carried.params,
                carried.created_at,
                carried.expires_at,
            ],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Takes a request up; refused when somebody else did. Nothing of it is left then.
pub struct TakeCarriedRequest(pub CarriedRequestId);

impl Command for TakeCarriedRequest {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.relax();
        steps.one("DELETE FROM carried_requests WHERE id = ?", params![self.0]);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
