//! What differs between the engines, in one file. Everything else is written once, in the portable subset.

/// An engine's way of saying things.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// The words that migrations leave open, and what this engine calls them.
    words: &'static [(&'static str, &'static str)],
    /// What stands in statements as a comment, and what this engine needs there.
    clauses: &'static [(&'static str, &'static str)],
    /// Whether placeholders are numbered (`$1`), not `?`.
    numbered: bool,
    /// Whether creating a table can be rolled back, so that all migrations share one transaction.
    pub(crate) transactional_schema: bool,
}

/// SQLite. STRICT keeps a column to its type; WITHOUT ROWID makes the primary key's tree the table: time-ordered keys are appended.
pub(crate) const SQLITE: Dialect = Dialect {
    words: &[
        ("{id}", "BLOB"),
        ("{hash}", "BLOB"),
        ("{bytes}", "BLOB"),
        ("{name}", "TEXT"),
        ("{text}", "TEXT"),
        ("{int}", "INTEGER"),
        ("{keyed}", "STRICT, WITHOUT ROWID"),
    ],
    clauses: &[],
    numbered: false,
    transactional_schema: true,
};

/// PostgreSQL. `READ COMMITTED` is enough because every guard locks what it looks at: rows of its own table by the UPDATE itself, rows of others
/// by FOR SHARE. Text is compared byte by byte, as everywhere.
pub(crate) const POSTGRES: Dialect = Dialect {
    words: &[
        ("{id}", "BYTEA"),
        ("{hash}", "BYTEA"),
        ("{bytes}", "BYTEA"),
        ("{name}", "VARCHAR(255) COLLATE \"C\""),
        ("{text}", "TEXT"),
        ("{int}", "BIGINT"),
        (" {keyed}", ""),
    ],
    clauses: &[("/* share */", "FOR SHARE")],
    numbered: true,
    transactional_schema: true,
};

/// MySQL 8, MariaDB, and what speaks like them. Names are compared byte by byte, trailing spaces included; the two families call
/// that collation by different names, and each reads only its own kind of comment. Creating a table commits by itself.
pub(crate) const MYSQL: Dialect = Dialect {
    words: &[
        ("{id}", "BINARY(16)"),
        ("{hash}", "BINARY(32)"),
        ("{bytes}", "LONGBLOB"),
        ("{name}", "VARCHAR(255)"),
        ("{text}", "LONGTEXT"),
        ("{int}", "BIGINT"),
        (
            "{keyed}",
            "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE /*!80017 utf8mb4_0900_bin */ /*M! utf8mb4_nopad_bin */",
        ),
    ],
    // At REPEATABLE READ whatever a statement that writes looks at is locked, and read as it is now.
    clauses: &[],
    numbered: false,
    transactional_schema: false,
};

impl Dialect {
    /// A migration's text in this engine's words.
    pub(crate) fn schema(&self, portable: &str) -> String {
        self.words.iter().fold(portable.to_owned(), |text, (word, native)| text.replace(word, native))
    }

    /// A statement's text as this engine wants it. SQLite takes it as it stands.
    pub(crate) fn statement(&self, portable: &str) -> String {
        let text =
            self.clauses.iter().fold(portable.to_owned(), |text, (word, native)| text.replace(word, native));
        if !self.numbered {
            return text;
        }
        let mut numbered = String::with_capacity(text.len() + 16);
        let (mut count, mut quoted) = (0, false);
        for letter in text.chars() {
            quoted ^= letter == '\'';
            if letter == '?' && !quoted {
                count += 1;
                numbered.push('$');
                numbered.push_str(&count.to_string());
            } else {
                numbered.push(letter);
            }
        }
        numbered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_outside_of_quotes() {
        let portable =
            "UPDATE t SET a = ?, b = '?' WHERE c = ? AND EXISTS (SELECT 1 FROM u WHERE d = ? /* share */)";
        let native =
            "UPDATE t SET a = $1, b = '?' WHERE c = $2 AND EXISTS (SELECT 1 FROM u WHERE d = $3 FOR SHARE)";
        assert_eq!(POSTGRES.statement(portable), native);
    }

    #[test]
    fn every_word_is_replaced() {
        let portable = "CREATE TABLE t (a {id} NOT NULL, b {hash}, c {bytes}, d {name}, e {text}, f {int}, PRIMARY KEY (a)) {keyed};";
        let native = SQLITE.schema(portable);
        assert_eq!(
            native,
            "CREATE TABLE t (a BLOB NOT NULL, b BLOB, c BLOB, d TEXT, e TEXT, f INTEGER, PRIMARY KEY (a)) STRICT, WITHOUT ROWID;"
        );
    }
}
