//! What matters about a MySQL or MariaDB server: asked through a connection that only reads. Knows its variables and status; where a server
//! that speaks the protocol lacks one, that is left out.

use crate::contract::database::Server;
use crate::contract::finding::{Finding, Thoroughness, bytes};
use crate::contract::plans::{self, Plans};
use crate::engine::mysql::Mysql;
use crate::engine::network::doctor::{Patient, connections, encryption};
use mysql_async::Row;
use mysql_async::prelude::Queryable as _;
use std::collections::HashMap;

/// A slice of a copy must fit, and so must a signed-in person's longest record.
const SMALLEST_PACKET: i64 = 4 * 1024 * 1024;

/// Looks at everything.
pub(crate) async fn look(driver: Mysql, server: &Server, thoroughness: Thoroughness) -> Vec<Finding> {
    let mut patient = match Patient::reach(driver, "the account and its host (CREATE USER, GRANT)").await {
        Ok(patient) => patient,
        Err(finding) => return vec![*finding],
    };
    let mut findings =
        vec![Finding::ok("connection", format!("mysql://{server}")), patient.round_trip().await];
    let mut told = named(&mut patient, "SHOW GLOBAL VARIABLES").await;
    told.extend(named(&mut patient, "SHOW GLOBAL STATUS").await);
    findings.extend(of_settings(&told));
    // Rounded to a second where the server has no finer clock.
    let milliseconds = "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)";
    findings.extend(patient.clock(milliseconds).await);
    findings.push(patient.schema().await);
    let keys = "SELECT table_name FROM information_schema.table_constraints WHERE constraint_type = 'PRIMARY KEY' AND \
                table_schema = DATABASE()";
    findings.extend(patient.indexes(keys).await);
    findings.extend(plans(&mut patient).await);
    let number = |name: &str| told.get(name).and_then(|value| value.parse::<i64>().ok());
    if let (Some(most), Some(used)) = (number("max_connections"), number("threads_connected")) {
        findings.push(connections(most, used, "max_connections", thoroughness));
    }
    if let Some(cipher) = named(&mut patient, "SHOW SESSION STATUS LIKE 'Ssl_cipher'").await.get("ssl_cipher")
    {
        findings.push(encryption(server, !cipher.is_empty()));
    }
    findings.extend(character_set(&mut patient).await);
    findings
}

/// Whether every statement that a request waits for finds its rows by an index.
async fn plans(patient: &mut Patient<Mysql>) -> Option<Finding> {
    let large = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND data_length > 1048576";
    let large: Vec<String> = patient.ask(large).await.unwrap_or_default().into_iter().flatten().collect();
    let connection = patient.connection();
    let mut plans = Plans::default();
    for sql in plans::statements() {
        // Any value will do; a limit must be a number.
        let native = sql.replace("LIMIT ?", "LIMIT 1").replace('?', "'1'");
        let mut whole = Vec::new();
        // Where an index can serve, the first setting makes it the cheapest way; the second is the server's own.
        for seeks in ["1", "DEFAULT"] {
            let seeks = connection.conn().query_drop(format!("SET max_seeks_for_key = {seeks}")).await;
            connection.watch(seeks).ok()?;
            let rows: Result<Vec<Row>, _> = connection.conn().query(format!("EXPLAIN {native}")).await;
            let Ok(rows) = connection.watch(rows) else { break };
            whole.push(read_whole(&rows));
        }
        let [able, real] = whole.as_slice() else { continue };
        plans.asked += 1;
        if !able.is_empty() {
            plans.no_index.push(sql);
        } else if let Some(table) = real.iter().find(|table| large.contains(*table)) {
            plans.not_used.push((sql, table.clone()));
        }
    }
    plans.finding("ANALYZE TABLE")
}

/// The tables that a plan reads from end to end (`ALL`), or by an index from end to end (`index`).
fn read_whole(plan: &[Row]) -> Vec<String> {
    let field = |row: &Row, name: &str| {
        let place = row.columns_ref().iter().position(|column| column.name_str() == name)?;
        row.get_opt::<String, _>(place)?.ok()
    };
    let whole =
        plan.iter().filter(|row| field(row, "type").is_some_and(|kind| kind == "ALL" || kind == "index"));
    whole.map(|row| field(row, "table").unwrap_or_default()).collect()
}

/// Names, in lower case, and values.
async fn named(patient: &mut Patient<Mysql>, sql: &'static str) -> HashMap<String, String> {
    let rows = patient.ask(sql).await.unwrap_or_default();
    rows.into_iter()
        .filter_map(|row| <[String; 2]>::try_from(row).ok())
        .map(|[name, value]| (name.to_lowercase(), value))
        .collect()
}

/// What variables and status alone tell.
fn of_settings(told: &HashMap<String, String>) -> Vec<Finding> {
    let value = |name: &str| told.get(name).map(String::as_str).unwrap_or_default();
    let mut findings = vec![version(value("version"))];
    findings.extend(durability(
        value("innodb_flush_log_at_trx_commit"),
        value("sync_binlog"),
        value("log_bin"),
    ));
    let isolation = if value("transaction_isolation").is_empty() {
        value("tx_isolation")
    } else {
        value("transaction_isolation")
    };
    findings.push(Finding::ok(
        "isolation",
        format!("READ COMMITTED, set by each connection (the server's default: {isolation})"),
    ));
    let zone = value("time_zone");
    findings
        .push(Finding::ok("time zone", format!("{zone}; stored times are milliseconds and know no zone")));
    findings.push(match value("wait_timeout").parse::<i64>() {
        Ok(seconds @ 0..60) => Finding::note(
            "time-outs",
            format!("wait_timeout ends idle connections after {seconds} s"),
            "set it to 600 or more: connections that were idle must be made again, which costs the next request",
        ),
        _ => Finding::ok("time-outs", format!("idle connections live {} s", value("wait_timeout"))),
    });
    if let Ok(packet) = value("max_allowed_packet").parse::<i64>() {
        let found = format!("max_allowed_packet is {}", bytes(packet.unsigned_abs()));
        findings.push(if packet < SMALLEST_PACKET {
            Finding::problem("packets", found, "set it to 16M or more: long claims and copies do not fit")
        } else {
            Finding::ok("packets", found)
        });
    }
    if value("read_only") == "ON" || value("innodb_read_only") == "ON" {
        let remedy = "name the primary in the URL: this server only reads";
        findings.push(Finding::problem("replication", "the server is read-only", remedy));
    }
    findings.extend(galera(told));
    findings
}

