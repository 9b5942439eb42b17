//! What an archive holds, from its listing: generations, bases, segments; which base a moment needs, and what nobody needs any more.

use crate::archive::layout::{self, Object};
use crate::archive::{ArchiveError, BaseName, GenerationName, SegmentName, Target, TargetError};
use protocol::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A generation that can be restored from: everything from its first moment to its last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Its name in the target.
    pub name: String,
    /// Moments of its bases, oldest first.
    pub bases: Vec<Timestamp>,
    /// The last moment it holds.
    pub until: Timestamp,
    /// Segments of its log.
    pub segments: usize,
    /// Whether a segment between is missing: then what follows it cannot be restored from the bases before it.
    pub gap: bool,
}

/// What a target holds that can be restored, oldest first.
///
/// # Errors
/// When the target does not answer.
pub fn generations(target: &dyn Target) -> Result<Vec<Generation>, TargetError> {
    Ok(Catalog::read(target)?.generations())
}

/// A listing, sorted.
pub(crate) struct Catalog(BTreeMap<GenerationName, Contents>);

#[derive(Default)]
pub(crate) struct Contents {
    /// Finished ones.
    bases: BTreeSet<BaseName>,
    segments: BTreeSet<SegmentName>,
    paths: Vec<(Object, String)>,
}

impl Catalog {
    pub(crate) fn read(target: &dyn Target) -> Result<Self, TargetError> {
        let mut generations: BTreeMap<GenerationName, Contents> = BTreeMap::new();
        for path in target.list("")? {
            if let Some((generation, object)) = layout::parse(&path) {
                let contents = generations.entry(generation).or_default();
                match object {
                    Object::Manifest(base) => drop(contents.bases.insert(base)),
                    Object::Segment(segment) => drop(contents.segments.insert(segment)),
                    Object::Part(_) => {}
                }
                contents.paths.push((object, path));
            }
        }
        Ok(Self(generations))
    }

    /// The number of the next generation.
    pub(crate) fn next_number(&self) -> u64 {
        self.0.last_key_value().map_or(1, |(newest, _)| newest.number + 1)
    }

    /// The newest base of a moment not after `at`.
    pub(crate) fn base(&self, at: Option<Timestamp>) -> Option<(&GenerationName, BaseName)> {
        self.bases().filter(|(_, base)| at.is_none_or(|at| base.at <= at)).last()
    }

    /// The newest generation that has a base.
    pub(crate) fn newest(&self) -> Option<&GenerationName> {
        self.bases().last().map(|(generation, _)| generation)
    }

    /// The oldest moment there is.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.bases().map(|(_, base)| base.at).min()
    }

    /// The segments that follow a base, in order.
    pub(crate) fn log(&self, generation: &GenerationName, base: BaseName) -> Vec<SegmentName> {
        let segments = self.0.get(generation).into_iter().flat_map(|contents| &contents.segments);
        segments.filter(|segment| segment.last > base.batch).copied().collect()
    }

    /// What no moment since `keep_from` needs: whatever lies before the newest base that is as old. In the order in which it may go.
    pub(crate) fn expendable(&self, keep_from: Timestamp) -> Vec<String> {
        let Some((needed, first)) = self.base(Some(keep_from)) else { return Vec::new() };
        let mut paths = Vec::new();
        for (generation, contents) in self.0.range(..=needed) {
            let old = contents.paths.iter().filter(|(object, _)| {
                generation < needed
                    || match object {
                        Object::Manifest(base) | Object::Part(base) => *base < first,
                        Object::Segment(segment) => segment.last <= first.batch,
                    }
            });
            paths.extend(old);
        }
        // A base is none without its manifest: one that is half removed must not look whole.
        paths.sort_by_key(|(object, _)| !matches!(object, Object::Manifest(_)));
        paths.into_iter().map(|(_, path)| path.clone()).collect()
    }

    fn bases(&self) -> impl Iterator<Item = (&GenerationName, BaseName)> {
        self.0
            .iter()
            .flat_map(|(generation, contents)| contents.bases.iter().map(move |base| (generation, *base)))
    }

    fn generations(&self) -> Vec<Generation> {
        let with_base =
            self.0.iter().filter_map(|(name, contents)| Some((name, contents, contents.bases.first()?)));
        with_base
            .map(|(name, contents, first)| {
                let log = self.log(name, *first);
                let bases: Vec<_> = contents.bases.iter().map(|base| base.at).collect();
                let ends = bases.iter().copied().chain(log.iter().map(|segment| segment.last_at));
                Generation {
                    name: name.as_str().to_owned(),
                    until: ends.max().unwrap_or(first.at),
                    bases,
                    segments: log.len(),
                    gap: !is_unbroken(*first, &log),
                }
            })
            .collect()
    }
}

