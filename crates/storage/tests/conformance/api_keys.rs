//! API keys on every engine: a revoked one is revoked for everybody from the moment that was answered, whatever is written beside it, and it
//! is revoked once.

use crate::engines::{Engine, Site};
use crate::fixture::{Announces, at};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use protocol::{ApiKeyId, Client, ClientAuthentication, ClientId, Scope, SecretHash};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use storage::Store;
use storage::api_key::{AddApiKey, ApiKeyById, ListApiKeys, RevokeApiKey, StoredApiKey, TouchApiKey};
use storage::client::{AddClient, ClientAdded, RegisteredClient, RemoveClient};
use tokio::task::JoinSet;

on_every_engine![keys_live_from_add_to_sweep, a_removed_client_takes_its_keys_with_it];

fn account(id: &str) -> ClientId {
    ClientId::parse(id).unwrap()
}

async fn add_client(store: &Store, id: &str) {
    let client = Client::new(account(id), id, ClientAuthentication::ClientSecret);
    let registered = RegisteredClient::new(client);
    assert_eq!(store.write(AddClient { registered, at: at(1) }).await.unwrap(), ClientAdded::Added);
}

fn key(number: u64, client_id: &str) -> StoredApiKey {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    StoredApiKey {
        id: ApiKeyId::from_bytes(id),
        secret_hash: SecretHash::from_bytes([7; 32]),
        client_id: account(client_id),
        name: "ci 🚪".to_owned(),
        scope: Scope::parse("a b").unwrap(),
        created_at: at(10),
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    }
}

async fn keys_live_from_add_to_sweep(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    assert!(!store.write(AddApiKey(key(1, "robot"))).await.unwrap(), "no such account");
    add_client(store, "robot").await;
    let short = StoredApiKey { expires_at: Some(at(1_000)), ..key(2, "robot") };
    for key in [key(1, "robot"), short.clone()] {
        assert!(store.write(AddApiKey(key.clone())).await.unwrap());
        assert!(!store.write(AddApiKey(key)).await.unwrap(), "taken");
    }
    let stored = store.read(ApiKeyById(short.id)).await.unwrap().unwrap();
    assert_eq!(format!("{stored:?}"), format!("{short:?}"));
    assert!(stored.is_live(at(999)) && !stored.is_live(at(1_000)));

    store.write(TouchApiKey { id: short.id, at: at(50) }).await.unwrap();
    store.write(TouchApiKey { id: short.id, at: at(40) }).await.unwrap();
    assert_eq!(store.read(ApiKeyById(short.id)).await.unwrap().unwrap().last_used_at, Some(at(50)));

    let unlimited = key(1, "robot").id;
    assert!(store.announce(RevokeApiKey { id: unlimited, at: at(60) }).await.unwrap());
    assert!(!store.announce(RevokeApiKey { id: unlimited, at: at(61) }).await.unwrap(), "once");
    let revoked = store.read(ApiKeyById(unlimited)).await.unwrap().unwrap();
    assert_eq!((revoked.revoked_at, revoked.expires_at), (Some(at(60)), Some(at(60))));
    assert!(!revoked.is_live(at(59)));
    // One that had ended before ends no later.
    assert!(store.announce(RevokeApiKey { id: short.id, at: at(5_000) }).await.unwrap());
    assert_eq!(store.read(ApiKeyById(short.id)).await.unwrap().unwrap().expires_at, Some(at(1_000)));

    let listed = |after| async move {
        let keys = store.read(ListApiKeys { after, limit: 1 }).await.unwrap();
        keys.first().map(|key| key.id)
    };
    assert_eq!(
        (listed(None).await, listed(Some(unlimited)).await, listed(Some(short.id)).await),
        (Some(unlimited), Some(short.id), None)
    );
    // Shown for a month, then swept.
    let month = Duration::from_secs(30 * 86_400);
    store.sweep(at(999) + month).await.unwrap();
    assert!(listed(None).await == Some(short.id));
    store.sweep(at(1_000) + month).await.unwrap();
    assert!(listed(None).await.is_none());
}

