//! Who is locked out by what, and who is not.

use super::*;

fn alice() -> Account<'static> {
    Account::User(UserId::from_bytes([1; 16]))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn from(address: &str) -> Origin {
    Origin { remote: Some(address.parse().unwrap()), known: None }
}

fn known(browser: u8, address: &str) -> Origin {
    Origin { known: Some([browser; 16]), ..from(address) }
}

/// Fails from there until it is locked; how often that was.
fn failures_until_locked(failures: &Failures, origin: Origin) -> u32 {
    let mut count = 0;
    while let Ok(attempt) = failures.begin(alice(), origin, at(0)) {
        attempt.failed(at(0));
        count += 1;
    }
    count
}

fn wait(failures: &Failures, account: Account<'_>, origin: Origin, now: Timestamp) -> Option<Duration> {
    failures.begin(account, origin, now).err()
}

#[test]
fn ten_wrong_passwords_lock_the_account_for_that_address_and_time_opens_it() {
    let failures = Failures::new(true);
    let (here, there) = (from("192.0.2.1"), from("192.0.2.2"));
    assert_eq!(failures_until_locked(&failures, here), 10);
    assert_eq!(wait(&failures, alice(), here, at(300)), Some(Duration::from_secs(600)));
    assert_eq!(wait(&failures, alice(), there, at(300)), None);
    // An IPv4 address within IPv6 is that IPv4 address.
    assert!(wait(&failures, alice(), from("::ffff:192.0.2.1"), at(300)).is_some());
    assert_eq!(wait(&failures, alice(), here, at(900)), None);
}

#[test]
fn a_name_nobody_has_is_counted_alike_whatever_its_case() {
    let failures = Failures::new(true);
    for _ in 0..10 {
        failures.begin(Account::Name("Nobody"), from("192.0.2.1"), at(0)).unwrap().failed(at(0));
    }
    assert_eq!(wait(&failures, Account::Name("NOBODY"), from("192.0.2.1"), at(0)), Some(WINDOW));
}

#[test]
fn no_network_of_one_subscriber_locks_an_account_everywhere() {
    for (network, allowed) in [
        ("2001:db8:0:1::", 10), // a /64
        ("2001:db8:0::", 20),   // a /56
        ("2001:db8::", 30),     // a /48
    ] {
        let failures = Failures::new(true);
        let mut tried = 0;
        let first: std::net::Ipv6Addr = network.parse().unwrap();
        let free_bits = match allowed {
            10 => 64,
            20 => 72,
            _ => 80,
        };
        for number in 0..400_u128 {
            // Spread over all of the network.
            let host = (number << (free_bits - 9)) | 1;
            let origin = Origin { remote: Some(IpAddr::V6((first.to_bits() + host).into())), known: None };
            if let Ok(attempt) = failures.begin(alice(), origin, at(0)) {
                attempt.failed(at(0));
                tried += 1;
            }
        }
        assert_eq!(tried, allowed, "{network}");
        assert_eq!(wait(&failures, alice(), from("2001:db9::1"), at(0)), None);
    }
    let failures = Failures::new(true);
    let of_a_24: u32 =
        (0..=255).map(|host| failures_until_locked(&failures, from(&format!("192.0.2.{host}")))).sum();
    assert_eq!(of_a_24, 30);
}

#[test]
fn a_browser_that_signed_in_before_has_a_budget_of_its_own() {
    let failures = Failures::new(true);
    let everywhere: u32 =
        (0..50).map(|net| failures_until_locked(&failures, from(&format!("198.51.{net}.1")))).sum();
    assert_eq!(everywhere, MAX_FAR);
    assert!(wait(&failures, alice(), from("203.0.113.1"), at(1)).is_some());
    // The owner's own browser, from the attacker's very address.
    let own = known(7, "198.51.1.1");
    assert_eq!(wait(&failures, alice(), own, at(1)), None);
    assert_eq!(failures_until_locked(&failures, own), 10);
    assert_eq!(wait(&failures, alice(), known(8, "198.51.1.1"), at(1)), None);
    // What fails there is no stranger's failure.
    let failures = Failures::new(true);
    for browser in 0..20 {
        failures_until_locked(&failures, known(browser, "192.0.2.1"));
    }
    assert_eq!(wait(&failures, alice(), from("192.0.2.1"), at(0)), None);
}

