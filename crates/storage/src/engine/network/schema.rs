//! The schema of a database on a server: which version it has, and bringing it up to date, by one node at a time. The migrations are in
//! `schema/migrate.rs`.
//!
//! Who migrates holds a lease: a row with a beat that goes on while its holder lives. A node that has seen the beat stand still for long, by its
//! own watch, takes the lease over: no clock is compared with another's, and no engine needs to know locks of its own kind.

use crate::contract::row::{Rows, Source};
use crate::contract::value::Value;
use crate::contract::{Database, Expect, OpenError, Statement, Step};
use crate::engine::network::attempt::in_words;
use crate::engine::network::backoff::Backoff;
use crate::engine::network::driver::{Driver, DriverError, Purpose};
use crate::engine::network::identity::CommitIds;
use crate::engine::{NetworkOptions, Options, Schema, clock};
use crate::params;
use crate::schema::migrate;
use refinery::{AsyncMigrate, Migration};
use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// How often a node that waits for its turn looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

const HISTORY: &str = "SELECT version, name, checksum FROM refinery_schema_history ORDER BY version";

/// Applies the migrations that are missing; refuses a database that is newer than this program, or of another history.
pub(super) async fn bring_up_to_date<D: Driver>(
    driver: &D,
    database: &Database,
    options: &Options,
    ids: &CommitIds,
) -> Result<(), OpenError> {
    let failed = |why| OpenError::Server { database: database.clone(), why };
    let mut connection = first_connection(driver, &options.network, ids).await.map_err(failed)?;
    let known = migrate::newest_known();
    let up_to = match options.schema {
        Schema::UpTo(version) => version,
        Schema::Newest | Schema::OfExisting | Schema::AsItIs => known,
    };
    let found = match state(driver, database, &mut connection, up_to).await? {
        State::Current => return Ok(()),
        State::Behind(found) => found,
    };
    match options.schema {
        Schema::AsItIs | Schema::OfExisting if found == 0 => {
            return Err(OpenError::Missing { database: database.clone() });
        }
        Schema::AsItIs => return Err(OpenError::Older { database: database.clone(), found, known }),
        _ => {}
    }
    let mut lease = Lease {
        driver,
        connection: Some(connection),
        holder: ids.next().0,
        stands_still: options.network.lease_deadline,
    };
    lease.acquire().await.map_err(failed)?;
    let migrated = migrate_under(&mut lease, database, &options.network, up_to).await;
    lease.release().await;
    migrated
}

/// A server that is starting is waited for; one that refuses us is not.
async fn first_connection<D: Driver>(
    driver: &D,
    options: &NetworkOptions,
    ids: &CommitIds,
) -> Result<D::Connection, String> {
    let deadline = clock::now() + options.connect_deadline;
    let (mut backoff, mut last) = (Backoff::of_connecting(), None);
    loop {
        let left = deadline.saturating_duration_since(clock::now());
        match tokio::time::timeout(left, driver.connect(Purpose::Migrate)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(DriverError::Refused(why))) => return Err(why),
            Ok(Err(error)) if clock::now() >= deadline => return Err(in_words(error)),
            Ok(Err(error)) => {
                last = Some(in_words(error));
                backoff.wait(ids).await;
            }
            // What it said before it was out of time says more.
            Err(_elapsed) => return Err(last.unwrap_or_else(|| "it does not answer".to_owned())),
        }
    }
}

/// What a database has of the migrations.
enum State {
    /// Every one up to the version asked for, and no other.
    Current,
    /// Up to this version; zero when it has none. Whether they are ours is found out when the rest is applied.
    Behind(i64),
}

async fn state<D: Driver>(
    driver: &D,
    database: &Database,
    connection: &mut D::Connection,
    up_to: i64,
) -> Result<State, OpenError> {
    let failed = |why| OpenError::Server { database: database.clone(), why };
    let Some(history) = history(driver, connection).await.map_err(failed)? else {
        return Ok(State::Behind(0));
    };
    let known = migrate::newest_known();
    let found = history.iter().map(|(version, ..)| *version).max().unwrap_or(0);
    if found > known {
        return Err(OpenError::Newer { database: database.clone(), found, known });
    }
    let runner = migrate::runner(D::DIALECT, up_to).map_err(|error| failed(error.to_string()))?;
    let ours = runner.get_migrations().iter().map(|migration| {
        (i64::from(migration.version()), migration.name().to_owned(), migration.checksum().to_string())
    });
    Ok(if ours.eq(history) { State::Current } else { State::Behind(found) })
}

