//! A small HTTP/1.1 client: one kept-alive connection per owner, no redirects followed, a time-out on every exchange.
//! It owns bytes on the wire and refuses to know cookies, forms or OAuth.
//!
//! It drives hyper's connection inside the caller's own task: no second task, no waking across threads. The machine is
//! shared with the server that is measured, so what the client burns is taken from the result.

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, USER_AGENT,
};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::net::TcpStream;
use url::Url;

/// No page or token answer is longer; an endless body must not fill the memory of the tool.
const LONGEST_BODY: usize = 1 << 20;

/// Where requests go: scheme, host and port, resolved once.
pub(crate) struct Origin {
    addresses: Vec<SocketAddr>,
    text: String,
    host: HeaderValue,
    origin: HeaderValue,
}

impl Origin {
    /// Resolves the host of an `http` URL.
    pub(crate) async fn resolve(url: &Url) -> Result<Self, String> {
        let host = url.host_str().ok_or("the URL names no host")?;
        let port = url.port_or_known_default().unwrap_or(80);
        let addresses: Vec<_> = tokio::net::lookup_host((host.trim_matches(['[', ']']), port))
            .await
            .map_err(|error| format!("{host} cannot be resolved: {error}"))?
            .collect();
        let text = url.origin().ascii_serialization();
        let authority = text.split_once("://").map_or(host, |(_, authority)| authority);
        let value = |text: &str| HeaderValue::from_str(text).map_err(|error| error.to_string());
        Ok(Self { addresses, host: value(authority)?, origin: value(&text)?, text })
    }

    /// The path and query that `reference` names from the page at `base`, or `None` if it leads to another origin.
    pub(crate) fn path_of(&self, reference: &str, base: &str) -> Option<String> {
        let reference = reference.split('#').next().unwrap_or_default();
        // What servers usually write needs no parsing.
        if reference.starts_with('/') && !reference.starts_with("//") {
            return Some(reference.to_owned());
        }
        if let Some(rest) = reference.strip_prefix(&self.text)
            && rest.starts_with('/')
        {
            return Some(rest.to_owned());
        }
        let url = Url::parse(&format!("{}{base}", self.text)).ok()?.join(reference).ok()?;
        let is_here = url.origin().ascii_serialization() == self.text;
        is_here.then(|| url[url::Position::BeforePath..].to_owned())
    }

    /// A GET as a browser sends it.
    pub(crate) fn get(&self, path: &str) -> Result<Request<Full<Bytes>>, String> {
        self.request(Method::GET, path, Bytes::new())
    }

    /// A POST of an already encoded form, as a browser sends it from a page of this origin.
    pub(crate) fn post_form(&self, path: &str, body: String) -> Result<Request<Full<Bytes>>, String> {
        let mut request = self.request(Method::POST, path, body.into())?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ORIGIN, self.origin.clone());
        headers.insert(HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static("same-origin"));
        Ok(request)
    }

    /// A POST of an already encoded form, as a client's server sends it.
    pub(crate) fn post_api(
        &self,
        path: &Uri,
        authorization: &HeaderValue,
        body: impl Into<Bytes>,
    ) -> Result<Request<Full<Bytes>>, String> {
        let mut request = self.bare(Method::POST, path.clone(), body.into());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, authorization.clone());
        Ok(request)
    }

    /// A GET as a program sends it, without a body and without credentials.
    pub(crate) fn get_api(&self, path: &Uri) -> Request<Full<Bytes>> {
        let mut request = self.bare(Method::GET, path.clone(), Bytes::new());
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        request
    }

    /// A POST of JSON, as a program sends it, without credentials.
    pub(crate) fn post_json(&self, path: &Uri, body: String) -> Request<Full<Bytes>> {
        let mut request = self.bare(Method::POST, path.clone(), body.into());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        request
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, String> {
        let uri = path.parse::<Uri>().map_err(|_| "a path that is not a valid request target".to_owned())?;
        let mut request = self.bare(method, uri, body);
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/html"));
        Ok(request)
    }

    fn bare(&self, method: Method, uri: Uri, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static("doorward-bench"));
        request
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

type Driver = http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;

/// Large, and handed on with every request: boxed.
struct Live {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once the connection has ended; a future that is ready may not be polled again.
    driver: Option<Driver>,
}

/// One connection to an [`Origin`], opened when needed and kept while the server keeps it.
pub(crate) struct Connection {
    origin: Arc<Origin>,
    time_out: Duration,
    live: Option<Box<Live>>,
}

impl Connection {
    pub(crate) fn new(origin: Arc<Origin>, time_out: Duration) -> Self {
        Self { origin, time_out, live: None }
    }

    /// Sends one request and reads the whole answer. The text of a failure holds nothing of the request.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        // Taken out for the exchange: what is given up half-way must not be used again.
        let live = self.live.take();
        let (answer, live) = tokio::time::timeout(self.time_out, exchange(&self.origin, live, request))
            .await
            .map_err(|_| format!("no answer within {:?}", self.time_out))??;
        self.live = Some(live);
        Ok(answer)
    }
}

