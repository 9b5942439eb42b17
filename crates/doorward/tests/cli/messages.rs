//! What is said when something is wrong: what is true, once, with what to do about it.

use crate::process::{Installation, exchange, text};

#[test]
fn why_an_address_cannot_be_listened_on_is_told_as_it_is() {
    let installation = Installation::new();
    // RFC 5737: nobody's.
    let other = installation.fails(1, &["serve", "--listen", "203.0.113.9:8080"]);
    assert!(other.contains("this machine has no such address"), "{other}");
    let server = installation.serve(&[]);
    let taken = Installation::new().fails(1, &["serve", "--listen", &server.address]);
    assert!(taken.contains("is another server running there?"), "{taken}");
    assert!(!other.contains("another server"), "{other}");
    server.stop();
}

#[test]
fn a_setting_that_is_wrong_is_named_once_with_what_is_expected() {
    let installation = Installation::new();
    for (settings, expected) in [
        (
            "trusted_proxies = \"banana\"\n",
            "expected addresses and networks such as 10.0.0.0/8; `banana` is neither",
        ),
        ("listen =\n", "listen has no value"),
    ] {
        std::fs::write(installation.path("wrong.toml"), settings).expect("written");
        let said = installation.fails(2, &["config", "check", "--config", "wrong.toml"]);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn what_the_system_said_of_a_missing_file_is_told_once() {
    let installation = Installation::new();
    let tls = ["--tls-certificate", "nope.pem", "--tls-key", "nope.key"];
    for (code, arguments) in [
        (2, &["config", "check"][..]),
        (1, &["serve", "--listen", "127.0.0.1:0"]),
        (1, &["worker", "--listen", "127.0.0.1:0", "--worker-secret-file", "nope.secret"]),
    ] {
        let said = installation.fails(code, &[arguments, &tls].concat());
        assert_eq!(said.matches("os error 2").count(), 1, "{arguments:?}: {said}");
    }
    for (code, arguments) in
        [(1, &["user", "import", "nope.jsonl"][..]), (2, &["config", "check", "--config", "nope.toml"])]
    {
        let said = installation.fails(code, arguments);
        assert_eq!(said.matches("os error 2").count(), 1, "{arguments:?}: {said}");
    }
}

#[test]
fn another_installation_s_master_key_is_called_so() {
    let (installation, other) = (Installation::new(), Installation::new());
    std::fs::copy(other.path("doorward-data/master.key"), installation.path("doorward-data/master.key"))
        .expect("copied");
    let said = installation.fails(1, &["serve", "--listen", "127.0.0.1:0"]);
    let told = "the secrets of this data: sealed under another master key, ";
    assert!(said.contains(told) && said.contains("name the file that belongs to this data"), "{said}");
}

#[test]
fn keys_that_cannot_be_turned_yet_say_what_to_do() {
    let installation = Installation::new();
    let said = installation.fails(1, &["keys", "rotate"]);
    assert!(said.contains("wait, or use --force"), "{said}");
}

#[test]
fn an_address_for_after_sign_out_is_called_so() {
    let installation = Installation::new();
    let said = installation.fails(2, &["client", "add", "app", "--post-logout-redirect-uri", "nope"]);
    assert!(said.contains("post-logout redirect URI: an absolute URI is expected"), "{said}");
}

#[test]
fn memory_is_told_in_the_unit_of_the_guide() {
    let arguments = ["passwords", "calibrate", "--target", "1ms", "--memory", "32", "--threads", "1"];
    let said = Installation::new().run(&arguments);
    let memory = said.lines().find(|line| line.starts_with("memory = ")).expect("a line");
    assert!(memory.ends_with("MiB\""), "{said}");
    assert!(!said.contains("KiB\""), "{said}");
}

#[test]
fn the_first_signing_key_is_made_and_the_log_says_who_was_changed_by_whom() {
    let installation = Installation::empty();
    let server = installation.serve(&["--log", "info"]);
    installation.add_user("bob", &[]);
    let sub =
        installation.json(&["user", "show", "bob", "--json"])["sub"].as_str().expect("a sub").to_owned();
    server.signal(rustix::process::Signal::TERM);
    let (_, log) = server.end();
    assert!(log.contains("signing key made") && !log.contains("signing key turned"), "{log}");
    let told = log.lines().find(|line| line.contains("add_user")).unwrap_or_else(|| panic!("{log}"));
    assert!(told.contains(&sub) && told.contains("\"by_uid\":"), "{told}");
    assert!(!told.contains("bob"), "{told}");
}

#[test]
fn a_user_is_shown_with_what_decides_whether_they_can_sign_in() {
    let installation = Installation::new();
    installation.add_user("alice", &["--email", "alice@example.org"]);
    installation.run(&[
        "user",
        "add",
        "carol",
        "--no-password",
        "--email",
        "carol@example.org",
        "--email-unverified",
    ]);
    installation.run(&["organization", "add", "acme"]);
    installation.run(&["service", "add", "acme/notes"]);
    installation.run(&["plan", "add", "acme/notes/pro"]);
    installation.run(&["member", "add", "acme", "alice", "--role", "owner"]);
    installation.run(&["subscription", "set", "alice", "acme/notes/pro"]);
    let alice = installation.run(&["user", "show", "alice"]);
    for told in
        ["alice@example.org (verified)", "acme owner", "acme/notes/pro active", "none that is remembered"]
    {
        assert!(alice.contains(told), "{told}: {alice}");
    }
    let line = |shown: &str, name: &str| {
        let line = shown.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{name}: {shown}"))
    };
    assert!(line(&alice, "password").ends_with("set"), "{alice}");
    let carol = installation.run(&["user", "show", "carol"]);
    assert!(line(&carol, "password").contains("none: they cannot sign in with one"), "{carol}");
    assert!(carol.contains("(not verified)") && !carol.contains("memberships"), "{carol}");
    let json = installation.json(&["user", "show", "alice", "--json"]);
    assert_eq!((&json["has_password"], &json["memberships"][0]), (&true.into(), &"acme owner".into()));
}

#[test]
fn what_was_restored_is_a_summary_and_every_table_when_asked() {
    let installation = Installation::new();
    installation.run(&["backup", "copy.db"]);
    let brief = installation.run(&["restore", "copy.db", "--force"]);
    assert!(brief.contains("more tables are empty."), "{brief}");
    let rows = |said: &str| said.lines().filter(|line| line.split_whitespace().nth(1) == Some("0")).count();
    assert_eq!(rows(&brief), 0, "{brief}");
    let all = installation.run(&["restore", "copy.db", "--force", "--verbose"]);
    assert!(rows(&all) > 10 && !all.contains("more tables"), "{all}");
}

#[test]
fn a_failed_sign_in_is_logged_with_the_address_for_fail2ban() {
    let installation = Installation::new();
    installation.add_user("alice", &[]);
    installation.run(&[
        "client",
        "add",
        "app",
        "--redirect-uri",
        "https://app.example.org/cb",
        "--pkce",
        "optional",
    ]);
    let server = installation.serve(&["--log", "info"]);
    let path = "/oauth2/authorize?client_id=app&response_type=code&scope=openid&redirect_uri=https://app.example.org/cb";
    let host = server.address.replace("127.0.0.1", "localhost");
    let (cookie, page) = page_with_cookie(&server.address, path, &host);
    let interaction = page.split_once("name=\"interaction\" value=\"").expect("a form").1;
    let interaction = interaction.split('"').next().expect("a handle");
    let form = format!("interaction={interaction}&username=alice&password=wrong");
    let origin = format!("http://{host}");
    let length = form.len();
    let request = format!(
        "POST /sign-in HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nOrigin: {origin}\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{form}"
    );
    assert_eq!(exchange(&server.address, &request).0, 400);
    server.signal(rustix::process::Signal::TERM);
    let (_, log) = server.end();
    let told = log.lines().find(|line| line.contains("SignInFailed")).unwrap_or_else(|| panic!("{log}"));
    assert!(told.contains("\"address\":\"127.0.0.1\"") && !told.contains("alice"), "{told}");
}

/// A page, and the cookie it came with.
fn page_with_cookie(address: &str, path: &str, host: &str) -> (String, String) {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
        .expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = text(&answer);
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    (cookie.split(';').next().expect("a pair").to_owned(), answer.clone())
}
