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
fn refused(answer: Answer, status: u16, error_code: &str) {
    let body = answer.expect(status).json();
    assert_eq!(
        (&body["error_code"], &body["timestamp"]),
        (&json!(error_code), &json!(now().rfc3339())),
        "{body}"
    );
    let sentence = body["error"].as_str().unwrap();
    assert!(
        sentence.ends_with('.') && sentence.contains(' ') && body.as_object().unwrap().len() == 3,
        "{body}"
    );
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
    let expected = |plan: &str, features: &[&str], status: &str| {
        json!({
            "service": "notes", "plan": plan, "features": features, "status": status,
            "current_period_end": "2026-01-01 00:01:00",
        })
    };
    assert_eq!(told().await, expected("pro", &["read", "export"], "cancelled"), "until the period ends");
    pass_seconds(60);
    assert_eq!(told().await, expected("free", &["read"], "expired"));
    for status in [SubscriptionStatus::PastDue, SubscriptionStatus::Trialing] {
        house.subscribe("alice", "acme/notes/pro", status, None).await;
        let late = told().await;
        assert_eq!(
            (&late["plan"], &late["status"], &late["current_period_end"]),
            (&json!("pro"), &json!("active"), &json!("N/A")),
            "what it opens is open"
        );
    }
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
    let machines = machines["access_token"].as_str().unwrap();
    refused(ask(&house, "/api/subscription", &token).await, 400, "BAD_REQUEST");
    for path in ["/api/subscription", "/api/user"] {
        refused(ask(&house, path, machines).await, 400, "BAD_REQUEST");
    }
    // Who it is is told all the same, of no organization.
    let told = ask(&house, "/api/user", &token).await.expect(200).json();
    let id = house.user("alice").await.id.to_string();
    assert_eq!(told, json!({"id": id, "email": null, "org": "", "service": ""}));
}

#[tokio::test]
async fn a_user_is_told_to_members_tokens_only() {
    let house = House::open().await;
    let notes = house.notes_of_acme().await;
    let scope = [("scope", "openid email")];
    let token = notes.tokens_for(&house, "alice", &scope).await.access_token;
    refused(ask(&house, "/api/user", &token).await, 403, "FORBIDDEN");
    // Customers subscribe; that makes them no members.
    house.subscribe("alice", "acme/notes/pro", SubscriptionStatus::Active, None).await;
    refused(ask(&house, "/api/user", &token).await, 403, "FORBIDDEN");
    house.join_acme("alice").await;
    let id = house.user("alice").await.id.to_string();
    let told = ask(&house, "/api/user", &token).await.expect(200).json();
    assert_eq!(told, json!({"id": id, "email": "alice@example.org", "org": "acme", "service": "notes"}));
    // OpenID Connect Core section 5.4: the scope opens the address here, too.
    let narrow = notes.tokens(&house, "alice").await.access_token;
    assert_eq!(ask(&house, "/api/user", &narrow).await.expect(200).json()["email"], json!(null));
    let acme = "acme".parse().unwrap();
    house.provider.remove_member(&new_ctx(None), &acme, "alice").await.unwrap();
    refused(ask(&house, "/api/user", &token).await, 403, "FORBIDDEN");
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
            refused(answer, 401, "JWT_ERROR");
        }
        refused(house.get(path).await, 401, "UNAUTHORIZED");
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
            return refused(answer, 429, "TEMPORARILY_UNAVAILABLE");
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
    // As often as it polls: these clients know no other word.
    refused(polled().await, 400, "DEVICE_CODE_PENDING");
    refused(polled().await, 400, "DEVICE_CODE_PENDING");
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
    refused(polled().await, 400, "BAD_REQUEST");
    let again = post_json(&house, "/auth/device/verify", &json!({ "user_code": user_code })).await;
    refused(again, 400, "BAD_REQUEST");
}

