//! Whose assertions are grants (RFC 7523 section 2.1), as the operator registered them.

use crate::contract::row::{Row, Rows};
use crate::contract::value::Json;
use crate::contract::{Access, Applied, Command, Query, Statement, Steps, StorageError};
use crate::params;
use protocol::{AssertionIssuer, Timestamp};

/// The issuer of this name.
pub struct AssertionIssuerById<'a>(pub &'a str);

impl Query for AssertionIssuerById<'_> {
    type Output = Option<AssertionIssuer>;

    fn statement(&self) -> Statement {
        Statement::new("SELECT metadata FROM assertion_issuers WHERE id = ?", params![self.0])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(from_row)
    }
}

/// Every issuer.
pub struct ListAssertionIssuers;

impl Query for ListAssertionIssuers {
    type Output = Vec<AssertionIssuer>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new("SELECT metadata FROM assertion_issuers ORDER BY id", params![])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(from_row)
    }
}

fn from_row(row: &Row<'_>) -> Result<AssertionIssuer, StorageError> {
    Ok(row.get::<Json<AssertionIssuer>>(0)?.0)
}

/// Registers an issuer; refused when it is registered.
pub struct AddAssertionIssuer {
    /// The issuer.
    pub issuer: AssertionIssuer,
    /// When.
    pub at: Timestamp,
}

impl Command for AddAssertionIssuer {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "INSERT INTO assertion_issuers (id, metadata, created_at, updated_at) VALUES (?, ?, ?, ?)",
            params![&self.issuer.issuer, Json(&self.issuer), self.at, self.at],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Forgets an issuer; refused when it is not registered.
pub struct RemoveAssertionIssuer {
    /// Which.
    pub issuer: String,
}

impl Command for RemoveAssertionIssuer {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one("DELETE FROM assertion_issuers WHERE id = ?", params![&self.issuer]);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
