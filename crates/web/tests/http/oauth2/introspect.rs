//! `/oauth2/introspect` (RFC 7662).

use super::validate::{ORDERS, add_orders, machine, token};
use crate::house::{House, Tokens, claims_of, now, pass_seconds};
use serde_json::json;

#[tokio::test]
async fn rfc7662_2_2_a_good_access_token_is_explained() {
    let house = House::open().await;
    let notes = house.notes().await;
    let tokens = notes.tokens(&house, "alice").await;
    let told = notes.introspect(&house, &tokens.access_token).await.expect(200).json();
    let mut expected = claims_of(&tokens.access_token);
    expected["active"] = json!(true);
    expected["token_type"] = json!("Bearer");
    assert_eq!(told, expected);
}

#[tokio::test]
async fn rfc7662_2_2_a_good_refresh_token_is_explained_to_its_client() {
    let house = House::open().await;
    let notes = house.notes().await;
    let tokens = notes.tokens(&house, "alice").await;
    let told = notes.introspect(&house, &tokens.refresh_token).await.json();
    let alice = house.user("alice").await.id.to_string();
    assert_eq!(
        (&told["active"], &told["sub"], &told["client_id"]),
        (&json!(true), &json!(alice), &json!("notes"))
    );
    // The session's end, for a grant without offline access.
    assert_eq!(told["exp"], now().seconds() + 7 * 86_400);
    let next = Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
    assert_eq!(notes.introspect(&house, &tokens.refresh_token).await.json(), json!({ "active": false }));
    assert_eq!(notes.introspect(&house, &next.refresh_token).await.json()["active"], true);
}

#[tokio::test]
async fn rfc7662_4_a_token_is_nobodys_business_but_its_clients_its_audiences_and_those_who_may_see_all() {
    let house = House::open().await;
    let notes = house.register("notes", |client| client.audience = vec!["api".into()]).await;
    let stranger = house.register("stranger", |_| {}).await;
    let api = house.register("api", |_| {}).await;
    let gateway = house.register("gateway", |client| client.introspects_all = true).await;
    let tokens = notes.tokens(&house, "alice").await;
    for (caller, access, refresh) in
        [(&notes, true, true), (&stranger, false, false), (&api, true, false), (&gateway, true, true)]
    {
        let told = caller.introspect(&house, &tokens.access_token).await.expect(200).json();
        assert_eq!(told["active"], access, "{}", caller.id);
        let told = caller.introspect(&house, &tokens.refresh_token).await.expect(200).json();
        assert_eq!(told["active"], refresh, "{}", caller.id);
        if !refresh {
            assert_eq!(told, json!({ "active": false }));
        }
    }
}

#[tokio::test]
async fn rfc7662_2_2_what_is_not_good_is_inactive_and_nothing_else_is_said() {
    let house = House::open().await;
    let notes = house.notes().await;
    let tokens = notes.tokens(&house, "alice").await;
    for bad in ["nonsense", &tokens.id_token, &crate::house::tampered(&tokens.access_token, 2)] {
        assert_eq!(notes.introspect(&house, bad).await.expect(200).json(), json!({ "active": false }));
    }
    pass_seconds(600);
    assert_eq!(notes.introspect(&house, &tokens.access_token).await.json(), json!({ "active": false }));
    assert_eq!(notes.introspect(&house, &tokens.refresh_token).await.json()["active"], true);
    pass_seconds(7 * 86_400);
    assert_eq!(notes.introspect(&house, &tokens.refresh_token).await.json(), json!({ "active": false }));
}

#[tokio::test]
async fn rfc7662_2_1_the_caller_must_authenticate() {
    let house = House::open().await;
    let notes = house.notes().await;
    let app = house.register_public("app", |_| {}).await;
    let token = notes.tokens(&house, "alice").await.access_token;
    house.post("/oauth2/introspect", &[("token", &token)]).await.refused(401, "invalid_client");
    let wrong = [("token", token.as_str()), ("client_id", "notes"), ("client_secret", "wrong")];
    house.post("/oauth2/introspect", &wrong).await.refused(401, "invalid_client");
    app.introspect(&house, &token).await.refused(401, "invalid_client");
    notes.post(&house, "/oauth2/introspect", &[]).await.refused(400, "invalid_request");
    // A hint that is wrong does no harm (RFC 7662 section 2.1).
    let hinted = [("token", token.as_str()), ("token_type_hint", "refresh_token")];
    assert_eq!(notes.post(&house, "/oauth2/introspect", &hinted).await.json()["active"], true);
}

