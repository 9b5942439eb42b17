//! One request: the extensions it carries, the limits it is held to, and the answer when one is passed. Knows no route.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderValue, Request, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use protocol::{ClientCertificate, UnreadCertificate};
use tokio::time::timeout;
use tower::Service as _;

use super::activity::Activity;
use super::body::{AnswerBody, BodyNote, BodyState, LimitedBody};
use super::client_address::{ClientAddress, ForwardedHost, Peer, Scheme};
use super::connection::Connections;
use super::head;
use super::problem::Problem;
use super::{ServerOptions, count};

/// How much of a body that is refused is read and thrown away. A client that is still sending when its connection closes may never see
/// why (RFC 9112 section 9.6); one that sends more than this has itself to blame.
const MOST_DISCARDED: usize = 1024 * 1024;

/// The requests of one connection.
pub(crate) struct Requests {
    server: Arc<Connections>,
    caller: Caller,
    activity: Arc<Activity>,
    through_proxy: bool,
    told_unread: AtomicBool,
}

/// The other end of a connection.
pub(crate) struct Caller {
    pub(crate) peer: Peer,
    pub(crate) scheme: Scheme,
    /// Shown in the handshake.
    pub(crate) certificate: Option<ClientCertificate>,
}

impl Requests {
    pub(crate) fn new(server: Arc<Connections>, caller: Caller, activity: Arc<Activity>) -> Self {
        let through_proxy = server.options.trusted_proxies.contains(caller.peer.0.ip());
        Self { server, caller, activity, through_proxy, told_unread: AtomicBool::new(false) }
    }

    /// Answers one request; there is always an answer.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<AnswerBody>, Infallible> {
        let in_flight = self.activity.request();
        count(&self.options().stats.counts().requests);
        let version = request.version();
        let (mut response, last) = self.limited(request).await;
        let last = last || self.server.admission.is_full() || self.server.leaving.is_cancelled();
        // RFC 9113 section 8.2.2: HTTP/2 has no such header.
        if last && version <= Version::HTTP_11 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| AnswerBody::new(body, in_flight)))
    }

    /// The answer, and whether the connection is of no more use after it.
    async fn limited(&self, mut request: Request<Incoming>) -> (Response, bool) {
        let options = self.options();
        if let Err(problem) = head::checked(&mut request) {
            tracing::debug!(status = %problem.status(), detail = problem.told(), "the head of a request is refused");
            if !request.headers().contains_key(EXPECT) && !request.body().is_end_stream() {
                discard(request.into_body(), options).await;
            }
            return (problem.into_response(), true);
        }
        self.describe(&mut request);
        if request.body().size_hint().lower() > options.max_body_bytes as u64 {
            if !request.headers().contains_key(EXPECT) {
                discard(request.into_body(), options).await;
            }
            return (too_large(options), true);
        }
        let request =
            request.map(|body| LimitedBody::new(body, options.max_body_bytes, options.body_read_timeout));
        let note = request.body().note();
        let mut router = self.server.router.clone();
        let handled = AssertUnwindSafe(async move { router.call(request).await }).catch_unwind();
        match timeout(options.request_timeout, handled).await {
            Ok(Ok(Ok(response))) => after_body(response, &note, options),
            Ok(Err(panic)) => {
                count(&options.stats.counts().panics);
                tracing::error!(message = panic_message(panic.as_ref()), "a request handler panicked");
                (Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response(), true)
            }
            Err(_) if note.get() == BodyState::Incomplete => (stalled(), true),
            Err(_) => {
                tracing::warn!(limit = ?options.request_timeout, "a request took too long");
                let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE)
                    .detail("The answer took too long. Try again later.");
                (problem.into_response(), true)
            }
        }
    }

    fn options(&self) -> &ServerOptions {
        &self.server.options
    }

    fn describe(&self, request: &mut Request<Incoming>) {
        let peer = self.caller.peer.0.ip().to_canonical();
        self.options().forwarding.look(peer, self.through_proxy, request.headers());
        let client = if self.through_proxy {
            self.options().trusted_proxies.client(peer, &self.options().forwarding_header, request.headers())
        } else {
            peer
        };
        let header = self.options().client_certificate_header.as_ref();
        let passed_on = header.map(|header| header.take(request.headers_mut())).transpose();
        let forwarded_host = self.through_proxy.then(|| ForwardedHost::of(request.headers())).flatten();
        // A proxy's own certificate is not its client's, and what anybody else writes into the header is nobody's.
        let certificate = match passed_on {
            _ if !self.through_proxy => Ok(self.caller.certificate.clone()),
            passed_on => passed_on.map(Option::flatten),
        };
        let extensions = request.extensions_mut();
        match certificate {
            Ok(Some(certificate)) => _ = extensions.insert(certificate),
            Ok(None) => {}
            Err(why) => {
                self.tell_unread(why);
                extensions.insert(why);
            }
        }
        if let Some(host) = forwarded_host {
            extensions.insert(host);
        }
        extensions.insert(self.caller.peer);
        extensions.insert(self.caller.scheme);
        extensions.insert(ClientAddress(client));
    }

    /// Once for each connection: a proxy that does so does it in every request.
    fn tell_unread(&self, why: UnreadCertificate) {
        if !self.told_unread.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                proxy = %self.caller.peer.0.ip(),
                %why,
                "a proxy passes on a client's certificate in a form that is not read: its client counts as one without"
            );
        }
    }
}

/// A body that broke a limit decides the answer, whatever its handler made of the failed read.
fn after_body(response: Response, note: &BodyNote, options: &ServerOptions) -> (Response, bool) {
    match note.get() {
        BodyState::Complete | BodyState::Incomplete => (response, false),
        BodyState::TooLarge => (too_large(options), true),
        BodyState::Stalled => (stalled(), true),
    }
}

fn too_large(options: &ServerOptions) -> Response {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE)
        .detail(format!("The request body is larger than {} bytes.", options.max_body_bytes))
        .into_response()
}

/// RFC 9110 section 15.5.9.
fn stalled() -> Response {
    Problem::new(StatusCode::REQUEST_TIMEOUT)
        .detail("The request body did not arrive in time.")
        .into_response()
}

async fn discard(mut body: Incoming, options: &ServerOptions) {
    let reading = async {
        let mut discarded = 0;
        while let Some(Ok(frame)) = body.frame().await {
            discarded += frame.data_ref().map_or(0, bytes::Bytes::len);
            if discarded > MOST_DISCARDED {
                return;
            }
        }
    };
    timeout(options.body_read_timeout, reading).await.ok();
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}