#[test]
fn an_operator_lifts_a_lock_out_and_what_fails_afterwards_counts_again() {
    let failures = Failures::new(true);
    for net in 0..50 {
        failures_until_locked(&failures, from(&format!("198.51.{net}.1")));
    }
    failures_until_locked(&failures, known(7, "192.0.2.1"));
    failures.lift(UserId::from_bytes([2; 16]));
    assert!(wait(&failures, alice(), from("192.0.2.1"), at(0)).is_some());
    failures.lift(UserId::from_bytes([1; 16]));
    assert_eq!(wait(&failures, alice(), from("198.51.1.1"), at(0)), None);
    assert_eq!(wait(&failures, alice(), known(7, "192.0.2.1"), at(0)), None);
    assert_eq!(failures_until_locked(&failures, from("198.51.1.1")), 10);
    failures.lift(UserId::from_bytes([1; 16]));
    assert_eq!(wait(&failures, alice(), from("198.51.1.1"), at(0)), None);
}

#[test]
fn a_right_password_forgets_what_failed_near_it_and_nothing_else() {
    let failures = Failures::new(true);
    for _ in 0..20 {
        for _ in 0..9 {
            failures.begin(alice(), from("192.0.2.1"), at(0)).unwrap().failed(at(0));
        }
        failures.begin(alice(), from("192.0.2.1"), at(0)).unwrap().succeeded();
    }
    assert_eq!(failures_until_locked(&failures, from("192.0.2.9")), 10);
    failures.begin(alice(), from("192.0.2.1"), at(0)).unwrap().succeeded();
    assert!(wait(&failures, alice(), from("192.0.2.9"), at(0)).is_some());
}

#[test]
fn tries_under_way_count_until_they_are_over() {
    let failures = Failures::new(true);
    let here = from("192.0.2.1");
    let mut tries: Vec<_> = (0..10).map(|_| failures.begin(alice(), here, at(0)).unwrap()).collect();
    assert_eq!(wait(&failures, alice(), here, at(0)), Some(MOMENT));
    tries.pop().unwrap().failed(at(0));
    assert_eq!(wait(&failures, alice(), here, at(0)), Some(MOMENT));
    // Given up, nobody learned anything.
    tries.clear();
    assert_eq!(wait(&failures, alice(), here, at(0)), None);
    assert_eq!(failures_until_locked(&failures, here), 9);
    assert_eq!(wait(&failures, alice(), here, at(0)), Some(WINDOW));
}

#[test]
fn rfc8628_5_1_wrong_user_codes_lock_their_account_and_their_network_and_never_the_world() {
    let failures = Failures::new(true);
    let address = |number: u32| Some(IpAddr::from((0xC633_0000 + number * 256).to_be_bytes()));
    let user = |number: u32| {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        Some(UserId::from_bytes(id))
    };
    let miss = |who, remote| failures.begin_user_code(who, remote, at(0)).map(|guess| guess.failed(at(0)));
    for _ in 0..MAX_CODES {
        // A right code of one's own in between changes nothing.
        drop(failures.begin_user_code(user(0), address(0), at(0)).unwrap());
        miss(user(0), address(0)).unwrap();
    }
    assert_eq!(miss(user(0), address(1)).unwrap_err(), WINDOW, "an account takes its count along");
    for number in 1..200 {
        (0..MAX_CODES).for_each(|_| miss(user(number), address(number)).unwrap());
    }
    assert!(
        failures.begin_user_code(user(1_000), address(1_000), at(1)).is_ok(),
        "2,000 wrong codes elsewhere"
    );
    // Many accounts in one network are not many budgets.
    let network: usize =
        (2_000..2_100).map(|number| usize::from(miss(user(number), address(9_000)).is_ok())).sum();
    assert_eq!(network, 20);
    assert!(failures.begin_user_code(user(0), address(0), at(900)).is_ok());
}

#[test]
fn switched_off_nothing_is_counted() {
    let failures = Failures::new(false);
    for _ in 0..1_000 {
        failures.begin(alice(), from("192.0.2.1"), at(0)).unwrap().failed(at(0));
    }
    assert_eq!(wait(&failures, alice(), from("192.0.2.1"), at(0)), None);
}
