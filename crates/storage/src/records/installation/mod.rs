//! What the installation is, as far as it must not change by mistake: the issuer that clients and tokens know it by.

pub mod audit;
pub mod server_secret;
pub mod signing_key;

use crate::contract::row::Rows;
use crate::contract::{Applied, Command, Query, Statement, Steps, StorageError};
use crate::params;
use protocol::Timestamp;

const ISSUER: &str = "issuer";

/// The issuer this installation is known by, once it was said.
pub struct StoredIssuer;

impl Query for StoredIssuer {
    type Output = Option<String>;

    fn statement(&self) -> Statement {
        Statement::new("SELECT content FROM installation WHERE name = ?", params![ISSUER])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| row.get(0))
    }
}

/// Says by which issuer this installation is known; refused when that was said before.
pub struct BindIssuer {
    /// The issuer.
    pub issuer: String,
    /// When.
    pub at: Timestamp,
}

impl Command for BindIssuer {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        let insert = insert(&self.issuer, self.at);
        steps.one(insert.sql, insert.params);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Says it anew, whatever was said before.
pub struct ChangeIssuer {
    /// The issuer from now on.
    pub issuer: String,
    /// When.
    pub at: Timestamp,
}

impl Command for ChangeIssuer {
    type Outcome = ();

    fn steps(&self, steps: &mut Steps) {
        let delete = Statement::new("DELETE FROM installation WHERE name = ?", params![ISSUER]);
        steps.replace(delete, insert(&self.issuer, self.at));
    }

    fn outcome(&self, _applied: Applied) {}
}

fn insert(issuer: &str, at: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO installation (name, content, updated_at) VALUES (?, ?, ?)",
        params![ISSUER, issuer, at],
    )
}
