//! bcrypt, alone and over another hash.

use base64::alphabet;
use base64::engine::GeneralPurpose;

use super::{
    Cost, First, HashKind, LENIENT, Stored, UnsupportedHash, affordable, bytes, damage, members, number,
    parts,
};

/// Cost 15 takes about two seconds; PHP's, Spring's and Rails' defaults are 10 to 12.
const MAX_COST: u32 = 15;
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, LENIENT);

/// `12$` and 53 characters: 22 of salt, 31 of digest.
pub(super) fn read(rest: &str) -> Result<Stored, UnsupportedHash> {
    let damaged = damage(HashKind::Bcrypt);
    let (cost, text) = rest.split_once('$').ok_or_else(|| damaged("it has no cost"))?;
    let number = number(cost).filter(|_| cost.len() == 2);
    let cost = number.filter(|cost| (4..=31).contains(cost));
    let cost = cost.ok_or_else(|| damaged("its cost is not a number from 04 to 31"))?;
    let (salt, digest) = text
        .split_at_checked(22)
        .filter(|(_, digest)| digest.len() == 31)
        .ok_or_else(|| damaged("its salt and digest are not 53 characters"))?;
    of_parts(cost, salt, digest)
}

pub(super) fn of_parts(cost: u32, salt: &str, digest: &str) -> Result<Stored, UnsupportedHash> {
    let kind = HashKind::Bcrypt;
    let damaged = damage(kind);
    if cost > MAX_COST {
        let (given, most) = (u64::from(cost), u64::from(MAX_COST));
        return Err(UnsupportedHash::TooExpensive { kind, what: "cost", given, most });
    }
    if cost < 4 {
        return Err(damaged("its cost is not a number from 04 to 31"));
    }
    let salt = bytes(&BCRYPT_BASE64, salt, 16..=16)
        .and_then(|salt| <[u8; 16]>::try_from(salt).ok())
        .ok_or_else(|| damaged("its salt is not base64"))?;
    let digest = bytes(&BCRYPT_BASE64, digest, 23..=23).ok_or_else(|| damaged("its digest is not base64"))?;
    affordable(kind, Cost::Bcrypt { cost, salt }, Vec::new(), digest)
}

/// A whole `$2b$12$..` string.
pub(super) fn whole(stored: &str) -> Option<Result<Stored, UnsupportedHash>> {
    let (name, rest) = stored.strip_prefix('$')?.split_once('$')?;
    matches!(name, "2a" | "2b" | "2y").then(|| read(rest))
}

/// passlib's `v=2,t=2b,r=12$salt$digest`, over an HMAC-SHA-256 with the salt's text as its key; and the older `2b,12$salt$digest`, over a
/// SHA-256.
pub(super) fn of_passlib(rest: &str) -> Result<Stored, UnsupportedHash> {
    let kind = HashKind::BcryptSha256;
    let damaged = damage(kind);
    let [settings, salt, digest] = parts(rest, '$').ok_or_else(|| damaged("it does not have four parts"))?;
    let (cost, first) = match settings.strip_prefix("v=2,") {
        Some(settings) => {
            let rounds = ["t=2a,", "t=2b,", "t=2y,"].iter().find_map(|ident| settings.strip_prefix(ident));
            let [rounds] = rounds
                .and_then(|rounds| members(rounds, ["r"]))
                .ok_or_else(|| damaged("its parameters are not v, t and r"))?;
            (rounds, First::HmacSha256Base64(salt.as_bytes().to_vec()))
        }
        None => {
            let rounds = ["2a,", "2b,", "2y,"].iter().find_map(|ident| settings.strip_prefix(ident));
            let rounds = rounds.and_then(number).ok_or_else(|| damaged("it has no number of rounds"))?;
            (rounds, First::Sha256Base64)
        }
    };
    Ok(of_parts(cost, salt, digest)?.after(kind, first))
}

/// WordPress since 6.8: `$wp$2y$10$..`.
pub(super) fn of_wordpress(rest: &str) -> Result<Stored, UnsupportedHash> {
    let kind = HashKind::WordPress;
    let whole = rest.strip_prefix("2y$").map(read);
    Ok(whole
        .unwrap_or_else(|| Err(damage(kind)("what follows is no bcrypt hash")))?
        .after(kind, First::WordPress))
}
