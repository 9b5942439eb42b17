//! A segment of the log: batches of applied commands as bytes, checked and chained. Knows its format; knows no engine and no target.
//!
//! A head of fixed size, the body (compressed), the SHA-256 of both. The head holds the digest of the segment before: a change or a gap
//! shows. The body lists each SQL text once, then the batches.

use crate::archive::{SegmentName, sha256};
use crate::contract::{Expect, Steps};
use crate::value::Value;
use protocol::Timestamp;
use std::collections::HashMap;

/// What one commit applied.
#[derive(Debug)]
pub(crate) struct Batch {
    /// When it was committed.
    pub(crate) at: Timestamp,
    /// What was applied, in order; what was refused is not here.
    pub(crate) commands: Vec<Steps>,
    /// About how much memory it holds.
    pub(crate) bytes: usize,
}

/// Where a segment stands in its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) generation: u64,
    pub(crate) name: SegmentName,
    /// The digest of the segment before; zeros before the first.
    pub(crate) after: [u8; 32],
}

/// A segment as it was read.
pub(crate) struct Segment {
    /// Its own digest, which the next one names.
    pub(crate) digest: [u8; 32],
    pub(crate) texts: Vec<String>,
    pub(crate) batches: Vec<LoggedBatch>,
}

pub(crate) struct LoggedBatch {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) commands: Vec<Vec<LoggedStep>>,
}

pub(crate) struct LoggedStep {
    /// Which of the segment's texts.
    pub(crate) text: usize,
    pub(crate) params: Vec<Value>,
    /// The row count it had, when that was promised.
    pub(crate) exactly: Option<u64>,
}

const MAGIC: &[u8; 8] = b"DWSHIP\x00\x01";
const DIGEST: usize = 32;
/// Magic, six numbers, the digest before.
const HEAD: usize = 8 + 6 * 8 + DIGEST;

/// The segment's bytes and its digest.
pub(crate) fn encode(place: &Place, batches: &[Batch]) -> (Vec<u8>, [u8; 32]) {
    let body = lz4_flex::compress_prepend_size(&body(place.name.first_at, batches));
    let mut bytes = head(place);
    bytes.extend_from_slice(&body);
    let digest = sha256(&bytes);
    bytes.extend_from_slice(&digest);
    (bytes, digest)
}

/// Reads a segment that should stand at `place`. Without `after`, whatever it follows is right: the first one that is looked at.
///
/// # Errors
/// What is wrong with it, to follow its name.
pub(crate) fn decode(
    bytes: &[u8],
    generation: u64,
    name: SegmentName,
    after: Option<[u8; 32]>,
) -> Result<Segment, String> {
    let (content, digest) = bytes.split_last_chunk::<DIGEST>().ok_or("is cut off")?;
    if content.len() < HEAD || sha256(content) != *digest {
        return Err("was changed or cut off".to_owned());
    }
    let (head_found, body) = content.split_at(HEAD);
    let (_, after_found) = head_found.split_last_chunk::<DIGEST>().ok_or("is cut off")?;
    let place = Place { generation, name, after: after.unwrap_or(*after_found) };
    if head_found[..HEAD - DIGEST] != head(&place)[..HEAD - DIGEST] {
        return Err("is not what its name says".to_owned());
    }
    if place.after != *after_found {
        return Err("does not follow the segment before it".to_owned());
    }
    let body = lz4_flex::decompress_size_prepended(body).map_err(|_| "cannot be decompressed")?;
    read_body(&mut Reader(&body), name).map_or_else(
        || Err("has a body of another format".to_owned()),
        |(texts, batches)| Ok(Segment { digest: *digest, texts, batches }),
    )
}

fn head(place: &Place) -> Vec<u8> {
    let SegmentName { number, first, last, first_at, last_at } = place.name;
    let mut bytes = Vec::with_capacity(4 * HEAD);
    bytes.extend_from_slice(MAGIC);
    for field in [place.generation, number, first, last] {
        bytes.extend_from_slice(&field.to_le_bytes());
    }
    for field in [first_at, last_at] {
        bytes.extend_from_slice(&field.millis().to_le_bytes());
    }
    bytes.extend_from_slice(&place.after);
    bytes
}

fn body(first_at: Timestamp, batches: &[Batch]) -> Vec<u8> {
    let mut texts: Vec<&str> = Vec::new();
    // By address: the same constant is the same text, and a text that has two addresses is only listed twice.
    let mut known: HashMap<*const u8, u64> = HashMap::new();
    let mut list = Vec::with_capacity(batches.iter().map(|batch| batch.bytes).sum());
    number(&mut list, batches.len() as u64);
    for batch in batches {
        number(&mut list, u64::try_from(batch.at.millis() - first_at.millis()).unwrap_or(0));
        number(&mut list, batch.commands.len() as u64);
        for command in &batch.commands {
            number(&mut list, command.as_slice().len() as u64);
            for step in command.as_slice() {
                let text = *known.entry(step.sql.as_ptr()).or_insert_with(|| {
                    texts.push(step.sql);
                    texts.len() as u64 - 1
                });
                number(&mut list, text);
                number(&mut list, if let Expect::Exactly(count) = step.expect { count + 1 } else { 0 });
                number(&mut list, step.params.len() as u64);
                step.params.iter().for_each(|param| value(&mut list, param));
            }
        }
    }
    let mut bytes = Vec::with_capacity(list.len() + 16 * 1024);
    number(&mut bytes, texts.len() as u64);
    texts.iter().for_each(|text| block(&mut bytes, text.as_bytes()));
    bytes.append(&mut list);
    bytes
}

