//! The token exchange grant type (RFC 8693).

use crate::house::{Answer, House, RelyingParty, Tokens, claims_of, encoded, now, pass_seconds};
use protocol::{AccessTokenFormat, Client, ClientAuthentication, ClientId, GrantType, Scope};
use provider::admin::{AdminError, NewClient};
use serde_json::{Value, json};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ORDERS: &str = "https://orders.example/";

/// A client of which others' tokens are accepted, with the scope and the audience that are exchanged for.
async fn machine(house: &House, id: &str, change: impl FnOnce(&mut Client)) -> RelyingParty {
    let register = |client: &mut Client| {
        client.grant_types = [GrantType::ClientCredentials, GrantType::TokenExchange].into();
        client.redirect_uris.clear();
        client.scope = Scope::parse("openid email orders:read orders:write").unwrap();
        client.audience = vec![ORDERS.into()];
        change(client);
    };
    house.register(id, register).await
}

/// The application that people sign in to: its tokens are for the gateway.
async fn notes(house: &House) -> RelyingParty {
    let register = |client: &mut Client| {
        client.scope = Scope::parse("openid offline_access orders:read orders:write").unwrap();
        client.audience = vec!["gateway".into()];
    };
    house.register("notes", register).await
}

async fn alices(house: &House, notes: &RelyingParty) -> Tokens {
    notes.tokens_for(house, "alice", &[("scope", "openid orders:read orders:write")]).await
}

/// Exchanges; a change replaces the parameter of its name, or adds it; an empty one takes it away.
async fn exchange(house: &House, client: &RelyingParty, subject: &str, changes: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", subject),
        ("subject_token_type", ACCESS_TOKEN),
    ];
    for (name, value) in changes {
        form.retain(|(kept, _)| kept != name);
        form.push((name, value));
    }
    client.token(house, &form).await
}

async fn own_token(house: &House, client: &RelyingParty) -> String {
    Tokens::of(&client.token(house, &[("grant_type", "client_credentials")]).await).access_token
}

fn actor(claims: &Value) -> &Value {
    &claims["act"]
}

