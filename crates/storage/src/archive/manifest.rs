//! What is said about a base: which database, which moment, its parts and their digests. Written last: it makes the base one.

use protocol::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A base's manifest: one line of JSON, and a line with the SHA-256 of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Of the archive's format.
    pub(crate) format: u32,
    /// Which database this is a base of: the instant its first migration was applied, which it keeps for life.
    pub(crate) database: String,
    /// The moment, in words.
    pub(crate) moment: String,
    /// The moment; a base of everything up to `batch`.
    pub(crate) at: Timestamp,
    /// The last batch that is in it.
    pub(crate) batch: u64,
    pub(crate) schema_version: i64,
    /// Bytes of the database file.
    pub(crate) bytes: u64,
    pub(crate) parts: Vec<Part>,
    /// Rows per table.
    pub(crate) tables: Vec<(String, u64)>,
}

/// One object of a base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Bytes as they are kept, compressed.
    pub(crate) bytes: u64,
    /// SHA-256 of those, in hexadecimal.
    pub(crate) sha256: String,
}

pub(crate) const FORMAT: u32 = 1;

impl Manifest {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Numbers, texts and lists are always JSON.
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{json}\n{}\n", hex(&sha256(json.as_bytes()))).into_bytes()
    }

    /// # Errors
    /// What is wrong with it, to follow its name.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (json, digest) = std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| text.strip_suffix('\n')?.split_once('\n'))
            .ok_or("is cut off")?;
        if hex(&sha256(json.as_bytes())) != digest {
            return Err("was changed".to_owned());
        }
        match serde_json::from_str::<Self>(json) {
            Ok(manifest) if manifest.format == FORMAT => Ok(manifest),
            _ => Err("was written by another version of this program".to_owned()),
        }
    }
}

impl Part {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, sha256: hex(&sha256(bytes)) }
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_it_was_written_and_not_otherwise() {
        let manifest = Manifest {
            format: FORMAT,
            database: "2026-11-22T00:00:00Z".to_owned(),
            moment: "2026-11-22T00:00:00.005Z".to_owned(),
            at: Timestamp::from_millis(5),
            batch: 7,
            schema_version: 1,
            bytes: 4_096,
            parts: vec![Part::of(b"part")],
            tables: vec![("users".to_owned(), 3)],
        };
        let bytes = manifest.to_bytes();
        assert_eq!(Manifest::from_bytes(&bytes), Ok(manifest.clone()));
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert!(Manifest::from_bytes(&changed).is_err(), "byte {index} changed");
            assert!(Manifest::from_bytes(&bytes[..index]).is_err(), "cut off at {index}");
        }
        let other = Manifest { format: FORMAT + 1, ..manifest };
        let refused = Manifest::from_bytes(&other.to_bytes()).unwrap_err();
        assert!(refused.contains("another version"), "{refused}");
    }
}
