//! PostgreSQL's protocol: connections, statements and columns, and what its errors mean. Knows no queue and no command.

use crate::error::StorageError;
use crate::value::ValueRef;
use std::error::Error;
use tokio_postgres::types::{FromSql, Type};

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
