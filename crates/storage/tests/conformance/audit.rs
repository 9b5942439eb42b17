//! Audit events: written with the change they tell of or not at all, and moved into one block each, whoever moves them.

use crate::engines::Engine;
use crate::fixture::{Do, SPEND, any, at, id, insert, one};
use protocol::AuditEventId;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use storage::audit::{
    AddAuditEvents, AuditBlock, AuditBlocksAfter, AuditHeadsAfter, Audited, ForgetAuditBlocks, NewAuditEvent,
    NewestAuditHead, SealAuditEvents, UnsealedAuditEvents,
};
use storage::{Store, params};

on_every_engine![
    an_event_is_there_exactly_when_its_change_is,
    an_event_is_in_one_block_whoever_seals,
    an_event_that_arrives_late_is_sealed_later,
    the_oldest_blocks_are_forgotten,
];

/// An event that happened at a millisecond; the number tells those of one millisecond apart.
fn event(millis: i64, number: u8) -> NewAuditEvent {
    let id = AuditEventId::new(at(millis), [number; 10]);
    NewAuditEvent { id, line: format!(r#"{{"naïve":"🚪 {millis} {number}"}}"#) }
}

fn before(millis: i64) -> UnsealedAuditEvents {
    UnsealedAuditEvents { before: AuditEventId::new(at(millis), [0; 10]), limit: 100 }
}

async fn unsealed(store: &Store) -> Vec<NewAuditEvent> {
    store.read(before(i64::from(u32::MAX))).await.unwrap()
}

/// Seals what is there under a number, as a node does.
fn sealing(number: i64, events: &[NewAuditEvent]) -> SealAuditEvents {
    let (first, last) = (events.first().unwrap().id, events.last().unwrap().id);
    let lines = events.iter().map(|event| format!("{}\n", event.line)).collect();
    let block = AuditBlock { number, events: lines, head: format!("head {number}") };
    SealAuditEvents { block, first, last, count: events.len() as u64 }
}

async fn an_event_is_there_exactly_when_its_change_is(engine: Engine) {
    let site = engine.open().await;
    let other = site.another_node_if_any(engine).await;
    for number in 0..8 {
        assert!(site.store.write(Do(vec![insert(number)])).await.unwrap().is_done());
    }
    // Each link is spent five times at once, on two nodes, in commands of one step and of several, so that batches hold refused ones.
    let attempts = (0..40_u8).map(|attempt| {
        let store = if attempt % 2 == 0 { site.store.clone() } else { other.clone() };
        tokio::spawn(async move {
            let spend = one(SPEND, params![at(attempt.into()), id(u64::from(attempt) / 5)]);
            let more = any("UPDATE one_time_links SET purpose = 'x' WHERE id = ?", params![id(99)]);
            let steps = if attempt % 3 == 0 { vec![more, spend] } else { vec![spend] };
            let events = vec![event(attempt.into(), 1), event(attempt.into(), 2)];
            let applied = store.write(Audited { command: Do(steps), events: events.clone() }).await.unwrap();
            applied.is_done().then_some(events)
        })
    });
    let mut told = BTreeSet::new();
    for attempt in attempts.collect::<Vec<_>>() {
        told.extend(attempt.await.unwrap().unwrap_or_default().into_iter().map(|event| event.line));
    }
    assert_eq!(told.len(), 16, "two events of each of eight links");
    let written: BTreeSet<_> = unsealed(&site.store).await.into_iter().map(|event| event.line).collect();
    assert_eq!(written, told);
    // What nobody keeps costs nothing, and events by themselves are written once.
    let silent = Audited { command: Do(vec![insert(50)]), events: Vec::new() };
    assert!(site.store.write(silent).await.unwrap().is_done());
    let alone = AddAuditEvents(vec![event(100, 1), event(101, 1)]);
    assert!(site.store.write(alone.clone()).await.unwrap());
    assert!(!other.write(alone).await.unwrap());
    assert_eq!(unsealed(&other).await.len(), 18);
}

async fn an_event_is_in_one_block_whoever_seals(engine: Engine) {
    let site = engine.open().await;
    let other = site.another_node_if_any(engine).await;
    let writing = tokio::spawn({
        let store = site.store.clone();
        async move {
            for number in 0..120_u8 {
                let events = vec![event(number.into(), number)];
                store.write(AddAuditEvents(events)).await.unwrap();
            }
        }
    });
    // Until everything was written and nothing is left: how often that is depends on the machine.
    let all_written = Arc::new(AtomicBool::new(false));
    let seal = |store: Store| {
        let all_written = Arc::clone(&all_written);
        tokio::spawn(async move {
            loop {
                let is_last_look = all_written.load(SeqCst);
                let newest = store.read(NewestAuditHead).await.unwrap();
                let events = store.read(before(1_000)).await.unwrap();
                let number = newest.map_or(1, |head| head.number + 1);
                if !events.is_empty() {
                    store.write(sealing(number, &events)).await.unwrap();
                } else if is_last_look {
                    break;
                }
                tokio::task::yield_now().await;
            }
        })
    };
    let sealers = [seal(site.store.clone()), seal(other.clone())];
    writing.await.unwrap();
    all_written.store(true, SeqCst);
    for sealer in sealers {
        sealer.await.unwrap();
    }
    assert_eq!(unsealed(&site.store).await, []);
    let mut lines: Vec<String> = Vec::new();
    let mut after = 0;
    loop {
        let blocks = other.read(AuditBlocksAfter { after, limit: 7 }).await.unwrap();
        if blocks.is_empty() {
            break;
        }
        for block in blocks {
            after += 1;
            assert_eq!((block.number, block.head.as_str()), (after, format!("head {after}").as_str()));
            lines.extend(block.events.lines().map(str::to_owned));
        }
    }
    // A look sees 100 at most.
    assert!(after > 1);
    lines.sort_unstable();
    let mut expected: Vec<String> = (0..120_u8).map(|number| event(number.into(), number).line).collect();
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

async fn an_event_that_arrives_late_is_sealed_later(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    store.write(AddAuditEvents(vec![event(10, 1), event(20, 1), event(30, 1)])).await.unwrap();
    let read = store.read(before(30)).await.unwrap();
    assert_eq!(read, [event(10, 1), event(20, 1)]);
    store.write(AddAuditEvents(vec![event(15, 1)])).await.unwrap();
    assert!(!store.write(sealing(1, &read)).await.unwrap(), "another event is there between the two");
    assert_eq!(store.read(NewestAuditHead).await.unwrap(), None);
    let read = store.read(before(30)).await.unwrap();
    assert!(store.write(sealing(1, &read)).await.unwrap());
    store.write(AddAuditEvents(vec![event(5, 1)])).await.unwrap();
    let rest = unsealed(store).await;
    assert_eq!(rest, [event(5, 1), event(30, 1)]);
    assert!(!store.write(sealing(1, &rest)).await.unwrap(), "the number is taken");
    assert!(store.write(sealing(2, &rest)).await.unwrap());
    assert!(unsealed(store).await.is_empty());
    let blocks = store.read(AuditBlocksAfter { after: 1, limit: 10 }).await.unwrap();
    assert_eq!(blocks, [sealing(2, &rest).block]);
}

async fn the_oldest_blocks_are_forgotten(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    for number in 1..=5_u8 {
        let events = [event(number.into(), number)];
        store.write(AddAuditEvents(events.to_vec())).await.unwrap();
        assert!(store.write(sealing(number.into(), &events)).await.unwrap());
    }
    store.write(ForgetAuditBlocks { through: 3 }).await.unwrap();
    let heads = store.read(AuditHeadsAfter { after: 0, limit: 10 }).await.unwrap();
    assert_eq!(heads.iter().map(|head| head.number).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(store.read(NewestAuditHead).await.unwrap(), heads.last().cloned());
}
