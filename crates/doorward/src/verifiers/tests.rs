//! A server's side and a worker's side, over real sockets, and what comes between them.

use super::client::{Failure, Verifier};
use super::message::{self, Answer, Head};
use super::secrets::Secrets;
use super::service::{Service, router};
use super::{WorkerUrls, connector};
use crate::clock::{self, OsRandom};
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use passwords::{Argon2Params, Done, HashPool, OnBehalfOf, PoolSettings, Terms, Verdict, Work};
use secrecy::SecretString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use web::server::{Listener, ServerOptions, Sharing, Tls};

const TINY: Argon2Params = Argon2Params { memory_kib: 64, iterations: 1, parallelism: 1 };
/// Takes a second or so.
const SLOW: Argon2Params = Argon2Params { memory_kib: 131_072, iterations: 12, parallelism: 1 };
const TERMS: Terms = Terms {
    params: TINY,
    max_wait: Duration::from_secs(3),
    on_behalf_of: OnBehalfOf { client: 1, address: 2 },
};
const OURS: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const THEIRS: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
const PATIENT: Duration = Duration::from_secs(20);

fn secrets(texts: &[&str]) -> Secrets {
    Secrets::read(&SecretString::from(texts.join("\n"))).expect("secrets")
}

fn pool() -> HashPool {
    let settings = PoolSettings { threads: 1, params: TINY, ..PoolSettings::new(clock::entropy) };
    HashPool::start(settings).expect("a pool")
}

/// A worker that listens, and its pool to look into.
struct Worker {
    address: SocketAddr,
    pool: HashPool,
    leaving: CancellationToken,
}

impl Worker {
    fn start(known: &[&str]) -> Self {
        Self::with(secrets(known), None)
    }

    fn with(secrets: Secrets, tls: Option<Tls>) -> Self {
        let (pool, leaving) = (pool(), CancellationToken::new());
        let service = Service::new(pool.clone(), secrets, true, leaving.clone());
        let address = serve(router(service), tls);
        Self { address, pool, leaving }
    }

    fn asked_with(&self, known: &[&str]) -> Verifier {
        verifier(&format!("http://{}", self.address), known, PATIENT, None)
    }
}

fn serve(router: Router, tls: Option<Tls>) -> SocketAddr {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), Sharing::Alone).expect("a free port");
    let address = listener.local_addr();
    tokio::spawn(web::server::serve(
        listener,
        router,
        ServerOptions::default(),
        tls,
        CancellationToken::new(),
    ));
    address
}

fn verifier(url: &str, known: &[&str], timeout: Duration, ca: Option<&Path>) -> Verifier {
    let urls: WorkerUrls = url.parse().expect("a URL");
    let client = connector::client(ca, urls.as_slice()).expect("a client");
    Verifier::new(urls.as_slice()[0].clone(), client, Arc::new(secrets(known)), timeout)
}

fn verify(password: &str, stored: Option<&str>) -> Work {
    Work::Verify { password: SecretString::from(password), stored: stored.map(str::to_owned) }
}

async fn verdict(verifier: &Verifier, password: &str, stored: Option<&str>) -> Verdict {
    match verifier.ask(TERMS, &verify(password, stored)).await {
        Ok((Done::Verdict(verdict), _)) => verdict,
        Ok(_) => panic!("an answer to something else"),
        Err(failure) => panic!("{failure}"),
    }
}

