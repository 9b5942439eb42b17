//! Every table, once, with its columns, their kinds and its key: what a copy moves and a check walks. Knows no row and no engine; a test
//! holds it against the migrations, so that a new one cannot forget it.

use std::sync::LazyLock;

/// What a column holds, in the words of the migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 16 bytes.
    Id,
    /// 32 bytes.
    Hash,
    /// Bytes of any length.
    Bytes,
    /// Up to 255 characters, compared byte by byte.
    Name,
    /// Long text.
    Text,
    /// 64 bits.
    Int,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
}

/// To whom a table's rows belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belongs {
    /// To the installation: they move with it.
    Installation,
    /// To this one database and the processes on it: they stay where they are.
    Database,
}

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) belongs: Belongs,
    /// In the order of the migrations; the key's columns come first, in the key's order.
    pub(crate) columns: &'static [Column],
    /// How many of the columns are the key.
    pub(crate) key: usize,
    /// Columns that hold another table's id, and that table (whose key is one column).
    pub(crate) refers: &'static [(&'static str, &'static str)],
}

/// `name: Kind` is NOT NULL, `name: Kind = NULL` may be NULL.
macro_rules! columns {
    (@null ) => { false };
    (@null NULL) => { true };
    ($($name:ident : $kind:ident $(= $null:ident)?),+ $(,)?) => {
        &[$(Column { name: stringify!($name), kind: Kind::$kind, nullable: columns!(@null $($null)?) }),+]
    };
}

const fn table(name: &'static str, columns: &'static [Column]) -> Table {
    Table { name, belongs: Belongs::Installation, columns, key: 1, refers: &[] }
}

impl Table {
    const fn refers(self, refers: &'static [(&'static str, &'static str)]) -> Self {
        Self { refers, ..self }
    }

    /// Its key's columns.
    pub(crate) fn key_columns(&self) -> &'static [Column] {
        self.columns.get(..self.key).unwrap_or(self.columns)
    }

    /// Its statements.
    pub(crate) fn sql(&self) -> &'static TableSql {
        // Every table is in the list: the list is where tables come from.
        let index = TABLES.iter().position(|table| table.name == self.name).unwrap_or_default();
        &SQL[index]
    }
}

/// Every table that moves with an installation.
pub(crate) fn of_installation() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().filter(|table| table.belongs == Belongs::Installation)
}

