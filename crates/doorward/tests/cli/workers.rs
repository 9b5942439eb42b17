//! `doorward worker`: a server that shares its passwords with workers, some of which die, hang or know another secret. No sign-in fails for it.

use crate::process::{Installation, PATIENCE, get, now, text};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const ONE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const TWO: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

/// A process under test. Dropped, it is killed.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("it starts"))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("it runs");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

struct Worker {
    process: Running,
    /// Host and port.
    address: String,
    metrics: String,
}

impl Worker {
    /// Starts one that knows these secrets.
    fn start(installation: &Installation, secrets: &[&str]) -> Self {
        let metrics = free_address();
        let mut command = installation.command(&["worker", "--listen", "127.0.0.1:0"]);
        command
            .args(["--worker-allow-plain", "on", "--passwords-threads", "1", "--metrics-listen", &metrics])
            .env("DOORWARD_WORKER_SECRET", secrets.join(","));
        let mut process = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        let printed = BufReader::new(process.0.stdout.take().expect("a pipe"));
        let mut addresses = printed.lines().map_while(Result::ok).filter_map(|line| {
            line.split_once("Listening  http://").map(|(_, address)| address.trim().to_owned())
        });
        let address = addresses.next().expect("it listens");
        Self { process, address, metrics }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn completed(&self) -> u64 {
        let (_, metrics) = get(&self.metrics, "/metrics");
        let line = metrics.lines().find_map(|line| line.strip_prefix("doorward_worker_completed_total "));
        line.and_then(|number| number.parse().ok()).expect("a number")
    }
}

fn free_address() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("an address").to_string()
}

/// A server with demo users that shares its passwords.
struct Sharing<'a> {
    installation: &'a Installation,
    issuer: String,
    _process: Running,
}

impl<'a> Sharing<'a> {
    fn start(installation: &'a Installation, workers: &[&Worker], secrets: &[&str]) -> Self {
        let urls: Vec<_> = workers.iter().map(|worker| worker.url()).collect();
        let log = std::fs::File::create(installation.path("server.log")).expect("a file");
        let mut command =
            installation.command(&["demo", "--port", "0", "--env-file", "demo.env", "--log", "info"]);
        command
            .args(["--passwords-threads", "1", "--passwords-max-wait", "20s", "--worker-timeout", "700ms"])
            .args(["--worker-allow-plain", "on"])
            .args(["--passwords-workers", &urls.join(",")])
            .env("DOORWARD_WORKER_SECRET", secrets.join(","));
        let process = Running::start(command.stdout(Stdio::null()).stderr(log));
        let env = installation.path("demo.env");
        until("the server is ready", || env.exists());
        let text = std::fs::read_to_string(env).expect("a file");
        let issuer = text.lines().find_map(|line| line.strip_prefix("ISSUER=")).expect("an issuer");
        Self { installation, issuer: issuer.trim_matches(['"', '\'']).to_owned(), _process: process }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.installation.path("server.log")).expect("a file")
    }

    /// People sign in, again and again, for so many seconds.
    fn load(&self, users: usize, seconds: u64) -> Child {
        let (users, seconds) = (users.to_string(), seconds.to_string());
        self.installation
            .command(&["bench", "sign-in", "--json", "--env-file", "demo.env", "--target", &self.issuer])
            .args(["--users", &users, "--duration", &seconds])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts")
    }
}

/// What the load saw: nothing went wrong, and nobody was sent away.
fn flawless(load: Child) -> Value {
    let output = load.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["errors"], &report["refused"]), (&0.into(), &0.into()), "{report}");
    assert!(report["iterations_per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{report}");
    report
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}: never");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn no_sign_in_fails_when_workers_die_and_hang_under_load() {
    let installation = Installation::new();
    let (dies, hangs) = (Worker::start(&installation, &[ONE]), Worker::start(&installation, &[ONE]));
    let server = Sharing::start(&installation, &[&dies, &hangs], &[ONE]);
    let load = server.load(6, 9);
    until("both workers have worked", || dies.completed() > 3 && hangs.completed() > 3);
    dies.process.signal(Signal::KILL);
    until("the dead one is left alone", || server.log().matches("is not asked until").count() == 1);
    hangs.process.signal(Signal::STOP);
    flawless(load);

    // The rest is done here, and the one that goes on is asked again.
    let load = server.load(6, 3);
    until("the one that hangs is left alone", || server.log().matches("is not asked until").count() >= 2);
    hangs.process.signal(Signal::CONT);
    flawless(load);
    until("a probe found it", || {
        flawless(server.load(6, 1));
        server.log().contains("answers again")
    });
    let before = hangs.completed();
    flawless(server.load(6, 1));
    assert!(hangs.completed() > before);
    assert!(!server.log().contains("AQEB"), "{}", server.log());
}

#[test]
fn a_secret_is_changed_without_a_failed_sign_in() {
    let installation = Installation::new();
    let (old, new) = (Worker::start(&installation, &[ONE]), Worker::start(&installation, &[TWO, ONE]));
    let stranger = Worker::start(&installation, &["AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM="]);
    let server = Sharing::start(&installation, &[&old, &new, &stranger], &[TWO, ONE]);
    flawless(server.load(6, 3));
    assert!(old.completed() > 0 && new.completed() > 0);
    assert_eq!(stranger.completed(), 0);
    let log = server.log();
    assert!(log.contains("not sealed under a secret of this worker"), "{log}");
}

#[test]
fn a_worker_is_tested_as_a_server_would_use_it() {
    let mut installation = Installation::new();
    installation.environment = vec![
        ("DOORWARD_WORKER_SECRET".to_owned(), ONE.to_owned()),
        ("DOORWARD_WORKER_ALLOW_PLAIN".to_owned(), "on".to_owned()),
    ];
    let worker = Worker::start(&installation, &[ONE]);
    let test = ["worker", "test", &worker.url(), "--duration", "1"];
    let report = installation.json(&[&test[..], &["--json"]].concat());
    for number in ["exchange_ms", "hashes_per_second_here", "hashes_per_second_there", "ratio_to_here_alone"]
    {
        assert!(report[number].as_f64().is_some_and(|number| number > 0.0), "{number}: {report}");
    }
    assert!(report["helps"].is_boolean() && report["threads_there"] == 1, "{report}");
    let told = installation.run(&test);
    assert!(told.contains("It would"), "{told}");

    assert!(
        installation.fails(1, &[&test[..], &["--worker-allow-plain", "off"]].concat()).contains("not https")
    );
    installation.environment[0].1 = TWO.to_owned();
    assert!(installation.fails(1, &test).contains("it refuses to answer"));
    let nobody = free_address();
    assert!(
        installation.fails(1, &["worker", "test", &format!("http://{nobody}")]).contains("cannot be reached")
    );
}

#[test]
fn a_worker_does_not_start_where_passwords_would_be_seen() {
    let installation = Installation::new();
    assert!(installation.fails(1, &["worker"]).contains("set tls.certificate"));
    assert!(
        installation.fails(1, &["worker", "--worker-allow-plain", "on"]).contains("openssl rand -base64 32")
    );
    let workers = ["--passwords-workers", "http://127.0.0.1:1"];
    assert!(
        installation.fails(2, &[&["serve"], &workers[..]].concat()).contains("worker.allow_plain is off")
    );
    let served = [&["serve", "--worker-allow-plain", "on"], &workers[..]].concat();
    assert!(installation.fails(1, &served).contains("openssl rand -base64 32"));
    let far = installation
        .fails(2, &["serve", "--worker-allow-plain", "on", "--passwords-workers", "http://a.example"]);
    assert!(far.contains("private network"), "{far}");
}
