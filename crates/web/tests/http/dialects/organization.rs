//! The organization API: `/api/subscription`, `/api/user`.

use crate::house::{Answer, House, START, Tokens, new_ctx, now, pass_seconds};
use axum::body::Body;
use http::Request;
use protocol::{GrantType, Scope, SubscriptionStatus};
use serde_json::{Value, json};
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
    house.provider.remove_member(&new_ctx(None), &acme, "alice").await.unwrap();
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
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
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
    house.provider.remove_service(&new_ctx(None), &"acme/notes".parse().unwrap()).await.unwrap();
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

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn post_json(house: &House, path: &str, body: &Value) -> Answer {
    let request = Request::post(path).header("content-type", "application/json");
    house.send(request.body(Body::from(body.to_string())).unwrap()).await
}

/// A command line tool of acme's notes.
async fn tool(house: &House) {
    let service = house.acme().await;
    let register = |client: &mut protocol::Client| {
        client.grant_types = [GrantType::DeviceCode, GrantType::RefreshToken].into();
        client.service = Some(service);
    };
    house.register_public("tool", register).await;
}

fn asking() -> Value {
    json!({"client_id": "tool", "org": "acme", "service": "notes"})
}

#[tokio::test]
async fn a_device_of_a_service_signs_in() {
    let house = House::open().await;
    tool(&house).await;
    house.subscribe("alice", "acme/notes/pro", SubscriptionStatus::Active, None).await;
    let device = post_json(&house, "/auth/device/code", &asking()).await.expect(200);
    assert_eq!(device.header("cache-control"), "no-store");
    let device = device.json();
    let (device_code, user_code) = (&device["device_code"], device["user_code"].as_str().unwrap());
    assert_eq!(
        device,
        json!({
            "device_code": device_code, "user_code": user_code, "verification_uri": "https://id.example/device",
            "verification_uri_complete": format!("https://id.example/device?user_code={user_code}"),
            "expires_in": device["expires_in"], "interval": 5,
        })
    );
    let verified = post_json(&house, "/auth/device/verify", &json!({ "user_code": user_code })).await;
    assert_eq!(
        verified.expect(200).json(),
        json!({"org_slug": "acme", "service_slug": "notes", "available_providers": ["password"]})
    );
    let poll = json!({"grant_type": GRANT_TYPE, "client_id": "tool", "device_code": device_code});
    let polled = || post_json(&house, "/auth/token", &poll);
    refused(polled().await, 400, "authorization_pending", "DEVICE_CODE_PENDING");
    refused(polled().await, 400, "slow_down", "SLOW_DOWN");
    let mut browser = house.browser();
    let page = browser.enter(user_code).await.expect(200);
    let page = browser.sign_in(&page, "alice", crate::house::PASSWORD).await.expect(200);
    browser.decide(&page, "allow").await.expect(200);
    let tokens = Tokens::of(&polled().await);
    assert_eq!(tokens.all["token_type"], "Bearer");
    assert!(!tokens.refresh_token.is_empty());
    let told = ask(&house, "/api/subscription", &tokens.access_token).await.expect(200).json();
    assert_eq!((&told["service"], &told["plan"]), (&json!("notes"), &json!("pro")));
    house.join_acme("alice").await;
    let told = ask(&house, "/api/user", &tokens.access_token).await.expect(200).json();
    assert_eq!(told["email"], "alice@example.org", "these clients never name a scope");
    refused(polled().await, 400, "invalid_grant", "INVALID_GRANT");
    let again = post_json(&house, "/auth/device/verify", &json!({ "user_code": user_code })).await;
    refused(again, 400, "invalid_grant", "INVALID_GRANT");
}

#[tokio::test]
async fn a_device_is_refused_as_at_the_original_endpoint_and_for_a_service_that_is_not_its_own() {
    let house = House::open().await;
    tool(&house).await;
    house.register_public("television", crate::house::television).await;
    for (body, status, error) in [
        (json!({"client_id": "tool", "org": "acme", "service": "other"}), 400, "unauthorized_client"),
        (json!({"client_id": "tool", "org": "other", "service": "notes"}), 400, "unauthorized_client"),
        (json!({"client_id": "television", "org": "acme", "service": "notes"}), 400, "unauthorized_client"),
        (json!({"client_id": "tool", "org": "acme"}), 400, "invalid_request"),
        (json!({"client_id": "nobody", "org": "acme", "service": "notes"}), 401, "invalid_client"),
        (json!({"org": "acme", "service": "notes"}), 401, "invalid_client"),
        (json!(["tool"]), 400, "invalid_request"),
    ] {
        let answer = post_json(&house, "/auth/device/code", &body).await;
        refused(answer, status, error, &error.to_uppercase());
    }
    post_json(&house, "/auth/device/code", &json!({"client_id": "tool"})).await.expect(200);
    for (body, error) in [
        (json!({"user_code": "x"}), "invalid_request"),
        (json!({"user_code": "BCDF-GHJK"}), "invalid_grant"),
        (json!({}), "invalid_request"),
    ] {
        let answer = post_json(&house, "/auth/device/verify", &body).await;
        refused(answer, 400, error, &error.to_uppercase());
    }
    let device = post_json(&house, "/auth/device/code", &asking()).await.expect(200).json();
    let poll = json!({"grant_type": GRANT_TYPE, "client_id": "tool", "device_code": device["device_code"]});
    pass_seconds(device["expires_in"].as_u64().unwrap());
    let late = post_json(&house, "/auth/token", &poll).await;
    refused(late, 400, "expired_token", "DEVICE_CODE_EXPIRED");
}

#[tokio::test]
async fn guessing_user_codes_is_limited_here_as_on_the_page() {
    let house = House::open().await;
    tool(&house).await;
    let address = "192.0.2.7".parse().unwrap();
    let body = json!({"user_code": "BCDF-GHJK"}).to_string();
    for _ in 0..1_000 {
        let request = Request::post("/auth/device/verify").header("content-type", "application/json");
        let answer = house.send_from(address, request.body(Body::from(body.clone())).unwrap()).await;
        if answer.status == 429 {
            assert!(answer.headers.contains_key("retry-after"));
            return refused(answer, 429, "temporarily_unavailable", "TEMPORARILY_UNAVAILABLE");
        }
        refused(answer, 400, "invalid_grant", "INVALID_GRANT");
    }
    panic!("never limited");
}
