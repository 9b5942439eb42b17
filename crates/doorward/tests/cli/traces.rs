//! Traces, as a receiver of OpenTelemetry's own types gets them.

use crate::process::{Installation, PATIENCE, exchange, get_with, now, post};
use axum::Router;
use axum::body::Bytes;
use axum::routing::post as posted;
use http::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A small collector.
struct Collector {
    address: String,
    received: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Collector {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        let router = Router::new().route(
            "/v1/traces",
            posted(async move |headers: HeaderMap, body: Bytes| {
                assert_eq!(headers["content-type"], "application/x-protobuf");
                let request =
                    ExportTraceServiceRequest::decode(&body[..]).expect("the protocol's own message");
                kept.lock().unwrap().push(request);
            }),
        );
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, received, _runtime: runtime }
    }

    fn spans(&self) -> Vec<Span> {
        let received = self.received.lock().unwrap();
        let resources = received.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
    }

    /// The spans, once there are this many.
    fn wait_for(&self, most: usize) -> Vec<Span> {
        let began = now();
        while self.spans().len() < most {
            assert!(began.elapsed() < PATIENCE, "only {:#?}", self.spans());
            std::thread::sleep(Duration::from_millis(50));
        }
        self.spans()
    }
}

fn attribute(span: &Span, key: &str) -> Option<Value> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key)?;
    attribute.value.clone()?.value
}

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_receiver_gets_requests_with_their_parents_and_what_they_waited_for() {
    let collector = Collector::start();
    let installation = Installation::new();
    let to = format!("http://{}", collector.address);
    // Nothing by itself: only what a trusted caller wants.
    let server =
        installation.serve(&["--traces-to", &to, "--traces-share", "0", "--trusted-proxies", "127.0.0.1"]);
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    installation.run(&["client", "add", "tv", "--public", "--name", "TV", "--grant-type", device]);
    get_with(&server.address, "/oauth2/jwks", &[]);
    get_with(&server.address, "/oauth2/jwks", &[("traceparent", TRACEPARENT)]);
    let device = format!(
        "POST /oauth2/device_authorization HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 12\r\n\
         Content-Type: application/x-www-form-urlencoded\r\ntraceparent: {TRACEPARENT}\r\n\r\nclient_id=tv"
    );
    let (status, body) = exchange(&server.address, &device);
    assert_eq!(status, 200, "{body}");

    let spans = collector.wait_for(3);
    let named = |name: &str| {
        spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"))
    };
    let (keys, device, write) =
        (named("GET /oauth2/jwks"), named("POST /oauth2/device_authorization"), named("store.write"));
    assert_eq!(spans.len(), 3, "{spans:#?}");
    for span in &spans {
        assert_eq!(span.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes());
        assert!(span.span_id.len() == 8 && span.start_time_unix_nano <= span.end_time_unix_nano);
        assert!(span.end_time_unix_nano - span.start_time_unix_nano < 60_000_000_000);
        assert!(span.start_time_unix_nano > 1_600_000_000_000_000_000);
    }
    for (span, route) in [(keys, "/oauth2/jwks"), (device, "/oauth2/device_authorization")] {
        assert_eq!(span.parent_span_id, 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
        assert_eq!(span.kind(), SpanKind::Server);
        assert_eq!(attribute(span, "http.route"), Some(Value::StringValue(route.to_owned())));
        assert_eq!(attribute(span, "http.response.status_code"), Some(Value::IntValue(200)));
    }
    assert_eq!((write.parent_span_id.clone(), write.kind()), (device.span_id.clone(), SpanKind::Internal));
    assert!(device.start_time_unix_nano <= write.start_time_unix_nano);
    assert!(write.end_time_unix_nano <= device.end_time_unix_nano);
    let request = collector.received.lock().unwrap()[0].clone();
    let resource = request.resource_spans[0].resource.clone().expect("a resource");
    let names: Vec<String> = resource.attributes.iter().map(|attribute| attribute.key.clone()).collect();
    assert_eq!(names, ["service.name", "service.version", "service.instance.id"]);
    server.stop();
}

#[test]
fn the_last_traces_are_sent_at_the_end_and_a_receiver_that_is_gone_delays_nothing() {
    let collector = Collector::start();
    let installation = Installation::new();
    let to = format!("http://{}", collector.address);
    let server = installation.serve(&["--traces-to", &to, "--traces-share", "1"]);
    post(&server.address, "/oauth2/token", ("nobody", "secret"), "grant_type=client_credentials");
    server.stop();
    let spans = collector.spans();
    let token = spans.iter().find(|span| span.name == "POST /oauth2/token").expect("sent at the end");
    assert_eq!(attribute(token, "http.response.status_code"), Some(Value::IntValue(401)));
    assert!(token.parent_span_id.is_empty() && token.trace_id.iter().any(|byte| *byte != 0));

    let server = installation.serve(&["--traces-to", "http://127.0.0.1:1", "--traces-share", "1"]);
    let began = now();
    assert_eq!(get_with(&server.address, "/oauth2/jwks", &[]).0, 200);
    server.signal(rustix::process::Signal::TERM);
    let (code, log) = server.end();
    assert!(code == Some(0) && began.elapsed() < Duration::from_secs(30), "{log}");
    assert!(log.contains("the receiver of traces does not take them"), "{log}");
}
