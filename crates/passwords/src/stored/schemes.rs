//! A scheme in braces before the hash: LDAP (RFC 2307), OpenLDAP, Dovecot and Spring Security. The same word is another form in each; what follows
//! tells them apart.

use base64::Engine as _;

use super::{
    BASE64, Cost, HashKind, Sha, Stored, UnsupportedHash, affordable, bytes, crypt, damage, hex, number,
    parts, pbkdf2, phc, scrypt,
};

pub(super) fn read(stored: &str) -> Option<Result<Stored, UnsupportedHash>> {
    let (scheme, rest) = stored.strip_prefix('{')?.split_once('}')?;
    let scheme = scheme.to_ascii_lowercase();
    // Spring's `{argon2@SpringSecurity_v5_8}`.
    let (name, version) =
        scheme.split_once('@').map_or((scheme.as_str(), ""), |(name, version)| (name, version));
    // Dovecot's `{SSHA512.HEX}`.
    let (name, encoding) = name.split_once('.').unwrap_or((name, ""));
    match name {
        "bcrypt" | "blf-crypt" | "argon2" | "argon2id" | "argon2i" => phc::read(rest),
        "crypt" => phc::read(rest).or_else(|| crypt::read(rest)),
        "sha512-crypt" | "sha256-crypt" => crypt::read(rest),
        // Spring's own LDAP encoder.
        "ldap" => rest.starts_with('{').then(|| read(rest)).flatten(),
        "ssha" => salted(HashKind::SaltedSha1, Sha::One, rest, encoding),
        "ssha256" => salted(HashKind::SaltedSha256, Sha::Two256, rest, encoding),
        "ssha512" => salted(HashKind::SaltedSha512, Sha::Two512, rest, encoding),
        "pbkdf2" if encoding == "hex" => {
            String::from_utf8(hex(rest)?).ok().and_then(|text| of_dovecot(&text))
        }
        "pbkdf2" => of_spring(rest, version).or_else(|| of_dovecot(rest)).or_else(|| of_ldap(Sha::One, rest)),
        "pbkdf2-sha1" => of_ldap(Sha::One, rest),
        "pbkdf2-sha256" => of_ldap(Sha::Two256, rest),
        "pbkdf2-sha512" => of_ldap(Sha::Two512, rest),
        "scrypt" => scrypt_of_spring(rest),
        "scram-sha-1" => scram(HashKind::ScramSha1, Sha::One, rest),
        "scram-sha-256" => scram(HashKind::ScramSha256, Sha::Two256, rest),
        _ => None,
    }
}

/// A digest and after it its salt, of four bytes and more.
fn salted(kind: HashKind, sha: Sha, rest: &str, encoding: &str) -> Option<Result<Stored, UnsupportedHash>> {
    let all = match encoding {
        "" | "b64" | "base64" => BASE64.decode(rest).ok()?,
        "hex" => hex(rest)?,
        _ => return None,
    };
    Some(match all.split_at_checked(sha.bytes()) {
        Some((digest, salt)) if (4..=64).contains(&salt.len()) => {
            affordable(kind, Cost::Salted(sha), salt.to_vec(), digest.to_vec())
        }
        _ => Err(damage(kind)("its salt is not 4 to 64 bytes")),
    })
}

/// OpenLDAP and passlib: `10000$salt$digest`, `.` for `+`.
fn of_ldap(sha: Sha, rest: &str) -> Option<Result<Stored, UnsupportedHash>> {
    Some(phc::pbkdf2_string(sha, rest))
}

/// Dovecot: `$1$salt$5000$digest`, SHA-1, the salt as text, the digest hexadecimal.
fn of_dovecot(rest: &str) -> Option<Result<Stored, UnsupportedHash>> {
    let [salt, iterations, digest] = parts(rest.strip_prefix("$1$")?, '$')?;
    let damaged = damage(HashKind::Pbkdf2Sha1);
    let iterations = number(iterations).ok_or_else(|| damaged("it has no number of iterations"));
    let digest = hex(digest).ok_or_else(|| damaged("its digest is not hexadecimal"));
    Some(iterations.and_then(|iterations| pbkdf2(Sha::One, iterations, salt.as_bytes().to_vec(), digest?)))
}

/// Spring: hexadecimal digits of salt and digest; what else it was made with, the version says.
fn of_spring(rest: &str, version: &str) -> Option<Result<Stored, UnsupportedHash>> {
    let all = hex(rest)?;
    let (sha, iterations, salt_bytes) = match version {
        "" | "springsecurity_v5_5" => (Sha::One, 185_000, 8),
        "springsecurity_v5_8" => (Sha::Two256, 310_000, 16),
        _ => return None,
    };
    let (salt, digest) = all.split_at_checked(salt_bytes).filter(|(_, digest)| digest.len() == 32)?;
    Some(pbkdf2(sha, iterations, salt.to_vec(), digest.to_vec()))
}

/// Spring: `$e0801$salt$digest`, the parameters as one hexadecimal number.
fn scrypt_of_spring(rest: &str) -> Option<Result<Stored, UnsupportedHash>> {
    let [settings, salt, digest] = parts(rest.strip_prefix('$')?, '$')?;
    let damaged = damage(HashKind::Scrypt);
    let settings = u32::from_str_radix(settings, 16).ok()?;
    let numbers = (settings >> 16, (settings >> 8) & 0xff, settings & 0xff);
    let salt = bytes(&BASE64, salt, 0..=128).ok_or_else(|| damaged("its salt is not base64"));
    let digest = bytes(&BASE64, digest, 12..=64).ok_or_else(|| damaged("its digest is not base64"));
    Some(salt.and_then(|salt| scrypt(numbers, salt, digest?)))
}

/// Iterations, salt, StoredKey and ServerKey (RFC 5803), by commas. The first of the two keys is enough to check a password.
fn scram(kind: HashKind, sha: Sha, rest: &str) -> Option<Result<Stored, UnsupportedHash>> {
    let [iterations, salt, stored_key, _] = parts(rest, ',')?;
    let damaged = damage(kind);
    let iterations = number(iterations).filter(|iterations| *iterations > 0);
    let iterations = iterations.ok_or_else(|| damaged("it has no number of iterations"));
    let salt = bytes(&BASE64, salt, 0..=64).ok_or_else(|| damaged("its salt is not base64"));
    let stored_key = bytes(&BASE64, stored_key, sha.bytes()..=sha.bytes());
    let stored_key = stored_key.ok_or_else(|| damaged("its StoredKey has not the right length"));
    Some(
        iterations
            .and_then(|iterations| affordable(kind, Cost::Scram { sha, iterations }, salt?, stored_key?)),
    )
}
