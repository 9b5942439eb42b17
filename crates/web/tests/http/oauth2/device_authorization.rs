//! `/oauth2/device_authorization` (RFC 8628 sections 3.1 and 3.2).

use crate::house::{House, ISSUER, Plan, encoded, pass_seconds, post, television};
use axum::body::Body;
use http::Request;
use protocol::{ClientAuthentication, GrantType, UserCode};
use std::collections::HashSet;
use std::time::Duration;
use storage::device_code::DeviceCodeById;

#[tokio::test]
async fn rfc8628_3_2_the_answer_holds_what_a_device_shows_and_what_it_polls_with() {
    let house = House::open().await;
    let answer =
        house.television().await.device_authorization(&house, &[("scope", "openid")]).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = answer.json();
    let user_code = answer["user_code"].as_str().unwrap();
    assert_eq!(UserCode::parse(user_code).unwrap().to_string(), user_code);
    assert!(answer["device_code"].as_str().unwrap().len() > 60, "{answer}");
    assert_eq!(answer["verification_uri"], format!("{ISSUER}/device"));
    assert_eq!(answer["verification_uri_complete"], format!("{ISSUER}/device?user_code={user_code}"));
    assert_eq!((&answer["expires_in"], &answer["interval"]), (&600.into(), &5.into()));
}

#[tokio::test]
async fn an_operator_says_how_long_codes_live_and_how_often_devices_poll() {
    let house = House::with(|Plan { settings, .. }| {
        settings.device_code_lifetime = Duration::from_secs(90);
        settings.device_interval = Duration::from_secs(2);
    })
    .await;
    let device = house.television().await.device(&house).await;
    assert_eq!((&device.all["expires_in"], &device.all["interval"]), (&90.into(), &2.into()));
    device.poll(&house).await.refused(400, "authorization_pending");
    pass_seconds(2);
    device.poll(&house).await.refused(400, "authorization_pending");
    pass_seconds(88);
    device.poll(&house).await.refused(400, "expired_token");
}

#[tokio::test]
async fn rfc8628_3_1_a_client_authenticates_as_it_does_at_the_token_endpoint() {
    let house = House::open().await;
    let tv = house.television().await;
    let box_ = house
        .register("box", |client| {
            television(client);
            client.authentication = ClientAuthentication::ClientSecretBasic;
        })
        .await;
    let scope = ("scope", "openid");
    // A public client by its client_id, and by nothing else.
    let ask = |form: &[(&str, &str)]| post("/oauth2/device_authorization", form);
    house.send(ask(&[("client_id", &tv.id), scope])).await.expect(200);
    house.send(ask(&[scope])).await.refused(401, "invalid_client");
    house.send(ask(&[("client_id", "nobody"), scope])).await.refused(401, "invalid_client");
    house.send(ask(&[("client_id", &box_.id), scope])).await.refused(401, "invalid_client");
    box_.device_authorization(&house, &[scope]).await.refused(401, "invalid_client");
    let basic = |secret: &str| {
        use base64::Engine as _;
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{}:{secret}", box_.id));
        Request::post("/oauth2/device_authorization")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Basic {credentials}"))
            .body(Body::from(encoded(&[scope])))
            .unwrap()
    };
    house.send(basic(box_.secret.as_deref().unwrap())).await.expect(200);
    house.send(basic("wrong")).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn rfc8628_3_1_what_the_client_may_not_have_is_not_asked_for() {
    let house = House::open().await;
    let tv = house.television().await;
    for scope in ["films:make", "a\"b"] {
        tv.device_authorization(&house, &[("scope", scope)]).await.refused(400, "invalid_scope");
    }
    let notes = house.notes().await;
    house.change_client(&notes, |client| client.grant_types = [GrantType::AuthorizationCode].into()).await;
    notes.device_authorization(&house, &[("scope", "openid")]).await.refused(400, "unauthorized_client");
    // RFC 6749 section 3.1: repeated parameters, and parameters in the query.
    tv.device_authorization(&house, &[("scope", "openid"), ("scope", "openid")])
        .await
        .refused(400, "invalid_request");
    let in_query = post("/oauth2/device_authorization?scope=openid", &[("client_id", &tv.id)]);
    house.send(in_query).await.refused(400, "invalid_request");
    house.get("/oauth2/device_authorization").await.expect(405);
}

#[tokio::test]
async fn rfc8628_3_1_scope_is_optional() {
    let house = House::open().await;
    let tv = house.television().await;
    let answer = tv.device_authorization(&house, &[]).await.expect(200).json();
    assert!(answer["user_code"].is_string(), "{answer}");
}

#[tokio::test]
async fn codes_differ_and_are_stored_as_hashes() {
    let house = House::open().await;
    let tv = house.television().await;
    let mut seen = HashSet::new();
    for _ in 0..50 {
        let device = tv.device(&house).await;
        let token = crypto::OpaqueToken::parse(&device.device_code).unwrap();
        let id = protocol::DeviceCodeId::from_bytes(token.selector());
        let stored = house.provider.store().read(DeviceCodeById(id)).await.unwrap().unwrap();
        assert!(token.matches(&stored.issued.secret_hash));
        assert!(seen.insert(device.user_code) && seen.insert(device.device_code));
    }
}

#[tokio::test]
async fn a_script_in_any_page_may_ask() {
    let house = House::open().await;
    let tv = house.television().await;
    let mut request = post("/oauth2/device_authorization", &[("client_id", &tv.id), ("scope", "openid")]);
    request.headers_mut().insert("origin", "https://app.example".parse().unwrap());
    let answer = house.send(request).await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example");
}
