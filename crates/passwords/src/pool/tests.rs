//! The pool with its real threads. A slow bcrypt check keeps a thread busy where a test needs one busy.

use base64::Engine;
use std::sync::Weak;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::hasher::SALT_BYTES;
use crate::stored::BASE64;

/// Whose turn it is does not matter where one caller is as good as another.
const NOBODY: OnBehalfOf = OnBehalfOf { client: 0, address: 0 };
const TINY: Argon2Params = Argon2Params { memory_kib: 64, iterations: 1, parallelism: 1 };
/// bcrypt of cost 11: some 0.15 s.
const SLOW: &str = "$2a$11$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
/// bcrypt of `U*U`, cost 5.
const LEGACY: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

fn sevens(salt: &mut [u8]) {
    salt.fill(7);
}

/// Salts that count up, for one test each.
fn numbered<const TEST: usize>(salt: &mut [u8]) {
    static SALTS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
    salt.fill(0);
    salt[..8].copy_from_slice(&SALTS[TEST].fetch_add(1, Relaxed).to_be_bytes());
}

/// The number of a hash's salt.
fn number_of(hash: &str) -> u64 {
    let salt = BASE64.decode(hash.split('$').nth(4).unwrap()).unwrap();
    u64::from_be_bytes(salt[..8].try_into().unwrap())
}

fn settings(threads: usize) -> PoolSettings {
    PoolSettings { threads, params: TINY, ..PoolSettings::new(sevens) }
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

/// The only thread is measured and idle.
async fn ready(settings: PoolSettings) -> HashPool {
    let pool = HashPool::start(settings).unwrap();
    pool.hash(NOBODY, secret("first")).await.unwrap();
    pool
}

async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if reached() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never happened: {what}");
}

/// Occupies the pool's only thread.
async fn plug(pool: &HashPool) -> tokio::task::JoinHandle<Result<Verdict, Refused>> {
    let busy = pool.clone();
    let plug = tokio::spawn(async move { busy.verify(NOBODY, secret("no"), Some(SLOW.to_owned())).await });
    until("the slow check runs", || pool.stats().running == 1).await;
    plug
}

