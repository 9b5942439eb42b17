//! How objects of an archive are named. Names say what an object covers, so that a listing alone tells which moments can be restored.

use crate::archive::moment::compact;
use crate::archive::seal::{hex, sha256};
use protocol::Timestamp;

/// The largest number in a name: nothing that is counted from it overflows.
const MOST: u64 = 1 << 60;
/// The last moment that can be written as RFC 3339.
const LAST_MOMENT: i64 = 253_402_300_799_999;

/// A generation: `00000007-20261122T014532Z-9f86d081`. Numbers, not clocks, put them in order; the last piece says of which database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GenerationName {
    pub(crate) number: u64,
    text: String,
}

impl GenerationName {
    /// `database` is what [`Manifest::database`](crate::archive::Manifest) says.
    pub(crate) fn new(number: u64, begun_at: Timestamp, database: &str) -> Self {
        Self { number, text: format!("{number:08}-{}-{}", compact(begun_at), tag(database)) }
    }

    /// Whether it may be one of this database; those of before names said so may.
    pub(crate) fn may_be_of(&self, database: &str) -> bool {
        self.text.splitn(3, '-').nth(2).is_none_or(|found| found == tag(database))
    }

    fn parse(text: &str) -> Option<Self> {
        let (number, _) = text.split_once('-')?;
        Some(Self { number: count(number)?, text: text.to_owned() })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

/// A base: the database after a batch. `base-345-1763776532123`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BaseName {
    pub(crate) batch: u64,
    pub(crate) at: Timestamp,
}

impl BaseName {
    fn parse(text: &str) -> Option<Self> {
        let (batch, at) = text.strip_prefix("base-")?.split_once('-')?;
        Some(Self { batch: count(batch)?, at: instant(at)? })
    }

    pub(crate) fn part(self, generation: &GenerationName, index: usize) -> String {
        format!("{}/base-{}-{}/{index:05}", generation.text, self.batch, self.at.millis())
    }

    pub(crate) fn manifest(self, generation: &GenerationName) -> String {
        format!("{}/base-{}-{}/{MANIFEST}", generation.text, self.batch, self.at.millis())
    }
}

/// A segment of the log: `log/00000012.346-400.1763776532200-1763776533100`, its number, its batches, their moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentName {
    pub(crate) number: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
}

impl SegmentName {
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.splitn(3, '.');
        let number = count(fields.next()?)?;
        let (first, last) = fields.next()?.split_once('-')?;
        let (first_at, last_at) = fields.next()?.split_once('-')?;
        let (first, last) = (count(first)?, count(last)?);
        Some(Self { number, first, last, first_at: instant(first_at)?, last_at: instant(last_at)? })
    }

    pub(crate) fn path(&self, generation: &GenerationName) -> String {
        format!(
            "{}/log/{:08}.{}-{}.{}-{}",
            generation.text,
            self.number,
            self.first,
            self.last,
            self.first_at.millis(),
            self.last_at.millis()
        )
    }
}

const MANIFEST: &str = "manifest";

/// Names come from whoever can write to the target.
fn count(text: &str) -> Option<u64> {
    text.parse().ok().filter(|count| *count <= MOST)
}

fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(|millis| (0..=LAST_MOMENT).contains(millis)).map(Timestamp::from_millis)
}

/// Enough to tell the databases of one operator apart; a seal covers the name.
fn tag(database: &str) -> String {
    hex(&sha256(database.as_bytes())[..4])
}

/// What an object is, by its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Object {
    Manifest(BaseName),
    Part(BaseName),
    Segment(SegmentName),
}

/// The generation and the kind of an object; nothing when it is not one of an archive's.
pub(super) fn parse(path: &str) -> Option<(GenerationName, Object)> {
    let mut pieces = path.split('/');
    let (generation, folder, name) = (pieces.next()?, pieces.next()?, pieces.next()?);
    if pieces.next().is_some() {
        return None;
    }
    let object = match folder {
        "log" => Object::Segment(SegmentName::parse(name)?),
        _ if name == MANIFEST => Object::Manifest(BaseName::parse(folder)?),
        _ => Object::Part(BaseName::parse(folder)?),
    };
    Some((GenerationName::parse(generation)?, object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let at = |millis| Timestamp::from_millis(millis);
        let generation = GenerationName::new(7, at(1_795_310_732_123), "a database");
        let base = BaseName { batch: 345, at: at(5) };
        let segment = SegmentName { number: 12, first: 346, last: 400, first_at: at(5), last_at: at(6) };
        assert_eq!(base.part(&generation, 3), "00000007-20261122T012532Z-e152d5ae/base-345-5/00003");
        for (path, object) in [
            (base.part(&generation, 3), Object::Part(base)),
            (base.manifest(&generation), Object::Manifest(base)),
            (segment.path(&generation), Object::Segment(segment)),
        ] {
            assert_eq!(parse(&path), Some((generation.clone(), object)), "{path}");
        }
        assert!(generation.may_be_of("a database") && !generation.may_be_of("another"));
        let large = format!("{}/log/1.2-{}.4-5", generation.as_str(), u64::MAX);
        let late = format!("{}/base-1-{}/manifest", generation.as_str(), i64::MAX);
        for other in [
            "",
            &large,
            &late,
            "readme",
            "a/b/c",
            "7-x/log/1.2-3.4",
            "7-x/log/1.2-3.4-5/6",
            "7-x/base-1/manifest",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
