//! PostgreSQL's protocol: connections, statements, columns, and what its errors mean. Knows no queue and no command.
//!
//! Everything that one transaction or one snapshot asks travels in one write and is answered in one: the protocol lets statements follow each
//! other without waiting.

pub(crate) mod doctor;
mod error;
mod pipeline;
pub(crate) mod plain;
mod request;
mod tls;

use crate::contract::{Statement, Step};
use crate::database::{Server, TlsMode};
use crate::dialect::{Dialect, POSTGRES};
use crate::error::StorageError;
use crate::network::driver::{Driver, DriverError, Purpose, StepFailure};
use crate::options::Options;
use crate::row::Fetched;
use crate::value::{Value, ValueRef};
use bytes::BytesMut;
use pipeline::in_order;
use request::{Request, Text, requests};
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Statement as Prepared};

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// How connections are opened.
pub(crate) struct Postgres {
    config: Config,
    tls: Option<tls::MakeTls>,
    lock_deadline: Duration,
    answer_deadline: Duration,
    scan_deadline: Duration,
}

/// One connection, and the statements prepared on it.
pub(crate) struct Connection {
    client: Client,
    prepared: HashMap<Text, Prepared>,
    /// Whether the server takes several changes in one statement.
    takes_whole: bool,
}

impl Postgres {
    /// Opens nothing yet.
    ///
    /// # Errors
    /// When the certificate authorities cannot be read.
    pub(crate) fn new(server: &Server, options: &Options) -> Result<Self, String> {
        let mut config = Config::new();
        for (host, port) in &server.hosts {
            config.host(host).port(*port);
        }
        if server.hosts.len() > 1 {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        if let Some(user) = &server.user {
            config.user(user);
        }
        if let Some(password) = &server.password {
            config.password(password);
        }
        config
            .dbname(&server.name)
            .application_name("doorward")
            .connect_timeout(options.network.connect_deadline)
            .keepalives_idle(Duration::from_secs(30))
            .ssl_mode(match server.tls.mode {
                TlsMode::Disable => SslMode::Disable,
                TlsMode::Prefer => SslMode::Prefer,
                TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
            });
        let tls = if server.tls.mode == TlsMode::Disable { None } else { Some(tls::make(&server.tls)?) };
        Ok(Self {
            config,
            tls,
            lock_deadline: options.network.lock_deadline,
            answer_deadline: options.network.answer_deadline,
            scan_deadline: options.scan_deadline,
        })
    }

    /// The server's own time-outs. `idle_in_transaction` frees what a node holds that vanished in the middle.
    fn session(&self, purpose: Purpose) -> String {
        let (statement, lock) = match purpose {
            Purpose::Write => (self.answer_deadline, self.lock_deadline),
            Purpose::Read => (self.scan_deadline, self.lock_deadline),
            Purpose::Migrate => (Duration::ZERO, Duration::from_secs(30)),
        };
        let idle = if purpose == Purpose::Migrate { Duration::ZERO } else { self.answer_deadline };
        let read_only = if purpose == Purpose::Read { "on" } else { "off" };
        format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
             SET default_transaction_read_only = {read_only}; SET default_transaction_isolation = 'read committed'",
            statement.as_millis(),
            lock.as_millis(),
            idle.as_millis()
        )
    }
}

impl Driver for Postgres {
    type Connection = Connection;
    const DIALECT: &'static Dialect = &POSTGRES;

    async fn connect(&self, purpose: Purpose) -> Result<Connection, DriverError> {
        // The task that moves bytes ends with the client, or when the connection breaks; the client then says so.
        let client = match self.tls.clone() {
            Some(tls) => {
                let (client, connection) =
                    self.config.connect(tls).await.map_err(|error| error::connecting(&error))?;
                tokio::spawn(connection);
                client
            }
            None => {
                let (client, connection) =
                    self.config.connect(NoTls).await.map_err(|error| error::connecting(&error))?;
                tokio::spawn(connection);
                client
            }
        };
        client.batch_execute(&self.session(purpose)).await.map_err(|error| error::used(&error))?;
        Ok(Connection { client, prepared: HashMap::new(), takes_whole: true })
    }

    fn is_closed(&self, connection: &Connection) -> bool {
        connection.client.is_closed()
    }

    async fn run(&self, connection: &mut Connection, steps: &[&Step]) -> Result<Vec<u64>, StepFailure> {
        connection.transact(steps, false).await
    }

    async fn run_and_commit(
        &self,
        connection: &mut Connection,
        steps: &[&Step],
    ) -> Result<Vec<u64>, StepFailure> {
        connection.transact(steps, true).await
    }