#[tokio::test]
async fn right_wrong_and_upgraded() {
    let pool = ready(settings(2)).await;
    let hash = pool.hash(NOBODY, secret("right")).await.unwrap();
    assert_eq!(pool.verify(NOBODY, secret("right"), Some(hash.clone())).await, Ok(Verdict::Right));
    assert_eq!(pool.verify(NOBODY, secret("wrong"), Some(hash)).await, Ok(Verdict::Wrong));
    assert_eq!(pool.verify(NOBODY, secret("wrong"), Some(LEGACY.to_owned())).await, Ok(Verdict::Wrong));
    assert_eq!(pool.stats().upgraded, 0);

    let older = Argon2Params { memory_kib: 128, ..TINY };
    let outdated = crate::hash_password(&older, &secret("right"), [1; SALT_BYTES]).unwrap();
    for (password, stored) in [("U*U", LEGACY.to_owned()), ("right", outdated)] {
        let Ok(Verdict::RightAndUpgraded(fresh)) = pool.verify(NOBODY, secret(password), Some(stored)).await
        else {
            panic!("not upgraded");
        };
        assert!(fresh.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{fresh}");
        assert_eq!(pool.verify(NOBODY, secret(password), Some(fresh)).await, Ok(Verdict::Right));
    }
    assert_eq!(pool.stats().upgraded, 2);
}

#[tokio::test]
async fn an_unknown_user_costs_what_a_wrong_password_costs() {
    let pool = ready(settings(1)).await;
    let hash = pool.hash(NOBODY, secret("right")).await.unwrap();
    let long = "p".repeat(MAX_PASSWORD_BYTES + 1);
    let cases = [
        ("wrong", Some(hash.clone())),
        ("wrong", None),
        ("wrong", Some("$1$of$another age".to_owned())),
        ("wrong", Some(String::new())),
        (long.as_str(), Some(hash)),
        (long.as_str(), None),
    ];
    for (password, stored) in cases {
        let before = pool.stats().hashes;
        assert_eq!(
            pool.verify(NOBODY, secret(password), stored.clone()).await,
            Ok(Verdict::Wrong),
            "{stored:?}"
        );
        assert_eq!(pool.stats().hashes - before, 1, "{stored:?}");
    }
    assert_eq!(pool.stats().unsupported, 2);
}

#[tokio::test]
async fn a_hash_is_not_upgraded_to_more_or_less_than_it_verified() {
    let pool = ready(settings(1)).await;
    // bcrypt of 80 bytes: whoever types something else after the 72nd is let in, and must not have set a new password by it.
    let long = "x".repeat(80);
    let of_long = bcrypt::hash_with_salt(&long[..72], 4, *b"0123456789abcdef").unwrap().to_string();
    let verify = async |typed: &str, stored: &str| {
        pool.verify(OnBehalfOf::default(), secret(typed), Some(stored.to_owned())).await.unwrap()
    };
    for typed in [long.clone(), format!("{}typo", &long[..72]), long[..72].to_owned()] {
        assert_eq!(verify(&typed, &of_long).await, Verdict::Right, "{} bytes", typed.len());
    }
    let of_71 = bcrypt::hash_with_salt(&long[..71], 4, *b"0123456789abcdef").unwrap().to_string();
    assert!(matches!(verify(&long[..71], &of_71).await, Verdict::RightAndUpgraded(_)));
    // WordPress hashes without the spaces around: with them the text typed is another one than the next time.
    let of_wordpress = "$wp$2y$10$Ftj.d6xjZqzUzfMhFQ//tOTMWxFoUK5L/yk/AmBv5cb2NLAMaexpW";
    assert_eq!(verify(" harmless words 42", of_wordpress).await, Verdict::Right);
    assert!(matches!(verify("harmless words 42", of_wordpress).await, Verdict::RightAndUpgraded(_)));
    // What only compatibility forms make equal may be typed apart the next time.
    let of_fish = bcrypt::hash_with_salt("fishmonger", 4, *b"0123456789abcdef").unwrap().to_string();
    assert_eq!(verify("\u{fb01}shmonger", &of_fish).await, Verdict::Right);
}

#[tokio::test]
async fn rfc8265_4_2_a_password_is_one_in_either_normal_form_and_its_work_is_counted() {
    let pool = ready(settings(1)).await;
    let (composed, apart) = ("p\u{e4}ssword", "pa\u{308}ssword");
    let verify = async |typed: &str, stored: Option<&str>| {
        let before = pool.stats().hashes;
        let stored = stored.map(str::to_owned);
        let verdict = pool.verify(OnBehalfOf::default(), secret(typed), stored).await.unwrap();
        (verdict, pool.stats().hashes - before)
    };
    for set_as in [composed, apart] {
        let new = pool.hash(OnBehalfOf::default(), secret(set_as)).await.unwrap();
        assert_eq!(verify(composed, Some(&new)).await, (Verdict::Right, 1));
        assert_eq!(verify(apart, Some(&new)).await, (Verdict::Right, 2));
    }
    // Of another system, which hashed what it was given: it is replaced by one of the composed form.
    let imported = bcrypt::hash_with_salt(apart, 4, *b"0123456789abcdef").unwrap().to_string();
    let (Verdict::RightAndUpgraded(upgraded), _) = verify(apart, Some(&imported)).await else { panic!() };
    assert_eq!(verify(composed, Some(&upgraded)).await.0, Verdict::Right);
    let imported = bcrypt::hash_with_salt(composed, 4, *b"0123456789abcdef").unwrap().to_string();
    assert!(matches!(verify(apart, Some(&imported)).await.0, Verdict::RightAndUpgraded(_)));
    // A wrong one costs the same whether or not there is such a user.
    assert_eq!(verify("wro\u{308}ng", Some(&upgraded)).await, (Verdict::Wrong, 2));
    assert_eq!(verify("wro\u{308}ng", None).await, (Verdict::Wrong, 2));
}

#[tokio::test]
async fn an_empty_password_is_refused_before_any_hash_is_looked_at() {
    let pool = ready(settings(1)).await;
    let of_nothing = bcrypt::hash_with_salt("", 4, *b"0123456789abcdef").unwrap().to_string();
    let before = pool.stats().hashes;
    for stored in [Some(of_nothing), None, Some("nonsense".to_owned())] {
        assert_eq!(pool.verify(OnBehalfOf::default(), secret(""), stored).await, Ok(Verdict::Wrong));
    }
    assert_eq!(pool.stats().hashes, before);
}

#[tokio::test]
async fn a_hash_that_is_checked_too_quickly_costs_what_an_unknown_user_costs_too() {
    let pool = ready(settings(1)).await;
    let before = pool.stats().hashes;
    let stored = "{SSHA}A2zxGsNi50PT2M/FpE5Kyi3LQbS5G7Fb".to_owned();
    let verdict = pool.verify(OnBehalfOf::default(), secret("wrong"), Some(stored)).await.unwrap();
    assert_eq!((verdict, pool.stats().hashes - before), (Verdict::Wrong, 2));
}

#[tokio::test]
async fn a_password_that_verify_would_never_accept_is_not_hashed() {
    let pool = ready(settings(1)).await;
    let refused = pool.hash(NOBODY, secret(&"p".repeat(MAX_PASSWORD_BYTES + 1))).await.unwrap_err();
    assert_eq!(refused.reason, Reason::PasswordTooLong);
    let longest = "p".repeat(MAX_PASSWORD_BYTES);
    let hash = pool.hash(NOBODY, secret(&longest)).await.unwrap();
    assert_eq!(pool.verify(NOBODY, secret(&longest), Some(hash)).await, Ok(Verdict::Right));
}

#[tokio::test]
async fn who_would_wait_too_long_is_refused_at_once() {
    let pool = ready(PoolSettings { max_wait: Duration::from_millis(100), ..settings(1) }).await;
    let plug = plug(&pool).await;
    pool.shared().mean.set(Duration::from_millis(40));
    // 20 ms, 60 ms, 100 ms of waiting; a fourth would wait 140 ms.
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.hash(NOBODY, secret("p")).await })
        })
        .collect();
    until("three wait", || pool.stats().queued == 3).await;
    let refused = pool.hash(NOBODY, secret("p")).await.unwrap_err();
    assert_eq!(refused, Refused { retry_after: Duration::from_secs(1), reason: Reason::Busy });
    assert_eq!(pool.stats().completed, 1, "the refusal did not wait for the slow check");

    pool.shared().mean.set(Duration::from_secs(10));
    let refused = pool.verify(NOBODY, secret("p"), None).await.unwrap_err();
    assert_eq!(refused.retry_after, Duration::from_millis(35_000 - 100));
    assert_eq!(pool.stats().refused, 2);

    assert_eq!(plug.await.unwrap(), Ok(Verdict::Wrong));
    for admitted in waiting {
        admitted.await.unwrap().unwrap();
    }
    assert!(pool.stats().last_wait > Duration::ZERO);
    assert_eq!((pool.stats().queued, pool.stats().running), (0, 0));
}

