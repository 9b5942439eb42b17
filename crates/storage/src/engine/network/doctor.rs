//! What the doctor asks of every database on a server: whether it answers and how fast, how far its clock is from ours, how encrypted the
//! way to it is, whether the schema is ours, whether there are connections enough. What only one engine has is asked in its folder.

use crate::contract::Statement;
use crate::contract::database::{Server, TlsMode};
use crate::contract::finding::{Finding, Thoroughness};
use crate::contract::row::{Rows, Source};
use crate::contract::value::Value;
use crate::engine::network::attempt::in_words;
use crate::engine::network::driver::{Driver, DriverError, Purpose};
use crate::engine::{NetworkOptions, clock};
use crate::schema::migrate;
use crate::schema::tables::TABLES;
use std::time::Duration;

/// Somebody to ask.
pub(crate) struct Patient<D: Driver> {
    driver: D,
    connection: D::Connection,
}

impl<D: Driver> Patient<D> {
    /// Connects; what is wrong when that is not possible.
    /// `admits` is what decides there who may connect.
    pub(crate) async fn reach(driver: D, admits: &str) -> Result<Self, Box<Finding>> {
        let deadline = NetworkOptions::default().connect_deadline;
        let remedy =
            format!("check the URL, the password and {admits}, and that the server runs and is reachable");
        let unreachable = |why: String| Box::new(Finding::problem("connection", why, remedy.clone()));
        match tokio::time::timeout(deadline, driver.connect(Purpose::Read)).await {
            Ok(Ok(connection)) => Ok(Self { driver, connection }),
            Ok(Err(error)) => Err(unreachable(in_words(error))),
            Err(_elapsed) => Err(unreachable("the server does not answer".to_owned())),
        }
    }

    /// The connection, for what only its engine can ask.
    pub(crate) fn connection(&mut self) -> &mut D::Connection {
        &mut self.connection
    }

    /// The rows that answer, as text; `None` where the server does not know what is asked about.
    pub(crate) async fn ask(&mut self, sql: &'static str) -> Option<Vec<Vec<String>>> {
        let statement = [Statement::new(sql, Vec::new())];
        let answers: Result<_, DriverError> =
            self.driver.query(&mut self.connection, &statement, false).await;
        let answers = answers.ok()?;
        let rows = answers.first()?;
        let read = Rows(Source::Fetched(rows.iter())).all(|row| {
            (0..row.len()).map(|column| row.get::<Value>(column).map(text)).collect::<Result<Vec<_>, _>>()
        });
        read.ok()
    }

    /// The one number that answers.
    pub(crate) async fn number(&mut self, sql: &'static str) -> Option<i64> {
        self.ask(sql).await?.first()?.first()?.parse().ok()
    }

    /// How long a question takes to be answered: every request waits for a few of these.
    pub(crate) async fn round_trip(&mut self) -> Finding {
        const FAR: Duration = Duration::from_millis(5);
        let mut best = Duration::MAX;
        for _ in 0..10 {
            let began = clock::now();
            if self.number("SELECT 1").await.is_some() {
                best = best.min(clock::now().saturating_duration_since(began));
            }
        }
        let found = format!("a question is answered in {} us", best.as_micros());
        if best > FAR {
            let remedy = "put servers and database closer together: a sign-in asks about ten questions, one after another";
            return Finding::note("round trip", found, remedy);
        }
        Finding::ok("round trip", found)
    }

    /// How far the server's clock is from ours; `sql` asks for milliseconds since 1970.
    pub(crate) async fn clock(&mut self, sql: &'static str) -> Option<Finding> {
        const FAR: i64 = 2_000;
        // The first time the statement is prepared too.
        self.number(sql).await?;
        let (began, at) = (clock::now(), clock::wall_millis());
        let theirs = self.number(sql).await?;
        let half =
            i64::try_from(clock::now().saturating_duration_since(began).as_millis() / 2).unwrap_or_default();
        let apart = theirs - (at + half);
        let found = format!(
            "its clock is {} ms {} this machine's",
            apart.abs(),
            if apart < 0 { "behind" } else { "ahead of" }
        );
        Some(if apart.abs() > FAR {
            let remedy = "let both follow a time server (chrony, systemd-timesyncd): Doorward uses its own clock only, but nodes must agree \
                          on it, and one of these two is wrong";
            Finding::note("clock", found, remedy)
        } else {
            Finding::ok("clock", found)
        })
    }

