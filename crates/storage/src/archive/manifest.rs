//! What is said about a base: which database, which moment, its parts and their digests. Written last: it makes the base one.

use crate::archive::seal::{hex, message, sha256};
use crate::archive::{Flaw, Seal, SealFailure, Sealer};
use protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// A base's manifest: one line of JSON, a line with the SHA-256 of it, and a line with the seal of that. The parts are sealed with it: it
/// holds their digests.
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

pub(crate) const FORMAT: u32 = 2;
const KIND: &str = "manifest";

impl Manifest {
    /// As it is kept under the name `path`.
    pub(crate) fn to_bytes(&self, path: &str, sealer: &dyn Sealer) -> Vec<u8> {
        // Numbers, texts and lists are always JSON.
        let json = serde_json::to_string(self).unwrap_or_default();
        let digest = sha256(json.as_bytes());
        let seal = sealer.seal(&message(KIND, path, &digest));
        format!("{json}\n{}\n{}\n", hex(&digest), hex(&seal.to_bytes())).into_bytes()
    }

    /// Without a sealer nobody asks who wrote it. Nothing is parsed that was not proven before.
    ///
    /// # Errors
    /// What is wrong with it, to follow its name.
    pub(crate) fn from_bytes(bytes: &[u8], path: &str, sealer: Option<&dyn Sealer>) -> Result<Self, Flaw> {
        let text = std::str::from_utf8(bytes).ok().and_then(|text| text.strip_suffix('\n'));
        let (json, proof) = text.and_then(|text| text.split_once('\n')).ok_or("is cut off")?;
        let (digest, seal) = proof.split_once('\n').unwrap_or((proof, ""));
        let found = sha256(json.as_bytes());
        if hex(&found) != digest {
            return Err("was changed".into());
        }
        if let Some(sealer) = sealer {
            let seal = Seal::from_text(seal).ok_or(SealFailure::Missing)?;
            sealer.check(&message(KIND, path, &found), &seal)?;
        }
        match serde_json::from_str::<Self>(json) {
            Ok(manifest) if manifest.format == FORMAT => Ok(manifest),
            _ => Err("was written by another version of this program".into()),
        }
    }
}

impl Part {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, sha256: hex(&sha256(bytes)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::seal::tests::Toy;

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
        let (ours, path) = (Toy([1; 8]), "1-x/base-7-5/manifest");
        let bytes = manifest.to_bytes(path, &ours);
        let read = |bytes: &[u8]| Manifest::from_bytes(bytes, path, Some(&ours));
        assert_eq!(read(&bytes), Ok(manifest.clone()));
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert!(read(&changed).is_err(), "byte {index} changed");
            assert!(read(&bytes[..index]).is_err(), "cut off at {index}");
        }
        let other = Manifest { format: FORMAT + 1, ..manifest.clone() };
        assert_eq!(
            read(&other.to_bytes(path, &ours)),
            Err("was written by another version of this program".into())
        );

        // Whole, and not from us.
        let theirs = manifest.to_bytes(path, &Toy([2; 8]));
        assert_eq!(read(&theirs), Err(Flaw::Unproven(SealFailure::AnotherKey([2; 8]))));
        let moved = manifest.to_bytes("1-x/base-8-5/manifest", &ours);
        assert_eq!(read(&moved), Err(Flaw::Unproven(SealFailure::Wrong)));
        let lines = String::from_utf8(bytes).unwrap();
        let unsealed = lines.lines().take(2).map(|line| line.to_owned() + "\n").collect::<String>();
        assert_eq!(read(unsealed.as_bytes()), Err(Flaw::Unproven(SealFailure::Missing)));
        // Unless nobody asks.
        for unproven in [theirs, moved, unsealed.into_bytes()] {
            assert_eq!(Manifest::from_bytes(&unproven, path, None), Ok(manifest.clone()));
        }
    }
}
