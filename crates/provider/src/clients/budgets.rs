//! How often each client may ask for tokens, counted in this process. Holds nothing for a client without a limit, and forgets a client that has
//! its whole budget again; so there are never more entries than clients with a limit.

use crate::ProviderError;
use protocol::{Client, ClientId, RateLimit, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Budgets(Mutex<HashMap<ClientId, Bucket>>);

/// What is left of a budget. Each millisecond adds as many units as the limit has requests; a request takes as many as the period has
/// milliseconds: whole numbers, so that nothing is lost to rounding.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    limit: RateLimit,
    units: u64,
    at: Timestamp,
}

impl Bucket {
    fn full(limit: RateLimit, at: Timestamp) -> Self {
        Self { limit, units: capacity(limit), at }
    }

    fn refilled(self, now: Timestamp) -> Self {
        let millis = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        let added = millis.saturating_mul(self.limit.requests().into());
        // A clock that is set back takes nothing away and adds nothing twice.
        Self {
            units: self.units.saturating_add(added).min(capacity(self.limit)),
            at: self.at.max(now),
            ..self
        }
    }

    /// Takes one request's worth, or says how long to wait for it.
    fn take(&mut self) -> Result<(), Duration> {
        let price = u64::from(self.limit.period_millis());
        match self.units.checked_sub(price) {
            Some(left) => {
                self.units = left;
                Ok(())
            }
            None => Err(Duration::from_millis((price - self.units).div_ceil(self.limit.requests().into()))),
        }
    }
}

/// A whole period's worth may come at once.
fn capacity(limit: RateLimit) -> u64 {
    u64::from(limit.requests()) * u64::from(limit.period_millis())
}

impl Budgets {
    /// Counts a request of this client, or says when it may come again.
    pub(crate) fn spend(&self, client: &Client, now: Timestamp) -> Result<(), ProviderError> {
        let Some(limit) = client.rate_limit else { return Ok(()) };
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = buckets.get(&client.id).filter(|bucket| bucket.limit == limit);
        let mut bucket = known.map_or_else(|| Bucket::full(limit, now), |bucket| bucket.refilled(now));
        let taken = bucket.take();
        match buckets.get_mut(&client.id) {
            Some(known) => *known = bucket,
            None => drop(buckets.insert(client.id.clone(), bucket)),
        }
        taken.map_err(|retry_after| ProviderError::TooManyRequests { retry_after })
    }

    /// Forgets whoever has a whole budget again.
    pub(crate) fn prune(&self, now: Timestamp) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.retain(|_, bucket| bucket.refilled(now).units < capacity(bucket.limit));
        buckets.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ClientAuthentication;

    fn client(id: &str, limit: &str) -> Client {
        let id = ClientId::parse(id).unwrap();
        Client {
            rate_limit: Some(limit.parse().unwrap()),
            ..Client::new(id, "Machine", ClientAuthentication::ClientSecret)
        }
    }

    /// How long it is told to wait; none when it may go on.
    fn wait(budgets: &Budgets, client: &Client, millis: i64) -> Option<u64> {
        match budgets.spend(client, Timestamp::from_millis(millis)) {
            Ok(()) => None,
            Err(ProviderError::TooManyRequests { retry_after }) => {
                Some(u64::try_from(retry_after.as_millis()).unwrap())
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_period_may_come_at_once_and_then_one_at_a_time() {
        let (budgets, slow, fast) = (Budgets::default(), client("slow", "3/min"), client("fast", "300/s"));
        for _ in 0..3 {
            assert_eq!(wait(&budgets, &slow, 0), None);
        }
        assert_eq!((wait(&budgets, &slow, 0), wait(&budgets, &slow, 19_999)), (Some(20_000), Some(1)));
        assert_eq!((wait(&budgets, &slow, 20_000), wait(&budgets, &slow, 20_000)), (None, Some(20_000)));
        // Nobody else's budget; and over ten seconds, its own to the last request.
        let let_through = (0..100_000).filter(|n| wait(&budgets, &fast, n / 10).is_none()).count();
        assert_eq!(let_through, 300 + 300 * 10 - 1);
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing_twice_and_another_limit_begins_anew() {
        let (budgets, machine) = (Budgets::default(), client("machine", "1/s"));
        assert_eq!((wait(&budgets, &machine, 5_000), wait(&budgets, &machine, 4_000)), (None, Some(1_000)));
        assert_eq!((wait(&budgets, &machine, 5_000), wait(&budgets, &machine, 6_000)), (Some(1_000), None));
        assert_eq!(wait(&budgets, &client("machine", "2/s"), 6_000), None);
        assert_eq!(wait(&budgets, &machine, 6_000), None);
    }

    #[test]
    fn who_has_a_whole_budget_again_is_forgotten() {
        let budgets = Budgets::default();
        for number in 0..100 {
            assert_eq!(wait(&budgets, &client(&format!("machine-{number}"), "60/min"), number * 10), None);
        }
        budgets.prune(Timestamp::from_millis(1_500));
        assert_eq!(budgets.0.lock().unwrap().len(), 49);
        budgets.prune(Timestamp::from_millis(10_000));
        assert_eq!(budgets.0.lock().unwrap().capacity(), 0);
    }
}