#[tokio::test]
async fn rfc8693_2_2_1_a_resource_server_acts_for_whose_token_it_was_sent() {
    let house = House::open().await;
    let (notes, gateway) = (notes(&house).await, machine(&house, "gateway", |_| {}).await);
    let tokens = alices(&house, &notes).await;
    let before = house.provider.store().stats().commands;
    let asked = [("scope", "orders:read"), ("resource", ORDERS)];
    let answer = exchange(&house, &gateway, &tokens.access_token, &asked).await.expect(200);
    assert_eq!(house.provider.store().stats().commands, before, "nothing is written");
    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = answer.json();
    assert_eq!(answer["issued_token_type"], ACCESS_TOKEN);
    assert_eq!((&answer["token_type"], &answer["scope"]), (&json!("Bearer"), &json!("orders:read")));
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none(), "{answer}");
    let token = answer["access_token"].as_str().unwrap();
    let (subject, mut claims) = (claims_of(&tokens.access_token), claims_of(token));
    for same in ["iss", "sub", "sid", "grant_id", "auth_time", "acr", "amr"] {
        assert_eq!(claims[same], subject[same], "{same}");
    }
    assert_eq!((&claims["aud"], &claims["client_id"]), (&json!(ORDERS), &json!("gateway")));
    // RFC 8693 section 4.1.
    assert_eq!(actor(&claims), &json!({ "sub": "gateway" }));
    claims["active"] = json!(true);
    claims["token_type"] = json!("Bearer");
    assert_eq!(gateway.introspect(&house, token).await.expect(200).json(), claims);
    // It is for somebody else, and opens nobody's claims here.
    house.userinfo(token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn rfc8693_2_2_2_what_is_wrong_with_a_token_is_an_invalid_request() {
    let house = House::open().await;
    let (notes, gateway) = (notes(&house).await, machine(&house, "gateway", |_| {}).await);
    let tokens = alices(&house, &notes).await;
    let token = tokens.access_token.as_str();
    let own = own_token(&house, &gateway).await;
    let tampered = crate::house::tampered(token, 2);
    let id_token = "urn:ietf:params:oauth:token-type:id_token";
    for changes in [
        vec![("subject_token", "")],
        vec![("subject_token", "nonsense")],
        vec![("subject_token", tampered.as_str())],
        vec![("subject_token", &tokens.refresh_token)],
        vec![("subject_token", &tokens.id_token)],
        vec![("subject_token_type", "")],
        vec![("subject_token_type", "access_token")],
        vec![("subject_token", &tokens.id_token), ("subject_token_type", id_token)],
        vec![("subject_token", &tokens.refresh_token), ("subject_token_type", JWT)],
        vec![("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")],
        // RFC 8693 section 2.1: the two belong together.
        vec![("actor_token", own.as_str())],
        vec![("actor_token_type", ACCESS_TOKEN)],
        vec![("actor_token", "nonsense"), ("actor_token_type", ACCESS_TOKEN)],
        // Somebody else's token proves nobody.
        vec![("actor_token", token), ("actor_token_type", ACCESS_TOKEN)],
    ] {
        exchange(&house, &gateway, token, &changes).await.refused(400, "invalid_request");
    }
    for bad in ["https://mail.example/", "gateway", "orders#part"] {
        exchange(&house, &gateway, token, &[("resource", bad)]).await.refused(400, "invalid_target");
        exchange(&house, &gateway, token, &[("audience", bad)]).await.refused(400, "invalid_target");
        let one_good = [("resource", ORDERS), ("audience", bad)];
        exchange(&house, &gateway, token, &one_good).await.refused(400, "invalid_target");
    }
    pass_seconds(600);
    exchange(&house, &gateway, token, &[]).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn a_client_exchanges_what_is_its_own_or_for_it_and_what_it_is_registered_for() {
    let house = House::open().await;
    let (notes, billing) = (notes(&house).await, machine(&house, "billing", |_| {}).await);
    let token = alices(&house, &notes).await.access_token;
    exchange(&house, &billing, &token, &[]).await.refused(400, "invalid_request");
    let listed = |client: &mut Client| client.token_exchange.clients = [notes.client_id()].into();
    house.change_client(&billing, listed).await;
    exchange(&house, &billing, &token, &[]).await.expect(200);
    house.change_client(&billing, |client| client.grant_types = [GrantType::ClientCredentials].into()).await;
    exchange(&house, &billing, &token, &[]).await.refused(400, "unauthorized_client");
    // RFC 8693 section 5: a client that proves nothing is no actor.
    let public = Client {
        grant_types: [GrantType::TokenExchange].into(),
        ..Client::new(ClientId::parse("public").unwrap(), "Public", ClientAuthentication::None)
    };
    let added =
        house.provider.add_client(&mut crate::house::new_ctx(None), NewClient { client: public }).await;
    assert!(matches!(added, Err(AdminError::Invalid(_))));
}

#[tokio::test]
async fn a_client_that_narrows_its_own_token_acts_for_nobody() {
    let house = House::open().await;
    let machine = machine(&house, "machine", |client| client.audience.push("mail".into())).await;
    let token = own_token(&house, &machine).await;
    let asked = [("scope", "orders:read"), ("audience", "mail"), ("requested_token_type", JWT)];
    let answer = exchange(&house, &machine, &token, &asked).await.expect(200).json();
    assert_eq!(answer["issued_token_type"], JWT);
    let claims = claims_of(answer["access_token"].as_str().unwrap());
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("machine"), &json!("mail")));
    assert_eq!((&claims["scope"], actor(&claims)), (&json!("orders:read"), &Value::Null));
    // And the other way there is no way back.
    let narrow = answer["access_token"].as_str().unwrap();
    exchange(&house, &machine, narrow, &[("scope", "orders:write")]).await.refused(400, "invalid_scope");
}