#[tokio::test]
async fn never_more_wait_than_the_bound() {
    let pool =
        ready(PoolSettings { max_queued: 2, max_wait: Duration::from_secs(3600), ..settings(1) }).await;
    let plug = plug(&pool).await;
    let mut waiting: Vec<_> = (0..2).map(|_| Box::pin(pool.hash(NOBODY, secret("p")))).collect();
    for future in &mut waiting {
        assert!(polled_once(future.as_mut()).await.is_none());
    }
    assert_eq!(pool.hash(NOBODY, secret("p")).await.unwrap_err().reason, Reason::Busy);
    // A caller that leaves makes room for another, even before a thread looks at the queue.
    drop(waiting.remove(0));
    let mut next = Box::pin(pool.hash(NOBODY, secret("p")));
    assert!(polled_once(next.as_mut()).await.is_none());
    assert_eq!(pool.stats().queued, 2);
    assert_eq!(pool.hash(NOBODY, secret("p")).await.unwrap_err().reason, Reason::Busy);
    next.await.unwrap();
    plug.await.unwrap().unwrap();
}

/// The output if the future is ready now.
async fn polled_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match future.as_mut().poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn first_come_first_served() {
    let pool = ready(PoolSettings { entropy: numbered::<0>, ..settings(1) }).await;
    let plug = plug(&pool).await;
    let mut waiting = Vec::new();
    for number in 0..20 {
        let mut future = Box::pin(pool.hash(NOBODY, secret(&number.to_string())));
        assert!(polled_once(future.as_mut()).await.is_none());
        waiting.push(future);
    }
    plug.await.unwrap().unwrap();
    for (place, future) in (1..).zip(waiting) {
        assert_eq!(number_of(&future.await.unwrap()), place);
    }
}

#[tokio::test]
async fn nothing_is_hashed_for_callers_that_left() {
    let pool = ready(settings(1)).await;
    let plug = plug(&pool).await;
    let before = pool.stats().hashes;
    let mut left: Vec<_> = (0..5).map(|_| Box::pin(pool.verify(NOBODY, secret("p"), None))).collect();
    for future in &mut left {
        assert!(polled_once(future.as_mut()).await.is_none());
    }
    assert_eq!(pool.stats().queued, 5);
    drop(left);
    assert_eq!((pool.stats().queued, pool.stats().abandoned), (0, 5));
    plug.await.unwrap().unwrap();
    pool.hash(NOBODY, secret("p")).await.unwrap();
    assert_eq!(pool.stats().hashes - before, 1, "only the last one");
}

