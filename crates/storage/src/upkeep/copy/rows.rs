//! Rows of any table: read in slices in key order, written down in one canonical way, summed up. Knows no record by name.

use crate::contract::row::Rows;
use crate::contract::value::Value;
use crate::contract::{Access, Query, Statement, StorageError};
use crate::nodes::Store;
use crate::params;
use crate::schema::tables::{self, Table, TableSql, after_key};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::time::Duration;

/// A row, in the order of its table's columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record(pub(super) Vec<Value>);

impl Record {
    /// Its key.
    pub(super) fn key(&self, table: &Table) -> &[Value] {
        self.0.get(..table.key).unwrap_or(&self.0)
    }

    /// About how many bytes it takes to carry it.
    pub(super) fn bytes(&self) -> usize {
        self.0
            .iter()
            .map(|value| match value {
                Value::Null | Value::Int(_) => 8,
                Value::Text(text) => text.len() + 8,
                Value::Bytes(bytes) => bytes.len() + 8,
            })
            .sum()
    }
}

/// The canonical bytes of some values: for each its kind, its length where kinds do not fix it, and its content. No two lists of values
/// share them.
pub(super) fn encode(values: &[Value], into: &mut Vec<u8>) {
    let sized = |into: &mut Vec<u8>, kind: u8, content: &[u8]| {
        into.push(kind);
        into.extend_from_slice(&(content.len() as u64).to_be_bytes());
        into.extend_from_slice(content);
    };
    for value in values {
        match value {
            Value::Null => into.push(0),
            Value::Int(int) => {
                into.push(1);
                into.extend_from_slice(&int.to_be_bytes());
            }
            Value::Text(text) => sized(into, 2, text.as_bytes()),
            Value::Bytes(bytes) => sized(into, 3, bytes),
        }
    }
}

/// What [`encode`] wrote; none when it did not write that.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Vec<Value>> {
    fn eight(bytes: &mut &[u8]) -> Option<[u8; 8]> {
        let (head, tail) = bytes.split_first_chunk::<8>()?;
        *bytes = tail;
        Some(*head)
    }
    let mut values = Vec::new();
    while let Some((kind, rest)) = bytes.split_first() {
        bytes = rest;
        values.push(match kind {
            0 => Value::Null,
            1 => Value::Int(i64::from_be_bytes(eight(&mut bytes)?)),
            2 | 3 => {
                let length = usize::try_from(u64::from_be_bytes(eight(&mut bytes)?)).ok()?;
                let (content, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                match kind {
                    2 => Value::Text(String::from_utf8(content.to_vec()).ok()?),
                    _ => Value::Bytes(content.to_vec()),
                }
            }
            _ => return None,
        });
    }
    Some(values)
}

/// The sum of rows in order: each row's SHA-256 covers the sum before it, so it can stop after any row and go on later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Checksum([u8; 32]);

impl Checksum {
    pub(super) fn add(&mut self, row: &Record) {
        let mut bytes = Vec::with_capacity(row.bytes() + row.0.len() * 2 + self.0.len());
        bytes.extend_from_slice(&self.0);
        encode(&row.0, &mut bytes);
        self.0 = Sha256::digest(&bytes).into();
    }

    /// In hexadecimal.
    pub(super) fn shown(self) -> String {
        hex(&self.0)
    }
}

