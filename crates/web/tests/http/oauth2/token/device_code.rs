//! The device code grant type (RFC 8628 sections 3.4 and 3.5).

use crate::house::{GRANT, House, Tokens, claims_of, new_ctx, pass_seconds, television};
use protocol::{ClientId, GrantType};

#[tokio::test]
async fn rfc8628_3_5_a_device_waits_until_its_person_allows_it_and_then_gets_tokens_once() {
    let house = House::open().await;
    let device = house.television().await.device(&house).await;
    device.poll(&house).await.refused(400, "authorization_pending");
    let before = house.provider.store().stats().commands;
    for _ in 0..3 {
        pass_seconds(5);
        let answer = device.poll(&house).await.refused(400, "authorization_pending");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert_eq!(house.provider.store().stats().commands, before, "a poll writes nothing");
    house.browser().bring_in(&device, "alice", "allow").await.expect(200);
    // However soon: it has been decided.
    let tokens = Tokens::of(&device.poll(&house).await);
    assert_eq!(tokens.all["scope"], "films:watch offline_access openid profile");
    let alice = house.user("alice").await.id.to_string();
    let claims = claims_of(&tokens.access_token);
    assert_eq!((&claims["sub"], &claims["client_id"]), (&alice.as_str().into(), &"tv".into()));
    let id_token = claims_of(&tokens.id_token);
    assert_eq!((&id_token["sub"], &id_token["aud"]), (&alice.as_str().into(), &"tv".into()));
    assert!(id_token.get("nonce").is_none() && id_token["auth_time"].is_i64(), "{id_token}");
    assert_eq!(house.userinfo(&tokens.access_token).await.expect(200).json()["name"], "alice Example");
    let next = Tokens::of(&device.client.refresh(&house, &tokens.refresh_token).await);
    // RFC 6749 section 4.1.2, as for authorization codes: presented twice, it ends what it was exchanged for.
    device.poll(&house).await.refused(400, "invalid_grant");
    house.userinfo(&next.access_token).await.refused(401, "invalid_token");
    device.client.refresh(&house, &next.refresh_token).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn rfc8628_3_5_who_asks_too_often_is_slowed_down_by_five_seconds_each_time() {
    let house = House::open().await;
    let tv = house.television().await;
    let (hasty, calm) = (tv.device(&house).await, tv.device(&house).await);
    // (seconds since the poll before, the answer)
    for (seconds, error) in [
        (0, "authorization_pending"),
        (1, "slow_down"),
        (9, "slow_down"),
        (15, "authorization_pending"),
        (15, "authorization_pending"),
    ] {
        pass_seconds(seconds);
        hasty.poll(&house).await.refused(400, error);
        if seconds >= 5 {
            calm.poll(&house).await.refused(400, "authorization_pending");
        }
    }
}

#[tokio::test]
async fn rfc8628_3_5_what_is_denied_or_too_late_is_told() {
    let house = House::open().await;
    let tv = house.television().await;
    let denied = tv.device(&house).await;
    let page = house.browser().bring_in(&denied, "alice", "deny").await.expect(200);
    assert_eq!(page.heading(), "Your device is not signed in");
    for _ in 0..2 {
        denied.poll(&house).await.refused(400, "access_denied");
    }
    let (late, allowed) = (tv.device(&house).await, tv.device(&house).await);
    house.browser().bring_in(&allowed, "alice", "allow").await.expect(200);
    pass_seconds(600);
    late.poll(&house).await.refused(400, "expired_token");
    // Allowed in time, asked for too late.
    allowed.poll(&house).await.refused(400, "expired_token");
    denied.poll(&house).await.refused(400, "expired_token");
}

#[tokio::test]
async fn rfc8628_3_4_a_device_code_is_good_for_its_client_and_as_it_is() {
    let house = House::open().await;
    let tv = house.television().await;
    let other = house.register_public("other", television).await;
    let device = tv.device(&house).await;
    house.browser().bring_in(&device, "alice", "allow").await.expect(200);
    let code = device.device_code.as_str();
    let (selector, _) = code.split_once('.').unwrap();
    let foreign = tv.device(&house).await.device_code;
    let (_, foreign_secret) = foreign.split_once('.').unwrap();
    let mixed = format!("{selector}.{foreign_secret}");
    other.token(&house, &[GRANT, ("device_code", code)]).await.refused(400, "invalid_grant");
    for wrong in [mixed.as_str(), selector, "x", &device.user_code] {
        tv.token(&house, &[GRANT, ("device_code", wrong)]).await.refused(400, "invalid_grant");
    }
    tv.token(&house, &[GRANT]).await.refused(400, "invalid_request");
    tv.token(&house, &[GRANT, ("device_code", code), ("device_code", code)])
        .await
        .refused(400, "invalid_request");
    // None of that spent it.
    Tokens::of(&device.poll(&house).await);
}

#[tokio::test]
async fn rfc8628_3_4_a_client_that_may_not_use_the_grant_type_gets_nothing() {
    let house = House::open().await;
    let device = house.television().await.device(&house).await;
    house.browser().bring_in(&device, "alice", "allow").await.expect(200);
    house.change_client(&device.client, |client| client.grant_types = [GrantType::RefreshToken].into()).await;
    device.poll(&house).await.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn without_the_refresh_token_grant_type_a_device_lasts_as_long_as_the_session() {
    let house = House::open().await;
    let tv = house
        .register_public("tv", |client| {
            television(client);
            client.grant_types = [GrantType::DeviceCode].into();
        })
        .await;
    let device = tv.device(&house).await;
    let mut browser = house.browser();
    browser.bring_in(&device, "alice", "allow").await.expect(200);
    let tokens = Tokens::of(&device.poll(&house).await);
    assert_eq!(tokens.refresh_token, "");
    assert_eq!(tokens.all["scope"], "films:watch openid profile");
    house.userinfo(&tokens.access_token).await.expect(200);
    let page = browser.get("/oauth2/logout").await;
    let form = [("logout", page.hidden("logout")), ("decision", "sign_out".to_owned())];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    browser.post("/sign-out", &form).await;
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn what_ends_the_grant_between_the_persons_word_and_the_poll_ends_the_device_code() {
    let house = House::open().await;
    let tv = house.television().await;
    let device = tv.device(&house).await;
    house.browser().bring_in(&device, "bob", "allow").await.expect(200);
    house.provider.set_user_disabled(&crate::house::new_ctx(None), "bob", true).await.unwrap();
    device.poll(&house).await.refused(400, "invalid_grant");
    let device = tv.device(&house).await;
    house.browser().bring_in(&device, "alice", "allow").await.expect(200);
    house.provider.remove_client(&new_ctx(None), &ClientId::parse("tv").unwrap()).await.unwrap();
    device.poll(&house).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_restart_forgets_how_often_a_device_asked_and_nothing_else() {
    let house = House::open().await;
    let device = house.television().await.device(&house).await;
    device.poll(&house).await.refused(400, "authorization_pending");
    device.poll(&house).await.refused(400, "slow_down");
    let house = house.restart().await;
    device.poll(&house).await.refused(400, "authorization_pending");
    house.browser().bring_in(&device, "alice", "allow").await.expect(200);
    let house = house.restart().await;
    Tokens::of(&device.poll(&house).await);
    let house = house.restart().await;
    device.poll(&house).await.refused(400, "invalid_grant");
}
