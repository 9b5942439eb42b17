//! The servers themselves: what tests of storage lean on.

use std::time::{Duration, Instant};
use throwaway::{Engine, Setup, shared};

#[test]
fn a_killed_server_keeps_what_it_committed() {
    for engine in Engine::ALL {
        if engine.is_missing() {
            continue;
        }
        let mut server = Setup::new(engine).start().unwrap();
        let url = server.database().unwrap();
        engine.sql(&url, "CREATE TABLE kept (a INT PRIMARY KEY)").unwrap();
        engine.sql(&url, "INSERT INTO kept VALUES (7)").unwrap();
        server.kill().unwrap();
        assert!(engine.sql(&url, "SELECT a FROM kept").is_err(), "killed, and it still answers");
        server.start_again().unwrap();
        assert_eq!(engine.sql(&url, "SELECT a FROM kept").unwrap(), "7");
        server.restart().unwrap();
        assert_eq!(engine.sql(&url, "SELECT a FROM kept").unwrap(), "7");
        assert_ne!(server.database().unwrap(), url);
        let folder = server.folder().to_owned();
        drop(server);
        assert!(engine.sql(&url, "SELECT 1").is_err(), "dropped, and it still answers");
        assert!(!folder.exists());
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long an answer takes is what is tested")]
fn a_paused_server_answers_when_it_goes_on() {
    for engine in Engine::ALL {
        if engine.is_missing() {
            continue;
        }
        let server = Setup::new(engine).fast().start().unwrap();
        let url = server.database().unwrap();
        server.pause().unwrap();
        let asked = Instant::now();
        std::thread::scope(|scope| {
            let answer = scope.spawn(|| engine.sql(&url, "SELECT 1"));
            std::thread::sleep(Duration::from_millis(300));
            assert!(!answer.is_finished(), "{engine:?} was paused");
            server.go_on().unwrap();
            assert_eq!(answer.join().unwrap().unwrap(), "1");
        });
        assert!(asked.elapsed() >= Duration::from_millis(300));
        // Paused when dropped: it must go all the same.
        server.pause().unwrap();
        drop(server);
        assert!(engine.sql(&url, "SELECT 1").is_err());
    }
}

#[test]
fn tests_of_one_process_share_a_server_and_have_databases_of_their_own() {
    for engine in Engine::ALL {
        if engine.is_missing() {
            continue;
        }
        let (one, two) = (shared(engine).unwrap(), shared(engine).unwrap());
        one.sql("CREATE TABLE mine (a INT PRIMARY KEY)").unwrap();
        assert!(two.sql("SELECT a FROM mine").is_err());
        let url = two.url();
        // A transaction that someone left open does not keep the database.
        two.sql("CREATE TABLE theirs (a INT)").unwrap();
        let sleep = if engine == Engine::Postgres { "pg_sleep" } else { "sleep" };
        let open = format!("BEGIN; SELECT * FROM theirs; SELECT {sleep}(30)");
        let left_open = {
            let url = url.clone();
            std::thread::spawn(move || engine.sql(&url, &open))
        };
        std::thread::sleep(Duration::from_millis(500));
        drop(two);
        assert!(left_open.join().unwrap().is_err());
        assert!(engine.sql(&url, "SELECT 1").is_err(), "dropped, and its database still there");
        assert_eq!(one.sql("SELECT count(*) FROM mine").unwrap(), "0");
    }
}
