//! Wrong guesses, counted: passwords per account and neighbourhood and per account in all, user codes per neighbourhood and in all. Knows no
//! user: a name nobody has is counted alike, so that being locked tells nothing.

use crypto::sha256;
use protocol::Timestamp;
use quick_cache::sync::Cache;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Failures within this time count together.
const WINDOW: Duration = Duration::from_secs(900);
/// So many from one neighbourhood lock the account for it.
const MAX_NEAR: u32 = 10;
/// So many from anywhere lock the account: far more, so that strangers cannot easily lock its owner out.
const MAX_FAR: u32 = 100;

/// So many wrong user codes from one neighbourhood lock it out: a person mistypes a few (RFC 8628 section 5.1).
const MAX_CODES_NEAR: u32 = 10;
/// So many from anywhere lock everybody out: with as many letters as a user code has, one of a thousand codes that live is then guessed
/// less often than once in 25,000 windows, and a hundred neighbourhoods are needed to get there.
const MAX_CODES_FAR: u32 = 1_000;

/// How long to wait while all the tries that may still fail are under way.
const MOMENT: Duration = Duration::from_secs(1);

/// Recent failures. Bounded: the least used are forgotten first.
pub(crate) struct Failures {
    counts: Option<Cache<Key, Count>>,
    /// Looking and counting is one act: tries that come at once must not all find the count as it was before the first failed.
    counting: Mutex<()>,
}

type Key = [u8; 32];

#[derive(Clone, Copy)]
struct Count {
    failures: u32,
    /// Tries under way, each of which may fail.
    trying: u32,
    since: Timestamp,
}

/// A try under way. Dropped without a verdict it counts as none: nobody learned anything by it.
pub(crate) struct Try<'a> {
    failures: &'a Failures,
    keys: [(Key, u32); 2],
}

impl Failures {
    pub(crate) fn new(enabled: bool) -> Self {
        Self { counts: enabled.then(|| Cache::new(100_000)), counting: Mutex::new(()) }
    }

    /// Begins a try, or says how long this account must not be tried from here.
    pub(crate) fn begin(
        &self,
        account: &str,
        remote: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Try<'_>, Duration> {
        self.begin_under(keys(account, remote), now)
    }

    /// Begins a try at a user code. One that succeeds takes back no failure: whoever guesses can have right codes of their own.
    pub(crate) fn begin_user_code(
        &self,
        remote: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Try<'_>, Duration> {
        let near = [b"user code near\0".as_slice(), &neighbourhood(remote)].concat();
        let keys = [(sha256(&near), MAX_CODES_NEAR), (sha256(b"user code far"), MAX_CODES_FAR)];
        self.begin_under(keys, now)
    }

    fn begin_under(&self, keys: [(Key, u32); 2], now: Timestamp) -> Result<Try<'_>, Duration> {
        let Some(counts) = &self.counts else { return Ok(Try { failures: self, keys }) };
        let _counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let before = keys.map(|(key, max)| (key, max, recent(counts.get(&key), now)));
        if let Some(wait) = before.iter().find_map(|(_, max, count)| count.wait(*max, now)) {
            return Err(wait);
        }
        for (key, _, count) in before {
            counts.insert(key, Count { trying: count.trying + 1, ..count });
        }
        Ok(Try { failures: self, keys })
    }

    fn change(&self, key: Key, change: impl FnOnce(Count) -> Count) {
        let Some(counts) = &self.counts else { return };
        let _counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = counts.get(&key).map(change) else { return };
        if count.failures == 0 && count.trying == 0 {
            counts.remove(&key);
        } else {
            counts.insert(key, count);
        }
    }
}

impl Try<'_> {
    /// The password was wrong.
    pub(crate) fn failed(self, now: Timestamp) {
        for (key, _) in self.keys {
            self.failures.change(key, |count| {
                let count = recent(Some(count), now);
                Count { failures: count.failures.saturating_add(1), ..count }
            });
        }
    }

    /// The password was right: this neighbourhood's failures are forgotten.
    pub(crate) fn succeeded(self) {
        let [(near, _), _] = self.keys;
        self.failures.change(near, |count| Count { failures: 0, ..count });
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        for (key, _) in self.keys {
            self.failures.change(key, |count| Count { trying: count.trying.saturating_sub(1), ..count });
        }
    }
}

impl Count {
    fn wait(&self, max: u32, now: Timestamp) -> Option<Duration> {
        if self.failures >= max {
            return Some(WINDOW.saturating_sub(now.since(self.since)));
        }
        (self.failures + self.trying >= max).then_some(MOMENT)
    }
}

