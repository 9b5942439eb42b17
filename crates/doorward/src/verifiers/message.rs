//! What is said, in bytes: questions and answers, each kind of one length. Knows no HTTP, no secret and no password pool.

use super::replays::Mark;
use passwords::{Argon2Params, Done, OnBehalfOf, Terms, Verdict, Work};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;
use zeroize::Zeroizing;

/// What a question is sealed for.
pub(super) const QUESTION: &str = "doorward worker question v1";
/// A question, before it is sealed: the longest password and the longest stored hash fit.
const QUESTION_BYTES: usize = 2048;
/// An answer, before it is sealed: a new hash fits.
const ANSWER_BYTES: usize = 256;
/// A sealed question, and some room for a later version's.
pub(crate) const MOST_QUESTION_BYTES: usize = 2 * QUESTION_BYTES;
/// A sealed answer, and some room.
pub(super) const MOST_ANSWER_BYTES: usize = 2 * ANSWER_BYTES;

/// What comes before the work: on which terms, when, and a mark that makes the question one of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) asked_at: i64,
    pub(super) mark: Mark,
    pub(super) terms: Terms,
}

/// An answer, and how many passwords the worker hashes at once.
pub(super) struct Answer {
    pub(super) done: Done,
    pub(super) threads: usize,
}

/// What an answer is sealed for: one for another question does not open.
pub(super) fn answer_to(mark: &Mark) -> String {
    let mark: String = mark.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("doorward worker answer v1 to {mark}")
}

/// A question. Nothing when password or hash are longer than any that is accepted.
pub(super) fn question(head: &Head, work: &Work) -> Option<Zeroizing<Vec<u8>>> {
    let mut writer = Writer::new(QUESTION_BYTES);
    let (kind, password, stored) = match work {
        Work::Verify { password, stored: None } => (0, password.expose_secret(), ""),
        Work::Verify { password, stored: Some(stored) } => (1, password.expose_secret(), stored.as_str()),
        Work::Hash { password } => (2, password.expose_secret(), ""),
        Work::Nothing => (3, "", ""),
    };
    writer.put(&[kind]);
    writer.put(&head.asked_at.to_be_bytes());
    writer.put(&head.mark);
    let Argon2Params { memory_kib, iterations, parallelism } = head.terms.params;
    for number in [memory_kib, iterations, parallelism, millis(head.terms.max_wait)] {
        writer.put(&number.to_be_bytes());
    }
    let OnBehalfOf { client, address } = head.terms.on_behalf_of;
    writer.put(&client.to_be_bytes());
    writer.put(&address.to_be_bytes());
    writer.text(password);
    writer.text(stored);
    writer.finish()
}

/// Reads a question. Nothing when it is damaged, or from a version that speaks otherwise.
pub(super) fn read_question(bytes: &[u8]) -> Option<(Head, Work)> {
    let mut reader = Reader(bytes);
    let kind = reader.take::<1>()?;
    let asked_at = i64::from_be_bytes(reader.take()?);
    let mark = reader.take()?;
    let [memory_kib, iterations, parallelism, max_wait] =
        [reader.number()?, reader.number()?, reader.number()?, reader.number()?];
    let (client, address) = (u64::from_be_bytes(reader.take()?), u64::from_be_bytes(reader.take()?));
    let password = SecretString::from(reader.text()?);
    let stored = reader.text()?;
    let work = match kind {
        [0] => Work::Verify { password, stored: None },
        [1] => Work::Verify { password, stored: Some(stored.to_owned()) },
        [2] => Work::Hash { password },
        [3] => Work::Nothing,
        _ => return None,
    };
    let params = Argon2Params { memory_kib, iterations, parallelism };
    params.validate().ok()?;
    let max_wait = Duration::from_millis(max_wait.into());
    let terms = Terms { params, max_wait, on_behalf_of: OnBehalfOf { client, address } };
    Some((Head { asked_at, mark, terms }, work))
}

