//! API keys of service accounts, where gateways ask and where they are introspected.

use super::validate::{ORDERS, add_orders, ask, bearer, machine, resource_server};
use crate::house::{Answer, House, new_ctx, now, pass, pass_seconds};
use protocol::{ApiKeyId, Client, ClientId, Scope, Timestamp};
use provider::admin::{AdminError, ApiKeyCreated, NewApiKey, NewServiceAccount};
use serde_json::json;
use std::time::Duration;

pub(crate) async fn add_account(house: &House, id: &str) {
    let new = NewServiceAccount {
        id: ClientId::parse(id).unwrap(),
        name: id.to_owned(),
        scope: Scope::parse("orders:read orders:write").unwrap(),
        audience: vec![ORDERS.to_owned()],
    };
    house.provider.add_service_account(&new_ctx(None), new).await.unwrap();
}

pub(crate) fn key_of(id: &str) -> NewApiKey {
    NewApiKey {
        client_id: ClientId::parse(id).unwrap(),
        name: "ci".to_owned(),
        scope: None,
        expires_in: None,
    }
}

pub(crate) async fn made(house: &House, new: NewApiKey) -> ApiKeyCreated {
    house.provider.add_api_key(&mut new_ctx(None), new).await.unwrap()
}

/// A house with the account `robot` and a key of it.
pub(crate) async fn robots_house() -> (House, ApiKeyCreated) {
    let house = House::open().await;
    add_orders(&house).await;
    add_account(&house, "robot").await;
    let created = made(&house, key_of("robot")).await;
    (house, created)
}

pub(crate) async fn with(house: &House, request: &str, key: &str) -> Answer {
    ask(house, request, &[("x-api-key", key)]).await
}

/// It is written after the answer.
async fn expect_last_used(house: &House, id: ApiKeyId, expected: Option<Timestamp>) {
    let mut found = None;
    for _ in 0..500 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let keys = house.provider.list_api_keys(None, 10).await.unwrap();
        found = keys.into_iter().find(|key| key.id == id).unwrap().last_used_at;
        if found == expected {
            return;
        }
    }
    panic!("{found:?} instead of {expected:?}");
}

#[tokio::test]
async fn a_key_passes_in_either_header_and_speaks_for_its_account() {
    let (house, created) = robots_house().await;
    let (name, as_bearer) = bearer(&created.key);
    for header in [("x-api-key", created.key.as_str()), (name, &as_bearer)] {
        let answer = ask(&house, "POST /orders", &[header]).await.expect(204);
        let told = ["x-auth-subject", "x-auth-client", "x-auth-scope", "x-auth-type"]
            .map(|name| answer.header(name));
        assert_eq!(told, ["robot", "robot", "orders:read orders:write", "api_key"]);
    }
    // No access token: UserInfo, the token endpoint and the JWT checks know nothing of it.
    house.userinfo(&created.key).await.refused(401, "invalid_token");
    // A known key is found in memory.
    house.provider.store().close().await;
    with(&house, "GET /orders", &created.key).await.expect(204);
}

