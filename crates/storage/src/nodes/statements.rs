//! The commands and queries by which nodes know of each other. Knows rows; what they mean is `positions` and `mod`.

use super::positions::{NodeId, Polled};
use super::{NewNode, RegisteredNode};
use crate::contract::row::Rows;
use crate::contract::together::{Answers, Together};
use crate::contract::{Access, Applied, Change, Command, Query, Statement, Steps, StorageError};
use crate::params;

/// A node appears, or appears again.
pub(super) struct Register<'a> {
    pub(super) node: &'a NewNode,
    pub(super) settled: i64,
}

impl Command for Register<'_> {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "INSERT INTO nodes (id, name, version, started_at, beats, settled) VALUES (?, ?, ?, ?, 0, ?)",
            params![
                self.node.id.as_slice(),
                &self.node.name,
                &self.node.version,
                self.node.started_at,
                self.settled
            ],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// A node lives. Refused when the others have given it up.
pub(super) struct Beat {
    pub(super) id: NodeId,
    pub(super) settled: i64,
    /// Its own changes up to here were seen by everybody who polls at all.
    pub(super) forget_through: Option<i64>,
}

impl Command for Beat {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "UPDATE nodes SET beats = beats + 1, settled = ? WHERE id = ?",
            params![self.settled, self.id.as_slice()],
        );
        if let Some(through) = self.forget_through {
            steps.any(
                "DELETE FROM changes WHERE node_id = ? AND number <= ?",
                params![self.id.as_slice(), through],
            );
        }
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// A node's last beat: its leases are free at once. The others give it up when they hear no more of it, and by then have seen its changes.
pub(super) struct Leave {
    pub(super) id: NodeId,
    pub(super) settled: i64,
}

impl Command for Leave {
    type Outcome = ();

    fn steps(&self, steps: &mut Steps) {
        Beat { id: self.id, settled: self.settled, forget_through: None }.steps(steps);
        steps.any("DELETE FROM leases WHERE holder = ?", params![self.id.as_slice()]);
    }

    fn outcome(&self, _applied: Applied) {}
}

/// A node is given up; refused when it lives after all.
pub(super) struct GiveUp {
    pub(super) id: NodeId,
    /// Its heartbeats, as they were all the time.
    pub(super) beats: i64,
}

impl Command for GiveUp {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one("DELETE FROM nodes WHERE id = ? AND beats = ?", params![self.id.as_slice(), self.beats]);
        steps.any("DELETE FROM leases WHERE holder = ?", params![self.id.as_slice()]);
        steps.any("DELETE FROM changes WHERE node_id = ?", params![self.id.as_slice()]);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Every node that has not been given up.
pub(super) struct ListNodes;

impl Query for ListNodes {
    type Output = Vec<RegisteredNode>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, name, version, started_at, beats, settled FROM nodes ORDER BY started_at, id",
            params![],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| {
            Ok(RegisteredNode {
                id: row.get(0)?,
                name: row.get(1)?,
                version: row.get(2)?,
                started_at: row.get(3)?,
                beats: row.get(4)?,
                settled: row.get(5)?,
            })
        })
    }
}

/// The changes of one node after a number.
struct ChangesAfter(NodeId, i64);

impl Query for ChangesAfter {
    type Output = Vec<(i64, Option<Change>)>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT number, topic, subject FROM changes WHERE node_id = ? AND number > ? ORDER BY number LIMIT 1000",
            params![self.0.as_slice(), self.1],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| {
            let subject: Vec<u8> = row.get(2)?;
            Ok((row.get(0)?, Change::decode(row.get(1)?, &subject)))
        })
    }
}

/// The nodes, and the changes of those that are followed; nodes first.
pub(super) struct Poll(pub(super) Vec<(NodeId, i64)>);

pub(super) struct PollStatements {
    statements: Vec<Statement>,
    of: Vec<NodeId>,
}

impl AsRef<[Statement]> for PollStatements {
    fn as_ref(&self) -> &[Statement] {
        &self.statements
    }
}

impl Together for Poll {
    type Output = Polled<Option<Change>>;
    type Statements = PollStatements;
    const ACCESS: Access = Access::Scan;
    const SNAPSHOT: bool = true;

    fn statements(&self) -> PollStatements {
        let ranges = self.0.iter().map(|(id, after)| ChangesAfter(*id, *after).statement());
        PollStatements {
            statements: std::iter::once(ListNodes.statement()).chain(ranges).collect(),
            of: self.0.iter().map(|(id, _)| *id).collect(),
        }
    }

    fn read(asked: PollStatements, answers: &mut Answers<'_>) -> Result<Self::Output, StorageError> {
        let mut statements = asked.statements.iter();
        let mut polled = Polled { nodes: Vec::new(), changes: Vec::new() };
        if let Some(statement) = statements.next() {
            let nodes = answers.answer::<ListNodes>(statement)?;
            polled.nodes = nodes.into_iter().map(|node| (node.id, node.settled)).collect();
        }
        for (id, statement) in asked.of.into_iter().zip(statements) {
            polled.changes.push((id, answers.answer::<ChangesAfter>(statement)?));
        }
        Ok(polled)
    }
}

/// Takes a lease; refused when somebody holds it.
pub(super) struct TakeLease {
    pub(super) name: &'static str,
    pub(super) holder: NodeId,
}

impl Command for TakeLease {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "INSERT INTO leases (name, holder) VALUES (?, ?)",
            params![self.name, self.holder.as_slice()],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Who holds a lease.
pub(super) struct HolderOf(pub(super) &'static str);

impl Query for HolderOf {
    type Output = Option<NodeId>;

    fn statement(&self) -> Statement {
        Statement::new("SELECT holder FROM leases WHERE name = ?", params![self.0])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| row.get(0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::positions::PAGE;
    use super::*;

    #[test]
    fn a_page_is_what_the_statement_says() {
        assert!(ChangesAfter([0; 16], 0).statement().sql.ends_with(&format!("LIMIT {PAGE}")));
    }
}
