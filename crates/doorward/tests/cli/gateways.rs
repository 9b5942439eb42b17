//! Debian's nginx and Caddy before an API, configured as docs/guide/gateways.md says, letter by letter: only addresses are exchanged.
//! On every engine.

use crate::login;
use crate::process::{Installation, PATIENCE, Server, now, post};
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use throwaway::{Database, Engine};

const GUIDE: &str = include_str!("../../../../docs/guide/gateways.md");
pub(crate) const API: &str = "https://api.example.org";

#[derive(Debug, Clone, Copy)]
pub(crate) enum Gateway {
    Nginx,
    Caddy,
}

impl Gateway {
    fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
        }
    }

    /// Where the program is; said loudly where it is not, and a failure in CI.
    pub(crate) fn program(self) -> Option<PathBuf> {
        let path = throwaway::variable("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
        let found = folders.map(|folder| folder.join(self.name())).find(|program| program.is_file());
        if found.is_none() {
            let missing = format!("{0} is not installed; as root: apt-get install {0}", self.name());
            assert!(throwaway::variable("CI").is_none(), "{missing}");
            eprintln!("SKIPPED: {missing}");
        }
        found
    }

    /// What the guide says.
    fn configuration(self) -> &'static str {
        let language = if matches!(self, Self::Nginx) { "nginx" } else { "caddyfile" };
        example(GUIDE, language, 0)
    }
}

/// The guide's examples in this language, counted from 0.
pub(crate) fn example(guide: &'static str, language: &str, number: usize) -> &'static str {
    let fence = format!("```{language}\n");
    let from = guide.split(fence.as_str()).nth(number + 1).expect("the guide has an example");
    from.split_once("```").expect("it ends").0
}

/// A free port of the loopback address.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

/// The text with our addresses and paths in place of theirs, each of which it has.
pub(crate) fn exchanged(text: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(text.to_owned(), |text, (theirs, ours)| {
        assert!(text.contains(theirs), "{theirs}");
        text.replace(theirs, ours)
    })
}

/// A gateway that runs. Dropped, it is killed.
pub(crate) struct Running {
    process: Child,
    /// Host and port.
    pub(crate) address: String,
    _folder: tempfile::TempDir,
}

impl Running {
    /// As the guide says, before this API.
    fn start(gateway: Gateway, program: PathBuf, doorward: &str, api: &str) -> Self {
        let port = free_port();
        let ours = [("8000", &*port.to_string()), ("127.0.0.1:8080", doorward), ("127.0.0.1:3000", api)];
        Self::with(gateway, program, port, &exchanged(gateway.configuration(), &ours))
    }

    /// As this text says, which has it listen on this port.
    pub(crate) fn with(gateway: Gateway, program: PathBuf, port: u16, text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path().display();
        let (text, arguments) = match gateway {
            // One process, which is easily ended.
            Gateway::Nginx => {
                let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .iter()
                    .map(|name| format!("{name}_temp_path {at}/{name};\n"))
                    .collect();
                let head = format!(
                    "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log stderr;\nevents {{}}\n"
                );
                (format!("{head}http {{\naccess_log off;\n{temporary}{text}}}\n"), vec!["-e", "stderr", "-c"])
            }
            Gateway::Caddy => {
                (format!("{{\nadmin off\n}}\n{text}"), vec!["run", "--adapter", "caddyfile", "--config"])
            }
        };
        let file = folder.path().join("configuration");
        std::fs::write(&file, text).expect("a file");
        let mut command = Command::new(program);
        command.args(arguments).arg(&file).env("HOME", folder.path()).env("XDG_DATA_HOME", folder.path());
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let process =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("it starts");
        let mut running = Self { process, address: format!("127.0.0.1:{port}"), _folder: folder };
        running.wait();
        running
    }

    fn wait(&mut self) {
        let began = now();
        while TcpStream::connect(&self.address).is_err() {
            let ended = self.process.try_wait().expect("a process");
            if ended.is_some() || began.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self._folder.path().join("log")).unwrap_or_default();
                panic!("it does not listen: {log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn ask(&self, request: &str, headers: &[(&str, &str)]) -> Told {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let text = format!(
            "{request} HTTP/1.1\r\nHost: api.example.org\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
        );
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.write_all(text.as_bytes()).expect("it reads");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Told { status, head: headers_of(head), body: body.to_owned() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

struct Told {
    status: u16,
    head: HashMap<String, String>,
    body: String,
}

impl Told {
    #[track_caller]
    fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?} {}", self.head, self.body);
        self
    }

    /// The headers that arrived at the API: it answers with what it was sent.
    fn arrived(&self, name: &str) -> String {
        headers_of(&self.body).get(name).cloned().unwrap_or_default()
    }

    fn challenge(&self) -> &str {
        self.head.get("www-authenticate").map_or("", String::as_str)
    }
}

fn headers_of(text: &str) -> HashMap<String, String> {
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    lines.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect()
}

/// An API that knows no OAuth: it says 200 and what it was sent. Its thread ends with the test's process.
pub(crate) fn api() -> String {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in socket.incoming().map_while(Result::ok) {
            std::thread::spawn(move || echo(stream));
        }
    });
    address
}

