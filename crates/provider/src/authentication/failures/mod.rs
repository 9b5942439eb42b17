//! Wrong guesses, counted: passwords per account, in a browser that is known to its owner apart from everybody else's; user codes per account.
//! Beside the account the networks that guesses come from are counted, in tiers: whoever has a network has all of its addresses.
//! A name nobody has is counted alike, so that being locked tells nothing.

use crypto::sha256;
use protocol::{Timestamp, UserId};
use quick_cache::sync::Cache;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Failures within this time count together.
const WINDOW: Duration = Duration::from_secs(900);
/// So many in a browser in which this account signed in before lock the account in that browser, and nowhere else.
const MAX_KNOWN: u32 = 10;
/// So many from anywhere else lock the account for browsers it never signed in with.
const MAX_FAR: u32 = 100;
/// So many wrong passwords of one account from networks of these sizes lock it for them. A subscriber has a /64 at least, often a /56, and for
/// the asking a /48: the sum of what one of them may try is far from [`MAX_FAR`], so that nobody locks an account everywhere alone.
const PASSWORD_TIERS: Tiers = Tiers { v4: &[(32, 10), (24, 30)], v6: &[(64, 10), (56, 20), (48, 30)] };

/// So many wrong user codes of one account lock it: a person mistypes a few (RFC 8628 section 5.1). Eight of twenty letters are 2.6e10 codes;
/// while a thousand devices wait, a guess finds one of them once in 25 million times. An account has 960 guesses a day, so ten thousand
/// accounts that guess all day find one device in two or three days, and all they can do with it is to sign it in as themselves.
/// Nobody's guesses stop anybody else.
const MAX_CODES: u32 = 10;
/// So many from one network, whoever signed in there: accounts may be easier to have than networks.
const CODE_TIERS: Tiers = Tiers { v4: &[(32, 20), (24, 60)], v6: &[(64, 20), (56, 40), (48, 60)] };

/// How long to wait while all the tries that may still fail are under way.
const MOMENT: Duration = Duration::from_secs(1);

/// Recent failures. Bounded: the least used are forgotten first.
pub(crate) struct Failures {
    counts: Option<Cache<Key, Count>>,
    /// How often an operator lifted an account's lock-out: what was counted before is not found any more.
    lifted: Cache<Key, u64>,
    /// Looking and counting is one act: tries that come at once must not all find the count as it was before the first failed.
    counting: Mutex<()>,
}

type Key = [u8; 32];

/// Networks by the length of their prefix, narrowest first, each with how many failures it may have.
struct Tiers {
    v4: &'static [(u32, u32)],
    v6: &'static [(u32, u32)],
}

/// Whose password is tried.
#[derive(Clone, Copy)]
pub(crate) enum Account<'a> {
    /// A user's, by whichever of their names: one account has one budget.
    User(UserId),
    /// Nobody's: the name that was typed.
    Name(&'a str),
}

/// From where it is tried.
#[derive(Clone, Copy, Default)]
pub(crate) struct Origin {
    /// The address.
    pub(crate) remote: Option<IpAddr>,
    /// The browser, if this account signed in with it before.
    pub(crate) known: Option<[u8; 16]>,
}

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
    /// What it is counted under, with how many are allowed, narrowest first.
    keys: Vec<(Key, u32)>,
}

impl Failures {
    pub(crate) fn new(enabled: bool) -> Self {
        Self {
            counts: enabled.then(|| Cache::new(100_000)),
            lifted: Cache::new(10_000),
            counting: Mutex::new(()),
        }
    }

