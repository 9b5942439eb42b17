//! Sealing at rest: what the database may hold only encrypted, under a master key that the database never holds.
//!
//! A sealed value is `version (1) · key id (8) · nonce (12) · ciphertext · tag (16)`. Knows neither where the master
//! key is kept nor what is sealed; the caller names a purpose, and a value opens only under the purpose it was
//! sealed for.
//!
//! The cipher is AES-256-GCM-SIV (RFC 8452). Plain GCM fails completely when a nonce repeats, which a restored
//! virtual machine snapshot or a broken random source can bring about; SIV then reveals no more than that two
//! values sealed for one purpose are equal. It derives a key for each nonce itself, so random 96-bit nonces under
//! one master key are good for far more values than any installation seals (RFC 8452 section 9).

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::{Zeroize as _, Zeroizing};

use crate::digest::sha256;
use crate::encoding;
use crate::random::{Random, random_bytes};

const VERSION: u8 = 1;
const KEY_ID_LEN: usize = 8;
const HEADER_LEN: usize = 1 + KEY_ID_LEN;
const TAG_LEN: usize = 16;

/// The key under which everything else is sealed. 256 bits, kept in a file, the environment or a credential.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// A new key.
    pub fn generate(random: &mut dyn Random) -> Self {
        Self(Zeroizing::new(random_bytes(random)))
    }

    /// Reads 32 bytes in base64url or base64, padded or not, surrounded by any white space.
    pub fn from_text(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        let bare = text.strip_suffix('=').unwrap_or(text);
        let spelled: Zeroizing<String> = Zeroizing::new(
            bare.chars()
                .map(|c| match c {
                    '+' => '-',
                    '/' => '_',
                    c => c,
                })
                .collect(),
        );
        encoding::decode_array(&spelled).map(Self).ok_or(MasterKeyError)
    }

    /// The key as base64url, to be written where only the operator reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(encoding::encode(self.0.as_slice()))
    }

    /// The name of the key, safe to show: it stands in every value sealed under it.
    pub fn id(&self) -> MasterKeyId {
        let mut input = Zeroizing::new([0; ID_CONTEXT.len() + 32]);
        input[..ID_CONTEXT.len()].copy_from_slice(ID_CONTEXT);
        input[ID_CONTEXT.len()..].copy_from_slice(self.0.as_slice());
        let mut id = [0; KEY_ID_LEN];
        id.copy_from_slice(&sha256(input.as_slice())[..KEY_ID_LEN]);
        MasterKeyId(id)
    }

    /// A key for one purpose, which tells nothing of this one: HMAC-SHA-256 of the purpose's name.
    pub(crate) fn derive(&self, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice()), purpose);
        let mut derived = Zeroizing::new([0; 32]);
        derived.copy_from_slice(tag.as_ref());
        derived
    }

    #[expect(
        clippy::expect_used,
        reason = "refused only for a key that is not 32 bytes long, which the type rules out"
    )]
    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, self.0.as_slice()).expect("a 256-bit key"))
    }
}

/// Separates the key's name from every other hash of the key.
const ID_CONTEXT: &[u8] = b"doorward master key id v1\0";

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({}, ..)", self.id())
    }
}

/// Which master key a value was sealed under: 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MasterKeyId([u8; KEY_ID_LEN]);

impl MasterKeyId {
    /// From where it was written down.
    pub(crate) fn from_bytes(bytes: [u8; KEY_ID_LEN]) -> Self {
        Self(bytes)
    }

    /// To be written down.
    pub(crate) fn to_bytes(self) -> [u8; KEY_ID_LEN] {
        self.0
    }
}

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The master keys at hand: values are sealed under the current one and open under any.
#[derive(Debug)]
pub struct MasterKeys {
    current: MasterKey,
    previous: Vec<MasterKey>,
}

impl MasterKeys {
    /// `previous` are the keys that rotation has left behind but that old values are still sealed under.
    pub fn new(current: MasterKey, previous: Vec<MasterKey>) -> Self {
        Self { current, previous }
    }