async fn a_removed_client_takes_its_keys_with_it(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    for id in ["robot", "Robot"] {
        add_client(store, id).await;
    }
    for (number, id) in [(1, "robot"), (2, "robot"), (3, "Robot")] {
        assert!(store.write(AddApiKey(key(number, id))).await.unwrap());
    }
    let remove = RemoveClient { client: account("robot"), at: at(2), revoked_until: at(3) };
    assert!(store.announce(remove).await.unwrap());
    let left = store.read(ListApiKeys { after: None, limit: 9 }).await.unwrap();
    assert_eq!(left.iter().map(|key| key.client_id.as_str()).collect::<Vec<_>>(), ["Robot"]);
    // Nor is one made for it afterwards.
    assert!(!store.write(AddApiKey(key(4, "robot"))).await.unwrap());
}

/// Something done to one key on one of two nodes, so many turns of the scheduler late.
#[derive(Debug, Clone)]
enum Act {
    Revoke,
    Touch,
    Look,
}

fn acts() -> impl Strategy<Value = Vec<(Act, usize, u8)>> {
    let act = prop_oneof![2 => Just(Act::Revoke), 2 => Just(Act::Touch), 3 => Just(Act::Look)];
    prop::collection::vec((act, 0..2_usize, 0..6_u8), 4..14)
}

async fn race(nodes: [Store; 2], number: u64, acts: Vec<(Act, usize, u8)>) {
    let made = key(number, "robot");
    assert!(nodes[0].write(AddApiKey(made.clone())).await.unwrap());
    let (revoked, id) = (std::sync::Arc::new(AtomicU64::new(0)), made.id);
    let attempts = acts.iter().filter(|(act, ..)| matches!(act, Act::Revoke)).count();
    let mut all = JoinSet::new();
    for (act, node, late) in acts {
        let (store, revoked) = (nodes[node].clone(), revoked.clone());
        all.spawn(async move {
            for _ in 0..late {
                tokio::task::yield_now().await;
            }
            let moment = at(100 + i64::from(late));
            match act {
                Act::Revoke => {
                    if store.announce(RevokeApiKey { id, at: moment }).await.unwrap() {
                        assert_eq!(revoked.fetch_add(1, Relaxed), 0, "revoked twice");
                    }
                }
                Act::Touch => store.write(TouchApiKey { id, at: moment }).await.unwrap(),
                Act::Look => {
                    let before = revoked.load(Relaxed) > 0;
                    let stored = store.read(ApiKeyById(id)).await.unwrap().unwrap();
                    assert!(!(before && stored.is_live(at(0))), "live after its revocation was answered");
                }
            }
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    assert_eq!(revoked.load(Relaxed), u64::from(attempts > 0));
    for node in &nodes {
        assert_eq!(node.read(ApiKeyById(id)).await.unwrap().unwrap().is_live(at(0)), attempts == 0);
    }
}

fn a_revoked_key_has_no_live_use(engine: Engine, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let site: Site =
        runtime.block_on(engine.open_with(|options| options.write_deadline = Duration::from_secs(20)));
    let other =
        if engine == Engine::Sqlite { site.store.clone() } else { runtime.block_on(site.another_node()) };
    runtime.block_on(add_client(&site.store, "robot"));
    let nodes = [site.store.clone(), other];
    let number = AtomicU64::new(1);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&acts(), |acts| {
            runtime.block_on(race(nodes.clone(), number.fetch_add(1, Relaxed), acts));
            Ok(())
        })
        .unwrap();
    runtime.block_on(async {
        for node in &nodes {
            node.close().await;
        }
    });
}

#[test]
fn sqlite_a_revoked_key_has_no_live_use() {
    a_revoked_key_has_no_live_use(Engine::Sqlite, 64);
}

#[test]
fn postgres_a_revoked_key_has_no_live_use() {
    if !Engine::Postgres.is_missing() {
        a_revoked_key_has_no_live_use(Engine::Postgres, 48);
    }
}

#[test]
fn mysql_a_revoked_key_has_no_live_use() {
    if !Engine::Mysql.is_missing() {
        a_revoked_key_has_no_live_use(Engine::Mysql, 48);
    }
}
