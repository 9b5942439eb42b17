//! Every statement that a request waits for finds its rows by an index, on every engine. The statements are read from the sources, so
//! that none is forgotten.

use crate::engines::Engine;

on_every_server![no_point_query_and_no_command_reads_a_whole_table];

/// A statement of the sources.
struct Found {
    file: String,
    sql: String,
}

/// Every statement of a point query or a command. What may scan (`Access::Scan`) is left out, and so is sweeping, which reads in slices.
fn statements() -> Vec<Found> {
    let mut found = Vec::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // A copy reads whole tables, by their keys.
        if !path.is_file() || path.ends_with("sweep.rs") || path.ends_with("tables.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        for block in text.split("\n}\n").filter(|item| !item.contains("= Access::Scan;")) {
            found.extend(literals(block).into_iter().map(|sql| Found { file: file.clone(), sql }));
        }
    }
    found
}

/// String literals that are statements with a condition, as the compiler sees them.
fn literals(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let literals = code.split('"').skip(1).step_by(2).map(|literal| {
        let mut lines = literal.split("\\\n");
        let first = lines.next().unwrap_or_default().to_owned();
        lines.fold(first, |joined, line| joined + line.trim_start())
    });
    literals
        .filter(|text| ["SELECT ", "UPDATE ", "DELETE "].iter().any(|verb| text.starts_with(verb)))
        .collect()
}

#[test]
fn the_statements_are_found() {
    let found = statements();
    let of = |file: &str| found.iter().filter(|statement| statement.file == file).count();
    assert!(found.len() >= 25, "only {} statements were found", found.len());
    for (file, least) in [("session.rs", 4), ("user.rs", 7), ("refresh_token.rs", 2), ("revocation.rs", 1)] {
        assert!(of(file) >= least, "{file}: {}", of(file));
    }
}

async fn no_point_query_and_no_command_reads_a_whole_table(engine: Engine) {
    let site = engine.open().await;
    let mut wrong = Vec::new();
    for Found { file, sql } in statements() {
        let (plan, scans) = plan(engine, &site, &sql);
        // Who the platform owner is, is asked once in the life of an installation.
        if scans && !sql.contains("platform_owner = 1") {
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

/// What the engine does for a statement, and whether it reads a whole table.
fn plan(engine: Engine, site: &crate::engines::Site, sql: &str) -> (String, bool) {
    match engine {
        Engine::Postgres => postgres_plan(site, sql),
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
