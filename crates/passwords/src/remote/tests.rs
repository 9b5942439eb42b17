//! The other machine is another pool in this process; how machines are really reached is tested where that is written.

use super::*;
use crate::params::Argon2Params;
use crate::pool::{OnBehalfOf, PoolSettings, Reason, Refused};
use std::sync::atomic::{AtomicBool, AtomicUsize};

const NOBODY: OnBehalfOf = OnBehalfOf { client: 0, address: 0 };
const TINY: Argon2Params = Argon2Params { memory_kib: 64, iterations: 1, parallelism: 1 };

/// A pool, as if it were elsewhere.
struct NextDoor {
    pool: HashPool,
    dead: AtomicBool,
    says_busy: AtomicBool,
    turned_away: AtomicUsize,
}

impl NextDoor {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            pool: pool(TINY, 1),
            dead: AtomicBool::new(false),
            says_busy: AtomicBool::new(false),
            turned_away: AtomicUsize::new(0),
        })
    }
}

impl Remote for NextDoor {
    fn name(&self) -> &str {
        "next door"
    }

    fn ask<'a>(&'a self, terms: Terms, work: &'a Work) -> Asking<'a> {
        Box::pin(async move {
            if self.dead.load(Relaxed) {
                return Err(Unanswered::Failed);
            }
            if self.says_busy.load(Relaxed) {
                return Err(Unanswered::Busy(Duration::from_millis(1)));
            }
            let refused = |refused: Refused| match refused.reason {
                Reason::Busy => Unanswered::Busy(refused.retry_after),
                _ => Unanswered::Failed,
            };
            let done = match work {
                Work::Verify { password, stored } => {
                    let verdict = self.pool.verify_here(terms, password.clone(), stored.clone()).await;
                    Done::Verdict(verdict.map_err(refused)?)
                }
                Work::Hash { password } => {
                    Done::Hash(self.pool.hash_here(terms, password.clone()).await.map_err(refused)?)
                }
                Work::Nothing => Done::Nothing,
            };
            Ok((done, self.pool.stats().threads))
        })
    }

    fn turned(&self, usable: bool) {
        if !usable {
            self.turned_away.fetch_add(1, Relaxed);
        }
    }
}