#[tokio::test]
async fn rfc7662_4_who_introspects_for_a_resource_server_learns_its_part_of_tokens_that_are_for_it() {
    let house = House::open().await;
    add_orders(&house).await;
    let api = house.register("api", |_| {}).await;
    let robot = house.register("robot", |client| {
        client.grant_types = [protocol::GrantType::ClientCredentials].into();
        client.scope = protocol::Scope::parse("orders:read mail:send").unwrap();
        client.audience = vec![ORDERS.to_owned(), "https://mail.example".to_owned()];
    });
    let robot = robot.await;
    let wide = token(&house, &robot, "orders:read mail:send").await;
    let foreign =
        token(&house, &machine(&house, "foreign", "https://mail.example").await, "orders:read").await;
    assert_eq!(api.introspect(&house, &wide).await.expect(200).json(), json!({ "active": false }));

    let mut orders = house.provider.list_resource_servers().await.unwrap().remove(0);
    orders.introspected_by = vec![api.client_id()];
    house.replace_resource_server(orders.clone()).await.unwrap();
    let told = api.introspect(&house, &wide).await.expect(200).json();
    assert_eq!(
        (&told["active"], &told["scope"], &told["aud"], &told["sub"]),
        (&json!(true), &json!("orders:read"), &json!(ORDERS), &json!("robot"))
    );
    assert_eq!(api.introspect(&house, &foreign).await.json(), json!({ "active": false }));
    // Whoever it was issued to sees all of it.
    assert_eq!(robot.introspect(&house, &wide).await.json()["scope"], "mail:send orders:read");
    robot.revoke(&house, &wide).await.expect(200);
    assert_eq!(api.introspect(&house, &wide).await.json(), json!({ "active": false }));

    // A public client cannot authenticate, so it cannot be named; nor can one that there is not.
    house.register_public("app", |_| {}).await;
    for id in ["app", "nobody"] {
        orders.introspected_by = vec![protocol::ClientId::parse(id).unwrap()];
        assert!(house.replace_resource_server(orders.clone()).await.is_err(), "{id}");
    }
}

#[tokio::test]
async fn rfc7662_2_2_a_client_that_may_know_is_told_the_username_and_the_claims_of_the_scopes() {
    let house = House::open().await;
    let notes = house
        .register("notes", |client| {
            client.audience = vec!["dovecot".into()];
            client.grant_types.insert(protocol::GrantType::ClientCredentials);
            client.scope = protocol::Scope::parse("openid email profile mail").unwrap();
        })
        .await;
    let dovecot = house.register("dovecot", |client| client.introspects_claims = true).await;
    let everybody = house
        .register("gateway", |client| {
            (client.introspects_claims, client.introspects_all) = (true, true);
        })
        .await;
    let plain = house.register("plain", |client| client.introspects_all = true).await;
    for opaque in [false, true] {
        if opaque {
            house
                .change_client(&notes, |client| {
                    client.access_token_format = protocol::AccessTokenFormat::Opaque
                })
                .await;
        }
        let tokens = notes.tokens_for(&house, "alice", &[("scope", "openid email")]).await;
        let told = dovecot.introspect(&house, &tokens.access_token).await.json();
        assert_eq!(
            (&told["username"], &told["email"], told.get("name")),
            (&json!("alice"), &json!("alice@example.org"), None),
            "{told}"
        );
        let told = everybody.introspect(&house, &tokens.refresh_token).await.json();
        assert_eq!((&told["username"], &told["email"]), (&json!("alice"), &json!("alice@example.org")));
        for token in [&tokens.access_token, &tokens.refresh_token] {
            let told = plain.introspect(&house, token).await.json();
            assert!(told["active"] == true && told.get("username").is_none(), "{told}");
            assert!(told.get("email").is_none(), "{told}");
        }
        // A token that speaks for a client has no username.
        let own = notes.token(&house, &[("grant_type", "client_credentials")]).await;
        let told = dovecot.introspect(&house, &Tokens::of(&own).access_token).await.json();
        assert!(told["active"] == true && told.get("username").is_none(), "{told}");
    }
}