    /// The key new values are sealed under.
    pub fn current(&self) -> &MasterKey {
        &self.current
    }

    /// The current one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// Seals `plaintext` for `purpose`: say what it is and whose (`signing-key/KID`), and a value cannot be moved to
    /// another row either.
    #[expect(
        clippy::expect_used,
        reason = "refused only beyond the cipher's 64 GiB, which no caller's memory holds"
    )]
    pub fn seal(&self, purpose: &str, plaintext: &[u8], random: &mut dyn Random) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = random_bytes(random);
        let mut header = [VERSION; HEADER_LEN];
        header[1..].copy_from_slice(&self.current.id().0);

        // Room for the tag from the start: growing would leave a copy of the plaintext behind, unwiped.
        let mut body = Vec::with_capacity(plaintext.len() + TAG_LEN);
        body.extend_from_slice(plaintext);
        self.current
            .cipher()
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(&header, purpose), &mut body)
            .expect("sealing a value that fits in memory");
        [header.as_slice(), &nonce, &body].concat()
    }

    /// [`seal`](Self::seal), as base64url: for what a browser keeps.
    pub fn seal_text(&self, purpose: &str, plaintext: &[u8], random: &mut dyn Random) -> String {
        encoding::encode(&self.seal(purpose, plaintext, random))
    }

    /// Opens what [`seal_text`](Self::seal_text) made for the same `purpose`; nothing for anything else.
    pub fn open_text(&self, purpose: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
        self.open(purpose, &encoding::decode(text)?).ok()
    }

    /// Opens what [`seal`](Self::seal) made for the same `purpose`.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let id = key_id_of(sealed)?;
        let (header, rest) = sealed.split_at_checked(HEADER_LEN).ok_or(SealError::Corrupted)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Corrupted)?;
        let key = self.all().find(|key| key.id() == id).ok_or(SealError::AnotherKey(id))?;

        let mut buffer = Zeroizing::new(body.to_vec());
        let plaintext_len = key
            .cipher()
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aad(header, purpose), &mut buffer)
            .map_err(|_| SealError::Corrupted)?
            .len();
        buffer[plaintext_len..].zeroize();
        buffer.truncate(plaintext_len);
        Ok(buffer)
    }

    /// One step of a rotation: `sealed` under the current key, or `None` when it already is.
    pub fn reseal(
        &self,
        purpose: &str,
        sealed: &[u8],
        random: &mut dyn Random,
    ) -> Result<Option<Vec<u8>>, SealError> {
        let plaintext = self.open(purpose, sealed)?;
        if key_id_of(sealed)? == self.current.id() {
            return Ok(None);
        }
        Ok(Some(self.seal(purpose, &plaintext, random)))
    }
}

/// The master key a value was sealed under, read from outside and not yet authenticated.
pub fn key_id_of(sealed: &[u8]) -> Result<MasterKeyId, SealError> {
    let (version, rest) = sealed.split_first().ok_or(SealError::Corrupted)?;
    if *version != VERSION {
        return Err(SealError::UnknownVersion(*version));
    }
    rest.first_chunk().copied().map(MasterKeyId).ok_or(SealError::Corrupted)
}

/// The header has a fixed width, so header and purpose cannot run into each other.
fn aad(header: &[u8], purpose: &str) -> Aad<Vec<u8>> {
    Aad::from([header, purpose.as_bytes()].concat())
}

/// The text is not a master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 bytes in base64url or base64 (43 characters)")]
pub struct MasterKeyError;

