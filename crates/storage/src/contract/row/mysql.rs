//! Our values as MySQL's columns hold them. Knows its types; not where values go.

use crate::contract::StorageError;
use crate::contract::value::ValueRef;
use mysql_async::consts::ColumnType;
use mysql_async::{Row, Value as Native};

/// The character set of columns that hold bytes.
const BINARY: u16 = 63;

/// A column of a row. A prepared query sends integers as such, any other as text; the column's type tells them from names, and its
/// character set tells names from bytes.
pub(crate) fn column(row: &Row, index: usize) -> Result<ValueRef<'_>, StorageError> {
    let (Some(value), Some(column)) = (row.as_ref(index), row.columns_ref().get(index)) else {
        return Err(StorageError::Corrupt(format!("column {index}: there is none")));
    };
    let wrong = |why: &str| StorageError::Corrupt(format!("column {index}: {why}"));
    match value {
        Native::NULL => Ok(ValueRef::Null),
        Native::Int(int) => Ok(ValueRef::Int(*int)),
        Native::UInt(int) => i64::try_from(*int).map(ValueRef::Int).map_err(|_| wrong("too large a number")),
        Native::Bytes(bytes) if is_integer(column.column_type()) => std::str::from_utf8(bytes)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .map(ValueRef::Int)
            .ok_or_else(|| wrong("not a whole number of 64 bits")),
        Native::Bytes(bytes) if column.character_set() == BINARY => Ok(ValueRef::Bytes(bytes)),
        Native::Bytes(bytes) => {
            std::str::from_utf8(bytes).map(ValueRef::Text).map_err(|_| wrong("text that is not UTF-8"))
        }
        Native::Float(_) | Native::Double(_) | Native::Date(..) | Native::Time(..) => {
            Err(wrong("a type that is none of ours"))
        }
    }
}

/// DECIMAL is what a sum of integers is.
fn is_integer(kind: ColumnType) -> bool {
    matches!(
        kind,
        ColumnType::MYSQL_TYPE_TINY
            | ColumnType::MYSQL_TYPE_SHORT
            | ColumnType::MYSQL_TYPE_INT24
            | ColumnType::MYSQL_TYPE_LONG
            | ColumnType::MYSQL_TYPE_LONGLONG
            | ColumnType::MYSQL_TYPE_NEWDECIMAL
    )
}