    /// Which schema the database has.
    pub(crate) async fn schema(&mut self) -> Finding {
        let version = self.number("SELECT max(version) FROM refinery_schema_history").await;
        let known = migrate::newest_known();
        let told = |found: i64| format!("version {found}, and this program's is {known}");
        match version {
            None => Finding::note(
                "schema",
                "there is none: no server has run on this database yet",
                "nothing, if that is so; else name the right database",
            ),
            Some(found) if found > known => {
                Finding::problem("schema", told(found), "run the newer program it was written with")
            }
            Some(found) if found < known => Finding::note(
                "schema",
                told(found),
                "the next start applies what is missing; try it first with `doorward upgrade --rehearse`",
            ),
            Some(found) => Finding::ok("schema", told(found)),
        }
    }

    /// Which tables lack an index on their key; `sql` asks for the tables that have a unique one.
    pub(crate) async fn indexes(&mut self, sql: &'static str) -> Option<Finding> {
        let indexed = self.ask(sql).await?;
        let has = |name: &str| indexed.iter().any(|row| row.first().is_some_and(|table| table == name));
        let without: Vec<&str> = TABLES.iter().map(|table| table.name).filter(|name| !has(name)).collect();
        Some(if without.is_empty() {
            Finding::ok("indexes", "every table is found by its key")
        } else if without.len() == TABLES.len() {
            return None;
        } else {
            let remedy = "make the primary keys anew as the migrations have them: without them every look-up reads the whole table";
            Finding::problem("indexes", format!("{} have no primary key", without.join(", ")), remedy)
        })
    }
}

fn text(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Int(int) => int.to_string(),
        Value::Text(text) => text,
        Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// Whether there are connections enough for every node, and one more that is being replaced.
pub(crate) fn connections(most: i64, used: i64, setting: &str, thoroughness: Thoroughness) -> Finding {
    let options = NetworkOptions::default();
    // One more migrates at the start; in a rolling restart one node more is there for a while.
    let per_node =
        i64::try_from(options.write_connections + options.read_connections + 1).unwrap_or(i64::MAX);
    let nodes = i64::from(thoroughness.nodes.max(1));
    let needed = per_node * (nodes + 1);
    let found = format!(
        "{used} of {most} connections are in use; {nodes} node(s) and one that is being replaced need up to {needed}"
    );
    if needed > most {
        let remedy = format!(
            "raise {setting} to {} or more: at the limit, nodes are refused and answer 503",
            needed + 10
        );
        Finding::problem("connections", found, remedy)
    } else if needed > most / 2 {
        let remedy = format!(
            "raise {setting} if other programs use the server too (--nodes says how many nodes there are)"
        );
        Finding::note("connections", found, remedy)
    } else {
        Finding::ok("connections", found)
    }
}

/// How encrypted the way is, and whether it was proved who is at its end.
pub(crate) fn encryption(server: &Server, encrypted: bool) -> Finding {
    let local = server.hosts.iter().all(|(host, _)| {
        host.starts_with('/') || host == "localhost" || host == "::1" || host.starts_with("127.")
    });
    match (encrypted, server.tls.mode) {
        _ if local => Finding::ok("encryption", "the server is on this machine"),
        (false, _) => Finding::problem(
            "encryption",
            "the connection is not encrypted",
            "add sslmode=verify-full to the URL and TLS to the server: names, e-mail addresses and password hashes travel on it",
        ),
        (true, TlsMode::VerifyFull | TlsMode::VerifyCa) => {
            Finding::ok("encryption", "encrypted, and the server's certificate is checked")
        }
        (true, _) => Finding::note(
            "encryption",
            "encrypted, but nothing proves that it is the right server",
            "use sslmode=verify-full and sslrootcert in the URL",
        ),
    }
}