fn version(version: &str) -> Finding {
    let mut numbers =
        version.split(|letter: char| !letter.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let number: (i64, i64) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let oldest = if version.contains("MariaDB") { (10, 6) } else { (8, 0) };
    if number < oldest {
        let remedy =
            format!("upgrade to {}.{} or newer: this one is not repaired any more", oldest.0, oldest.1);
        return Finding::problem("version", version, remedy);
    }
    Finding::ok("version", version)
}

fn durability(flush: &str, sync_binlog: &str, log_bin: &str) -> Option<Finding> {
    const CHECK: &str = "durability";
    Some(match (flush, sync_binlog) {
        ("", _) => return None,
        ("0" | "2", _) => Finding::problem(
            CHECK,
            format!("innodb_flush_log_at_trx_commit is {flush}"),
            "set it to 1: a code that was spent could be spent again after a crash",
        ),
        (_, "0") if log_bin == "ON" => Finding::note(
            CHECK,
            "sync_binlog is 0",
            "set it to 1: after a crash a replica can hold what the primary forgot, or lack what it acknowledged",
        ),
        _ => Finding::ok(CHECK, "every commit is on the disk before it is acknowledged"),
    })
}

/// A Galera cluster: how this node stands in it.
fn galera(told: &HashMap<String, String>) -> Option<Finding> {
    const CHECK: &str = "replication";
    let value = |name: &str| told.get(name).map(String::as_str).unwrap_or_default();
    if value("wsrep_on") != "ON" {
        return None;
    }
    let size = value("wsrep_cluster_size");
    Some(match (value("wsrep_cluster_status"), value("wsrep_local_state_comment")) {
        ("Primary", "Synced") if matches!(size, "1" | "2") => Finding::note(
            CHECK,
            format!("a Galera cluster of {size}"),
            "run three nodes or more: with fewer, one that fails stops the others from writing",
        ),
        ("Primary", "Synced") => Finding::ok(CHECK, format!("a Galera cluster of {size}, in step")),
        (status, state) => Finding::problem(
            CHECK,
            format!("this node of the Galera cluster is {state}, its part of the cluster {status}"),
            "name another node first in the URL, and bring this one back into the cluster",
        ),
    })
}

/// Tables that compare keys in another way than byte by byte.
async fn character_set(patient: &mut Patient<Mysql>) -> Option<Finding> {
    const CHECK: &str = "encoding";
    let other = "SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = DATABASE() AND \
                 data_type = 'varchar' AND column_name <> 'checksum' AND table_name <> 'refinery_schema_history' AND \
                 collation_name NOT LIKE '%\\_bin' AND collation_name <> 'binary'";
    let other: Vec<String> = patient.ask(other).await?.into_iter().flatten().collect();
    Some(if other.is_empty() {
        Finding::ok(CHECK, "keys are compared byte by byte")
    } else {
        let remedy = "copy everything into a new database with `doorward store copy`: names that differ in case or accents would be one";
        Finding::problem(CHECK, format!("{} compare names by a language's rules", other.join(", ")), remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::finding::Verdict;

    #[test]
    fn settings_are_judged() {
        let judged = |told: &[(&str, &str)]| {
            let told = told.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            of_settings(&told)
                .into_iter()
                .filter(|finding| finding.check != "version" || !finding.found.is_empty())
                .map(|finding| finding.verdict)
                .max()
                .unwrap()
        };
        for (told, verdict) in [
            (&[("version", "11.8.3-MariaDB-0+deb13u1")][..], Verdict::Ok),
            (&[("version", "10.3.1-MariaDB")], Verdict::Problem),
            (&[("version", "8.4.2")], Verdict::Ok),
            (&[("version", "5.7.44")], Verdict::Problem),
            (&[("innodb_flush_log_at_trx_commit", "2")], Verdict::Problem),
            (
                &[("innodb_flush_log_at_trx_commit", "1"), ("sync_binlog", "0"), ("log_bin", "OFF")],
                Verdict::Ok,
            ),
            (
                &[("innodb_flush_log_at_trx_commit", "1"), ("sync_binlog", "0"), ("log_bin", "ON")],
                Verdict::Note,
            ),
            (&[("wait_timeout", "10")], Verdict::Note),
            (&[("max_allowed_packet", "1048576")], Verdict::Problem),
            (&[("read_only", "ON")], Verdict::Problem),
            (
                &[
                    ("wsrep_on", "ON"),
                    ("wsrep_cluster_status", "Primary"),
                    ("wsrep_local_state_comment", "Synced"),
                    ("wsrep_cluster_size", "3"),
                ],
                Verdict::Ok,
            ),
            (
                &[
                    ("wsrep_on", "ON"),
                    ("wsrep_cluster_status", "non-Primary"),
                    ("wsrep_local_state_comment", "Initialized"),
                ],
                Verdict::Problem,
            ),
        ] {
            assert_eq!(judged(told), verdict, "{told:?}");
        }
    }
}