#[tokio::test]
async fn a_device_is_refused_as_at_the_original_endpoint_and_for_a_service_that_is_not_its_own() {
    let house = House::open().await;
    tool(&house).await;
    house.register_public("television", crate::house::television).await;
    for body in [
        json!({"client_id": "tool", "org": "acme", "service": "other"}),
        json!({"client_id": "tool", "org": "other", "service": "notes"}),
        json!({"client_id": "television", "org": "acme", "service": "notes"}),
        json!({"client_id": "tool", "org": "acme"}),
        json!({"client_id": "nobody", "org": "acme", "service": "notes"}),
        json!({"org": "acme", "service": "notes"}),
        json!(["tool"]),
    ] {
        let answer = post_json(&house, "/auth/device/code", &body).await;
        assert!(!answer.headers.contains_key("www-authenticate"), "{:?}", answer.headers);
        refused(answer, 400, "BAD_REQUEST");
    }
    post_json(&house, "/auth/device/code", &json!({"client_id": "tool"})).await.expect(200);
    for body in [json!({"user_code": "x"}), json!({"user_code": "BCDF-GHJK"}), json!({})] {
        refused(post_json(&house, "/auth/device/verify", &body).await, 400, "BAD_REQUEST");
    }
    let of = |client: &str, code: &str| json!({"grant_type": GRANT_TYPE, "client_id": client, "device_code": code});
    refused(post_json(&house, "/auth/token", &of("nobody", "x")).await, 401, "UNAUTHORIZED");
    refused(post_json(&house, "/auth/token", &of("tool", "x")).await, 400, "BAD_REQUEST");
    let other = json!({"grant_type": "password", "client_id": "tool"});
    refused(post_json(&house, "/auth/token", &other).await, 400, "BAD_REQUEST");
    let device = post_json(&house, "/auth/device/code", &asking()).await.expect(200).json();
    let poll = json!({"grant_type": GRANT_TYPE, "client_id": "tool", "device_code": device["device_code"]});
    pass_seconds(device["expires_in"].as_u64().unwrap());
    let late = post_json(&house, "/auth/token", &poll).await;
    refused(late, 400, "DEVICE_CODE_EXPIRED");
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
            return refused(answer, 429, "TEMPORARILY_UNAVAILABLE");
        }
        refused(answer, 400, "BAD_REQUEST");
    }
    panic!("never limited");
}

/// Signed in with the tool of acme's notes.
async fn tool_of(house: &House, username: &str) -> Tokens {
    let device = post_json(house, "/auth/device/code", &asking()).await.expect(200).json();
    let mut browser = house.browser();
    let page = browser.enter(device["user_code"].as_str().unwrap()).await.expect(200);
    let page = browser.sign_in(&page, username, crate::house::PASSWORD).await.expect(200);
    browser.decide(&page, "allow").await.expect(200);
    let poll = json!({"grant_type": GRANT_TYPE, "client_id": "tool", "device_code": device["device_code"]});
    Tokens::of(&post_json(house, "/auth/token", &poll).await)
}

#[tokio::test]
async fn a_refresh_token_is_renewed_without_naming_its_client_and_logout_ends_what_it_stands_on() {
    let house = House::open().await;
    tool(&house).await;
    let first = tool_of(&house, "alice").await;
    let refresh =
        async |token: &str| post_json(&house, "/api/auth/refresh", &json!({"refresh_token": token})).await;
    let second = Tokens::of(&refresh(&first.refresh_token).await);
    assert!(second.all["expires_in"].is_u64() && second.refresh_token != first.refresh_token);
    assert_eq!(ask(&house, "/api/user", &second.access_token).await.status, 403, "no member");
    for bad in ["nonsense", &first.access_token] {
        refused(refresh(bad).await, 401, "UNAUTHORIZED");
    }
    refused(post_json(&house, "/api/auth/refresh", &json!({})).await, 401, "UNAUTHORIZED");
    let logout = async |token: &str| {
        let request = Request::post("/api/auth/logout").header("authorization", format!("Bearer {token}"));
        house.send(request.body(Body::empty()).unwrap()).await
    };
    let beside = tool_of(&house, "alice").await;
    logout(&second.access_token).await.expect(204);
    refused(logout(&second.access_token).await, 401, "JWT_ERROR");
    refused(ask(&house, "/api/subscription", &second.access_token).await, 401, "JWT_ERROR");
    refused(refresh(&second.refresh_token).await, 401, "UNAUTHORIZED");
    // Another sign-in of the same person goes on.
    ask(&house, "/api/subscription", &beside.access_token).await.expect(200);
    refused(house.post("/api/auth/logout", &[]).await, 401, "UNAUTHORIZED");
}

#[tokio::test]
async fn rfc6749_6_a_refresh_token_names_a_public_client_and_no_other() {
    let house = House::open().await;
    let notes = house.notes().await;
    let page = house.register_public("page", |_| {}).await;
    let form = |token: &'static str| [("grant_type", "refresh_token"), ("refresh_token", token)];
    let of = async |token: String| house.post("/oauth2/token", &form(token.leak())).await;
    let renewed = of(page.tokens(&house, "alice").await.refresh_token).await;
    Tokens::of(&renewed);
    of(notes.tokens(&house, "alice").await.refresh_token).await.refused(401, "invalid_client");
    of("nonsense".to_owned()).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn keys_and_discovery_answer_where_clients_of_other_systems_look_for_them() {
    let house = House::open().await;
    house.make_every_key().await;
    let keys = house.get("/oauth2/jwks").await.expect(200).body;
    for path in ["/.well-known/jwks.json", "/oauth2/.well-known/jwks.json"] {
        assert_eq!(house.get(path).await.expect(200).body, keys, "{path}");
    }
    let document = house.get("/oauth2/.well-known/openid-configuration").await.expect(200);
    assert_eq!(document.body, house.get("/.well-known/openid-configuration").await.body);
    // A path that is nobody's is not this dialect's either.
    let nowhere = house.get("/api/nowhere").await.expect(404);
    assert_eq!(nowhere.header("content-type"), "application/problem+json");
}