/// Every table but the history of migrations, in the order of the migrations.
pub(crate) static TABLES: &[Table] = &[
    table(
        "users",
        columns![
            id: Id, username: Name, username_key: Name, email: Name = NULL, email_key: Name = NULL, email_verified: Int, name: Name = NULL,
            claims: Text, password_hash: Text = NULL, platform_owner: Int, created_at: Int, updated_at: Int, disabled_at: Int = NULL,
            signed_out_at: Int = NULL, founder: Int = NULL,
        ],
    ),
    table(
        "clients",
        columns![
            id: Name, metadata: Text, secret_hash: Hash = NULL, created_at: Int, updated_at: Int, service_id: Id = NULL,
            grants_ended_at: Int = NULL, imported_secret_hash: Text = NULL, version: Int,
        ],
    )
    .refers(&[("service_id", "services")]),
    table(
        "signing_keys",
        columns![
            kid: Name, algorithm: Name, generation: Int, sealed_private_key: Bytes, created_at: Int, current_at: Int = NULL, retired_at: Int = NULL,
            published_until: Int = NULL,
        ],
    ),
    table("server_secrets", columns![name: Name, sealed: Bytes, created_at: Int]),
    table(
        "sessions",
        columns![
            id: Id, secret_hash: Hash, user_id: Id, auth_time: Int, amr: Name, acr: Name, created_at: Int, last_seen_at: Int,
            expires_at: Int, ended_at: Int = NULL, persistent: Int = NULL,
        ],
    )
    .refers(&[("user_id", "users")]),
    table(
        "interactions",
        columns![
            id: Id, secret_hash: Hash, browser_hash: Hash, request: Text, progress: Text, created_at: Int, expires_at: Int,
            finished_at: Int = NULL,
        ],
    ),
    Table {
        key: 2,
        ..table("consents", columns![user_id: Id, client_id: Name, scope: Text, claims: Text, updated_at: Int])
    }
    .refers(&[("user_id", "users"), ("client_id", "clients")]),
    table(
        "grants",
        columns![
            id: Id, user_id: Id, client_id: Name, session_id: Id, scope: Text, claims: Text, auth_time: Int, amr: Name, acr: Name,
            offline: Int, created_at: Int, expires_at: Int, revoked_at: Int = NULL, resources: Text = NULL,
        ],
    )
    .refers(&[("user_id", "users"), ("client_id", "clients"), ("session_id", "sessions")]),
    table(
        "authorization_codes",
        columns![
            id: Id, secret_hash: Hash, grant_id: Id, client_id: Name, redirect_uri: Text, redirect_uri_given: Int,
            code_challenge: Name = NULL, nonce: Text = NULL, created_at: Int, expires_at: Int, spent_at: Int = NULL,
        ],
    )
    .refers(&[("grant_id", "grants"), ("client_id", "clients")]),
    table(
        "refresh_tokens",
        columns![
            id: Id, secret_hash: Hash, grant_id: Id, client_id: Name, generation: Int, created_at: Int, expires_at: Int,
            spent_at: Int = NULL, successor_id: Id = NULL,
        ],
    )
    .refers(&[("grant_id", "grants"), ("client_id", "clients"), ("successor_id", "refresh_tokens")]),
    table(
        "access_tokens",
        columns![id: Id, secret_hash: Hash, grant_id: Id = NULL, claims: Text, created_at: Int, expires_at: Int],
    )
    .refers(&[("grant_id", "grants")]),
    table("revocations", columns![id: Id, revoked_at: Int, expires_at: Int]),
    table(
        "one_time_links",
        columns![id: Id, secret_hash: Hash, purpose: Name, created_at: Int, expires_at: Int, spent_at: Int = NULL],
    ),
    table(
        "device_codes",
        columns![
            id: Id, secret_hash: Hash, client_id: Name, scope: Text, resources: Text = NULL, asked_from: Name = NULL,
            created_at: Int, expires_at: Int,
            decided_at: Int = NULL, grant_id: Id = NULL, spent_at: Int = NULL,
        ],
    )
    .refers(&[("client_id", "clients"), ("grant_id", "grants")]),
    table("user_codes", columns![id: Id, device_code_id: Id, expires_at: Int])
        .refers(&[("device_code_id", "device_codes")]),
    Table {
        belongs: Belongs::Database,
        ..table("commits", columns![id: Id, voided: Int, expires_at: Int])
    },
    Table {
        belongs: Belongs::Database,
        ..table(
            "nodes",
            columns![id: Id, name: Name, version: Name, started_at: Int, beats: Int, settled: Int],
        )
    },
    Table {
        belongs: Belongs::Database,
        key: 2,
        ..table("changes", columns![node_id: Id, number: Int, topic: Int, subject: Bytes])
    },
    Table { belongs: Belongs::Database, ..table("leases", columns![name: Name, holder: Id]) },
    Table {
        belongs: Belongs::Database,
        ..table(
            "copies",
            columns![table_name: Name, source: Name, last_key: Bytes = NULL, rows_copied: Int, checksum: Hash, finished: Int],
        )
    },
    table(
        "one_time_access_tokens",
        columns![
            id: Id, secret_hash: Hash, grant_id: Id = NULL, claims: Text, created_at: Int, expires_at: Int, spent_at: Int = NULL,
        ],
    )
    .refers(&[("grant_id", "grants")]),
    table("resource_servers", columns![id: Name, metadata: Text, created_at: Int, updated_at: Int, version: Int]),
    table(
        "api_keys",
        columns![
            id: Id, secret_hash: Hash, client_id: Name, name: Name, scope: Text, created_at: Int, expires_at: Int = NULL,
            last_used_at: Int = NULL, revoked_at: Int = NULL,
        ],
    )
    .refers(&[("client_id", "clients")]),
    table("spent_assertions", columns![id: Id, expires_at: Int]),
    table("certificate_bindings", columns![id: Id, certificate_hash: Hash, expires_at: Int])
        .refers(&[("id", "grants")]),
    table("assertion_issuers", columns![id: Name, metadata: Text, created_at: Int, updated_at: Int]),
    table(
        "organizations",
        columns![id: Id, slug: Name, name: Name, created_at: Int, updated_at: Int, disabled_at: Int = NULL, version: Int],
    ),
    table(
        "services",
        columns![id: Id, organization_id: Id, slug: Name, name: Name, created_at: Int, updated_at: Int],
    )
    .refers(&[("organization_id", "organizations")]),
    table(
        "plans",
        columns![id: Id, service_id: Id, slug: Name, name: Name, features: Text, created_at: Int, updated_at: Int, version: Int],
    )
    .refers(&[("service_id", "services")]),
    Table {
        key: 2,
        ..table(
            "subscriptions",
            columns![
                user_id: Id, service_id: Id, plan_id: Id, status: Name, current_period_end: Int = NULL, created_at: Int, updated_at: Int,
            ],
        )
    }
    .refers(&[("user_id", "users"), ("service_id", "services"), ("plan_id", "plans")]),
    Table {
        key: 2,
        ..table("memberships", columns![user_id: Id, organization_id: Id, role: Name, created_at: Int])
    }
    .refers(&[("user_id", "users"), ("organization_id", "organizations")]),
    table("installation", columns![name: Name, content: Text, updated_at: Int]),
    table("name_skeletons", columns![skeleton: Name, user_id: Id]),
    table("audit_events", columns![id: Id, line: Text]),
    table("audit_blocks", columns![number: Int, events: Text, head: Text]),
    table("given_subjects", columns![id: Id]),
    table(
        "carried_requests",
        columns![id: Id, secret_hash: Hash, endpoint: Name, params: Text, created_at: Int, expires_at: Int],
    ),
];

