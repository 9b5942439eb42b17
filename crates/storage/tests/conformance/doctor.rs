//! The doctor finds what was planted, and finds nothing where nothing is wrong.

use crate::fixture::{CountLinks, Do, House, insert};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use storage::doctor::{Finding, Thoroughness, Verdict, doctor};
use storage::{Database, Options, Store};

async fn look(path: &Path, deep: bool) -> Vec<Finding> {
    doctor(&Database::Sqlite(path.to_owned()), Thoroughness { deep, nodes: 1 }).await
}

fn found<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    findings.iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("{check}: {findings:?}"))
}

/// What depends on the machine the test runs on.
const OF_THE_MACHINE: [&str; 3] = ["file system", "free disk", "sync"];

#[tokio::test]
async fn a_database_in_use_is_looked_at_and_nothing_is_wrong() {
    let house = House::new().await;
    house.store.write(Do((0..500).map(insert).collect())).await.unwrap();
    for deep in [false, true] {
        let findings = look(&house.path(), deep).await;
        assert_eq!(findings.len(), 11, "{findings:?}");
        for finding in findings.iter().filter(|finding| !OF_THE_MACHINE.contains(&finding.check)) {
            assert!(finding.verdict == Verdict::Ok && finding.remedy.is_none(), "{finding:?}");
        }
    }
    assert_eq!(house.store.read(CountLinks).await.unwrap(), 500);
    // It measured the disk, and left nothing behind.
    let names: Vec<_> = std::fs::read_dir(house.path().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("doctor-")), "{names:?}");
}

/// What is looked at, what is found, a word of the remedy, and how it is planted.
type Planted = (&'static str, Verdict, &'static str, fn(&Path));

#[tokio::test]
async fn each_planted_problem_is_found_and_has_a_remedy() {
    let plant: [Planted; 9] = [
        ("permissions", Verdict::Problem, "chmod 600", |path| mode(path, 0o644)),
        ("permissions", Verdict::Problem, "chmod 700", |path| mode(path.parent().unwrap(), 0o777)),
        ("schema", Verdict::Note, "doorward upgrade --rehearse", |path| {
            sql(path, "DELETE FROM refinery_schema_history WHERE version > 1");
        }),
        ("schema", Verdict::Problem, "newer program", |path| {
            sql(
                path,
                "INSERT INTO refinery_schema_history VALUES (99, 'tomorrow', '2030-01-01T00:00:00Z', '1')",
            );
        }),
        ("schema", Verdict::Problem, "--database", |path| sql(path, "DROP TABLE refinery_schema_history")),
        ("journal", Verdict::Note, "wal", |path| sql(path, "PRAGMA journal_mode = DELETE")),
        ("log", Verdict::Note, "restart the server", |path| {
            let log = std::fs::File::create(path.with_extension("db-wal")).unwrap();
            log.set_len(100 << 20).unwrap();
        }),
        ("free pages", Verdict::Note, "store copy", |path| sql(path, "DELETE FROM one_time_links")),
        ("integrity", Verdict::Problem, "newest backup", |path| {
            let mut bytes = std::fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle..middle + 8_192].fill(0x5A);
            std::fs::write(path, bytes).unwrap();
        }),
    ];
    for (check, verdict, remedy, plant) in plant {
        let house = House::new().await;
        house.store.write(Do((0..20_000).map(insert).collect())).await.unwrap();
        house.store.close().await;
        plant(&house.path());
        let findings = look(&house.path(), false).await;
        let finding = found(&findings, check);
        assert_eq!(finding.verdict, verdict, "{finding:?}");
        assert!(finding.remedy.as_ref().unwrap().contains(remedy), "{finding:?}");
    }
}

#[tokio::test]
async fn what_is_no_database_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let missing = look(&folder.path().join("none.db"), false).await;
    assert!(matches!(&missing[..], [finding] if finding.verdict == Verdict::Problem), "{missing:?}");
    let text = folder.path().join("text.db");
    std::fs::write(&text, "only words ".repeat(1_000)).unwrap();
    assert_eq!(found(&look(&text, false).await, "integrity").verdict, Verdict::Problem);
    assert!(!folder.path().join("none.db").exists());
}

