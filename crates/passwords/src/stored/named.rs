//! Forms that are known and not read, each by its name: whoever moves users learns which of them need a new password, and why.

use super::{HashKind, UnsupportedHash, firebase};

const BROKEN: &str = "it was made too quickly to be kept";
const RARE: &str = "hardly anybody has it";
const CLEAR: &str = "it is no hash";

/// What this is.
pub(super) fn of(stored: &str) -> UnsupportedHash {
    if stored.starts_with("$2x$") {
        return UnsupportedHash::NotRead {
            form: "bcrypt $2x$",
            why: "the bcrypt that made it confuses different passwords",
        };
    }
    if stored.starts_with(firebase::NAME) {
        let needs = "the project's hash_config with --firebase";
        return UnsupportedHash::Incomplete { form: "a Firebase hash", needs };
    }
    if stored.starts_with('!') || stored.starts_with('*') {
        return UnsupportedHash::NoPassword;
    }
    let lower = stored.to_ascii_lowercase();
    let begins = BEGINNINGS.iter().find(|(beginning, ..)| lower.starts_with(beginning));
    if let Some((_, form, why)) = begins {
        return UnsupportedHash::NotRead { form, why };
    }
    by_length(stored)
}

/// Beginnings in lower case, longer before shorter.
const BEGINNINGS: &[(&str, &str, &str)] = &[
    ("$1$", "MD5-crypt ($1$)", BROKEN),
    ("$apr1$", "Apache's MD5 ($apr1$)", BROKEN),
    ("$md5", "Sun's MD5 ($md5)", BROKEN),
    ("$sha1$", "NetBSD's SHA1-crypt ($sha1$)", RARE),
    ("$3$", "an NT hash ($3$)", BROKEN),
    ("$y$", "yescrypt ($y$)", "there is no implementation of it that is kept well enough"),
    ("$gy$", "GOST yescrypt ($gy$)", "there is no implementation of it that is kept well enough"),
    ("$7$", "crypt's scrypt ($7$)", RARE),
    ("$pbkdf2-sha224", "PBKDF2 with SHA-224", RARE),
    ("$p5k2$", "Cryptacular's PBKDF2 ($p5k2$)", RARE),
    ("grub.pbkdf2.", "GRUB's PBKDF2", RARE),
    ("$scram$", "passlib's SCRAM", RARE),
    ("$shiro1$", "Apache Shiro's", RARE),
    ("{md4}", "Spring's or LDAP's MD4", BROKEN),
    ("{md5}{", "Spring's MD5", BROKEN),
    ("{sha-1}{", "Spring's SHA-1", BROKEN),
    ("{sha-256}{", "Spring's SHA-256", BROKEN),
    ("{sha-1}", "SHA-1 without a salt", BROKEN),
    ("{sha-256}", "SHA-256 without a salt", BROKEN),
    ("{sha256}", "SHA-256 without a salt, or Spring's StandardPasswordEncoder", BROKEN),
    ("{sha512", "SHA-512 without a salt", BROKEN),
    ("{sha", "SHA-1 without a salt", BROKEN),
    ("{ssha", "a salted SHA in another encoding", RARE),
    ("{smd5", "salted MD5", BROKEN),
    ("{md5-crypt}", "MD5-crypt", BROKEN),
    ("{md5", "MD5 without a salt", BROKEN),
    ("{plain-md5", "MD5 without a salt", BROKEN),
    ("{ldap-md5", "MD5 without a salt", BROKEN),
    ("{cram-md5", "CRAM-MD5", BROKEN),
    ("{digest-md5", "DIGEST-MD5", BROKEN),
    ("{hmac-md5", "HMAC-MD5", BROKEN),
    ("{rpa", "RPA", BROKEN),
    ("{otp", "OTP", RARE),
    ("{skey", "S/Key", RARE),
    ("{lanman", "a LAN Manager hash", BROKEN),
    ("{nt", "an NT hash", BROKEN),
    ("{des-crypt", "DES-crypt", BROKEN),
    ("{crypt}$y$", "yescrypt ($y$)", "there is no implementation of it that is kept well enough"),
    ("{crypt}$1$", "MD5-crypt ($1$)", BROKEN),
    ("{crypt}", "DES-crypt, bigcrypt or another of crypt's older forms", BROKEN),
    ("{plain", "a password in clear", CLEAR),
    ("{clear", "a password in clear", CLEAR),
    ("{noop}", "a password in clear", CLEAR),
    ("{pkcs5s2}", "Atlassian's PBKDF2 ({PKCS5S2})", RARE),
    ("{sasl", "a reference to a SASL server", CLEAR),
    (":a:", "MediaWiki's MD5 without a salt (:A:)", BROKEN),
    ("md5$", "Django's salted MD5", BROKEN),
    ("sha1$", "Django's salted SHA-1", BROKEN),
    ("unsalted_", "Django's digest without a salt", BROKEN),
    ("crypt$", "Django's crypt", BROKEN),
    ("_", "BSDi's DES-crypt", BROKEN),
];

/// Digests say nothing but how long they are.
fn by_length(stored: &str) -> UnsupportedHash {
    let is_hex = stored.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_crypt = stored.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/');
    let form = match (stored.len(), is_hex, is_crypt) {
        (32, true, _) => "a bare digest of 128 bits, such as MD5",
        (40, true, _) => "a bare digest of 160 bits, such as SHA-1",
        (64, true, _) => "a bare digest of 256 bits, such as SHA-256",
        (128, true, _) => "a bare digest of 512 bits, such as SHA-512",
        (13, _, true) => "DES-crypt",
        (68, ..) if stored.starts_with('A') && stored.ends_with("==") => "version 2 of ASP.NET Identity",
        _ => return UnsupportedHash::UnknownFormat,
    };
    UnsupportedHash::NotRead { form, why: BROKEN }
}

/// A form that only its columns tell.
pub(super) fn columns(form: &'static str) -> UnsupportedHash {
    UnsupportedHash::NotRead { form, why: RARE }
}

/// What its columns do not say.
pub(super) fn damaged(kind: HashKind, what: &'static str) -> UnsupportedHash {
    UnsupportedHash::Damaged { kind, what }
}
