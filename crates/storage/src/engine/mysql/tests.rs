//! The driver against a real MariaDB. What the contract promises on top of it is in the conformance list.

use super::*;
use crate::contract::row::mysql::column;
use crate::contract::value::ValueRef;
use crate::contract::{Database, Expect};
use crate::engine::Options;
use crate::params;
use std::time::Duration;
use throwaway::{Engine, Server, Setup};

const CREATE: &str = "CREATE TABLE things (id {id} NOT NULL, name {name}, body {text}, data {bytes}, n {int}, PRIMARY KEY (id), UNIQUE (name)) {keyed}";
const INSERT: &str = "INSERT INTO things (id, name, body, data, n) VALUES (?, ?, ?, ?, ?)";
const ADD: &str = "UPDATE things SET n = n + ? WHERE id = ?";

/// A driver, a connection of each kind, and what keeps the database there.
struct Bench {
    driver: Mysql,
    write: Connection,
    read: Connection,
    database: throwaway::Database,
}

impl Bench {
    /// With an empty table; nothing where MariaDB is missing.
    async fn new() -> Option<Self> {
        if Engine::Mariadb.is_missing() {
            return None;
        }
        let database = throwaway::shared(Engine::Mariadb).unwrap();
        let driver = driver(&database.url());
        let mut migrate = driver.connect(Purpose::Migrate).await.unwrap();
        driver.script(&mut migrate, &[MYSQL.schema(CREATE)]).await.unwrap();
        let write = driver.connect(Purpose::Write).await.unwrap();
        let read = driver.connect(Purpose::Read).await.unwrap();
        Some(Self { driver, write, read, database })
    }

    async fn run(&mut self, steps: &[Step]) -> Result<Vec<u64>, StepFailure> {
        self.driver.run(&mut self.write, &steps.iter().collect::<Vec<_>>()).await
    }

    async fn commit(&mut self, steps: &[Step]) -> Vec<u64> {
        let counts = self.run(steps).await.unwrap();
        self.driver.commit(&mut self.write).await.unwrap();
        counts
    }

    async fn names(&mut self, sql: &'static str, params: Vec<Value>) -> Vec<String> {
        let answers = self.driver.query(&mut self.read, &[Statement::new(sql, params)], false).await.unwrap();
        answers[0].iter().map(|row| text_of(row, 0)).collect()
    }
}

fn driver(url: &str) -> Mysql {
    driver_with(url, |_| {})
}

fn driver_with(url: &str, change: impl FnOnce(&mut Options)) -> Mysql {
    let Ok(Database::Mysql(server)) = url.parse() else { panic!("not a URL of MySQL") };
    let mut options = Options::new(Database::Mysql(server.clone()));
    options.scan_deadline = Duration::from_millis(300);
    change(&mut options);
    Mysql::new(&server, &options).unwrap()
}

fn step(sql: &'static str, params: Vec<Value>) -> Step {
    Step { sql, params, expect: Expect::Any }
}

fn thing(number: u8, name: &str) -> Step {
    step(INSERT, params![[number; 16].as_slice(), name, "", b"".as_slice(), i64::from(number)])
}

fn add(number: u8) -> Step {
    step(ADD, params![0_i64, [number; 16].as_slice()])
}

fn text_of(row: &Fetched, index: usize) -> String {
    let Fetched::Mysql(row) = row else { panic!("a row of another engine") };
    match column(row, index).unwrap() {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Int(int) => int.to_string(),
        ValueRef::Text(text) => text.to_owned(),
        ValueRef::Bytes(bytes) => format!("{bytes:?}"),
    }
}

