//! Replaying a log on a base: the same statements with the same parameters must have the same effect. Knows statements, not objects.

use crate::archive::Segment;
use protocol::Timestamp;
use rusqlite::{Connection, params_from_iter};

/// What became of a segment.
pub(super) struct Replayed {
    pub(super) commands: u64,
    /// The moment of the last batch that was replayed, when one was.
    pub(super) until: Option<Timestamp>,
}

/// Replays the batches of a segment after `after` and not later than `at`, all or none.
///
/// # Errors
/// What went otherwise than when it was recorded, to follow the segment's name.
pub(super) fn replay(
    connection: &mut Connection,
    segment: &Segment,
    after: u64,
    at: Option<Timestamp>,
) -> Result<Replayed, String> {
    let engine = |error: rusqlite::Error| format!("cannot be replayed: {error}");
    let transaction = connection.transaction().map_err(engine)?;
    let mut replayed = Replayed { commands: 0, until: None };
    let wanted =
        segment.batches.iter().filter(|batch| batch.number > after && at.is_none_or(|at| batch.at <= at));
    for batch in wanted {
        for command in &batch.commands {
            for step in command {
                let changed = transaction
                    .prepare_cached(segment.texts[step.text])
                    .and_then(|mut statement| statement.execute(params_from_iter(step.params.iter())))
                    .map_err(engine)?;
                if step.exactly.is_some_and(|count| u64::try_from(changed) != Ok(count)) {
                    return Err(format!("does not fit its base: batch {} had another effect", batch.number));
                }
            }
            replayed.commands += 1;
        }
        replayed.until = Some(batch.at);
    }
    transaction.commit().map_err(engine)?;
    Ok(replayed)
}
