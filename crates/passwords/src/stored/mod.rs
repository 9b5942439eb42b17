//! Reads a stored password hash: which algorithm, which cost, which salt, which digest, and whether computing it
//! again is affordable. Computes nothing and sees no password.
//!
//! A stored hash may come from an import and is not trusted: every number in it is bounded here, before a
//! thread spends memory or time on it. One file reads one family of forms; what is known and not read is named in `named.rs`.

mod aspnet;
mod bcrypt;
mod columns;
mod cost;
mod crypt;
mod django;
mod envelope;
mod firebase;
mod kind;
mod mediawiki;
mod named;
mod phc;
mod schemes;
mod spelled;
mod werkzeug;

pub use columns::from_columns;
pub(crate) use cost::{Cost, Sha};
pub use envelope::{BadEnvelope, Envelope, PepperAt};
pub use kind::{HashKind, UnsupportedHash};

use argon2::{Algorithm, Version};
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use cost::{affordable, argon2_time, log_of, pbkdf2, scrypt, scrypt_log_n};
use spelled::{bytes, damage, digest_of, dotted, hex, members, number, parts};

use crate::hasher::{BCRYPT_BYTES, SALT_BYTES};
use crate::params::Argon2Params;
use crate::text::{Spelling, spellings, wordpress_spellings};

/// No known format comes near it.
const MAX_STORED_BYTES: usize = 1024;
/// Shorter digests would be guessed; the PHC string format has the same lower bound for outputs, nearly.
const MIN_DIGEST_BYTES: usize = 12;
/// The longest digest any of the formats has.
pub(crate) const MAX_DIGEST_BYTES: usize = 64;
/// Bytes of digest in the hashes this crate makes.
pub(crate) const DIGEST_BYTES: usize = 32;
/// Formats that hash the whole password again in every round take no longer one than this: their cost would be the caller's to choose.
const MAX_BYTES_IN_ROUNDS: usize = 512;

/// Lenient where old software was careless (padding, trailing bits): the digest is compared as bytes.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// Names the algorithm of a stored hash, or says why it cannot be verified. Import asks this of every row.
pub fn inspect(stored: &str) -> Result<HashKind, UnsupportedHash> {
    Stored::parse(stored).map(|stored| stored.kind)
}

/// A stored hash, read and affordable.
pub(crate) struct Stored {
    pub(crate) kind: HashKind,
    /// What becomes of the password before the algorithm sees it.
    pub(crate) first: First,
    /// What an import said every password, or every salt, has beside it.
    pub(crate) pepper: Option<(PepperAt, Zeroizing<Vec<u8>>)>,
    pub(crate) cost: Cost,
    pub(crate) salt: Vec<u8>,
    pub(crate) digest: Vec<u8>,
}

/// What becomes of the password before the algorithm sees it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum First {
    /// Nothing.
    Nothing,
    /// SHA-256 in lower-case hexadecimal digits.
    Sha256Hex,
    /// SHA-256 in padded base64.
    Sha256Base64,
    /// HMAC-SHA-256 under this key in padded base64.
    HmacSha256Base64(Vec<u8>),
    /// HMAC-SHA-384 under WordPress' key in padded base64.
    WordPress,
    /// MD5 in lower-case hexadecimal digits.
    Md5Hex,
    /// MD5 of the salt, a dash and the password's MD5, all in lower-case hexadecimal digits.
    MediaWikiB(Vec<u8>),
}

impl Stored {
    pub(crate) fn parse(stored: &str) -> Result<Self, UnsupportedHash> {
        let (envelope, stored) = envelope::split(stored)?;
        if stored.len() > MAX_STORED_BYTES {
            return Err(UnsupportedHash::UnknownFormat);
        }
        let mut read = match &envelope {
            Some(Envelope::Firebase(parameters)) => firebase::read(parameters, stored)?,
            _ => Self::read(stored)?,
        };
        if let Some(Envelope::Pepper { at, pepper }) = envelope {
            if at == PepperAt::SaltEnd {
                read.salt.extend_from_slice(&pepper);
            }
            read.pepper = Some((at, pepper));
        }
        Ok(read)
    }

    fn read(stored: &str) -> Result<Self, UnsupportedHash> {
        if stored.starts_with('$') {
            return phc::read(stored)
                .or_else(|| crypt::read(stored))
                .unwrap_or_else(|| Err(named::of(stored)));
        }
        let read = schemes::read(stored)
            .or_else(|| mediawiki::read(stored))
            .or_else(|| django::read(stored))
            .or_else(|| werkzeug::read(stored))
            .or_else(|| aspnet::read(stored));
        read.unwrap_or_else(|| Err(named::of(stored)))
    }

    /// Whether a hash made now with `params` would be of the same make; if not, it is replaced at the next sign-in.
    pub(crate) fn is_current(&self, params: &Argon2Params) -> bool {
        let now = Cost::Argon2 { algorithm: Algorithm::Argon2id, version: Version::V0x13, params: *params };
        let plain = self.first == First::Nothing && self.pepper.is_none();
        plain && self.cost == now && self.salt.len() >= SALT_BYTES && self.digest.len() >= DIGEST_BYTES
    }

    /// Whether verifying it takes so much less than a hash with `params` that the answer's time would tell whose hash was taken over.
    pub(crate) fn is_quick(&self, params: &Argon2Params) -> bool {
        self.cost.time(self.digest.len()) < argon2_time(params) / 4
    }

    /// What to try of what was typed.
    pub(crate) fn spellings(&self, typed: &str) -> Vec<Spelling> {
        let mut all = match self.kind {
            HashKind::WordPress | HashKind::Phpass => wordpress_spellings(typed),
            _ => spellings(typed),
        };
        if matches!(self.cost, Cost::Bcrypt { .. }) && self.first == First::Nothing {
            // Of 72 bytes and more nobody knows what else belonged to the password: what was typed may be too much, or not all of it.
            let pepper = self.pepper.as_ref().map_or(0, |(_, pepper)| pepper.len());
            for spelling in &mut all {
                spelling.whole &= spelling.text.len() + pepper < BCRYPT_BYTES;
            }
        }
        all
    }

    /// Whether a text of so many bytes can be verified at all.
    pub(crate) fn takes(&self, bytes: usize) -> bool {
        let in_rounds = matches!(self.cost, Cost::ShaCrypt { .. } | Cost::Rounds { .. });
        !in_rounds || bytes <= MAX_BYTES_IN_ROUNDS
    }

    /// With this done to the password first.
    fn after(self, kind: HashKind, first: First) -> Self {
        Self { kind, first, ..self }
    }
}

#[cfg(test)]
mod tests;
