//! A rolling restart under load: the socket handed over by a service manager, and the address shared by SO_REUSEPORT. No request fails.

use crate::process::{Installation, PATIENCE, Server, doorward, now};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

const RESTARTS: usize = 4;

#[test]
fn a_restart_with_the_socket_of_the_service_manager_loses_no_request() {
    let installation = Installation::new();
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("an address").to_string();
    let start = || Server::start(handed_in(&installation, &socket));
    let mut server = start();
    let load = Load::on(&address);
    for _ in 0..RESTARTS {
        load.make_progress();
        // As `systemctl restart`: the next one starts when the last one has ended.
        server.stop();
        server = start();
    }
    load.make_progress();
    let lost = load.stop();
    assert!(lost.is_empty(), "{lost:?}");
    server.stop();
}

#[test]
fn a_process_that_takes_over_the_address_of_another_loses_no_request() {
    let installation = Installation::new();
    let options = ["--listen-reuse-port", "on", "--drain-grace", "300ms", "--limits-enabled", "off"];
    let mut server = installation.serve(&options);
    let address = server.address.clone();
    let load = Load::on(&address);
    for _ in 0..RESTARTS {
        load.make_progress();
        let mut successor = installation.command(&["serve", "--listen", &address]);
        successor.args(options);
        // It listens at once, and waits until its predecessor lets the database go.
        let successor = thread::spawn(move || Server::start(successor));
        while listeners_on(&address) < 2 {
            sleep(Duration::from_millis(10));
        }
        server.stop();
        server = successor.join().expect("it took over");
    }
    load.make_progress();
    let lost = load.stop();
    // What the kernel cannot promise: a connection that completes between the last look into the queue and the close is reset, before
    // a byte of its request was read. (tcp_migrate_req closes this gap.)
    let (gap, wrong): (Vec<_>, Vec<_>) = lost.into_iter().partition(|lost| lost.starts_with("new"));
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(gap.len() <= RESTARTS, "{gap:?}");
    server.stop();
}

#[test]
fn a_server_that_owns_its_address_waits_for_nobody_unless_told_to() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let began = now();
    installation.fails(1, &["serve", "--listen", "127.0.0.1:0", "--sqlite-lock-wait", "400ms"]);
    assert!(began.elapsed() >= Duration::from_millis(400));
    server.stop();
}

/// A server whose listening socket is its file descriptor 3, as systemd does it (sd_listen_fds(3)).
fn handed_in(installation: &Installation, socket: &TcpListener) -> Command {
    let script = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"";
    let mut command = Command::new("/bin/sh");
    let socket = OwnedFd::from(socket.try_clone().expect("another handle"));
    command.env_clear().current_dir(installation.directory.path()).stdin(Stdio::from(socket));
    command.args(["-c", script, "sh"]).arg(doorward().get_program()).args([
        "serve",
        "--drain-grace",
        "300ms",
        "--limits-enabled",
        "off",
    ]);
    command
}

/// How many sockets listen there (proc_pid_net(5): addresses are hexadecimal, 0A is LISTEN).
fn listeners_on(address: &str) -> usize {
    let port: u16 = address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let local = format!(":{port:04X} 00000000:0000 0A");
    std::fs::read_to_string("/proc/net/tcp").expect("sockets").matches(&local).count()
}

/// Clients that never stop asking, each in its own way.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    fn on(address: &str) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let clients = (0..8)
            .map(|index| {
                let (stop, answered, address) =
                    (Arc::clone(&stop), Arc::clone(&answered), address.to_owned());
                thread::spawn(move || client(index, &address, &stop, &answered))
            })
            .collect();
        Self { stop, answered, clients }
    }

    fn make_progress(&self) {
        let (began, before) = (now(), self.answered.load(Ordering::Relaxed));
        while self.answered.load(Ordering::Relaxed) < before + 200 {
            assert!(began.elapsed() < PATIENCE, "no answers");
            sleep(Duration::from_millis(10));
        }
    }

    /// What was lost, one line each.
    fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().flat_map(|client| client.join().expect("no panic")).collect()
    }
}

/// Even clients keep their connections as long as the server lets them, with pauses of a few milliseconds; odd ones take a new one each time.
fn client(index: u64, address: &str, stop: &AtomicBool, answered: &AtomicUsize) -> Vec<String> {
    let keeps = index.is_multiple_of(2);
    let (mut kept, mut lost): (Option<TcpStream>, Vec<String>) = (None, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let (what, stream) = match kept.take() {
            Some(stream) => ("kept", Ok(stream)),
            None => ("new", TcpStream::connect(address)),
        };
        match stream.and_then(|mut stream| ask(&mut stream, keeps).map(|last| (stream, last))) {
            Ok((stream, last)) => {
                answered.fetch_add(1, Ordering::Relaxed);
                kept = (keeps && !last).then_some(stream);
            }
            Err(error) => lost.push(format!("{what}: {error}")),
        }
        sleep(Duration::from_millis(3 * index));
    }
    lost
}

/// One request; whether the answer said that it is the connection's last.
fn ask(stream: &mut TcpStream, keep: bool) -> std::io::Result<bool> {
    use std::io::{Error, ErrorKind};
    stream.set_read_timeout(Some(PATIENCE))?;
    let connection = if keep { "keep-alive" } else { "close" };
    let request = format!("GET /oauth2/jwks HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, format!("after {} bytes", answer.len())));
        }
        answer.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
        if length.is_none_or(|length: usize| body.len() < length) {
            continue;
        }
        if !head.starts_with("http/1.1 200") {
            return Err(Error::other(head.lines().next().unwrap_or_default().to_owned()));
        }
        return Ok(head.contains("connection: close"));
    }
}
