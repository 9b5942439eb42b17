//! In whose turn a password is checked: clients take turns, and within a client the addresses its people come from. So one caller, however
//! much it asks for, delays another by one hash at a time. First in first out within an address. Knows callers as numbers.

use std::collections::{HashMap, VecDeque};

/// Who waits: the client people sign in to, and where from. Equal numbers share a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OnBehalfOf {
    /// Stands for the client.
    pub client: u64,
    /// Stands for the address; for IPv6 its network.
    pub address: u64,
}

/// What waits, in turns.
pub(super) struct Turns<T> {
    clients: Rotation<Rotation<VecDeque<T>>>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { clients: Rotation::default() }
    }
}

impl<T> Turns<T> {
    pub(super) fn len(&self) -> usize {
        self.clients.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.clients.order.is_empty()
    }

    pub(super) fn push(&mut self, caller: OnBehalfOf, item: T) {
        self.clients.at(caller.client).at(caller.address).push_back(item);
    }

    /// The next one, of whoever's turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.clients.turn(|addresses| addresses.turn(VecDeque::pop_front))
    }

    /// How many come before one that `caller` would add now, if nobody else came: of each other caller at most as many as its own turn
    /// is away.
    pub(super) fn before(&self, caller: OnBehalfOf) -> usize {
        let own = self.clients.queues.get(&caller.client);
        let within = own.map_or(0, |addresses| {
            let own = addresses.queues.get(&caller.address).map_or(0, VecDeque::len);
            own + addresses.of_others(caller.address, own + 1)
        });
        within + self.clients.of_others(caller.client, within + 1)
    }

    /// Drops what is not wanted any more.
    pub(super) fn retain(&mut self, mut wanted: impl FnMut(&T) -> bool) {
        self.clients.each(|addresses| addresses.each(|queue| queue.retain(&mut wanted)));
    }

    /// Takes everything out.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.pop())
    }
}

/// Something that holds what waits.
trait Line {
    fn len(&self) -> usize;
}

impl<T> Line for VecDeque<T> {
    fn len(&self) -> usize {
        VecDeque::len(self)
    }
}

impl<L: Line> Line for Rotation<L> {
    fn len(&self) -> usize {
        self.queues.values().map(Line::len).sum()
    }
}

/// Lines by key, none of them empty, and whose turn is next.
struct Rotation<L> {
    queues: HashMap<u64, L>,
    order: VecDeque<u64>,
}

impl<L> Default for Rotation<L> {
    fn default() -> Self {
        Self { queues: HashMap::new(), order: VecDeque::new() }
    }
}

impl<L: Line + Default> Rotation<L> {
    fn at(&mut self, key: u64) -> &mut L {
        self.queues.entry(key).or_insert_with(|| {
            self.order.push_back(key);
            L::default()
        })
    }

    /// One takes its turn, and stands behind all others if it has more.
    fn turn<T>(&mut self, take: impl FnOnce(&mut L) -> Option<T>) -> Option<T> {
        let key = self.order.pop_front()?;
        let queue = self.queues.get_mut(&key)?;
        let item = take(queue);
        if queue.len() == 0 {
            self.queues.remove(&key);
        } else {
            self.order.push_back(key);
        }
        item
    }

    /// How much the others have, of each at most `share`.
    fn of_others(&self, key: u64, share: usize) -> usize {
        self.queues.iter().filter(|(other, _)| **other != key).map(|(_, queue)| queue.len().min(share)).sum()
    }

    /// Changes every line; empty ones go.
    fn each(&mut self, mut change: impl FnMut(&mut L)) {
        self.queues.retain(|_, queue| {
            change(queue);
            queue.len() > 0
        });
        self.order.retain(|key| self.queues.contains_key(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn caller(client: u64, address: u64) -> OnBehalfOf {
        OnBehalfOf { client, address }
    }

    #[test]
    fn clients_take_turns_and_so_do_the_addresses_of_a_client() {
        let mut turns = Turns::default();
        for number in 0..3 {
            turns.push(caller(1, 1), ("flood", number));
        }
        turns.push(caller(1, 2), ("neighbour", 0));
        turns.push(caller(2, 1), ("quiet", 0));
        assert_eq!(turns.len(), 5);
        let order: Vec<_> = turns.drain().collect();
        assert_eq!(order, [("flood", 0), ("quiet", 0), ("neighbour", 0), ("flood", 1), ("flood", 2)]);
        assert!(turns.is_empty());
    }

    #[test]
    fn who_asks_for_little_waits_for_little_whatever_others_ask_for() {
        let mut turns = Turns::default();
        for number in 0..1_000 {
            turns.push(caller(1, number % 10), ());
        }
        // (who, how many come first)
        let cases = [(caller(2, 1), 1), (caller(1, 99), 10), (caller(1, 0), 100 + 9 * 100)];
        for (who, before) in cases {
            assert_eq!(turns.before(who), before, "{who:?}");
        }
    }

    proptest! {
        /// What is said to come before is what comes before, give or take the turn that is under way.
        #[test]
        fn the_place_in_the_order_is_as_foretold(
            waiting in prop::collection::vec((0_u64..4, 0_u64..4), 0..60),
            (client, address) in (0_u64..4, 0_u64..4),
            popped in 0_usize..20,
        ) {
            let mut turns = Turns::default();
            for (client, address) in waiting {
                turns.push(caller(client, address), false);
            }
            for _ in 0..popped {
                turns.pop();
            }
            let (length, foretold) = (turns.len(), turns.before(caller(client, address)));
            prop_assert!(foretold <= length);
            turns.push(caller(client, address), true);
            let order: Vec<bool> = turns.drain().collect();
            prop_assert_eq!(order.len(), length + 1);
            let place = order.iter().position(|it| *it).unwrap();
            prop_assert!(place <= foretold, "foretold {}, came {}", foretold, place);
        }

        /// Nothing is lost, and of one caller nothing overtakes.
        #[test]
        fn each_caller_is_served_in_order(
            waiting in prop::collection::vec((0_u64..3, 0_u64..3), 0..40),
            dropped in 0_usize..5,
        ) {
            let mut turns = Turns::default();
            for (number, (client, address)) in waiting.iter().enumerate() {
                turns.push(caller(*client, *address), (caller(*client, *address), number));
            }
            turns.retain(|(_, number)| number % 5 != dropped);
            let kept = waiting.len() - (0..waiting.len()).filter(|number| number % 5 == dropped).count();
            prop_assert_eq!(turns.len(), kept);
            let mut last: HashMap<OnBehalfOf, usize> = HashMap::new();
            let served: Vec<_> = turns.drain().collect();
            prop_assert_eq!(served.len(), kept);
            for (who, number) in served {
                prop_assert!(last.insert(who, number).is_none_or(|before| before < number));
            }
        }
    }
}