    /// Begins a try at a password, or says how long this account must not be tried from here.
    pub(crate) fn begin(
        &self,
        account: Account<'_>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Try<'_>, Duration> {
        let account = self.round_of(account.key());
        let keys = match origin.known {
            Some(browser) => vec![(key(b"known", &account, &browser), MAX_KNOWN)],
            None => {
                let mut keys = networks(b"near", &account, origin.remote, &PASSWORD_TIERS);
                keys.push((key(b"far", &account, b""), MAX_FAR));
                keys
            }
        };
        self.begin_under(keys, now)
    }

    /// Begins a try at a user code, by whoever is signed in. One that succeeds takes back no failure: whoever guesses can have right codes
    /// of their own.
    pub(crate) fn begin_user_code(
        &self,
        user: Option<UserId>,
        remote: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Try<'_>, Duration> {
        let mut keys = networks(b"user code near", &[0; 32], remote, &CODE_TIERS);
        if let Some(user) = user {
            let account = self.round_of(Account::User(user).key());
            keys.push((key(b"user code", &account, b""), MAX_CODES));
        }
        self.begin_under(keys, now)
    }

    /// Forgets every failure of this user, wherever it came from.
    pub(crate) fn lift(&self, user: UserId) {
        let key = Account::User(user).key();
        let _counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        self.lifted.insert(key, self.lifted.get(&key).unwrap_or_default() + 1);
    }

    fn round_of(&self, account: Key) -> Key {
        match self.lifted.get(&account) {
            Some(round) => key(b"round", &account, &round.to_be_bytes()),
            None => account,
        }
    }

    fn begin_under(&self, keys: Vec<(Key, u32)>, now: Timestamp) -> Result<Try<'_>, Duration> {
        let Some(counts) = &self.counts else { return Ok(Try { failures: self, keys }) };
        let _counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let before: Vec<_> =
            keys.iter().map(|(key, max)| (*key, *max, recent(counts.get(key), now))).collect();
        // The longest: whoever comes back after a shorter one would be sent away again.
        if let Some(wait) = before.iter().filter_map(|(_, max, count)| count.wait(*max, now)).max() {
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

    fn failures_under(&self, key: &Key) -> u32 {
        let count = self.counts.as_ref().and_then(|counts| counts.get(key));
        count.map_or(0, |count| count.failures)
    }
}

impl Try<'_> {
    /// The guess was wrong.
    pub(crate) fn failed(self, now: Timestamp) {
        for (key, _) in &self.keys {
            self.failures.change(*key, |count| {
                let count = recent(Some(count), now);
                Count { failures: count.failures.saturating_add(1), ..count }
            });
        }
    }

    /// The password was right: what failed nearest to here is forgotten, in the wider networks too.
    pub(crate) fn succeeded(self) {
        let Some((nearest, _)) = self.keys.first() else { return };
        let forgiven = self.failures.failures_under(nearest);
        for (key, _) in &self.keys {
            self.failures
                .change(*key, |count| Count { failures: count.failures.saturating_sub(forgiven), ..count });
        }
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        for (key, _) in &self.keys {
            self.failures.change(*key, |count| Count { trying: count.trying.saturating_sub(1), ..count });
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

impl Account<'_> {
    /// Names are hashed: they may be long, or somebody's.
    fn key(self) -> Key {
        match self {
            Self::User(user) => key(b"user", &[0; 32], user.as_bytes()),
            Self::Name(name) => key(b"name", &[0; 32], protocol::name::login_key(name).as_bytes()),
        }
    }
}

/// The networks an address is in, narrowest first. Nothing is known of what has no address: it is one network.
fn networks(what: &[u8], account: &Key, remote: Option<IpAddr>, tiers: &Tiers) -> Vec<(Key, u32)> {
    let (bits, width, tiers) = match remote.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => (u128::from(address.to_bits()) << 96, 4, tiers.v4),
        Some(IpAddr::V6(address)) => (address.to_bits(), 6, tiers.v6),
        None => (0, 0, tiers.v4),
    };
    tiers
        .iter()
        .map(|(length, max)| {
            let network = bits & (u128::MAX << (128 - length));
            let mut detail = vec![width];
            detail.extend(length.to_be_bytes());
            detail.extend(network.to_be_bytes());
            (key(what, account, &detail), *max)
        })
        .collect()
}

fn key(what: &[u8], account: &Key, detail: &[u8]) -> Key {
    sha256(&[what, b"\0", account, detail].concat())
}

#[cfg(test)]
mod tests;