/// How many rows the longer of the two INSERT statements takes.
pub(crate) const ROWS_PER_INSERT: usize = 100;

/// A table's statements, in the portable subset. Made once per process, and only in one that copies or checks.
pub(crate) struct TableSql {
    /// The first rows in key order. One parameter: how many.
    pub(crate) first: &'static str,
    /// The rows after a key, in key order. Parameters: [`after_key`], and how many.
    pub(crate) next: &'static str,
    /// One row.
    pub(crate) insert_one: &'static str,
    /// [`ROWS_PER_INSERT`] rows.
    pub(crate) insert_many: &'static str,
    /// How many there are.
    pub(crate) count: &'static str,
    /// Deletes up to a value of the key's first column.
    pub(crate) delete_to: &'static str,
}

static SQL: LazyLock<Vec<TableSql>> = LazyLock::new(|| TABLES.iter().map(statements).collect());

/// The parameters of [`TableSql::next`] that say where to go on: for a key `(a, b)` they are `a, a, b`.
pub(crate) fn after_key<T: Clone>(key: &[T]) -> Vec<T> {
    let mut params = key.to_vec();
    if key.len() > 1 {
        params.splice(0..0, key.first().cloned());
    }
    params
}

/// A table's statements; what they say stays in memory.
pub(crate) fn statements(table: &Table) -> TableSql {
    let name = table.name;
    let columns = names(table.columns);
    let key = table.key_columns();
    let order = names(key);
    // A key of two columns is not compared as a row, which not every engine does by its index: `a >= ?` is what it seeks by.
    let after = match key {
        [first, second] => format!("{0} >= ? AND ({0} > ? OR {1} > ?)", first.name, second.name),
        _ => format!("{order} > ?"),
    };
    let row = format!("({})", vec!["?"; table.columns.len()].join(", "));
    let insert = |rows: usize| {
        format!("INSERT INTO {name} ({columns}) VALUES {}", vec![row.as_str(); rows].join(", ")).leak()
    };
    let first_key = key.first().map_or("", |column| column.name);
    TableSql {
        first: format!("SELECT {columns} FROM {name} ORDER BY {order} LIMIT ?").leak(),
        next: format!("SELECT {columns} FROM {name} WHERE {after} ORDER BY {order} LIMIT ?").leak(),
        insert_one: insert(1),
        insert_many: insert(ROWS_PER_INSERT),
        count: format!("SELECT count(*) FROM {name}").leak(),
        delete_to: format!("DELETE FROM {name} WHERE {first_key} <= ?").leak(),
    }
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::migrate;
    use std::collections::BTreeMap;

    /// Columns (name, kind, nullable) and key.
    type Made = (Vec<(String, String, bool)>, Vec<String>);

    /// The tables as the migrations make them.
    fn of_migrations() -> BTreeMap<String, Made> {
        let mut tables: BTreeMap<String, Made> = BTreeMap::new();
        for (_, text) in migrate::MIGRATIONS {
            let text: String = text
                .lines()
                .map(|line| line.split("--").next().unwrap_or_default().to_owned() + "\n")
                .collect();
            for statement in text.split(';') {
                let words: Vec<&str> = statement.split_whitespace().collect();
                match words.as_slice() {
                    ["CREATE", "TABLE", name, ..] => {
                        let body = statement.split_once('(').unwrap().1.rsplit_once(')').unwrap().0;
                        tables.insert((*name).to_owned(), body_of(body));
                    }
                    ["ALTER", "TABLE", name, "ADD", "COLUMN", column, kind, rest @ ..] => {
                        let column = ((*column).to_owned(), (*kind).to_owned(), rest.first() != Some(&"NOT"));
                        tables.get_mut(*name).unwrap().0.push(column);
                    }
                    ["DROP", "TABLE", name] => drop(tables.remove(*name).unwrap()),
                    []
                    | ["CREATE", "UNIQUE", "INDEX", ..]
                    | ["CREATE", "INDEX", ..]
                    | ["INSERT" | "UPDATE", ..] => {}
                    other => panic!("a migration does what this test does not know: {other:?}"),
                }
            }
        }
        tables
    }

    fn body_of(body: &str) -> Made {
        let (columns, key) = body.split_once("PRIMARY KEY").unwrap();
        let columns = columns
            .split(',')
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|words| !words.is_empty())
            .map(|words| (words[0].to_owned(), words[1].to_owned(), !words.contains(&"NOT")))
            .collect();
        // What may follow are further constraints.
        let key = key.split_once('(').unwrap().1.split_once(')').unwrap().0;
        (columns, key.split(',').map(|name| name.trim().to_owned()).collect())
    }

    #[test]
    fn the_list_is_what_the_migrations_make() {
        let mut made = of_migrations();
        for table in TABLES {
            let (columns, key) =
                made.remove(table.name).unwrap_or_else(|| panic!("{} is in no migration", table.name));
            let listed: Vec<_> = table
                .columns
                .iter()
                .map(|column| {
                    let kind = format!("{{{:?}}}", column.kind).to_lowercase();
                    (column.name.to_owned(), kind, column.nullable)
                })
                .collect();
            assert_eq!(listed, columns, "{}", table.name);
            let listed: Vec<_> = table.key_columns().iter().map(|column| column.name).collect();
            assert_eq!(listed, key, "{}: the key's columns come first", table.name);
            for (column, other) in table.refers {
                assert!(table.columns.iter().any(|listed| listed.name == *column), "{}.{column}", table.name);
                assert!(TABLES.iter().any(|table| table.name == *other && table.key == 1), "{other}");
            }
        }
        assert!(made.is_empty(), "a migration makes tables that are missing in this list: {:?}", made.keys());
    }

    #[test]
    fn what_follows_a_key_of_two_columns_is_sought_by_the_first() {
        let consents = TABLES.iter().find(|table| table.name == "consents").unwrap();
        assert_eq!(
            consents.sql().next,
            "SELECT user_id, client_id, scope, claims, updated_at FROM consents \
             WHERE user_id >= ? AND (user_id > ? OR client_id > ?) ORDER BY user_id, client_id LIMIT ?"
        );
        assert_eq!(after_key(&["u", "c"]), ["u", "u", "c"]);
        assert_eq!(after_key(&["u"]), ["u"]);
    }
}