    fn takes_whole(&self, connection: &Connection, steps: &[&Step]) -> bool {
        connection.takes_whole && request::is_one_statement(steps)
    }

    async fn run_whole(&self, connection: &mut Connection, steps: &[&Step]) -> Result<(), StepFailure> {
        let failed = |error| StepFailure { step: 0, error, counts: Vec::new() };
        let Some(request) = request::whole(steps) else { return Err(failed(DriverError::Untold)) };
        connection.run_alone(&request).await.map_err(failed)
    }

    async fn commit(&self, connection: &mut Connection) -> Result<(), DriverError> {
        connection.client.batch_execute("COMMIT").await.map_err(|error| error::used(&error))
    }

    async fn roll_back(&self, connection: &mut Connection) -> Result<(), DriverError> {
        connection.client.batch_execute("ROLLBACK").await.map_err(|error| error::used(&error))
    }

    async fn query(
        &self,
        connection: &mut Connection,
        statements: &[Statement],
        snapshot: bool,
    ) -> Result<Vec<Vec<Fetched>>, DriverError> {
        let texts: Vec<Text> = statements.iter().map(|statement| Text::Step(statement.sql)).collect();
        connection.prepare(&texts).await.map_err(|(_, error)| error)?;
        let Connection { client, prepared, .. } = connection;
        let begun = in_order(snapshot.then(|| client.batch_execute(BEGIN_SNAPSHOT)));
        let params: Vec<Vec<&(dyn ToSql + Sync)>> =
            statements.iter().map(|statement| as_sql(&statement.params).collect()).collect();
        let answered = in_order(statements.iter().zip(&params).filter_map(|(statement, params)| {
            let statement = prepared.get(&Text::Step(statement.sql))?;
            Some(client.query(statement, params))
        }));
        let ended = in_order(snapshot.then(|| client.batch_execute("COMMIT")));
        let (begun, answered, ended) = tokio::join!(biased; begun, answered, ended);
        let mut answers = Vec::with_capacity(statements.len());
        for begun in begun {
            begun.map_err(|error| error::used(&error))?;
        }
        for rows in answered {
            let rows = rows.map_err(|error| error::used(&error))?;
            answers.push(rows.into_iter().map(Fetched::Postgres).collect());
        }
        for ended in ended {
            ended.map_err(|error| error::used(&error))?;
        }
        Ok(answers)
    }

    async fn script(&self, connection: &mut Connection, scripts: &[String]) -> Result<(), DriverError> {
        let client = &connection.client;
        client.batch_execute("BEGIN").await.map_err(|error| error::used(&error))?;
        for script in scripts {
            if let Err(error) = client.batch_execute(script).await {
                let error = error::used(&error);
                client.batch_execute("ROLLBACK").await.map_err(|error| error::used(&error))?;
                return Err(error);
            }
        }
        client.batch_execute("COMMIT").await.map_err(|error| error::used(&error))
    }
}

impl Connection {
    /// Runs the steps as one transaction, and commits it too when it is told so.
    async fn transact(&mut self, steps: &[&Step], commits: bool) -> Result<Vec<u64>, StepFailure> {
        let requests = requests(steps);
        let texts: Vec<Text> = requests.iter().map(|request| request.text.clone()).collect();
        let unprepared = |(step, error)| StepFailure { step, error, counts: Vec::new() };
        self.prepare(&texts).await.map_err(unprepared)?;
        let Self { client, prepared, .. } = self;
        // A statement by itself is a transaction by itself.
        let is_alone = commits && requests.len() == 1;
        let begun = in_order((!is_alone).then(|| client.batch_execute(BEGIN)));
        let ran = in_order(requests.iter().filter_map(|request| {
            let statement = prepared.get(&request.text)?;
            Some(client.execute(statement, &request.params))
        }));
        let ended = in_order((commits && !is_alone).then(|| client.batch_execute("COMMIT")));
        // The first poll of each sends it: BEGIN first, then the steps, without waiting.
        let (begun, ran, ended) = tokio::join!(biased; begun, ran, ended);
        if let Some(Err(error)) = begun.first() {
            return Err(StepFailure { step: 0, error: error::used(error), counts: Vec::new() });
        }
        let mut counts = Vec::with_capacity(steps.len());
        for (request, ran) in requests.iter().zip(ran) {
            match ran {
                Ok(count) => counts.push(count),
                // After the first error the server refuses the rest, and makes a ROLLBACK of the COMMIT.
                Err(error) => {
                    let is_record = request.text.records() && error::is_about(&error, "commits");
                    let error = error::used(&error);
                    if matches!(error, DriverError::Statement(_)) {
                        // Whatever was wrong, it is not prepared any more.
                        self.prepared.clear();
                    }
                    return Err(StepFailure { step: counts.len() + usize::from(is_record), error, counts });
                }
            }
            if request.text.records() {
                counts.push(1);
            }
        }
        if let Some(Err(error)) = ended.first() {
            return Err(StepFailure { step: steps.len(), error: error::used(error), counts });
        }
        Ok(counts)
    }

