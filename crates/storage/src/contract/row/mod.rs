//! Rows as a query reads them: columns by position, in the order of its SELECT. The only place outside an engine's folder where
//! engines' row types meet.

pub(crate) mod mysql;
mod postgres;
pub(crate) mod sqlite;

use crate::contract::StorageError;
use crate::contract::value::FromValue;

/// The rows that answer a query, one after another.
pub struct Rows<'a>(pub(crate) Source<'a>);

/// Where rows come from: one variant per engine.
pub(crate) enum Source<'a> {
    Sqlite(rusqlite::Rows<'a>),
    /// Of an engine on a server: all of them have arrived already.
    Fetched(std::slice::Iter<'a, Fetched>),
}

/// A row that a server has sent.
pub(crate) enum Fetched {
    Postgres(tokio_postgres::Row),
    Mysql(mysql_async::Row),
}

/// One row.
pub struct Row<'a>(RowSource<'a>);

enum RowSource<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Fetched(&'a Fetched),
}

impl<'a> Rows<'a> {
    /// The next row, if there is one.
    ///
    /// # Errors
    /// When the engine fails while reading.
    #[expect(
        clippy::should_implement_trait,
        reason = "a row is lent until the next one, which an Iterator cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<Row<'_>>, StorageError> {
        match &mut self.0 {
            Source::Sqlite(rows) => {
                Ok(rows.next().map_err(sqlite::reading)?.map(|row| Row(RowSource::Sqlite(row))))
            }
            Source::Fetched(rows) => Ok(rows.next().map(|row| Row(RowSource::Fetched(row)))),
        }
    }

    /// The first row as a record, if there is one.
    ///
    /// # Errors
    /// When the engine fails, or `record` cannot read a column.
    pub fn first<T>(
        &mut self,
        record: impl FnOnce(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        match self.next()? {
            Some(row) => record(&row).map(Some),
            None => Ok(None),
        }
    }

    /// Every row as a record.
    ///
    /// # Errors
    /// When the engine fails, or `record` cannot read a column.
    pub fn all<T>(
        &mut self,
        record: impl Fn(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let mut records = Vec::new();
        while let Some(row) = self.next()? {
            records.push(record(&row)?);
        }
        Ok(records)
    }
}

impl Row<'_> {
    /// How many columns there are.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            RowSource::Sqlite(row) => row.as_ref().column_count(),
            RowSource::Fetched(Fetched::Postgres(row)) => row.len(),
            RowSource::Fetched(Fetched::Mysql(row)) => row.len(),
        }
    }

    /// The column at `index`, counted from zero.
    ///
    /// # Errors
    /// When the column holds another kind of value.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T, StorageError> {
        match &self.0 {
            RowSource::Sqlite(row) => T::from_value(sqlite::column(row, index)?),
            RowSource::Fetched(Fetched::Mysql(row)) => T::from_value(mysql::column(row, index)?),
            RowSource::Fetched(Fetched::Postgres(row)) => T::from_value(postgres::column(row, index)?),
        }
    }
}
