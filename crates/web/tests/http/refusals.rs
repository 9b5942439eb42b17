//! What the log says of requests that are refused.

use crate::house::{Answer, House, post};
use protocol::{ClientAuthentication, ConsentPolicy};
use std::io::Write;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Hears what this thread logs, at the level that is the default.
    pub(crate) fn heard() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let text = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .with_ansi(false)
            .with_writer(move || writer.clone());
        let guard = tracing::subscriber::set_default(text.finish());
        (log, guard)
    }

    /// What was logged since this was asked last.
    pub(crate) fn taken(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }

    /// The one line since this was asked last.
    #[track_caller]
    fn line(&self) -> String {
        let text = self.taken();
        let lines: Vec<_> = text.lines().filter(|line| line.contains("request refused")).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert!(lines[0].contains(" INFO "), "{text}");
        lines[0].to_owned()
    }
}

#[track_caller]
fn says(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

/// The request's id, which the answer has too.
#[track_caller]
fn named(line: &str, answer: &Answer) {
    let id = answer.header("x-request-id");
    assert_eq!(id.len(), 16, "{id}");
    says(line, &[&format!("request_id=\"{id}\"")]);
}

fn form<'a>(id: &'a str, secret: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)]
}

#[tokio::test]
async fn an_error_that_is_sent_back_is_one_line_with_what_was_asked_and_what_would_admit_it() {
    let house = House::open().await;
    let notes = house.register("notes", |client| client.consent = ConsentPolicy::Required).await;
    let (log, _heard) = Log::heard();
    let answer = house.browser().authorize(&notes.request(&[("scope", "x y")])).await;
    let line = log.line();
    named(&line, &answer);
    says(
        &line,
        &[
            "endpoint=\"/oauth2/authorize\"",
            "method=\"GET\"",
            "client=\"notes\"",
            "error=\"invalid_scope\"",
            "option=\"client set --scope\"",
            "https://notes.example/cb",
            "x y",
        ],
    );
    // The person's decision, of which the interaction alone knows whose request it was.
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let page = browser.sign_in(&page, "alice", crate::house::PASSWORD).await;
    let answer = browser.decide(&page, "deny").await;
    let line = log.line();
    named(&line, &answer);
    says(
        &line,
        &["endpoint=\"/consent\"", "client=\"notes\"", "error=\"access_denied\"", "https://notes.example/cb"],
    );
    assert!(!line.contains(crate::house::PASSWORD), "{line}");
    // Where nobody can be sent back, the page has the id.
    let elsewhere = notes.request(&[("redirect_uri", "https://evil.example/cb")]);
    let answer = house.browser().authorize(&elsewhere).await.expect(400);
    let line = log.line();
    named(&line, &answer);
    assert!(answer.body.contains(answer.header("x-request-id")));
    says(&line, &["client=\"notes\"", "https://evil.example/cb", "option=\"client set --redirect-uri\""]);
}

#[tokio::test]
async fn invalid_client_is_told_apart_in_the_log_and_nowhere_else() {
    let house = House::open().await;
    let notes = house.notes().await;
    let basic = house
        .register("basic", |client| client.authentication = ClientAuthentication::ClientSecretBasic)
        .await;
    let (log, _heard) = Log::heard();
    let (long, secret) = ("s3cr3t-in-the-wrong-place", basic.secret.clone().unwrap());
    let mut bodies = Vec::new();
    for (id, secret, client, reason) in [
        ("notes", "hunter-2", "notes", "the secret is wrong"),
        ("nobody", "hunter-2", "(not registered)", "no such client is registered"),
        (long, "hunter-2", "(not registered)", "no such client is registered"),
        ("basic", &secret, "basic", "another method"),
    ] {
        let answer =
            house.send(post("/oauth2/token", &form(id, secret))).await.refused(401, "invalid_client");
        let line = log.line();
        named(&line, &answer);
        says(
            &line,
            &["endpoint=\"/oauth2/token\"", &format!("client=\"{client}\""), reason, "client_credentials"],
        );
        assert!(!line.contains(secret) && !line.contains(long), "{line}");
        bodies.push(answer.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    // Of others, what would admit them.
    let answer = notes.token(&house, &[("grant_type", "client_credentials")]).await.expect(400);
    let line = log.line();
    named(&line, &answer);
    says(&line, &["error=\"unauthorized_client\"", "option=\"client set --grant-type\""]);
    // What is good says nothing.
    let tokens = notes.tokens(&house, "alice").await;
    house.userinfo(&tokens.access_token).await.expect(200);
    assert!(log.0.lock().unwrap().is_empty());
    // Nor does a Bearer token stand in the line.
    house.userinfo("not-a-token").await.expect(401);
    let line = log.line();
    assert!(!line.contains("not-a-token"), "{line}");
}
