//! What is read, what is refused and in which words; nothing makes the reader panic.

use proptest::prelude::*;

use super::cost::{MAX_SCRYPT_BYTES, MAX_TIME};
use super::*;
use base64::Engine as _;
use std::time::Duration;

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

/// A hash as another program stored it, and the password it stands for.
#[derive(serde::Deserialize)]
struct Known {
    software: String,
    form: String,
    password: String,
    hash: String,
    /// `yes`; `no`: named, and refused; `unknown`: no hash; `expensive`; `pepper`: needs one.
    read: String,
}

fn known() -> Vec<Known> {
    let lines = include_str!("tests/known.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_hash_of_another_program_is_verified_or_refused_by_name() {
    let known = known();
    assert!(known.len() > 180 && known.iter().filter(|row| row.read == "yes").count() > 120);
    for Known { software, form, password, hash, read } in known {
        let row = format!("{software} {form}: {hash}");
        let inspected = inspect(&hash);
        match read.as_str() {
            "yes" | "pepper" => {
                let verify = |password: &str| {
                    crate::verify_password(&secrecy::SecretString::from(password), &hash).unwrap()
                };
                assert!(inspected.is_ok(), "{row}: {inspected:?}");
                assert_eq!(verify(&password), read == "yes", "{row}");
                // At its beginning: bcrypt reads no further than 72 bytes. What takes long is not tried twice.
                let stored = Stored::parse(&hash).unwrap();
                if stored.cost.time(stored.digest.len()) < Duration::from_millis(100) {
                    assert!(!verify(&format!("z{password}")), "{row}");
                }
            }
            "no" => {
                assert!(matches!(inspected, Err(UnsupportedHash::NotRead { .. })), "{row}: {inspected:?}")
            }
            "expensive" => assert!(matches!(inspected, Err(UnsupportedHash::TooExpensive { .. })), "{row}"),
            _ => assert_eq!(inspected, Err(UnsupportedHash::UnknownFormat), "{row}"),
        }
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
        "$2$10$B",
        "$2z$10$B",
        "$ARGON2ID$v=19$m=64,t=2,p=2$S$D",
        " $2b$10$B",
        "{unheard-of}deadbeef",
        ":unheard-of:salt:digest",
        "scrypt:32768:8:1",
        "AQAAAA==",
        "{pepper=nowhere,c2VjcmV0}$2b$10$B",
        "{pepper=password-end,}$2b$10$B",
    ];
    for pattern in unknown {
        assert_eq!(inspect(&filled(pattern)), Err(UnsupportedHash::UnknownFormat), "{pattern}");
    }
    assert_eq!(inspect(&format!("$2b$10${}", "x".repeat(1_100))), Err(UnsupportedHash::UnknownFormat));
}

#[test]
fn what_is_known_and_not_read_is_named() {
    let table = [
        ("$2x$10$B", "bcrypt $2x$"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "a bare digest of 128 bits, such as MD5"),
        ("$1$salt$qJH7.N4xYta3aEG/dfqo/0", "MD5-crypt ($1$)"),
        ("md5$salt$hash", "Django's salted MD5"),
        ("{SHA}deadbeef", "SHA-1 without a salt"),
        ("{plain}secret", "a password in clear"),
        ("$y$j9T$salt$hash", "yescrypt ($y$)"),
        (
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
            "version 2 of ASP.NET Identity",
        ),
    ];
    for (pattern, name) in table {
        let refused = inspect(&filled(pattern)).unwrap_err();
        assert!(matches!(refused, UnsupportedHash::NotRead { .. }), "{pattern}: {refused:?}");
        assert!(refused.to_string().starts_with(&format!("this is {name},")), "{pattern}: {refused}");
        assert!(refused.to_string().ends_with("these users need a new password"));
    }
    for none in ["!", "!3fjGQnRkbGZrZm9pd2Vv", "*", "!!"] {
        assert_eq!(inspect(none), Err(UnsupportedHash::NoPassword));
    }
    let firebase = inspect("$firebase-scrypt$c2FsdA$ZGlnZXN0").unwrap_err().to_string();
    assert!(firebase.contains("--firebase"), "{firebase}");
}

#[test]
fn a_pepper_goes_where_its_import_said() {
    let verify = |password: &str, stored: &str| {
        crate::verify_password(&secrecy::SecretString::from(password), stored).unwrap()
    };
    let salted = |password: &str, salt: &str| {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(format!("{password}{salt}"));
        format!("{{SSHA256}}{}", BASE64.encode([digest.as_slice(), b"salt"].concat()))
    };
    let pepper = |at| Envelope::pepper(at, b"pepper").unwrap().to_text();
    let end = format!("{}{}", *pepper(PepperAt::PasswordEnd), salted("secretpepper", "salt"));
    assert!(verify("secret", &end) && !verify("secretpepper", &end));
    let start = format!("{}{}", *pepper(PepperAt::PasswordStart), salted("peppersecret", "salt"));
    assert!(verify("secret", &start) && !verify("peppersecret", &start));
    let salt = format!("{}{}", *pepper(PepperAt::SaltEnd), salted("secret", "saltpepper"));
    assert!(verify("secret", &salt) && !verify("secretpepper", &salt));
    // Django and others have it before a pre-hash, Synapse before the cut at 72 bytes.
    let stored = Stored::parse(&end).unwrap();
    assert!(!stored.is_current(&Argon2Params::default()));
    let bcrypt = format!("{}{}", *pepper(PepperAt::PasswordEnd), filled("$2b$04$B"));
    let whole = |length: usize| Stored::parse(&bcrypt).unwrap().spellings(&"x".repeat(length))[0].whole;
    assert!(whole(65) && !whole(66));
    assert!(Envelope::pepper(PepperAt::SaltEnd, b"").is_err());
    assert!(!format!("{:?}", Envelope::pepper(PepperAt::SaltEnd, b"pepper")).contains("pepper\""));
}

#[test]
fn firebase_s_own_example_verifies_with_its_project_s_parameters() {
    let config = r#"{"algorithm":"SCRYPT","base64_signer_key":
        "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
        "base64_salt_separator":"Bw==","rounds":8,"mem_cost":14}"#;
    let user = serde_json::json!({
        "salt": "42xEC+ixf3L2lw==",
        "passwordHash": "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
    });
    let stored = from_columns(user.as_object().unwrap()).unwrap();
    let stored = format!("{}{stored}", *Envelope::firebase(config).unwrap().to_text());
    assert_eq!(inspect(&stored), Ok(HashKind::FirebaseScrypt));
    for (password, right) in [("user1password", true), ("user2password", false)] {
        assert_eq!(crate::verify_password(&secrecy::SecretString::from(password), &stored), Ok(right));
    }
    assert!(Envelope::firebase("{}").is_err());
}