#[tokio::test]
async fn closing_refuses_what_waits_and_finishes_what_runs() {
    let pool = ready(settings(1)).await;
    let plug = plug(&pool).await;
    let waits = {
        let pool = pool.clone();
        tokio::spawn(async move { pool.verify(NOBODY, secret("p"), None).await })
    };
    until("one waits", || pool.stats().queued == 1).await;
    pool.close();
    let refused = waits.await.unwrap().unwrap_err();
    assert_eq!(refused, Refused { retry_after: Duration::from_secs(1), reason: Reason::Closing });
    assert_eq!(pool.hash(NOBODY, secret("p")).await.unwrap_err().reason, Reason::Closing);
    assert_eq!(plug.await.unwrap(), Ok(Verdict::Wrong));
}

#[tokio::test]
async fn the_threads_end_with_the_last_clone() {
    let pool = ready(settings(3)).await;
    let shared: Weak<Shared> = Arc::downgrade(pool.shared());
    let clone = pool.clone();
    drop(pool);
    clone.hash(NOBODY, secret("still served")).await.unwrap();
    assert!(shared.strong_count() > 1, "the threads hold it");
    drop(clone);
    until("every thread has ended", || shared.strong_count() == 0).await;
}

#[tokio::test]
async fn the_runtime_goes_on_while_hashes_are_made() {
    // One thread for everything: if verify blocked it, nothing else would run.
    let pool = ready(settings(1)).await;
    let slow = pool.verify(NOBODY, secret("no"), Some(SLOW.to_owned()));
    let mut turns = 0_u64;
    let meanwhile = async {
        loop {
            turns += 1;
            tokio::task::yield_now().await;
        }
    };
    let verdict = tokio::select! { verdict = slow => verdict, () = meanwhile => unreachable!() };
    assert_eq!(verdict, Ok(Verdict::Wrong));
    assert!(turns > 1000, "{turns}");
}

#[tokio::test]
async fn the_first_hash_is_measured_before_anyone_asks() {
    let start = crate::monotonic();
    let pool = HashPool::start(PoolSettings { params: Argon2Params::default(), ..settings(1) }).unwrap();
    let assumed = pool.stats();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!((assumed.threads, assumed.hashes, assumed.estimated_wait), (1, 0, Duration::ZERO));
    until("the measurement replaces the assumption", || pool.stats().mean_hash != Duration::from_millis(25))
        .await;
    assert_eq!(pool.stats().completed, 0);
}

#[tokio::test]
async fn a_panic_costs_one_answer_and_no_thread() {
    fn no_entropy(_: &mut [u8]) {
        panic!("the test's source of random bytes fails");
    }
    let pool = HashPool::start(PoolSettings { entropy: no_entropy, ..settings(1) }).unwrap();
    assert_eq!(pool.hash(NOBODY, secret("p")).await.unwrap_err().reason, Reason::Busy);
    assert_eq!(pool.verify(NOBODY, secret("p"), None).await, Ok(Verdict::Wrong));
    until("nothing runs", || pool.stats().running == 0).await;
}

#[test]
fn settings_that_could_serve_no_one_are_refused() {
    let refused = |settings| HashPool::start(settings).unwrap_err().to_string();
    assert!(refused(settings(0)).contains("at least one thread"));
    assert!(refused(PoolSettings { max_queued: 0, ..settings(1) }).contains("one request wait"));
    let params = Argon2Params { memory_kib: 1, ..TINY };
    let error = HashPool::start(PoolSettings { params, ..settings(1) }).unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("too little"));
}

#[test]
fn no_debug_output_shows_a_password_or_a_hash() {
    let verdict = Verdict::RightAndUpgraded("$argon2id$secret".to_owned());
    assert_eq!(format!("{verdict:?}"), "RightAndUpgraded(..)");
}

