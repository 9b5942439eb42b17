//! Looking at a database without changing it: which settings matter, what they are, what to change and why. What is
//! looked at is each engine's own business.

pub use crate::contract::finding::{Finding, Thoroughness, Verdict, bytes};

use crate::contract::Database;
use crate::engine::mysql::{self, Mysql};
use crate::engine::postgres::{self, Postgres};
use crate::engine::{Options, sqlite};

/// Looks at a database, which may be in use. Changes nothing.
pub async fn doctor(database: &Database, thoroughness: Thoroughness) -> Vec<Finding> {
    match database {
        Database::Sqlite(path) => sqlite::doctor::look(path, thoroughness),
        Database::Postgres(server) => match Postgres::new(server, &Options::new(database.clone())) {
            Ok(driver) => postgres::doctor::look(driver, server, thoroughness).await,
            Err(why) => vec![Finding::problem("connection", why, "correct the URL of the database")],
        },
        Database::Mysql(server) => match Mysql::new(server, &Options::new(database.clone())) {
            Ok(driver) => mysql::doctor::look(driver, server, thoroughness).await,
            Err(why) => vec![Finding::problem("connection", why, "correct the URL of the database")],
        },
    }
}
