//! What matters about a PostgreSQL server: asked through a connection that only reads. Knows its settings and views; where a server that
//! speaks the protocol lacks one, that is left out.

use crate::contract::database::Server;
use crate::contract::finding::{Finding, Thoroughness, bytes};
use crate::contract::plans::{self, Plans};
use crate::engine::network::doctor::{Patient, connections, encryption};
use crate::engine::postgres::{POSTGRES, Postgres};
use std::collections::HashMap;
use tokio_postgres::SimpleQueryMessage;

/// The oldest version that its makers still repair.
const OLDEST: i64 = 14;

/// Looks at everything.
pub(crate) async fn look(driver: Postgres, server: &Server, thoroughness: Thoroughness) -> Vec<Finding> {
    let mut patient = match Patient::reach(driver, "pg_hba.conf").await {
        Ok(patient) => patient,
        Err(finding) => return vec![*finding],
    };
    let mut findings =
        vec![Finding::ok("connection", format!("postgres://{server}")), patient.round_trip().await];
    let settings = "SELECT name, setting FROM pg_settings WHERE name IN ('server_version_num', 'server_version', 'fsync', \
                    'synchronous_commit', 'full_page_writes', 'max_connections', 'superuser_reserved_connections', \
                    'server_encoding', 'autovacuum', 'idle_session_timeout', 'TimeZone', 'default_transaction_isolation')";
    let settings: HashMap<String, String> = patient
        .ask(settings)
        .await
        .unwrap_or_default()
        .into_iter()
        .filter_map(|row| <[String; 2]>::try_from(row).ok())
        .map(|[name, setting]| (name, setting))
        .collect();
    findings.extend(of_settings(&settings));
    let milliseconds = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
    findings.extend(patient.clock(milliseconds).await);
    findings.push(patient.schema().await);
    let keys = "SELECT CAST(c.relname AS TEXT) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE i.indisprimary AND i.indisvalid";
    findings.extend(patient.indexes(keys).await);
    findings.extend(plans(&mut patient).await);
    findings.extend(connection_limit(&mut patient, &settings, thoroughness).await);
    let encrypted = "SELECT count(*) FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl";
    if let Some(encrypted) = patient.number(encrypted).await {
        findings.push(encryption(server, encrypted > 0));
    }
    findings.extend(replication(&mut patient).await);
    findings.extend(upkeep(&mut patient).await);
    findings
}

/// Whether every statement that a request waits for finds its rows by an index, whatever the values are.
async fn plans(patient: &mut Patient<Postgres>) -> Option<Finding> {
    let large =
        "SELECT CAST(relname AS TEXT) FROM pg_class WHERE relkind = 'r' AND pg_relation_size(oid) > 1048576";
    let large: Vec<String> = patient.ask(large).await.unwrap_or_default().into_iter().flatten().collect();
    if patient.connection().session.pooled {
        return Some(Finding::note(
            "plans",
            "there is a pooler before the server: plans were not asked for",
            "to see them, name the server itself: doorward store doctor --database postgres://..",
        ));
    }
    let client = &patient.connection().client;
    client.batch_execute("SET plan_cache_mode = force_generic_plan").await.ok()?;
    let mut plans = Plans::default();
    for (number, sql) in plans::statements().enumerate() {
        let native = POSTGRES.statement(sql);
        let nulls = vec!["NULL"; native.matches('$').count()].join(", ");
        let values = if nulls.is_empty() { nulls } else { format!("({nulls})") };
        let explained = |name: &str, seqscan: &str| {
            format!(
                "SET enable_seqscan = {seqscan}; PREPARE {name}{number} AS {native}; EXPLAIN (COSTS OFF) EXECUTE {name}{number}{values}"
            )
        };
        // A plan that is prepared stays as it is: each is prepared for itself.
        let Ok(able) = client.simple_query(&explained("able", "off")).await else { continue };
        let Ok(real) = client.simple_query(&explained("real", "on")).await else { continue };
        plans.asked += 1;
        if !read_whole(&lines(&able)).is_empty() {
            plans.no_index.push(sql);
        } else if let Some(table) = read_whole(&lines(&real)).into_iter().find(|table| large.contains(table))
        {
            plans.not_used.push((sql, table));
        }
    }
    plans.finding("ANALYZE")
}

fn lines(messages: &[SimpleQueryMessage]) -> Vec<String> {
    let line = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    messages.iter().filter_map(line).collect()
}

