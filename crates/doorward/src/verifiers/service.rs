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
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use passwords::{Done, HashPool, Reason, Refused, Work};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
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

/// Why a question is not answered.
enum Refusal {
    /// Without TLS, from where that is not allowed.
    Plain,
    /// Sealed under no secret of ours, or not at all.
    Unknown,
    /// It was asked before.
    Again,
    /// Too old, or from the future.
    Stale,
    Unreadable,
    TooLong,
    /// The pool's word.
    Pool(Refused),
}

const ANOTHER_TIME: Duration = Duration::from_secs(1);

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

    async fn answer(&self, peer: Peer, scheme: Scheme, sealed: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.may_ask(peer, scheme)?;
        let (secret, opened) = self.0.secrets.open(message::QUESTION, sealed).ok_or(Refusal::Unknown)?;
        let (head, work) = message::read_question(&opened).ok_or(Refusal::Unreadable)?;
        drop(opened);
        self.is_new(&head)?;
        let done = self.perform(&head, work).await?;
        let threads = self.0.pool.stats().threads;
        let answer = Answer { done, threads }.to_bytes().ok_or(Refusal::TooLong)?;
        Ok(secret.seal(&message::answer_to(&head.mark), &answer, &mut OsRandom))
    }

    /// Messages are sealed either way. But without TLS, whoever learns the secret one day can read what was recorded before.
    fn may_ask(&self, peer: Peer, scheme: Scheme) -> Result<(), Refusal> {
        let allowed = scheme == Scheme::Https || (self.0.allow_plain && is_near(peer.0.ip()));
        if allowed { Ok(()) } else { Err(Refusal::Plain) }
    }

    fn is_new(&self, head: &Head) -> Result<(), Refusal> {
        let mut replays = self.0.replays.lock().unwrap_or_else(PoisonError::into_inner);
        match replays.look(head.mark, head.asked_at, clock::now()) {
            Seen::First => Ok(()),
            Seen::Again => Err(Refusal::Again),
            Seen::Stale => Err(Refusal::Stale),
            Seen::TooMany => Err(Refusal::Pool(Refused { retry_after: ANOTHER_TIME, reason: Reason::Busy })),
        }
    }

    async fn perform(&self, head: &Head, work: Work) -> Result<Done, Refusal> {
        let pool = &self.0.pool;
        let done = match work {
            Work::Verify { password, stored } => {
                pool.verify_here(head.terms, password, stored).await.map(Done::Verdict)
            }
            Work::Hash { password } => pool.hash_here(head.terms, password).await.map(Done::Hash),
            Work::Nothing if self.0.leaving.is_cancelled() => {
                Err(Refused { retry_after: ANOTHER_TIME, reason: Reason::Closing })
            }
            Work::Nothing => Ok(Done::Nothing),
        };
        done.map_err(Refusal::Pool)
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
    match service.answer(peer, scheme, &sealed).await {
        Ok(answer) => {
            let kind = HeaderValue::from_static("application/octet-stream");
            let private = HeaderValue::from_static("no-store");
            ([(CONTENT_TYPE, kind), (CACHE_CONTROL, private)], answer).into_response()
        }
        Err(refusal) => {
            if refusal.is_of_a_stranger() {
                service.0.refused.fetch_add(1, Relaxed);
            }
            refusal.into_response()
        }
    }
}

async fn ready(State(service): State<Service>) -> Response {
    match service.0.leaving.is_cancelled() {
        false => "ok\n".into_response(),
        true => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE).detail("this worker is stopping").into_response()
        }
    }
}

impl Refusal {
    fn is_of_a_stranger(&self) -> bool {
        matches!(self, Self::Unknown | Self::Again | Self::Stale)
    }

    /// 429 where another may have room, 503 where nothing will be done any more.
    fn told(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Plain => (StatusCode::FORBIDDEN, "ask with TLS"),
            Self::Unknown => {
                (StatusCode::UNAUTHORIZED, "this question is not sealed under a secret of this worker")
            }
            Self::Again => (StatusCode::UNAUTHORIZED, "this question was asked before"),
            Self::Stale => (
                StatusCode::UNAUTHORIZED,
                "the clocks of the server and this worker differ by more than a minute",
            ),
            Self::Unreadable => {
                (StatusCode::BAD_REQUEST, "this question cannot be read: it is of another version")
            }
            Self::TooLong => (StatusCode::INTERNAL_SERVER_ERROR, "the answer is too long"),
            Self::Pool(refused) => match refused.reason {
                Reason::Busy => (StatusCode::TOO_MANY_REQUESTS, "too many passwords wait here"),
                Reason::PasswordTooLong => (StatusCode::BAD_REQUEST, "this password is too long"),
                Reason::Closing => (StatusCode::SERVICE_UNAVAILABLE, "this worker is stopping"),
            },
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, why) = self.told();
        let problem = Problem::new(status).detail(why);
        let Self::Pool(refused) = self else { return problem.into_response() };
        let seconds = refused.retry_after.as_secs_f64().ceil();
        ([(RETRY_AFTER, format!("{seconds:.0}"))], problem).into_response()
    }
}
