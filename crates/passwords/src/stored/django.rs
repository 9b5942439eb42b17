//! What Django stores: the name of a hasher, and its own spelling of what that makes.

use super::{
    First, HashKind, Sha, Stored, UnsupportedHash, bcrypt, crypt, damage, digest_of, log_of, number, parts,
    pbkdf2, phc, scrypt,
};

pub(super) fn read(stored: &str) -> Option<Result<Stored, UnsupportedHash>> {
    if let Some(old) = crypt::of_old_drupal(stored) {
        return Some(old);
    }
    let (name, rest) = stored.split_once('$')?;
    match name {
        "pbkdf2_sha256" => Some(pbkdf2_columns(Sha::Two256, rest)),
        "pbkdf2_sha1" => Some(pbkdf2_columns(Sha::One, rest)),
        // A whole PHC string follows the word, without its first dollar.
        "argon2" => phc::read(&format!("${rest}")),
        "scrypt" => Some(scrypt_columns(rest)),
        "bcrypt" => bcrypt::whole(rest),
        "bcrypt_sha256" => {
            let kind = HashKind::BcryptSha256;
            bcrypt::whole(rest).map(|read| read.map(|read| read.after(kind, First::Sha256Hex)))
        }
        _ => None,
    }
}

/// `260000$salt$digest`: the salt is text, not base64.
fn pbkdf2_columns(sha: Sha, rest: &str) -> Result<Stored, UnsupportedHash> {
    let damaged = damage(sha.pbkdf2());
    let [iterations, salt, digest] =
        parts(rest, '$').ok_or_else(|| damaged("it does not have four parts"))?;
    let iterations = number(iterations).ok_or_else(|| damaged("it has no number of iterations"))?;
    pbkdf2(sha, iterations, salt.as_bytes().to_vec(), digest_of(sha.pbkdf2(), digest)?)
}

/// `16384$salt$8$5$digest`: N, the salt as text, r, p.
fn scrypt_columns(rest: &str) -> Result<Stored, UnsupportedHash> {
    let damaged = damage(HashKind::Scrypt);
    let [n, salt, r, p, digest] = parts(rest, '$').ok_or_else(|| damaged("it does not have six parts"))?;
    let numbers = number(n).and_then(log_of).zip(number(r)).zip(number(p));
    let ((log_n, r), p) = numbers.ok_or_else(|| damaged("its parameters are not N, r and p"))?;
    scrypt((log_n, r, p), salt.as_bytes().to_vec(), digest_of(HashKind::Scrypt, digest)?)
}