fn pool(params: Argon2Params, threads: usize) -> HashPool {
    fn zeros(salt: &mut [u8]) {
        salt.fill(0);
    }
    HashPool::start(PoolSettings { params, threads, ..PoolSettings::new(zeros) }).unwrap()
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

/// A pool that a slow password occupies, so that others are done elsewhere.
async fn occupied() -> HashPool {
    let pool = pool(Argon2Params { memory_kib: 64 * 1024, iterations: 8, parallelism: 1 }, 1);
    let busy = pool.clone();
    tokio::spawn(async move { busy.verify(NOBODY, secret("p"), None).await });
    while pool.stats().running == 0 {
        tokio::task::yield_now().await;
    }
    pool
}

#[tokio::test]
async fn while_this_machine_is_busy_another_does_the_work_on_our_terms() {
    let (pool, next_door) = (occupied().await, NextDoor::new());
    pool.share_with(vec![next_door.clone()]);
    let ours = pool.terms().params;
    let cheap = crate::hash_password(&TINY, &secret("right"), [1; 16]).unwrap();
    assert_eq!(pool.verify(NOBODY, secret("wrong"), Some(cheap.clone())).await, Ok(Verdict::Wrong));
    assert_eq!(pool.verify(NOBODY, secret("right"), None).await, Ok(Verdict::Wrong));
    let Ok(Verdict::RightAndUpgraded(upgraded)) = pool.verify(NOBODY, secret("right"), Some(cheap)).await
    else {
        panic!("the stored hash is not of our cost");
    };
    assert!(upgraded.contains(&ours.to_string()), "{upgraded}");
    assert!(pool.hash(NOBODY, secret("new")).await.unwrap().contains(&ours.to_string()));
    assert!(pool.remote_stats()[0].answered > 0);
    assert!(next_door.pool.stats().completed > 0);
}

#[tokio::test]
async fn work_comes_back_from_a_machine_that_fails_and_three_times_is_enough() {
    let (pool, next_door) = (pool(TINY, 1), NextDoor::new());
    next_door.dead.store(true, Relaxed);
    pool.share_with(vec![next_door.clone()]);
    let asked = (0..8).map(|_| pool.verify(NOBODY, secret("p"), None));
    for verdict in futures_of(asked).await {
        assert_eq!(verdict, Ok(Verdict::Wrong));
    }
    let stats = pool.remote_stats().remove(0);
    assert_eq!((stats.answered, stats.outstanding), (0, 0));
    assert_eq!(next_door.turned_away.load(Relaxed), usize::from(!stats.usable));
    assert_eq!(pool.stats().completed, 8, "all of it was done here");
}

#[tokio::test]
async fn what_one_machine_is_too_busy_for_another_does() {
    let (pool, busy, free) = (occupied().await, NextDoor::new(), NextDoor::new());
    busy.says_busy.store(true, Relaxed);
    pool.share_with(vec![busy, free.clone()]);
    for _ in 0..4 {
        assert_eq!(pool.verify(NOBODY, secret("p"), None).await, Ok(Verdict::Wrong));
    }
    let stats = pool.remote_stats();
    assert!(stats[0].busy > 0 && stats[0].usable && stats[0].answered == 0, "{stats:?}");
    assert!(stats[1].answered > 0, "{stats:?}");
}

#[test]
fn what_may_take_long_stays_here() {
    let today = Argon2Params::default();
    let goes = |password: &str, stored: Option<&str>| {
        let stored = stored.map(str::to_owned);
        Work::Verify { password: secret(password), stored }.takes_as_long_as(&today)
    };
    let argon2 = |memory_kib: u32| {
        let params = Argon2Params { memory_kib, ..today };
        format!("$argon2id$v=19${params}$MDEyMzQ1Njc4OWFiY2RlZg$ZU7BdSwuAT2NJbDWfJmIGFAdzu32uX5r6jw2TuRMaj4")
    };
    assert!(goes("p", None) && goes("p", Some(&argon2(19_456))) && goes("p", Some(&argon2(65_536))));
    assert!(!goes("p", Some(&argon2(131_072))));
    assert!(!goes("p", Some("$2b$04$0x8Ls/af4q4X27ylM5yamOhFciunoI6/8b7j4kizx8CqkIECbxHzC")));
    assert!(!goes("p", Some("no hash")) && !goes("p", Some(&"h".repeat(2_000))));
    assert!(!goes(&"p".repeat(MAX_PASSWORD_BYTES + 1), None));
}

#[tokio::test]
async fn whoever_leaves_gives_the_place_back() {
    let (pool, next_door) = (occupied().await, NextDoor::new());
    let busy = next_door.pool.clone();
    let slow =
        Terms { params: Argon2Params { memory_kib: 65_536, iterations: 8, parallelism: 1 }, ..pool.terms() };
    tokio::spawn(async move { busy.verify_here(slow, secret("p"), None).await });
    while next_door.pool.stats().running == 0 {
        tokio::task::yield_now().await;
    }
    pool.share_with(vec![next_door]);
    let mut leaving = Box::pin(pool.verify(NOBODY, secret("p"), None));
    std::future::poll_fn(|cx| {
        assert!(leaving.as_mut().poll(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    assert_eq!(pool.remote_stats()[0].outstanding, 1);
    drop(leaving);
    assert_eq!(pool.remote_stats()[0].outstanding, 0);
}

/// All of them at once, in one task.
async fn futures_of<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = all.map(Box::pin).map(Some).collect();
    let mut done: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (place, result) in waiting.iter_mut().zip(&mut done) {
            let Some(future) = place else { continue };
            if let std::task::Poll::Ready(value) = future.as_mut().poll(cx) {
                (*result, *place) = (Some(value), None);
            }
        }
        if waiting.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