impl ArchiveError {
    /// Why there is no base for a moment.
    pub(crate) fn no_base(target: &dyn Target, catalog: &Catalog, at: Option<Timestamp>) -> Self {
        let target = target.to_string();
        match (at, catalog.oldest()) {
            (Some(at), Some(oldest)) => Self::TooEarly { target, at, oldest },
            _ => Self::Empty { target },
        }
    }
}

fn is_unbroken(base: BaseName, log: &[SegmentName]) -> bool {
    let mut next = base.batch + 1;
    log.iter().enumerate().all(|(index, segment)| {
        // The base may lie within the first.
        let follows = segment.first == next || (index == 0 && segment.first <= next);
        next = segment.last + 1;
        follows
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Folder;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn base(batch: u64, millis: i64) -> BaseName {
        BaseName { batch, at: at(millis) }
    }

    fn segment(number: u64, first: u64, last: u64) -> SegmentName {
        let moment = |batch: u64| at(i64::try_from(batch).unwrap() * 10);
        SegmentName { number, first, last, first_at: moment(first), last_at: moment(last) }
    }

    #[test]
    fn the_newest_base_not_after_a_moment_is_chosen_and_only_what_nobody_needs_is_expendable() {
        let folder = tempfile::tempdir().unwrap();
        let target = Folder::at(folder.path());
        let [one, two, three] = [1, 2, 3].map(|number| GenerationName::new(number, at(0), "a"));
        let mut paths = vec![one.as_str().to_owned() + "/log/noise", "noise".to_owned()];
        for (generation, base, finished) in [
            (&one, base(0, 0), true),
            (&two, base(0, 100), true),
            (&two, base(15, 155), true),
            (&three, base(0, 300), false),
        ] {
            paths.push(base.part(generation, 0));
            paths.extend(finished.then(|| base.manifest(generation)));
        }
        for (generation, segment) in [
            (&one, segment(1, 1, 9)),
            (&two, segment(1, 1, 10)),
            (&two, segment(2, 11, 16)),
            (&two, segment(3, 17, 20)),
        ] {
            paths.push(segment.path(generation));
        }
        paths.iter().for_each(|path| target.put(path, b"x").unwrap());
        let catalog = Catalog::read(&target).unwrap();
        assert_eq!((catalog.next_number(), catalog.oldest()), (4, Some(at(0))));
        for (asked, generation, found) in
            [(Some(99), &one, base(0, 0)), (Some(100), &two, base(0, 100)), (None, &two, base(15, 155))]
        {
            assert_eq!(catalog.base(asked.map(at)), Some((generation, found)), "{asked:?}");
        }
        assert_eq!(catalog.base(Some(at(-1))), None);
        let log = catalog.log(&two, base(15, 155));
        assert_eq!(log, [segment(2, 11, 16), segment(3, 17, 20)]);
        let listed = catalog.generations();
        assert_eq!(listed.iter().map(|found| found.until).collect::<Vec<_>>(), [at(90), at(200)]);
        assert!(listed.iter().all(|found| !found.gap));

        assert_eq!(catalog.expendable(at(-1)), Vec::<String>::new());
        assert_eq!(catalog.expendable(at(99)), Vec::<String>::new());
        let first_gone = [base(0, 0).manifest(&one), base(0, 0).part(&one, 0), segment(1, 1, 9).path(&one)];
        let mut gone = catalog.expendable(at(154));
        assert_eq!(gone[0], first_gone[0]);
        gone.sort();
        let mut expected = first_gone.to_vec();
        expected.sort();
        assert_eq!(gone, expected);
        expected.extend([
            base(0, 100).manifest(&two),
            base(0, 100).part(&two, 0),
            segment(1, 1, 10).path(&two),
        ]);
        expected.sort();
        let mut gone = catalog.expendable(at(1_000));
        gone.sort();
        assert_eq!(gone, expected);

        target.delete(&segment(2, 11, 16).path(&two)).unwrap();
        assert!(Catalog::read(&target).unwrap().generations()[1].gap);
    }
}
