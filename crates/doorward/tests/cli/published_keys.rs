//! Keys that a client publishes (`jwks_uri`): a running server fetches them over TLS from where its operator allows, and asks again when the
//! client turned them.

use crate::process::{Installation, PATIENCE, Server, now, post_with};
use crate::self_signed;
use crypto::{PrivateKey, SeededRandom, SigningKey, TokenType};
use protocol::SigningAlgorithm;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const ISSUER: &str = "https://id.example.org";
const REFUSED: &str = "invalid_client";

/// A client's site on the loopback, whose certificate nobody trusts unless told to, and what it publishes.
struct Site {
    port: u16,
    certificate: PathBuf,
    published: Arc<Mutex<Value>>,
    asked: Arc<AtomicUsize>,
}

impl Site {
    fn open(installation: &Installation) -> Self {
        let (pem, config, listener) = self_signed::site(&["localhost"]);
        let certificate = installation.path("site.pem");
        std::fs::write(&certificate, pem).expect("written");
        let port = listener.local_addr().expect("an address").port();
        let site =
            Self { port, certificate, published: Arc::new(Mutex::new(keys(&[]))), asked: Arc::default() };
        let (published, asked) = (Arc::clone(&site.published), Arc::clone(&site.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if answered(&config, stream, &published).is_ok() {
                    asked.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        site
    }

    fn publishes(&self, keys: Value) {
        *self.published.lock().expect("no panic") = keys;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Whoever does not trust us goes away in the middle, before it was told anything.
fn answered(config: &Arc<ServerConfig>, stream: TcpStream, published: &Mutex<Value>) -> std::io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut request = [0; 4_096];
    let read = stream.read(&mut request)?;
    let (status, body) = match request[..read].starts_with(b"GET /keys HTTP/1.1\r\n") {
        true => ("200 OK", published.lock().expect("no panic").to_string()),
        false => ("404 Not Found", String::new()),
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all((head + &body).as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn key(seed: u64) -> SigningKey {
    let private = PrivateKey::generate(SigningAlgorithm::EdDsa, &mut SeededRandom::new(seed));
    SigningKey::new(private.expect("a key"))
}

fn keys(keys: &[&SigningKey]) -> Value {
    let keys: Vec<_> = keys
        .iter()
        .map(|key| {
            let mut jwk = serde_json::to_value(key.public_jwk()).expect("JSON");
            jwk["kid"] = key.kid().into();
            jwk
        })
        .collect();
    json!({ "keys": keys })
}

#[expect(clippy::disallowed_methods, reason = "an assertion says when it was made")]
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// The client asks for a token, by an assertion under this key; the status and the error.
fn asks(server: &Server, key: &SigningKey, jti: &str) -> (u16, Value) {
    let exp = seconds() + 60;
    let claims =
        json!({ "iss": "billing", "sub": "billing", "aud": ISSUER, "exp": exp, "jti": jti }).to_string();
    let assertion = key.sign(TokenType::IdToken, claims.as_bytes());
    let form = format!(
        "grant_type=client_credentials&client_assertion={assertion}\
         &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    );
    let (status, body) = post_with(&server.address, "/oauth2/token", &[], &form);
    (status, serde_json::from_str::<Value>(&body).expect("JSON")["error"].clone())
}

/// An installation with a client whose keys are at the site.
fn installed() -> (Installation, Site) {
    let installation = Installation::new();
    let site = Site::open(&installation);
    let uri = format!("https://localhost:{}/keys", site.port);
    let client = ["client", "add", "billing", "--grant-type", "client_credentials"];
    installation.run(&[&client[..], &["--authentication", "private_key_jwt", "--jwks-uri", &uri]].concat());
    (installation, site)
}

fn serve(installation: &Installation, more: &[&str]) -> Server {
    installation.serve(&[&["--issuer", ISSUER], more].concat())
}

#[test]
fn a_clients_keys_are_fetched_from_where_the_operator_allows_and_again_when_it_turned_them() {
    let (installation, site) = installed();
    let certificate = site.certificate.to_str().expect("a path");
    let server = serve(&installation, &["--outgoing-allow", "localhost", "--outgoing-ca-file", certificate]);
    let (old, new, stranger) = (key(1), key(2), key(3));
    site.publishes(keys(&[&old]));
    for jti in ["1", "2", "3"] {
        assert_eq!(asks(&server, &old, jti), (200, Value::Null));
    }
    assert_eq!(site.asked(), 1, "they are kept");
    // RFC 7517 section 4.5: the client turns its keys.
    site.publishes(keys(&[&old, &new]));
    assert_eq!(asks(&server, &new, "4"), (401, REFUSED.into()), "the site was asked a moment ago");
    let began = now();
    while asks(&server, &new, &format!("4-{:?}", began.elapsed())).0 != 200 {
        assert!(began.elapsed() < PATIENCE, "an unknown kid is asked for once half a minute has passed");
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(site.asked(), 2);
    assert_eq!(asks(&server, &old, "5"), (200, Value::Null));
    assert_eq!(asks(&server, &old, "5"), (401, REFUSED.into()), "told twice");
    for jti in ["6", "7", "8"] {
        assert_eq!(asks(&server, &stranger, jti), (401, REFUSED.into()));
    }
    assert_eq!(site.asked(), 2, "whoever makes up names does not make us ask for them");
    server.stop();
}

#[test]
fn keys_on_a_private_network_or_of_a_site_nobody_vouches_for_are_not_fetched() {
    let (installation, site) = installed();
    let key = key(1);
    site.publishes(keys(&[&key]));
    let certificate = site.certificate.to_str().expect("a path");
    let trusted = ["--outgoing-ca-file", certificate];
    let elsewhere = [&trusted[..], &["--outgoing-allow", "keys.internal, 10.0.0.0/8"]].concat();
    for (flags, why) in [
        (&trusted[..], "outgoing.allow"),
        (&elsewhere, "outgoing.allow"),
        (&["--outgoing-allow", "localhost"], "certificate"),
    ] {
        let server = serve(&installation, flags);
        assert_eq!(asks(&server, &key, "1"), (401, REFUSED.into()), "{flags:?}");
        assert_eq!(site.asked(), 0, "{flags:?}");
        server.signal(rustix::process::Signal::TERM);
        let (_, log) = server.end();
        assert!(log.contains(why), "{log}");
    }
}
