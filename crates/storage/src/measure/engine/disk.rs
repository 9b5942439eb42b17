//! How long the disk takes to keep a page: what a commit cannot be faster than. Knows no database.

use crate::engine::clock;
use crate::measure::waits::{Latency, Waits};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

/// A page of the write-ahead log.
const PAGE: [u8; 4_096] = [1; 4_096];
/// Written from the beginning again after so many: the file does not grow while it is measured.
const PAGES: u64 = 256;

/// Writes a page and waits until it is on the disk, again and again, in a file that is removed. Blocks the caller.
///
/// # Errors
/// When the folder cannot be written.
pub fn sync_latency(folder: &Path, length: Duration) -> std::io::Result<Latency> {
    let path = folder.join("measured.sync");
    let file = std::fs::File::create(&path)?;
    let measured = || {
        (0..PAGES).try_for_each(|page| file.write_all_at(&PAGE, page * 4_096))?;
        file.sync_all()?;
        let (began, mut waits) = (clock::now(), Waits::new());
        for page in (0..PAGES).cycle() {
            let since = clock::now();
            file.write_all_at(&PAGE, page * 4_096)?;
            file.sync_data()?;
            waits.record(since.elapsed());
            if began.elapsed() >= length {
                break;
            }
        }
        Ok(waits.latency())
    };
    let latency = measured();
    std::fs::remove_file(&path)?;
    latency
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let latency = sync_latency(folder.path(), Duration::from_millis(10)).unwrap();
        assert!(latency.count > 0 && latency.p50 <= latency.p99, "{latency:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(sync_latency(&folder.path().join("no"), Duration::ZERO).is_err());
    }
}
