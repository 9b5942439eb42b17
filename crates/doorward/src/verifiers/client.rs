//! Asking one worker. Owns the exchange: sealed, within a time, believed only when the answer opens under the same secret and to this very question.

use super::connector::WorkerClient;
use super::message::{self, Answer, Head};
use super::secrets::Secrets;
use crate::clock::{self, OsRandom};
use axum::body::Bytes;
use crypto::MasterKeys;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use passwords::{Asking, Done, Remote, Terms, Unanswered, Work};
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Of the time that an answer may take, so much may be spent in a worker's queue: the rest is for the hash and the way.
const QUEUED: u32 = 2;
const LEAST_RETRY: Duration = Duration::from_secs(1);

/// One worker.
pub(crate) struct Verifier {
    url: Url,
    question: Uri,
    client: WorkerClient,
    secrets: Arc<Secrets>,
    /// Which of the secrets it knows, as far as we know.
    known: AtomicUsize,
    timeout: Duration,
    last_failure: Mutex<Option<Failure>>,
}

/// Why a worker did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It has too much to do.
    Busy(Duration),
    /// No connection, or it broke.
    Unreachable(String),
    /// Not within the time.
    TooSlow(Duration),
    /// It does not know our secret, or our clocks differ.
    Refused(String),
    /// It answered otherwise than a worker does.
    Strange(StatusCode),
    /// The answer does not open: it is not from whoever knows the secret, or not to this question.
    Forged,
    /// The password or the stored hash is too long to be asked about.
    TooLong,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(_) => write!(f, "it has too much to do"),
            Self::Unreachable(why) => write!(f, "it cannot be reached: {why}"),
            Self::TooSlow(timeout) => write!(f, "no answer within {timeout:?}"),
            Self::Refused(why) => write!(f, "it refuses to answer: {why}"),
            Self::Strange(status) => write!(f, "it answered {status}, as no worker does"),
            Self::Forged => write!(f, "its answer is not sealed under the secret, or is to another question"),
            Self::TooLong => write!(f, "the question is too long"),
        }
    }
}

impl Verifier {
    pub(super) fn new(url: Url, client: WorkerClient, secrets: Arc<Secrets>, timeout: Duration) -> Self {
        // A base URL has the path `/`, so this is one too.
        let question = format!("{}v1/password", url.as_str()).parse().unwrap_or_default();
        let known = AtomicUsize::new(0);
        Self { url, question, client, secrets, known, timeout, last_failure: Mutex::new(None) }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// What the worker says, and how many passwords it hashes at once.
    ///
    /// # Errors
    /// Why it says nothing.
    pub(crate) async fn ask(&self, terms: Terms, work: &Work) -> Result<(Done, usize), Failure> {
        let terms = Terms { max_wait: terms.max_wait.min(self.timeout / QUEUED), ..terms };
        let asked = tokio::time::timeout(self.timeout, self.ask_under_any(terms, work)).await;
        asked.unwrap_or(Err(Failure::TooSlow(self.timeout)))
    }

    /// While the secret is being changed, some workers know only the one, and some only the other.
    async fn ask_under_any(&self, terms: Terms, work: &Work) -> Result<(Done, usize), Failure> {
        let first = self.known.load(Relaxed);
        let mut refused = Failure::Refused("there is no secret".to_owned());
        for turn in 0..self.secrets.len() {
            let number = (first + turn) % self.secrets.len();
            let Some(secret) = self.secrets.get(number) else { break };
            match self.ask_under(secret, terms, work).await {
                Err(Failure::Refused(why)) => refused = Failure::Refused(why),
                answered => {
                    self.known.store(number, Relaxed);
                    return answered;
                }
            }
        }
        Err(refused)
    }

    async fn ask_under(
        &self,
        secret: &MasterKeys,
        terms: Terms,
        work: &Work,
    ) -> Result<(Done, usize), Failure> {
        let mark = crypto::random_bytes(&mut OsRandom);
        let head = Head { asked_at: clock::now().millis(), mark, terms };
        let question = message::question(&head, work).ok_or(Failure::TooLong)?;
        let sealed = secret.seal(message::QUESTION, &question, &mut OsRandom);
        drop(question);
        let (status, headers, body) = self.exchange(sealed).await?;
        match status {
            StatusCode::OK => {
                let opened = secret.open(&message::answer_to(&mark), &body).map_err(|_| Failure::Forged)?;
                let Answer { done, threads } = Answer::from_bytes(&opened).ok_or(Failure::Forged)?;
                Ok((done, threads))
            }
            StatusCode::TOO_MANY_REQUESTS => Err(Failure::Busy(retry_after(&headers))),
            StatusCode::UNAUTHORIZED => Err(Failure::Refused(detail(&body))),
            status => Err(Failure::Strange(status)),
        }
    }

    async fn exchange(&self, sealed: Vec<u8>) -> Result<(StatusCode, HeaderMap, Bytes), Failure> {
        let mut request = Request::new(Full::from(sealed));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.question.clone();
        let kind = HeaderValue::from_static("application/octet-stream");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        let answer = self.client.request(request).await.map_err(|error| unreachable(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, message::MOST_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| Failure::Unreachable(error.to_string()))?.to_bytes();
        Ok((head.status, head.headers, body))
    }

    fn failed(&self, failure: Failure) -> Unanswered {
        if let Failure::Busy(for_another) = failure {
            return Unanswered::Busy(for_another);
        }
        tracing::debug!(worker = %self.url, why = %failure, "a worker did not answer");
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        Unanswered::Failed
    }
}

impl Remote for Verifier {
    fn name(&self) -> &str {
        self.url.as_str()
    }

    fn ask<'a>(&'a self, terms: Terms, work: &'a Work) -> Asking<'a> {
        Box::pin(
            async move { Verifier::ask(self, terms, work).await.map_err(|failure| self.failed(failure)) },
        )
    }

    fn turned(&self, usable: bool) {
        if usable {
            return tracing::info!(worker = %self.url, "this worker answers again");
        }
        let last = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        let why = last.map(|failure| failure.to_string()).unwrap_or_default();
        tracing::warn!(worker = %self.url, why, "this worker is not asked until it answers again");
    }
}

/// The innermost cause says it: the others only that there was one.
fn unreachable(error: &(dyn std::error::Error + 'static)) -> Failure {
    let innermost = std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error);
    Failure::Unreachable(innermost.to_string())
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(LEAST_RETRY, Duration::from_secs)
}

/// What a problem (RFC 9457) says in words; it is not authenticated, and only shown.
fn detail(body: &[u8]) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let detail = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str());
    let plain = detail.unwrap_or("it does not say why").chars().filter(|letter| !letter.is_control());
    plain.take(200).collect()
}