#[tokio::test]
async fn what_is_written_is_what_is_read_prepared_or_not() {
    let Some(mut bench) = Bench::new().await else { return };
    let all_bytes: Vec<u8> = (0..=255).collect();
    let strange = "quote ' backslash \\ question ? nul \0 newline \n double \" ü 🦀 end\\";
    let long = "x".repeat(300_000);
    let rows = [
        params![[1; 16].as_slice(), strange, strange, all_bytes.as_slice(), i64::MIN],
        params![[2; 16].as_slice(), "", long.as_str(), b"".as_slice(), i64::MAX],
        params![[0; 16].as_slice(), None::<String>, None::<String>, None::<String>, None::<i64>],
    ];
    let steps: Vec<Step> = rows.iter().map(|row| step(INSERT, row.clone())).collect();
    assert_eq!(bench.commit(&steps).await, [1, 1, 1]);
    let by_id = "SELECT id, name, body, data, n, count(*) OVER (), sum(1) OVER () FROM things WHERE id = ?";
    for row in rows {
        let statement = Statement::new(by_id, row[..1].to_vec());
        let expected: Vec<String> = row
            .iter()
            .map(|value| match value {
                Value::Null => "NULL".to_owned(),
                Value::Int(int) => int.to_string(),
                Value::Text(text) => text.clone(),
                Value::Bytes(bytes) => format!("{bytes:?}"),
            })
            .chain(["1".to_owned(), "1".to_owned()])
            .collect();
        for snapshot in [false, true] {
            let both = [statement.clone(), statement.clone()];
            let answers = bench.driver.query(&mut bench.read, &both, snapshot).await.unwrap();
            for answer in &answers {
                let found: Vec<String> = (0..7).map(|index| text_of(&answer[0], index)).collect();
                assert_eq!((answer.len(), &found), (1, &expected));
            }
            assert_eq!(answers.len(), 2);
        }
    }
}

#[tokio::test]
async fn names_are_told_apart_byte_by_byte() {
    let Some(mut bench) = Bench::new().await else { return };
    let names = ["a", "A", "a ", "ä", "a\u{308}", "ss", "ß"];
    let steps: Vec<Step> = names.iter().zip(1..).map(|(name, number)| thing(number, name)).collect();
    bench.commit(&steps).await;
    for name in names {
        assert_eq!(bench.names("SELECT name FROM things WHERE name = ?", params![name]).await, [name]);
        // And so they are where values are written into the statement.
        let rename = step("UPDATE things SET n = 1 WHERE name = ?", params![name]);
        assert_eq!(bench.commit(&[rename]).await, [1]);
    }
    let sorted = bench.names("SELECT name FROM things WHERE name > ? ORDER BY name", params!["A"]).await;
    assert_eq!(sorted, ["a", "a ", "a\u{308}", "ss", "ß", "ä"]);
}

#[tokio::test]
async fn counts_are_of_rows_found_and_a_failed_step_is_named() {
    let Some(mut bench) = Bench::new().await else { return };
    assert_eq!(bench.commit(&[thing(1, "one"), add(1), add(2), add(1)]).await, [1, 1, 0, 1]);
    let failed = bench.run(&[thing(2, "two"), thing(3, "one"), thing(4, "four")]).await.unwrap_err();
    assert_eq!((failed.step, failed.error, failed.counts), (1, DriverError::Taken, vec![1]));
    bench.driver.roll_back(&mut bench.write).await.unwrap();
    let failed = bench.run(&[add(1), step("UPDATE nothing SET a = ?", params!["s3cret"])]).await.unwrap_err();
    assert!(
        matches!((failed.step, &failed.error), (1, DriverError::Statement(why)) if !why.contains("s3cret"))
    );
    bench.driver.roll_back(&mut bench.write).await.unwrap();
    // Rolled back twice, and nothing begun: both are fine.
    bench.driver.roll_back(&mut bench.write).await.unwrap();
    assert_eq!(bench.names("SELECT name FROM things ORDER BY id", params![]).await, ["one"]);
    assert!(!bench.write.is_closed());
}