fn echo(mut stream: TcpStream) {
    let mut request = Vec::new();
    let mut part = [0; 4_096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(count @ 1..) => request.extend_from_slice(&part[..count]),
            _ => return,
        }
    }
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", request.len());
    // Whoever asked may have gone.
    let _ = stream.write_all(&[head.as_bytes(), &request].concat());
}

/// A Doorward with the guide's resource server, an API key for it, and the secret of a client.
fn doorward(installation: &Installation) -> (Server, String, String) {
    let server = installation.serve(&[]);
    let rules = ["GET /orders/{id} = orders:read", "POST /orders = orders:write", "/health = public"];
    let rules = rules.map(|rule| format!("--rule={rule}"));
    installation.run(&["resource-server", "add", API, &rules[0], &rules[1], &rules[2]]);
    installation.run(&["service-account", "add", "robot", "--scope", "orders:read", "--audience", API]);
    let made = installation.json(&["api-key", "add", "--service-account", "robot", "--json"]);
    let secret = installation.run(&["client", "secret", "robot"]).trim().to_owned();
    (server, made["api_key"].as_str().expect("a key").to_owned(), secret)
}

const FORGED: [(&str, &str); 10] = [
    ("X-Auth-Subject", "root"),
    ("X-Auth-Client", "root"),
    ("X-Auth-Scope", "root"),
    ("X-Auth-Type", "root"),
    ("X-Auth-Org", "root"),
    ("X-Auth-Service", "root"),
    ("X-Auth-Plan", "root"),
    ("X-Auth-Features", "root"),
    ("X_Auth_Subject", "root"),
    ("x-auth-subject", "root"),
];
/// Names that CGI, WSGI and PHP take for ours (RFC 3875 section 4.1.18), beside those in [`FORGED`]; and orders to take ours away.
const LOOK_ALIKES: [(&str, &str); 7] = [
    ("X-Auth_Subject", "root"),
    ("X_Auth-Subject", "root"),
    ("x_auth-subject", "root"),
    ("X-Auth_Scope", "root"),
    ("Connection", "X-Auth-Subject, X-Auth-Scope"),
    ("Connection", "x-auth-type"),
    ("Connection", "X-Auth-Client, X_Auth_Client"),
];
const IDENTITY: [&str; 5] =
    ["x-auth-subject", "x-auth-client", "x-auth-scope", "x-auth-type", "x_auth_subject"];
const STANDING: [&str; 4] = ["x-auth-org", "x-auth-service", "x-auth-plan", "x-auth-features"];

/// Installations with nothing in them yet, one after the other, each on another engine; and what must live as long.
fn installations() -> impl Iterator<Item = (Installation, Option<Database>)> {
    let servers = Engine::ALL.into_iter().filter(|engine| !engine.is_missing()).map(Some);
    std::iter::once(None).chain(servers).map(|engine| {
        // Shown when what follows fails.
        println!("on {}", engine.map_or("SQLite".to_owned(), |engine| format!("{engine:?}")));
        let database = engine.map(|engine| throwaway::shared(engine).expect("a database"));
        let mut installation = Installation::new();
        let url = database.iter().map(|database| ("DOORWARD_DATABASE".to_owned(), database.url()));
        installation.environment.extend(url);
        (installation, database)
    })
}

fn guards(gateway: Gateway) {
    let Some(program) = gateway.program() else { return };
    for (installation, _database) in installations() {
        guards_on(gateway, program.clone(), &installation);
    }
}

