//! What is read, what is refused and in which words; nothing makes the reader panic.

use proptest::prelude::*;

use super::*;

const SALT: &str = "MDEyMzQ1Njc4OWFiY2RlZg";
const DIGEST: &str = "ZU7BdSwuAT2NJbDWfJmIGFAdzu32uX5r6jw2TuRMaj4";
const BCRYPT: &str = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

/// Puts a valid salt and digest in: `S` and `D` stand for them.
fn filled(pattern: &str) -> String {
    pattern.replace("$S$D", &format!("${SALT}${DIGEST}")).replace("$B", &format!("${BCRYPT}"))
}

#[test]
fn every_format_is_named() {
    let table = [
        ("$argon2id$v=19$m=64,t=2,p=2$S$D", "argon2id"),
        ("$argon2id$v=19$p=2,t=2,m=64$S$D", "argon2id"),
        ("$argon2i$m=64,t=2,p=2$S$D", "argon2i"),
        ("$argon2d$v=16$m=64,t=2,p=2$S$D", "argon2d"),
        ("$2a$10$B", "bcrypt"),
        ("$2b$15$B", "bcrypt"),
        ("$2y$04$B", "bcrypt"),
        ("$scrypt$ln=17,r=8,p=1$S$D", "scrypt"),
        ("$pbkdf2$131000$S$D", "pbkdf2-sha1"),
        ("$pbkdf2-sha256$i=600000,l=32$S$D", "pbkdf2-sha256"),
        ("$pbkdf2-sha512$i=210000$S$D", "pbkdf2-sha512"),
        ("pbkdf2_sha256$1200000$salt$ZU7BdSwuAT2NJbDWfJmIGFAdzu32uX5r6jw2TuRMaj4=", "pbkdf2-sha256"),
        ("pbkdf2_sha1$1000$salt$ZU7BdSwuAT2NJbDWfJmIGFAdzu32uX5r6jw2TuRMaj4=", "pbkdf2-sha1"),
    ];
    for (pattern, name) in table {
        assert_eq!(inspect(&filled(pattern)).unwrap().to_string(), name, "{pattern}");
    }
}

#[test]
fn what_is_not_a_known_format_is_refused() {
    let unknown = [
        "",
        "$",
        "$$",
        "$$$$$$",
        "hunter2",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        "$6$rounds=5000$salt$hash",
        "$2$10$B",
        "$2z$10$B",
        "bcrypt_sha256$$2b$12$B",
        "argon2$argon2id$v=19$m=64,t=2,p=2$S$D",
        "$ARGON2ID$v=19$m=64,t=2,p=2$S$D",
        " $2b$10$B",
        "md5$salt$hash",
        "{SSHA}deadbeef",
    ];
    for pattern in unknown {
        assert_eq!(inspect(&filled(pattern)), Err(UnsupportedHash::UnknownFormat), "{pattern}");
    }
    assert_eq!(inspect(&format!("$2b$10${}", "x".repeat(600))), Err(UnsupportedHash::UnknownFormat));
    assert_eq!(inspect(&filled("$2x$10$B")), Err(UnsupportedHash::FaultyBcrypt));
}

