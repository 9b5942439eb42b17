//! What PostgreSQL's SQLSTATEs mean to a transaction, a query, a connection. Also those of engines that speak its protocol.

use crate::engine::network::driver::DriverError;
use tokio_postgres::error::DbError;

/// An error of a statement, or of a connection while it is used.
pub(super) fn used(error: &tokio_postgres::Error) -> DriverError {
    let Some(db) = error.as_db_error() else {
        let broken = std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>());
        return if error.is_closed() || broken {
            DriverError::Lost(format!("the connection to the database is gone ({error})"))
        } else {
            // A parameter of the wrong kind or number.
            DriverError::Statement(error.to_string())
        };
    };
    let why = in_words(db);
    match db.code().code() {
        "23505" => DriverError::Taken,
        // Serialization failure, deadlock, a lock that was not free in time.
        "40001" | "40P01" | "55P03" => DriverError::Conflict(why),
        "57014" => DriverError::TimedOut,
        // 40003: nobody knows whether the statement completed (CockroachDB). 25006: a standby; the primary is elsewhere now.
        "40003" | "25P03" | "57P01" | "57P02" | "57P04" | "57P05" => DriverError::Lost(why),
        // See is_of_another_session: with the next connection it is known.
        "26000" | "42P05" => DriverError::Lost(why),
        "25006" | "57P03" => DriverError::Unavailable(why),
        "XX001" | "XX002" => DriverError::Corrupt(why),
        code => match code.get(..2) {
            Some("08") => DriverError::Lost(why),
            // Out of disk, memory or connections; an error of the system.
            Some("53" | "58") => DriverError::Unavailable(why),
            _ => DriverError::Statement(why),
        },
    }
}

/// Whether the server names this table as the one that the error is about.
pub(super) fn is_about(error: &tokio_postgres::Error, table: &str) -> bool {
    error.as_db_error().and_then(DbError::table) == Some(table)
}

/// How a statement says that a count was not what it must be ([`super::request`]): no other statement of ours divides.
pub(super) fn is_division_by_zero(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| db.code().code() == "22012")
}

/// Not supported, or not understood: CockroachDB changes no table twice in one statement.
pub(super) fn is_not_understood(error: &tokio_postgres::Error) -> bool {
    let class = error.as_db_error().and_then(|db| db.code().code().get(..2));
    matches!(class, Some("0A" | "42"))
}

/// Whether a pooler may have said this to a connection that asked for a session with settings of its own, rather than the server to anybody.
pub(super) fn may_be_a_poolers(error: &tokio_postgres::Error) -> bool {
    // PgBouncer: 08P01, unsupported startup parameter. RDS Proxy: 0A000. Others that speak the protocol do not know the setting.
    error
        .as_db_error()
        .is_some_and(|db| matches!(db.code().code().get(..2), Some("08" | "0A" | "22" | "42" | "XX")))
        && error.as_db_error().is_none_or(|db| db.code().code() != "42501")
}

/// A statement that was prepared here is not there, or one is there that was not: the session is another's.
pub(super) fn is_of_another_session(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| matches!(db.code().code(), "26000" | "42P05"))
}

/// An error while a connection is opened.
pub(super) fn connecting(error: &tokio_postgres::Error) -> DriverError {
    match error.as_db_error() {
        Some(db) => match db.code().code() {
            code if code.starts_with("28") || code == "3D000" || code == "42501" => {
                DriverError::Refused(in_words(db))
            }
            _ => DriverError::Unavailable(in_words(db)),
        },
        None => {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
            DriverError::Unavailable(format!("{error}{}", cause.unwrap_or_default()))
        }
    }
}

/// What the server says, without the detail that may repeat values.
fn in_words(db: &DbError) -> String {
    format!("{} (SQLSTATE {})", db.message(), db.code().code())
}
