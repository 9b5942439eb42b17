//! Expired rows go, live rows stay, wherever they lie.

use crate::engines::{Engine, Site};
use crate::fixture::{AllLinks, Do, at, id, insert_expiring, one};
use std::time::Duration;
use storage::{Applied, Step, params};

on_every_engine![
    expired_rows_at_the_front_go_in_one_sweep,
    expired_rows_behind_many_live_ones_go_in_a_few_sweeps,
    ended_sessions_and_spent_codes_are_kept_a_while,
    sweeping_goes_on_beside_writes,
];

async fn fill(house: &Site, rows: impl IntoIterator<Item = (u64, i64)>) {
    let steps: Vec<Step> =
        rows.into_iter().map(|(number, expires_at)| insert_expiring(number, expires_at)).collect();
    assert_eq!(house.store.write(Do(steps)).await.unwrap(), Applied::Done);
}

async fn expired_rows_at_the_front_go_in_one_sweep(engine: Engine) {
    let house = engine.open().await;
    fill(&house, (0..1_500).map(|number| (number, if number < 1_234 { 100 } else { 10_000 }))).await;
    let report = house.store.sweep(at(100)).await.unwrap();
    assert_eq!(report.deleted, vec![("one_time_links", 1_234)]);
    assert_eq!(house.store.read(AllLinks).await.unwrap().len(), 1_500 - 1_234);
    assert_eq!(house.store.sweep(at(100)).await.unwrap().total(), 0);
    // The instant itself has expired, the next has not.
    assert_eq!(house.store.sweep(at(9_999)).await.unwrap().total(), 0);
    assert_eq!(house.store.sweep(at(10_000)).await.unwrap().total(), 1_500 - 1_234);
}

async fn expired_rows_behind_many_live_ones_go_in_a_few_sweeps(engine: Engine) {
    let house = engine.open().await;
    // More live rows than one sweep walks through, then expired ones, then live ones again.
    fill(
        &house,
        (0..9_000).map(|number| (number, if (6_000..6_500).contains(&number) { 100 } else { 10_000 })),
    )
    .await;
    let mut sweeps = 0;
    let mut deleted = 0;
    while deleted < 500 && sweeps < 10 {
        deleted += house.store.sweep(at(5_000)).await.unwrap().total();
        sweeps += 1;
    }
    assert_eq!(deleted, 500);
    assert!(sweeps > 1, "one sweep must not walk through every live row");
    assert!(house.store.read(AllLinks).await.unwrap().iter().all(|link| link.expires_at == 10_000));
    // The walk begins again after the end: a row that expires later at the front of it is found.
    fill(&house, [(100_000, 50)]).await;
    let mut found = 0;
    for _ in 0..12 {
        found += house.store.sweep(at(5_000)).await.unwrap().total();
    }
    assert_eq!(found, 1);
}

async fn ended_sessions_and_spent_codes_are_kept_a_while(engine: Engine) {
    const DAY: i64 = 24 * 3_600_000;
    let house = engine.open().await;
    let session = |number: u64, expires_at: i64, ended_at: Option<i64>| {
        one(
            "INSERT INTO sessions (id, secret_hash, user_id, auth_time, amr, acr, created_at, last_seen_at, expires_at, ended_at) \
             VALUES (?, ?, ?, 0, 'pwd', '', 0, 0, ?, ?)",
            params![id(number), vec![0_u8; 32], id(0), expires_at, ended_at],
        )
    };
    let steps = vec![
        session(1, 100, None),
        session(2, 100 * DAY, Some(100)),
        session(3, 100 * DAY, Some(3 * DAY)),
        session(4, 100 * DAY, None),
    ];
    assert_eq!(house.store.write(Do(steps)).await.unwrap(), Applied::Done);
    assert_eq!(house.store.sweep(at(99 + DAY)).await.unwrap().total(), 0);
    assert_eq!(house.store.sweep(at(100 + DAY)).await.unwrap().deleted, vec![("sessions", 2)]);
    assert_eq!(house.store.sweep(at(4 * DAY)).await.unwrap().deleted, vec![("sessions", 1)]);
}

async fn sweeping_goes_on_beside_writes(engine: Engine) {
    let house = engine.open().await;
    fill(&house, (0..3_000).map(|number| (number, 100))).await;
    let writer = {
        let store = house.store.clone();
        tokio::spawn(async move {
            for number in 10_000..10_300 {
                let step = insert_expiring(number, 10_000);
                assert_eq!(store.write(Do(vec![step])).await.unwrap(), Applied::Done);
            }
        })
    };
    let swept =
        tokio::time::timeout(Duration::from_secs(30), house.store.sweep(at(100))).await.unwrap().unwrap();
    writer.await.unwrap();
    assert_eq!(swept.total(), 3_000);
    assert_eq!(house.store.read(AllLinks).await.unwrap().len(), 300);
}
