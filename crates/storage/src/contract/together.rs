//! Queries that are answered from one snapshot. Knows that a query has a statement and a reader of rows; knows no engine but by name.

use crate::contract::row::{Fetched, Rows, Source};
use crate::contract::{Access, Query, Statement, StorageError};

/// One query, or a tuple of two or three, answered together.
pub trait Together: Send + Sync {
    /// What the caller learns.
    type Output: Send + 'static;
    /// The statements, made before they travel to the engine.
    type Statements: AsRef<[Statement]> + Send + Sync + 'static;
    /// A scan as soon as one of them is.
    const ACCESS: Access;
    /// Whether several statements must see one snapshot.
    const SNAPSHOT: bool;

    /// The statements and their parameters.
    fn statements(&self) -> Self::Statements;

    /// Reads every answer.
    ///
    /// # Errors
    /// The first error of any of them.
    fn read(statements: Self::Statements, answers: &mut Answers<'_>) -> Result<Self::Output, StorageError>;
}

/// Where answers come from: one variant per engine.
pub struct Answers<'a>(pub(crate) AnswerSource<'a>);

/// A connection that is ready to answer.
pub(crate) enum AnswerSource<'a> {
    Sqlite(&'a rusqlite::Connection),
    /// The rows of each statement, in order.
    Fetched(std::slice::Iter<'a, Vec<Fetched>>),
}

impl Answers<'_> {
    pub(crate) fn answer<Q: Query>(&mut self, statement: &Statement) -> Result<Q::Output, StorageError> {
        match &mut self.0 {
            AnswerSource::Sqlite(connection) => {
                crate::contract::row::sqlite::answer::<Q>(connection, statement)
            }
            AnswerSource::Fetched(answers) => {
                let rows = answers.next().map_or([].iter(), |rows| rows.iter());
                Q::read(&mut Rows(Source::Fetched(rows)))
            }
        }
    }
}

/// A query by itself.
pub(crate) struct One<Q>(pub(crate) Q);

impl<Q: Query> Together for One<Q> {
    type Output = Q::Output;
    type Statements = [Statement; 1];
    const ACCESS: Access = Q::ACCESS;
    const SNAPSHOT: bool = false;

    fn statements(&self) -> [Statement; 1] {
        [self.0.statement()]
    }

    fn read([statement]: [Statement; 1], answers: &mut Answers<'_>) -> Result<Q::Output, StorageError> {
        answers.answer::<Q>(&statement)
    }
}

impl<A: Query, B: Query> Together for (A, B) {
    type Output = (A::Output, B::Output);
    type Statements = [Statement; 2];
    const ACCESS: Access = widest(&[A::ACCESS, B::ACCESS]);
    const SNAPSHOT: bool = true;

    fn statements(&self) -> [Statement; 2] {
        [self.0.statement(), self.1.statement()]
    }

    fn read([a, b]: [Statement; 2], answers: &mut Answers<'_>) -> Result<Self::Output, StorageError> {
        Ok((answers.answer::<A>(&a)?, answers.answer::<B>(&b)?))
    }
}

impl<A: Query, B: Query, C: Query> Together for (A, B, C) {
    type Output = (A::Output, B::Output, C::Output);
    type Statements = [Statement; 3];
    const ACCESS: Access = widest(&[A::ACCESS, B::ACCESS, C::ACCESS]);
    const SNAPSHOT: bool = true;

    fn statements(&self) -> [Statement; 3] {
        [self.0.statement(), self.1.statement(), self.2.statement()]
    }

    fn read([a, b, c]: [Statement; 3], answers: &mut Answers<'_>) -> Result<Self::Output, StorageError> {
        Ok((answers.answer::<A>(&a)?, answers.answer::<B>(&b)?, answers.answer::<C>(&c)?))
    }
}

const fn widest(all: &[Access]) -> Access {
    let mut index = 0;
    while index < all.len() {
        if matches!(all[index], Access::Scan) {
            return Access::Scan;
        }
        index += 1;
    }
    Access::Point
}