/// The tables that a plan reads from end to end, or by an index from end to end.
fn read_whole(plan: &[String]) -> Vec<String> {
    let mut whole = Vec::new();
    for (place, line) in plan.iter().enumerate() {
        let by_index = line.contains("Index Scan using") || line.contains("Index Only Scan using");
        let sought = plan.get(place + 1).is_some_and(|next| next.trim_start().starts_with("Index Cond"));
        if (line.contains("Seq Scan on ") || (by_index && !sought))
            && let Some((_, table)) = line.rsplit_once(" on ")
        {
            whole.extend(table.split_whitespace().next().map(str::to_owned));
        }
    }
    whole
}

/// What the settings alone tell.
fn of_settings(settings: &HashMap<String, String>) -> Vec<Finding> {
    let setting = |name: &str| settings.get(name).map(String::as_str).unwrap_or_default();
    let mut findings = Vec::new();
    if let Ok(number) = setting("server_version_num").parse::<i64>() {
        let version = setting("server_version");
        findings.push(if number / 10_000 < OLDEST {
            Finding::problem(
                "version",
                version,
                format!("upgrade to {OLDEST} or newer: this one is not repaired any more"),
            )
        } else {
            Finding::ok("version", version)
        });
    }
    findings.extend(durability(setting("fsync"), setting("synchronous_commit"), setting("full_page_writes")));
    if !matches!(setting("server_encoding"), "UTF8" | "") {
        let remedy = "make the database anew with ENCODING 'UTF8' and copy everything with `doorward store copy`: names hold any letter";
        findings.push(Finding::problem("encoding", setting("server_encoding"), remedy));
    } else {
        findings.push(Finding::ok("encoding", "UTF8; keys are compared byte by byte whatever the collation"));
    }
    if !setting("default_transaction_isolation").is_empty() {
        let default = setting("default_transaction_isolation");
        let found = format!("READ COMMITTED, set by each transaction (the server's default: {default})");
        findings.push(Finding::ok("isolation", found));
    }
    if !setting("TimeZone").is_empty() {
        let found = format!("{}; stored times are milliseconds and know no zone", setting("TimeZone"));
        findings.push(Finding::ok("time zone", found));
    }
    match setting("idle_session_timeout").parse::<i64>() {
        Ok(millis @ 1..60_000) => findings.push(Finding::note(
            "time-outs",
            format!("idle_session_timeout ends connections after {millis} ms"),
            "ALTER ROLE .. SET idle_session_timeout = 0: connections that were idle must be made again, which costs the next request",
        )),
        _ => findings.push(Finding::ok("time-outs", "Doorward sets its own for statements, locks and idle transactions")),
    }
    findings
}

fn durability(fsync: &str, synchronous_commit: &str, full_page_writes: &str) -> Option<Finding> {
    const CHECK: &str = "durability";
    Some(match (fsync, synchronous_commit, full_page_writes) {
        ("", ..) => return None,
        ("off", ..) => Finding::problem(
            CHECK,
            "fsync is off",
            "set fsync = on: at a power failure the whole database is lost, not only its last moments",
        ),
        (_, _, "off") => Finding::problem(
            CHECK,
            "full_page_writes is off",
            "set it to on, unless the file system writes pages whole (ZFS): a crash can damage pages",
        ),
        (_, "off", _) => Finding::problem(
            CHECK,
            "synchronous_commit is off",
            "set it to on for this database or role: a code that was spent could be spent again after a crash",
        ),
        (_, "local" | "remote_write", _) => Finding::note(
            CHECK,
            format!("synchronous_commit is {synchronous_commit}"),
            "use on or remote_apply with synchronous standbys: a failover can lose what was acknowledged",
        ),
        _ => Finding::ok(CHECK, format!("fsync is on, synchronous_commit is {synchronous_commit}")),
    })
}

async fn connection_limit(
    patient: &mut Patient<Postgres>,
    settings: &HashMap<String, String>,
    thoroughness: Thoroughness,
) -> Option<Finding> {
    let number = |name: &str| settings.get(name).and_then(|setting| setting.parse::<i64>().ok());
    let most = number("max_connections")? - number("superuser_reserved_connections").unwrap_or(0);
    let used =
        patient.number("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'").await?;
    Some(connections(most, used, "max_connections", thoroughness))
}

