//! One attempt at one transaction of several commands: what came of it, for all of them or the one that spoiled it. Knows row counts and
//! failures; knows no queue, no caller and no second try.

use crate::contract::{Applied, Expect, Step, Steps, StorageError};
use crate::engine::clock;
use crate::engine::job::Answer;
use crate::engine::network::Shared;
use crate::engine::network::driver::{Driver, DriverError, RECORD, StepFailure};
use crate::engine::network::identity::CommitId;
use crate::engine::network::resolve::{self, Resolved};
use crate::params;
use std::future::Future;
use std::time::Duration;

/// How long the record of a commit is kept: much longer than anybody tries to find out about it.
const RECORD_KEPT_FOR: Duration = Duration::from_secs(900);

/// What came of it.
pub(super) enum Attempt {
    /// Committed; one answer for each command.
    Committed(Vec<Answer>),
    /// Nothing was applied, because of the command at this place.
    Spoiled(usize, Spoil),
    /// Nothing was applied, and no command is to blame: it is worth another try.
    Again(String),
    /// Nothing was applied: the server cannot do it now.
    Engine(String),
    /// All of it was applied, or nothing.
    Undecided(String),
}

/// How a command spoiled it.
pub(super) enum Spoil {
    /// This is its answer, if it is the answer when it is tried alone.
    Answer(Answer),
    /// Somebody else was in its way.
    Conflict(String),
}

/// The record of a commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) id: CommitId,
    /// By this node's clock; others may sweep by theirs.
    pub(super) expires_at: i64,
}

impl Record {
    fn new(id: CommitId) -> Self {
        let kept_for = i64::try_from(RECORD_KEPT_FOR.as_millis()).unwrap_or(i64::MAX);
        Self { id, expires_at: clock::wall_millis().saturating_add(kept_for) }
    }

    /// The step that records the commit, or that it never will be.
    pub(super) fn step(self, voided: bool) -> Step {
        Step {
            sql: RECORD,
            params: params![self.id.0.as_slice(), voided, self.expires_at],
            expect: Expect::Exactly(1),
        }
    }
}

/// Runs the commands in one transaction on the connection. It is left in its place only while it can be trusted.
pub(super) async fn attempt<D: Driver>(
    shared: &Shared<D>,
    kept: &mut Option<D::Connection>,
    commands: &[&Steps],
) -> Attempt {
    let Some(mut connection) = kept.take() else { return Attempt::Again("no connection".to_owned()) };
    let record = Record::new(shared.ids.next());
    let recorded = record.step(false);
    let mut steps: Vec<&Step> = commands.iter().flat_map(|command| command.as_slice()).collect();
    steps.push(&recorded);
    let whole = commands.len() == 1 && shared.driver.takes_whole(&connection, &steps);
    if whole || steps.iter().all(|step| step.counts_itself()) {
        match at_once(shared, kept, connection, (commands, &steps, whole), record).await {
            Joint::Ended(attempt) => return attempt,
            // Nothing of it stands, so its record's id is free.
            Joint::Untold(undone) => connection = undone,
        }
    }
    let ran = bounded(shared, shared.driver.run(&mut connection, &steps)).await;
    let verdict = match ran {
        None => {
            shared.ails(unanswered());
            return Attempt::Again(unanswered());
        }
        Some(Err(StepFailure { error: DriverError::Lost(why), .. })) => return Attempt::Again(why),
        Some(Err(failure)) => Err(failed(commands, failure)),
        Some(Ok(counts)) => judged(commands, &counts),
    };
    let answers = match verdict {
        Ok(answers) => answers,
        Err(attempt) => {
            undo(shared, kept, connection, &attempt).await;
            return attempt;
        }
    };
    let why = match bounded(shared, shared.driver.commit(&mut connection)).await {
        Some(Ok(())) => {
            *kept = Some(connection);
            return Attempt::Committed(answers);
        }
        Some(Err(DriverError::Conflict(why) | DriverError::Statement(why))) => return Attempt::Again(why),
        Some(Err(DriverError::Taken)) => return Attempt::Again("a key was taken at the commit".to_owned()),
        Some(Err(error)) => in_words(error),
        None => unanswered(),
    };
    drop(connection);
    match resolve::resolve(shared, record).await {
        Resolved::Committed => Attempt::Committed(answers),
        Resolved::Voided => Attempt::Again(why),
        Resolved::Unknown => Attempt::Undecided(why),
    }
}

/// What came of asking for everything at once.
enum Joint<C> {
    Ended(Attempt),
    /// Nothing was applied, and why was not said. Nothing is open on the connection.
    Untold(C),
}

