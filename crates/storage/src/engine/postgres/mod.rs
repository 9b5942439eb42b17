//! PostgreSQL's protocol: connections, statements, columns, and what its errors mean. Knows no queue and no command.
//!
//! Everything that one transaction or one snapshot asks travels in one write and is answered in one: the protocol lets statements follow each
//! other without waiting.

pub(crate) mod doctor;
mod error;
mod pipeline;
pub(crate) mod plain;
mod pooled;
mod request;
mod session;
mod tls;

use crate::contract::database::{Server, TlsMode};
use crate::contract::row::Fetched;
use crate::contract::value::Value;
use crate::contract::{Statement, Step};
use crate::engine::Options;
use crate::engine::network::driver::{Driver, DriverError, Purpose, StepFailure};
use crate::schema::dialect::{Dialect, POSTGRES};
use pipeline::in_order;
use request::{Request, Text, requests};
use session::{IS_OURS, READ_ONLY, Session, TimeOuts};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, Statement as Prepared};

/// How connections are opened.
pub(crate) struct Postgres {
    config: Config,
    tls: Option<tls::MakeTls>,
    lock_deadline: Duration,
    answer_deadline: Duration,
    scan_deadline: Duration,
    /// There is a pooler before the server: no connection is asked again for a session of its own.
    there_is_a_pooler: Arc<AtomicBool>,
}

/// One connection, and the statements prepared on it.
pub(crate) struct Connection {
    client: Client,
    prepared: HashMap<Text, Prepared>,
    /// Whether the server takes several changes in one statement.
    takes_whole: bool,
    session: Session,
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
            there_is_a_pooler: Arc::default(),
        })
    }

    fn time_outs(&self, purpose: Purpose) -> TimeOuts {
        let (statement, lock) = match purpose {
            Purpose::Write => (self.answer_deadline, self.lock_deadline),
            Purpose::Read => (self.scan_deadline, self.lock_deadline),
            Purpose::Migrate => (Duration::ZERO, Duration::from_secs(30)),
        };
        let idle = if purpose == Purpose::Migrate { Duration::ZERO } else { self.answer_deadline };
        TimeOuts { statement, lock, idle }
    }

    /// A connection, whatever is behind it. The task that moves bytes ends with the client, or when the connection breaks; the client then
    /// says so.
    async fn open(&self, config: &Config) -> Result<Client, tokio_postgres::Error> {
        Ok(match self.tls.clone() {
            Some(tls) => {
                let (client, connection) = config.connect(tls).await?;
                tokio::spawn(connection);
                client
            }
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                tokio::spawn(connection);
                client
            }
        })
    }

    /// A connection to a session of our own, with its settings; nothing when there is a pooler in between.
    async fn own_session(&self, purpose: Purpose) -> Result<Option<Client>, DriverError> {
        let mut config = self.config.clone();
        config.options(self.time_outs(purpose).options());
        let client = match self.open(&config).await {
            Ok(client) => client,
            Err(error) if error::may_be_a_poolers(&error) => return Ok(None),
            Err(error) => return Err(error::connecting(&error)),
        };
        let answer = client.simple_query(IS_OURS).await.map_err(|error| error::used(&error))?;
        let is_ours = answer.iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).is_some_and(|value| !value.is_empty()),
            _ => false,
        });
        if is_ours && purpose == Purpose::Read {
            client.batch_execute(READ_ONLY).await.map_err(|error| error::used(&error))?;
        }
        Ok(is_ours.then_some(client))
    }
}

impl Driver for Postgres {
    type Connection = Connection;
    const DIALECT: &'static Dialect = &POSTGRES;

    async fn connect(&self, purpose: Purpose) -> Result<Connection, DriverError> {
        let known = self.there_is_a_pooler.load(Relaxed);
        let own = if known { None } else { self.own_session(purpose).await? };
        let client = match own {
            Some(client) => client,
            None => {
                let client = self.open(&self.config).await.map_err(|error| error::connecting(&error))?;
                if !self.there_is_a_pooler.swap(true, Relaxed) {
                    tracing::info!(
                        "PostgreSQL is behind a pooler: settings travel with each transaction, and no statement stays prepared"
                    );
                }
                client
            }
        };
        let session = Session::of(purpose, self.time_outs(purpose), Arc::clone(&self.there_is_a_pooler));
        Ok(Connection { client, prepared: HashMap::new(), takes_whole: !session.pooled, session })
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
        if connection.session.pooled {
            return connection.query_pooled(statements, snapshot).await;
        }
        let texts: Vec<Text> = statements.iter().map(|statement| Text::Step(statement.sql)).collect();
        connection.prepare(&texts).await.map_err(|(_, error)| error)?;
        let Connection { client, prepared, session, .. } = connection;
        let begun = in_order(snapshot.then(|| client.batch_execute(&session.snapshot)));
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
            let rows = rows.map_err(|error| session.error(&error))?;
            answers.push(rows.into_iter().map(Fetched::Postgres).collect());
        }
        for ended in ended {
            ended.map_err(|error| error::used(&error))?;
        }
        Ok(answers)
    }

    async fn script(&self, connection: &mut Connection, scripts: &[String]) -> Result<(), DriverError> {
        let Connection { client, session, .. } = connection;
        client.batch_execute(&session.begin).await.map_err(|error| error::used(&error))?;
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
        if self.session.pooled {
            return self.transact_pooled(steps, commits).await;
        }
        let requests = requests(steps);
        let texts: Vec<Text> = requests.iter().map(|request| request.text.clone()).collect();
        let unprepared = |(step, error)| StepFailure { step, error, counts: Vec::new() };
        self.prepare(&texts).await.map_err(unprepared)?;
        let Self { client, prepared, session, .. } = self;
        // A statement by itself is a transaction by itself.
        let is_alone = commits && requests.len() == 1;
        let begun = in_order((!is_alone).then(|| client.batch_execute(&session.begin)));
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
                    let error = session.error(&error);
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
        match self.session.error(error) {
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
        let prepared = in_order(missing.iter().map(|(_, _, native)| self.client.prepare(native))).await;
        for ((place, text, _), prepared) in missing.iter().zip(prepared) {
            let prepared = prepared.map_err(|error| (*place, self.session.error(&error)))?;
            self.prepared.insert(text.clone(), prepared);
        }
        Ok(())
    }
}

fn as_sql(params: &[Value]) -> impl Iterator<Item = &(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync))
}
