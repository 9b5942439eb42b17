//! Processes under test: an installation in a temporary directory, commands run on it, a server that runs on it. Owns how they are started
//! and stopped, and the few lines of HTTP the tests need.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Generous: the machine may be busy with the other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// For waiting and measuring.
#[expect(clippy::disallowed_methods, reason = "a test that waits for a process has to look at the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The program, with nothing of this test's own environment that could configure it.
pub(crate) fn doorward() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// A directory to run in, with an installation in `doorward-data`.
pub(crate) struct Installation {
    pub(crate) directory: TempDir,
    /// What its commands find in their environment.
    pub(crate) environment: Vec<(String, String)>,
}

impl Installation {
    pub(crate) fn new() -> Self {
        let made = Self::empty();
        made.run(&["init"]);
        made
    }

    /// A directory with nothing in it yet.
    pub(crate) fn empty() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory"), environment: Vec::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = doorward();
        command.current_dir(self.directory.path()).args(arguments).envs(self.environment.iter().cloned());
        command
    }

    /// Runs a command that succeeds; its standard output.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("the program runs");
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs a command that prints JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(arguments)).expect("JSON")
    }

    /// Runs a command that fails with this exit code; its standard error.
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("the program runs");
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stderr)
    }

    /// Runs a command with this standard input.
    pub(crate) fn given(&self, input: &str, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        process.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
        process.wait_with_output().expect("it ends")
    }

    pub(crate) fn add_user(&self, name: &str, more: &[&str]) {
        let arguments = [&["user", "add", name, "--password-stdin"], more].concat();
        let output = self.given("correct-horse-battery\n", &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    pub(crate) fn serve(&self, more: &[&str]) -> Server {
        Server::start(self.command(&[&["serve", "--listen", "127.0.0.1:0"], more].concat()))
    }
}

/// A server that runs. Dropped, it is killed.
pub(crate) struct Server {
    process: Child,
    /// What it printed until it was listening.
    pub(crate) printed: String,
    /// Host and port.
    pub(crate) address: String,
    /// From the start of the process to the first answer.
    pub(crate) first_answer_after: Duration,
}

impl Server {
    /// Starts one and waits for its first answer.
    pub(crate) fn start(mut command: Command) -> Self {
        let began = now();
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut printed = String::new();
        let address = loop {
            let before = printed.len();
            if lines.read_line(&mut printed).expect("text") == 0 {
                let output = process.wait_with_output().expect("it ended");
                panic!("it ended early: {printed}{}", text(&output.stderr));
            }
            if let Some((_, address)) = printed[before..].split_once("Listening  http://") {
                break address.trim().to_owned();
            }
        };
        let (status, _) = get(&address, "/health/live");
        assert_eq!(status, 200);
        let first_answer_after = began.elapsed();
        let mut server = Self { process, printed, address, first_answer_after };
        server.wait_until_ready();
        server.keep_reading(lines);
        server
    }

    fn wait_until_ready(&self) {
        let began = now();
        while get(&self.address, "/health/ready").0 != 200 {
            assert!(began.elapsed() < PATIENCE, "not ready after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Takes what it prints once it is ready, up to the end of what it says about itself.
    fn keep_reading(&mut self, mut lines: BufReader<std::process::ChildStdout>) {
        while !self.printed.contains("Database") {
            assert!(lines.read_line(&mut self.printed).expect("text") > 0, "it closed its output");
        }
        // The rest is read in the background, so that it never waits for a reader; what it says before it listens is in the pipe by now.
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        while let Ok(line) = receiver.recv_timeout(Duration::from_millis(300)) {
            self.printed.push_str(&line);
            self.printed.push('\n');
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = Pid::from_child(&self.process);
        kill_process(id, signal).expect("it runs");
    }

    /// Waits for its end: exit code and standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let began = now();
        let status = loop {
            match self.process.try_wait().expect("a process") {
                Some(status) => break status,
                None if began.elapsed() > PATIENCE => panic!("it does not end"),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        let mut log = String::new();
        self.process.stderr.take().expect("a pipe").read_to_string(&mut log).expect("text");
        (status.code(), log)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Stops it as a service manager does.
    pub(crate) fn stop(self) {
        self.signal(Signal::TERM);
        let (code, log) = self.end();
        assert_eq!(code, Some(0), "{log}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Status and body of a GET.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    get_with(address, path, &[])
}

/// Status and body of a GET with these headers.
pub(crate) fn get_with(address: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    exchange(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n"),
    )
}

/// Status and body of a POSTed form with Basic credentials.
pub(crate) fn post(address: &str, path: &str, credentials: (&str, &str), form: &str) -> (u16, String) {
    use base64::Engine as _;
    let basic =
        base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", credentials.0, credentials.1));
    post_with(address, path, &[("Authorization", &format!("Basic {basic}"))], form)
}

/// Status and body of a POSTed form with these headers.
pub(crate) fn post_with(address: &str, path: &str, headers: &[(&str, &str)], form: &str) -> (u16, String) {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = form.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
    );
    exchange(address, &(head + form))
}

/// Status and body of a request, written out.
pub(crate) fn exchange(address: &str, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    answer(stream)
}

/// Reads an answer to its end.
pub(crate) fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut answer = String::new();
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