fn guards_on(gateway: Gateway, program: PathBuf, installation: &Installation) {
    let (server, key, secret) = doorward(installation);
    let form = "grant_type=client_credentials";
    let (status, body) = post(&server.address, "/oauth2/token", ("robot", &secret), form);
    assert_eq!(status, 200, "{body}");
    let token: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let token = token["access_token"].as_str().expect("a token");
    let bearer = ("Authorization", &*format!("Bearer {token}"));
    let running = Running::start(gateway, program, &server.address, &api());

    let refused = running.ask("GET /orders/5", &[]).expect(401);
    assert!(refused.challenge().contains(r#"scope="orders:read""#), "{}", refused.challenge());
    let weak = running.ask("POST /orders", &[bearer]).expect(403);
    assert!(weak.challenge().contains("insufficient_scope"), "{}", weak.challenge());
    running.ask("GET /unknown", &[bearer]).expect(403);

    for (credential, kind) in [(bearer, "client"), (("X-Api-Key", key.as_str()), "api_key")] {
        let passed = running.ask("GET /orders/5?a=b", &[&FORGED[..], &[credential]].concat()).expect(200);
        assert!(passed.body.starts_with("GET /orders/5?a=b "), "{}", passed.body);
        assert_eq!(IDENTITY.map(|name| passed.arrived(name)), ["robot", "robot", "orders:read", kind, ""]);
        assert!(!passed.body.contains("root") && !passed.body.contains(credential.1), "{}", passed.body);
    }
    for look_alike in LOOK_ALIKES {
        let passed = running.ask("GET /orders/5", &[look_alike, bearer]).expect(200);
        let arrived = IDENTITY.map(|name| passed.arrived(name));
        assert_eq!(arrived, ["robot", "robot", "orders:read", "client", ""], "{look_alike:?}");
        assert!(!passed.body.contains("root"), "{}", passed.body);
    }
    for dotted in ["X.Auth.Subject", "X!Auth!Subject"] {
        let answer = running.ask("GET /orders/5", &[(dotted, "root"), bearer]);
        assert!(matches!(answer.status, 400 | 403) || !answer.body.contains("root"), "{}", answer.body);
    }
    // Nobody is asked, and nobody is said to be there.
    let open = running.ask("GET /health", &FORGED).expect(200);
    assert!(!open.body.contains("root"), "{}", open.body);

    // What a client says about its own request is not believed.
    for forged in
        [("X-Original-URI", "/health"), ("X-Forwarded-Uri", "/health"), ("X-Original-URL", "http://x/health")]
    {
        let methods = [("X-Original-Method", "GET"), ("X-Forwarded-Method", "GET")];
        let answer = running.ask("GET /orders/5", &[&methods[..], &[forged]].concat());
        assert!(matches!(answer.status, 401 | 403), "{forged:?}: {}", answer.status);
    }
    for path in [
        "/health/../orders/5",
        "/health/%2e%2e/orders/5",
        "//health",
        "/health%2f..%2forders/5",
        "/health;/orders",
    ] {
        let answer = running.ask(&format!("GET {path}"), &[]);
        assert!(matches!(answer.status, 400 | 401 | 403), "{path}: {}", answer.status);
    }

    // Revoked here, refused there, at once.
    let revoke = format!("token={token}");
    assert_eq!(post(&server.address, "/oauth2/revoke", ("robot", &secret), &revoke).0, 200);
    running.ask("GET /orders/5", &[bearer]).expect(401);
    running.ask("GET /orders/5", &[("X-Api-Key", &key)]).expect(200);
    installation.run(&["api-key", "revoke", &key]);
    running.ask("GET /orders/5", &[("X-Api-Key", &key)]).expect(401);

    // Without an answer, nobody passes.
    server.stop();
    let answer = running.ask("GET /health", &[]);
    assert!(answer.status >= 500, "{}", answer.status);
}

#[test]
fn nginx_guards_an_api() {
    guards(Gateway::Nginx);
}

#[test]
fn caddy_guards_an_api() {
    guards(Gateway::Caddy);
}

/// A user's token for the guide's resource server, of a client of a service that has plans.
fn subscriber(installation: &Installation, server: &Server) -> String {
    installation.add_user("alice", &[]);
    installation.run(&["organization", "add", "acme"]);
    installation.run(&["service", "add", "acme/notes"]);
    installation.run(&["plan", "add", "acme/notes/free", "--feature", "read"]);
    installation.run(&["plan", "add", "acme/notes/pro", "--features-json", r#"{"seats":5,"name":"\u00e9"}"#]);
    let client = ["client", "add", "notes-tv", "--public", "--grant-type", login::GRANT_TYPE];
    let of_service = ["--service", "acme/notes", "--audience", API, "--scope", "openid orders:read"];
    installation.run(&[&client[..], &of_service].concat());
    let issuer = server.address.replace("127.0.0.1", "http://localhost");
    let arguments = ["--issuer", &*issuer, "--client-id", "notes-tv", "--scope", "openid orders:read"];
    let (process, said) = login::begun(installation, &arguments);
    login::decide(&issuer, &said, "allow");
    let (success, printed, said) = login::ended(process);
    assert!(success, "{said}");
    let tokens: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
    tokens["access_token"].as_str().expect("a token").to_owned()
}

fn hands_on_plans(gateway: Gateway) {
    let Some(program) = gateway.program() else { return };
    for (installation, _database) in installations() {
        hands_on_plans_on(gateway, program.clone(), &installation);
    }
}

fn hands_on_plans_on(gateway: Gateway, program: PathBuf, installation: &Installation) {
    let (server, ..) = doorward(installation);
    let bearer = format!("Bearer {}", subscriber(installation, &server));
    let running = Running::start(gateway, program, &server.address, &api());
    let arrived = || {
        let headers = [&FORGED[..], &[("Authorization", &bearer)]].concat();
        let passed = running.ask("GET /orders/5", &headers).expect(200);
        assert!(!passed.body.contains("root"), "{}", passed.body);
        STANDING.map(|name| passed.arrived(name))
    };
    let (free, pro) = (r#"["read"]"#, r#"{"name":"\u00e9","seats":5}"#);
    assert_eq!(arrived(), ["acme", "notes", "free", free]);
    installation.run(&["subscription", "set", "alice", "acme/notes/pro"]);
    assert_eq!(arrived(), ["acme", "notes", "pro", pro], "at the next request, by the same token");
    installation.run(&["subscription", "remove", "alice", "acme/notes", "--yes"]);
    assert_eq!(arrived(), ["acme", "notes", "free", free]);
    server.stop();
}

#[test]
fn nginx_hands_on_how_a_user_stands_with_a_service_now() {
    hands_on_plans(Gateway::Nginx);
}

#[test]
fn caddy_hands_on_how_a_user_stands_with_a_service_now() {
    hands_on_plans(Gateway::Caddy);
}

/// An API as Python's own server runs it, which knows a request's headers as CGI does (PEP 3333): it answers with them.
const WSGI: &str = "
import sys
from wsgiref.simple_server import make_server
def application(environ, start):
    start('200 OK', [('Content-Type', 'text/plain')])
    names = sorted(name for name in environ if name.startswith('HTTP_'))
    return [''.join(f'{name}: {environ[name]}\\n' for name in names).encode()]
server = make_server('127.0.0.1', 0, application)
print(server.server_port, flush=True)
server.serve_forever()
";

/// A process that is killed when it is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn wsgi() -> Option<(Killed, String)> {
    let python = Command::new("python3")
        .args(["-c", WSGI])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        assert!(throwaway::variable("CI").is_none(), "python3 is not installed");
        eprintln!("SKIPPED: python3 is not installed; as root: apt-get install python3");
        return None;
    };
    let mut port = String::new();
    let mut said = std::io::BufReader::new(python.stdout.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut said, &mut port).expect("a port");
    Some((Killed(python), format!("127.0.0.1:{}", port.trim())))
}

fn guards_a_wsgi_api(gateway: Gateway) {
    let (Some(program), Some((_python, api))) = (gateway.program(), wsgi()) else { return };
    let installation = Installation::new();
    let (server, key, _) = doorward(&installation);
    let running = Running::start(gateway, program, &server.address, &api);
    let key = ("X-Api-Key", key.as_str());
    let told = |told: &Told| {
        ["http_x_auth_subject", "http_x_auth_client", "http_x_auth_scope", "http_x_auth_type"]
            .map(|name| told.arrived(name))
    };
    for forged in FORGED.iter().chain(&LOOK_ALIKES) {
        let passed = running.ask("GET /orders/5", &[*forged, key]).expect(200);
        assert_eq!(told(&passed), ["robot", "robot", "orders:read", "api_key"], "{forged:?}");
        let open = running.ask("GET /health", &[*forged]).expect(200);
        assert_eq!(told(&open), [""; 4], "{forged:?}");
        assert!(!open.body.contains("root"), "{}", open.body);
    }
    for forged in ["X.Auth.Subject", "X~Auth_Subject", "X!Auth-Subject"] {
        let answer = running.ask("GET /orders/5", &[(forged, "root"), key]);
        assert!(
            matches!(answer.status, 400 | 403) || told(&answer)[0] == "robot",
            "{forged}: {}",
            answer.body
        );
    }
    server.stop();
}

#[test]
fn a_wsgi_api_behind_nginx_is_told_nothing_that_a_client_made_up() {
    guards_a_wsgi_api(Gateway::Nginx);
}

#[test]
fn a_wsgi_api_behind_caddy_is_told_nothing_that_a_client_made_up() {
    guards_a_wsgi_api(Gateway::Caddy);
}

/// What the guide promises of empty headers, whatever a version of Caddy makes of them on the way.
#[test]
fn an_api_behind_caddy_gets_every_identity_header_empty_ones_included() {
    let Some(program) = Gateway::Caddy.program() else { return };
    let installation = Installation::new();
    let (server, ..) = doorward(&installation);
    let running = Running::start(Gateway::Caddy, program, &server.address, &api());
    let open = running.ask("GET /health", &[]).expect(200);
    let lines: Vec<_> = open.body.lines().map(|line| line.trim_end().to_ascii_lowercase()).collect();
    for name in IDENTITY[..4].iter().chain(&STANDING) {
        assert!(lines.contains(&format!("{name}:")), "{name}: {}", open.body);
    }
    server.stop();
}
