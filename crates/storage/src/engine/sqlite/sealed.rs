//! The seal of a copy: one page more at the end of the file, behind the pages of the database, which SQLite does not look at. So a backup stays one
//! file that every tool opens, and cannot be parted from its proof. Knows bytes; whoever writes to the file breaks the seal.

use crate::archive::seal::message;
use crate::archive::{BackupError, Seal, SealFailure, Sealer};
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;

const MAGIC: &[u8; 8] = b"DWSEAL\x00\x01";
/// Magic, the SHA-256 of everything before the page, the seal of that: the end of the page.
const RECORD: usize = 8 + 32 + Seal::LENGTH;
const KIND: &str = "copy";
/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// Seals a finished copy, and tells its size.
pub(super) fn append(path: &Path, sealer: &dyn Sealer) -> io::Result<u64> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let page = page_size(&mut file)?;
    let digest = digest(&mut file, length)?;
    let seal = sealer.seal(&message(KIND, "", &digest)).to_bytes();
    let record = [MAGIC.as_slice(), &digest, &seal].concat();
    let mut last = vec![0; page];
    last[page - RECORD..].copy_from_slice(&record);
    file.seek(SeekFrom::End(0))?;
    file.write_all(&last)?;
    file.sync_all()?;
    Ok(length + page as u64)
}

/// Whether the file is a copy with a seal. It is then as it was sealed; and, unless nobody asks, by us.
pub(crate) fn check(path: &Path, sealer: Option<&dyn Sealer>) -> Result<bool, BackupError> {
    let unproven = |why| BackupError::Unproven { path: path.to_owned(), why };
    let Some((digest, seal, as_it_was)) = read(path).map_err(|error| BackupError::io(path, &error))? else {
        return Ok(false);
    };
    if !as_it_was {
        return Err(BackupError::Damaged {
            path: path.to_owned(),
            why: "it is not as it was when it was sealed".to_owned(),
        });
    }
    match sealer.map(|sealer| sealer.check(&message(KIND, "", &digest), &seal)) {
        Some(Err(why)) => Err(unproven(why)),
        _ => Ok(true),
    }
}

/// The same, where there must be a seal.
pub(super) fn demand(path: &Path, sealer: &dyn Sealer) -> Result<(), BackupError> {
    match check(path, Some(sealer))? {
        true => Ok(()),
        false => Err(BackupError::Unproven { path: path.to_owned(), why: SealFailure::Missing }),
    }
}

/// What is said at the end of a file, and whether it is true.
fn read(path: &Path) -> io::Result<Option<([u8; 32], Seal, bool)>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let Ok(page) = page_size(&mut file) else { return Ok(None) };
    let Some(before) = length.checked_sub(page as u64).filter(|before| *before > 0) else { return Ok(None) };
    let mut last = vec![0; page];
    file.seek(SeekFrom::Start(before))?;
    file.read_exact(&mut last)?;
    let (padding, record) = last.split_at(page - RECORD);
    let Some(((digest, seal), true)) = record
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.split_first_chunk::<32>())
        .and_then(|(digest, seal)| Some((*digest, Seal::from_bytes(seal.try_into().ok()?))))
        .map(|found| (found, padding.iter().all(|byte| *byte == 0)))
    else {
        return Ok(None);
    };
    let is_copy = header(&mut file)?[18..20] == [1, 1];
    Ok(Some((digest, seal, is_copy && self::digest(&mut file, before)? == digest)))
}

fn digest(file: &mut File, length: u64) -> io::Result<[u8; 32]> {
    file.rewind()?;
    let mut left = file.take(length);
    let (mut hash, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
    loop {
        match left.read(&mut chunk)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(&chunk[..read]),
        }
    }
}

/// The beginning of a SQLite file (its format's section 1.3).
fn header(file: &mut File) -> io::Result<[u8; 20]> {
    let mut header = [0; 20];
    file.rewind()?;
    file.read_exact(&mut header)?;
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(io::Error::other("it is not a database"));
    }
    Ok(header)
}

fn page_size(file: &mut File) -> io::Result<usize> {
    let header = header(file)?;
    Ok(match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => usize::from(size).max(512),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::seal::tests::Toy;
    use rusqlite::Connection;

    #[test]
    fn a_sealed_copy_stays_a_database_and_no_byte_of_it_can_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        for page in [512, 4_096, 65_536] {
            let path = folder.path().join(format!("{page}.db"));
            let made = Connection::open(&path).unwrap();
            made.execute_batch(&format!(
                "PRAGMA page_size = {page}; CREATE TABLE t (a); INSERT INTO t VALUES ('text')"
            ))
            .unwrap();
            drop(made);
            let ours = Toy([1; 8]);
            assert!(!check(&path, Some(&ours)).unwrap());
            assert!(matches!(
                demand(&path, &ours),
                Err(BackupError::Unproven { why: SealFailure::Missing, .. })
            ));
            let length = append(&path, &ours).unwrap();
            assert_eq!((length, length % page), (std::fs::metadata(&path).unwrap().len(), 0));
            assert!(check(&path, None).unwrap());
            demand(&path, &ours).unwrap();
            let opened = Connection::open(&path).unwrap();
            let whole: String = opened.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            let text: String = opened.query_row("SELECT a FROM t", [], |row| row.get(0)).unwrap();
            assert_eq!((whole.as_str(), text.as_str()), ("ok", "text"));
            drop(opened);
            demand(&path, &ours).unwrap();

            let bytes = std::fs::read(&path).unwrap();
            for index in (0..bytes.len()).step_by(61).chain([bytes.len() - 1, bytes.len() - RECORD]) {
                let mut changed = bytes.clone();
                changed[index] ^= 1;
                std::fs::write(&path, changed).unwrap();
                assert!(demand(&path, &ours).is_err(), "byte {index} changed");
            }
            std::fs::write(&path, &bytes).unwrap();
            let theirs = demand(&path, &Toy([2; 8])).unwrap_err();
            assert!(
                matches!(theirs, BackupError::Unproven { why: SealFailure::AnotherKey(_), .. }),
                "{theirs}"
            );
            // Whoever writes breaks it.
            Connection::open(&path).unwrap().execute_batch("UPDATE t SET a = 'other'").unwrap();
            assert!(demand(&path, &ours).is_err());
        }
    }

    #[test]
    fn what_is_no_database_has_no_seal() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in [("empty", vec![]), ("short", b"SQLite".to_vec()), ("text", vec![b'a'; 10_000])]
        {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            assert!(!check(&path, None).unwrap(), "{name}");
        }
        assert!(check(&folder.path().join("none"), None).is_err());
    }
}
