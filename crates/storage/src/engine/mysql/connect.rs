//! Connections: where to, how they are encrypted, and what every session is told before it is used. Knows versions and variables of the
//! servers; not what is run on a connection.

use super::error;
use crate::contract::database::{Server, Tls, TlsMode};
use crate::engine::Options;
use crate::engine::network::driver::{DriverError, Purpose};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, DriverError as Client, Error, Opts, OptsBuilder, SslOpts};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Prepared statements that each connection keeps.
const CACHED_STATEMENTS: usize = 256;
/// What a request may grow to before the next begins, unless the server takes less.
const LARGEST_REQUEST: usize = 1024 * 1024;
/// How much earlier than the server a connection that lies idle is given up.
const EARLIER: Duration = Duration::from_secs(5);
/// What a session is asked about itself.
const ASKED: &str = "SHOW VARIABLES WHERE Variable_name IN ('version', 'max_allowed_packet', 'wait_timeout', 'read_only', \
                     'innodb_lock_wait_timeout', 'lock_wait_timeout', 'max_statement_time', 'max_execution_time', 'wsrep_sync_wait', 'wsrep_on')";

/// Servers that speak MySQL's protocol, tried in order.
pub(crate) struct Mysql {
    hosts: Vec<Host>,
    scan_deadline: Duration,
    lock_deadline: Duration,
}

struct Host {
    options: Opts,
    /// For a server without TLS, when that is fine.
    unencrypted: Option<Opts>,
}

/// One session.
pub(crate) struct Connection {
    conn: Conn,
    largest_packet: usize,
    idle_for: Duration,
    used_at: Instant,
    lost: bool,
    /// Whether a transaction begins by BEGIN, not by its first statement.
    must_begin: bool,
    takes_blocks: bool,
}

impl Mysql {
    /// Reads what it needs of the file system, and connects nowhere yet.
    pub(crate) fn new(server: &Server, options: &Options) -> Result<Self, String> {
        // The one that the driver would pick too; another part of the program may have said so before.
        let _said_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let tls = encryption(&server.tls)?;
        Ok(Self {
            hosts: server.hosts.iter().map(|(name, port)| Host::new(server, name, *port, &tls)).collect(),
            scan_deadline: options.scan_deadline,
            lock_deadline: options.network.lock_deadline,
        })
    }

