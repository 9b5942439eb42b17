//! Rate limits and security headers, as layers over a router that is really served.

use std::num::NonZeroU32;

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use web::server::rate_limit::{Budgets, RateLimits};
use web::server::security_headers::SecurityHeaders;

use crate::{Server, options};

fn limits(requests_per_second: u32, sign_ins_per_minute: u32) -> RateLimits {
    let count = |count| NonZeroU32::new(count).expect("not zero");
    RateLimits::new(Budgets {
        requests_per_second: count(requests_per_second),
        sign_ins_per_minute: count(sign_ins_per_minute),
    })
}

fn limited(limits: RateLimits) -> Router {
    let sign_in = Router::new()
        .route("/sign-in", post(|| async { "tried" }).get(|| async { "form" }))
        .layer(limits.sign_in());
    Router::new().route("/", get(|| async { "hello" })).layer(limits.general()).merge(sign_in)
}

async fn statuses(server: &Server, request: &str, times: usize) -> Vec<u16> {
    let mut client = server.connect().await;
    let mut statuses = Vec::new();
    for _ in 0..times {
        client.send(request).await;
        statuses.push(client.answer().await.status);
    }
    statuses
}

const FORM: &str = "GET /sign-in HTTP/1.1\r\nHost: a\r\n\r\n";
const TRY: &str = "POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";

/// RFC 6585 section 4.
#[tokio::test]
async fn attempts_to_sign_in_have_a_budget_of_their_own() {
    let limits = limits(100, 2);
    let server = Server::start_with(limited(limits.clone()), options(), None);
    assert_eq!(statuses(&server, TRY, 2).await, [200, 200]);
    assert_eq!(statuses(&server, FORM, 3).await, [200, 200, 200], "looking costs nothing");
    let mut client = server.connect().await;
    client.send(TRY).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, limits.refused()), (429, 1));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let wait: u64 = answer.header("retry-after").and_then(|wait| wait.parse().ok()).expect("seconds");
    assert!((25..=30).contains(&wait), "{wait}");
    assert_eq!(client.get("/").await.status, 200, "everything else goes on");
}

#[tokio::test]
async fn every_request_counts_and_limits_can_be_off_or_answer_otherwise() {
    let limits = limits(1, 100);
    let refusal =
        |_: &axum::extract::Request, _| (http::StatusCode::TOO_MANY_REQUESTS, "wait").into_response();
    let server = Server::start_with(limited(limits.with_refusal(refusal)), options(), None);
    let statuses_seen = statuses(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 12).await;
    assert_eq!(statuses_seen[..10], [200; 10], "ten seconds' worth at once");
    assert_eq!(statuses_seen[11], 429);
    let answer = server.connect().await.get("/").await;
    assert_eq!((answer.body.as_str(), answer.header("retry-after")), ("wait", Some("1")));

    let server = Server::start_with(limited(RateLimits::off()), options(), None);
    assert!(statuses(&server, TRY, 50).await.iter().all(|status| *status == 200));
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let router = |https| {
        Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/cached", get(|| async { ([("cache-control", "max-age=60")], "hello") }))
            .layer(SecurityHeaders::new(https))
    };
    let server = Server::start_with(router(true), options(), None);
    let mut client = server.connect().await;
    for path in ["/", "/missing"] {
        let answer = client.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("strict-transport-security", "max-age=63072000"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path} {name}");
        }
    }
    assert_eq!(client.get("/cached").await.header("cache-control"), Some("max-age=60"));
    let server = Server::start_with(router(false), options(), None);
    assert_eq!(server.connect().await.get("/").await.header("strict-transport-security"), None);
}