#[test]
fn a_thread_without_work_is_told_so() {
    let shared = Shared::new(settings(1));
    assert!(matches!(shared.next(Some(Duration::from_millis(1))), queue::Next::Idle));
    shared.close();
    assert!(matches!(shared.next(None), queue::Next::Closed));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn hashing_threads_have_a_lower_priority() {
    const SCHED_BATCH: i32 = 3;
    /// Name, niceness and scheduling policy of a thread (proc_pid_stat(5): fields 2, 19 and 41).
    fn scheduling(stat: &str) -> (String, i32, i32) {
        let (before, after) = stat.rsplit_once(") ").unwrap();
        let name = before.split_once('(').unwrap().1.to_owned();
        let field = |number: usize| after.split(' ').nth(number - 3).unwrap().parse().unwrap();
        (name, field(19), field(41))
    }
    let own = scheduling(&std::fs::read_to_string("/proc/thread-self/stat").unwrap()).1;
    // No other test's pool has this niceness.
    let pool = HashPool::start(PoolSettings { nice: 7, ..settings(2) }).unwrap();
    let lowered = (own + 7).min(19);
    until("both threads run at lower priority", || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let hashing = tasks
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok())
            .map(|stat| scheduling(&stat))
            .filter(|(name, nice, policy)| {
                name.starts_with("hash-") && *nice == lowered && *policy == SCHED_BATCH
            });
        hashing.count() == 2
    })
    .await;
    let after = scheduling(&std::fs::read_to_string("/proc/thread-self/stat").unwrap()).1;
    assert_eq!((after, pool.stats().threads), (own, 2), "the caller keeps its priority");
}

#[tokio::test]
async fn one_caller_cannot_keep_another_waiting() {
    let pool = ready(PoolSettings { entropy: numbered::<1>, ..settings(1) }).await;
    let plug = plug(&pool).await;
    let mut flood: Vec<_> = (0..20).map(|_| Box::pin(pool.hash(NOBODY, secret("p")))).collect();
    for future in &mut flood {
        assert!(polled_once(future.as_mut()).await.is_none());
    }
    // Another client, and the same client from elsewhere.
    let others = [OnBehalfOf { client: 7, address: 0 }, OnBehalfOf { client: 0, address: 7 }];
    let mut waiting: Vec<_> = others.map(|caller| Box::pin(pool.hash(caller, secret("p")))).into();
    for future in &mut waiting {
        assert!(polled_once(future.as_mut()).await.is_none());
    }
    plug.await.unwrap().unwrap();
    for (future, expected) in waiting.into_iter().zip([2, 3]) {
        // Number 0 was the pool's first; number 1 is the first of the flood.
        assert_eq!(number_of(&future.await.unwrap()), expected);
    }
}

#[tokio::test]
async fn a_flood_is_refused_where_a_burst_may_wait_and_a_quiet_caller_is_let_in() {
    let ms = Duration::from_millis;
    let pool = ready(PoolSettings { max_wait: ms(2_000), overload_wait: ms(500), ..settings(1) }).await;
    let plug = plug(&pool).await;
    pool.shared().mean.set(ms(100));
    let mut waiting = Vec::new();
    let refused = loop {
        let mut one = Box::pin(pool.hash(NOBODY, secret("p")));
        match polled_once(one.as_mut()).await {
            Some(answer) => break answer.unwrap_err(),
            None => waiting.push(one),
        }
    };
    assert_eq!((refused.reason, waiting.len()), (Reason::Busy, 20));
    assert!(pool.is_flooded());
    // So many may be asked for a password in the meantime, and whoever's turn comes soon.
    assert_eq!([(); 4].map(|()| pool.has_room(NOBODY)), [true, true, false, false]);
    assert!(pool.has_room(OnBehalfOf { client: 7, address: 0 }));
    assert_eq!(pool.stats().turned_away, 2);
    // Half of them leave: room for a burst, and not for a flood.
    waiting.truncate(10);
    assert!(pool.stats().estimated_wait < ms(1_500));
    assert_eq!(pool.hash(NOBODY, secret("p")).await.unwrap_err().reason, Reason::Busy);
    let mut quiet = Box::pin(pool.hash(OnBehalfOf { client: 7, address: 0 }, secret("p")));
    assert!(polled_once(quiet.as_mut()).await.is_none());
    // The flood has passed.
    waiting.clear();
    drop(quiet);
    assert!((0..10).all(|_| pool.has_room(NOBODY)));
    assert!(!pool.is_flooded());
    // When it is quiet for a second, a burst may wait again.
    tokio::time::sleep(ms(1_100)).await;
    let mut burst: Vec<_> = (0..10).map(|_| Box::pin(pool.hash(NOBODY, secret("p")))).collect();
    for future in &mut burst {
        assert!(polled_once(future.as_mut()).await.is_none());
    }
    plug.await.unwrap().unwrap();
    for hash in burst {
        hash.await.unwrap();
    }
}
