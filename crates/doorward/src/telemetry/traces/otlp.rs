//! What is sent: an `ExportTraceServiceRequest` (opentelemetry/proto/collector/trace/v1/trace_service.proto), with the names of the semantic
//! conventions for HTTP servers. Knows no network.

use crate::clock;
use crate::protobuf::Message;
use std::time::Instant;
use web::metrics::TracedRequest;

/// `Span.SpanKind`.
const INTERNAL: u64 = 1;
const SERVER: u64 = 2;
/// `Status.StatusCode`.
const ERROR: u64 = 2;

/// What a moment of the monotonic clock is called by everybody else.
pub(super) struct Clock {
    monotonic: Instant,
    unix_nanos: u64,
}

impl Clock {
    pub(super) fn now() -> Self {
        let unix_nanos = clock::now().millis().unsigned_abs() * 1_000_000;
        Self { monotonic: clock::monotonic(), unix_nanos }
    }

    fn unix_nanos(&self, at: Instant) -> u64 {
        let ago = u64::try_from(self.monotonic.saturating_duration_since(at).as_nanos()).unwrap_or(u64::MAX);
        self.unix_nanos.saturating_sub(ago)
    }
}

/// These requests, and what they waited for.
pub(super) fn export(requests: &[TracedRequest], clock: &Clock) -> Vec<u8> {
    let mut export = Message::default();
    export.message(1, |resource_spans| {
        resource_spans.message(1, |resource| {
            text(resource, 1, "service.name", "doorward");
            text(resource, 1, "service.version", env!("CARGO_PKG_VERSION"));
            text(resource, 1, "service.instance.id", &std::process::id().to_string());
        });
        resource_spans.message(2, |scope_spans| {
            scope_spans.message(1, |scope| {
                scope.bytes(1, "doorward").bytes(2, env!("CARGO_PKG_VERSION"));
            });
            for request in requests {
                write_request(scope_spans, request, clock);
            }
        });
    });
    export.finish()
}

fn write_request(scope_spans: &mut Message, request: &TracedRequest, clock: &Clock) {
    let trace = &request.trace;
    scope_spans.message(2, |span| {
        span.bytes(1, trace.trace_id).bytes(2, trace.span_id);
        if let Some(parent) = trace.parent_id {
            span.bytes(4, parent);
        }
        span.bytes(5, format!("{} {}", request.method, request.route)).number(6, SERVER);
        span.fixed64(7, clock.unix_nanos(request.began)).fixed64(8, clock.unix_nanos(request.ended));
        text(span, 9, "http.request.method", request.method.as_str());
        text(span, 9, "http.route", request.route);
        span.message(9, |attribute| {
            attribute.bytes(1, "http.response.status_code").message(2, |value| {
                value.number(3, request.status.as_u16().into());
            });
        });
        if request.status.is_server_error() {
            span.message(15, |status| {
                status.number(3, ERROR);
            });
        }
    });
    for (number, part) in (1_u64..).zip(trace.spans()) {
        scope_spans.message(2, |span| {
            span.bytes(1, trace.trace_id).bytes(2, part_id(trace.span_id, number)).bytes(4, trace.span_id);
            span.bytes(5, part.name).number(6, INTERNAL);
            span.fixed64(7, clock.unix_nanos(part.began)).fixed64(8, clock.unix_nanos(part.ended));
        });
    }
}

/// Unique in its trace, as its request's own is random.
fn part_id(request: [u8; 8], number: u64) -> [u8; 8] {
    u64::from_be_bytes(request).wrapping_add(number).to_be_bytes()
}

/// `KeyValue` with a text.
fn text(message: &mut Message, field: u64, key: &str, value: &str) {
    message.message(field, |attribute| {
        attribute.bytes(1, key).message(2, |any| {
            any.bytes(1, value);
        });
    });
}