#[test]
fn an_index_that_lacks_a_row_is_found_when_it_looks_deep() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorward.db");
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch("CREATE TABLE t (a, b); CREATE INDEX i ON t (b); INSERT INTO t VALUES (1, 2), (3, 4)")
        .unwrap();
    // The index is said to be on another column than it was made for.
    raw.execute_batch(
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (a)' WHERE name = 'i'",
    )
    .unwrap();
    drop(raw);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let verdict = |deep| found(&runtime.block_on(look(&path, deep)), "integrity").verdict;
    assert_eq!((verdict(false), verdict(true)), (Verdict::Ok, Verdict::Problem));
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn sql(path: &Path, sql: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_server_is_looked_at() {
    let engine = throwaway::Engine::Postgres;
    if engine.is_missing() {
        return;
    }
    let server = throwaway::Setup::new(engine).start().unwrap();
    let url = server.database().unwrap();
    let name = url.rsplit('/').next().unwrap().to_owned();
    let database: Database = url.parse().unwrap();
    let look = |nodes| doctor(&database, Thoroughness { deep: false, nodes });
    assert_eq!(found(&look(1).await, "schema").verdict, Verdict::Note, "no server has run on it");
    Store::open(&Options::new(database.clone())).await.unwrap().store.close().await;
    let healthy = look(1).await;
    let checks: Vec<_> = healthy.iter().map(|finding| finding.check).collect();
    for check in [
        "connection",
        "round trip",
        "version",
        "durability",
        "encoding",
        "isolation",
        "time zone",
        "time-outs",
        "clock",
        "schema",
        "indexes",
        "plans",
        "connections",
        "encryption",
        "replication",
        "upkeep",
    ] {
        assert!(checks.contains(&check), "{check}: {checks:?}");
    }
    for finding in
        healthy.iter().filter(|finding| finding.check != "connections" && finding.check != "round trip")
    {
        assert_eq!(finding.verdict, Verdict::Ok, "{finding:?}");
    }
    assert_eq!(found(&look(500).await, "connections").verdict, Verdict::Problem);
    for (planted, check, verdict) in [
        (format!("ALTER DATABASE {name} SET synchronous_commit = off"), "durability", Verdict::Problem),
        (format!("ALTER DATABASE {name} SET idle_session_timeout = 5000"), "time-outs", Verdict::Note),
    ] {
        server.sql(&planted).unwrap();
        assert_eq!(found(&look(1).await, check).verdict, verdict, "{planted}");
    }
    engine.sql(&url, "ALTER TABLE users DROP CONSTRAINT users_pkey").unwrap();
    let findings = look(1).await;
    let indexes = found(&findings, "indexes");
    assert!(indexes.verdict == Verdict::Problem && indexes.found.contains("users"), "{indexes:?}");
    drop(server);
    let gone = look(1).await;
    assert!(
        matches!(&gone[..], [finding] if finding.check == "connection" && finding.verdict == Verdict::Problem),
        "{gone:?}"
    );
    assert!(!format!("{gone:?}").contains(throwaway::PASSWORD));
    assert!(gone[0].remedy.as_deref().is_some_and(|remedy| remedy.contains("pg_hba.conf")), "{gone:?}");
}

/// What is looked at on every MariaDB server.
const ON_MARIADB: [&str; 15] = [
    "connection",
    "round trip",
    "version",
    "durability",
    "isolation",
    "time zone",
    "time-outs",
    "packets",
    "clock",
    "schema",
    "indexes",
    "plans",
    "connections",
    "encryption",
    "encoding",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_server_is_looked_at() {
    let engine = throwaway::Engine::Mariadb;
    if engine.is_missing() {
        return;
    }
    let server = throwaway::Setup::new(engine).start().unwrap();
    let url = server.database().unwrap();
    let database: Database = url.parse().unwrap();
    let look = |nodes| doctor(&database, Thoroughness { deep: false, nodes });
    assert_eq!(found(&look(1).await, "schema").verdict, Verdict::Note, "no server has run on it");
    Store::open(&Options::new(database.clone())).await.unwrap().store.close().await;
    let healthy = look(1).await;
    let checks: Vec<_> = healthy.iter().map(|finding| finding.check).collect();
    for check in ON_MARIADB {
        assert!(checks.contains(&check), "{check}: {checks:?}");
    }
    for finding in
        healthy.iter().filter(|finding| !["connections", "round trip", "durability"].contains(&finding.check))
    {
        assert_eq!(finding.verdict, Verdict::Ok, "{finding:?}");
    }
    assert_eq!(found(&look(500).await, "connections").verdict, Verdict::Problem);
    for (planted, check, verdict) in [
        ("SET GLOBAL innodb_flush_log_at_trx_commit = 2", "durability", Verdict::Problem),
        ("SET GLOBAL wait_timeout = 20", "time-outs", Verdict::Note),
        ("SET GLOBAL max_allowed_packet = 1048576", "packets", Verdict::Problem),
        ("SET GLOBAL read_only = ON", "replication", Verdict::Problem),
    ] {
        server.sql(planted).unwrap();
        assert_eq!(found(&look(1).await, check).verdict, verdict, "{planted}");
    }
    server.sql("SET GLOBAL read_only = OFF").unwrap();
    engine
        .sql(&url, "ALTER TABLE clients CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        .unwrap();
    let findings = look(1).await;
    let encoding = found(&findings, "encoding");
    assert!(encoding.verdict == Verdict::Problem && encoding.found.contains("clients"), "{encoding:?}");
    drop(server);
    let gone = look(1).await;
    assert!(
        matches!(&gone[..], [finding] if finding.check == "connection" && finding.verdict == Verdict::Problem),
        "{gone:?}"
    );
    // Each engine's own word for who is let in.
    let remedy = gone[0].remedy.as_deref().unwrap_or_default();
    assert!(remedy.contains("GRANT") && !remedy.contains("pg_hba.conf"), "{gone:?}");
}