#[tokio::test]
async fn a_commit_that_travels_with_its_steps_is_not_reached_after_a_failure() {
    let Some(mut bench) = Bench::new().await else { return };
    let Bench { driver, write, .. } = &mut bench;
    let counts = driver.run_and_commit(write, &[&thing(1, "one"), &thing(2, "two")]).await.unwrap();
    assert_eq!(counts, [1, 1]);
    let failed = driver.run_and_commit(write, &[&thing(3, "three"), &thing(1, "again")]).await.unwrap_err();
    assert_eq!((failed.step, failed.error, failed.counts), (1, DriverError::Taken, vec![1]));
    driver.roll_back(write).await.unwrap();
    assert_eq!(bench.names("SELECT name FROM things ORDER BY id", vec![]).await, ["one", "two"]);
}

#[tokio::test]
async fn a_block_is_all_or_nothing_and_each_value_stands_in_its_place() {
    let Some(mut bench) = Bench::new().await else { return };
    bench.commit(&[thing(0, "zero")]).await;
    let one = |step: Step| Step { expect: Expect::Exactly(1), ..step };
    let add_to = |number: u8| one(step(ADD, params![10_i64, [number; 16].as_slice()]));
    let body = |number: u8, body: Option<&str>| {
        step("UPDATE things SET body = ? WHERE id = ?", params![body, [number; 16].as_slice()])
    };
    async fn whole(bench: &mut Bench, steps: &[Step]) -> Result<(), DriverError> {
        let steps: Vec<&Step> = steps.iter().collect();
        assert!(bench.driver.takes_whole(&bench.write, &steps));
        let ran = bench.driver.run_whole(&mut bench.write, &steps).await.map_err(|failure| failure.error);
        bench.driver.roll_back(&mut bench.write).await.unwrap();
        ran
    }
    for (number, name, text) in [(1, "it's; END", None), (2, "ü?", Some("\\")), (3, "", Some("NULL"))] {
        let steps = [add_to(number - 1), thing(number, name), body(number, text)];
        whole(&mut bench, &steps).await.unwrap();
        // One that finds nothing to change, one whose key is taken, one that is no statement; and then a row is found that stays as it is.
        for spoils in [
            add_to(9),
            one(thing(1, "taken")),
            step("UPDATE things SET nothing = 1", params![]),
            step("INSERT INTO no_such_table (id) VALUES (?)", params![1_i64]),
            step(INSERT, params![None::<String>, "null", "", b"".as_slice(), 0_i64]),
            step(ADD, params![]),
        ] {
            let spoilt = [add_to(0), spoils, thing(number + 100, "never")];
            assert_eq!(whole(&mut bench, &spoilt).await, Err(DriverError::Untold));
        }
        whole(&mut bench, &[one(add(number)), body(99, None)]).await.unwrap();
        // Another node migrates meanwhile.
        let mut migrate = bench.driver.connect(Purpose::Migrate).await.unwrap();
        let script = format!("ALTER TABLE things ADD COLUMN extra_{number} BIGINT FIRST;");
        bench.driver.script(&mut migrate, &[script]).await.unwrap();
    }
    let all = "SELECT concat(name, ' ', coalesce(body, '-'), ' ', n) FROM things ORDER BY id";
    assert_eq!(bench.names(all, params![]).await, ["zero  10", "it's; END - 11", "ü? \\ 12", " NULL 3"]);
}

#[tokio::test]
async fn a_transaction_longer_than_one_request_is_one_transaction() {
    let Some(mut bench) = Bench::new().await else { return };
    let body = "ü".repeat(400_000);
    let steps: Vec<Step> = (1..=8)
        .map(|number| {
            step(
                INSERT,
                params![[number; 16].as_slice(), None::<String>, body.as_str(), b"".as_slice(), 0_i64],
            )
        })
        .collect();
    assert_eq!(bench.run(&steps).await.unwrap(), [1; 8]);
    assert_eq!(bench.names("SELECT n FROM things", params![]).await, Vec::<String>::new());
    bench.driver.commit(&mut bench.write).await.unwrap();
    assert_eq!(
        bench.names("SELECT char_length(body) FROM things WHERE n = ?", params![0_i64]).await,
        ["400000"; 8]
    );
    let failed = bench.run(&[&steps[..], &[thing(9, "nine"), thing(1, "one")]].concat()).await.unwrap_err();
    assert_eq!((failed.step, failed.error, failed.counts), (0, DriverError::Taken, vec![]));
    bench.driver.roll_back(&mut bench.write).await.unwrap();
}

