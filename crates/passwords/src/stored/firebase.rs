//! Firebase's scrypt: a project's own key, encrypted under what scrypt makes of the password. A user's row has salt and digest; the rest is the
//! project's, and comes with the import.

use zeroize::Zeroizing;

use super::{
    BASE64, Cost, HashKind, Stored, UnsupportedHash, affordable, bytes, damage, parts, scrypt_log_n,
};

/// How the columns of one user are written as one text.
pub(super) const NAME: &str = "$firebase-scrypt$";

/// What is the same for a whole project, as its console shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    pub(super) signer_key: Zeroizing<Vec<u8>>,
    pub(super) salt_separator: Vec<u8>,
    /// scrypt's r.
    pub(super) rounds: u32,
    /// The logarithm of scrypt's N.
    pub(super) mem_cost: u32,
}

pub(super) fn read(parameters: &Parameters, stored: &str) -> Result<Stored, UnsupportedHash> {
    let kind = HashKind::FirebaseScrypt;
    let damaged = damage(kind);
    let Some(rest) = stored.strip_prefix(NAME) else { return Err(damaged("it is of another form")) };
    let [salt, digest] = parts(rest, '$').ok_or_else(|| damaged("it does not have a salt and a digest"))?;
    let mut salt = bytes(&BASE64, salt, 0..=64).ok_or_else(|| damaged("its salt is not base64"))?;
    salt.extend_from_slice(&parameters.salt_separator);
    let digest = bytes(&BASE64, digest, parameters.signer_key.len()..=parameters.signer_key.len());
    let digest = digest.ok_or_else(|| damaged("its digest is not as long as the signer key"))?;
    let log_n = scrypt_log_n(kind, parameters.mem_cost, parameters.rounds, 1)?;
    let signer_key = parameters.signer_key.clone();
    affordable(kind, Cost::Firebase { log_n, r: parameters.rounds, signer_key }, salt, digest)
}
