//! Tokens of a service's clients: what they say about the service and their user's standing in it, and how soon a change is known.

use crate::house::{House, RelyingParty, Tokens, claims_of, new_ctx};
use crate::nodes::in_force;
use crate::oauth2::validate;
use axum::body::Body;
use http::Request;
use protocol::{AccessTokenFormat, Slug, SubscriptionStatus};
use provider::admin::{OrganizationChange, PlanChange};
use serde_json::{Value, json};
use std::time::Duration;

fn standing(claims: &Value) -> [Value; 4] {
    ["org", "service", "plan", "features"].map(|name| claims[name].clone())
}

fn free() -> [Value; 4] {
    [json!("acme"), json!("notes"), json!("free"), json!(["read"])]
}

fn pro() -> [Value; 4] {
    [json!("acme"), json!("notes"), json!("pro"), json!(["read", "export"])]
}

async fn introspected(house: &House, notes: &RelyingParty, token: &str) -> [Value; 4] {
    standing(&notes.introspect(house, token).await.expect(200).json())
}

/// What `/api/subscription` says of the plan.
pub(crate) async fn subscription(house: &House, token: &str) -> Value {
    let request = Request::get("/api/subscription").header("authorization", format!("Bearer {token}"));
    house.send(request.body(Body::empty()).unwrap()).await.expect(200).json()["plan"].clone()
}

#[tokio::test]
async fn a_token_says_its_service_and_the_plan_its_user_had_when_it_was_issued() {
    let house = House::open().await;
    let notes = house.notes_of_acme().await;
    let tokens = notes.tokens(&house, "alice").await;
    assert_eq!(standing(&claims_of(&tokens.access_token)), free());
    house.subscribe("alice", "acme/notes/pro", SubscriptionStatus::Active, None).await;
    let refreshed = Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
    assert_eq!(standing(&claims_of(&refreshed.access_token)), pro());
    assert_eq!(standing(&claims_of(&notes.tokens(&house, "bob").await.access_token)), free());
    let other = house.register("other", |_| {}).await.tokens(&house, "alice").await;
    assert_eq!(
        standing(&claims_of(&other.access_token)),
        [Value::Null, Value::Null, Value::Null, Value::Null]
    );
    assert_eq!(standing(&claims_of(&tokens.id_token))[0], Value::Null, "an ID Token is about the sign-in");
}

