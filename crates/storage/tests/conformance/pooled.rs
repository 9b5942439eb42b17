//! Behind a pooler that gives every transaction another session: nothing is expected of a session, and nothing is left in one.

use crate::engines::Engine;
use crate::fixture::{CountLinks, Do, insert};
use storage::doctor::{Thoroughness, Verdict, doctor};
use storage::{Applied, Store};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_and_writes_take_turns_on_few_sessions_and_leave_nothing_in_them() {
    if Engine::Pooled.is_missing() {
        return;
    }
    let site = Engine::Pooled.open().await;
    let others = site.another_node().await;
    let stores = [site.store.clone(), others];
    let mut tasks = JoinSet::new();
    for task in 0..12_u64 {
        let store: Store = stores[(task % 2) as usize].clone();
        tasks.spawn(async move {
            for round in 0..20 {
                let applied = store.write(Do(vec![insert(task * 1_000 + round)])).await.unwrap();
                assert_eq!(applied, Applied::Done);
                assert!(store.read(CountLinks).await.unwrap() > 0);
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert_eq!(site.store.read(CountLinks).await.unwrap(), 240);

    // Whoever comes next finds sessions as the server makes them.
    let url = site.options.database.server().unwrap();
    let behind = format!("postgres://doorward:throwaway@127.0.0.1:{}/{}", url.hosts[0].1, url.name);
    let asked =
        |sql: &str| tokio::task::block_in_place(|| throwaway::Engine::Postgres.sql(&behind, sql)).unwrap();
    for _ in 0..6 {
        for (setting, value) in [
            ("default_transaction_read_only", "off"),
            ("statement_timeout", "0"),
            ("lock_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
        ] {
            assert_eq!(asked(&format!("SHOW {setting}")), value, "{setting}");
        }
        assert_eq!(asked("SELECT count(*) FROM pg_prepared_statements"), "0");
    }
    let findings = doctor(&site.options.database, Thoroughness::default()).await;
    let plans = findings.iter().find(|finding| finding.check == "plans").unwrap();
    assert!(plans.verdict == Verdict::Note && plans.found.contains("pooler"), "{plans:?}");
    assert_eq!(asked("SHOW enable_seqscan"), "on");
}