    /// The first host that takes us. One that is read-only is no use to whoever changes something: after a failover, the next one is.
    pub(super) async fn open(&self, purpose: Purpose) -> Result<Connection, DriverError> {
        let mut failure = DriverError::Refused("no host to connect to".to_owned());
        for host in &self.hosts {
            let opened = async {
                let conn = host.connect().await.map_err(|error| error::connecting(&error))?;
                self.prepare(conn, purpose).await
            };
            match opened.await {
                Ok(connection) => return Ok(connection),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn prepare(&self, mut conn: Conn, purpose: Purpose) -> Result<Connection, DriverError> {
        let told = |error: Error| error::connecting(&error);
        let rows: Vec<(String, String)> = conn.query(ASKED).await.map_err(told)?;
        let variables: HashMap<String, String> = rows.into_iter().collect();
        let number = |name: &str| variables.get(name).and_then(|value| value.parse::<u64>().ok());
        let version = variables.get("version").map_or("", String::as_str);
        if let Some(why) = too_old(version) {
            return Err(DriverError::Refused(why));
        }
        let is_read_only = variables.get("read_only").is_some_and(|value| value != "OFF");
        if purpose != Purpose::Read && is_read_only {
            return Err(DriverError::Unavailable("the server is read-only".to_owned()));
        }
        conn.query_drop("SET NAMES utf8mb4").await.map_err(told)?;
        conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await.map_err(told)?;
        // With Galera it is BEGIN that waits for what other members have acknowledged.
        let must_begin =
            purpose != Purpose::Write || variables.get("wsrep_on").is_some_and(|value| value != "OFF");
        conn.query_drop(self.settings(&variables, purpose, must_begin)).await.map_err(told)?;
        // Only MariaDB has them, and only where a transaction needs no BEGIN, which means a block within one.
        let takes_blocks = !must_begin && version.contains("MariaDB");
        let idle_for = Duration::from_secs(number("wait_timeout").unwrap_or(28_800));
        Ok(Connection {
            conn,
            largest_packet: number("max_allowed_packet")
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or(LARGEST_REQUEST),
            // Of a very short time-out at least half is left.
            idle_for: idle_for.saturating_sub(EARLIER).max(idle_for / 2),
            used_at: now(),
            lost: false,
            must_begin,
            takes_blocks,
        })
    }

    /// One statement that sets what this server has. Its defaults may be anything: a server's configuration is not ours.
    fn settings(&self, variables: &HashMap<String, String>, purpose: Purpose, must_begin: bool) -> String {
        let mut settings = format!(
            "SET SESSION autocommit = {}, SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
            u8::from(must_begin)
        );
        let mut set = |name: &str, value: String| {
            if variables.contains_key(name) {
                settings.push_str(&format!(", SESSION {name} = {value}"));
            }
        };
        // Galera: what another node acknowledged is seen here, also by whoever begins a transaction.
        set("wsrep_sync_wait", "1".to_owned());
        let seconds = |duration: Duration| duration.as_secs_f64().ceil().max(1.0).to_string();
        match purpose {
            Purpose::Write => {
                set("innodb_lock_wait_timeout", seconds(self.lock_deadline));
                set("lock_wait_timeout", seconds(self.lock_deadline));
            }
            Purpose::Read => {
                set("lock_wait_timeout", seconds(self.scan_deadline));
                // MariaDB's is in seconds, MySQL's in milliseconds.
                set("max_statement_time", self.scan_deadline.as_secs_f64().to_string());
                set("max_execution_time", self.scan_deadline.as_millis().to_string());
            }
            Purpose::Migrate => {}
        }
        settings
    }
}

impl Host {
    fn new(server: &Server, name: &str, port: u16, tls: &Option<SslOpts>) -> Self {
        let builder = OptsBuilder::default()
            .user(server.user.clone())
            .pass(server.password.clone())
            .db_name(Some(server.name.clone()))
            // UPDATE counts the rows it found, not those it changed: the contract's counts are SQLite's.
            .client_found_rows(true)
            .prefer_socket(false)
            .stmt_cache_size(CACHED_STATEMENTS)
            .tcp_keepalive(Some(Duration::from_secs(30)));
        let is_socket = name.starts_with('/');
        let builder = match is_socket {
            true => builder.socket(Some(name)),
            false => builder.ip_or_hostname(name).tcp_port(port),
        };
        let tls = if is_socket { None } else { tls.clone() };
        let unencrypted = server.tls.mode == TlsMode::Prefer && tls.is_some();
        Self {
            unencrypted: unencrypted.then(|| builder.clone().into()),
            options: builder.ssl_opts(tls).into(),
        }
    }

    async fn connect(&self) -> mysql_async::Result<Conn> {
        match (Conn::new(self.options.clone()).await, &self.unencrypted) {
            (Err(Error::Driver(Client::NoClientSslFlagFromServer)), Some(options)) => {
                Conn::new(options.clone()).await
            }
            (connected, _) => connected,
        }
    }
}

/// Nothing is checked where nothing is to be proved. Where anything is, the driver checks the name in the certificate too: `verify-ca` is
/// stricter here than its word.
fn encryption(tls: &Tls) -> Result<Option<SslOpts>, String> {
    let options = SslOpts::default().with_disable_built_in_roots(true);
    match (tls.mode, &tls.roots) {
        (TlsMode::Disable, _) => Ok(None),
        (TlsMode::Prefer, _) | (TlsMode::Require, None) => Ok(Some(
            // Without a single root the driver cannot be built, whether or not it asks any.
            SslOpts::default()
                .with_danger_accept_invalid_certs(true)
                .with_danger_skip_domain_validation(true),
        )),
        (TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull, Some(file)) => {
            std::fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?;
            Ok(Some(options.with_root_certs(vec![file.clone().into()])))
        }
        (TlsMode::VerifyCa | TlsMode::VerifyFull, None) => {
            let found = rustls_native_certs::load_native_certs().certs;
            if found.is_empty() {
                return Err(
                    "there are no certificate authorities to believe: name them with sslrootcert".to_owned()
                );
            }
            let roots = found.into_iter().map(|certificate| certificate.to_vec().into()).collect();
            Ok(Some(options.with_root_certs(roots)))
        }
    }
}

/// Why a server is too old, if it is: names are compared by a collation that came with these versions.
fn too_old(version: &str) -> Option<String> {
    let numbers = |text: &str| -> Vec<u32> {
        text.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse().ok()).take(3).collect()
    };
    // TiDB says `8.0.11-TiDB-v7.5.1`.
    let (family, found, needed) = match version.split_once("-TiDB-v") {
        Some((_, own)) => ("TiDB", numbers(own), [7, 4, 0]),
        None if version.contains("MariaDB") => ("MariaDB", numbers(version), [10, 6, 0]),
        None => ("MySQL", numbers(version), [8, 0, 17]),
    };
    if found.as_slice() >= needed.as_slice() || found.is_empty() {
        return None;
    }
    let [major, minor, patch] = needed;
    Some(format!("{family} {version} is too old: {major}.{minor}.{patch} or newer is needed"))
}

impl Connection {
    pub(super) fn conn(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// Whether the server has closed it, or will before long: it says nothing when it closes what lies idle.
    pub(super) fn is_closed(&self) -> bool {
        self.lost || self.used_at.elapsed() >= self.idle_for
    }

    /// Whether a transaction must be begun by BEGIN. Where not, one statement fewer travels.
    pub(super) fn must_begin(&self) -> bool {
        self.must_begin
    }

    /// Whether a block of statements outside of a procedure is a statement.
    pub(super) fn takes_blocks(&self) -> bool {
        self.takes_blocks
    }

    pub(super) fn take_no_blocks(&mut self) {
        self.takes_blocks = false;
    }

    /// Bytes after which the next request begins. The statement that reaches it may be as long as the server allows.
    pub(super) fn request_limit(&self) -> usize {
        LARGEST_REQUEST.min(self.largest_packet / 4)
    }

    /// Notes that the connection was used, and what became of it.
    pub(super) fn watch<T>(&mut self, result: mysql_async::Result<T>) -> Result<T, DriverError> {
        self.note(result, error::running)
    }

    /// The same for a migration.
    pub(super) fn watch_script<T>(&mut self, result: mysql_async::Result<T>) -> Result<T, DriverError> {
        self.note(result, error::migrating)
    }

    fn note<T>(
        &mut self,
        result: mysql_async::Result<T>,
        meaning: fn(&Error) -> DriverError,
    ) -> Result<T, DriverError> {
        self.used_at = now();
        result.map_err(|error| {
            let error = meaning(&error);
            self.lost |= matches!(error, DriverError::Lost(_));
            error
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a connection lies idle is measured")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_lack_the_collation_are_refused() {
        for fine in [
            "8.0.17",
            "8.4.3",
            "10.11.19-MariaDB-0+deb12u1",
            "12.1.2-MariaDB",
            "8.0.11-TiDB-v8.5.0",
            "8.0.30-Vitess",
        ] {
            assert_eq!(too_old(fine), None);
        }
        for old in ["5.7.44-log", "8.0.16", "10.5.27-MariaDB", "8.0.11-TiDB-v7.3.0"] {
            assert!(too_old(old).is_some(), "{old}");
        }
    }
}
