//! The machine token server's API.

use crate::house::{Answer, House, RelyingParty, now, post};
use axum::body::Body;
use http::Request;
use protocol::{GrantType, Scope};
use serde_json::{Value, json};
use std::time::Duration;

const TOKEN: &str = "/auth-server/v1/oauth/token";
const VALIDATE: &str = "/auth-server/v1/oauth/validate";
const REVOKE: &str = "/auth-server/v1/oauth/revoke";

async fn machine(house: &House) -> RelyingParty {
    house
        .register("machine", |client| {
            client.grant_types = [GrantType::ClientCredentials].into();
            client.scope = Scope::parse("orders:read orders:write").unwrap();
        })
        .await
}

async fn send(house: &House, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").header("content-length", body.len());
    }
    house.send(request.body(Body::from(body.unwrap_or_default().to_owned())).unwrap()).await
}

async fn post_json(house: &House, path: &str, body: &Value) -> Answer {
    send(house, path, &[], Some(&body.to_string())).await
}

async fn bearer(house: &House, path: &str, token: &str) -> Answer {
    send(house, path, &[("authorization", &format!("Bearer {token}"))], None).await
}

#[tokio::test]
async fn a_token_is_asked_for_in_json_or_a_form_validated_and_revoked_by_its_holder() {
    let house = House::open().await;
    let machine = machine(&house).await;
    let secret = machine.secret.clone().unwrap();
    let asked = json!({"grant_type": "client_credentials", "client_id": "machine", "client_secret": secret});
    let listed = json!({
        "grant_type": "client_credentials", "client_id": "machine", "client_secret": secret, "scope": ["orders:read"],
    });
    let form = machine.post(&house, TOKEN, &[("grant_type", "client_credentials")]).await;
    for (answer, scopes) in [
        (post_json(&house, TOKEN, &asked).await, json!(["orders:read", "orders:write"])),
        (post_json(&house, TOKEN, &listed).await, json!(["orders:read"])),
        (form, json!(["orders:read", "orders:write"])),
    ] {
        let answer = answer.expect(200);
        assert_eq!(answer.header("cache-control"), "no-store");
        let answer = answer.json();
        assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(600)));
        let token = answer["access_token"].as_str().unwrap();
        let expected = json!({
            "valid": true, "active": true, "client_id": "machine", "sub": "machine", "scopes": scopes,
            "expires_at": (now() + Duration::from_secs(600)).rfc3339(), "exp": now().seconds() + 600, "expires_in": 600,
        });
        assert_eq!(bearer(&house, VALIDATE, token).await.expect(200).json(), expected);
        let in_body = post_json(&house, VALIDATE, &json!({ "access_token": token })).await;
        assert_eq!(in_body.expect(200).json(), expected);
        let done = bearer(&house, REVOKE, token).await.expect(200).json();
        assert_eq!(done, json!({"message": "Token revoked successfully"}));
        bearer(&house, VALIDATE, token).await.refused(401, "invalid_token");
        bearer(&house, REVOKE, token).await.refused(401, "invalid_token");
        assert_eq!(machine.introspect(&house, token).await.json(), json!({"active": false}));
    }
}

#[tokio::test]
async fn a_client_revokes_its_own_tokens_and_nobody_elses() {
    let house = House::open().await;
    let machine = machine(&house).await;
    let other = house.register("other", |_| {}).await;
    let answer = machine.token(&house, &[("grant_type", "client_credentials")]).await.expect(200).json();
    let token = answer["access_token"].as_str().unwrap();
    let of = |client: &RelyingParty| json!({"client_id": client.id, "client_secret": client.secret, "access_token": token});
    post_json(&house, REVOKE, &of(&other)).await.refused(400, "unauthorized_client");
    post_json(&house, REVOKE, &json!({"client_id": "machine", "client_secret": "x", "token": token}))
        .await
        .refused(401, "invalid_client");
    bearer(&house, VALIDATE, token).await.expect(200);
    post_json(&house, REVOKE, &of(&machine)).await.expect(200);
    bearer(&house, VALIDATE, token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn refusals_are_the_token_endpoints() {
    let house = House::open().await;
    machine(&house).await;
    for (body, status, error) in [
        (
            r#"{"grant_type":"client_credentials","client_id":"machine","client_secret":"wrong"}"#,
            401,
            "invalid_client",
        ),
        (
            r#"{"grant_type":"client_credentials","client_id":"nobody","client_secret":"x"}"#,
            401,
            "invalid_client",
        ),
        (r#"{"grant_type":"client_credentials"}"#, 401, "invalid_client"),
        (r#"{invalid json}"#, 400, "invalid_request"),
        (r#"{"client_id":"machine","client_id":"machine"}"#, 400, "invalid_request"),
        ("", 400, "invalid_request"),
    ] {
        send(&house, TOKEN, &[], Some(body)).await.refused(status, error);
    }
    send(&house, VALIDATE, &[], None).await.refused(401, "invalid_token");
    send(&house, REVOKE, &[], None).await.refused(401, "missing_token");
    // The members of a refusal are those of an answer.
    let refusal = bearer(&house, VALIDATE, "invalid.token.here").await.expect(401);
    assert!(refusal.header("www-authenticate").contains("invalid_token"));
    let mut refusal = refusal.json();
    let members = refusal.as_object_mut().unwrap();
    assert!(members.remove("error").is_some() && members.remove("error_description").is_some());
    let nothing =
        json!({"valid": false, "client_id": "", "expires_at": "0001-01-01T00:00:00Z", "scopes": null});
    assert_eq!(refusal, nothing);
    for path in [VALIDATE, REVOKE] {
        bearer(&house, path, "invalid.token.here").await.refused(401, "invalid_token");
        let error = if path == REVOKE { "missing_token" } else { "invalid_token" };
        house.send(post(path, &[("a", "b")])).await.refused(401, error);
        assert_eq!(house.get(path).await.status, 405);
    }
}

#[tokio::test]
async fn a_token_is_not_called_valid_for_a_resource_that_nobody_looked_at() {
    let house = House::open().await;
    let machine = machine(&house).await;
    let answer = machine.token(&house, &[("grant_type", "client_credentials")]).await.expect(200).json();
    let authorization = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    let headers =
        |forwarded: &'static str| [("authorization", authorization.as_str()), ("x-forwarded-for", forwarded)];
    let of = headers("http://localhost:8080/ltp");
    send(&house, VALIDATE, &of, None).await.refused(400, "invalid_request");
    let body = r#"{"endpoint_url":"http://api.example.com/v1/users"}"#;
    send(&house, VALIDATE, &headers("192.0.2.1")[..1], Some(body)).await.refused(400, "invalid_request");
    // What proxies write there names no resource.
    send(&house, VALIDATE, &headers("192.0.2.1, 192.0.2.2"), None).await.expect(200);
}