/// LEB128: seven bits a byte, the lowest first.
fn number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn block(bytes: &mut Vec<u8>, block: &[u8]) {
    number(bytes, block.len() as u64);
    bytes.extend_from_slice(block);
}

fn value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.push(0),
        Value::Int(int) => {
            bytes.push(1);
            bytes.extend_from_slice(&int.to_le_bytes());
        }
        Value::Text(text) => {
            bytes.push(2);
            block(bytes, text.as_bytes());
        }
        Value::Bytes(blob) => {
            bytes.push(3);
            block(bytes, blob);
        }
    }
}

/// Nothing wherever the bytes are not what was written.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// As many as it says; each takes a byte at least, so a wrong count is soon out of bytes.
    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| one(self)).collect()
    }

    fn block(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    fn text(&mut self) -> Option<String> {
        self.block().and_then(|text| String::from_utf8(text.to_vec()).ok())
    }

    fn value(&mut self) -> Option<Value> {
        Some(match self.take(1)?[0] {
            0 => Value::Null,
            1 => Value::Int(i64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => Value::Text(self.text()?),
            3 => Value::Bytes(self.block()?.to_vec()),
            _ => return None,
        })
    }

    fn step(&mut self) -> Option<LoggedStep> {
        let text = usize::try_from(self.number()?).ok()?;
        let exactly = self.number()?.checked_sub(1);
        Some(LoggedStep { text, exactly, params: self.many(Self::value)? })
    }
}

fn read_body(reader: &mut Reader<'_>, name: SegmentName) -> Option<(Vec<String>, Vec<LoggedBatch>)> {
    let texts = reader.many(Reader::text)?;
    let mut number = name.first;
    let batches = reader.many(|reader| {
        let at = i64::try_from(reader.number()?).ok()?;
        let commands = reader.many(|reader| reader.many(Reader::step))?;
        number += 1;
        Some(LoggedBatch {
            number: number - 1,
            at: Timestamp::from_millis(name.first_at.millis() + at),
            commands,
        })
    })?;
    let whole = reader.0.is_empty() && number == name.last + 1;
    let known =
        batches.iter().flat_map(|batch| batch.commands.iter().flatten()).all(|step| step.text < texts.len());
    (whole && known).then_some((texts, batches))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    fn example() -> (Place, Vec<Batch>) {
        let at = |millis| Timestamp::from_millis(millis);
        let mut steps = Steps::default();
        steps.exactly(300, "INSERT a", params![None::<i64>, i64::MIN, "é", [7_u8; 200].as_slice()]);
        steps.any("DELETE b", params![]);
        let batches = (0..3).map(|n| Batch { at: at(10 + n), commands: vec![steps.clone(); 2], bytes: 0 });
        let name = SegmentName { number: 4, first: 8, last: 10, first_at: at(10), last_at: at(12) };
        (Place { generation: 2, name, after: [9; 32] }, batches.collect())
    }

    #[test]
    fn a_segment_is_read_as_it_was_written() {
        let (place, batches) = example();
        let (bytes, digest) = encode(&place, &batches);
        let segment = decode(&bytes, 2, place.name, Some([9; 32])).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(
            (segment.digest, segment.texts),
            (digest, vec!["INSERT a".to_owned(), "DELETE b".to_owned()])
        );
        assert_eq!(segment.batches.iter().map(|batch| batch.number).collect::<Vec<_>>(), [8, 9, 10]);
        let [insert, delete] = &segment.batches[2].commands[1][..] else { panic!("two steps") };
        assert_eq!((insert.text, insert.exactly, delete.text, delete.exactly), (0, Some(300), 1, None));
        assert_eq!(insert.params, batches[0].commands[0].as_slice()[0].params);
        assert_eq!(segment.batches[2].at, batches[2].at);
    }

    #[test]
    fn whatever_was_changed_cut_off_or_misplaced_is_refused() {
        let (place, batches) = example();
        let (bytes, _) = encode(&place, &batches);
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert!(decode(&changed, 2, place.name, None).is_err(), "byte {index} changed");
            assert!(decode(&bytes[..index], 2, place.name, None).is_err(), "cut off at {index}");
        }
        let why = |generation, name, after| decode(&bytes, generation, name, after).err();
        let other = SegmentName { last: 11, ..place.name };
        assert_eq!(why(2, place.name, None), None);
        assert_eq!(why(3, place.name, None).unwrap(), "is not what its name says");
        assert_eq!(why(2, other, None).unwrap(), "is not what its name says");
        assert_eq!(why(2, place.name, Some([8; 32])).unwrap(), "does not follow the segment before it");
    }
}
