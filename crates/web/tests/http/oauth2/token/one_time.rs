//! Access tokens that are accepted once.

use crate::house::{House, RelyingParty, Tokens, now, pass_seconds};
use protocol::{Client, GrantType, Scope};
use serde_json::json;

async fn machine(house: &House) -> RelyingParty {
    let register = |client: &mut Client| {
        client.grant_types = [GrantType::ClientCredentials, GrantType::TokenExchange].into();
        client.scope = Scope::parse("door:open").unwrap();
        client.audience = vec!["door".into()];
        client.one_time_access_tokens = true;
    };
    house.register("machine", register).await
}

async fn token(house: &House, machine: &RelyingParty) -> String {
    Tokens::of(&machine.token(house, &[("grant_type", "client_credentials")]).await).access_token
}

#[tokio::test]
async fn the_first_check_accepts_it_and_whoever_asks_at_the_same_time_or_later_is_told_that_it_is_inactive() {
    let house = House::open().await;
    let (machine, door) = (machine(&house).await, house.register("door", |_| {}).await);
    for _ in 0..8 {
        let token = token(&house, &machine).await;
        // Nobody can accept it without asking.
        assert_eq!(token.split('.').count(), 2);
        let answers = house.at_once((0..12).map(|_| door.introspect(&house, &token))).await;
        let told: Vec<_> = answers.into_iter().map(|answer| answer.expect(200).json()).collect();
        let accepted: Vec<_> = told.iter().filter(|told| told["active"] == true).collect();
        assert_eq!(accepted.len(), 1, "{told:?}");
        assert_eq!((&accepted[0]["scope"], &accepted[0]["sub"]), (&json!("door:open"), &json!("machine")));
        assert_eq!(door.introspect(&house, &token).await.json(), json!({ "active": false }));
    }
}

#[tokio::test]
async fn whom_it_does_not_concern_does_not_spend_it_and_a_restart_brings_it_back_for_nobody() {
    let house = House::open().await;
    let (machine, door) = (machine(&house).await, house.register("door", |_| {}).await);
    let stranger = house.register("stranger", |_| {}).await;
    let (spent, kept) = (token(&house, &machine).await, token(&house, &machine).await);
    for token in [&spent, &kept] {
        assert_eq!(stranger.introspect(&house, token).await.json()["active"], false);
    }
    assert_eq!(door.introspect(&house, &spent).await.json()["active"], true);
    let house = house.restart().await;
    assert_eq!(door.introspect(&house, &spent).await.json()["active"], false);
    assert_eq!(door.introspect(&house, &kept).await.json()["active"], true);
}

#[tokio::test]
async fn it_expires_it_is_revoked_and_another_secret_does_not_spend_it() {
    let house = House::open().await;
    let (machine, door) = (machine(&house).await, house.register("door", |_| {}).await);
    let (expired, revoked) = (token(&house, &machine).await, token(&house, &machine).await);
    let guessed = crate::house::tampered(&revoked, 1);
    assert_eq!(door.introspect(&house, &guessed).await.json()["active"], false);
    machine.revoke(&house, &revoked).await.expect(200);
    assert_eq!(door.introspect(&house, &revoked).await.json()["active"], false);
    pass_seconds(600);
    assert_eq!(door.introspect(&house, &expired).await.json()["active"], false);
    // Spent or not, it is swept.
    let swept = house.provider.sweep(now()).await.unwrap();
    assert!(swept.deleted.contains(&("one_time_access_tokens", 2)), "{swept:?}");
}

#[tokio::test]
async fn at_userinfo_it_is_accepted_once_too() {
    let house = House::open().await;
    let notes = house.register("notes", |client| client.one_time_access_tokens = true).await;
    let tokens = notes.tokens(&house, "alice").await;
    house.userinfo(&tokens.access_token).await.expect(200);
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    // The grant goes on.
    let next = Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
    house.userinfo(&next.access_token).await.expect(200);
}

#[tokio::test]
async fn exchanging_it_spends_it_and_gives_another_that_is_accepted_once() {
    let house = House::open().await;
    let machine = machine(&house).await;
    let token = token(&house, &machine).await;
    let exchange = |changes: &[(&'static str, &'static str)]| {
        let mut form = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", token.as_str()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ];
        form.extend_from_slice(changes);
        form
    };
    // A mistake spends nothing.
    machine.token(&house, &exchange(&[("audience", "window")])).await.refused(400, "invalid_target");
    let jwt = ("requested_token_type", "urn:ietf:params:oauth:token-type:jwt");
    machine.token(&house, &exchange(&[jwt])).await.refused(400, "invalid_request");
    // Not even where this client's tokens are no such ones any more.
    house.change_client(&machine, |client| client.one_time_access_tokens = false).await;
    let other = Tokens::of(&machine.token(&house, &exchange(&[])).await).access_token;
    machine.token(&house, &exchange(&[])).await.refused(400, "invalid_request");
    for expected in [true, false] {
        assert_eq!(machine.introspect(&house, &other).await.json()["active"], expected);
    }
}

#[tokio::test]
async fn a_gateway_lets_it_through_once() {
    use crate::oauth2::validate::{ORDERS, add_orders, ask, bearer};
    let house = House::open().await;
    add_orders(&house).await;
    let machine = machine(&house).await;
    let change = |client: &mut Client| {
        client.audience = vec![ORDERS.into()];
        client.scope = Scope::parse("orders:read").unwrap();
    };
    house.change_client(&machine, change).await;
    let (name, value) = bearer(&token(&house, &machine).await);
    ask(&house, "GET /orders", &[(name, &value)]).await.expect(204);
    ask(&house, "GET /orders", &[(name, &value)]).await.expect(401);
}