#[test]
fn columns_of_other_systems_become_a_hash() {
    use serde_json::json;
    let keycloak = |secret: &serde_json::Value, data: &serde_json::Value| json!({"type": "password", "secretData": secret.to_string(), "credentialData": data.to_string()});
    let table = [
        (
            keycloak(
                &json!({"value": "oNr9//NRjOj4Dch4BVeBPUCWWCk3P1iDzak259EHWEM=", "salt": "n4bv/lDyQyUXxyf80jVFxQ=="}),
                &json!({"hashIterations": 5, "algorithm": "argon2", "additionalParameters": {
                    "hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}}),
            ),
            "argon2id",
        ),
        (
            keycloak(
                &json!({"value": "BO8XljD4sXCcg5exigPHUtYlFImcUp+Dqc7NeZ2C2a+o3s4OUgAizi7sVkKy58bRk22iVBde3jUdup+4U15a+w==",
                    "salt": "vojNpGM0X4GtrtnOUSzh0w=="}),
                &json!({"hashIterations": 27500, "algorithm": "pbkdf2-sha256"}),
            ),
            "pbkdf2-sha256",
        ),
        (
            json!({"passwd": "26c2c13d90faeb85f56f52f3e5b879fcd27eaf389acda4588726a26dece93e922af7250b94b9d95736f456 03d01463e4474b4d959 8"
                .replace(' ', ""), "salt": "23b643d8e9a9bad4aff9751 3eea68ad0".replace(' ', ""), "passwd_hash_algo": "pbkdf2$50000$50"}),
            "",
        ),
        (json!({"algorithm": "bcrypt", "hash": {"value": filled("$2b$10$B"), "encoding": "utf8"}}), "bcrypt"),
    ];
    for (columns, kind) in table {
        let stored = from_columns(columns.as_object().unwrap());
        if kind.is_empty() {
            assert!(stored.unwrap().starts_with("$pbkdf2-sha256$i=50000,l=50$"));
            continue;
        }
        let stored = stored.unwrap();
        assert_eq!(inspect(&stored).unwrap().to_string(), kind);
        if kind != "bcrypt" {
            let password = secrecy::SecretString::from("harmless words 42");
            assert_eq!(crate::verify_password(&password, &stored), Ok(true), "{stored}");
        }
    }
    let discourse = json!({"password_hash": "c58a3e824ea4ef", "salt": "f0d2b32e", "password_algorithm": "$pbkdf2-sha256$i=600000,l=32$"});
    let stored = from_columns(discourse.as_object().unwrap()).unwrap();
    assert_eq!(stored, "$pbkdf2-sha256$i=600000,l=32$ZjBkMmIzMmU$xYo+gk6k7w");
    for refused in
        [json!({}), json!({"passwd_hash_algo": "md5"}), json!({"algorithm": "md5", "hash": {"value": "x"}})]
    {
        assert!(from_columns(refused.as_object().unwrap()).is_err(), "{refused}");
    }
}

#[test]
fn pbkdf2_is_bounded_by_its_time_and_not_by_one_number() {
    let digest = |bytes: usize| BASE64.encode(vec![7; bytes]);
    // Keycloak's own: 1,300,000 rounds of SHA-1 for 64 bytes, four blocks of them.
    let keycloak = format!("$pbkdf2$i=1300000,l=64${SALT}${}", digest(64));
    assert_eq!(inspect(&keycloak), Ok(HashKind::Pbkdf2Sha1));
    for (most, name, bytes) in
        [(10_000_000, "", 20), (6_666_666, "-sha256", 32), (5_000_000, "-sha512", 64), (2_500_000, "", 64)]
    {
        let with = |iterations: u32| inspect(&format!("$pbkdf2{name}${iterations}${SALT}${}", digest(bytes)));
        assert!(with(most).is_ok(), "{most}");
        assert!(matches!(with(most + 1), Err(UnsupportedHash::TooExpensive { .. })), "{most}");
    }
}

#[test]
fn what_is_answered_too_quickly_is_known() {
    let params = Argon2Params::default();
    let quick = |stored: &str| Stored::parse(&filled(stored)).unwrap().is_quick(&params);
    assert!(quick("$2b$04$B") && quick("$pbkdf2-sha256$1000$S$D"));
    assert!(quick("{SSHA}A2zxGsNi50PT2M/FpE5Kyi3LQbS5G7Fb"));
    assert!(
        !quick("$2b$10$B")
            && !quick("$pbkdf2-sha256$600000$S$D")
            && !quick("$argon2id$v=19$m=19456,t=2,p=1$S$D")
    );
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
        ("$scrypt$ln=17,r=8,p=5$S$D", "its time on a slow core in milliseconds is 3145, at most 3000"),
        ("$scrypt$ln=1,r=8,p=4294967295$S$D", "its time"),
        ("$pbkdf2-sha256$6666667$S$D", "at most 3000"),
        // A digest of two SHA-1 blocks costs twice its iterations.
        ("$pbkdf2$i=5000001$S$D", "its time"),
        ("pbkdf2_sha256$4294967295$s$ZU7BdSwuAT2NJbDWfJmIGFAdzu32uX5r6jw2TuRMaj4=", "its time"),
        ("scrypt:1048576:8:1$salt$00112233445566778899aabbccddeeff", "memory"),
        ("$P$R12345678......................", "its time"),
    ];
    for (pattern, words) in table {
        let refused = inspect(&filled(pattern)).unwrap_err();
        assert!(matches!(refused, UnsupportedHash::TooExpensive { .. }), "{pattern}: {refused:?}");
        assert!(refused.to_string().contains(words), "{pattern}: {refused}");
    }
}

/// What any accepted hash may cost.
fn is_affordable(stored: &Stored) -> bool {
    let cost = match &stored.cost {
        Cost::Argon2 { params, .. } => params.validate().is_ok(),
        Cost::Bcrypt { cost, .. } => (4..=15).contains(cost),
        Cost::Scrypt { log_n, r, p } => {
            scrypt::Params::new(*log_n, *r, *p).is_ok() && (u64::from(*r) << *log_n) * 128 <= MAX_SCRYPT_BYTES
        }
        _ => true,
    };
    let length = (MIN_DIGEST_BYTES..=MAX_DIGEST_BYTES).contains(&stored.digest.len());
    cost && length && stored.cost.time(stored.digest.len()) <= MAX_TIME
}

const NAMES: [&str; 24] = [
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
    "$5",
    "$6",
    "$P",
    "$S",
    "$wp$2y",
    "$bcrypt-sha256$v=2",
    "scrypt",
    "scrypt:32768:8:1",
    "{PBKDF2}",
    "{scrypt}",
    ":pbkdf2-legacyB:!",
    "{pepper=salt-end,QUJD}$6",
];

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        prop_assert!(Stored::parse(&text).map_or(true, |stored| is_affordable(&stored)));
    }

    #[test]
    fn nothing_that_looks_like_a_hash_makes_the_reader_panic(
        name in proptest::sample::select(&NAMES[..]),
        numbers in "([a-z]{1,2}=?)?[0-9]{0,11}(,[mtplnri]{1,2}=[0-9]{0,11}){0,3}",
        rest in "(\\$[A-Za-z0-9./+=é]{0,60}){0,4}",
    ) {
        let text = format!("{name}${numbers}{rest}");
        prop_assert!(Stored::parse(&text).map_or(true, |stored| is_affordable(&stored)));
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
            prop_assert!(Stored::parse(&filled(&pattern)).map_or(true, |stored| is_affordable(&stored)));
        }
    }
}