#[tokio::test]
async fn the_next_check_of_an_older_token_says_what_is_so_now() {
    let house = House::open().await;
    let notes = house.notes_of_acme().await;
    let opaque =
        house.register("opaque", |client| client.access_token_format = AccessTokenFormat::Opaque).await;
    let service = house.provider.find_client(&notes.client_id()).await.unwrap().service;
    house.change_client(&opaque, |client| client.service = service).await;
    for client in [&notes, &opaque] {
        let asking = [("claims", r#"{"userinfo":{"plan":null,"features":null,"org":null}}"#)];
        let token = client.tokens_for(&house, "alice", &asking).await.access_token;
        let told = || async {
            let plan = subscription(&house, &token).await;
            let userinfo = house.userinfo(&token).await.expect(200).json();
            assert_eq!((&userinfo["plan"], &userinfo["org"]), (&plan, &json!("acme")), "{userinfo}");
            assert!(userinfo.get("service").is_none(), "it was not asked for: {userinfo}");
            let introspected = introspected(&house, client, &token).await;
            assert_eq!(introspected[2], plan);
            introspected
        };
        assert_eq!(told().await, free());
        house.subscribe("alice", "acme/notes/pro", SubscriptionStatus::Active, None).await;
        assert_eq!(told().await, pro());
        let features = Some(r#"{"seats":5}"#.parse().unwrap());
        let change = PlanChange { name: None, features };
        let path = "acme/notes/pro".parse().unwrap();
        house.provider.change_plan(&new_ctx(None), &path, change).await.unwrap();
        assert_eq!(told().await[3], json!({"seats": 5}), "a plan's change is everybody's");
        let change = PlanChange { name: None, features: Some(r#"["read","export"]"#.parse().unwrap()) };
        house.provider.change_plan(&new_ctx(None), &path, change).await.unwrap();
        house
            .provider
            .remove_subscription(&new_ctx(None), "alice", &"acme/notes".parse().unwrap())
            .await
            .unwrap();
        assert_eq!(told().await, free());
    }
    let quiet = notes.tokens(&house, "alice").await.access_token;
    let userinfo = house.userinfo(&quiet).await.expect(200).json();
    assert!(userinfo.get("plan").is_none(), "nobody asked: {userinfo}");
}

#[tokio::test]
async fn a_check_of_a_known_token_reads_no_row_and_verifies_no_signature() {
    let house = House::open().await;
    let notes = house.notes_of_acme().await;
    house.subscribe("alice", "acme/notes/pro", SubscriptionStatus::Active, None).await;
    let token = notes.tokens(&house, "alice").await.access_token;
    assert_eq!(subscription(&house, &token).await, "pro");
    introspected(&house, &notes, &token).await;
    let (known, verified) = house.provider.token_cache_counts();
    let before = house.provider.store().stats();
    for _ in 0..50 {
        assert_eq!(subscription(&house, &token).await, "pro");
        assert_eq!(introspected(&house, &notes, &token).await, pro());
    }
    assert_eq!(house.provider.token_cache_counts(), (known + 100, verified));
    let after = house.provider.store().stats();
    assert_eq!(
        (after.point_reads, after.scans, after.commands),
        (before.point_reads, before.scans, before.commands)
    );
}

#[tokio::test]
async fn a_client_that_leaves_its_service_takes_it_out_of_its_tokens() {
    let house = House::open().await;
    let notes = house.notes_of_acme().await;
    let token = notes.tokens(&house, "alice").await.access_token;
    house.change_client(&notes, |client| client.service = None).await;
    assert_eq!(introspected(&house, &notes, &token).await[0], Value::Null);
    let request = Request::get("/api/subscription").header("authorization", format!("Bearer {token}"));
    house.send(request.body(Body::empty()).unwrap()).await.refused(400, "The access token names no service.");
}

#[tokio::test]
async fn the_clients_of_a_disabled_organization_are_refused_until_it_is_enabled() {
    let house = House::open().await;
    let notes = house.notes_of_acme().await;
    let resource = house.register("resource", |client| client.introspects_all = true).await;
    let tokens = notes.tokens(&house, "alice").await;
    let set = async |disabled| {
        let change = OrganizationChange { name: None, disabled: Some(disabled) };
        let acme = Slug::parse("acme").unwrap();
        house.provider.change_organization(&new_ctx(None), &acme, change).await.unwrap();
    };
    set(true).await;
    notes.refresh(&house, &tokens.refresh_token).await.refused(401, "invalid_client");
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    assert_eq!(resource.introspect(&house, &tokens.access_token).await.json(), json!({"active": false}));
    house.browser().authorize(&notes.request(&[])).await.error_page(400);
    set(false).await;
    house.userinfo(&tokens.access_token).await.expect(200);
    Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
}

/// On a database that two nodes share.
pub(crate) async fn changes_reach_the_other_node(engine: &str, one: &House, other: &House) {
    let notes = one.notes_of_acme().await;
    let token = notes.tokens(one, "alice").await.access_token;
    validate::add_orders(one).await;
    one.change_client(&notes, |client| client.audience = vec![validate::ORDERS.to_owned()]).await;
    let for_orders = notes.tokens(one, "alice").await.access_token;
    let at_gateway = async |house: &House| {
        let (name, value) = validate::bearer(&for_orders);
        let answer = validate::ask(house, "GET /me", &[(name, &value)]).await;
        validate::standing(&answer)[2].to_owned()
    };
    let until = || async { at_gateway(other).await == "free" };
    in_force(&[other], (engine, "a resource server"), until).await;
    for round in 0..6 {
        let plan = if round % 2 == 0 { "pro" } else { "free" };
        assert_ne!(subscription(other, &token).await, plan, "known and remembered");
        one.subscribe("alice", &format!("acme/notes/{plan}"), SubscriptionStatus::Active, None).await;
        assert_eq!(subscription(one, &token).await, plan, "at once where it was done");
        assert_eq!(at_gateway(one).await, plan);
        let until = || async { subscription(other, &token).await == plan && at_gateway(other).await == plan };
        in_force(&[other], (engine, "a subscription"), until).await;
        tokio::time::sleep(Duration::from_millis(41)).await;
    }
    let features = Some(r#"["gold"]"#.parse().unwrap());
    let path = "acme/notes/free".parse().unwrap();
    let change = PlanChange { name: None, features };
    one.provider.change_plan(&new_ctx(None), &path, change).await.unwrap();
    let until = || async { introspected(other, &notes, &token).await[3] == json!(["gold"]) };
    in_force(&[other], (engine, "a plan"), until).await;
    let change = OrganizationChange { name: None, disabled: Some(true) };
    one.provider.change_organization(&new_ctx(None), &Slug::parse("acme").unwrap(), change).await.unwrap();
    let until = || async { other.userinfo(&token).await.status == 401 };
    in_force(&[other], (engine, "an organization disabled"), until).await;
}