#[tokio::test]
async fn rfc8693_4_1_who_acted_before_is_told_and_the_row_is_bounded() {
    let house = House::open().await;
    let notes = notes(&house).await;
    let mut token = alices(&house, &notes).await.access_token;
    let mut before: Option<(RelyingParty, Value)> = None;
    for (number, id) in ["gateway", "b", "c", "d"].into_iter().enumerate() {
        let others = [ORDERS.to_owned(), ["b", "c", "d", "e"][number].to_owned()];
        let client = machine(&house, id, |client| client.audience = others.into()).await;
        token = Tokens::of(&exchange(&house, &client, &token, &[]).await).access_token;
        let act = match &before {
            None => json!({ "sub": id }),
            Some((_, act)) => json!({ "sub": id, "act": act }),
        };
        assert_eq!(actor(&claims_of(&token)), &act);
        before = Some((client, act));
    }
    let one_more = machine(&house, "e", |_| {}).await;
    exchange(&house, &one_more, &token, &[]).await.refused(400, "invalid_request");
    // Who holds it may still narrow it.
    let (holder, act) = before.unwrap();
    let narrow = Tokens::of(&exchange(&house, &holder, &token, &[("scope", "orders:read")]).await);
    assert_eq!(actor(&claims_of(&narrow.access_token)), &act);
}

