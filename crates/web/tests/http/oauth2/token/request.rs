//! The token request's form (RFC 6749 section 3.2).

use crate::house::{House, Tokens, encoded, post};
use axum::body::Body;
use http::Request;
use protocol::GrantType;

#[tokio::test]
async fn rfc6749_3_2_parameters_come_in_a_form_in_the_body() {
    let house = House::open().await;
    let notes = house.notes().await;
    let code = house.browser().code_for(&notes, "alice").await;
    let secret = notes.secret.clone().unwrap();
    let mut form = notes.redemption(&code);
    form.extend([("client_id", "notes"), ("client_secret", secret.as_str())]);
    let body = encoded(&form);

    for content_type in
        [None, Some("application/json"), Some("text/plain"), Some("multipart/form-data; boundary=x")]
    {
        let mut request = Request::post("/oauth2/token");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = house.send(request.body(Body::from(body.clone())).unwrap()).await;
        answer.refused(400, "invalid_request");
    }
    house.send(post(&format!("/oauth2/token?{body}"), &[])).await.refused(400, "invalid_request");
    house.send(post("/oauth2/token?x=y", &form)).await.refused(400, "invalid_request");
    house.get(&format!("/oauth2/token?{body}")).await.expect(405);

    // A charset, and another spelling of the type, do no harm.
    let request = Request::post("/oauth2/token")
        .header("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")
        .body(Body::from(body))
        .unwrap();
    Tokens::of(&house.send(request).await);
}

#[tokio::test]
async fn rfc6749_3_2_no_parameter_comes_twice_and_none_is_missing() {
    let house = House::open().await;
    let notes = house.notes().await;
    let code = house.browser().code_for(&notes, "alice").await;
    let secret = notes.secret.clone().unwrap();
    let mut form = notes.redemption(&code);
    form.extend([("client_id", "notes"), ("client_secret", secret.as_str()), ("x", "y")]);
    for (name, value) in &form {
        let mut twice = form.clone();
        twice.push((name, value));
        house.post("/oauth2/token", &twice).await.refused(400, "invalid_request");
    }
    for missing in ["grant_type", "code"] {
        let kept: Vec<_> = form.iter().copied().filter(|(name, _)| *name != missing).collect();
        house.post("/oauth2/token", &kept).await.refused(400, "invalid_request");
    }
    notes.token(&house, &[("grant_type", "refresh_token")]).await.refused(400, "invalid_request");
    let many: Vec<_> = (0..65).map(|n| format!("p{n}=1")).collect();
    let request = Request::post("/oauth2/token").header("content-type", "application/x-www-form-urlencoded");
    house.send(request.body(Body::from(many.join("&"))).unwrap()).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn rfc6749_5_2_a_grant_type_must_be_offered_and_the_clients_own() {
    let house = House::open().await;
    let notes = house.notes().await;
    for unheard in ["password", "device_code", "Authorization_Code"] {
        notes.token(&house, &[("grant_type", unheard)]).await.refused(400, "unsupported_grant_type");
    }
    let brief =
        house.register("brief", |client| client.grant_types = [GrantType::AuthorizationCode].into()).await;
    brief.refresh(&house, "anything").await.refused(400, "unauthorized_client");
    let cron = house.register("cron", |client| client.grant_types = [GrantType::RefreshToken].into()).await;
    cron.redeem(&house, "anything").await.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let house = House::open().await;
    for (path, status) in
        [("/oauth2/token", 400), ("/oauth2/introspect", 400), ("/oauth2/revoke", 400), ("/sign-in", 400)]
    {
        let form = "x".repeat(64 * 1024 + 1);
        let answer = house.post(path, &[("code", &form)]).await.expect(status);
        assert!(answer.body.to_lowercase().contains("the body is too large"), "{}", answer.body);
    }
}
