//! A segment of the log: batches of applied commands as bytes, sealed and chained. Knows its format; knows no engine and no target.
//!
//! A head of fixed size, the body (compressed), the SHA-256 of both, the seal of that and of the segment's name. The head holds the digest of the
//! segment before: a change or a gap shows. The body lists the number of each statement once, then the batches. Nothing of it is parsed
//! before the seal was checked.

use crate::archive::seal::{message, sha256};
use crate::archive::unpack::unpack;
use crate::archive::{Flaw, GenerationName, Seal, SealFailure, Sealer, SegmentName, Statements};
use crate::contract::value::Value;
use crate::contract::{Expect, Steps};
use protocol::Timestamp;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

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
pub(crate) struct Place<'a> {
    pub(crate) generation: &'a GenerationName,
    pub(crate) name: SegmentName,
    /// The digest of the segment before; zeros before the first. When it is read, nothing where whatever it follows is right: the first one
    /// that is looked at.
    pub(crate) after: Option<[u8; 32]>,
}

/// What a log is written and read with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof<'a> {
    /// Nothing where nobody asks who wrote it.
    pub(crate) sealer: Option<&'a dyn Sealer>,
    pub(crate) statements: &'a Statements,
}

/// Why batches cannot stand in a log: a defect of this program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("a statement is not in the list of those that can be replayed: {0}")]
    Unlisted(&'static str),
    #[error("a batch is larger than a segment may be")]
    Large,
}

/// A segment as it was read.
pub(crate) struct Segment {
    /// Its own digest, which the next one names.
    pub(crate) digest: [u8; 32],
    pub(crate) texts: Vec<&'static str>,
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

const MAGIC: &[u8; 8] = b"DWSHIP\x00\x02";
const BEFORE_SEALS: &[u8; 8] = b"DWSHIP\x00\x01";
const KIND: &str = "segment";
const DIGEST: usize = 32;
/// Bytes of a body that is not packed, at most: a batch and a segment's worth, with room to spare.
const MOST: usize = 128 << 20;
/// Magic, six numbers, the digest before.
const HEAD: usize = 8 + 6 * 8 + DIGEST;

/// The segment's bytes and its digest.
///
/// # Errors
/// When it could not be replayed.
pub(crate) fn encode(
    place: &Place<'_>,
    batches: &[Batch],
    sealer: &dyn Sealer,
    statements: &Statements,
) -> Result<(Vec<u8>, [u8; 32]), Unfit> {
    let body = body(place.name.first_at, batches, statements)?;
    if body.len() > MOST {
        return Err(Unfit::Large);
    }
    let mut bytes = head(place, &place.after.unwrap_or_default());
    bytes.extend_from_slice(&lz4_flex::compress_prepend_size(&body));
    let digest = sha256(&bytes);
    let seal = sealer.seal(&message(KIND, &place.path(), &digest));
    bytes.extend_from_slice(&digest);
    bytes.extend_from_slice(&seal.to_bytes());
    Ok((bytes, digest))
}

/// Reads a segment that should stand at `place`.
///
/// # Errors
/// What is wrong with it, to follow its name.
pub(crate) fn decode(bytes: &[u8], place: &Place<'_>, proof: Proof<'_>) -> Result<Segment, Flaw> {
    if bytes.starts_with(BEFORE_SEALS) {
        return Err(match proof.sealer {
            Some(_) => SealFailure::Missing.into(),
            None => "was written by another version of this program".into(),
        });
    }
    let (sealed, seal) = bytes.split_last_chunk::<{ Seal::LENGTH }>().ok_or("was changed or cut off")?;
    let (content, digest) = sealed.split_last_chunk::<DIGEST>().ok_or("was changed or cut off")?;
    if content.len() < HEAD || sha256(content) != *digest {
        return Err("was changed or cut off".into());
    }
    let (head_found, body) = content.split_at(HEAD);
    let (head_found, after_found) = head_found.split_last_chunk::<DIGEST>().ok_or("is cut off")?;
    // Told before the seal, because it says more: another's segment, whole, under this name.
    if head_found != &head(place, after_found)[..HEAD - DIGEST] {
        return Err("is not what its name says".into());
    }
    if let Some(sealer) = proof.sealer {
        sealer.check(&message(KIND, &place.path(), digest), &Seal::from_bytes(seal))?;
    }
    if place.after.is_some_and(|after| after != *after_found) {
        return Err("does not follow the segment before it".into());
    }
    let body = unpack(body, MOST)?;
    let (numbers, batches) =
        read_body(&mut Reader(&body), place.name).ok_or("has a body of another format")?;
    let texts = numbers.into_iter().map(|number| {
        let unknown = || {
            format!(
                "holds a statement this program does not know (number {number:016x}): a newer version may"
            )
        };
        proof.statements.text(number).ok_or_else(unknown)
    });
    Ok(Segment { digest: *digest, texts: texts.collect::<Result<_, String>>()?, batches })
}

impl Place<'_> {
    fn path(&self) -> String {
        self.name.path(self.generation)
    }
}