#[test]
fn damaged_hashes_say_what_is_wrong() {
    let table = [
        ("$argon2id$v=20$m=64,t=2,p=2$S$D", "version"),
        ("$argon2id$v=19$m=64,t=2,p=2", "five parts"),
        ("$argon2id$v=19$m=64,t=2,p=2$S$D$D", "five parts"),
        ("$argon2id$v=19$m=64,t=2$S$D", "not m, t and p"),
        ("$argon2id$v=19$m=64,t=2,t=2,p=1$S$D", "not m, t and p"),
        ("$argon2id$v=19$m=64,t=2,p=1,keyid=AAAA$S$D", "not m, t and p"),
        ("$argon2id$v=19$m=+64,t=2,p=1$S$D", "not m, t and p"),
        ("$argon2id$v=19$m=99999999999,t=2,p=1$S$D", "not m, t and p"),
        ("$argon2id$v=19$m=,t=2,p=1$S$D", "not m, t and p"),
        ("$argon2id$v=19$m=64,t=0,p=1$S$D", "too small for Argon2"),
        ("$argon2id$v=19$m=7,t=1,p=1$S$D", "too small for Argon2"),
        ("$argon2id$v=19$m=64,t=1,p=0$S$D", "too small for Argon2"),
        ("$argon2id$v=19$m=64,t=2,p=2$QUJD$ZU7BdSwuAT2NJbDWfJmIGA", "salt"),
        ("$argon2id$v=19$m=64,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$QUJD", "digest"),
        ("$argon2id$v=19$m=64,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$", "digest"),
        ("$2b$10", "cost"),
        ("$2b$3$B", "cost"),
        ("$2b$03$B", "cost"),
        ("$2b$32$B", "cost"),
        ("$2b$+9$B", "cost"),
        ("$2b$10$CCCCCCCCCCCCCCCCCCCCC", "53 characters"),
        ("$2b$10$ééééééééééééééééééééééééééé", "53 characters"),
        ("$2b$10$!!!!!!!!!!!!!!!!!!!!!!E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "salt"),
        ("$scrypt$ln=0,r=8,p=1$S$D", "too small"),
        ("$scrypt$ln=10,r=0,p=1$S$D", "too small"),
        ("$scrypt$n=10,r=8,p=1$S$D", "ln, r and p"),
        ("$pbkdf2-sha256$i=0,l=32$S$D", "no iterations"),
        ("$pbkdf2-sha256$0$S$D", "no iterations"),
        ("$pbkdf2-sha256$$S$D", "number of iterations"),
        ("$pbkdf2-sha256$i=1000,l=20$S$D", "as long as it says"),
        ("pbkdf2_sha256$many$salt$ZU7BdSwuAT2NJbDWfJmIGFAdzu32uX5r6jw2TuRMaj4=", "number of iterations"),
    ];
    for (pattern, words) in table {
        let refused = inspect(&filled(pattern)).unwrap_err();
        assert!(matches!(refused, UnsupportedHash::Damaged { .. }), "{pattern}: {refused:?}");
        assert!(refused.to_string().contains(words), "{pattern}: {refused}");
    }
}

#[test]
fn expensive_hashes_are_refused_with_the_limit() {
    let table = [
        ("$argon2id$v=19$m=262145,t=1,p=1$S$D", "memory in KiB is 262145, at most 262144"),
        ("$argon2id$v=19$m=4294967295,t=4294967295,p=1$S$D", "memory in KiB"),
        ("$argon2id$v=19$m=64,t=4294967295,p=1$S$D", "memory in KiB times iterations"),
        ("$argon2id$v=19$m=1024,t=1,p=65$S$D", "parallelism is 65, at most 64"),
        ("$2b$16$B", "cost is 16, at most 15"),
        ("$2b$31$B", "cost is 31"),
        ("$scrypt$ln=19,r=8,p=1$S$D", "memory in bytes"),
        ("$scrypt$ln=63,r=8,p=1$S$D", "memory in bytes"),
        ("$scrypt$ln=4294967295,r=4294967295,p=4294967295$S$D", "memory in bytes"),
        ("$scrypt$ln=17,r=8,p=5$S$D", "work (N * r * p)"),
        ("$scrypt$ln=1,r=8,p=4294967295$S$D", "work (N * r * p)"),
        ("$pbkdf2-sha256$5000001$S$D", "at most 5000000"),
        // A digest of two SHA-1 blocks costs twice its iterations.
        ("$pbkdf2$i=2500001$S$D", "iterations times digest blocks is 5000002"),
        ("pbkdf2_sha256$4294967295$s$ZU7BdSwuAT2NJbDWfJmIGFAdzu32uX5r6jw2TuRMaj4=", "4294967295"),
    ];
    for (pattern, words) in table {
        let refused = inspect(&filled(pattern)).unwrap_err();
        assert!(matches!(refused, UnsupportedHash::TooExpensive { .. }), "{pattern}: {refused:?}");
        assert!(refused.to_string().contains(words), "{pattern}: {refused}");
    }
}

/// What any accepted hash may cost.
fn affordable(stored: &Stored) -> bool {
    let cost = match stored.cost {
        Cost::Argon2 { params, .. } => params.validate().is_ok(),
        Cost::Bcrypt { cost, .. } => (4..=MAX_BCRYPT_COST).contains(&cost),
        Cost::Scrypt { log_n, r, p } => {
            scrypt::Params::new(log_n, r, p).is_ok()
                && (u64::from(r) << log_n) * 128 <= MAX_SCRYPT_BYTES
                && (u64::from(r) << log_n) * u64::from(p) <= MAX_SCRYPT_WORK
        }
        Cost::Pbkdf2 { iterations } => (1..=MAX_PBKDF2_WORK).contains(&u64::from(iterations)),
    };
    cost && (MIN_DIGEST_BYTES..=MAX_DIGEST_BYTES).contains(&stored.digest.len())
}

const NAMES: [&str; 12] = [
    "$argon2id$v=19",
    "$argon2i",
    "$argon2d$v=16",
    "$2b",
    "$2x",
    "$scrypt",
    "$pbkdf2",
    "$pbkdf2-sha256",
    "$pbkdf2-sha512",
    "pbkdf2_sha256",
    "pbkdf2_sha1",
    "$unknown",
];

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        prop_assert!(Stored::parse(&text).map_or(true, |stored| affordable(&stored)));
    }

    #[test]
    fn nothing_that_looks_like_a_hash_makes_the_reader_panic(
        name in proptest::sample::select(&NAMES[..]),
        numbers in "([a-z]{1,2}=?)?[0-9]{0,11}(,[mtplnri]{1,2}=[0-9]{0,11}){0,3}",
        rest in "(\\$[A-Za-z0-9./+=é]{0,60}){0,4}",
    ) {
        let text = format!("{name}${numbers}{rest}");
        prop_assert!(Stored::parse(&text).map_or(true, |stored| affordable(&stored)));
    }

    #[test]
    fn whatever_numbers_a_hash_has_only_affordable_ones_are_accepted(a: u32, b in 0_u32..70, c in 0_u32..70) {
        for pattern in [
            format!("$argon2id$v=19$m={a},t={b},p={c}$S$D"),
            format!("$argon2id$v=19$m={b},t={a},p={c}$S$D"),
            format!("$scrypt$ln={b},r={c},p={a}$S$D"),
            format!("$scrypt$ln={b},r={a},p={c}$S$D"),
            format!("$scrypt$ln={b},r={c},p=1$S$D"),
            format!("$2b${b:02}$B"),
            format!("$pbkdf2$i={a}$S$D"),
        ] {
            prop_assert!(Stored::parse(&filled(&pattern)).map_or(true, |stored| affordable(&stored)));
        }
    }
}
