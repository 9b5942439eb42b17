//! PostgreSQL by hand, to measure what the engine adds: statements prepared once per connection, each awaited before the next is sent.

use crate::contract::database::Server;
use crate::contract::{Statement, Steps};
use crate::engine::Options;
use crate::engine::network::driver::{Driver as _, Purpose};
use crate::engine::plain::{Found, Plain, Use};
use crate::engine::postgres::request::Text;
use crate::engine::postgres::{Connection, POSTGRES, Postgres, as_sql};
use tokio_postgres::Statement as Prepared;

/// The server.
pub(crate) struct PlainPostgres {
    /// Only to open connections, with the settings and the encryption that the store's have.
    opens: Postgres,
}

impl PlainPostgres {
    pub(crate) fn new(server: &Server, options: &Options) -> Result<Self, String> {
        Postgres::new(server, options).map(|opens| Self { opens })
    }
}

impl Plain for PlainPostgres {
    type Connection = Connection;

    async fn connect(&self, use_: Use) -> Result<Connection, String> {
        self.opens.connect(use_.into()).await.map_err(|error| format!("{error:?}"))
    }

    async fn write(&self, connection: &mut Connection, steps: &Steps) -> Result<(), String> {
        in_one_transaction(connection, steps).await.map_err(|error| error.to_string())
    }

    async fn read(
        &self,
        connection: &mut Connection,
        statement: &Statement,
    ) -> Result<Option<Found>, String> {
        let found = async {
            let prepared = connection.plain(statement.sql).await?;
            let found = connection
                .client
                .query_opt(&prepared, &as_sql(&statement.params).collect::<Vec<_>>())
                .await?;
            let Some(row) = found else { return Ok(None) };
            Ok(Some((
                row.try_get(0)?,
                row.try_get(1)?,
                row.try_get(2)?,
                row.try_get(3)?,
                row.try_get(4)?,
                row.try_get(5)?,
                row.try_get(6)?,
                row.try_get(7)?,
                row.try_get(8)?,
            )))
        };
        found.await.map_err(|error: tokio_postgres::Error| error.to_string())
    }
}

async fn in_one_transaction(connection: &mut Connection, steps: &Steps) -> Result<(), Failed> {
    connection.client.batch_execute("BEGIN").await?;
    for step in steps.as_slice() {
        let prepared = connection.plain(step.sql).await?;
        let count = connection.client.execute(&prepared, &as_sql(&step.params).collect::<Vec<_>>()).await?;
        if step.expect.count().is_some_and(|expected| expected != count) {
            connection.client.batch_execute("ROLLBACK").await?;
            return Err(Failed::Count(count));
        }
    }
    Ok(connection.client.batch_execute("COMMIT").await?)
}

/// Why a transaction was not committed.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Driver(#[from] tokio_postgres::Error),
    #[error("a step changed {0} rows")]
    Count(u64),
}

impl Connection {
    async fn plain(&mut self, sql: &'static str) -> Result<Prepared, tokio_postgres::Error> {
        if let Some(prepared) = self.prepared.get(&Text::Step(sql)) {
            return Ok(prepared.clone());
        }
        let prepared = self.client.prepare(&POSTGRES.statement(sql)).await?;
        self.prepared.insert(Text::Step(sql), prepared.clone());
        Ok(prepared)
    }
}

/// Says one thing to the server, on a connection of its own.
pub(crate) async fn tell(server: &Server, sql: &str) -> Result<(), String> {
    let options = Options::new(crate::contract::Database::Postgres(Box::new(server.clone())));
    let connection = Postgres::new(server, &options)?.connect(Purpose::Migrate).await;
    let connection = connection.map_err(|error| format!("{error:?}"))?;
    connection.client.batch_execute(sql).await.map_err(|error| error.to_string())
}
