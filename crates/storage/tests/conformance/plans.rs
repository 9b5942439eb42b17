//! Every statement that a request waits for finds its rows by an index, on every engine. The statements are listed from the sources when the
//! crate is built, so that none is forgotten.

use crate::engines::Engine;
use std::path::Path;
use storage::Database;
use storage::doctor::{Finding, Thoroughness, Verdict, doctor};
use storage::plans::{SCANS, STATEMENTS};

on_every_server![
    no_point_query_and_no_command_reads_a_whole_table,
    the_doctor_tells_plans_that_read_a_whole_table
];

/// Beginnings of statements in these files that are put together, and are not in the lists.
const PUT_TOGETHER: [(&str, usize); 2] = [("upkeep/sweep.rs", 2), ("schema/tables.rs", 4)];

/// Engines, and what no request waits for.
const LOOKS_AT_WHOLE_DATABASES: [&str; 5] = ["archive", "engine", "measure", "upkeep/copy", "upkeep/upgrade"];

/// The sources are read once more, in another way: whatever begins like a statement in the lines before a file's tests.
#[test]
fn every_statement_of_the_sources_is_listed_and_nothing_else() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![source.join("engine/network/resolve.rs")];
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(&source).unwrap().to_str().unwrap();
            if LOOKS_AT_WHOLE_DATABASES.contains(&name) {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let listed = |name: &str| {
        let found = STATEMENTS.iter().chain(SCANS).filter(|(file, _)| *file == name);
        // Those that add what they find begin like those that only add.
        found.filter(|(_, sql)| !sql.starts_with("INSERT ")).count()
    };
    let mut total = 0;
    for path in files {
        let name = path.strip_prefix(&source).unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let before_tests = text.lines().take_while(|line| *line != "mod tests {");
        let code = before_tests.filter(|line| !line.trim_start().starts_with("//"));
        let begin = |line: &str| {
            ["SELECT", "UPDATE", "DELETE"]
                .iter()
                .map(|verb| line.matches(&format!("\"{verb} ")).count())
                .sum::<usize>()
        };
        let counted: usize = code.map(begin).sum();
        let put_together = PUT_TOGETHER.iter().find(|(file, _)| *file == name).map_or(0, |(_, count)| *count);
        assert_eq!(listed(name), counted - put_together, "{name}");
        total += counted;
    }
    assert!(total > 100, "only {total} statements were counted");
}

async fn no_point_query_and_no_command_reads_a_whole_table(engine: Engine) {
    let site = engine.open().await;
    let mut wrong = Vec::new();
    for (file, sql) in STATEMENTS {
        let (plan, scans) = plan(engine, &site, sql);
        if scans {
            wrong.push(format!("{file}: {sql}\n{plan}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // What does read a whole table is noticed.
    for sql in ["SELECT id FROM users WHERE name = ?", "DELETE FROM grants WHERE user_id = ?"] {
        let (plan, scans) = plan(engine, &site, sql);
        assert!(scans, "{sql}\n{plan}");
    }
}

async fn plans(database: &Database) -> Finding {
    let mut findings = doctor(database, Thoroughness::default()).await;
    findings.retain(|finding| finding.check == "plans");
    findings.remove(0)
}

async fn the_doctor_tells_plans_that_read_a_whole_table(engine: Engine) {
    let site = engine.open().await;
    let database = &site.options.database;
    assert_eq!(plans(database).await.verdict, Verdict::Ok);
    if engine == Engine::Postgres {
        // A large table, and a server that believes that using an index is very expensive.
        let name = &database.server().unwrap().name;
        site.sql(
            "INSERT INTO one_time_links (id, secret_hash, purpose, created_at, expires_at) \
             SELECT decode(md5(CAST(n AS TEXT)), 'hex'), '', 'test', 0, 0 FROM generate_series(1, 20000) n",
        );
        assert_eq!(plans(database).await.verdict, Verdict::Ok);
        site.sql(&format!("ALTER DATABASE {name} SET random_page_cost = 1000000"));
        let found = plans(database).await;
        assert!(
            found.verdict == Verdict::Problem && found.found.contains("one_time_links is read whole"),
            "{found:?}"
        );
        assert!(found.remedy.as_ref().unwrap().contains("ANALYZE one_time_links"), "{found:?}");
        site.sql(&format!("ALTER DATABASE {name} RESET random_page_cost"));
    }
    let index = if engine == Engine::Postgres { "CONSTRAINT" } else { "INDEX" };
    site.sql(&format!("ALTER TABLE users DROP {index} users_by_username"));
    let found = plans(database).await;
    assert!(found.verdict == Verdict::Problem && found.found.contains("username_key = ?"), "{found:?}");
    assert!(found.remedy.as_ref().unwrap().contains("indexes of that table anew"), "{found:?}");
}

/// What the engine does for a statement, and whether it reads a whole table.
fn plan(engine: Engine, site: &crate::engines::Site, sql: &str) -> (String, bool) {
    match engine {
        Engine::Postgres | Engine::Pooled | Engine::Newest => postgres_plan(site, sql),
        Engine::Mysql => mysql_plan(site, sql),
        Engine::Sqlite => unreachable!("not on a server"),
    }
}

/// What PostgreSQL does whatever the values are, and whether it reads a whole table. A sequential scan is shown only where no index can
/// serve.
fn postgres_plan(site: &crate::engines::Site, sql: &str) -> (String, bool) {
    let (mut native, mut count) = (String::new(), 0);
    for letter in sql.replace("/* share */", "FOR SHARE").chars() {
        if letter == '?' {
            count += 1;
            native.push_str(&format!("${count}"));
        } else {
            native.push(letter);
        }
    }
    let nulls = vec!["NULL"; count].join(", ");
    let execute = if count == 0 { "EXECUTE q".to_owned() } else { format!("EXECUTE q({nulls})") };
    let plan = site.sql(&format!(
        "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; PREPARE q AS {native}; EXPLAIN (COSTS OFF) {execute}"
    ));
    let scans = plan.lines().any(|line| line.contains("Seq Scan"));
    // An index that is read from end to end is a whole table, too.
    let nodes = plan.lines().filter(|line| line.contains("Index Scan") || line.contains("Index Only Scan"));
    let conditions = plan.lines().filter(|line| line.trim_start().starts_with("Index Cond"));
    let scans = scans || nodes.count() > conditions.count();
    (plan, scans)
}

/// What MariaDB does, and whether it reads a whole table (type `ALL`) or index (type `index`).
fn mysql_plan(site: &crate::engines::Site, sql: &str) -> (String, bool) {
    let native = sql.replace("LIMIT ?", "LIMIT 1").replace('?', "'1'");
    let plan = site.sql(&format!("SET max_seeks_for_key = 1; EXPLAIN {native}"));
    // id, select_type, table, type, ..
    let scans = plan.lines().any(|line| matches!(line.split('\t').nth(3), Some("ALL" | "index")));
    (plan, scans)
}