/// The same where no count has to be looked at before COMMIT: one round trip less.
async fn at_once<D: Driver>(
    shared: &Shared<D>,
    kept: &mut Option<D::Connection>,
    mut connection: D::Connection,
    (commands, steps, whole): (&[&Steps], &[&Step], bool),
    record: Record,
) -> Joint<D::Connection> {
    let committed = || Attempt::Committed(commands.iter().map(|_| Ok(Applied::Done)).collect());
    let ran = async {
        match whole {
            true => shared.driver.run_whole(&mut connection, steps).await,
            false => shared.driver.run_and_commit(&mut connection, steps).await.map(drop),
        }
    };
    let failure = match bounded(shared, ran).await {
        Some(Ok(())) => {
            *kept = Some(connection);
            return Joint::Ended(committed());
        }
        Some(Err(StepFailure { error: DriverError::Untold, .. })) => {
            return match bounded(shared, shared.driver.roll_back(&mut connection)).await {
                Some(Ok(())) => Joint::Untold(connection),
                Some(Err(error)) => Joint::Ended(Attempt::Again(in_words(error))),
                None => Joint::Ended(Attempt::Again(unanswered())),
            };
        }
        Some(Err(failure)) if is_undone(&failure, steps.len()) => {
            let attempt = failed(commands, failure);
            undo(shared, kept, connection, &attempt).await;
            return Joint::Ended(attempt);
        }
        Some(Err(failure)) => failure.error,
        None => {
            shared.ails(unanswered());
            DriverError::Lost(unanswered())
        }
    };
    // A connection that still answers knows best.
    if !matches!(failure, DriverError::Lost(_)) {
        match bounded(shared, resolve::look_after(shared, &mut connection, record)).await {
            Some(Ok(Resolved::Committed)) => return Joint::Ended(committed()),
            Some(Ok(Resolved::Voided)) => {
                let failure = StepFailure { step: 0, error: failure, counts: Vec::new() };
                return Joint::Ended(failed(commands, failure));
            }
            Some(Ok(Resolved::Unknown) | Err(_)) | None => {}
        }
    }
    drop(connection);
    let why = in_words(failure);
    Joint::Ended(match resolve::resolve(shared, record).await {
        Resolved::Committed => committed(),
        Resolved::Voided => Attempt::Again(why),
        Resolved::Unknown => Attempt::Undecided(why),
    })
}

/// Whether it is certain that nothing of it was committed: a step failed, or the COMMIT did in a way that says so.
fn is_undone(failure: &StepFailure, steps: usize) -> bool {
    match failure.error {
        DriverError::Lost(_) => false,
        DriverError::Taken | DriverError::Conflict(_) | DriverError::Statement(_) => true,
        _ => failure.step < steps,
    }
}

/// Rolls back, and keeps the connection where that works. After an engine's failure another server may be the one that works.
async fn undo<D: Driver>(
    shared: &Shared<D>,
    kept: &mut Option<D::Connection>,
    mut connection: D::Connection,
    attempt: &Attempt,
) {
    let undone = bounded(shared, shared.driver.roll_back(&mut connection)).await;
    if matches!(undone, Some(Ok(()))) && !matches!(attempt, Attempt::Engine(_)) {
        *kept = Some(connection);
    }
}

/// The call's answer; nothing when it took too long, and then the connection must be dropped.
pub(super) async fn bounded<D: Driver, T>(shared: &Shared<D>, call: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(shared.options.network.answer_deadline, call).await.ok()
}

fn unanswered() -> String {
    "the database does not answer".to_owned()
}

/// What an error that no statement is to blame for says.
pub(super) fn in_words(error: DriverError) -> String {
    match error {
        DriverError::Taken => "a key is taken".to_owned(),
        DriverError::Counted | DriverError::Untold => "a step failed, or had another count".to_owned(),
        DriverError::TimedOut => "a statement took longer than its deadline and was stopped".to_owned(),
        DriverError::Conflict(why)
        | DriverError::Statement(why)
        | DriverError::Corrupt(why)
        | DriverError::Lost(why)
        | DriverError::Unavailable(why)
        | DriverError::Refused(why) => why,
    }
}

/// Which command and which of its steps a step of the transaction is; nothing for the record of the commit.
fn place(commands: &[&Steps], step: usize) -> Option<(usize, usize)> {
    let mut before = 0;
    for (index, command) in commands.iter().enumerate() {
        if step < before + command.as_slice().len() {
            return Some((index, step - before));
        }
        before += command.as_slice().len();
    }
    None
}