#[tokio::test]
async fn who_waits_too_long_or_in_a_circle_is_told_to_try_again() {
    let Some(mut bench) = Bench::new().await else { return };
    bench.commit(&[thing(1, "one"), thing(2, "two")]).await;
    let mut other = bench.driver.connect(Purpose::Write).await.unwrap();
    // A lock that is not free in time.
    bench.run(&[add(1)]).await.unwrap();
    let waited = bench.driver.run(&mut other, &[&add(2), &add(1)]).await.unwrap_err();
    assert!(matches!((waited.step, &waited.error), (1, DriverError::Conflict(_))), "{waited:?}");
    bench.driver.roll_back(&mut other).await.unwrap();
    bench.driver.roll_back(&mut bench.write).await.unwrap();
    // A deadlock: each has one row and wants the other's.
    let slowly = |number: u8| {
        step("UPDATE things SET n = n + sleep(0.3) WHERE id = ?", params![[number; 16].as_slice()])
    };
    let (one, two) = ([slowly(1), add(2)], [slowly(2), add(1)]);
    let (one, two): (Vec<&Step>, Vec<&Step>) = (one.iter().collect(), two.iter().collect());
    let (one, two) =
        tokio::join!(bench.driver.run(&mut bench.write, &one), bench.driver.run(&mut other, &two));
    let failures: Vec<DriverError> =
        [one, two].into_iter().filter_map(Result::err).map(|failed| failed.error).collect();
    assert!(matches!(failures[..], [DriverError::Conflict(_)]), "{failures:?}");
}

#[tokio::test]
async fn queries_together_see_one_snapshot_and_leave_nothing_open() {
    let Some(mut bench) = Bench::new().await else { return };
    let count = || Statement::new("SELECT count(*) FROM things", params![]);
    let statements = [count(), Statement::new("SELECT sleep(0.2)", params![]), count()];
    let Bench { driver, write, read, .. } = &mut bench;
    let writing = async {
        tokio::time::sleep(Duration::from_millis(80)).await;
        driver.run(write, &[&thing(1, "one")]).await.unwrap();
        driver.commit(write).await.unwrap();
    };
    let (answers, ()) = tokio::join!(driver.query(read, &statements, true), writing);
    let answers = answers.unwrap();
    assert_eq!((text_of(&answers[0][0], 0), text_of(&answers[2][0], 0)), ("0".to_owned(), "0".to_owned()));
    // The next sees what was committed meanwhile; so it does after a failure in the middle.
    for _ in 0..2 {
        assert_eq!(text_of(&driver.query(read, &[count()], false).await.unwrap()[0][0], 0), "1");
        let wrong = [count(), Statement::new("SELECT nothing FROM things", params![])];
        assert!(matches!(driver.query(read, &wrong, true).await, Err(DriverError::Statement(_))));
        assert_eq!(text_of(&driver.query(read, &[count()], false).await.unwrap()[0][0], 0), "1");
    }
}

#[tokio::test]
async fn a_query_over_its_deadline_is_stopped_by_the_server() {
    let Some(mut bench) = Bench::new().await else { return };
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000000000) SELECT count(*) FROM n, n AS m, n AS o";
    for snapshot in [false, true] {
        let statements = vec![Statement::new(endless, params![]); 1 + usize::from(snapshot)];
        let stopped = bench.driver.query(&mut bench.read, &statements, snapshot).await;
        assert!(matches!(stopped, Err(DriverError::TimedOut)), "{:?}", stopped.err());
    }
    assert_eq!(bench.names("SELECT 7", params![]).await, ["7"]);
}