async fn exchange(
    origin: &Origin,
    kept: Option<Box<Live>>,
    mut request: Request<Full<Bytes>>,
) -> Result<(Answer, Box<Live>), String> {
    if let Some(mut live) = kept
        && live.is_usable().await
    {
        match attempt(&mut live, request).await {
            Ok(answer) => return Ok((answer, live)),
            // The server closed an idle connection before it saw the request: the next connection takes it.
            Err(Lost::Unsent(unsent)) => request = *unsent,
            Err(Lost::Failed(why)) => return Err(why),
        }
    }
    let mut live = connect(origin).await?;
    match attempt(&mut live, request).await {
        Ok(answer) => Ok((answer, live)),
        Err(Lost::Unsent(_)) => Err("a new connection was closed at once".to_owned()),
        Err(Lost::Failed(why)) => Err(why),
    }
}

async fn connect(origin: &Origin) -> Result<Box<Live>, String> {
    let stream = TcpStream::connect(origin.addresses.as_slice())
        .await
        .map_err(|error| format!("cannot connect: {error}"))?;
    stream.set_nodelay(true).map_err(|error| format!("TCP_NODELAY: {error}"))?;
    let (sender, driver) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| format!("cannot connect: {error}"))?;
    Ok(Box::new(Live { sender, driver: Some(driver) }))
}

enum Lost {
    Unsent(Box<Request<Full<Bytes>>>),
    Failed(String),
}

impl Live {
    /// Looks whether the server has closed the connection while nobody was looking.
    async fn is_usable(&mut self) -> bool {
        let Self { sender, driver } = self;
        drive(driver, sender.ready()).await.is_ok()
    }
}

async fn attempt(live: &mut Live, request: Request<Full<Bytes>>) -> Result<Answer, Lost> {
    let Live { sender, driver } = live;
    drive(driver, async {
        sender.ready().await.map_err(|error| failed(&error))?;
        let response = match sender.try_send_request(request).await {
            Ok(response) => response,
            Err(mut refused) => {
                return Err(match refused.take_message() {
                    Some(unsent) => Lost::Unsent(Box::new(unsent)),
                    None => failed(refused.error()),
                });
            }
        };
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST_BODY)
            .collect()
            .await
            .map_err(|error| Lost::Failed(format!("the answer broke off: {error}")))?
            .to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    })
    .await
}

fn failed(error: &hyper::Error) -> Lost {
    Lost::Failed(format!("the connection failed: {error}"))
}

/// Polls an exchange and the connection it runs over, in the same task.
async fn drive<T>(driver: &mut Option<Driver>, exchange: impl Future<Output = T>) -> T {
    let mut exchange = pin!(exchange);
    poll_fn(|context| {
        if let Poll::Ready(outcome) = exchange.as_mut().poll(context) {
            return Poll::Ready(outcome);
        }
        // How a connection ended is told to the exchange by hyper itself.
        if let Some(connection) = driver
            && Pin::new(connection).poll(context).is_ready()
        {
            *driver = None;
        }
        exchange.as_mut().poll(context)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn origin() -> Origin {
        Origin::resolve(&Url::parse("http://127.0.0.1:80/tenant").unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn references_are_resolved_and_other_origins_refused() {
        let origin = origin().await;
        let base = "/oauth2/authorize?client_id=a";
        let cases = [
            ("/sign-in", Some("/sign-in")),
            ("/sign-in?a=b#top", Some("/sign-in?a=b")),
            ("http://127.0.0.1/sign-in", Some("/sign-in")),
            ("http://127.0.0.1", Some("/")),
            ("http://127.0.0.1?a", Some("/?a")),
            ("", Some(base)),
            ("?again=1", Some("/oauth2/authorize?again=1")),
            ("sign-in", Some("/oauth2/sign-in")),
            ("../sign-in#top", Some("/sign-in")),
            ("http://127.0.0.1:8000/sign-in", None),
            ("http://127.0.0.1.example/", None),
            ("https://127.0.0.1/sign-in", None),
            ("//elsewhere/sign-in", None),
            ("app:callback", None),
        ];
        for (reference, expected) in cases {
            assert_eq!(origin.path_of(reference, base).as_deref(), expected, "{reference}");
        }
    }

    #[tokio::test]
    async fn the_host_leaves_out_the_usual_port() {
        let request = origin().await.post_form("/sign-in?a=b", "c=d".to_owned()).unwrap();
        assert_eq!(request.headers()[HOST], "127.0.0.1");
        assert_eq!(request.headers()[ORIGIN], "http://127.0.0.1");
        assert_eq!(request.uri(), "/sign-in?a=b");
    }
}
