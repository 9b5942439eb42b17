//! What this node has seen of everybody's changes. A pure state machine: polls go in, changes that were not seen before come out.
//!
//! A node numbers its changes before it commits them, on several connections at once, so a number may appear after a later one, or never.
//! Each node publishes up to where its numbers are settled; until then a gap stays open. Nothing here depends on a clock.

use std::collections::{BTreeMap, BTreeSet};

/// Which process.
pub type NodeId = [u8; 16];

/// Rows of one node that a poll reads at most. With more, everything is loaded again instead.
pub(crate) const PAGE: usize = 1_000;

/// How far each node was followed, this one among them: whoever asked for a change may have gone before it was made effective in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Positions(BTreeMap<NodeId, Position>);

#[derive(Debug, Clone, Default)]
struct Position {
    /// Every change up to this number was seen, is older than what was loaded, or does not exist.
    through: i64,
    /// Changes after a gap.
    seen: BTreeSet<i64>,
}

/// One poll: the nodes with the numbers up to which they are settled, and the changes after [`Positions::ranges`]; from one snapshot, or
/// the nodes first.
#[derive(Debug, Clone)]
pub(crate) struct Polled<T> {
    pub(crate) nodes: Vec<(NodeId, i64)>,
    pub(crate) changes: Vec<(NodeId, Vec<(i64, T)>)>,
}

/// What a poll brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unseen<T> {
    /// Something may have been missed: everything in memory is to be loaded again. What was committed before the poll is in it.
    pub(crate) everything: bool,
    /// Changes that were not seen before.
    pub(crate) changes: Vec<T>,
}

impl Positions {
    /// After which number of which node to read.
    pub(crate) fn ranges(&self) -> Vec<(NodeId, i64)> {
        self.0.iter().map(|(id, position)| (*id, position.through)).collect()
    }

    /// Takes a poll in.
    pub(crate) fn absorb<T>(&mut self, polled: Polled<T>) -> Unseen<T> {
        let mut unseen = Unseen { everything: false, changes: Vec::new() };
        for (id, rows) in polled.changes {
            let Some(position) = self.0.get_mut(&id) else { continue };
            unseen.everything |= rows.len() >= PAGE;
            for (number, change) in rows {
                if number > position.through && position.seen.insert(number) {
                    unseen.changes.push(change);
                }
            }
        }
        let nodes: BTreeMap<_, _> = polled.nodes.into_iter().collect();
        // A node that is gone may have committed until its end; one that came may have before it was noticed.
        let before = self.0.len();
        self.0.retain(|id, _| nodes.contains_key(id));
        unseen.everything |= self.0.len() < before;
        for (id, settled) in nodes {
            let position = self.0.entry(id).or_insert_with(|| {
                unseen.everything = true;
                Position::default()
            });
            position.settle(settled);
        }
        unseen
    }
}

impl Position {
    fn settle(&mut self, settled: i64) {
        self.through = self.through.max(settled);
        self.seen = self.seen.split_off(&(self.through + 1));
        while self.seen.remove(&(self.through + 1)) {
            self.through += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OTHER: NodeId = [1; 16];

    fn polled(settled: i64, numbers: &[i64]) -> Polled<i64> {
        let rows = numbers.iter().map(|number| (*number, *number)).collect();
        Polled { nodes: vec![(OTHER, settled)], changes: vec![(OTHER, rows)] }
    }

    #[test]
    fn each_change_comes_once_and_a_gap_stays_open_until_it_is_settled() {
        let mut positions = Positions::default();
        assert!(positions.absorb(polled(4, &[])).everything, "nobody knows what it did before");
        assert_eq!(positions.ranges(), [(OTHER, 4)]);
        let mut poll = |settled, numbers: &[i64]| {
            let unseen = positions.absorb(polled(settled, numbers));
            assert!(!unseen.everything);
            (unseen.changes, positions.ranges()[0].1)
        };
        assert_eq!(poll(4, &[5, 7]), (vec![5, 7], 5));
        assert_eq!(poll(4, &[7, 8]), (vec![8], 5));
        assert_eq!(poll(4, &[6, 7, 8]), (vec![6], 8));
        assert_eq!(poll(4, &[10]), (vec![10], 8));
        assert_eq!(poll(9, &[10]), (vec![], 10));
    }

    #[test]
    fn who_comes_or_goes_or_does_too_much_is_a_reason_to_load_everything() {
        let mut positions = Positions::default();
        positions.absorb(polled(0, &[]));
        let many: Vec<i64> = (1..=1_000).collect();
        let unseen = positions.absorb(polled(0, &many));
        assert!(unseen.everything && unseen.changes == many);
        let gone = Polled::<i64> { nodes: vec![], changes: vec![] };
        assert!(positions.absorb(gone.clone()).everything);
        assert!(!positions.absorb(gone).everything);
    }

    /// What may happen at another node, and here.
    #[derive(Debug, Clone)]
    enum Act {
        /// A number is given out.
        Begin,
        /// One of the undecided commits.
        Commit(prop::sample::Index),
        /// One of the undecided is undone.
        Undo(prop::sample::Index),
        /// The other node publishes up to where it is settled, as it was when it began to.
        Beat,
        /// That becomes visible.
        Beaten,
        /// We poll; the answer is applied or lost.
        Poll { lost: bool },
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            3 => Just(Act::Begin),
            3 => any::<prop::sample::Index>().prop_map(Act::Commit),
            1 => any::<prop::sample::Index>().prop_map(Act::Undo),
            1 => Just(Act::Beat),
            1 => Just(Act::Beaten),
            2 => any::<bool>().prop_map(|lost| Act::Poll { lost }),
        ]
    }

    proptest! {
        #[test]
        fn no_interleaving_loses_a_change(acts in prop::collection::vec(act(), 0..200), joined_at in 0_usize..100) {
            let (mut last, mut undecided, mut committed) = (0, Vec::new(), BTreeSet::new());
            let (mut beating, mut settled) = (0, 0);
            let mut positions: Option<Positions> = None;
            let (mut loaded, mut told) = (BTreeSet::new(), Vec::new());
            for (index, act) in acts.into_iter().chain([Act::Poll { lost: false }]).enumerate() {
                match act {
                    Act::Begin => { last += 1; undecided.push(last); }
                    Act::Commit(which) if !undecided.is_empty() => {
                        committed.insert(undecided.swap_remove(which.index(undecided.len())));
                    }
                    Act::Undo(which) if !undecided.is_empty() => {
                        undecided.swap_remove(which.index(undecided.len()));
                    }
                    Act::Beat => beating = undecided.iter().min().map_or(last, |first: &i64| first - 1),
                    Act::Beaten => settled = settled.max(beating),
                    Act::Poll { lost } if index >= joined_at || positions.is_some() => {
                        let current = positions.clone().unwrap_or_default();
                        let after = current.ranges().first().map_or(i64::MAX, |(_, after)| *after);
                        let rows: Vec<i64> = committed.iter().copied().filter(|number| *number > after).collect();
                        let mut next = current;
                        let unseen = next.absorb(polled(settled, &rows));
                        if !lost {
                            if unseen.everything {
                                // What is loaded is read after the poll.
                                loaded = committed.clone();
                            }
                            told.extend(unseen.changes);
                            positions = Some(next);
                        }
                    }
                    _ => {}
                }
            }
            if positions.is_some() {
                for number in &committed {
                    prop_assert!(loaded.contains(number) || told.contains(number), "{number} was lost");
                }
                let distinct: BTreeSet<_> = told.iter().collect();
                prop_assert_eq!(distinct.len(), told.len(), "something was told twice");
            }
        }
    }
}
