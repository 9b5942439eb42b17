//! A worker's surface: opens questions, has its own pool answer them, and seals the answers. Keeps nothing but which questions it has seen.

use super::is_near;
use super::message::{self, Answer, Head};
use super::replays::{Replays, Seen};
use super::secrets::Secrets;
use crate::clock::{self, OsRandom};
use axum::Extension;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use passwords::{Done, HashPool, Reason, Refused, Work};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;
use web::server::{Peer, Problem, Scheme};

/// A worker. A cheap clone of the same.
#[derive(Clone)]
pub(crate) struct Service(Arc<Inner>);

struct Inner {
    pool: HashPool,
    secrets: Secrets,
    allow_plain: bool,
    replays: Mutex<Replays>,
    refused: AtomicU64,
    leaving: CancellationToken,
}

impl Service {
    pub(crate) fn new(
        pool: HashPool,
        secrets: Secrets,
        allow_plain: bool,
        leaving: CancellationToken,
    ) -> Self {
        let (replays, refused) = (Mutex::default(), AtomicU64::new(0));
        Self(Arc::new(Inner { pool, secrets, allow_plain, replays, refused, leaving }))
    }

    async fn answer(&self, peer: Peer, scheme: Scheme, sealed: &[u8]) -> Result<Response, Response> {
        self.may_ask(peer, scheme)?;
        let unknown = || self.refuse("this question is not sealed under a secret of this worker");
        let (secret, opened) = self.0.secrets.open(message::QUESTION, sealed).ok_or_else(unknown)?;
        let strange = || problem(StatusCode::BAD_REQUEST, "this question cannot be read: another version?");
        let (head, work) = message::read_question(&opened).ok_or_else(strange)?;
        drop(opened);
        self.is_new(&head)?;
        let done = self.perform(&head, work).await.map_err(refusal)?;
        let threads = self.0.pool.stats().threads;
        let too_long = || problem(StatusCode::INTERNAL_SERVER_ERROR, "the answer is too long");
        let answer = Answer { done, threads }.to_bytes().ok_or_else(too_long)?;
        let sealed = secret.seal(&message::answer_to(&head.mark), &answer, &mut OsRandom);
        let kind = HeaderValue::from_static("application/octet-stream");
        Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, HeaderValue::from_static("no-store"))], sealed)
            .into_response())
    }

    /// Messages are sealed either way. But without TLS, whoever learns the secret one day can read what was recorded before.
    fn may_ask(&self, peer: Peer, scheme: Scheme) -> Result<(), Response> {
        let allowed = scheme == Scheme::Https || (self.0.allow_plain && is_near(peer.0.ip()));
        if allowed { Ok(()) } else { Err(problem(StatusCode::FORBIDDEN, "ask with TLS")) }
    }

    fn is_new(&self, head: &Head) -> Result<(), Response> {
        let mut replays = self.0.replays.lock().unwrap_or_else(PoisonError::into_inner);
        match replays.look(head.mark, head.asked_at, clock::now()) {
            Seen::First => Ok(()),
            Seen::Again => Err(self.refuse("this question was asked before")),
            Seen::Stale => {
                Err(self.refuse("the clocks of the server and this worker differ by more than a minute"))
            }
            Seen::TooMany => {
                Err(refusal(Refused { retry_after: std::time::Duration::from_secs(1), reason: Reason::Busy }))
            }
        }
    }

    async fn perform(&self, head: &Head, work: Work) -> Result<Done, Refused> {
        let pool = &self.0.pool;
        match work {
            Work::Verify { password, stored } => {
                pool.verify_here(head.terms, password, stored).await.map(Done::Verdict)
            }
            Work::Hash { password } => pool.hash_here(head.terms, password).await.map(Done::Hash),
            Work::Nothing if self.0.leaving.is_cancelled() => {
                Err(Refused { retry_after: std::time::Duration::from_secs(1), reason: Reason::Closing })
            }
            Work::Nothing => Ok(Done::Nothing),
        }
    }

    fn refuse(&self, why: &'static str) -> Response {
        self.0.refused.fetch_add(1, Relaxed);
        problem(StatusCode::UNAUTHORIZED, why)
    }

    fn exposition(&self) -> String {
        let stats = self.0.pool.stats();
        let gauges = [
            ("threads", "Password hashing threads", stats.threads.to_string()),
            ("queued", "Passwords waiting to be hashed", stats.queued.to_string()),
            ("running", "Passwords being hashed", stats.running.to_string()),
            ("hash_seconds", "Mean time of a hash", stats.mean_hash.as_secs_f64().to_string()),
            (
                "wait_seconds",
                "Expected wait of a password that came now",
                stats.estimated_wait.as_secs_f64().to_string(),
            ),
        ];
        let counters = [
            ("completed", "Passwords hashed or verified", stats.completed),
            ("busy", "Passwords refused because too many waited", stats.refused),
            ("abandoned", "Passwords whose server had gone before their turn", stats.abandoned),
            (
                "unauthenticated",
                "Questions that were not sealed under the secret, not fresh, or asked before",
                self.0.refused.load(Relaxed),
            ),
        ];
        let mut text = String::new();
        for (name, help, value) in gauges {
            let name = format!("doorward_worker_{name}");
            text += &format!("# TYPE {name} gauge\n# HELP {name} {help}\n{name} {value}\n");
        }
        for (name, help, value) in counters {
            let name = format!("doorward_worker_{name}");
            text += &format!("# TYPE {name} counter\n# HELP {name} {help}\n{name}_total {value}\n");
        }
        text + "# EOF\n"
    }
}

/// What a worker listens with.
pub(crate) fn router(service: Service) -> Router {
    Router::new()
        .route("/v1/password", post(password))
        .route("/health/live", get(async || "ok\n"))
        .route("/health/ready", get(ready))
        .with_state(service)
}

/// The operator's listener: `/metrics`.
pub(crate) fn metrics_router(service: Service) -> Router {
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Router::new().route("/metrics", get(async move || ([(CONTENT_TYPE, kind)], service.exposition())))
}

async fn password(
    State(service): State<Service>,
    Extension(peer): Extension<Peer>,
    Extension(scheme): Extension<Scheme>,
    sealed: Bytes,
) -> Response {
    let answered = service.answer(peer, scheme, &sealed).await;
    answered.unwrap_or_else(|refused| refused)
}

async fn ready(State(service): State<Service>) -> Response {
    match service.0.leaving.is_cancelled() {
        false => "ok\n".into_response(),
        true => problem(StatusCode::SERVICE_UNAVAILABLE, "this worker is stopping"),
    }
}

/// 429 where another may have room, 503 where nothing will be done any more.
fn refusal(refused: Refused) -> Response {
    let status = match refused.reason {
        Reason::Busy => StatusCode::TOO_MANY_REQUESTS,
        Reason::PasswordTooLong => StatusCode::BAD_REQUEST,
        Reason::Closing => StatusCode::SERVICE_UNAVAILABLE,
    };
    let seconds = refused.retry_after.as_secs_f64().ceil();
    ([(RETRY_AFTER, format!("{seconds:.0}"))], problem(status, "this worker cannot do it now"))
        .into_response()
}

fn problem(status: StatusCode, why: &'static str) -> Response {
    Problem::new(status).detail(why).into_response()
}