impl Answer {
    pub(super) fn to_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut writer = Writer::new(ANSWER_BYTES);
        let (kind, text) = match &self.done {
            Done::Verdict(Verdict::Wrong) => (0, ""),
            Done::Verdict(Verdict::Right) => (1, ""),
            Done::Verdict(Verdict::RightAndUpgraded(hash)) => (2, hash.as_str()),
            Done::Hash(hash) => (3, hash.as_str()),
            Done::Nothing => (4, ""),
        };
        writer.put(&[kind]);
        writer.put(&u32::try_from(self.threads).unwrap_or(u32::MAX).to_be_bytes());
        writer.text(text);
        writer.finish()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let kind = reader.take::<1>()?;
        let threads = usize::try_from(reader.number()?).ok()?;
        let text = reader.text()?;
        let done = match kind {
            [0] => Done::Verdict(Verdict::Wrong),
            [1] => Done::Verdict(Verdict::Right),
            [2] => Done::Verdict(Verdict::RightAndUpgraded(text.to_owned())),
            [3] => Done::Hash(text.to_owned()),
            [4] => Done::Nothing,
            _ => return None,
        };
        Some(Self { done, threads })
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Writes into room that is all there from the start: growing would leave copies behind, unwiped.
struct Writer {
    bytes: Zeroizing<Vec<u8>>,
    length: usize,
    fits: bool,
}

impl Writer {
    fn new(length: usize) -> Self {
        Self { bytes: Zeroizing::new(Vec::with_capacity(length)), length, fits: true }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.fits &= self.bytes.len() + bytes.len() <= self.length;
        if self.fits {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn text(&mut self, text: &str) {
        let length = u16::try_from(text.len());
        self.fits &= length.is_ok();
        self.put(&length.unwrap_or(u16::MAX).to_be_bytes());
        self.put(text.as_bytes());
    }

    fn finish(mut self) -> Option<Zeroizing<Vec<u8>>> {
        self.bytes.resize(self.length, 0);
        self.fits.then_some(self.bytes)
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(u16::from_be_bytes(self.take()?));
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: Head = Head {
        asked_at: -5,
        mark: [7; 16],
        terms: Terms {
            params: Argon2Params { memory_kib: 19_456, iterations: 2, parallelism: 1 },
            max_wait: Duration::from_millis(1_234),
            on_behalf_of: OnBehalfOf { client: 5, address: u64::MAX },
        },
    };

    fn verify(password: &str, stored: Option<&str>) -> Work {
        Work::Verify { password: SecretString::from(password), stored: stored.map(str::to_owned) }
    }

    #[test]
    fn every_question_and_every_answer_is_as_long_as_the_next() {
        let longest = ("p".repeat(1024), "h".repeat(512));
        for work in [verify("", None), verify(&longest.0, Some(&longest.1)), Work::Nothing] {
            assert_eq!(question(&HEAD, &work).map(|bytes| bytes.len()), Some(QUESTION_BYTES));
        }
        assert!(question(&HEAD, &verify(&"p".repeat(2048), None)).is_none());
        for done in [
            Done::Nothing,
            Done::Verdict(Verdict::Wrong),
            Done::Verdict(Verdict::RightAndUpgraded("h".repeat(200))),
        ] {
            assert_eq!(Answer { done, threads: 2 }.to_bytes().map(|bytes| bytes.len()), Some(ANSWER_BYTES));
        }
    }

    proptest! {
        #[test]
        fn a_question_is_read_as_it_was_written(password in "\\PC{0,80}", stored in prop::option::of("\\PC{0,80}")) {
            let bytes = question(&HEAD, &verify(&password, stored.as_deref())).expect("it fits");
            let (head, work) = read_question(&bytes).expect("it is whole");
            prop_assert_eq!(head, HEAD);
            let Work::Verify { password: found, stored: found_hash } = work else { panic!("another kind of work") };
            prop_assert_eq!((found.expose_secret(), found_hash), (password.as_str(), stored));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
            let _ = read_question(&bytes);
            let _ = Answer::from_bytes(&bytes);
        }
    }

    #[test]
    fn answers_are_read_as_they_were_written() {
        for done in [
            Done::Verdict(Verdict::Wrong),
            Done::Verdict(Verdict::Right),
            Done::Verdict(Verdict::RightAndUpgraded("$argon2id$..".to_owned())),
            Done::Hash("$argon2id$..".to_owned()),
            Done::Nothing,
        ] {
            let bytes = Answer { done: done.clone(), threads: 3 }.to_bytes().expect("it fits");
            let read = Answer::from_bytes(&bytes).expect("it is whole");
            assert!(read.done == done && read.threads == 3);
        }
    }
}