/// The count as it is now: failures of an earlier window are forgotten.
fn recent(count: Option<Count>, now: Timestamp) -> Count {
    match count {
        Some(count) if count.failures > 0 && now.since(count.since) < WINDOW => count,
        count => Count { failures: 0, trying: count.map_or(0, |count| count.trying), since: now },
    }
}

/// What a failure is counted under, with how many are allowed. Names are hashed: they may be long, or somebody's.
fn keys(account: &str, remote: Option<IpAddr>) -> [(Key, u32); 2] {
    let account = storage::user::login_key(account);
    let near = [b"near\0", account.as_bytes(), b"\0", &neighbourhood(remote)].concat();
    let far = [b"far\0", account.as_bytes()].concat();
    [(sha256(&near), MAX_NEAR), (sha256(&far), MAX_FAR)]
}

fn neighbourhood(remote: Option<IpAddr>) -> Vec<u8> {
    match remote {
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        Some(IpAddr::V6(address)) => address.octets()[..8].to_vec(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn wait(failures: &Failures, account: &str, remote: Option<IpAddr>, now: Timestamp) -> Option<Duration> {
        failures.begin(account, remote, now).err()
    }

    #[test]
    fn ten_wrong_passwords_lock_the_account_for_that_neighbourhood_and_time_opens_it() {
        let failures = Failures::new(true);
        let (here, there) = (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into()));
        for _ in 0..MAX_NEAR {
            failures.begin("Alice", here, at(0)).unwrap().failed(at(0));
        }
        assert_eq!(wait(&failures, "ALICE", here, at(300)), Some(Duration::from_secs(600)));
        assert_eq!(wait(&failures, "alice", there, at(300)), None);
        assert_eq!(wait(&failures, "alice", here, at(900)), None);
        failures.begin("alice", here, at(900)).unwrap().succeeded();
        assert_eq!(wait(&failures, "alice", here, at(1)), None);
    }

    #[test]
    fn a_hundred_from_anywhere_lock_the_account_everywhere() {
        let failures = Failures::new(true);
        for i in 0..u8::try_from(MAX_FAR).unwrap() {
            failures.begin("alice", Some([192, 0, 2, i].into()), at(0)).unwrap().failed(at(0));
        }
        assert!(wait(&failures, "alice", Some([198, 51, 100, 1].into()), at(1)).is_some());
    }

    #[test]
    fn tries_under_way_count_until_they_are_over() {
        let failures = Failures::new(true);
        let mut tries: Vec<_> =
            (0..MAX_NEAR).map(|_| failures.begin("alice", None, at(0)).unwrap()).collect();
        assert_eq!(wait(&failures, "alice", None, at(0)), Some(MOMENT));
        tries.pop().unwrap().failed(at(0));
        assert_eq!(wait(&failures, "alice", None, at(0)), Some(MOMENT));
        // Given up, nobody learned anything.
        tries.clear();
        assert_eq!(wait(&failures, "alice", None, at(0)), None);
        for _ in 1..MAX_NEAR {
            failures.begin("alice", None, at(0)).unwrap().failed(at(0));
        }
        assert_eq!(wait(&failures, "alice", None, at(0)), Some(WINDOW));
    }

    #[test]
    fn rfc8628_5_1_wrong_user_codes_lock_their_neighbourhood_and_in_the_end_everybody() {
        let failures = Failures::new(true);
        let from = |number: u32| Some(IpAddr::from((0xC000_0200 + number).to_be_bytes()));
        let miss = |number| failures.begin_user_code(from(number), at(0)).map(|guess| guess.failed(at(0)));
        for _ in 0..MAX_CODES_NEAR {
            miss(0).unwrap();
        }
        assert_eq!(miss(0).unwrap_err(), WINDOW);
        for number in 1..MAX_CODES_FAR / MAX_CODES_NEAR {
            // A right code of one's own in between changes nothing.
            drop(failures.begin_user_code(from(number), at(0)).unwrap());
            (0..MAX_CODES_NEAR).for_each(|_| miss(number).unwrap());
        }
        assert!(failures.begin_user_code(from(100_000), at(1)).is_err());
        assert!(failures.begin_user_code(from(0), at(900)).is_ok());
    }

    #[test]
    fn switched_off_nothing_is_counted() {
        let failures = Failures::new(false);
        for _ in 0..1_000 {
            failures.begin("alice", None, at(0)).unwrap().failed(at(0));
        }
        assert_eq!(wait(&failures, "alice", None, at(0)), None);
    }
}
