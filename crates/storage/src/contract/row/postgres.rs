//! Our values as PostgreSQL's columns hold them. Knows its types; not where values go.

use crate::contract::StorageError;
use crate::contract::value::{Value, ValueRef};
use bytes::BytesMut;
use std::error::Error;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

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
