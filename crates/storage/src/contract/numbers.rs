//! The numbers of this process's own changes: which were given out, and which are decided. Knows no table.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counts this process's changes.
#[derive(Debug, Default)]
pub(crate) struct Numbers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: i64,
    outstanding: BTreeSet<i64>,
}

impl Numbers {
    /// So many new numbers. They are undecided until the answer is dropped.
    pub(crate) fn take(self: &Arc<Self>, count: usize) -> Undecided {
        let mut state = self.state();
        let first = state.last + 1;
        state.last += i64::try_from(count).unwrap_or(0);
        let numbers = first..=state.last;
        state.outstanding.extend(numbers.clone());
        Undecided { numbers, of: Arc::clone(self) }
    }

    /// Every number up to this one is decided: committed, or never to be.
    pub(crate) fn settled(&self) -> i64 {
        let state = self.state();
        state.outstanding.first().map_or(state.last, |first| first - 1)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Numbers whose command has not been decided yet. Travels with the command's steps, and is dropped with them: an engine keeps the steps
/// until it knows what became of them, whoever asked for it.
#[derive(Debug)]
pub(crate) struct Undecided {
    pub(crate) numbers: RangeInclusive<i64>,
    of: Arc<Numbers>,
}

/// A server that comes back does by then what it was told before, or has forgotten it with the connection.
const DOUBT: Duration = Duration::from_secs(60);

impl Undecided {
    /// It could not be learned what became of the command: it may still be committed.
    pub(crate) fn linger(self: Arc<Self>) {
        tokio::spawn(async move {
            tokio::time::sleep(DOUBT).await;
            drop(self);
        });
    }
}

impl Drop for Undecided {
    fn drop(&mut self) {
        let mut state = self.of.state();
        for number in self.numbers.clone() {
            state.outstanding.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_undecided_holds_the_mark_back() {
        let numbers = Arc::new(Numbers::default());
        assert_eq!(numbers.settled(), 0);
        let (first, second) = (numbers.take(2), numbers.take(1));
        assert_eq!((first.numbers.clone(), second.numbers.clone()), (1..=2, 3..=3));
        drop(second);
        assert_eq!(numbers.settled(), 0);
        drop(first);
        assert_eq!(numbers.settled(), 3);
    }
}
