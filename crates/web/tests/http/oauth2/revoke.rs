//! `/oauth2/revoke` (RFC 7009).

use crate::house::{House, Tokens, pass, pass_seconds};
use protocol::AccessTokenFormat;
use std::time::Duration;

#[tokio::test]
async fn rfc7009_2_1_a_revoked_access_token_is_over_at_once_and_only_it() {
    let house = House::open().await;
    for format in [AccessTokenFormat::Jwt, AccessTokenFormat::Opaque] {
        let notes =
            house.register(&format!("{format:?}"), |client| client.access_token_format = format).await;
        let first = notes.tokens(&house, "alice").await;
        let second = Tokens::of(&notes.refresh(&house, &first.refresh_token).await);
        house.userinfo(&first.access_token).await.expect(200);
        let answer = notes.revoke(&house, &first.access_token).await.expect(200);
        assert_eq!(answer.body, "");
        house.userinfo(&first.access_token).await.refused(401, "invalid_token");
        assert_eq!(notes.introspect(&house, &first.access_token).await.json()["active"], false);
        house.userinfo(&second.access_token).await.expect(200);
        Tokens::of(&notes.refresh(&house, &second.refresh_token).await);
    }
}

#[tokio::test]
async fn rfc7009_2_1_a_revoked_refresh_token_takes_its_grant_with_it_and_a_restart_changes_nothing() {
    let house = House::open().await;
    let notes = house.notes().await;
    let tokens = notes.tokens(&house, "alice").await;
    let other = notes.tokens(&house, "alice").await;
    house.userinfo(&tokens.access_token).await.expect(200);
    notes.revoke(&house, &tokens.refresh_token).await.expect(200);
    let house = {
        house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
        house.restart().await
    };
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    notes.refresh(&house, &tokens.refresh_token).await.refused(400, "invalid_grant");
    house.userinfo(&other.access_token).await.expect(200);
    // What is granted afterwards is good.
    pass(Duration::from_millis(1));
    house.userinfo(&notes.tokens(&house, "alice").await.access_token).await.expect(200);
}

#[tokio::test]
async fn rfc7009_2_1_revoking_a_spent_refresh_token_ends_the_grant_too() {
    let house = House::open().await;
    let notes = house.notes().await;
    let first = notes.tokens(&house, "alice").await;
    let second = Tokens::of(&notes.refresh(&house, &first.refresh_token).await);
    notes.revoke(&house, &first.refresh_token).await.expect(200);
    notes.refresh(&house, &second.refresh_token).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn rfc7009_2_2_a_token_nobody_knows_is_as_good_as_revoked() {
    let house = House::open().await;
    let notes = house.notes().await;
    let tokens = notes.tokens(&house, "alice").await;
    for unknown in ["nonsense", &crate::house::tampered(&tokens.refresh_token, 1), &tokens.id_token] {
        notes.revoke(&house, unknown).await.expect(200);
    }
    pass_seconds(600);
    notes.revoke(&house, &tokens.access_token).await.expect(200);
    Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
}

#[tokio::test]
async fn rfc7009_2_1_nobody_revokes_another_clients_token() {
    let house = House::open().await;
    let notes = house.notes().await;
    let thief = house.register("thief", |_| {}).await;
    let tokens = notes.tokens(&house, "alice").await;
    for token in [&tokens.access_token, &tokens.refresh_token] {
        thief.revoke(&house, token).await.refused(400, "unauthorized_client");
        house.post("/oauth2/revoke", &[("token", token)]).await.refused(401, "invalid_client");
    }
    notes.post(&house, "/oauth2/revoke", &[]).await.refused(400, "invalid_request");
    house.userinfo(&tokens.access_token).await.expect(200);
    Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
}

#[tokio::test]
async fn rfc7009_2_a_public_client_revokes_its_own() {
    let house = House::open().await;
    let app = house.register_public("app", |_| {}).await;
    let tokens = app.tokens(&house, "alice").await;
    let hinted = [("token", tokens.refresh_token.as_str()), ("token_type_hint", "access_token")];
    app.post(&house, "/oauth2/revoke", &hinted).await.expect(200);
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
}
