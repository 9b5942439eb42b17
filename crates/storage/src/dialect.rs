//! What differs between the engines, in one file. Everything else is written once, in the portable subset.

/// An engine's way of saying things.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// The words that migrations leave open, and what this engine calls them.
    words: &'static [(&'static str, &'static str)],
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
    transactional_schema: true,
};

impl Dialect {
    /// A migration's text in this engine's words.
    pub(crate) fn schema(&self, portable: &str) -> String {
        self.words.iter().fold(portable.to_owned(), |text, (word, native)| text.replace(word, native))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
