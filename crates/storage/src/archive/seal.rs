//! Seals: what shows that a backup was written by whoever holds this installation's key. Knows what is sealed and what a broken seal means;
//! the key and its arithmetic are handed in.

use sha2::{Digest as _, Sha256};
use std::fmt::{self, Debug};

/// A message authentication code, and the name of the key it was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Which key: safe to show.
    pub key: [u8; 8],
    /// What only that key makes of the message.
    pub mac: [u8; 32],
}

/// Makes and checks seals.
pub trait Sealer: Debug + Send + Sync {
    /// Seals a message of a few hundred bytes under the current key.
    fn seal(&self, message: &[u8]) -> Seal;

    /// Whether a seal was made of this message, under any key at hand. Compares in constant time.
    ///
    /// # Errors
    /// When it was not, or the key is not at hand.
    fn check(&self, message: &[u8], seal: &Seal) -> Result<(), SealFailure>;
}

/// Why a seal proves nothing. Each follows the name of what carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealFailure {
    /// There is none.
    Missing,
    /// It was made under a key that is not at hand.
    AnotherKey([u8; 8]),
    /// The key is at hand, and did not make it.
    Wrong,
}

impl fmt::Display for SealFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const OTHERWISE: &str = "Only if that cannot be had, and you trust whoever could write there: `doorward restore --unverified`";
        match self {
            Self::Missing => write!(f, "has no seal, so nobody knows who wrote it. {OTHERWISE}"),
            Self::AnotherKey(key) => write!(
                f,
                "is sealed under master key {}, which is not at hand: put it into the key file, on a line of its own below the current \
                 one if there is one. {OTHERWISE}",
                hex(key)
            ),
            Self::Wrong => f.write_str(
                "has a seal that this installation's key did not make: it was changed, moved or forged",
            ),
        }
    }
}

impl std::error::Error for SealFailure {}

/// What is sealed of an object: what it is, where it belongs, and its digest. No two kinds or places have the same message.
pub(crate) fn message(kind: &str, place: &str, digest: &[u8; 32]) -> Vec<u8> {
    [b"doorward backup v1\0", kind.as_bytes(), b"\0", place.as_bytes(), b"\0", digest].concat()
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

impl Seal {
    /// Bytes of a seal.
    pub(crate) const LENGTH: usize = 40;

    pub(crate) fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..8].copy_from_slice(&self.key);
        bytes[8..].copy_from_slice(&self.mac);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        let mut seal = Self { key: [0; 8], mac: [0; 32] };
        seal.key.copy_from_slice(&bytes[..8]);
        seal.mac.copy_from_slice(&bytes[8..]);
        seal
    }

    /// Hexadecimal digits.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::LENGTH];
        if text.len() != 2 * Self::LENGTH || !text.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self::from_bytes(&bytes))
    }
}

/// A sealer that knows its key by its first bytes, for tests of what seals are put on.
#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[derive(Debug)]
    pub(crate) struct Toy(pub(crate) [u8; 8]);

    impl Sealer for Toy {
        fn seal(&self, message: &[u8]) -> Seal {
            Seal { key: self.0, mac: sha256(&[&self.0, message].concat()) }
        }
        fn check(&self, message: &[u8], seal: &Seal) -> Result<(), SealFailure> {
            match () {
                () if seal.key != self.0 => Err(SealFailure::AnotherKey(seal.key)),
                () if self.seal(message) != *seal => Err(SealFailure::Wrong),
                () => Ok(()),
            }
        }
    }

    #[test]
    fn a_seal_is_read_as_it_was_written_and_messages_do_not_run_together() {
        let seal = Toy([7; 8]).seal(b"message");
        assert_eq!(Seal::from_bytes(&seal.to_bytes()), seal);
        let text = hex(&seal.to_bytes());
        assert_eq!(Seal::from_text(&text), Some(seal));
        for wrong in ["", &text[1..], &format!("{text}0"), &format!("+{}", &text[1..]).replace('7', "é")] {
            assert_eq!(Seal::from_text(wrong), None, "{wrong}");
        }
        assert_ne!(message("a", "bc", &[0; 32]), message("ab", "c", &[0; 32]));
    }
}