#[tokio::test]
async fn a_key_allows_what_it_was_made_for_and_no_more_than_its_account_may_do_now() {
    let (house, _) = robots_house().await;
    let narrow = NewApiKey { scope: Some(Scope::parse("orders:read").unwrap()), ..key_of("robot") };
    let narrow = made(&house, narrow).await.key;
    with(&house, "GET /orders", &narrow).await.expect(204);
    let answer = with(&house, "POST /orders", &narrow).await.refused(403, "insufficient_scope");
    assert!(answer.header("www-authenticate").contains(r#"scope="orders:write""#));
    let wide = NewApiKey { scope: Some(Scope::parse("orders:admin").unwrap()), ..key_of("robot") };
    let refused = house.provider.add_api_key(&mut new_ctx(None), wide).await;
    assert!(matches!(refused.err(), Some(AdminError::Invalid(_))));

    let robot = ClientId::parse("robot").unwrap();
    let narrow_account = |account: &mut Client| account.scope = Scope::parse("orders:write").unwrap();
    house.provider.change_client(&new_ctx(None), &robot, narrow_account).await.unwrap();
    with(&house, "GET /orders", &narrow).await.refused(403, "insufficient_scope");
}

#[tokio::test]
async fn a_key_for_another_resource_server_is_refused() {
    let (house, created) = robots_house().await;
    let mail = resource_server("https://mail.example", &["/** = orders:read"]);
    house.provider.add_resource_server(&new_ctx(None), mail).await.unwrap();
    let told = [("x-original-method", "GET"), ("x-original-uri", "/"), ("x-api-key", created.key.as_str())];
    let request = http::Request::get("/oauth2/validate?resource=https://mail.example");
    let request = told.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    house.send(request.body(axum::body::Body::empty()).unwrap()).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn an_expired_or_revoked_key_and_one_whose_account_is_disabled_or_gone_are_over_at_once() {
    let (house, created) = robots_house().await;
    let provider = &house.provider;
    let short = NewApiKey { expires_in: Some(Duration::from_secs(90)), ..key_of("robot") };
    let short = made(&house, short).await.key;
    with(&house, "GET /orders", &short).await.expect(204);
    pass_seconds(90);
    with(&house, "GET /orders", &short).await.refused(401, "invalid_token");

    with(&house, "GET /orders", &created.key).await.expect(204);
    provider.revoke_api_key(&new_ctx(None), created.stored.id).await.unwrap();
    with(&house, "GET /orders", &created.key).await.refused(401, "invalid_token");
    let again = provider.revoke_api_key(&new_ctx(None), created.stored.id).await;
    assert!(matches!(again, Err(AdminError::Unknown(_))));

    let key = made(&house, key_of("robot")).await.key;
    let id = ClientId::parse("robot").unwrap();
    for (disabled, status) in [(false, 204), (true, 401), (false, 204)] {
        provider.set_client_disabled(&new_ctx(None), &id, disabled).await.unwrap();
        with(&house, "GET /orders", &key).await.expect(status);
    }
    provider.remove_client(&new_ctx(None), &id).await.unwrap();
    with(&house, "GET /orders", &key).await.refused(401, "invalid_token");
    // Whoever has its name next does not have its keys.
    add_account(&house, "robot").await;
    with(&house, "GET /orders", &key).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn what_is_not_exactly_a_key_is_none() {
    let (house, created) = robots_house().await;
    let other = made(&house, key_of("robot")).await.key;
    let (key, half) = (&created.key, created.key.len() / 2);
    let mixed = format!("{}{}", &key[..27], &other[27..]);
    for bad in ["x", "dwk_", &key[..half], &format!("{key}0"), &mixed, &key.to_uppercase()] {
        with(&house, "GET /orders", bad).await.refused(401, "invalid_token");
    }
    // The other's secret with a checksum that fits.
    let forged =
        crypto::ApiKey::generate(*created.stored.id.as_bytes(), &mut crypto::SeededRandom::new(7)).reveal();
    with(&house, "GET /orders", &forged).await.refused(401, "invalid_token");
    with(&house, "GET /orders", key).await.expect(204);
}

#[tokio::test]
async fn the_last_use_is_noted_every_five_minutes_and_not_more_often() {
    let (house, created) = robots_house().await;
    let id = created.stored.id;
    expect_last_used(&house, id, None).await;
    let first = now();
    with(&house, "GET /orders", &created.key).await.expect(204);
    expect_last_used(&house, id, Some(first)).await;
    let commands = house.provider.store().stats().commands;
    pass(Duration::from_secs(299));
    with(&house, "GET /orders", &created.key).await.expect(204);
    expect_last_used(&house, id, Some(first)).await;
    assert_eq!(house.provider.store().stats().commands, commands);
    pass_seconds(1);
    with(&house, "GET /orders", &created.key).await.expect(204);
    expect_last_used(&house, id, Some(now())).await;
    // A wrong secret is no use.
    pass_seconds(600);
    let forged = crypto::ApiKey::generate(*id.as_bytes(), &mut crypto::SeededRandom::new(7)).reveal();
    with(&house, "GET /orders", &forged).await.expect(401);
    expect_last_used(&house, id, Some(now() - Duration::from_secs(600))).await;
}

#[tokio::test]
async fn rfc7662_4_a_key_is_explained_to_who_introspects_for_its_resource_server() {
    let (house, created) = robots_house().await;
    let api = house.register("api", |_| {}).await;
    let stranger = machine(&house, "stranger", ORDERS).await;
    let mut orders = house.provider.list_resource_servers().await.unwrap().remove(0);
    orders.introspected_by = vec![api.client_id()];
    house.replace_resource_server(orders).await.unwrap();
    let told = api.introspect(&house, &created.key).await.expect(200).json();
    assert_eq!(
        told,
        json!({
            "active": true, "token_type": "Bearer", "iss": crate::house::ISSUER, "sub": "robot", "client_id": "robot",
            "aud": ORDERS, "scope": "orders:read orders:write", "iat": now().seconds(),
        })
    );
    assert_eq!(stranger.introspect(&house, &created.key).await.json(), json!({ "active": false }));
    house.provider.revoke_api_key(&new_ctx(None), created.stored.id).await.unwrap();
    assert_eq!(api.introspect(&house, &created.key).await.json(), json!({ "active": false }));
}

#[tokio::test]
async fn a_service_account_gets_tokens_only_once_it_is_given_a_secret() {
    let (house, _) = robots_house().await;
    let form = [("grant_type", "client_credentials"), ("client_id", "robot"), ("client_secret", "")];
    house.post("/oauth2/token", &form).await.refused(401, "invalid_client");
    let id = ClientId::parse("robot").unwrap();
    let secret = house.provider.rotate_client_secret(&mut new_ctx(None), &id).await.unwrap();
    let form = [("grant_type", "client_credentials"), ("client_id", "robot"), ("client_secret", &secret)];
    let token = house.post("/oauth2/token", &form).await.expect(200).json();
    let (name, value) = bearer(token["access_token"].as_str().unwrap());
    ask(&house, "GET /orders", &[(name, &value)]).await.expect(204);
}

#[tokio::test]
async fn an_account_for_a_resource_server_that_is_not_there_is_a_mistake() {
    let house = House::open().await;
    for (audience, expected) in
        [(vec![ORDERS.to_owned()], "there is no resource server"), (Vec::new(), "audience:")]
    {
        let new = NewServiceAccount {
            id: ClientId::parse("robot").unwrap(),
            name: "Robot".to_owned(),
            scope: Scope::default(),
            audience,
        };
        let refused = house.provider.add_service_account(&new_ctx(None), new).await.unwrap_err();
        assert!(refused.to_string().starts_with(expected), "{refused}");
    }
}