impl From<[u8; 32]> for Checksum {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<Checksum> for [u8; 32] {
    fn from(checksum: Checksum) -> Self {
        checksum.0
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// A key, for people. Keys are ids and names, never secrets.
pub(super) fn shown(key: &[Value]) -> String {
    let parts: Vec<String> = key
        .iter()
        .map(|value| match value {
            Value::Null => "NULL".to_owned(),
            Value::Int(int) => int.to_string(),
            Value::Text(text) => format!("{text:?}"),
            Value::Bytes(bytes) => hex(bytes),
        })
        .collect();
    parts.join(", ")
}

/// Some rows in key order.
pub(super) struct Slice {
    sql: &'static TableSql,
    after: Option<Vec<Value>>,
    limit: usize,
}

impl Slice {
    pub(super) fn first(table: &'static Table, limit: usize) -> Self {
        Self::of(table.sql(), None, limit)
    }

    pub(super) fn of(sql: &'static TableSql, after: Option<Vec<Value>>, limit: usize) -> Self {
        Self { sql, after, limit }
    }
}

impl Query for Slice {
    type Output = Vec<Record>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        let limit = Value::Int(i64::try_from(self.limit).unwrap_or(i64::MAX));
        match &self.after {
            None => Statement::new(self.sql.first, vec![limit]),
            Some(key) => {
                let mut params = after_key(key);
                params.push(limit);
                Statement::new(self.sql.next, params)
            }
        }
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| (0..row.len()).map(|column| row.get(column)).collect::<Result<_, _>>().map(Record))
    }
}

/// How many rows a table has.
struct Count(&'static TableSql);

impl Query for Count {
    type Output = u64;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(self.0.count, params![])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        let count: Option<i64> = rows.first(|row| row.get(0))?;
        Ok(count.unwrap_or_default().unsigned_abs())
    }
}

/// Counts a table's rows.
pub(super) async fn count(store: &Store, table: &Table) -> Result<u64, StorageError> {
    patiently(|| store.read(Count(table.sql()))).await
}

/// Reads again while the store has too much to do, a few times.
pub(super) async fn patiently<T, F: Future<Output = Result<T, StorageError>>>(
    read: impl Fn() -> F,
) -> Result<T, StorageError> {
    const ATTEMPTS: u32 = 10;
    for _ in 1..ATTEMPTS {
        match read().await {
            Err(StorageError::Overloaded { retry_after }) => {
                tokio::time::sleep(retry_after.min(Duration::from_secs(5))).await
            }
            other => return other,
        }
    }
    read().await
}

/// Rows per slice at most.
const MOST_ROWS: usize = 2_000;
/// Bytes per slice that are aimed at: rows that hold much come in fewer.
const BYTES: usize = 2 * 1024 * 1024;

/// Reads a table to its end, slice by slice.
pub(super) struct Reader {
    table: &'static Table,
    after: Option<Vec<Value>>,
    limit: usize,
    ended: bool,
}

impl Reader {
    /// Begins after a key, or at the first row.
    pub(super) fn after(table: &'static Table, after: Option<Vec<Value>>) -> Self {
        // Small at first: nobody knows yet how large rows are.
        Self { table, after, limit: 100, ended: false }
    }

    /// The next rows; none at the end.
    pub(super) async fn next(&mut self, store: &Store) -> Result<Option<Vec<Record>>, StorageError> {
        if self.ended {
            return Ok(None);
        }
        let slice = || Slice { sql: self.table.sql(), after: self.after.clone(), limit: self.limit };
        let rows = patiently(|| store.read(slice())).await?;
        let Some(last) = rows.last() else {
            self.ended = true;
            return Ok(None);
        };
        self.ended = rows.len() < self.limit;
        self.after = Some(last.key(self.table).to_vec());
        let mean = rows.iter().map(Record::bytes).sum::<usize>() / rows.len();
        self.limit = (BYTES / mean.max(1)).clamp(1, (self.limit * 4).min(MOST_ROWS));
        Ok(Some(rows))
    }
}

/// Which installation this is: a fingerprint of its secrets, which no two share and a copy does not change.
pub(super) async fn identity(store: &Store) -> Result<String, StorageError> {
    let mut checksum = Checksum::default();
    for table in tables::of_installation().filter(|table| table.name == "server_secrets") {
        let mut reader = Reader::after(table, None);
        while let Some(rows) = reader.next(store).await? {
            rows.iter().for_each(|row| checksum.add(row));
        }
    }
    Ok(checksum.shown())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Int),
            any::<String>().prop_map(Value::Text),
            any::<Vec<u8>>().prop_map(Value::Bytes),
        ]
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(values in prop::collection::vec(value(), 0..6)) {
            let mut bytes = Vec::new();
            encode(&values, &mut bytes);
            prop_assert!(decode(&bytes) == Some(values));
        }

        #[test]
        fn no_bytes_make_the_decoder_fail(bytes in any::<Vec<u8>>()) {
            if let Some(values) = decode(&bytes) {
                let mut again = Vec::new();
                encode(&values, &mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }

    #[test]
    fn a_checksum_minds_order_kinds_and_bounds() {
        let sum = |rows: &[Vec<Value>]| {
            let mut checksum = Checksum::default();
            rows.iter().for_each(|row| checksum.add(&Record(row.clone())));
            checksum.shown()
        };
        let different = [
            sum(&[params!["a", "b"]]),
            sum(&[params!["ab", ""]]),
            sum(&[params!["a"], params!["b"]]),
            sum(&[params!["b"], params!["a"]]),
            sum(&[params![b"a".as_slice(), "b"]]),
            sum(&[params!["a", None::<i64>]]),
            sum(&[params!["a", 0_i64]]),
            sum(&[]),
        ];
        let distinct: std::collections::BTreeSet<_> = different.iter().collect();
        assert_eq!(distinct.len(), different.len());
    }
}