fn failed(commands: &[&Steps], failure: StepFailure) -> Attempt {
    let Some((index, step)) = place(commands, failure.step) else {
        // An id that is taken is a clash of ids: the next one is free.
        return match failure.error {
            DriverError::Unavailable(why) | DriverError::Refused(why) => Attempt::Engine(why),
            error => Attempt::Again(in_words(error)),
        };
    };
    // A step of the same command that was refused before it decides.
    let first = failure.step - step;
    let refused = commands.get(index).and_then(|command| {
        let counted = command.as_slice().iter().zip(failure.counts.get(first..).unwrap_or_default());
        counted
            .take(step)
            .position(|(step, count)| step.expect.count().is_some_and(|expected| expected != *count))
    });
    let expect = commands.get(index).and_then(|command| command.as_slice().get(step)).map(|step| step.expect);
    let spoil = match failure.error {
        DriverError::Taken | DriverError::Statement(_) if refused.is_some() => {
            Spoil::Answer(Ok(Applied::Refused { step: refused.unwrap_or(step) }))
        }
        DriverError::Taken if expect == Some(Expect::Replacing) => {
            Spoil::Conflict("another writer put the same row in place".to_owned())
        }
        DriverError::Taken | DriverError::Counted => Spoil::Answer(Ok(Applied::Refused { step })),
        DriverError::Untold => Spoil::Conflict(in_words(DriverError::Untold)),
        DriverError::Conflict(why) => Spoil::Conflict(why),
        DriverError::TimedOut => Spoil::Conflict(in_words(DriverError::TimedOut)),
        DriverError::Statement(why) => Spoil::Answer(Err(StorageError::Statement(why))),
        DriverError::Corrupt(why) => Spoil::Answer(Err(StorageError::Corrupt(why))),
        DriverError::Lost(why) => return Attempt::Again(why),
        DriverError::Unavailable(why) | DriverError::Refused(why) => return Attempt::Engine(why),
    };
    Attempt::Spoiled(index, spoil)
}

/// Compares the row counts with what was expected. A command that is refused and changed nothing has nothing to undo.
fn judged(commands: &[&Steps], counts: &[u64]) -> Result<Vec<Answer>, Attempt> {
    let mut counts = counts.iter().copied();
    let mut answers = Vec::with_capacity(commands.len());
    for (index, command) in commands.iter().enumerate() {
        let (mut refused, mut changed) = (None, false);
        for (step, wanted) in command.as_slice().iter().enumerate() {
            let Some(count) = counts.next() else {
                return Err(Attempt::Engine("the server answered less than it was asked".to_owned()));
            };
            changed |= count > 0;
            if refused.is_none() && wanted.expect.count().is_some_and(|expected| expected != count) {
                refused = Some(step);
            }
        }
        let answer = Ok(refused.map_or(Applied::Done, |step| Applied::Refused { step }));
        if refused.is_some() && changed {
            return Err(Attempt::Spoiled(index, Spoil::Answer(answer)));
        }
        answers.push(answer);
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(expected: &[Option<u64>]) -> Steps {
        let mut steps = Steps::default();
        for count in expected {
            match count {
                Some(count) => steps.exactly(*count, "UPDATE t SET a = 1", vec![]),
                None => steps.any("UPDATE t SET a = 1", vec![]),
            }
        }
        steps
    }

    #[test]
    fn counts_decide_and_what_changed_nothing_needs_no_undoing() {
        let (one, two, any) = (command(&[Some(1)]), command(&[Some(1), Some(1)]), command(&[None]));
        let all = [&one, &two, &any];
        let answers = judged(&all, &[1, 1, 1, 7, 1]).unwrap_or_else(|_| panic!("all is well"));
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Applied::Done))));
        // The first found nothing; the others stand.
        let answers = judged(&all, &[0, 1, 1, 0, 1]).unwrap_or_else(|_| panic!("nothing to undo"));
        assert!(matches!(
            answers[..],
            [Ok(Applied::Refused { step: 0 }), Ok(Applied::Done), Ok(Applied::Done)]
        ));
        // The second changed something before, or after, it was refused.
        for counts in [[1, 1, 0, 0, 1], [1, 0, 1, 0, 1]] {
            assert!(matches!(judged(&all, &counts), Err(Attempt::Spoiled(1, _))));
        }
        assert!(matches!(judged(&all, &[1, 1]), Err(Attempt::Engine(_))));
    }

    #[test]
    fn what_is_certain_after_a_joint_commit() {
        let at = |step, error: DriverError| is_undone(&StepFailure { step, error, counts: Vec::new() }, 3);
        let full = || DriverError::Unavailable("the disk is full".to_owned());
        // A step that fails keeps its COMMIT from taking place; a COMMIT that fails says little.
        assert!(at(2, full()) && !at(3, full()));
        assert!(at(3, DriverError::Conflict(String::new())) && at(3, DriverError::Taken));
        assert!(!at(0, DriverError::Lost(String::new())) && !at(3, DriverError::TimedOut));
    }

    #[test]
    fn a_failure_is_put_at_its_command() {
        let (one, two) = (command(&[Some(1)]), command(&[Some(1), Some(1)]));
        let all = [&one, &two];
        assert_eq!([place(&all, 0), place(&all, 2), place(&all, 3)], [Some((0, 0)), Some((1, 1)), None]);
        let failure = StepFailure { step: 2, error: DriverError::Taken, counts: vec![1, 1] };
        let Attempt::Spoiled(1, Spoil::Answer(Ok(Applied::Refused { step: 1 }))) = failed(&all, failure)
        else {
            panic!("the second step of the second command was refused")
        };
        // The step before it had found nothing: that is why.
        let failure = StepFailure { step: 2, error: DriverError::Taken, counts: vec![1, 0] };
        let Attempt::Spoiled(1, Spoil::Answer(Ok(Applied::Refused { step: 0 }))) = failed(&all, failure)
        else {
            panic!("the first step of the second command was refused")
        };
    }
}
