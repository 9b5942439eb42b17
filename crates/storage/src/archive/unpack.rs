//! Unpacking with a bound: how much memory bytes may ask for is known before any is taken.

/// A byte of LZ4 stands for 255 at most.
const MOST_PER_BYTE: usize = 255;

/// What was packed with its size before it.
///
/// # Errors
/// When it is more than `most` bytes, more than so many packed bytes can hold, or damaged.
pub(crate) fn unpack(packed: &[u8], most: usize) -> Result<Vec<u8>, &'static str> {
    const DAMAGED: &str = "cannot be decompressed";
    let (size, rest) = lz4_flex::block::uncompressed_size(packed).map_err(|_| DAMAGED)?;
    if size > most || size / MOST_PER_BYTE > rest.len() {
        return Err("says that it unpacks to more than it may");
    }
    let raw = lz4_flex::block::decompress(rest, size).map_err(|_| DAMAGED)?;
    if raw.len() == size { Ok(raw) } else { Err(DAMAGED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_bounded_before_anything_is_unpacked() {
        let packed = lz4_flex::compress_prepend_size(&[7; 10_000]);
        assert_eq!(unpack(&packed, 10_000).unwrap(), [7; 10_000]);
        assert!(unpack(&packed, 9_999).unwrap_err().contains("more than it may"));
        // Four gigabytes out of fifty bytes.
        let mut boastful = packed.clone();
        boastful[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(unpack(&boastful, usize::MAX).unwrap_err().contains("more than it may"));
        boastful[..4].copy_from_slice(&10_001_u32.to_le_bytes());
        assert_eq!(unpack(&boastful, usize::MAX), Err("cannot be decompressed"));
        assert_eq!(unpack(&packed[..3], 10_000), Err("cannot be decompressed"));
        assert_eq!(unpack(&packed[..packed.len() - 9], 10_000), Err("cannot be decompressed"));
    }
}
