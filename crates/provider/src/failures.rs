//! Wrong passwords, counted: per account and neighbourhood, and per account in all. Knows no user: a name nobody has is counted alike,
//! so that being locked tells nothing.

use crypto::sha256;
use protocol::Timestamp;
use quick_cache::sync::Cache;
use std::net::IpAddr;
use std::time::Duration;

/// Failures within this time count together.
const WINDOW: Duration = Duration::from_secs(900);
/// So many from one neighbourhood lock the account for it.
const MAX_NEAR: u32 = 10;
/// So many from anywhere lock the account: far more, so that strangers cannot easily lock its owner out.
const MAX_FAR: u32 = 100;

/// Recent failures. Bounded: the least used are forgotten first.
pub(crate) struct Failures {
    counts: Option<Cache<[u8; 32], Count>>,
}

#[derive(Clone, Copy)]
struct Count {
    failures: u32,
    since: Timestamp,
}

impl Failures {
    pub(crate) fn new(enabled: bool) -> Self {
        Self { counts: enabled.then(|| Cache::new(100_000)) }
    }

    /// How long this account must not be tried from here, if it must not.
    pub(crate) fn locked(&self, account: &str, remote: Option<IpAddr>, now: Timestamp) -> Option<Duration> {
        let counts = self.counts.as_ref()?;
        keys(account, remote).into_iter().find_map(|(key, max)| {
            let count = counts.get(&key)?;
            let age = now.since(count.since);
            (count.failures >= max && age < WINDOW).then(|| WINDOW.saturating_sub(age))
        })
    }

    /// Counts a wrong password.
    pub(crate) fn add(&self, account: &str, remote: Option<IpAddr>, now: Timestamp) {
        let Some(counts) = &self.counts else { return };
        for (key, _) in keys(account, remote) {
            let before = counts.get(&key).filter(|count| now.since(count.since) < WINDOW);
            let count = before.map_or(Count { failures: 1, since: now }, |count| Count {
                failures: count.failures.saturating_add(1),
                since: count.since,
            });
            counts.insert(key, count);
        }
    }

    /// Forgets this neighbourhood's failures: the right password was given.
    pub(crate) fn clear(&self, account: &str, remote: Option<IpAddr>) {
        if let Some(counts) = &self.counts {
            let [(near, _), _] = keys(account, remote);
            counts.remove(&near);
        }
    }
}

/// What a failure is counted under, with how many are allowed. Names are hashed: they may be long, or somebody's.
fn keys(account: &str, remote: Option<IpAddr>) -> [([u8; 32], u32); 2] {
    let neighbourhood = match remote {
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        Some(IpAddr::V6(address)) => address.octets()[..8].to_vec(),
        None => Vec::new(),
    };
    let account = storage::user::login_key(account);
    let near = [b"near\0", account.as_bytes(), b"\0", &neighbourhood].concat();
    let far = [b"far\0", account.as_bytes()].concat();
    [(sha256(&near), MAX_NEAR), (sha256(&far), MAX_FAR)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_passwords_lock_the_account_for_that_neighbourhood_and_time_opens_it() {
        let failures = Failures::new(true);
        let (here, there) = (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into()));
        let at = |seconds| Timestamp::from_seconds(seconds);
        for _ in 0..MAX_NEAR {
            assert_eq!(failures.locked("Alice", here, at(0)), None);
            failures.add("alice", here, at(0));
        }
        assert_eq!(failures.locked("ALICE", here, at(300)), Some(Duration::from_secs(600)));
        assert_eq!(failures.locked("alice", there, at(300)), None);
        assert_eq!(failures.locked("alice", here, at(900)), None);
        failures.clear("alice", here);
        assert_eq!(failures.locked("alice", here, at(1)), None);
    }

    #[test]
    fn a_hundred_from_anywhere_lock_the_account_everywhere() {
        let failures = Failures::new(true);
        for i in 0..u8::try_from(MAX_FAR).unwrap() {
            failures.add("alice", Some([192, 0, 2, i].into()), Timestamp::from_seconds(0));
        }
        assert!(
            failures.locked("alice", Some([198, 51, 100, 1].into()), Timestamp::from_seconds(1)).is_some()
        );
    }

    #[test]
    fn switched_off_nothing_is_counted() {
        let failures = Failures::new(false);
        for _ in 0..1_000 {
            failures.add("alice", None, Timestamp::from_seconds(0));
        }
        assert_eq!(failures.locked("alice", None, Timestamp::from_seconds(0)), None);
    }
}