/// A question in the raw, and what comes back.
async fn send(address: SocketAddr, body: Vec<u8>) -> (StatusCode, Bytes) {
    let client = connector::client(None, &[]).expect("a client");
    let mut request = Request::new(Full::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = format!("http://{address}/v1/password").parse().expect("a URL");
    let answer = client.request(request).await.expect("an answer");
    (answer.status(), answer.into_body().collect().await.expect("a body").to_bytes())
}

fn sealed(asked_at: i64, work: &Work) -> Vec<u8> {
    let head = Head { asked_at, mark: crypto::random_bytes(&mut OsRandom), terms: TERMS };
    let question = message::question(&head, work).expect("it fits");
    secrets(&[OURS]).get(0).expect("one").seal(message::QUESTION, &question, &mut OsRandom)
}

#[tokio::test]
async fn a_worker_tells_right_from_wrong_and_an_unknown_user_costs_it_the_same() {
    let worker = Worker::start(&[OURS]);
    let verifier = worker.asked_with(&[OURS]);
    let (done, threads) =
        verifier.ask(TERMS, &Work::Hash { password: SecretString::from("right") }).await.expect("a hash");
    let Done::Hash(stored) = done else { panic!("a hash was asked for") };
    assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$") && threads == 1, "{stored}");

    let hashes = || worker.pool.stats().hashes;
    let mut before = hashes();
    for (password, stored, expected) in [
        ("right", Some(stored.as_str()), Verdict::Right),
        ("wrong", Some(stored.as_str()), Verdict::Wrong),
        ("right", None, Verdict::Wrong),
        ("right", Some("not a hash"), Verdict::Wrong),
    ] {
        assert_eq!(verdict(&verifier, password, stored).await, expected, "{password} {stored:?}");
        assert_eq!(hashes() - before, 1, "{password} {stored:?}: one hash each");
        before = hashes();
    }
    let dearer = Terms { params: Argon2Params { iterations: 2, ..TINY }, ..TERMS };
    let upgraded = verifier.ask(dearer, &verify("right", Some(&stored))).await;
    let Ok((Done::Verdict(Verdict::RightAndUpgraded(hash)), _)) = upgraded else { panic!("it is outdated") };
    assert!(hash.contains("$m=64,t=2,p=1$"), "{hash}");
}

#[tokio::test]
async fn who_does_not_know_the_secret_is_refused_and_during_a_change_either_is_known() {
    let old = Worker::start(&[OURS]);
    let both = Worker::start(&[OURS, THEIRS]);
    let new = Worker::start(&[THEIRS]);
    let works = async |worker: &Worker, known: &[&str]| {
        let verifier = worker.asked_with(known);
        // The second time it begins with the one that was known.
        let first = verifier.ask(TERMS, &Work::Nothing).await;
        let second = verifier.ask(TERMS, &Work::Nothing).await;
        assert_eq!(first.is_ok(), second.is_ok());
        match first {
            Ok(_) => true,
            Err(Failure::Refused(why)) => {
                assert!(why.contains("not sealed under a secret of this worker"), "{why}");
                false
            }
            Err(other) => panic!("{other}"),
        }
    };
    assert!(works(&old, &[OURS]).await && !works(&old, &[THEIRS]).await);
    assert!(works(&both, &[OURS]).await && works(&both, &[THEIRS]).await);
    for known in [[OURS, THEIRS], [THEIRS, OURS]] {
        for worker in [&old, &both, &new] {
            assert!(works(worker, &known).await);
        }
    }
}

#[tokio::test]
async fn a_question_is_answered_once_and_while_it_is_fresh() {
    let worker = Worker::start(&[OURS]);
    let now = clock::now().millis();
    let question = sealed(now, &Work::Nothing);
    assert_eq!(send(worker.address, question.clone()).await.0, StatusCode::OK);
    let told = async |question: Vec<u8>| {
        let (status, body) = send(worker.address, question).await;
        (status, String::from_utf8_lossy(&body).into_owned())
    };
    let (status, why) = told(question.clone()).await;
    assert!(status == StatusCode::UNAUTHORIZED && why.contains("asked before"), "{why}");
    for skew in [-61_000, 61_000 + 5_000] {
        let (status, why) = told(sealed(now + skew, &Work::Nothing)).await;
        assert!(status == StatusCode::UNAUTHORIZED && why.contains("clocks"), "{why}");
    }
    let mut damaged = sealed(now, &Work::Nothing);
    damaged[100] ^= 1;
    for question in [damaged, Vec::new(), b"garbage".to_vec(), question[..question.len() - 1].to_vec()] {
        assert_eq!(told(question).await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(worker.pool.stats().hashes, 0);
}

#[tokio::test]
async fn only_who_knows_the_secret_can_say_that_a_password_is_right() {
    let right = || Answer { done: Done::Verdict(Verdict::Right), threads: 1 }.to_bytes().expect("it fits");
    // An answer recorded from a real worker to another question.
    let worker = Worker::start(&[OURS]);
    let recorded = send(worker.address, sealed(clock::now().millis(), &Work::Nothing)).await.1.to_vec();
    let under_another = secrets(&[THEIRS]);
    let another =
        under_another.get(0).expect("one").seal(&message::answer_to(&[0; 16]), &right(), &mut OsRandom);
    let next: Arc<Mutex<Vec<u8>>> = Arc::default();
    let said = Arc::clone(&next);
    let liar = serve(
        Router::new().route("/v1/password", post(async move || said.lock().expect("no panic").clone())),
        None,
    );
    let verifier = verifier(&format!("http://{liar}"), &[OURS], PATIENT, None);
    for lie in [recorded, another, right().to_vec(), b"true".to_vec(), Vec::new()] {
        *next.lock().expect("no panic") = lie;
        let answer = verifier.ask(TERMS, &verify("anything", None)).await.map(|_| ());
        assert_eq!(answer, Err(Failure::Forged));
    }
    *next.lock().expect("no panic") = vec![0; 1024 * 1024];
    let endless = verifier.ask(TERMS, &verify("anything", None)).await.map(|_| ());
    assert!(matches!(endless, Err(Failure::Unreachable(_))), "{endless:?}");
}

#[tokio::test]
async fn a_worker_with_too_much_to_do_says_so_at_once_and_a_slow_one_is_not_waited_for() {
    let worker = Worker::start(&[OURS]);
    let url = format!("http://{}", worker.address);
    let impatient = verifier(&url, &[OURS], Duration::from_millis(100), None);
    let slow = Terms { params: SLOW, ..TERMS };
    let timed_out = impatient.ask(slow, &verify("p", None)).await.map(|_| ());
    assert_eq!(timed_out, Err(Failure::TooSlow(Duration::from_millis(100))));
    // It is still at it, and what was measured says that another would wait too long.
    while worker.pool.stats().completed == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let occupying = worker.asked_with(&[OURS]);
    let occupied = tokio::spawn(async move { occupying.ask(slow, &verify("p", None)).await.map(|_| ()) });
    while worker.pool.stats().running == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let impatient = verifier(&url, &[OURS], Duration::from_millis(40), None);
    let busy = impatient.ask(TERMS, &verify("p", None)).await.map(|_| ());
    assert!(matches!(busy, Err(Failure::Busy(after)) if after >= Duration::from_secs(1)), "{busy:?}");
    assert_eq!(occupied.await.expect("no panic"), Ok(()));
    // What nobody waits for any more is not begun.
    worker.leaving.cancel();
    let leaving = worker.asked_with(&[OURS]).ask(TERMS, &Work::Nothing).await.map(|_| ());
    assert_eq!(leaving, Err(Failure::Strange(StatusCode::SERVICE_UNAVAILABLE)));
}

#[tokio::test]
async fn with_tls_the_operators_authority_vouches_for_workers_and_nobody_elses() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let authority = |name: &str| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("names");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        (certificate.pem(), rcgen::Issuer::new(params, key))
    };
    let ((ours, issuer), (theirs, _)) = (authority("ours"), authority("theirs"));
    let key = rcgen::KeyPair::generate().expect("a key");
    let names = vec!["127.0.0.1".to_owned()];
    let leaf =
        rcgen::CertificateParams::new(names).expect("names").signed_by(&key, &issuer).expect("a certificate");
    let tls =
        Tls::from_files(file("leaf.pem", &leaf.pem()), file("leaf.key", &key.serialize_pem())).expect("TLS");
    let worker = Worker::with(secrets(&[OURS]), Some(tls));
    let ask = async |host: &str, ca: &Path| {
        let url = format!("https://{host}:{}", worker.address.port());
        verifier(&url, &[OURS], PATIENT, Some(ca)).ask(TERMS, &Work::Nothing).await.map(|_| ())
    };
    assert_eq!(ask("127.0.0.1", &file("ours.pem", &ours)).await, Ok(()));
    for (host, ca, told) in
        [("127.0.0.1", theirs, "UnknownIssuer"), ("localhost", ours, "not valid for name")]
    {
        let refused = ask(host, &file("ca.pem", &ca)).await;
        assert!(matches!(&refused, Err(Failure::Unreachable(why)) if why.contains(told)), "{refused:?}");
    }
    let plain = worker.asked_with(&[OURS]).ask(TERMS, &Work::Nothing).await.map(|_| ());
    assert!(matches!(plain, Err(Failure::Unreachable(_))), "{plain:?}");
    let none = connector::client(Some(&file("empty.pem", "")), &["https://a".parse().expect("a URL")]);
    assert!(none.err().is_some_and(|error| error.to_string().contains("no certificate")));
}
