//! An installation in which no table is empty and every value is awkward: for what must carry everything along. The tables are read from
//! the schema, so that a new one is filled too.

use crate::fixture::{Do, any, one};
use std::path::Path;
use storage::{Step, Store, Value};

/// Texts that engines have been known to change.
const AWKWARD: &[&str] = &[
    "",
    " ",
    "trailing  ",
    "naïve 日本語 🚪",
    "tab\tline\nreturn\r",
    "'; DROP TABLE users --",
    "%_\\\\",
    "İstanbul ẞ ﬃ",
];
/// Columns that hold long text; other text is a name.
const LONG: &[&str] = &[
    "claims",
    "metadata",
    "request",
    "progress",
    "nonce",
    "redirect_uri",
    "scope",
    "password_hash",
    "features",
    "line",
    "events",
    "head",
];

struct Column {
    name: String,
    kind: String,
    nullable: bool,
    is_key: bool,
    is_unique: bool,
}

/// Every table's columns, by a database's own account.
fn schema(database: &Path) -> Vec<(String, Vec<Column>)> {
    let raw = rusqlite::Connection::open(database).unwrap();
    let mut tables = raw
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('refinery_schema_history', 'commits', 'nodes', 'changes', 'leases', 'copies')")
        .unwrap();
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    tables
        .into_iter()
        .map(|table| {
            let mut unique = raw
                .prepare(
                    "SELECT column.name FROM pragma_index_list(?) AS made, pragma_index_info(made.name) AS column \
                     WHERE made.\"unique\" = 1",
                )
                .unwrap();
            let unique: Vec<String> =
                unique.query_map([&table], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
            let mut columns = raw.prepare(&format!("PRAGMA table_info({table})")).unwrap();
            let columns = columns
                .query_map([], |row| {
                    Ok(Column {
                        name: row.get(1)?,
                        kind: row.get(2)?,
                        nullable: !row.get::<_, bool>(3)?,
                        is_key: row.get::<_, i64>(5)? > 0,
                        is_unique: unique.contains(&row.get(1)?),
                    })
                })
                .unwrap();
            let columns = columns.collect::<Result<_, _>>().unwrap();
            (table, columns)
        })
        .collect()
}

/// A value for a column of the row with this number.
fn value(column: &Column, number: u64) -> Value {
    let name = column.name.as_str();
    if column.nullable && number.is_multiple_of(3) {
        return Value::Null;
    }
    let scattered = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ name.len() as u64;
    match column.kind.as_str() {
        "INTEGER" if column.is_unique => Value::Int(i64::try_from(number).unwrap()),
        "INTEGER" => Value::Int([0, 1, -1, i64::MAX, i64::MIN, 1_795_301_281_000][(scattered % 6) as usize]),
        "BLOB" if number == 1 => Value::Bytes(vec![0xFF; length(name)]),
        "BLOB" => {
            let mut bytes = scattered.to_be_bytes().to_vec();
            bytes.extend(number.to_le_bytes());
            bytes.resize(length(name), 0);
            Value::Bytes(bytes)
        }
        // Neighbours differ by a space at the end, by case or by an accent only.
        _ if column.is_unique => Value::Text(format!(
            "{}{}",
            number / 8,
            ["k", "K", "k ", "K ", "ké", "ke", "k\t", "🚪"][(number % 8) as usize]
        )),
        _ if LONG.contains(&name) && number == 2 => Value::Text("long 日本 ".repeat(20_000)),
        _ => Value::Text(AWKWARD[(scattered % AWKWARD.len() as u64) as usize].to_owned()),
    }
}

fn length(name: &str) -> usize {
    match name {
        _ if name.ends_with("_hash") => 32,
        "id" => 16,
        _ if name.ends_with("_id") => 16,
        _ => 100,
    }
}

fn row(table: &str, columns: &[Column], number: u64) -> Step {
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    let places = vec!["?"; columns.len()].join(", ");
    let sql = format!("INSERT INTO {table} ({}) VALUES ({places})", names.join(", ")).leak();
    one(sql, columns.iter().map(|column| value(column, number)).collect())
}

/// Puts `rows` rows into every table of a store; `shape` is a SQLite database with the same schema.
pub(crate) async fn fill(store: &Store, shape: &Path, rows: u64) {
    for (table, columns) in schema(shape) {
        for from in (0..rows).step_by(500) {
            let steps = (from..rows.min(from + 500)).map(|number| row(&table, &columns, number)).collect();
            assert!(store.write(Do(steps)).await.unwrap().is_done(), "{table}");
        }
    }
}

/// One statement on a store.
pub(crate) async fn change(store: &Store, sql: &'static str) {
    assert!(store.write(Do(vec![any(sql, Vec::new())])).await.unwrap().is_done());
}

/// Everything in a SQLite file but its history and its marks, as text.
pub(crate) fn dump(database: &Path) -> String {
    dump_like(database, database)
}

/// As text, the tables and columns of `database` that `other` has too.
pub(crate) fn dump_like(database: &Path, other: &Path) -> String {
    let raw = rusqlite::Connection::open(database).unwrap();
    let mut dump = String::new();
    for (table, columns) in schema(other) {
        let key: Vec<_> =
            columns.iter().filter(|column| column.is_key).map(|column| column.name.as_str()).collect();
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        let (names, key) = (names.join(", "), key.join(", "));
        let mut select = raw.prepare(&format!("SELECT {names} FROM {table} ORDER BY {key}")).unwrap();
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<_> =
                (0..columns.len()).map(|index| format!("{:?}", row.get_ref(index).unwrap())).collect();
            dump.push_str(&format!("{table}: {}\n", values.join(" | ")));
        }
    }
    dump
}
