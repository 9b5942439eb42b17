//! Subjects that were given rather than made here: of clients whose `client_id` is a UUID, and of users that came with one. A subject
//! belongs to one or the other, never to both (RFC 9700 section 4.15).
//!
//! Two that are given at the same moment meet in the key of this table. A subject that is made here is random, so that nobody can give
//! it at the moment it is made: once it is there, the row of its user is what a client meets.

use crate::contract::Steps;
use crate::params;
use protocol::{ClientId, UserId};

/// How many steps [`take`] has.
pub(crate) const STEPS: usize = 2;

/// Takes a subject; refused when it is a user's, or was given to anybody.
pub(crate) fn take(steps: &mut Steps, subject: UserId) {
    steps.one("INSERT INTO given_subjects (id) VALUES (?)", params![subject]);
    steps.exactly(0, "UPDATE users SET updated_at = updated_at WHERE id = ?", params![subject]);
}

/// Nobody has it any more.
pub(crate) fn leave(steps: &mut Steps, subject: UserId) {
    steps.any("DELETE FROM given_subjects WHERE id = ?", params![subject]);
}

/// The subject that a `client_id` could be taken for.
pub fn as_subject(client: &ClientId) -> Option<UserId> {
    client.as_str().parse().ok()
}