async fn replication(patient: &mut Patient<Postgres>) -> Option<Finding> {
    const CHECK: &str = "replication";
    let standby = patient.number("SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END").await?;
    if standby == 1 {
        let remedy =
            "name the primary in the URL, or all hosts, separated by commas: the one that can write is found";
        return Some(Finding::problem(CHECK, "this is a standby, which only reads", remedy));
    }
    let replicas = patient.number("SELECT count(*) FROM pg_stat_replication").await?;
    let waits =
        patient.ask("SELECT setting FROM pg_settings WHERE name = 'synchronous_standby_names'").await?;
    let waits = waits.first().and_then(|row| row.first()).is_some_and(|names| !names.is_empty());
    Some(match (replicas, waits) {
        (0, true) => Finding::problem(
            CHECK,
            "commits wait for a standby, and none is connected",
            "bring a standby back, or clear synchronous_standby_names: until then no write ends",
        ),
        (0, false) => Finding::ok(CHECK, "the only server; have backups"),
        (_, true) => Finding::ok(CHECK, format!("{replicas} standbys, and commits wait for them")),
        (_, false) => Finding::note(
            CHECK,
            format!("{replicas} standbys, and commits do not wait for them"),
            "set synchronous_standby_names if a failover must not forget the last moments: a spent code could be spent again",
        ),
    })
}

/// What grows when nobody tidies up.
async fn upkeep(patient: &mut Patient<Postgres>) -> Option<Finding> {
    const CHECK: &str = "upkeep";
    let size = patient.number("SELECT pg_database_size(current_database())").await?;
    let off = patient
        .number("SELECT count(*) FROM pg_settings WHERE name = 'autovacuum' AND setting = 'off'")
        .await?;
    if off > 0 {
        let remedy = "set autovacuum = on: spent codes and expired rows stay on the disk, and every look-up grows slower";
        return Some(Finding::problem(CHECK, "autovacuum is off", remedy));
    }
    let dead = "SELECT CAST(relname AS TEXT) FROM pg_stat_user_tables WHERE n_dead_tup > 100000 AND n_dead_tup > n_live_tup";
    let dead: Vec<String> = patient.ask(dead).await?.into_iter().flatten().collect();
    let size = bytes(size.unsigned_abs());
    Some(if dead.is_empty() {
        Finding::ok(CHECK, format!("the database has {size}; autovacuum keeps up"))
    } else {
        let remedy = "ALTER TABLE .. SET (autovacuum_vacuum_scale_factor = 0.02), and look for transactions that stay open";
        Finding::note(
            CHECK,
            format!("the database has {size}; more dead than live rows in {}", dead.join(", ")),
            remedy,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::finding::Verdict;

    #[test]
    fn what_could_be_lost_is_a_problem() {
        for (fsync, commit, pages, verdict) in [
            ("on", "on", "on", Verdict::Ok),
            ("on", "remote_apply", "on", Verdict::Ok),
            ("off", "on", "on", Verdict::Problem),
            ("on", "off", "on", Verdict::Problem),
            ("on", "on", "off", Verdict::Problem),
            ("on", "local", "on", Verdict::Note),
        ] {
            assert_eq!(
                durability(fsync, commit, pages).unwrap().verdict,
                verdict,
                "{fsync} {commit} {pages}"
            );
        }
        // A server that does not tell.
        assert_eq!(durability("", "", ""), None);
    }

    #[test]
    fn what_a_plan_reads_whole_is_seen() {
        let of = |plan: &str| read_whole(&plan.lines().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("Update on t\n  ->  Seq Scan on t\n        Filter: (a = $1)"), ["t"]);
        assert_eq!(of("Limit\n  ->  Index Scan using t_pkey on t u\n        Filter: (a = $1)"), ["t"]);
        assert!(of("Index Scan using t_pkey on t\n  Index Cond: (id = $1)\n  Filter: (a = $2)").is_empty());
        assert!(
            of("Bitmap Heap Scan on t\n  ->  Bitmap Index Scan on t_a\n  Index Cond: (a = $1)").is_empty()
        );
    }

    #[test]
    fn settings_are_judged() {
        let judged = |name: &str, setting: &str| {
            let settings = HashMap::from([(name.to_owned(), setting.to_owned())]);
            of_settings(&settings).into_iter().map(|finding| finding.verdict).max().unwrap()
        };
        for (name, setting, verdict) in [
            ("server_version_num", "130012", Verdict::Problem),
            ("server_version_num", "170002", Verdict::Ok),
            ("server_encoding", "SQL_ASCII", Verdict::Problem),
            ("server_encoding", "UTF8", Verdict::Ok),
            ("idle_session_timeout", "5000", Verdict::Note),
            ("idle_session_timeout", "0", Verdict::Ok),
        ] {
            assert_eq!(judged(name, setting), verdict, "{name} = {setting}");
        }
    }
}
