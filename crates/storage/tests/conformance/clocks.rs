//! Nodes whose clocks are wrong, and step while they run: what travels between nodes and who holds what does not depend on them.

use crate::engines::Engine;
use crate::fixture::Announces;
use protocol::Timestamp;
use std::time::{Duration, SystemTime};
use storage::revocation::{Revocation, RevokeAccessToken};
use storage::{Change, NewNode};
use tokio::time::Instant;

on_every_engine![clocks_an_hour_apart_lose_no_change_and_share_no_lease];

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// What a right clock says.
#[expect(
    clippy::disallowed_methods,
    reason = "the store records its commits by this clock, and others are compared with it"
)]
pub(crate) fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

async fn clocks_an_hour_apart_lose_no_change_and_share_no_lease(engine: Engine) {
    let site = engine.open().await;
    let other = if engine == Engine::Sqlite { site.store.clone() } else { site.another_node().await };
    let clocks = [wall() + HOUR, wall() - HOUR];
    let mut nodes = Vec::new();
    for (index, store) in [site.store.clone(), other].into_iter().enumerate() {
        let node = NewNode {
            id: [index as u8 + 1; 16],
            name: format!("node {index}"),
            version: "0".to_owned(),
            started_at: clocks[index],
        };
        let store = store.join(node).await.unwrap();
        let feed = store.feed().unwrap();
        nodes.push((store, feed));
    }
    let held =
        [nodes[0].0.holds_lease("sweep").await.unwrap(), nodes[1].0.holds_lease("sweep").await.unwrap()];
    assert_eq!(held, [true, false]);
    let mut revoked = Vec::new();
    for round in 0..4_u8 {
        // The clock of each steps back and forth between its commands, and both sweep by it.
        for (index, clock) in clocks.iter().enumerate() {
            let stepped = if round % 2 == 0 { *clock } else { *clock - HOUR - HOUR };
            let mut key = [7; 16];
            (key[0], key[1]) = (round, index as u8);
            let revocation =
                Revocation { id: key, revoked_at: stepped, expires_at: stepped + HOUR + HOUR + HOUR + HOUR };
            nodes[index].0.announce(RevokeAccessToken(revocation)).await.unwrap();
            nodes[index].0.sweep(stepped).await.unwrap();
            revoked.push(key);
        }
    }
    for (store, feed) in &mut nodes {
        let (mut heard, began) = (Vec::new(), Instant::now());
        while heard.len() < revoked.len() && began.elapsed() < Duration::from_secs(5) {
            let news = feed.next().await.unwrap();
            heard.extend(news.changes.iter().filter_map(|change| match change {
                Change::Revoked(revocation) => Some(revocation.id),
                _ => None,
            }));
            feed.applied(news);
        }
        heard.sort_unstable();
        revoked.sort_unstable();
        assert_eq!(heard, revoked, "each once");
        assert!(store.current().is_ok());
    }
    assert!(
        nodes[0].0.holds_lease("sweep").await.unwrap() && !nodes[1].0.holds_lease("sweep").await.unwrap()
    );
}
