//! The chain that events end up in: each in one block, whoever seals; what is missing shows; what is old is forgotten, and that shows, too.
//! And the buffer of events that tell of no change: bounded, batched, counted.

use crate::house::{House, new_ctx, now, pass_seconds};
use crate::nodes::{databases, nodes};
use futures_util::FutureExt as _;
use protocol::{Role, Timestamp};
use provider::{AuditBreak, AuditChain, AuditLevel, AuditVerdict, Provider};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use storage::archive::parse_moment;
use storage::audit::{AuditBlock, ForgetAuditBlocks};
use tokio::time::Instant;

const DAY: u64 = 86_400;

async fn blocks(provider: &Provider) -> Vec<AuditBlock> {
    let mut all = Vec::new();
    loop {
        let page =
            provider.audit_blocks(all.last().map_or(0, |block: &AuditBlock| block.number)).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

async fn verified(provider: &Provider) -> Result<AuditVerdict, AuditBreak> {
    let mut chain = AuditChain::of(provider.audit_key().clone());
    for block in blocks(provider).await {
        chain.next(&block)?;
    }
    chain.end()
}

/// Everything that was written until now goes into the chain.
async fn seal(house: &House) -> u64 {
    house.provider.flush_audit().await.unwrap();
    house.provider.seal_audit(&new_ctx(None), now() + Duration::from_millis(1)).await.unwrap()
}

async fn events(provider: &Provider) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for block in blocks(provider).await {
        for line in block.events.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            *counts.entry(event["event"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    counts
}

#[tokio::test]
async fn two_nodes_seal_each_event_once_into_one_chain() {
    for (engine, shared) in databases().await {
        let [one, other] = nodes(&shared).await;
        one.add_user("alice").await;
        one.acme().await;
        let acme = &"acme".parse().unwrap();
        let changing = async |house: &House| {
            for role in [Role::Member, Role::Admin].into_iter().cycle().take(40) {
                // In one instant, ids are in no order, and most attempts to seal would be refused.
                pass_seconds(1);
                house.provider.set_member(&new_ctx(None), acme, "alice", role).await.unwrap();
            }
        };
        let sealing = async |house: &House| {
            for _ in 0..25 {
                seal(house).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::join!(changing(&one), changing(&other), sealing(&one), sealing(&other));
        seal(&one).await;
        assert_eq!(seal(&other).await, 0, "{engine}: nothing is left");
        let verdict = verified(&other.provider).await.unwrap();
        let counts = events(&one.provider).await;
        assert_eq!(counts["MemberSet"], 80, "{engine}");
        assert_eq!(verdict.events, counts.values().sum::<usize>() as u64, "{engine}");
        assert!(verdict.last > 3, "{engine}: {verdict:?}");
    }
}

#[tokio::test]
async fn a_missing_end_shows_while_the_process_that_sealed_it_lives() {
    let house = House::open().await;
    for username in ["carol", "dave", "erin"] {
        house.add_user(username).await;
        seal(&house).await;
    }
    let all = blocks(&house.provider).await;
    // Somebody empties the table, and the server goes on.
    house.provider.store().write(ForgetAuditBlocks { through: 3 }).await.unwrap();
    house.add_user("frank").await;
    seal(&house).await;
    let rest = blocks(&house.provider).await;
    assert_eq!(rest.iter().map(|block| block.number).collect::<Vec<_>>(), [4]);
    assert_eq!(verified(&house.provider).await, Err(AuditBreak::BeginningMissing { first: 4 }));
    // A head that was kept shows it, even where everything begins anew.
    let house = house.restart().await;
    house.provider.store().write(ForgetAuditBlocks { through: 9 }).await.unwrap();
    house.add_user("grace").await;
    seal(&house).await;
    assert_eq!(verified(&house.provider).await.unwrap().last, 1, "it begins anew, and is sound");
    let mut chain = AuditChain::of(house.provider.audit_key().clone());
    chain.must_hold(&all[2].head).unwrap();
    chain.next(&blocks(&house.provider).await[0]).unwrap();
    assert_eq!(chain.end(), Err(AuditBreak::EndMissing { number: 3, newest: 1 }));
}

#[tokio::test]
async fn a_restart_goes_on_with_the_chain_and_its_key() {
    let house = House::open().await;
    seal(&house).await;
    let house = house.restart().await;
    house.add_user("carol").await;
    seal(&house).await;
    let verdict = verified(&house.provider).await.unwrap();
    // Two keys, two users; then one more.
    assert_eq!((verdict.first, verdict.last, verdict.events), (1, 2, 5));
}

#[tokio::test]
async fn what_is_older_than_is_kept_is_forgotten_and_what_is_left_is_sound() {
    let house = House::with(|plan| plan.settings.audit_kept_for = Some(Duration::from_secs(10 * DAY))).await;
    for day in 0..30_u64 {
        house.add_user(&format!("user-{day}")).await;
        seal(&house).await;
        house.provider.forget_audit(&new_ctx(None)).await.unwrap();
        seal(&house).await;
        let verdict = verified(&house.provider).await.unwrap();
        // By whole days: nothing that is to be kept is gone, and nothing is left for a day longer.
        let age = now().since(oldest(&house).await).as_secs();
        assert!(age < 11 * DAY && age >= day.min(10) * DAY, "day {day}: {age}");
        assert_eq!(verdict.first > 1, day > 10, "day {day}");
        pass_seconds(DAY);
    }
    // A second look at the same day has nothing to forget, and says nothing.
    seal(&house).await;
    house.provider.forget_audit(&new_ctx(None)).await.unwrap();
    seal(&house).await;
    house.provider.forget_audit(&new_ctx(None)).await.unwrap();
    assert_eq!(seal(&house).await, 0);
    // Nobody came for a long time: the newest block stays, and the chain goes on from it.
    pass_seconds(100 * DAY);
    house.provider.forget_audit(&new_ctx(None)).await.unwrap();
    seal(&house).await;
    let verdict = verified(&house.provider).await.unwrap();
    assert_eq!(verdict.last - verdict.first, 1, "{verdict:?}");
    // What is cut off at the beginning by somebody else is not allowed by any record.
    let through = verdict.first;
    house.provider.store().write(ForgetAuditBlocks { through }).await.unwrap();
    let first = through + 1;
    assert_eq!(verified(&house.provider).await, Err(AuditBreak::BeginningMissing { first }));
}

#[tokio::test]
async fn what_is_kept_for_ever_is_not_forgotten() {
    let house = House::open().await;
    seal(&house).await;
    pass_seconds(10_000 * DAY);
    house.provider.forget_audit(&new_ctx(None)).await.unwrap();
    assert_eq!(verified(&house.provider).await.unwrap().first, 1);
}

/// When the oldest event that is left happened.
async fn oldest(house: &House) -> Timestamp {
    let blocks = blocks(&house.provider).await;
    let event: Value = serde_json::from_str(blocks[0].events.lines().next().unwrap()).unwrap();
    parse_moment(event["time"].as_str().unwrap()).unwrap()
}

async fn refuse(house: &House, times: usize) {
    for _ in 0..times {
        house.provider.userinfo(&new_ctx(None), "nonsense").await.unwrap_err();
    }
}

#[tokio::test]
async fn uses_are_batched_and_what_does_not_fit_is_counted() {
    let house = House::with(|plan| plan.settings.audit = AuditLevel::All).await;
    seal(&house).await;
    let commands = |house: &House| house.provider.store().stats().commands;
    let before = commands(&house);
    refuse(&house, 10_050).await;
    assert_eq!(commands(&house), before, "nobody who asked has waited for a write");
    let counts = house.provider.audit_counts();
    assert_eq!((counts.waiting, counts.dropped), (10_000, 50));
    house.provider.flush_audit().await.unwrap();
    assert_eq!(commands(&house) - before, 100, "a hundred each");
    assert_eq!(house.provider.audit_counts().waiting, 0);
    assert_eq!(seal(&house).await, 10_000);
    assert_eq!(events(&house.provider).await["CredentialRefused"], 10_000);
    let largest = blocks(&house.provider).await.iter().map(|block| block.events.len()).max().unwrap();
    assert!(largest <= 128 * 1024, "{largest}");
    verified(&house.provider).await.unwrap();
    assert_eq!(house.provider.audit_counts().dropped, 50, "what was lost stays counted");
}

#[tokio::test]
async fn a_full_batch_is_written_at_once_and_a_lone_event_after_a_second() {
    let house = House::with(|plan| plan.settings.audit = AuditLevel::All).await;
    refuse(&house, 100).await;
    assert!(house.provider.audit_batch().now_or_never().is_some(), "it waits for more");
    house.provider.flush_audit().await.unwrap();
    refuse(&house, 1).await;
    let began = Instant::now();
    house.provider.audit_batch().await;
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(900), "{waited:?}");
    house.provider.flush_audit().await.unwrap();
    let nothing = tokio::time::timeout(Duration::from_millis(50), house.provider.audit_batch());
    assert!(nothing.await.is_err(), "while there is nothing, nothing is to be done");
}
