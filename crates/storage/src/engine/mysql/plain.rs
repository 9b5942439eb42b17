//! MySQL by hand, to measure what the engine adds: statements prepared by the driver once per connection, each awaited before the next is sent.

use super::{Connection, Mysql, native};
use crate::contract::database::Server;
use crate::contract::value::Value;
use crate::contract::{Database, Statement, Steps};
use crate::engine::Options;
use crate::engine::network::driver::Purpose;
use crate::engine::plain::{Found, Plain, Use};
use crate::schema::dialect::MYSQL;
use mysql_async::Params;
use mysql_async::prelude::Queryable as _;

/// The server.
pub(crate) struct PlainMysql {
    /// Only to open connections, with the settings and the encryption that the store's have.
    opens: Mysql,
}

impl PlainMysql {
    pub(crate) fn new(server: &Server, options: &Options) -> Result<Self, String> {
        Mysql::new(server, options).map(|opens| Self { opens })
    }
}

impl Plain for PlainMysql {
    type Connection = Connection;

    async fn connect(&self, use_: Use) -> Result<Connection, String> {
        self.opens.open(use_.into()).await.map_err(|error| format!("{error:?}"))
    }

    async fn write(&self, connection: &mut Connection, steps: &Steps) -> Result<(), String> {
        in_one_transaction(connection, steps).await.map_err(|error| error.to_string())
    }

    async fn read(
        &self,
        connection: &mut Connection,
        statement: &Statement,
    ) -> Result<Option<Found>, String> {
        let found = connection.conn().exec_first(statement.sql, params(&statement.params)).await;
        found.map_err(|error| error.to_string())
    }
}

async fn in_one_transaction(connection: &mut Connection, steps: &Steps) -> Result<(), Failed> {
    connection.conn().query_drop("BEGIN").await?;
    for step in steps.as_slice() {
        let conn = connection.conn();
        conn.exec_drop(MYSQL.statement(step.sql), params(&step.params)).await?;
        let count = conn.affected_rows();
        if step.expect.count().is_some_and(|expected| expected != count) {
            conn.query_drop("ROLLBACK").await?;
            return Err(Failed::Count(count));
        }
    }
    Ok(connection.conn().query_drop("COMMIT").await?)
}

/// Why a transaction was not committed.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Driver(#[from] mysql_async::Error),
    #[error("a step changed {0} rows")]
    Count(u64),
}

fn params(values: &[Value]) -> Params {
    Params::Positional(values.iter().map(native).collect())
}

/// Says one thing to the server, on a connection of its own.
pub(crate) async fn tell(server: &Server, sql: &str) -> Result<(), String> {
    let options = Options::new(Database::Mysql(Box::new(server.clone())));
    let connection = Mysql::new(server, &options)?.open(Purpose::Migrate).await;
    let mut connection = connection.map_err(|error| format!("{error:?}"))?;
    connection.conn().query_drop(sql).await.map_err(|error| error.to_string())
}