fn head(place: &Place<'_>, after: &[u8; DIGEST]) -> Vec<u8> {
    let SegmentName { number, first, last, first_at, last_at } = place.name;
    let mut bytes = Vec::with_capacity(4 * HEAD);
    bytes.extend_from_slice(MAGIC);
    for field in [place.generation.number, number, first, last] {
        bytes.extend_from_slice(&field.to_le_bytes());
    }
    for field in [first_at, last_at] {
        bytes.extend_from_slice(&field.millis().to_le_bytes());
    }
    bytes.extend_from_slice(after);
    bytes
}

fn body(first_at: Timestamp, batches: &[Batch], statements: &Statements) -> Result<Vec<u8>, Unfit> {
    let mut numbers: Vec<u64> = Vec::new();
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
                let text = match known.entry(step.sql.as_ptr()) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(new) => {
                        numbers.push(statements.number(step.sql).ok_or(Unfit::Unlisted(step.sql))?);
                        *new.insert(numbers.len() as u64 - 1)
                    }
                };
                number(&mut list, text);
                number(&mut list, if let Expect::Exactly(count) = step.expect { count + 1 } else { 0 });
                number(&mut list, step.params.len() as u64);
                step.params.iter().for_each(|param| value(&mut list, param));
            }
        }
    }
    let mut bytes = Vec::with_capacity(list.len() + 16 * 1024);
    number(&mut bytes, numbers.len() as u64);
    numbers.iter().for_each(|statement| bytes.extend_from_slice(&statement.to_be_bytes()));
    bytes.append(&mut list);
    Ok(bytes)
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

    fn statement(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
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

fn read_body(reader: &mut Reader<'_>, name: SegmentName) -> Option<(Vec<u64>, Vec<LoggedBatch>)> {
    let numbers = reader.many(Reader::statement)?;
    let mut number = name.first;
    let batches = reader.many(|reader| {
        let at = i64::try_from(reader.number()?).ok()?;
        let commands = reader.many(|reader| reader.many(Reader::step))?;
        number += 1;
        Some(LoggedBatch {
            number: number - 1,
            at: Timestamp::from_millis(name.first_at.millis().checked_add(at)?),
            commands,
        })
    })?;
    let whole = reader.0.is_empty() && number == name.last + 1;
    let known = batches
        .iter()
        .flat_map(|batch| batch.commands.iter().flatten())
        .all(|step| step.text < numbers.len());
    (whole && known).then_some((numbers, batches))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::seal::tests::Toy;
    use crate::params;

    const OURS: Toy = Toy([1; 8]);
    const TEXTS: [&str; 2] = ["INSERT a", "DELETE b"];

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    const fn name() -> SegmentName {
        let at = Timestamp::from_millis;
        SegmentName { number: 4, first: 8, last: 10, first_at: at(10), last_at: at(12) }
    }

    fn batches() -> Vec<Batch> {
        let mut steps = Steps::default();
        steps.exactly(300, TEXTS[0], params![None::<i64>, i64::MIN, "é", [7_u8; 200].as_slice()]);
        steps.any(TEXTS[1], params![]);
        (0..3).map(|n| Batch { at: at(10 + n), commands: vec![steps.clone(); 2], bytes: 0 }).collect()
    }

    fn written(generation: &GenerationName, by: &Toy) -> (Vec<u8>, [u8; 32]) {
        let place = Place { generation, name: name(), after: Some([9; 32]) };
        encode(&place, &batches(), by, &Statements::and(&TEXTS)).unwrap()
    }

    fn generation(number: u64) -> GenerationName {
        GenerationName::new(number, at(0), "a database")
    }

    fn read(bytes: &[u8], place: &Place<'_>) -> Result<Segment, Flaw> {
        decode(bytes, place, Proof { sealer: Some(&OURS), statements: &Statements::and(&TEXTS) })
    }

    #[test]
    fn a_segment_is_read_as_it_was_written() {
        let generation = generation(2);
        let (bytes, digest) = written(&generation, &OURS);
        let place = Place { generation: &generation, name: name(), after: Some([9; 32]) };
        let segment = read(&bytes, &place).unwrap_or_else(|why| panic!("{why:?}"));
        assert_eq!((segment.digest, segment.texts), (digest, TEXTS.to_vec()));
        assert_eq!(segment.batches.iter().map(|batch| batch.number).collect::<Vec<_>>(), [8, 9, 10]);
        let [insert, delete] = &segment.batches[2].commands[1][..] else { panic!("two steps") };
        assert_eq!((insert.text, insert.exactly, delete.text, delete.exactly), (0, Some(300), 1, None));
        assert_eq!(insert.params, batches()[0].commands[0].as_slice()[0].params);
        assert_eq!(segment.batches[2].at, batches()[2].at);
        // No SQL is in it.
        assert!(!bytes.windows(6).any(|window| window == b"INSERT" || window == b"DELETE"));
    }

    #[test]
    fn whatever_was_changed_cut_off_or_misplaced_is_refused() {
        let (second, third) = (generation(2), generation(3));
        let (bytes, _) = written(&second, &OURS);
        let at = |generation, name, after| {
            read(&bytes, &Place { generation, name, after }).err().map(|why| format!("{why:?}"))
        };
        for index in 0..bytes.len() {
            let place = Place { generation: &second, name: name(), after: None };
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert!(read(&changed, &place).is_err(), "byte {index} changed");
            assert!(read(&bytes[..index], &place).is_err(), "cut off at {index}");
        }
        let said = |why: Option<String>, expected: &str| {
            assert!(why.as_ref().is_some_and(|why| why.contains(expected)), "{why:?}");
        };
        let other = SegmentName { last: 11, ..name() };
        assert_eq!(at(&second, name(), None), None);
        said(at(&third, name(), None), "is not what its name says");
        said(at(&second, other, None), "is not what its name says");
        said(at(&second, name(), Some([8; 32])), "does not follow the segment before it");
        // Another database's generation of the same number.
        let namesake = GenerationName::new(2, Timestamp::from_millis(0), "another");
        said(at(&namesake, name(), None), "Wrong");
    }

    #[test]
    fn what_nobody_sealed_or_somebody_else_did_is_refused_before_it_is_parsed() {
        let generation = generation(2);
        let place = Place { generation: &generation, name: name(), after: None };
        let (theirs, _) = written(&generation, &Toy([2; 8]));
        assert_eq!(read(&theirs, &place).err(), Some(Flaw::Unproven(SealFailure::AnotherKey([2; 8]))));
        // A body that is none, with the right digest: as whoever can write to the target would make it.
        let mut forged = head(&place, &[9; 32]);
        forged.extend_from_slice(b"whatever they like");
        let digest = sha256(&forged);
        let mut earlier = forged.clone();
        forged.extend_from_slice(&digest);
        forged.extend_from_slice(&Seal { key: [1; 8], mac: [0; 32] }.to_bytes());
        assert_eq!(read(&forged, &place).err(), Some(Flaw::Unproven(SealFailure::Wrong)));
        earlier[..8].copy_from_slice(BEFORE_SEALS);
        assert_eq!(read(&earlier, &place).err(), Some(Flaw::Unproven(SealFailure::Missing)));
        // Where nobody asks who wrote it, all else is asked still.
        let statements = Statements::and(&TEXTS);
        let unproven = |bytes: &[u8], statements: &Statements| {
            decode(bytes, &place, Proof { sealer: None, statements }).err()
        };
        assert_eq!(unproven(&theirs, &statements), None);
        assert!(matches!(unproven(&forged, &statements), Some(Flaw::Damaged(_))));
        let unknown = format!("{:?}", unproven(&theirs, &Statements::ours()));
        assert!(unknown.contains("a statement this program does not know"), "{unknown}");
    }

    #[test]
    fn a_statement_that_could_not_be_replayed_is_not_written() {
        let generation = generation(2);
        let place = Place { generation: &generation, name: name(), after: None };
        let refused = encode(&place, &batches(), &OURS, &Statements::and(&TEXTS[..1])).unwrap_err();
        assert!(refused.to_string().ends_with("DELETE b"), "{refused}");
    }
}