type Applied = (i64, String, String);

/// The history as it is stored; nothing when there is no table of it yet.
async fn history<D: Driver>(
    driver: &D,
    connection: &mut D::Connection,
) -> Result<Option<Vec<Applied>>, String> {
    match driver.query(connection, &[Statement::new(HISTORY, Vec::new())], false).await {
        Err(DriverError::Statement(_)) => Ok(None),
        Err(error) => Err(in_words(error)),
        Ok(answers) => {
            let rows = answers.first().map_or([].iter(), |rows| rows.iter());
            let read = Rows(Source::Fetched(rows)).all(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
            read.map(Some).map_err(|error| error.to_string())
        }
    }
}

async fn migrate_under<D: Driver>(
    lease: &mut Lease<'_, D>,
    database: &Database,
    options: &NetworkOptions,
    up_to: i64,
) -> Result<(), OpenError> {
    let failed = |why| OpenError::Server { database: database.clone(), why };
    // While we waited, another node may have done it.
    let driver = lease.driver;
    let connection = lease.connection().map_err(failed)?;
    if matches!(state(driver, database, connection, up_to).await?, State::Current) {
        return Ok(());
    }
    let connecting = lease.driver.connect(Purpose::Migrate);
    let connection = tokio::time::timeout(options.connect_deadline, connecting).await;
    let connection =
        connection.map_err(|_| failed("it does not answer".to_owned()))?.map_err(|e| failed(in_words(e)))?;
    let mut migrating = Migrating { driver: lease.driver, connection };
    let runner = migrate::runner(D::DIALECT, up_to).map_err(|error| failed(error.to_string()))?;
    let ended = Notify::new();
    let (report, is_stuck) = {
        let mut keeping = pin!(lease.keep(&ended));
        let report = tokio::select! {
            report = runner.run_async(&mut migrating) => report,
            why = &mut keeping => return Err(failed(why.unwrap_or_default())),
        };
        // A beat that is under way comes to its end: a connection is not used again in the middle of an answer.
        ended.notify_one();
        (report, timeout(options.answer_deadline, keeping).await.is_err())
    };
    if is_stuck {
        lease.connection = None;
    }
    match report {
        Ok(report) => {
            for migration in report.applied_migrations() {
                tracing::info!(%migration, "migration applied");
            }
            Ok(())
        }
        Err(error) if migrate::is_divergence(&error) => {
            Err(OpenError::Diverged { database: database.clone(), why: error.to_string() })
        }
        Err(error) => Err(failed(with_cause(&error))),
    }
}

fn with_cause(error: &refinery::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// The right to migrate.
struct Lease<'a, D: Driver> {
    driver: &'a D,
    /// None: nobody knows in the middle of what it is.
    connection: Option<D::Connection>,
    holder: [u8; 16],
    /// A beat that stood still for so long is over.
    stands_still: Duration,
}

impl<D: Driver> Lease<'_, D> {
    /// Waits until it is ours.
    async fn acquire(&mut self) -> Result<(), String> {
        let table = D::DIALECT.schema(
            "CREATE TABLE IF NOT EXISTS schema_lease (id {int} NOT NULL, holder {id} NOT NULL, beat {int} NOT NULL, PRIMARY KEY (id)) {keyed}",
        );
        // Two nodes that create it at the same moment may get in each other's way; the second time it is there.
        for tries_left in (0..5).rev() {
            let driver = self.driver;
            match driver.script(self.connection()?, std::slice::from_ref(&table)).await {
                Ok(()) => break,
                Err(DriverError::Lost(why)) => return Err(why),
                Err(error) if tries_left == 0 => return Err(in_words(error)),
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
        let mut seen = None;
        let mut since = clock::now();
        let mut told = false;
        loop {
            let found = self.look().await?;
            let taken = match &found {
                None => {
                    let sql = "INSERT INTO schema_lease (id, holder, beat) VALUES (1, ?, 0)";
                    self.change(sql, params![self.holder.as_slice()]).await?
                }
                Some((holder, beat)) if found == seen && clock::now() - since > self.stands_still => {
                    let sql = "UPDATE schema_lease SET holder = ?, beat = 0 WHERE id = 1 AND holder = ? AND beat = ?";
                    self.change(sql, params![self.holder.as_slice(), holder.as_slice(), *beat]).await?
                }
                Some(_) => false,
            };
            if taken {
                return Ok(());
            }
            if found != seen {
                (seen, since) = (found, clock::now());
            }
            if !std::mem::replace(&mut told, true) {
                tracing::info!("another node brings the schema up to date; waiting for it");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Who has it, and how far their beat is.
    async fn look(&mut self) -> Result<Option<([u8; 16], i64)>, String> {
        let statement = Statement::new("SELECT holder, beat FROM schema_lease WHERE id = 1", Vec::new());
        let driver = self.driver;
        let answers = driver.query(self.connection()?, &[statement], false).await.map_err(in_words)?;
        let rows = answers.first().map_or([].iter(), |rows| rows.iter());
        Rows(Source::Fetched(rows))
            .first(|row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(|error| error.to_string())
    }

    fn connection(&mut self) -> Result<&mut D::Connection, String> {
        self.connection.as_mut().ok_or_else(|| "the connection is of no more use".to_owned())
    }

    /// Keeps it until `ended`, which stops it between two beats and never in one. A reason says that it is lost.
    async fn keep(&mut self, ended: &Notify) -> Option<String> {
        loop {
            if timeout(self.stands_still / 6, ended.notified()).await.is_ok() {
                return None;
            }
            let sql = "UPDATE schema_lease SET beat = beat + 1 WHERE id = 1 AND holder = ?";
            match self.change(sql, params![self.holder.as_slice()]).await {
                Ok(true) => {}
                // Somebody was in the way, or has it now.
                Ok(false) => match self.look().await {
                    Ok(Some((holder, _))) if holder == self.holder => {}
                    Ok(_) => return Some("another node took the migration over".to_owned()),
                    Err(why) => return Some(why),
                },
                Err(why) => return Some(why),
            }
        }
    }

    async fn release(&mut self) {
        let sql = "DELETE FROM schema_lease WHERE id = 1 AND holder = ?";
        if let Err(error) = self.change(sql, params![self.holder.as_slice()]).await {
            tracing::warn!(%error, "the lease on the schema is left to expire");
        }
    }

    /// Changes the one row; false when it is not as it should be.
    async fn change(&mut self, sql: &'static str, params: Vec<Value>) -> Result<bool, String> {
        let step = Step { sql, params, expect: Expect::Exactly(1) };
        let driver = self.driver;
        let connection = self.connection()?;
        let ran = driver.run(connection, &[&step]).await;
        match ran {
            Ok(counts) if counts == [1] => match driver.commit(connection).await {
                Ok(()) => Ok(true),
                Err(DriverError::Conflict(_) | DriverError::Taken) => Ok(false),
                Err(error) => Err(in_words(error)),
            },
            other => {
                driver.roll_back(connection).await.map_err(in_words)?;
                match other.map_err(|failure| failure.error) {
                    Ok(_) | Err(DriverError::Taken | DriverError::Conflict(_)) => Ok(false),
                    Err(error) => Err(in_words(error)),
                }
            }
        }
    }
}

/// A connection as the migration tool wants it.
struct Migrating<'a, D: Driver> {
    driver: &'a D,
    connection: D::Connection,
}

/// Why a migration failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct MigrationFailed(String);

impl<D: Driver> AsyncTransaction for Migrating<'_, D> {
    type Error = MigrationFailed;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, MigrationFailed> {
        let scripts: Vec<String> = queries.map(str::to_owned).collect();
        let ran = self.driver.script(&mut self.connection, &scripts).await;
        ran.map(|()| scripts.len()).map_err(|error| MigrationFailed(in_words(error)))
    }
}

impl<D: Driver> AsyncQuery<Vec<Migration>> for Migrating<'_, D> {
    /// The tool asks for one thing only: the history.
    async fn query<'a>(&'a mut self, _: &'a str) -> Result<Vec<Migration>, MigrationFailed> {
        let applied = history(self.driver, &mut self.connection).await.map_err(MigrationFailed)?;
        let migration = |(version, name, checksum): Applied| {
            let unreadable = |_| MigrationFailed("the history of the schema cannot be read".to_owned());
            let version =
                i32::try_from(version).map_err(|_| MigrationFailed("a version out of range".to_owned()))?;
            let checksum = checksum.parse().map_err(unreadable)?;
            // When is not compared.
            Ok(Migration::applied(version, name, time::OffsetDateTime::UNIX_EPOCH, checksum))
        };
        applied.unwrap_or_default().into_iter().map(migration).collect()
    }
}

impl<D: Driver> AsyncMigrate for Migrating<'_, D> {}
