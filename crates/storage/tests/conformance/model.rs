//! Random commands against a model that is a map: the same answers, the same rows, one by one and in batches.

use crate::engines::{Engine, Site};
use crate::fixture::{ADD, AllLinks, DELETE, Do, any, at, id, insert, spend};
use proptest::prelude::*;
use std::collections::BTreeMap;
use storage::{Applied, Expect, Step, params};

#[derive(Debug, Clone)]
enum Change {
    Insert(u64),
    Spend(u64),
    Delete(u64),
    Add(u64, i64),
    /// Spends whatever is not spent, and expects so many.
    SpendAll(Option<u64>),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model(BTreeMap<u64, (i64, Option<i64>)>);

impl Model {
    fn apply(&mut self, command: &[Change]) -> Applied {
        let mut next = self.clone();
        for (step, change) in command.iter().enumerate() {
            if !next.change(change) {
                return Applied::Refused { step };
            }
        }
        *self = next;
        Applied::Done
    }

    fn change(&mut self, change: &Change) -> bool {
        match change {
            Change::Insert(key) => self.0.insert(*key, (1_000, None)).is_none(),
            Change::Delete(key) => self.0.remove(key).is_some(),
            Change::Add(key, count) => self.0.get_mut(key).map(|row| row.0 += count).is_some(),
            Change::Spend(key) => {
                self.0.get_mut(key).filter(|row| row.1.is_none()).map(|row| row.1 = Some(5)).is_some()
            }
            Change::SpendAll(expected) => {
                let unspent: Vec<_> = self.0.values_mut().filter(|row| row.1.is_none()).collect();
                let count = unspent.len() as u64;
                unspent.into_iter().for_each(|row| row.1 = Some(6));
                expected.is_none_or(|expected| expected == count)
            }
        }
    }
}

fn step(change: &Change) -> Step {
    let one = |sql, params| Step { sql, params, expect: Expect::Exactly(1) };
    match change {
        Change::Insert(key) => insert(*key),
        Change::Delete(key) => one(DELETE, params![id(*key)]),
        Change::Add(key, count) => one(ADD, params![*count, id(*key)]),
        Change::Spend(key) => spend(*key, 5),
        Change::SpendAll(expected) => Step {
            sql: "UPDATE one_time_links SET spent_at = ? WHERE spent_at IS NULL",
            params: params![at(6)],
            expect: expected.map_or(Expect::Any, Expect::Exactly),
        },
    }
}

fn change() -> impl Strategy<Value = Change> {
    let key = 0..5_u64;
    prop_oneof![
        3 => key.clone().prop_map(Change::Insert),
        3 => key.clone().prop_map(Change::Spend),
        2 => key.clone().prop_map(Change::Delete),
        2 => (key, -3..3_i64).prop_map(|(key, count)| Change::Add(key, count)),
        1 => prop::option::of(0..4_u64).prop_map(Change::SpendAll),
    ]
}

/// Groups of commands; those of one group are sent at once.
fn groups() -> impl Strategy<Value = Vec<Vec<Vec<Change>>>> {
    let command = prop::collection::vec(change(), 1..5);
    prop::collection::vec(prop::collection::vec(command, 1..8), 1..12)
}

async fn agree(site: &Site, groups: Vec<Vec<Vec<Change>>>) {
    let house = site;
    assert_eq!(
        house.store.write(Do(vec![any("DELETE FROM one_time_links", params![])])).await.unwrap(),
        Applied::Done
    );
    let mut model = Model::default();
    for group in groups {
        // On a runtime of one thread, tasks first run in the order they were spawned: so the queue has the model's order.
        let writes: Vec<_> = group
            .iter()
            .map(|command| {
                let (store, command) = (house.store.clone(), Do(command.iter().map(step).collect()));
                tokio::spawn(async move { store.write(command).await.unwrap() })
            })
            .collect();
        for (command, write) in group.iter().zip(writes) {
            assert_eq!(write.await.unwrap(), model.apply(command), "{command:?}");
        }
        let rows = house.store.read(AllLinks).await.unwrap();
        let rows: BTreeMap<_, _> = rows
            .into_iter()
            .map(|row| {
                (
                    u64::from_be_bytes(row.id.as_bytes()[..8].try_into().unwrap()),
                    (row.expires_at, row.spent_at),
                )
            })
            .collect();
        assert_eq!(Model(rows), model);
    }
}

fn the_store_agrees_with_a_map(engine: Engine, cases: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // One lane, so that the queue's order is the order of the commits; batches are as they come.
    let site = runtime.block_on(engine.open_with(|options| options.network.write_connections = 1));
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(groups in groups())| runtime.block_on(agree(&site, groups)));
    runtime.block_on(site.store.close());
}

#[test]
fn sqlite_agrees_with_a_map() {
    the_store_agrees_with_a_map(Engine::Sqlite, 48);
}

#[test]
fn postgres_agrees_with_a_map() {
    if !Engine::Postgres.is_missing() {
        the_store_agrees_with_a_map(Engine::Postgres, 24);
    }
}

#[test]
fn mysql_agrees_with_a_map() {
    if !Engine::Mysql.is_missing() {
        the_store_agrees_with_a_map(Engine::Mysql, 24);
    }
}
