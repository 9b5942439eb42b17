//! Assertions that were accepted (RFC 7523 section 3, rule 7). The INSERT is the spending: the key decides who was first.

use crate::contract::{Applied, Command, Steps};
use crate::params;
use protocol::Timestamp;

/// Spends an assertion; refused when it was spent before.
pub struct SpendAssertion {
    /// Derived from who made it and its `jti`.
    pub id: [u8; 16],
    /// From when on it is refused because it has expired.
    pub expires_at: Timestamp,
}

impl Command for SpendAssertion {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "INSERT INTO spent_assertions (id, expires_at) VALUES (?, ?)",
            params![self.id.as_slice(), self.expires_at],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
