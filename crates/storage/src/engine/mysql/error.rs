//! What the server's error codes mean. Knows codes of MySQL, MariaDB, Galera, TiDB and Vitess; decides nothing.
//!
//! A message may hold values (a name that is taken, the statement it stood in), so only messages of kinds that hold none are passed on.

use crate::engine::network::driver::DriverError;
use mysql_async::{DriverError as Client, Error, IoError, ServerError};
use std::io::ErrorKind;

/// What an error means to whoever runs statements.
pub(super) fn running(error: &Error) -> DriverError {
    match error {
        Error::Server(error) => server(error, false),
        other => connection(other),
    }
}

/// What an error means to whoever runs a migration: its statements hold no values, so the server's words are kept.
pub(super) fn migrating(error: &Error) -> DriverError {
    match error {
        Error::Server(error) => server(error, true),
        other => connection(other),
    }
}

/// What an error means to whoever connects.
pub(super) fn connecting(error: &Error) -> DriverError {
    match error {
        Error::Server(error) => server(error, true),
        // How rustls says that it does not believe the server.
        Error::Io(IoError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
            DriverError::Refused(format!("TLS: {error}"))
        }
        // Nobody listens, no such host, a broken handshake: it may get better.
        Error::Io(IoError::Io(error)) => DriverError::Unavailable(error.to_string()),
        Error::Io(IoError::Tls(error)) => DriverError::Refused(format!("TLS: {error}")),
        Error::Driver(Client::NoClientSslFlagFromServer) => {
            DriverError::Refused("the server offers no TLS, which sslmode asks for".to_owned())
        }
        Error::Driver(
            error @ (Client::UnknownAuthPlugin { .. }
            | Client::MysqlOldPasswordDisabled
            | Client::CleartextPluginDisabled),
        ) => DriverError::Refused(error.to_string()),
        other => connection(other),
    }
}

/// Table, column or key is there already, or what is to be dropped is not there.
pub(super) fn is_done_already(code: u16) -> bool {
    matches!(code, 1050 | 1051 | 1060 | 1061 | 1091)
}

/// No syntax of the server's; nothing that can be prepared.
pub(super) fn is_not_understood(code: u16) -> bool {
    matches!(code, 1064 | 1295)
}

fn connection(error: &Error) -> DriverError {
    match error {
        Error::Driver(Client::PacketTooLarge) => {
            DriverError::Statement("a value is larger than the server's max_allowed_packet".to_owned())
        }
        Error::Driver(Client::StmtParamsMismatch { .. }) => {
            DriverError::Statement("as many values as placeholders are needed".to_owned())
        }
        // The payload of an unexpected packet may hold values.
        Error::Driver(Client::UnexpectedPacket { .. }) => {
            DriverError::Lost("the server sent what nobody asked for".to_owned())
        }
        Error::Io(error) => DriverError::Lost(error.to_string()),
        other => DriverError::Lost(other.to_string()),
    }
}

fn server(error: &ServerError, valueless: bool) -> DriverError {
    let ServerError { code, message, state } = error;
    let brief = || format!("error {code} ({state})");
    let full = || format!("error {code} ({state}): {message}");
    match code {
        // Duplicate keys.
        1022 | 1062 | 1169 | 1586 => DriverError::Taken,
        // Read by another since the snapshot; lock wait; deadlock (Galera: certification failed); definition changed; to be prepared again;
        // NOWAIT. TiDB: for update, resolving locks, write conflict, schema changed.
        1020 | 1205 | 1213 | 1412 | 1615 | 3572 | 8002 | 8022 | 8027 | 8028 | 9004 | 9007 => {
            DriverError::Conflict(brief())
        }
        // Interrupted; max_statement_time (MariaDB); max_execution_time (MySQL).
        1317 | 1969 | 3024 => DriverError::TimedOut,
        // Shutting down; aborted; read and write errors; a statement or session the server no longer knows; killed; idle for too long.
        1053 | 1152 | 1158..=1161 | 1184 | 1243 | 1927 | 3169 | 4031 => DriverError::Lost(full()),
        // Damaged tables and indexes.
        126 | 127 | 145 | 1034 | 1194 | 1195 | 1712 => DriverError::Corrupt(full()),
        // Wrong password, no such database, not allowed.
        1044 | 1045 | 1049 | 1130 | 1142 | 1143 | 1227 | 1251 | 1524 | 1698 | 1820 | 1862 | 3118 => {
            DriverError::Refused(full())
        }
        // Disk full, files, memory, threads, connections; read-only; not (yet) part of its cluster; TiDB's regions; Vitess's tablets.
        1021
        | 1026
        | 1030
        | 1037..=1041
        | 1047
        | 1105
        | 1114
        | 1129
        | 1135
        | 1180
        | 1203
        | 1226
        | 1290
        | 1792
        | 1836
        | 3100
        | 3168
        | 9001..=9003
        | 9005
        | 9010 => DriverError::Unavailable(full()),
        _ if valueless => DriverError::Statement(full()),
        _ => DriverError::Statement(brief()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_of_a_statement_shows_a_value() {
        for code in [1020, 1062, 1064, 1205, 1213, 1366, 1406, 9007] {
            let error = ServerError { code, message: "near 's3cret'".to_owned(), state: "HY000".to_owned() };
            assert!(!format!("{:?}", running(&Error::Server(error))).contains("s3cret"), "{code}");
        }
    }
}