#[tokio::test]
async fn rfc8693_1_1_impersonation_is_for_those_who_are_registered_for_it() {
    let house = House::open().await;
    let notes = notes(&house).await;
    let gateway = machine(&house, "gateway", |client| client.token_exchange.impersonation = true).await;
    let token = alices(&house, &notes).await.access_token;
    let impersonating = Tokens::of(&exchange(&house, &gateway, &token, &[]).await).access_token;
    assert_eq!(actor(&claims_of(&impersonating)), &Value::Null);
    // It may still say who acts.
    let own = own_token(&house, &gateway).await;
    let as_actor = [("actor_token", own.as_str()), ("actor_token_type", JWT)];
    let delegated = Tokens::of(&exchange(&house, &gateway, &token, &as_actor).await).access_token;
    assert_eq!(actor(&claims_of(&delegated)), &json!({ "sub": "gateway" }));
    // Who acts is no secret that an impersonator could wash off.
    let washed = Tokens::of(&exchange(&house, &gateway, &delegated, &[]).await).access_token;
    assert_eq!(actor(&claims_of(&washed)), &json!({ "sub": "gateway" }));
    // A token that somebody acts with proves no actor.
    let as_actor = [("actor_token", delegated.as_str()), ("actor_token_type", ACCESS_TOKEN)];
    exchange(&house, &gateway, &token, &as_actor).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn rfc8693_4_1_the_actor_may_be_a_person() {
    let house = House::open().await;
    let notes = notes(&house).await;
    let desk = house
        .register("desk", |client| {
            client.grant_types = [GrantType::AuthorizationCode, GrantType::TokenExchange].into();
            client.scope = Scope::parse("openid orders:read").unwrap();
            client.token_exchange.clients = [notes.client_id()].into();
        })
        .await;
    let alices = alices(&house, &notes).await.access_token;
    let bobs = desk.tokens(&house, "bob").await.access_token;
    let changes = [("actor_token", bobs.as_str()), ("actor_token_type", ACCESS_TOKEN)];
    let claims = claims_of(&Tokens::of(&exchange(&house, &desk, &alices, &changes).await).access_token);
    assert_eq!(claims["sub"], house.user("alice").await.id.to_string());
    assert_eq!(actor(&claims), &json!({ "sub": house.user("bob").await.id.to_string() }));
}

#[tokio::test]
async fn rfc8693_4_4_where_a_token_says_who_may_act_nobody_else_may() {
    let house = House::open().await;
    let notes = notes(&house).await;
    let (gateway, billing) =
        (machine(&house, "gateway", |_| {}).await, machine(&house, "billing", |_| {}).await);
    house.change_client(&notes, |client| client.may_act = Some(billing.client_id())).await;
    let token = alices(&house, &notes).await.access_token;
    assert_eq!(claims_of(&token)["may_act"], json!({ "sub": "billing" }));
    assert_eq!(notes.introspect(&house, &token).await.json()["may_act"], json!({ "sub": "billing" }));
    exchange(&house, &gateway, &token, &[]).await.refused(400, "invalid_request");
    let claims = claims_of(&Tokens::of(&exchange(&house, &billing, &token, &[]).await).access_token);
    assert_eq!((actor(&claims), claims.get("may_act")), (&json!({ "sub": "billing" }), None));
}

#[tokio::test]
async fn rfc8693_2_1_never_more_scope_than_the_subject_token_and_than_the_client_may_get() {
    let house = House::open().await;
    let notes = notes(&house).await;
    let gateway = machine(&house, "gateway", |client| {
        client.token_exchange.scope = Some(Scope::parse("orders:read orders:delete").unwrap());
        client.token_exchange.audience = vec!["https://mail.example/".into()];
    })
    .await;
    let token = alices(&house, &notes).await.access_token;
    let scope = |answer: Answer| answer.expect(200).json()["scope"].as_str().unwrap().to_owned();
    assert_eq!(scope(exchange(&house, &gateway, &token, &[]).await), "orders:read");
    let narrowed = exchange(&house, &gateway, &token, &[("scope", "orders:read email")]).await;
    assert_eq!(scope(narrowed), "orders:read");
    for too_much in ["orders:delete", "orders:write", "openid", "a\"b"] {
        exchange(&house, &gateway, &token, &[("scope", too_much)]).await.refused(400, "invalid_scope");
    }
    let mail = [("resource", "https://mail.example/")];
    let mail = Tokens::of(&exchange(&house, &gateway, &token, &mail).await).access_token;
    assert_eq!(claims_of(&mail)["aud"], "https://mail.example/");
}

#[tokio::test]
async fn it_never_outlives_the_subject_token() {
    let house = House::open().await;
    let notes = notes(&house).await;
    let gateway = machine(&house, "gateway", |client| client.access_token_lifetime = Some(3_600)).await;
    let tokens = alices(&house, &notes).await;
    pass_seconds(400);
    let answer = exchange(&house, &gateway, &tokens.access_token, &[]).await.expect(200).json();
    assert_eq!(answer["expires_in"], 200);
    let exp = claims_of(answer["access_token"].as_str().unwrap())["exp"].clone();
    assert_eq!(exp, now().seconds() + 200);
    house.change_client(&gateway, |client| client.access_token_lifetime = Some(20)).await;
    let answer = exchange(&house, &gateway, &tokens.access_token, &[]).await.expect(200).json();
    assert_eq!(answer["expires_in"], 20);
}

#[tokio::test]
async fn what_ends_the_subjects_grant_session_or_user_ends_what_was_exchanged_for_it() {
    for format in [AccessTokenFormat::Jwt, AccessTokenFormat::Opaque] {
        let house = House::open().await;
        let notes = notes(&house).await;
        let gateway = machine(&house, "gateway", |client| client.access_token_format = format).await;
        let (mut browser, mut exchanged) = (house.browser(), Vec::new());
        for scope in ["openid orders:read", "openid orders:read", "openid offline_access orders:read"] {
            let answer = browser.answer_for(&notes.request(&[("scope", scope)]), "alice").await;
            let tokens = Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
            let token = Tokens::of(&exchange(&house, &gateway, &tokens.access_token, &[]).await).access_token;
            exchanged.push((tokens, token));
        }
        let active = async |number: usize| {
            gateway.introspect(&house, &exchanged[number].1).await.json()["active"] == true
        };
        assert!(active(0).await && active(1).await && active(2).await);
        // The grant, by its refresh token.
        notes.revoke(&house, &exchanged[0].0.refresh_token).await.expect(200);
        assert!(!active(0).await && active(1).await && active(2).await);
        // The session; what outlives it goes on, though this scope does not name it.
        let hint = encoded(&[("id_token_hint", &exchanged[1].0.id_token)]);
        browser.get(&format!("/oauth2/logout?{hint}")).await.expect(200);
        assert!(!active(1).await && active(2).await);
        let late =
            exchange(&house, &gateway, &exchanged[2].0.access_token, &[("scope", "orders:read")]).await;
        let late = Tokens::of(&late).access_token;
        assert_eq!(gateway.introspect(&house, &late).await.json()["active"], true);
        // The user.
        house.provider.set_user_disabled(&crate::house::new_ctx(None), "alice", true).await.unwrap();
        assert!(!active(2).await);
        assert_eq!(gateway.introspect(&house, &late).await.json()["active"], false);
    }
}

#[tokio::test]
async fn a_token_that_speaks_for_a_client_ends_with_that_client() {
    let house = House::open().await;
    let source = machine(&house, "source", |client| client.audience = vec!["gateway".into()]).await;
    let gateway = machine(&house, "gateway", |_| {}).await;
    let token = own_token(&house, &source).await;
    let token = Tokens::of(&exchange(&house, &gateway, &token, &[]).await).access_token;
    let told = gateway.introspect(&house, &token).await.json();
    assert_eq!((&told["sub"], &told["client_id"]), (&json!("source"), &json!("gateway")));
    assert_eq!(actor(&told), &json!({ "sub": "gateway" }));
    house.change_client(&source, |client| client.disabled = true).await;
    assert_eq!(gateway.introspect(&house, &token).await.json(), json!({ "active": false }));
}

#[tokio::test]
async fn whoever_exchanges_reads_the_claims_of_its_scope_and_not_what_the_client_asked_for_by_name() {
    let house = House::open().await;
    let (notes, gateway) = (notes(&house).await, machine(&house, "gateway", |_| {}).await);
    let ask = json!({ "userinfo": { "nickname": null } }).to_string();
    let tokens = notes.tokens_for(&house, "alice", &[("claims", &ask)]).await;
    assert_eq!(house.userinfo(&tokens.access_token).await.expect(200).json()["nickname"], "alicey");
    let token = Tokens::of(&exchange(&house, &gateway, &tokens.access_token, &[]).await).access_token;
    let claims = house.userinfo(&token).await.expect(200).json();
    assert_eq!(claims, json!({ "sub": house.user("alice").await.id.to_string() }));
}

#[tokio::test]
async fn who_introspects_for_a_resource_server_exchanges_what_is_for_it() {
    use crate::oauth2::validate::{ORDERS as SERVER, RULES, resource_server};
    let house = House::open().await;
    let (notes, backend) = (notes(&house).await, machine(&house, "backend", |_| {}).await);
    let mut server = resource_server(SERVER, &RULES);
    house.provider.add_resource_server(&crate::house::new_ctx(None), server.clone()).await.unwrap();
    house.change_client(&notes, |client| client.audience = vec![SERVER.into()]).await;
    let changes = [("scope", "openid orders:read"), ("resource", SERVER)];
    let token = notes.tokens_for(&house, "alice", &changes).await.access_token;
    exchange(&house, &backend, &token, &[]).await.refused(400, "invalid_request");
    server.introspected_by = vec![backend.client_id()];
    house.replace_resource_server(server).await.unwrap();
    let claims = claims_of(&Tokens::of(&exchange(&house, &backend, &token, &[]).await).access_token);
    assert_eq!((actor(&claims), &claims["aud"]), (&json!({ "sub": "backend" }), &json!(ORDERS)));
}
