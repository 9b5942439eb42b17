//! One rule for scope at every door (RFC 6749 section 3.3), and what was taken from a client.

use crate::house::{House, PASSWORD, RelyingParty, Tokens, claims_of, new_ctx, television};
use protocol::{ConsentPolicy, GrantType, Scope};
use provider::admin::GrantsOf;
use serde_json::json;

const ALL: &str = "openid profile email offline_access";

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

async fn takes(house: &House, client: &RelyingParty, left: &str) {
    house.change_client(client, |client| client.scope = scope(left)).await;
}

#[tokio::test]
async fn rfc6749_3_3_too_much_is_narrowed_at_every_door_and_nothing_left_is_refused() {
    let house = House::open().await;
    let tv = house.television().await;
    let notes = house
        .register("notes", |client| {
            client.scope = scope("openid email orders:read");
            client.grant_types.extend([GrantType::ClientCredentials, GrantType::TokenExchange]);
        })
        .await;
    // authorize and redeem
    let wide = notes.tokens_for(&house, "alice", &[("scope", "openid email orders:read x")]).await;
    assert_eq!(wide.all["scope"], "email openid orders:read");
    assert_eq!(
        house.browser().authorize(&notes.request(&[("scope", "x y")])).await.says("error"),
        "invalid_scope"
    );
    // refresh
    let asked = |grant_type, further: Vec<(&'static str, String)>, scope: &'static str| {
        let (notes, house) = (&notes, &house);
        async move {
            let mut form = vec![("grant_type", grant_type), ("scope", scope)];
            form.extend(further.iter().map(|(name, value)| (*name, value.as_str())));
            notes.token(house, &form).await
        }
    };
    let refresh = vec![("refresh_token", wide.refresh_token.clone())];
    let narrowed = asked("refresh_token", refresh.clone(), "email x").await.expect(200).json();
    assert_eq!(narrowed["scope"], "email");
    asked("refresh_token", refresh, "x y").await.refused(400, "invalid_scope");
    // client_credentials
    let own = asked("client_credentials", Vec::new(), "orders:read email x").await.expect(200).json();
    assert_eq!(own["scope"], "orders:read");
    asked("client_credentials", Vec::new(), "email").await.refused(400, "invalid_scope");
    // exchange
    let exchange = vec![
        ("subject_token", wide.access_token.clone()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token".to_owned()),
    ];
    let grant = "urn:ietf:params:oauth:grant-type:token-exchange";
    let exchanged = asked(grant, exchange.clone(), "orders:read x").await.expect(200).json();
    assert_eq!(exchanged["scope"], "orders:read");
    asked(grant, exchange, "x").await.refused(400, "invalid_scope");
    // device
    let device = tv.device_authorization(&house, &[("scope", "films:watch films:make")]).await;
    let device = crate::house::Device::of(&tv, device);
    house.browser().bring_in(&device, "alice", "allow").await;
    assert_eq!(Tokens::of(&device.poll(&house).await).all["scope"], "films:watch");
    tv.device_authorization(&house, &[("scope", "films:make")]).await.refused(400, "invalid_scope");
}

#[tokio::test]
async fn rfc6749_3_3_a_request_without_scope_asks_for_the_clients_default() {
    let house = House::open().await;
    let machine = [("grant_type", "client_credentials")];
    let notes = house
        .register("notes", |client| {
            client.scope = scope("openid email orders:read orders:write");
            client.grant_types.insert(GrantType::ClientCredentials);
        })
        .await;
    let all = notes.tokens_for(&house, "alice", &[("scope", "")]).await;
    assert_eq!(all.all["scope"], "email openid orders:read orders:write");
    assert_eq!(notes.token(&house, &machine).await.json()["scope"], "orders:read orders:write");

    house.change_client(&notes, |client| client.default_scope = Some(scope("openid orders:read"))).await;
    let default = notes.tokens_for(&house, "alice", &[("scope", "")]).await;
    assert_eq!(default.all["scope"], "openid orders:read");
    assert_eq!(notes.token(&house, &machine).await.json()["scope"], "orders:read");
    // On refresh, none means what was granted (RFC 6749 section 6).
    assert_eq!(
        Tokens::of(&notes.refresh(&house, &all.refresh_token).await).all["scope"],
        "email openid orders:read orders:write"
    );
    let tv = house
        .register_public("box", |client| {
            television(client);
            client.default_scope = Some(scope("films:watch"));
        })
        .await;
    let device = crate::house::Device::of(&tv, tv.device_authorization(&house, &[]).await);
    house.browser().bring_in(&device, "alice", "allow").await;
    assert_eq!(Tokens::of(&device.poll(&house).await).all["scope"], "films:watch");

    for bad in ["", "openid unheard-of"] {
        let by_default = |client: &mut protocol::Client| client.default_scope = Some(scope(bad));
        let refused = house.provider.change_client(&new_ctx(None), &notes.client_id(), by_default).await;
        assert!(refused.is_err(), "{bad:?}");
    }
}

#[tokio::test]
async fn a_scope_taken_from_a_client_is_gone_from_its_grants_and_tokens_at_once() {
    let house = House::open().await;
    let notes = house.register("notes", |_| {}).await;
    let tv = house.television().await;
    let mut browser = house.browser();
    let code = browser.answer_for(&notes.request(&[("scope", ALL)]), "alice").await.says("code");
    let tokens = notes.tokens_for(&house, "alice", &[("scope", ALL)]).await;
    let device = tv.device(&house).await;
    browser.bring_in(&device, "alice", "allow").await;
    // A question that is open while it happens.
    let prompt = [("scope", "openid email"), ("prompt", "consent")];
    let question = browser.authorize(&notes.request(&prompt)).await;

    takes(&house, &notes, "openid profile offline_access").await;
    takes(&house, &tv, "openid offline_access").await;
    // Look-ups of what was issued.
    let told = house.userinfo(&tokens.access_token).await.expect(200).json();
    assert!(told.get("email").is_none() && told.get("name").is_some(), "{told}");
    let expected = "offline_access openid profile";
    assert_eq!(notes.introspect(&house, &tokens.access_token).await.json()["scope"], expected);
    assert_eq!(notes.introspect(&house, &tokens.refresh_token).await.json()["scope"], expected);
    // Issues.
    let refreshed = Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
    assert_eq!(refreshed.all["scope"], expected);
    assert!(claims_of(&refreshed.id_token).get("email").is_none());
    assert_eq!(Tokens::of(&notes.redeem(&house, &code).await).all["scope"], expected);
    assert_eq!(Tokens::of(&device.poll(&house).await).all["scope"], "offline_access openid");
    let answer = browser.decide(&question, "allow").await;
    let allowed = Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
    assert_eq!(allowed.all["scope"], "openid");
    // Given back, it is there again.
    takes(&house, &notes, ALL).await;
    assert!(house.userinfo(&tokens.access_token).await.expect(200).json().get("email").is_some());
    // When nothing is left of a grant, nothing is issued on it.
    takes(&house, &notes, "orders:read offline_access").await;
    house.userinfo(&tokens.access_token).await.refused(403, "insufficient_scope");
    takes(&house, &notes, "orders:read").await;
    notes.refresh(&house, &refreshed.refresh_token).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn rfc8707_2_an_audience_taken_from_a_client_is_gone_from_its_tokens_at_once() {
    let house = House::open().await;
    let (orders, mail) = ("https://orders.example/", "urn:example:mail");
    let notes = house.register("notes", |client| client.audience = vec![orders.into(), mail.into()]).await;
    let one = notes.tokens_for(&house, "alice", &[("resource", orders)]).await;
    let both = notes.tokens(&house, "alice").await;
    let said = async |tokens: &Tokens| notes.introspect(&house, &tokens.access_token).await.json();
    assert_eq!(
        (&said(&one).await["aud"], &said(&both).await["aud"]),
        (&json!(orders), &json!([orders, mail]))
    );

    house.change_client(&notes, |client| client.audience = vec![mail.into()]).await;
    assert_eq!(said(&one).await, json!({ "active": false }));
    assert_eq!(said(&both).await["aud"], json!(mail));
    // What is given back is there again.
    house.change_client(&notes, |client| client.audience = vec![orders.into(), mail.into()]).await;
    assert_eq!(said(&one).await["aud"], json!(orders));
}

#[tokio::test]
async fn offline_access_taken_from_a_client_ends_refreshing_and_its_tokens_end_with_their_session() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let ask = notes.request(&[("scope", ALL)]);
    let code = browser.answer_for(&ask, "alice").await.says("code");
    let tokens = Tokens::of(&notes.redeem(&house, &code).await);
    let unredeemed = browser.authorize(&ask).await.says("code");
    takes(&house, &notes, "openid profile email").await;
    notes.refresh(&house, &tokens.refresh_token).await.refused(400, "invalid_grant");
    assert_eq!(notes.introspect(&house, &tokens.refresh_token).await.json(), json!({ "active": false }));
    let late = notes.redeem(&house, &unredeemed).await.expect(200).json();
    assert_eq!((&late["scope"], late.get("refresh_token")), (&json!("email openid profile"), None));
    house.userinfo(&tokens.access_token).await.expect(200);
    crate::house::pass_seconds(1);
    browser.get(&format!("/oauth2/logout?id_token_hint={}", tokens.id_token)).await.expect(200);
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn what_was_exchanged_follows_the_client_whose_token_it_was() {
    let house = House::open().await;
    let notes = house
        .register("notes", |client| {
            client.scope = scope("openid offline_access orders:read orders:write");
            client.audience = vec!["gateway".into()];
        })
        .await;
    let gateway = house
        .register("gateway", |client| {
            client.grant_types = [GrantType::TokenExchange].into();
            client.redirect_uris.clear();
            client.scope = scope("orders:read orders:write");
        })
        .await;
    let asked = [("scope", "openid offline_access orders:read orders:write")];
    let tokens = notes.tokens_for(&house, "alice", &asked).await;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", &tokens.access_token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    let exchanged = Tokens::of(&gateway.token(&house, &form).await);
    assert_eq!(exchanged.all["scope"], "offline_access orders:read orders:write");
    let told = || async { gateway.introspect(&house, &exchanged.access_token).await.json() };
    assert_eq!(told().await["scope"], exchanged.all["scope"]);
    takes(&house, &notes, "openid offline_access orders:read").await;
    assert_eq!(told().await["scope"], "offline_access orders:read");
    house.provider.end_client_grants(&new_ctx(None), &notes.client_id()).await.unwrap();
    assert_eq!(told().await, json!({ "active": false }));
}

#[tokio::test]
async fn an_operator_ends_one_grant_or_all_of_a_user_or_of_a_client() {
    let house = House::open().await;
    let (provider, ctx) = (&house.provider, &new_ctx(None));
    let (notes, mail) = (house.notes().await, house.register("mail", |_| {}).await);
    let offline = [("scope", "openid offline_access")];
    let hers = notes.tokens_for(&house, "alice", &offline).await;
    let also_hers = notes.tokens_for(&house, "alice", &offline).await;
    let his = notes.tokens_for(&house, "bob", &offline).await;
    let elsewhere = mail.tokens_for(&house, "alice", &offline).await;
    let of_alice = GrantsOf { user: Some(house.user("alice").await.id), ..GrantsOf::default() };
    let of_notes = GrantsOf { client: Some(notes.client_id()), ..GrantsOf::default() };
    let count = |of: &GrantsOf| {
        let of = of.clone();
        async move { provider.list_grants(ctx, of, None, 100).await.unwrap().grants.len() }
    };
    let counts =
        || async { (count(&of_alice).await, count(&of_notes).await, count(&GrantsOf::default()).await) };
    assert_eq!(counts().await, (3, 3, 4));
    let first = provider.list_grants(ctx, of_alice.clone(), None, 1).await.unwrap();
    assert_eq!((first.grants.len(), first.next), (1, Some(first.grants[0].granted.id)));

    crate::house::pass_seconds(1);
    let ctx = &new_ctx(None);
    let one = claims_of(&hers.access_token)["grant_id"].as_str().unwrap().parse().unwrap();
    provider.end_grant(ctx, one).await.unwrap();
    house.userinfo(&hers.access_token).await.refused(401, "invalid_token");
    notes.refresh(&house, &hers.refresh_token).await.refused(400, "invalid_grant");
    house.userinfo(&also_hers.access_token).await.expect(200);
    assert!(provider.end_grant(ctx, one).await.is_err(), "it was ended before");

    provider.end_client_grants(ctx, &notes.client_id()).await.unwrap();
    for tokens in [&also_hers, &his] {
        house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
        notes.refresh(&house, &tokens.refresh_token).await.refused(400, "invalid_grant");
        assert_eq!(notes.introspect(&house, &tokens.refresh_token).await.json()["active"], false);
    }
    house.userinfo(&elsewhere.access_token).await.expect(200);
    assert_eq!(counts().await, (1, 0, 1));

    provider.end_user_grants(ctx, "alice").await.unwrap();
    house.userinfo(&elsewhere.access_token).await.refused(401, "invalid_token");
    mail.refresh(&house, &elsewhere.refresh_token).await.refused(400, "invalid_grant");
    assert_eq!(counts().await, (0, 0, 0));
    assert!(provider.end_user_grants(ctx, "nobody").await.is_err());
    assert!(provider.end_client_grants(ctx, &protocol::ClientId::parse("nobody").unwrap()).await.is_err());

    // What begins afterwards is good, also after a restart.
    crate::house::pass_seconds(1);
    let anew = notes.tokens(&house, "alice").await;
    let house = house.restart().await;
    house.userinfo(&anew.access_token).await.expect(200);
    house.userinfo(&his.access_token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn what_an_operator_ended_is_not_granted_anew_unasked() {
    let house = House::open().await;
    let notes = house.register("notes", |client| client.consent = ConsentPolicy::Required).await;
    let silent = notes.request(&[("prompt", "none")]);
    let mut browser = house.browser();
    let code = browser.code_for(&notes, "alice").await;
    notes.redeem(&house, &code).await.expect(200);
    assert!(!browser.authorize(&silent).await.says("code").is_empty(), "it is remembered");

    crate::house::pass_seconds(1);
    house.provider.end_client_grants(&new_ctx(None), &notes.client_id()).await.unwrap();
    assert_eq!(browser.authorize(&silent).await.says("error"), "consent_required");
    crate::house::pass_seconds(1);
    browser.code_for(&notes, "alice").await;
    assert!(!browser.authorize(&silent).await.says("code").is_empty(), "what is allowed afterwards stands");

    crate::house::pass_seconds(1);
    house.provider.end_user_grants(&new_ctx(None), "alice").await.unwrap();
    crate::house::pass_seconds(1);
    let page = browser.authorize(&notes.request(&[])).await;
    let asked = browser.sign_in(&page, "alice", PASSWORD).await.expect(200);
    assert!(asked.heading().ends_with("wants to use your account"), "{}", asked.heading());
}
