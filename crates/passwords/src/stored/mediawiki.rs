//! What MediaWiki stores: a type between colons, and layers of one type over another; and Nextcloud's number before a hash of PHP's.

use super::{
    BASE64, Cost, First, HashKind, Sha, Stored, UnsupportedHash, affordable, bcrypt, bytes, damage, hex,
    number, parts, pbkdf2, phc,
};

pub(super) fn read(stored: &str) -> Option<Result<Stored, UnsupportedHash>> {
    if let Some(rest) = ["3|", "2|", "1|"].iter().find_map(|version| stored.strip_prefix(version)) {
        return phc::read(rest);
    }
    let (name, rest) = stored.strip_prefix(':')?.split_once(':')?;
    match name {
        "pbkdf2" => Some(pbkdf2_columns(rest)),
        "argon2" => phc::read(rest),
        "bcrypt" => Some(bcrypt_columns(rest)),
        "B" => Some(salted_md5(rest)),
        "pbkdf2-legacyB" => Some(layered(rest, |salt| First::MediaWikiB(salt.as_bytes().to_vec()))),
        "pbkdf2-legacyA" => Some(layered(rest, |_| First::Md5Hex)),
        _ => None,
    }
}

/// `sha512:30000:64:salt:digest`.
fn pbkdf2_columns(rest: &str) -> Result<Stored, UnsupportedHash> {
    let [sha, iterations, length, salt, digest] = parts(rest, ':').ok_or(UnsupportedHash::UnknownFormat)?;
    of_columns(sha, iterations, length, salt, digest)
}

fn of_columns(
    sha: &str,
    iterations: &str,
    length: &str,
    salt: &str,
    digest: &str,
) -> Result<Stored, UnsupportedHash> {
    let sha = Sha::named(sha).ok_or(UnsupportedHash::NotRead {
        form: "MediaWiki's PBKDF2 with a hash function other than SHA-1, -256, -384 and -512",
        why: "hardly anybody has it",
    })?;
    let damaged = damage(sha.pbkdf2());
    let iterations = number(iterations).ok_or_else(|| damaged("it has no number of iterations"))?;
    let salt = bytes(&BASE64, salt, 0..=64).ok_or_else(|| damaged("its salt is not base64"))?;
    let digest = bytes(&BASE64, digest, 12..=64).ok_or_else(|| damaged("its digest is not base64"))?;
    if number(length).and_then(|length| usize::try_from(length).ok()) != Some(digest.len()) {
        return Err(damaged("its digest is not as long as it says"));
    }
    pbkdf2(sha, iterations, salt, digest)
}

/// `!sha512:30000:64!inner salt!salt!digest`: the inner type's parameters, the outer one's, and then what they made.
fn layered(rest: &str, first: impl Fn(&str) -> First) -> Result<Stored, UnsupportedHash> {
    let [_, settings, inner_salt, salt, digest] = parts(rest, '!').ok_or(UnsupportedHash::UnknownFormat)?;
    let [sha, iterations, length] = parts(settings, ':').ok_or(UnsupportedHash::UnknownFormat)?;
    let read = of_columns(sha, iterations, length, salt, digest)?;
    let kind = read.kind;
    Ok(read.after(kind, first(inner_salt)))
}

/// `10$salt$digest`: the cost without a zero before it.
fn bcrypt_columns(rest: &str) -> Result<Stored, UnsupportedHash> {
    let damaged = damage(HashKind::Bcrypt);
    let [cost, salt, digest] = parts(rest, '$').ok_or_else(|| damaged("it does not have three parts"))?;
    let cost = number(cost).ok_or_else(|| damaged("its cost is not a number from 4 to 31"))?;
    bcrypt::of_parts(cost, salt, digest)
}

/// `salt:digest`.
fn salted_md5(rest: &str) -> Result<Stored, UnsupportedHash> {
    let kind = HashKind::MediaWikiB;
    let damaged = damage(kind);
    let (salt, digest) = rest.split_once(':').ok_or_else(|| damaged("it has no salt"))?;
    let digest = hex(digest).filter(|digest| digest.len() == 16);
    let digest = digest.ok_or_else(|| damaged("its digest is not 32 hexadecimal digits"))?;
    let read = affordable(kind, Cost::AsItIs, Vec::new(), digest)?;
    Ok(read.after(kind, First::MediaWikiB(salt.as_bytes().to_vec())))
}
