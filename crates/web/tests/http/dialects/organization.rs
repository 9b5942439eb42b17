//! The organization API: `/api/subscription`, `/api/user`.

use crate::house::{Answer, House, START, now, pass_seconds};
use axum::body::Body;
use http::Request;
use protocol::{GrantType, Scope, SubscriptionStatus};
use serde_json::json;
use std::time::Duration;
use web::server::rate_limit::{Budgets, RateLimits};

async fn ask(house: &House, path: &str, token: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    house.send(request.body(Body::empty()).unwrap()).await
}

/// Provided that it is exactly what this API's clients expect of a refusal.
#[track_caller]
fn refused(answer: Answer, status: u16, error: &str, error_code: &str) {
    let body = answer.expect(status).json();
    assert_eq!((&body["error"], &body["error_code"]), (&json!(error), &json!(error_code)), "{body}");
    assert_eq!(body["timestamp"], now().rfc3339());
    assert!(body["error_description"].is_string() && body.as_object().unwrap().len() == 4, "{body}");
}

#[tokio::test]
async fn a_subscription_is_told_and_free_when_there_is_none() {
    let house = House::open().await;
    let notes = house.notes_of_acme().await;
    let token = notes.tokens(&house, "alice").await.access_token;
    let told = ask(&house, "/api/subscription", &token).await.expect(200);
    assert_eq!(told.header("content-type"), "application/json");
    assert_eq!(told.header("cache-control"), "no-store");
    assert_eq!(
        told.json(),
        json!({
            "service": "notes", "plan": "free", "features": ["read"], "status": "active", "current_period_end": "N/A",
        })
    );
    let end = START + Duration::from_secs(60);
    house.subscribe("alice", "acme/notes/pro", SubscriptionStatus::Canceled, Some(end)).await;
    let told = || async { ask(&house, "/api/subscription", &token).await.expect(200).json() };
    let expected = |plan: &str, features: &[&str]| {
        json!({
            "service": "notes", "plan": plan, "features": features, "status": "canceled",
            "current_period_end": "2026-01-01T00:01:00Z",
        })
    };
    assert_eq!(told().await, expected("pro", &["read", "export"]), "until the period ends");
    pass_seconds(60);
    assert_eq!(told().await, expected("free", &["read"]));
    house.subscribe("alice", "acme/notes/pro", SubscriptionStatus::PastDue, None).await;
    let late = told().await;
    assert_eq!(
        (&late["plan"], &late["status"], &late["current_period_end"]),
        (&json!("pro"), &json!("past_due"), &json!("N/A"))
    );
}

#[tokio::test]
async fn a_token_that_names_no_service_or_speaks_for_no_user_is_a_bad_request() {
    let house = House::open().await;
    let notes = house.notes_of_acme().await;
    let service = house.provider.find_client(&notes.client_id()).await.unwrap().service;
    let elsewhere = house.register("elsewhere", |_| {}).await;
    let token = elsewhere.tokens(&house, "alice").await.access_token;
    let machine = house
        .register("machine", |client| {
            client.grant_types = [GrantType::ClientCredentials].into();
            client.service = service;
        })
        .await;
    let grant = [("grant_type", "client_credentials")];
    let machines = machine.token(&house, &grant).await.expect(200).json();
    for token in [&token, machines["access_token"].as_str().unwrap()] {
        for path in ["/api/subscription", "/api/user"] {
            refused(ask(&house, path, token).await, 400, "invalid_request", "INVALID_REQUEST");
        }
    }
}

#[tokio::test]
async fn a_user_is_told_to_members_tokens_only() {
    let house = House::open().await;
    let notes = house.notes_of_acme().await;
    let scope = [("scope", "openid email")];
    let token = notes.tokens_for(&house, "alice", &scope).await.access_token;
    refused(ask(&house, "/api/user", &token).await, 403, "access_denied", "ACCESS_DENIED");
    // Customers subscribe; that makes them no members.
    house.subscribe("alice", "acme/notes/pro", SubscriptionStatus::Active, None).await;
    refused(ask(&house, "/api/user", &token).await, 403, "access_denied", "ACCESS_DENIED");
    house.join_acme("alice").await;
    let id = house.user("alice").await.id.to_string();
    let told = ask(&house, "/api/user", &token).await.expect(200).json();
    assert_eq!(told, json!({"id": id, "email": "alice@example.org", "org": "acme", "service": "notes"}));
    // OpenID Connect Core section 5.4: the scope opens the address here, too.
    let narrow = notes.tokens(&house, "alice").await.access_token;
    assert_eq!(ask(&house, "/api/user", &narrow).await.expect(200).json()["email"], json!(null));
    let acme = "acme".parse().unwrap();
    house.provider.remove_member(&acme, "alice").await.unwrap();
    refused(ask(&house, "/api/user", &token).await, 403, "access_denied", "ACCESS_DENIED");
}

#[tokio::test]
async fn what_is_refused_elsewhere_is_refused_here_in_its_own_words() {
    let house = House::open().await;
    let notes = house.notes_of_acme().await;
    let token = notes.tokens(&house, "alice").await.access_token;
    notes.revoke(&house, &token).await.expect(200);
    for path in ["/api/subscription", "/api/user"] {
        for bad in [token.as_str(), "nonsense"] {
            let answer = ask(&house, path, bad).await;
            assert!(answer.header("www-authenticate").starts_with("Bearer "), "{:?}", answer.headers);
            refused(answer, 401, "invalid_token", "INVALID_TOKEN");
        }
        refused(house.get(path).await, 401, "invalid_token", "INVALID_TOKEN");
        assert_eq!(house.post(path, &[]).await.status, 405);
    }
    let preflight = Request::options("/api/subscription")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    let allowed = house.send(preflight.body(Body::empty()).unwrap()).await.expect(200);
    assert_eq!(allowed.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn who_asks_too_often_is_told_in_its_own_words() {
    let one = std::num::NonZero::new(1).unwrap();
    let budgets = Budgets { requests_per_second: one, sign_ins_per_minute: one };
    let house = House::with(|plan| plan.rate_limits = RateLimits::new(budgets)).await;
    let address = "192.0.2.9".parse().unwrap();
    for _ in 0..100 {
        let request = Request::get("/api/subscription").body(Body::empty()).unwrap();
        let answer = house.send_from(address, request).await;
        if answer.status == 429 {
            assert!(answer.headers.contains_key("retry-after"));
            return refused(answer, 429, "temporarily_unavailable", "TEMPORARILY_UNAVAILABLE");
        }
    }
    panic!("never too often");
}

#[tokio::test]
async fn a_client_cannot_be_registered_for_a_service_that_is_not_there() {
    let house = House::open().await;
    let service = house.acme().await;
    house.provider.remove_service(&"acme/notes".parse().unwrap()).await.unwrap();
    let client = protocol::Client {
        service: Some(service),
        scope: Scope::default(),
        redirect_uris: vec!["https://x.example/cb".parse().unwrap()],
        ..protocol::Client::new("x".parse().unwrap(), "X", protocol::ClientAuthentication::ClientSecret)
    };
    let new = provider::admin::NewClient { client };
    let added = house.provider.add_client(&mut crate::house::new_ctx(None), new).await;
    assert!(matches!(added, Err(provider::admin::AdminError::Unknown(_))), "{:?}", added.err());
}
