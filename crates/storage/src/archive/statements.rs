//! The statements that a log may hold, by number. A log names no SQL: whoever replays it runs only what this program once wrote itself.
//!
//! `statements.txt` holds one text a line, in order. A line is never removed: logs that were written before it went out of use still name it. A
//! statement's number is the beginning of its SHA-256, so that no line depends on its place.

use crate::archive::seal::sha256;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// Every statement that this program writes, or wrote in an earlier version.
const OURS: &str = include_str!("statements.txt");

static BY_NUMBER: LazyLock<HashMap<u64, &'static str>> =
    LazyLock::new(|| OURS.lines().map(|text| (number(text), text)).collect());

/// The statements that may stand in a log.
#[derive(Debug, Clone, Default)]
pub struct Statements {
    /// Beside this program's.
    more: Arc<HashMap<u64, &'static str>>,
}

impl Statements {
    /// Those of this program.
    pub fn ours() -> Self {
        Self::default()
    }

    /// Those of this program, and more: for whoever writes through a store with statements of its own.
    pub fn and(more: &[&'static str]) -> Self {
        Self { more: Arc::new(more.iter().map(|text| (number(text), *text)).collect()) }
    }

    /// A statement's number; nothing when it may not stand in a log.
    pub(crate) fn number(&self, text: &str) -> Option<u64> {
        let number = number(text);
        self.text(number).filter(|known| *known == text).map(|_| number)
    }

    /// Every line of the list.
    #[cfg(test)]
    pub(crate) fn every_one() -> impl Iterator<Item = &'static str> {
        OURS.lines()
    }

    /// The statement of a number.
    pub(crate) fn text(&self, number: u64) -> Option<&'static str> {
        BY_NUMBER.get(&number).or_else(|| self.more.get(&number)).copied()
    }
}

fn number(text: &str) -> u64 {
    sha256(text.as_bytes()).first_chunk().copied().map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    /// Every file of this crate whose statements a SQLite store may be given. Left out: the other engines' own, what is only for measuring, and copying
    /// from a database to another, which ships nothing.
    fn sources() -> Vec<PathBuf> {
        const OTHERS: [&str; 7] =
            ["postgres", "mysql", "network", "measure", "dialect.rs", "tables.rs", "statements.rs"];
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                // Of two files of this name, the nodes' has statements of commands.
                if OTHERS.contains(&name) && !path.ends_with("nodes/statements.rs") {
                    continue;
                }
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
        files
    }

    /// The string literals that write, as the compiler sees them.
    fn written(source: &str) -> Vec<String> {
        let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        // Tests are last in a file.
        let code = code.split("#[cfg(test)]\nmod").next().unwrap().replace("'\"'", "");
        let literals = code.split('"').skip(1).step_by(2).map(|literal| {
            let mut lines = literal.split("\\\n");
            let first = lines.next().unwrap().to_owned();
            lines.fold(first, |joined, line| joined + line.trim_start())
        });
        let writes = ["INSERT INTO ", "UPDATE ", "DELETE FROM "];
        literals
            .filter(|text| writes.iter().any(|verb| text.starts_with(verb) && text.len() > verb.len()))
            .collect()
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a switch of the tests, not a setting")]
    fn every_statement_that_is_written_has_a_line_and_none_is_ever_removed() {
        let mut found: BTreeSet<String> =
            sources().iter().flat_map(|path| written(&std::fs::read_to_string(path).unwrap())).collect();
        found.extend(crate::upkeep::sweep::deletes().map(str::to_owned));
        assert!(found.len() > 90, "only {} were found: the sources are read wrongly", found.len());
        assert!(found.iter().all(|text| !text.contains('\n')), "a line holds one statement");
        let listed: BTreeSet<String> = OURS.lines().map(str::to_owned).collect();
        let missing: Vec<&String> = found.difference(&listed).collect();
        if std::env::var_os("DOORWARD_BLESS").is_some() && !missing.is_empty() {
            let all: Vec<String> = found.union(&listed).cloned().collect();
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/archive/statements.txt");
            std::fs::write(path, all.join("\n") + "\n").unwrap();
            return;
        }
        assert!(
            missing.is_empty(),
            "add these lines to statements.txt, or run `cargo xtask bless`: {missing:#?}"
        );
        assert_eq!(
            OURS.lines().collect::<Vec<_>>(),
            listed.iter().collect::<Vec<_>>(),
            "in order, each once"
        );
        assert_eq!(BY_NUMBER.len(), listed.len(), "two statements have the same number");
    }

    #[test]
    fn a_number_names_one_text_and_others_have_none() {
        const MORE: &str = "UPDATE sessions SET ended_at = 0";
        let delete = "DELETE FROM clients WHERE id = ?";
        let ours = Statements::ours();
        assert_eq!(ours.text(ours.number(delete).unwrap()), Some(delete));
        assert_eq!((ours.number(MORE), ours.text(number(MORE)), ours.text(0)), (None, None, None));
        let more = Statements::and(&[MORE]);
        assert_eq!(more.text(more.number(MORE).unwrap()), Some(MORE));
        assert!(more.number(delete).is_some());
        // A number is a promise to logs that were written long ago.
        assert_eq!(number(delete), 14_604_486_129_111_016_090);
    }
}