#[tokio::test]
async fn a_session_that_the_server_ended_is_lost_and_known_to_be() {
    let Some(mut bench) = Bench::new().await else { return };
    let id = bench.names("SELECT connection_id()", params![]).await.remove(0);
    bench.database.sql(&format!("KILL {id}")).unwrap();
    let ended = bench.driver.query(&mut bench.read, &[Statement::new("SELECT 1", params![])], false).await;
    assert!(matches!(ended, Err(DriverError::Lost(_))), "{:?}", ended.err());
    assert!(bench.driver.is_closed(&bench.read));
    // One that lies idle for nearly as long as the server lets it is given up before.
    let server = Setup::new(Engine::Mariadb).fast().set("wait-timeout", "2").start().unwrap();
    let driver = driver(&server.database().unwrap());
    let idle = driver.connect(Purpose::Read).await.unwrap();
    assert!(!driver.is_closed(&idle));
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(driver.is_closed(&idle));
}

#[tokio::test]
async fn a_migration_that_was_cut_short_is_run_again() {
    let Some(bench) = Bench::new().await else { return };
    let whole = crate::schema::migrate::runner(&MYSQL, crate::schema::migrate::newest_known()).unwrap();
    let texts: Vec<String> = whole.get_migrations().iter().map(|one| one.sql().unwrap().to_owned()).collect();
    let mut migrate = bench.driver.connect(Purpose::Migrate).await.unwrap();
    for text in &texts {
        // Cut after each statement in turn: what was made stays made, and the whole runs over it.
        let ends: Vec<usize> = text.match_indices(";\n").map(|(at, _)| at + 1).collect();
        for end in ends {
            bench.driver.script(&mut migrate, &[text[..end].to_owned()]).await.unwrap();
        }
        bench.driver.script(&mut migrate, std::slice::from_ref(text)).await.unwrap();
    }
    // Also what cannot be said with IF NOT EXISTS everywhere.
    let change = "ALTER TABLE things ADD COLUMN more BIGINT; CREATE INDEX things_by_more ON things (more); ALTER TABLE things DROP COLUMN n".to_owned();
    bench.driver.script(&mut migrate, std::slice::from_ref(&change)).await.unwrap();
    bench.driver.script(&mut migrate, &[change]).await.unwrap();
    let keys = "SELECT count(*) FROM information_schema.statistics WHERE table_schema = database() AND table_name = 'users' AND non_unique = 0";
    assert_eq!(bench.database.sql(keys).unwrap(), "4", "the primary key and three that are unique");
    let wrong = bench.driver.script(&mut migrate, &["CREATE TABLE broken (a NOTHING)".to_owned()]).await;
    assert!(matches!(wrong, Err(DriverError::Statement(why)) if why.contains("NOTHING")));
}

/// Whether a connection with these parameters is encrypted, or why there is none.
async fn connected(server: &Server, user: &str, parameters: &str) -> Result<bool, DriverError> {
    connected_to("127.0.0.1", server, user, parameters).await
}

async fn connected_to(
    host: &str,
    server: &Server,
    user: &str,
    parameters: &str,
) -> Result<bool, DriverError> {
    let login = format!("mysql://{user}:{}", throwaway::PASSWORD);
    let driver = driver(&format!("{login}@{host}:{}/mysql?{parameters}", server.port()));
    let mut connection = driver.connect(Purpose::Read).await?;
    let cipher = Statement::new("SHOW STATUS LIKE 'Ssl_cipher'", params![]);
    let answers = driver.query(&mut connection, &[cipher], false).await?;
    Ok(!text_of(&answers[0][0], 1).is_empty())
}

