//! Debian's Prometheus reads a server's metrics with the alert rules of `deploy/`, and understands every query of the dashboard.

use crate::process::{Installation, PATIENCE, answer, now};
use serde_json::Value;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where the program is; said loudly where it is not, and a failure in CI.
fn program() -> Option<PathBuf> {
    let path = throwaway::variable("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join("prometheus")).find(|path| path.is_file());
    if found.is_none() {
        let missing = "prometheus is not installed; as root: apt-get install prometheus";
        assert!(throwaway::variable("CI").is_none(), "{missing}");
        eprintln!("SKIPPED: {missing}");
    }
    found
}

/// A Prometheus that runs. Dropped, it is killed.
struct Prometheus {
    process: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// One that watches the server whose metrics are at `target`.
    fn start(program: &Path, target: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let rules = deploy("prometheus/doorward.rules.yml");
        let configuration = format!(
            "global: {{ scrape_interval: 200ms, evaluation_interval: 200ms, scrape_timeout: 200ms }}\n\
             rule_files: ['{}']\n\
             scrape_configs: [{{ job_name: doorward, static_configs: [{{ targets: ['{target}'] }}] }}]\n",
            rules.display()
        );
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, configuration).expect("a file");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        drop(listener);
        let process = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        Self { process, address, _folder: folder }
    }

    /// What it answers at this path, once it does.
    fn ask(&self, path: &str) -> Value {
        let began = now();
        loop {
            assert!(began.elapsed() < PATIENCE, "it does not answer");
            if let Ok(mut stream) = TcpStream::connect(&self.address) {
                // Of an older protocol, so that nothing comes in chunks.
                write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address).expect("it reads");
                let (status, body) = answer(stream);
                // It listens a moment before it is ready.
                if status != 503 {
                    return serde_json::from_str(&body).unwrap_or_else(|_| panic!("{path}: {status} {body}"));
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn query(&self, query: &str) -> Value {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
        self.ask(&format!("/api/v1/query?{query}"))
    }

    fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        let began = now();
        while !holds() {
            assert!(began.elapsed() < PATIENCE, "{what}: {}", self.ask("/api/v1/targets"));
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn deploy(file: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy")).join(file)
}

/// Every query of the dashboard, as Grafana would send it.
fn dashboard_queries(value: &Value, queries: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(query)) = members.get("expr") {
                queries.push(
                    query.replace("$__rate_interval", "1m").replace("$job", ".*").replace("$instance", ".*"),
                );
            }
            members.values().for_each(|value| dashboard_queries(value, queries));
        }
        Value::Array(values) => values.iter().for_each(|value| dashboard_queries(value, queries)),
        _ => {}
    }
}

#[test]
fn a_prometheus_reads_the_metrics_and_understands_every_alert_and_the_dashboard() {
    let Some(program) = program() else { return };
    let installation = Installation::new();
    let server = installation.serve(&["--metrics-listen", "127.0.0.1:0"]);
    let (_, after) = server.printed.split_once("Metrics    http://").expect("the address of the metrics");
    let target = after.split('/').next().expect("an address");
    let prometheus = Prometheus::start(&program, target);

    let is_there = |query: &str| {
        let answered = prometheus.query(query);
        assert_eq!(answered["status"], "success", "{query}: {answered}");
        answered["data"]["result"].as_array().is_some_and(|result| !result.is_empty())
    };
    prometheus.wait_until("it reads the server", || is_there("up{job=\"doorward\"} == 1"));
    for query in
        ["doorward_build_info", "process_resident_memory_bytes > 1e6", "doorward_store_commit_seconds_bucket"]
    {
        prometheus.wait_until(query, || is_there(query));
    }

    let health = || -> Vec<String> {
        let rules = prometheus.ask("/api/v1/rules");
        let groups = rules["data"]["groups"].as_array().expect("groups");
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
        rules.map(|rule| format!("{} {}", rule["health"], rule["lastError"])).collect()
    };
    prometheus.wait_until("the rules run", || health().iter().all(|health| !health.contains("unknown")));
    let health = health();
    assert!(health.len() > 10 && health.iter().all(|health| health.starts_with("\"ok\"")), "{health:?}");

    let dashboard = std::fs::read_to_string(deploy("grafana/doorward.json")).expect("a dashboard");
    let mut queries = Vec::new();
    dashboard_queries(&serde_json::from_str(&dashboard).expect("JSON"), &mut queries);
    assert!(queries.len() > 40);
    // A rate needs two readings.
    prometheus.wait_until("rates", || is_there("rate(process_cpu_seconds_total[1m])"));
    // A server that just began has shipped nothing, failed at nothing and has no database on a server.
    let absent = [
        "_backup_",
        "_password_worker_",
        "retries",
        "connects",
        "resolved",
        "reads_waiting",
        "5..",
        "changes(",
    ];
    for query in &queries {
        assert!(is_there(query) || absent.iter().any(|part| query.contains(part)), "{query} has no value");
    }
    server.stop();
}
