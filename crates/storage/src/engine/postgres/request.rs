//! As few requests as the steps of a transaction can be: each costs the server an answer of its own, and us to wake for it. Knows how a
//! statement is written that does more than its step; sends nothing.

use super::as_sql;
use crate::contract::{Expect, Step};
use crate::engine::network::driver::RECORD;
use std::borrow::Cow;
use std::fmt::Write as _;
use tokio_postgres::types::ToSql;

/// Steps of a transaction whose record travels with the last of them, or that are one statement.
const FEW: usize = 8;

/// What is sent at once.
pub(super) struct Request<'a> {
    pub(super) text: Text,
    pub(super) params: Vec<&'a (dyn ToSql + Sync)>,
}

/// A statement, by what it does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Text {
    /// A step.
    Step(&'static str),
    /// The last step, and the record of the commit.
    Last(&'static str),
    /// A whole command: its first step, which fails unless it changes as many rows as it must; rows that are added; the record.
    Whole { first: &'static str, count: Option<u64>, inserts: Vec<&'static str> },
}

impl Text {
    pub(super) fn records(&self) -> bool {
        !matches!(self, Self::Step(_))
    }

    /// The statement, with placeholders as they stand in the steps.
    pub(super) fn written(&self) -> Cow<'static, str> {
        match self {
            Self::Step(sql) => Cow::Borrowed(sql),
            Self::Last(sql) => Cow::Owned(format!("WITH recorded AS ({RECORD}) {sql}")),
            Self::Whole { first, count, inserts } => Cow::Owned(whole_text(first, *count, inserts)),
        }
    }
}

fn whole_text(first: &str, count: Option<u64>, inserts: &[&str]) -> String {
    let mut text = match count {
        Some(_) => format!("WITH changed AS ({first} RETURNING 1)"),
        None => format!("WITH changed AS ({first})"),
    };
    for (index, insert) in inserts.iter().enumerate() {
        let _ = write!(text, ", added_{index} AS ({insert})");
    }
    match count {
        // Another count divides by zero.
        Some(count) => {
            let _ = write!(
                text,
                " INSERT INTO commits (id, voided, expires_at) SELECT CAST(? AS BYTEA), CAST(? AS BIGINT), \
                 CAST(CAST(? AS BIGINT) / CASE count(*) WHEN {count} THEN 1 ELSE 0 END AS BIGINT) FROM changed"
            );
        }
        None => {
            let _ = write!(text, " {RECORD}");
        }
    }
    text
}

/// The requests for these steps.
pub(super) fn requests<'a>(steps: &[&'a Step]) -> Vec<Request<'a>> {
    let plain =
        |step: &&'a Step| Request { text: Text::Step(step.sql), params: as_sql(&step.params).collect() };
    match steps {
        // In a long one it is lost among the others, and would be one more statement to prepare.
        [before @ .., last, record] if record.sql == RECORD && steps.len() <= FEW => {
            let params = as_sql(&record.params).chain(as_sql(&last.params)).collect();
            let last = Request { text: Text::Last(last.sql), params };
            before.iter().map(plain).chain([last]).collect()
        }
        steps => steps.iter().map(plain).collect(),
    }
}

/// The whole command and its record as one statement. No part of a statement sees what another part changes; so this is only for a first
/// step and rows that are added after it, which look at nothing.
pub(super) fn whole<'a>(steps: &[&'a Step]) -> Option<Request<'a>> {
    let [first, inserts @ .., _record] = steps else { return None };
    if !is_one_statement(steps) {
        return None;
    }
    let text = Text::Whole {
        first: first.sql,
        count: first.expect.count().filter(|_| !first.counts_itself()),
        inserts: inserts.iter().map(|step| step.sql).collect(),
    };
    Some(Request { text, params: steps.iter().flat_map(|step| as_sql(&step.params)).collect() })
}

/// Whether [`whole`] takes these steps.
pub(super) fn is_one_statement(steps: &[&Step]) -> bool {
    let [first, inserts @ .., record] = steps else { return false };
    // Nor one that takes the place of what the first removes: the server may well run it first.
    let adds = |step: &&Step| step.expect == Expect::Exactly(1) && step.counts_itself();
    // The records are swept by commands, too: no table is changed twice where that can be helped.
    steps.len() <= FEW
        && record.sql == RECORD
        && !first.sql.contains(" commits ")
        && (!inserts.is_empty() || !first.counts_itself())
        && inserts.iter().all(adds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    #[test]
    fn a_command_is_one_statement_where_its_steps_do_not_look_at_each_other() {
        let step = |sql, params, expect| Step { sql, params, expect };
        let one = Expect::Exactly(1);
        let update = step("UPDATE t SET a = ?", params![1_i64], one);
        let delete = step("DELETE FROM t WHERE a = ?", params![1_i64], Expect::Any);
        let insert = step("INSERT INTO u (a, b) VALUES (?, ?)", params![1_i64, 2_i64], one);
        let replacing = Step { expect: Expect::Replacing, ..insert.clone() };
        let sweep = step("DELETE FROM commits WHERE id > ?", params![b"".as_slice()], Expect::Any);
        let record = step(RECORD, params![b"id".as_slice(), false, 3_i64], one);
        let guard = "INSERT INTO commits (id, voided, expires_at) SELECT CAST(? AS BYTEA), CAST(? AS BIGINT), \
                     CAST(CAST(? AS BIGINT) / CASE count(*) WHEN 1 THEN 1 ELSE 0 END AS BIGINT) FROM changed";
        let add = "added_0 AS (INSERT INTO u (a, b) VALUES (?, ?))";
        let cases = [
            (vec![&update, &record], format!("WITH changed AS (UPDATE t SET a = ? RETURNING 1) {guard}")),
            (
                vec![&update, &insert, &record],
                format!("WITH changed AS (UPDATE t SET a = ? RETURNING 1), {add} {guard}"),
            ),
            (
                vec![&delete, &insert, &record],
                format!("WITH changed AS (DELETE FROM t WHERE a = ?), {add} {RECORD}"),
            ),
        ];
        for (steps, text) in cases {
            let request = whole(&steps).unwrap();
            assert_eq!(request.text.written(), text);
            assert_eq!(request.params.len(), text.matches('?').count());
        }
        // What comes second may look at what the first has changed; and what is a request of its own already needs no other form.
        for steps in [
            vec![&insert, &update, &record],
            vec![&update, &delete, &record],
            vec![&sweep, &insert, &record],
            vec![&delete, &replacing, &record],
            vec![&insert, &record],
            vec![&update, &insert],
            vec![&record],
        ] {
            assert!(whole(&steps).is_none(), "{steps:?}");
        }
    }
}
