//! `doorward login`, against a server that runs, with a browser that is a few lines of this test.

use crate::process::{Installation, Server, text};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};

pub(crate) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A server with alice, and a client that may sign devices in.
fn running() -> (Installation, Server, String) {
    let installation = Installation::new();
    installation.add_user("alice", &["--email", "alice@example.org"]);
    let client = ["client", "add", "doorward-login", "--public", "--name", "Doorward login"];
    installation.run(&[&client[..], &["--grant-type", GRANT_TYPE]].concat());
    let server = installation.serve(&["--devices-interval", "1s"]);
    let port = server.address.rsplit_once(':').expect("a port").1;
    let issuer = format!("http://localhost:{port}");
    (installation, server, issuer)
}

/// Starts a sign-in and reads up to the code.
pub(crate) fn begun(installation: &Installation, arguments: &[&str]) -> (Child, String) {
    let mut command = installation.command(&[&["login"], arguments].concat());
    let mut process =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let mut lines = BufReader::new(process.stderr.take().expect("a pipe"));
    let mut said = String::new();
    while !said.contains("Waiting;") {
        assert!(lines.read_line(&mut said).expect("text") > 0, "it ended: {said}");
    }
    // Nobody reads on: what it says from here must fit into the pipe.
    process.stderr = Some(lines.into_inner());
    (process, said)
}

pub(crate) fn ended(process: Child) -> (bool, String, String) {
    let output = process.wait_with_output().expect("it ends");
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// What a person does in a browser with the code that was shown.
pub(crate) fn decide(issuer: &str, said: &str, decision: &str) {
    let code = said.lines().map(str::trim).find(|line| line.len() == 9 && line.as_bytes()[4] == b'-');
    let mut cookies: Vec<String> = Vec::new();
    let mut send = |path: &str, form: Option<&[(&str, &str)]>| -> (String, String) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().max_redirects(0).max_redirects_will_error(false).build().into();
        let (url, cookie) = (format!("{issuer}{path}"), cookies.join("; "));
        let mut answer = match form {
            Some(form) => agent.post(&url).header("cookie", &cookie).send_form(form.iter().copied()),
            None => agent.get(&url).header("cookie", &cookie).call(),
        }
        .expect("an answer");
        let headers = answer.headers();
        let text = |value: &ureq::http::HeaderValue| value.to_str().expect("text").to_owned();
        cookies.extend(headers.get_all("set-cookie").iter().map(|line| {
            let line = text(line);
            line.split(';').next().unwrap_or_default().to_owned()
        }));
        let location = headers.get("location").map(text).unwrap_or_default();
        let mut body = String::new();
        answer.body_mut().as_reader().read_to_string(&mut body).expect("a body");
        (location, body)
    };
    let handle = |page: &str| {
        let (_, rest) = page.split_once("name=\"interaction\" value=\"").expect("a form");
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    let (next, _) = send("/device", Some(&[("user_code", code.expect("a code"))]));
    let (_, page) = send(&next, None);
    let interaction = handle(&page);
    let form = [("interaction", &*interaction), ("username", "alice"), ("password", "correct-horse-battery")];
    let (next, _) = send("/sign-in", Some(&form));
    let (_, page) = send(&next, None);
    let interaction = handle(&page);
    send("/consent", Some(&[("interaction", &interaction), ("decision", decision)]));
}

#[test]
fn whoever_enters_the_code_signs_the_terminal_in() {
    let (installation, server, issuer) = running();
    let (process, said) = begun(&installation, &["--issuer", &issuer, "--qr"]);
    assert!(said.contains(&format!("{issuer}/device\n")) && said.contains('█'), "{said}");
    decide(&issuer, &said, "allow");
    let (success, printed, said) = ended(process);
    assert!(success, "{said}");
    let tokens: serde_json::Value = serde_json::from_str(&printed).expect("JSON and nothing else");
    assert!(tokens["access_token"].is_string() && tokens["id_token"].is_string(), "{tokens}");

    let (process, said) = begun(&installation, &["--issuer", &issuer, "--userinfo"]);
    assert!(!said.contains('█'), "{said}");
    decide(&issuer, &said, "allow");
    let (_, printed, _) = ended(process);
    let userinfo: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(userinfo["preferred_username"], "alice", "{userinfo}");

    let (process, said) = begun(&installation, &["--issuer", &issuer]);
    decide(&issuer, &said, "deny");
    let (success, printed, said) = ended(process);
    assert!(!success && printed.is_empty() && said.contains("denied in the browser"), "{said}");
    drop(server);
}

#[test]
fn what_cannot_work_is_told_with_what_to_do() {
    let (installation, server, issuer) = running();
    let with = |arguments: &[&str]| installation.fails(1, &[&["login", "--issuer"], arguments].concat());
    installation.run(&["client", "add", "web", "--public", "--redirect-uri", "http://localhost/cb"]);
    for (arguments, told) in [
        (&[issuer.as_str(), "--client-id", "nobody"][..], "doorward client add nobody --public"),
        (&[&issuer, "--client-id", "web"], "doorward client set web --grant-type"),
        (&[&issuer, "--scope", "films:watch"], "ask for less"),
        (&[&format!("{issuer}/elsewhere")], "is it an OpenID Provider"),
        (&["http://id.example"], "is not safe"),
        (&["http://localhost:1"], "cannot be reached"),
    ] {
        let said = with(arguments);
        assert!(said.contains(told), "{told}: {said}");
    }
    drop(server);
}
