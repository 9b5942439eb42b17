//! The statements that a request waits for, and what is said of an engine's plans for them: which read a whole table, and what to do about
//! it. Knows no engine; each asks in its own way.

use crate::contract::finding::Finding;

/// Every statement of a point query or a command, with the file it stands in: listed by the build script from the sources.
pub const STATEMENTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/statements.rs"));

/// The statements of the queries that say that they may scan, with the file each stands in: listed in the same way. Nobody waits for them in a
/// request.
pub const SCANS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/scans.rs"));

/// The statements that must find their rows by an index.
pub(crate) fn statements() -> impl Iterator<Item = &'static str> {
    STATEMENTS.iter().map(|(_, sql)| *sql)
}

/// What the plans of all statements showed.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    /// How many statements the database has a plan for.
    pub(crate) asked: usize,
    /// Statements for which no index can serve.
    pub(crate) no_index: Vec<&'static str>,
    /// Statements for which one could, and the large tables that are read whole all the same.
    pub(crate) not_used: Vec<(&'static str, String)>,
}

impl Plans {
    /// What an operator is told; nothing where the database has no plans to tell. `analyze` is how statistics are made anew.
    pub(crate) fn finding(&self, analyze: &str) -> Option<Finding> {
        const CHECK: &str = "plans";
        if self.asked == 0 {
            return None;
        }
        let some = |statements: Vec<&str>| {
            let more = statements.len().saturating_sub(3);
            let shown: Vec<&str> = statements.into_iter().take(3).collect();
            let more = if more == 0 { String::new() } else { format!("; and {more} more") };
            format!("{}{more}", shown.join("; "))
        };
        if !self.no_index.is_empty() {
            return Some(Finding::problem(
                CHECK,
                format!("no index serves {}", some(self.no_index.clone())),
                "make the keys and indexes of that table anew as the migrations have them: such a request reads the whole table",
            ));
        }
        if !self.not_used.is_empty() {
            let mut tables: Vec<&str> = self.not_used.iter().map(|(_, table)| table.as_str()).collect();
            tables.sort_unstable();
            tables.dedup();
            let remedies: Vec<String> = tables.iter().map(|table| format!("{analyze} {table}")).collect();
            let statements = self.not_used.iter().map(|(sql, _)| *sql).collect();
            return Some(Finding::problem(
                CHECK,
                format!("{} is read whole for {}", tables.join(", "), some(statements)),
                format!(
                    "{}: an index is there, but the statistics, or settings of costs, make the server think that it does not pay",
                    remedies.join("; ")
                ),
            ));
        }
        Some(Finding::ok(CHECK, format!("{} statements find their rows by an index", self.asked)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::finding::Verdict;

    #[test]
    fn a_missing_index_is_told_before_statistics_and_tables_once() {
        assert_eq!(Plans::default().finding("ANALYZE"), None);
        let mut plans = Plans { asked: 50, ..Plans::default() };
        assert_eq!(plans.finding("ANALYZE").unwrap().verdict, Verdict::Ok);
        plans.not_used =
            ["SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4"].map(|sql| (sql, "grants".to_owned())).into();
        let finding = plans.finding("ANALYZE").unwrap();
        assert_eq!(finding.found, "grants is read whole for SELECT 1; SELECT 2; SELECT 3; and 1 more");
        assert!(finding.remedy.unwrap().starts_with("ANALYZE grants: an index is there"));
        plans.no_index = vec!["SELECT 5"];
        assert!(plans.finding("ANALYZE").unwrap().found.contains("no index serves SELECT 5"));
    }
}
