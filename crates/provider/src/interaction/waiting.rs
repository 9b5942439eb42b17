//! How many sign-ins that nobody acted on one network may have open. Each is a row with all that its request said, and anybody can begin
//! one. Counted in this process; forgets a network whose sign-ins are all over. Knows no row: it counts what was begun, acted on, and old.

use crate::{Overloaded, ProviderError};
use protocol::Timestamp;
use quick_cache::sync::Cache;
use std::net::IpAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

const REMEMBERED: usize = 100_000;

/// The parts of an IPv6 address that count together, in bytes, and how many times as many they may have open: a network's owner chooses
/// the rest of it. An IPv4 address counts by itself.
const TIERS: [(usize, u32); 3] = [(8, 1), (7, 4), (6, 16)];

/// What waits for its person. Bounded: the least used networks are forgotten first. Takes no memory until somebody begins something.
pub(crate) struct Waiting {
    /// How many; nothing is no bound.
    most: Option<u32>,
    /// For how long.
    lifetime: Duration,
    networks: OnceLock<Networks>,
    /// Looking and counting is one act.
    counting: Mutex<()>,
}

/// Its length and its bytes.
type Network = (usize, [u8; 8]);

/// When everything that was begun there is over.
type Networks = Cache<Network, Timestamp>;

impl Waiting {
    pub(crate) fn new(most: Option<u32>, lifetime: Duration) -> Self {
        Self { most, lifetime, networks: OnceLock::new(), counting: Mutex::new(()) }
    }

    /// Something begins that waits for a person at this address.
    ///
    /// # Errors
    /// When the network has as much open as it may; then nothing is counted.
    pub(crate) fn begin(&self, remote: Option<IpAddr>, now: Timestamp) -> Result<(), ProviderError> {
        let Some((networks, steps)) = self.counted(remote) else { return Ok(()) };
        let _counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        // Each one pushes the moment at which all are over a step ahead; a step is what one weighs, so the moment is never further than a
        // lifetime from now (the generic cell rate algorithm).
        let over = |network: &Network| networks.get(network).map_or(now, |over| over.max(now));
        for (network, step) in &steps {
            let ahead = (over(network) + *step).since(now);
            if ahead > self.lifetime {
                let retry_after = ahead.saturating_sub(self.lifetime);
                return Err(ProviderError::Overloaded { what: Overloaded::Interactions, retry_after });
            }
        }
        for (network, step) in steps {
            networks.insert(network, over(&network) + step);
        }
        Ok(())
    }

    /// A person acted on one of them: it weighs nothing any more.
    pub(crate) fn acted(&self, remote: Option<IpAddr>) {
        let Some((networks, steps)) = self.counted(remote) else { return };
        let _counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        for (network, step) in steps {
            if let Some(over) = networks.get(&network) {
                networks.insert(network, over - step);
            }
        }
    }

    fn counted(&self, remote: Option<IpAddr>) -> Option<(&Networks, Vec<(Network, Duration)>)> {
        let (most, address) = (self.most.filter(|most| *most > 0)?, remote?);
        let step = |times: u32| self.lifetime / most.saturating_mul(times);
        let steps = match address.to_canonical() {
            IpAddr::V4(address) => vec![(network(&address.octets()), step(1))],
            IpAddr::V6(address) => {
                let octets = address.octets();
                let tiers = TIERS.iter().filter_map(|(length, times)| Some((octets.get(..*length)?, times)));
                tiers.map(|(part, times)| (network(part), step(*times))).collect()
            }
        };
        Some((self.networks.get_or_init(|| Cache::new(REMEMBERED)), steps))
    }
}

fn network(part: &[u8]) -> Network {
    let mut bytes = [0; 8];
    for (byte, of_part) in bytes.iter_mut().zip(part) {
        *byte = *of_part;
    }
    (part.len(), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(1_600);

    fn waiting(most: u32) -> Waiting {
        Waiting::new(Some(most), LIFETIME)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn begun(waiting: &Waiting, address: &str, now: Timestamp) -> usize {
        let address = Some(address.parse().unwrap());
        (0..10_000).take_while(|_| waiting.begin(address, now).is_ok()).count()
    }

    #[test]
    fn an_address_has_so_many_open_and_more_when_they_are_over_or_acted_on() {
        let waiting = waiting(100);
        assert_eq!(begun(&waiting, "192.0.2.1", at(0)), 100);
        assert_eq!(begun(&waiting, "192.0.2.2", at(0)), 100);
        assert_eq!(begun(&waiting, "192.0.2.1", at(160)), 10);
        for _ in 0..7 {
            waiting.acted(Some("192.0.2.1".parse().unwrap()));
        }
        assert_eq!(begun(&waiting, "::ffff:192.0.2.1", at(160)), 7);
        assert_eq!(begun(&waiting, "192.0.2.1", at(2_000)), 100);
    }

    #[test]
    fn of_ipv6_the_network_counts_and_larger_ones_have_a_few_times_as_many() {
        let waiting = waiting(100);
        assert_eq!(begun(&waiting, "2001:db8:0:0::1", at(0)), 100);
        assert_eq!(begun(&waiting, "2001:db8:0:0:ffff::2", at(0)), 0, "the same /64");
        let same_56: usize = (1..256).map(|n| begun(&waiting, &format!("2001:db8:0:{n:x}::1"), at(0))).sum();
        assert_eq!(same_56, 300);
        let same_48: usize =
            (1..200).map(|n| begun(&waiting, &format!("2001:db8:0:{n:x}00::1"), at(0))).sum();
        assert_eq!(same_48, 1_200);
        assert_eq!(begun(&waiting, "2001:db8:1::1", at(0)), 100);
    }

    #[test]
    fn who_waits_long_enough_is_let_in_and_without_a_bound_everybody_is() {
        let waiting = waiting(100);
        begun(&waiting, "192.0.2.1", at(0));
        let refused = waiting.begin(Some("192.0.2.1".parse().unwrap()), at(0));
        let Err(ProviderError::Overloaded { what: Overloaded::Interactions, retry_after }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(retry_after, LIFETIME / 100);
        assert_eq!(begun(&Waiting::new(None, LIFETIME), "192.0.2.1", at(0)), 10_000);
        assert!((0..500).all(|_| waiting.begin(None, at(0)).is_ok()));
    }
}