#[tokio::test]
async fn tls_is_what_was_asked_for_and_every_way_to_sign_in_works() {
    if Engine::Mariadb.is_missing() {
        return;
    }
    let server = Setup::new(Engine::Mariadb).fast().start().unwrap();
    let roots = server.certificate();
    let other = server.folder().join("other.pem");
    std::fs::write(&other, rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem())
        .unwrap();
    let believed = format!("sslrootcert={}", roots.display());
    let foreign = format!("sslrootcert={}", other.display());
    let user = throwaway::USER;
    for (parameters, encrypted) in [
        ("sslmode=disable".to_owned(), Some(false)),
        ("sslmode=prefer".to_owned(), Some(true)),
        ("sslmode=require".to_owned(), Some(true)),
        (format!("sslmode=require&{believed}"), Some(true)),
        (format!("sslmode=verify-ca&{believed}"), Some(true)),
        (format!("ssl-mode=verify-full&{believed}"), Some(true)),
        (format!("sslmode=require&{foreign}"), None),
        (format!("sslmode=verify-ca&{foreign}"), None),
        (format!("sslmode=verify-full&{foreign}"), None),
        ("sslmode=verify-full".to_owned(), None),
    ] {
        match (connected(&server, user, &parameters).await, encrypted) {
            (Ok(found), Some(encrypted)) => assert_eq!(found, encrypted, "{parameters}"),
            (Err(DriverError::Refused(why)), None) => assert!(why.contains("ertificate"), "{why}"),
            (found, _) => panic!("{parameters}: {found:?}"),
        }
    }
    // The same address by a name that is not in the certificate.
    for mode in ["require", "verify-ca", "verify-full"] {
        let parameters = format!("sslmode={mode}&{believed}");
        let refused = connected_to("[::ffff:127.0.0.1]", &server, user, &parameters).await;
        assert!(
            matches!(&refused, Err(DriverError::Refused(why)) if why.contains("not valid for name")),
            "{refused:?}"
        );
    }
    server.sql("INSTALL SONAME 'auth_ed25519'").unwrap();
    let password = throwaway::PASSWORD;
    server
        .sql(&format!(
            "CREATE USER modern IDENTIFIED VIA ed25519 USING PASSWORD('{password}'); GRANT ALL ON *.* TO modern;\
             CREATE USER guarded IDENTIFIED BY '{password}' REQUIRE SSL; GRANT ALL ON *.* TO guarded;"
        ))
        .unwrap();
    assert_eq!(connected(&server, "modern", "sslmode=disable").await, Ok(false));
    assert_eq!(connected(&server, "guarded", "sslmode=require").await, Ok(true));
    for (user, parameters) in [("guarded", "sslmode=disable"), ("nobody", "sslmode=require")] {
        let refused = connected(&server, user, parameters).await;
        assert!(matches!(&refused, Err(DriverError::Refused(why)) if !why.contains(password)), "{refused:?}");
    }
}

#[tokio::test]
async fn the_next_host_is_tried_and_a_socket_will_do() {
    if Engine::Mariadb.is_missing() {
        return;
    }
    let mut server = Setup::new(Engine::Mariadb).fast().start().unwrap();
    let login = format!("mysql://{}:{}", throwaway::USER, throwaway::PASSWORD);
    let next = driver(&format!("{login}@127.0.0.1:9,127.0.0.1:{}/mysql", server.port()));
    assert!(next.connect(Purpose::Write).await.is_ok());
    let socket = driver(&format!("{login}@/mysql?socket={}/mariadb.sock", server.folder().display()));
    assert!(socket.connect(Purpose::Write).await.is_ok());
    server.sql("SET GLOBAL read_only = ON").unwrap();
    assert!(socket.connect(Purpose::Read).await.is_ok());
    assert!(matches!(socket.connect(Purpose::Write).await.err(), Some(DriverError::Unavailable(_))));
    server.stop().unwrap();
    assert!(matches!(next.connect(Purpose::Read).await.err(), Some(DriverError::Unavailable(_))));
}