/// Why a sealed value did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Written by a newer Doorward, or not a sealed value at all.
    #[error("sealed in format {0}, which this version does not know")]
    UnknownVersion(u8),
    /// The key it names is not among those at hand.
    #[error(
        "sealed under another master key, {0}: name the file that belongs to this data (master_key_file)"
    )]
    AnotherKey(MasterKeyId),
    /// The key is right, the value is not: damaged, truncated, tampered with, or sealed for another purpose.
    #[error("damaged, or sealed for another purpose")]
    Corrupted,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SeededRandom;

    fn keys(seed: u64) -> MasterKeys {
        MasterKeys::new(MasterKey::generate(&mut SeededRandom::new(seed)), Vec::new())
    }

    #[test]
    fn a_master_key_is_read_in_every_common_spelling() {
        let key = MasterKey(Zeroizing::new([0xfb; 32]));
        let text = key.to_text();
        let standard = text.replace('-', "+").replace('_', "/");
        for spelling in [text.to_string(), format!(" {}=\n", text.as_str()), format!("{standard}="), standard]
        {
            assert_eq!(MasterKey::from_text(&spelling).map(|key| *key.0), Ok([0xfb; 32]), "{spelling}");
        }
        for wrong in ["", "=", &text[1..], &format!("{}A", text.as_str()), &format!("{}==", text.as_str())] {
            assert!(MasterKey::from_text(wrong).is_err(), "{wrong}");
        }
        assert_eq!(format!("{key:?}"), format!("MasterKey({}, ..)", key.id()));
    }

    #[test]
    fn rotation_opens_with_the_old_key_and_reseals_under_the_new() {
        let mut random = SeededRandom::new(9);
        let old = keys(1);
        let sealed = old.seal("totp/7", b"secret", &mut random);
        assert_eq!(key_id_of(&sealed), Ok(old.current().id()));
        assert_eq!(old.reseal("totp/7", &sealed, &mut random), Ok(None));

        assert_eq!(keys(2).open("totp/7", &sealed), Err(SealError::AnotherKey(old.current().id())));
        let both = MasterKeys::new(keys(2).current, vec![old.current]);
        let resealed = both.reseal("totp/7", &sealed, &mut random).expect("the old key is at hand");
        let resealed = resealed.expect("it was sealed under the old key");
        assert_eq!(keys(2).open("totp/7", &resealed).expect("resealed").as_slice(), b"secret");
    }

    #[test]
    fn a_value_opens_only_for_its_purpose() {
        let sealed = keys(1).seal("totp/7", b"secret", &mut SeededRandom::new(9));
        assert_eq!(keys(1).open("totp/8", &sealed), Err(SealError::Corrupted));
        assert_eq!(keys(1).open("totp/7", &[]), Err(SealError::Corrupted));
        assert_eq!(keys(1).open("totp/7", &[2, 0]), Err(SealError::UnknownVersion(2)));
    }

    /// Values on disk outlive the binary: the format may gain a version but never change under its number.
    #[test]
    fn the_format_is_what_is_already_on_disks() {
        let keys = MasterKeys::new(MasterKey(Zeroizing::new([1; 32])), Vec::new());
        let sealed = keys.seal("purpose", b"plaintext", &mut SeededRandom::new(1));
        assert_eq!(
            encoding::encode(&sealed),
            "ARIgYrTDze-SeDglgipvnmLaIZDoB5dAit5PGnHDJfMABwUxKD4zp7pYpc1gPg"
        );
    }

    proptest! {
        #[test]
        fn values_round_trip_and_no_byte_may_change(
            plaintext: Vec<u8>, seed: u64, at: prop::sample::Index, flip in 1_u8..,
        ) {
            let keys = keys(1);
            let mut sealed = keys.seal("purpose", &plaintext, &mut SeededRandom::new(seed));
            prop_assert_eq!(sealed.len(), HEADER_LEN + NONCE_LEN + plaintext.len() + TAG_LEN);
            let opened = keys.open("purpose", &sealed);
            prop_assert_eq!(opened.as_deref(), Ok(&plaintext));
            let at = at.index(sealed.len());
            prop_assert!(keys.open("purpose", &sealed[..at]).is_err());
            sealed[at] ^= flip;
            prop_assert!(keys.open("purpose", &sealed).is_err());
        }

        #[test]
        fn opening_never_panics(sealed: Vec<u8>) {
            prop_assert!(keys(1).open("purpose", &sealed).is_err());
        }
    }
}
