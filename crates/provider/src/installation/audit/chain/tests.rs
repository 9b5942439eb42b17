//! Whoever writes to the database, but has not the master key: everything they do to sealed blocks is found, but for cutting off the end,
//! which takes a head that was kept elsewhere.

use super::AuditBreak as B;
use super::*;
use crypto::{PrivateKey, SeededRandom};
use protocol::SigningAlgorithm;

const ISSUER: &str = "https://id.example";

fn key(seed: u64) -> SigningKey {
    let random = &mut SeededRandom::new(seed);
    SigningKey::new(PrivateKey::generate(SigningAlgorithm::EdDsa, random).unwrap())
}

/// A block after these, signed with this key.
fn after(blocks: &[AuditBlock], key: &SigningKey, lines: &[&str]) -> AuditBlock {
    let previous = blocks.last().map(|block| {
        let AuditBlock { number, head, .. } = block.clone();
        Previous::from(&AuditHead { number, head })
    });
    seal(key, ISSUER, previous, lines, Timestamp::from_seconds(blocks.len() as i64)).unwrap()
}

fn chain_of(names: &[&str]) -> Vec<AuditBlock> {
    let mut blocks = Vec::new();
    for name in names {
        let lines = ["first", "second", "third"].map(|which| format!(r#"{{"event":"{name} {which}"}}"#));
        let lines = lines.each_ref().map(String::as_str);
        blocks.push(after(&blocks, &key(1), &lines));
    }
    blocks
}

fn chain() -> Vec<AuditBlock> {
    chain_of(&["a", "b", "c", "d", "e"])
}

fn checked(blocks: &[AuditBlock], kept: Option<&str>) -> Result<AuditVerdict, AuditBreak> {
    let mut chain = AuditChain::of(key(1).public_jwk().clone());
    if let Some(kept) = kept {
        chain.must_hold(kept)?;
    }
    for block in blocks {
        chain.next(block)?;
    }
    chain.end()
}

type Blocks = Vec<AuditBlock>;

fn swap_events(blocks: &mut Blocks) {
    let events = std::mem::take(&mut blocks[1].events);
    blocks[1].events = std::mem::replace(&mut blocks[3].events, events);
}

/// Gives rows other numbers than they had.
fn renumber(blocks: &mut Blocks, numbers: [usize; 5]) {
    let before = blocks.clone();
    for (block, from) in blocks.iter_mut().zip(numbers) {
        (block.events, block.head) = (before[from - 1].events.clone(), before[from - 1].head.clone());
    }
}

/// What is done, how, and what it is found to be.
type Case = (&'static str, fn(&mut Blocks), fn(&AuditBreak) -> bool);

const CASES: &[Case] = &[
    (
        "altered",
        |blocks| blocks[2].events = blocks[2].events.replace("second", "secret"),
        |found| *found == B::EventsChanged { number: 3 },
    ),
    (
        "deleted",
        |blocks| blocks[2].events = blocks[2].events.lines().skip(1).map(|l| format!("{l}\n")).collect(),
        |found| *found == B::EventsChanged { number: 3 },
    ),
    (
        "inserted",
        |blocks| blocks[0].events.push_str("{\"event\":\"x\"}\n"),
        |found| *found == B::EventsChanged { number: 1 },
    ),
    (
        "reordered",
        |blocks| blocks[4].events = blocks[4].events.lines().rev().map(|l| format!("{l}\n")).collect(),
        |found| *found == B::EventsChanged { number: 5 },
    ),
    (
        "the end of a line",
        |blocks| _ = blocks[4].events.pop(),
        |found| *found == B::EventsChanged { number: 5 },
    ),
    ("moved to another block", swap_events, |found| *found == B::EventsChanged { number: 2 }),
    (
        "a block removed",
        |blocks| _ = blocks.remove(2),
        |found| *found == B::Missing { expected: 3, found: 4 },
    ),
    (
        "a block removed and the rest renumbered",
        |blocks| renumber(blocks, [1, 2, 4, 5, 5]),
        |found| *found == B::HeadOfAnother { number: 3, says: 4 },
    ),
    (
        "blocks exchanged",
        |blocks| renumber(blocks, [1, 4, 3, 2, 5]),
        |found| *found == B::HeadOfAnother { number: 2, says: 4 },
    ),
    (
        "heads exchanged",
        |blocks| {
            let head = std::mem::take(&mut blocks[1].head);
            blocks[1].head = std::mem::replace(&mut blocks[2].head, head);
        },
        |found| *found == B::HeadOfAnother { number: 2, says: 3 },
    ),
    (
        "a block repeated at the end",
        |blocks| blocks.push(AuditBlock { number: 6, ..blocks[4].clone() }),
        |found| *found == B::HeadOfAnother { number: 6, says: 5 },
    ),
    (
        "the oldest blocks removed",
        |blocks| drop(blocks.drain(..2)),
        |found| *found == B::BeginningMissing { first: 3 },
    ),
    (
        "a block signed with another key",
        |blocks| blocks[4] = after(&blocks[..4], &key(2), &["{}"]),
        |found| matches!(found, B::BlockForged { number: 5, .. }),
    ),
    (
        "all of it made anew with another key",
        |blocks| {
            for index in 0..blocks.len() {
                blocks[index] = after(&blocks[..index], &key(2), &["{}"]);
            }
        },
        |found| matches!(found, B::BlockForged { number: 1, .. }),
    ),
    (
        "a signature changed",
        |blocks| {
            let end = blocks[3].head.len();
            blocks[3].head.replace_range(end - 8..end - 4, "AAAA");
        },
        |found| matches!(found, B::BlockForged { number: 4, .. }),
    ),
    (
        "a head without a signature",
        |blocks| blocks[3].head = "e30.e30.".to_owned(),
        |found| matches!(found, B::BlockForged { number: 4, .. }),
    ),
    (
        "a head of another kind of token, signed with the key",
        |blocks| blocks[0].head = key(1).sign(TokenType::AuditRecord, br#"{"number":1}"#),
        |found| matches!(found, B::BlockForged { number: 1, .. }),
    ),
    (
        "a block of an older copy of the installation",
        |blocks| blocks[2] = chain_of(&["a", "other", "c"])[2].clone(),
        |found| *found == B::NotLinked { number: 3 },
    ),
    (
        "a block that does not say what was before it",
        |blocks| {
            let mut lone = after(&[], &key(1), &["{}"]);
            let head = Head { number: 2, ..read_head(key(1).public_jwk(), &lone.head).unwrap() };
            lone.head = key(1).sign(TokenType::AuditHead, &serde_json::to_vec(&head).unwrap());
            blocks[1] = AuditBlock { number: 2, ..lone };
        },
        |found| *found == B::NotLinked { number: 2 },
    ),
];

#[test]
fn what_is_done_to_sealed_events_is_found_and_named() {
    for (what, change, expected) in CASES {
        let mut blocks = chain();
        change(&mut blocks);
        let found = checked(&blocks, None).expect_err(what);
        assert!(expected(&found), "{what}: {found}");
    }
    let sound = checked(&chain(), None).unwrap();
    assert_eq!((sound.first, sound.last, sound.events), (1, 5, 15));
    assert_eq!(checked(&[], None), Ok(AuditVerdict::default()));
}

#[test]
fn a_head_that_was_kept_shows_that_the_end_is_missing_or_another() {
    let blocks = chain();
    for (number, kept) in (1..).zip(&blocks) {
        let found = checked(&blocks, Some(&kept.head)).unwrap();
        assert_eq!((found.kept_found, found.kept_forgotten), (1, 0), "{number}");
    }
    // Without one, cutting off the end leaves a sound chain.
    assert_eq!(checked(&blocks[..3], None).unwrap().last, 3);
    let kept = blocks[4].head.as_str();
    assert_eq!(checked(&blocks[..3], Some(kept)), Err(AuditBreak::EndMissing { number: 5, newest: 3 }));
    assert_eq!(checked(&[], Some(kept)), Err(AuditBreak::EndMissing { number: 5, newest: 0 }));
    // Somebody put an old copy back, and it went on from there.
    let other = chain_of(&["a", "b", "c", "x", "y", "z"]);
    assert_eq!(checked(&other, Some(kept)), Err(AuditBreak::OtherThanKept { number: 5 }));
    let foreign = after(&[], &key(2), &["{}"]).head;
    assert!(matches!(checked(&blocks, Some(&foreign)), Err(AuditBreak::HeadForged { .. })));
}

/// The line of an event that says that blocks may be gone.
fn record(signer: &SigningKey, typ: TokenType, through: i64, head: &str) -> String {
    let record = Forgotten { iss: ISSUER.to_owned(), through, head_sha256: hex_sha256(head) };
    let record = signer.sign(typ, &serde_json::to_vec(&record).unwrap());
    format!(r#"{{"event":"AuditBlocksForgotten","record":"{record}"}}"#)
}

#[test]
fn the_beginning_may_be_missing_as_far_as_a_signed_record_says() {
    let blocks = chain();
    let of = |signer: SigningKey, typ, through: i64, head: &str| {
        let mut blocks = blocks.clone();
        let line = record(&signer, typ, through, head);
        blocks.push(after(&blocks, &key(1), &[&line]));
        blocks
    };
    let (typ, second) = (TokenType::AuditRecord, blocks[1].head.as_str());
    let recorded = of(key(1), typ, 2, second);
    assert_eq!(checked(&recorded, None).unwrap().first, 1, "nothing is gone yet");
    assert_eq!(checked(&recorded[1..], None).unwrap().first, 2, "one is");
    assert_eq!(checked(&recorded[2..], None).unwrap().first, 3, "both are");
    assert_eq!(checked(&recorded[3..], None), Err(AuditBreak::BeginningMissing { first: 4 }), "one too many");
    // A head that was kept may be among them.
    let found = checked(&recorded[2..], Some(second)).unwrap();
    assert_eq!((found.kept_found, found.kept_forgotten), (0, 1));
    for (what, blocks) in [
        ("signed with another key", of(key(2), typ, 2, second)),
        ("a head in its place", of(key(1), TokenType::AuditHead, 2, second)),
        ("of another chain", of(key(1), typ, 2, &blocks[0].head)),
        ("of fewer blocks", of(key(1), typ, 1, &blocks[0].head)),
    ] {
        let found = checked(&blocks[2..], None);
        assert_eq!(found, Err(AuditBreak::BeginningMissing { first: 3 }), "{what}");
    }
}

#[test]
fn what_is_signed_can_be_checked_with_common_tools() {
    let block = after(&chain(), &key(1), &[r#"{"event":"x"}"#]);
    let head = read_head(key(1).public_jwk(), &block.head).unwrap();
    assert_eq!(head.events_sha256, hex_sha256("{\"event\":\"x\"}\n"));
    assert_eq!(head.previous_sha256.unwrap(), hex_sha256(&chain()[4].head));
    assert_eq!(hex_sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