    /// One statement, which is a transaction by itself. A server that does not take it is not asked again.
    async fn run_alone(&mut self, request: &Request<'_>) -> Result<(), DriverError> {
        if !self.prepared.contains_key(&request.text) {
            match self.client.prepare(&POSTGRES.statement(&request.text.written())).await {
                Ok(prepared) => drop(self.prepared.insert(request.text.clone(), prepared)),
                Err(error) => return Err(self.untold(&error)),
            }
        }
        let Some(prepared) = self.prepared.get(&request.text) else { return Err(DriverError::Untold) };
        match self.client.execute(prepared, &request.params).await {
            Ok(_) => Ok(()),
            Err(error) if error::is_division_by_zero(&error) => Err(DriverError::Counted),
            Err(error) => Err(self.untold(&error)),
        }
    }

    /// Which part of it failed is not said.
    fn untold(&mut self, error: &tokio_postgres::Error) -> DriverError {
        match error::used(error) {
            DriverError::Taken => DriverError::Untold,
            DriverError::Statement(_) => {
                self.prepared.clear();
                self.takes_whole &= !error::is_not_understood(error);
                DriverError::Untold
            }
            other => other,
        }
    }

    /// Prepares what is not prepared yet, all of it in one round trip. An error names the statement's place.
    async fn prepare(&mut self, texts: &[Text]) -> Result<(), (usize, DriverError)> {
        let mut missing: Vec<(usize, Text, String)> = Vec::new();
        for (place, text) in texts.iter().enumerate() {
            if !self.prepared.contains_key(text) && missing.iter().all(|(_, other, _)| other != text) {
                missing.push((place, text.clone(), POSTGRES.statement(&text.written())));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let client = &self.client;
        let prepared = in_order(missing.iter().map(|(_, _, native)| client.prepare(native))).await;
        for ((place, text, _), prepared) in missing.iter().zip(prepared) {
            let prepared = prepared.map_err(|error| (*place, error::used(&error)))?;
            self.prepared.insert(text.clone(), prepared);
        }
        Ok(())
    }
}

fn as_sql(params: &[Value]) -> impl Iterator<Item = &(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync))
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Int(int) => match *ty {
                Type::INT8 => out.extend_from_slice(&int.to_be_bytes()),
                Type::INT4 => out.extend_from_slice(&i32::try_from(*int)?.to_be_bytes()),
                Type::INT2 => out.extend_from_slice(&i16::try_from(*int)?.to_be_bytes()),
                _ => return Err(format!("an integer where {ty} is expected").into()),
            },
            Self::Text(text) => match *ty {
                Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
                    out.extend_from_slice(text.as_bytes());
                }
                _ => return Err(format!("text where {ty} is expected").into()),
            },
            Self::Bytes(bytes) => match *ty {
                Type::BYTEA => out.extend_from_slice(bytes),
                _ => return Err(format!("bytes where {ty} is expected").into()),
            },
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A column of a row.
pub(crate) fn column(row: &tokio_postgres::Row, index: usize) -> Result<ValueRef<'_>, StorageError> {
    row.try_get::<_, Column<'_>>(index).map(|column| column.0).map_err(|error| {
        // An index that does not exist is a defect; a type that none of our columns has is damage.
        StorageError::Corrupt(format!("column {index}: {error}"))
    })
}

/// Whatever a column holds, borrowed from the answer.
struct Column<'a>(ValueRef<'a>);

impl<'a> FromSql<'a> for Column<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let value = match *ty {
            Type::INT8 => ValueRef::Int(i64::from_be_bytes(raw.try_into()?)),
            Type::INT4 => ValueRef::Int(i32::from_be_bytes(raw.try_into()?).into()),
            Type::INT2 => ValueRef::Int(i16::from_be_bytes(raw.try_into()?).into()),
            Type::BYTEA => ValueRef::Bytes(raw),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
                ValueRef::Text(std::str::from_utf8(raw)?)
            }
            _ => return Err(format!("the type {ty} is none of ours").into()),
        };
        Ok(Self(value))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(ValueRef::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
