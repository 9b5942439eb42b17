//! Audit events and the chain of blocks they end up in. An event is written by the command of the change that it tells of: both or neither.
//! Knows neither what an event says nor what makes a chain sound: lines and heads are text here.

use crate::contract::row::Rows;
use crate::contract::{
    Access, Announcing, AnnouncingSteps, Applied, Command, Query, Statement, Steps, StorageError,
};
use crate::params;
use protocol::AuditEventId;

/// An event as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuditEvent {
    /// Its id.
    pub id: AuditEventId,
    /// A line of JSON, without its end.
    pub line: String,
}

fn append(steps: &mut Steps, events: &[NewAuditEvent]) {
    for event in events {
        steps.one("INSERT INTO audit_events (id, line) VALUES (?, ?)", params![event.id, &event.line]);
    }
}

/// A command, and the events that tell of it: applied together or not at all.
pub struct Audited<C> {
    /// What changes something.
    pub command: C,
    /// What is told of it; nothing where nobody keeps it.
    pub events: Vec<NewAuditEvent>,
}

impl<C: Command> Command for Audited<C> {
    type Outcome = C::Outcome;

    fn steps(&self, steps: &mut Steps) {
        self.command.steps(steps);
        // Last: which step refused is for the command to know.
        append(steps, &self.events);
    }

    fn outcome(&self, applied: Applied) -> C::Outcome {
        self.command.outcome(applied)
    }
}

impl<C: Announcing> Announcing for Audited<C> {
    type Outcome = C::Outcome;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        self.command.steps(steps);
        append(steps, &self.events);
    }

    fn outcome(&self, applied: Applied) -> C::Outcome {
        self.command.outcome(applied)
    }
}

/// Writes events that stand for themselves. Refused when one of them was written before: then all of them were, by an attempt whose answer
/// was lost.
#[derive(Debug, Clone)]
pub struct AddAuditEvents(pub Vec<NewAuditEvent>);

impl Command for AddAuditEvents {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        append(steps, &self.0);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// The first events that are in no block yet.
pub struct UnsealedAuditEvents {
    /// Only those before this one.
    pub before: AuditEventId,
    /// How many at most.
    pub limit: u32,
}

impl Query for UnsealedAuditEvents {
    type Output = Vec<NewAuditEvent>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, line FROM audit_events WHERE id < ? ORDER BY id LIMIT ?",
            params![self.before, self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| Ok(NewAuditEvent { id: row.get(0)?, line: row.get(1)? }))
    }
}

/// A block of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditBlock {
    /// 1, 2, 3, ..
    pub number: i64,
    /// Lines of JSON, each with its end.
    pub events: String,
    /// What is signed of it.
    pub head: String,
}

/// Moves events into a block. Refused when the block's number is taken, or other events than these are there between the first and the last:
/// another node was faster, or an event arrived late.
pub struct SealAuditEvents {
    /// The block.
    pub block: AuditBlock,
    /// The first of its events.
    pub first: AuditEventId,
    /// The last.
    pub last: AuditEventId,
    /// How many they are.
    pub count: u64,
}

impl Command for SealAuditEvents {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "INSERT INTO audit_blocks (number, events, head) VALUES (?, ?, ?)",
            params![self.block.number, &self.block.events, &self.block.head],
        );
        steps.exactly(
            self.count,
            "DELETE FROM audit_events WHERE id >= ? AND id <= ?",
            params![self.first, self.last],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// A block without its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// Its number.
    pub number: i64,
    /// What is signed of it.
    pub head: String,
}

fn head_from(row: &crate::contract::row::Row<'_>) -> Result<AuditHead, StorageError> {
    Ok(AuditHead { number: row.get(0)?, head: row.get(1)? })
}

/// The newest head.
pub struct NewestAuditHead;

impl Query for NewestAuditHead {
    type Output = Option<AuditHead>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT number, head FROM audit_blocks WHERE number > ? ORDER BY number DESC LIMIT 1",
            params![0_i64],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(head_from)
    }
}

/// The heads after a number, in order.
pub struct AuditHeadsAfter {
    /// After which.
    pub after: i64,
    /// How many at most.
    pub limit: u32,
}

impl Query for AuditHeadsAfter {
    type Output = Vec<AuditHead>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT number, head FROM audit_blocks WHERE number > ? ORDER BY number LIMIT ?",
            params![self.after, self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(head_from)
    }
}

/// The blocks after a number, in order.
pub struct AuditBlocksAfter {
    /// After which.
    pub after: i64,
    /// How many at most.
    pub limit: u32,
}

impl Query for AuditBlocksAfter {
    type Output = Vec<AuditBlock>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT number, events, head FROM audit_blocks WHERE number > ? ORDER BY number LIMIT ?",
            params![self.after, self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| Ok(AuditBlock { number: row.get(0)?, events: row.get(1)?, head: row.get(2)? }))
    }
}

/// Forgets the oldest blocks.
pub struct ForgetAuditBlocks {
    /// The last of them.
    pub through: i64,
}

impl Command for ForgetAuditBlocks {
    type Outcome = ();

    fn steps(&self, steps: &mut Steps) {
        steps.any("DELETE FROM audit_blocks WHERE number <= ?", params![self.through]);
    }

    fn outcome(&self, _applied: Applied) {}
}
