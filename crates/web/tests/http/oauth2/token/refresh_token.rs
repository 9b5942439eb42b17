//! `grant_type=refresh_token` (RFC 6749 section 6): rotation, retries, theft (RFC 9700 section 4.14.2).

use crate::house::{House, Tokens, claims_of, pass, pass_seconds, tampered};
use std::time::Duration;

#[tokio::test]
async fn rfc6749_6_a_refresh_token_is_exchanged_for_its_successor() {
    let house = House::open().await;
    let notes = house.notes().await;
    let first = notes.tokens(&house, "alice").await;
    pass_seconds(30);
    let second = Tokens::of(&notes.refresh(&house, &first.refresh_token).await);
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_ne!(second.access_token, first.access_token);
    let (before, after) = (claims_of(&first.id_token), claims_of(&second.id_token));
    // OpenID Connect Core section 12.2.
    for same in ["iss", "sub", "aud", "auth_time", "sid", "acr", "amr"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert!(after.get("nonce").is_none());
    assert_eq!(after["iat"].as_i64().unwrap() - before["iat"].as_i64().unwrap(), 30);
    Tokens::of(&notes.refresh(&house, &second.refresh_token).await);
}

#[tokio::test]
async fn rfc9700_4_14_2_a_tab_that_renews_later_gets_the_same_successor_while_that_is_unspent() {
    let house = House::open().await;
    let notes = house.notes().await;
    let first = notes.tokens(&house, "alice").await;
    let second = Tokens::of(&notes.refresh(&house, &first.refresh_token).await);
    pass_seconds(12);
    let tab = Tokens::of(&notes.refresh(&house, &first.refresh_token).await);
    assert_eq!(tab.refresh_token, second.refresh_token);
    // As long as an access token lives.
    pass_seconds(588);
    let retried = Tokens::of(&notes.refresh(&house, &first.refresh_token).await);
    assert_eq!(retried.refresh_token, second.refresh_token);
    house.userinfo(&retried.access_token).await.expect(200);
    Tokens::of(&notes.refresh(&house, &retried.refresh_token).await);
}

#[tokio::test]
async fn rfc9700_4_14_2_the_same_successor_survives_a_restart() {
    let house = House::open().await;
    let notes = house.notes().await;
    let first = notes.tokens(&house, "alice").await;
    let second = Tokens::of(&notes.refresh(&house, &first.refresh_token).await);
    let house = house.restart().await;
    let retried = Tokens::of(&notes.refresh(&house, &first.refresh_token).await);
    assert_eq!(retried.refresh_token, second.refresh_token);
}

#[tokio::test]
async fn rfc9700_4_14_2_many_at_once_get_the_same_successor() {
    let house = House::open().await;
    for format in [protocol::AccessTokenFormat::Jwt, protocol::AccessTokenFormat::Opaque] {
        let notes =
            house.register(&format!("{format:?}"), |client| client.access_token_format = format).await;
        let first = notes.tokens(&house, "alice").await;
        let answers = house.at_once((0..8).map(|_| notes.refresh(&house, &first.refresh_token))).await;
        let answers: Vec<_> = answers.iter().map(Tokens::of).collect();
        for answer in &answers {
            assert_eq!(answer.refresh_token, answers[0].refresh_token);
            house.userinfo(&answer.access_token).await.expect(200);
        }
        Tokens::of(&notes.refresh(&house, &answers[0].refresh_token).await);
    }
}

#[tokio::test]
async fn rfc9700_4_14_2_reuse_ends_the_grant_and_its_access_tokens_at_once() {
    let house = House::open().await;
    let notes = house.register("notes", |client| client.refresh_grace = Some(10)).await;
    for after in ["the grace", "the successor was used"] {
        let first = notes.tokens(&house, "alice").await;
        let bystander = notes.tokens(&house, "alice").await;
        let mut newest = Tokens::of(&notes.refresh(&house, &first.refresh_token).await);
        if after == "the grace" {
            pass(Duration::from_millis(10_001));
        } else {
            newest = Tokens::of(&notes.refresh(&house, &newest.refresh_token).await);
        }
        house.userinfo(&newest.access_token).await.expect(200);
        notes.refresh(&house, &first.refresh_token).await.refused(400, "invalid_grant");
        notes.refresh(&house, &newest.refresh_token).await.refused(400, "invalid_grant");
        for dead in [&first.access_token, &newest.access_token] {
            house.userinfo(dead).await.refused(401, "invalid_token");
        }
        // Only that grant.
        house.userinfo(&bystander.access_token).await.expect(200);
        Tokens::of(&notes.refresh(&house, &bystander.refresh_token).await);
        pass_seconds(1);
    }
}

#[tokio::test]
async fn rfc9700_4_14_2_the_grace_is_a_setting_and_a_clients_own_and_never_longer_than_an_access_token() {
    let house = House::with(|plan| plan.settings.refresh_grace = Some(Duration::from_secs(30))).await;
    for (id, lifetime, grace, expected) in [
        ("as set", None, None, 30),
        ("its own", None, Some(5), 5),
        ("long", Some(60), Some(3_600), 60),
        ("short-lived", Some(20), None, 20),
        ("none", None, Some(0), 0),
    ] {
        let client = house
            .register(id, |client| {
                (client.access_token_lifetime, client.refresh_grace) = (lifetime, grace);
            })
            .await;
        let first = client.tokens(&house, "alice").await;
        Tokens::of(&client.refresh(&house, &first.refresh_token).await);
        pass_seconds(expected);
        Tokens::of(&client.refresh(&house, &first.refresh_token).await);
        pass(Duration::from_millis(1));
        client.refresh(&house, &first.refresh_token).await.refused(400, "invalid_grant");
    }
}

#[tokio::test]
async fn rfc9700_4_14_a_confidential_client_may_keep_its_refresh_token() {
    let house = House::open().await;
    let lived = 2 * 86_400;
    let script = house
        .register("script", |client| {
            client.rotate_refresh_tokens = false;
            client.refresh_token_lifetime = Some(lived);
        })
        .await;
    let first = script.tokens_for(&house, "alice", &[("scope", "openid offline_access")]).await;
    let used = house.provider.store().stats().commands;
    for _ in 0..3 {
        let again = Tokens::of(&script.refresh(&house, &first.refresh_token).await);
        assert_eq!(again.refresh_token, first.refresh_token);
        house.userinfo(&again.access_token).await.expect(200);
    }
    assert_eq!(house.provider.store().stats().commands, used, "nothing is written for each use");
    // Used, it lives on; unused, it expires; revoked, it is over.
    for _ in 0..3 {
        pass_seconds(u64::from(lived) - 1);
        Tokens::of(&script.refresh(&house, &first.refresh_token).await);
    }
    let other = script.tokens_for(&house, "alice", &[("scope", "openid offline_access")]).await;
    script.revoke(&house, &other.refresh_token).await.expect(200);
    script.refresh(&house, &other.refresh_token).await.refused(400, "invalid_grant");
    // Told to rotate again, it does.
    house.change_client(&script, |client| client.rotate_refresh_tokens = true).await;
    let next = Tokens::of(&script.refresh(&house, &first.refresh_token).await);
    assert_ne!(next.refresh_token, first.refresh_token);
    pass_seconds(u64::from(lived));
    script.refresh(&house, &next.refresh_token).await.refused(400, "invalid_grant");

    // A public client's is always rotated.
    let app = house.register_public("app", |_| {}).await;
    let keep = |client: &mut protocol::Client| client.rotate_refresh_tokens = false;
    let refused = house.provider.change_client(&crate::house::new_ctx(None), &app.client_id(), keep).await;
    assert!(matches!(refused, Err(provider::admin::AdminError::Invalid(why)) if why.contains("4.14")));
}

#[tokio::test]
async fn rfc6749_10_4_a_refresh_token_is_good_for_its_client_only() {
    let house = House::open().await;
    let notes = house.notes().await;
    let thief = house.register("thief", |_| {}).await;
    let tokens = notes.tokens(&house, "alice").await;
    thief.refresh(&house, &tokens.refresh_token).await.refused(400, "invalid_grant");
    for wrong in
        [&tampered(&tokens.refresh_token, 0), &tampered(&tokens.refresh_token, 1), &tokens.access_token, "x"]
    {
        notes.refresh(&house, wrong).await.refused(400, "invalid_grant");
    }
    Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
}

#[tokio::test]
async fn rfc6749_6_scope_may_be_narrowed_but_never_widened() {
    let house = House::open().await;
    let notes = house.notes().await;
    let first = notes.tokens_for(&house, "alice", &[("scope", "openid email profile")]).await;
    let ask = |token: &str, scope: &'static str| {
        let token = token.to_owned();
        let (notes, house) = (&notes, &house);
        async move {
            let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("scope", scope)];
            notes.token(house, &form).await
        }
    };
    ask(&first.refresh_token, "phone").await.refused(400, "invalid_scope");
    ask(&first.refresh_token, "open\"id").await.refused(400, "invalid_scope");
    // What was not granted is left out: applications send the scope they are set up with.
    let narrow = Tokens::of(&ask(&first.refresh_token, "openid email phone").await);
    assert_eq!(narrow.all["scope"], "email openid");
    let userinfo = house.userinfo(&narrow.access_token).await.expect(200).json();
    assert!(userinfo.get("email").is_some() && userinfo.get("name").is_none(), "{userinfo}");
    // The grant stays as wide as it was.
    let wide = Tokens::of(&notes.refresh(&house, &narrow.refresh_token).await);
    assert_eq!(wide.all["scope"], "email openid profile");
    let without = Tokens::of(&ask(&wide.refresh_token, "email").await);
    assert_eq!(without.id_token, "");
    house.userinfo(&without.access_token).await.refused(403, "insufficient_scope");
}

#[tokio::test]
async fn rfc6749_6_an_unused_refresh_token_expires_and_a_used_one_goes_on() {
    let house = House::open().await;
    let day = 86_400;
    let notes = house.register("notes", |client| client.refresh_token_lifetime = Some(2 * 86_400)).await;
    let idle = notes.tokens_for(&house, "alice", &[("scope", "openid offline_access")]).await;
    let mut used = notes.tokens_for(&house, "alice", &[("scope", "openid offline_access")]).await;
    for _ in 0..2 {
        pass_seconds(day);
        used = Tokens::of(&notes.refresh(&house, &used.refresh_token).await);
    }
    notes.refresh(&house, &idle.refresh_token).await.refused(400, "invalid_grant");
    Tokens::of(&notes.refresh(&house, &used.refresh_token).await);
}

#[tokio::test]
async fn a_grant_with_offline_access_ends_after_half_a_year_however_often_it_is_refreshed() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut tokens = notes.tokens_for(&house, "alice", &[("scope", "openid offline_access")]).await;
    for _ in 0..9 {
        pass_seconds(86_400 * 20 - 1);
        tokens = Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
    }
    // Its last access token ends with it.
    assert_eq!(tokens.all["expires_in"], 9);
    pass_seconds(9);
    notes.refresh(&house, &tokens.refresh_token).await.refused(400, "invalid_grant");
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn oidc_core_11_without_offline_access_a_grant_ends_with_its_session() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let online = Tokens::of(&notes.redeem(&house, &browser.code_for(&notes, "alice").await).await);
    let answer = browser.authorize(&notes.request(&[("scope", "openid offline_access")])).await;
    let offline = Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
    pass_seconds(1);
    let logout = format!("/oauth2/logout?id_token_hint={}", online.id_token);
    browser.get(&logout).await.expect(200);
    notes.refresh(&house, &online.refresh_token).await.refused(400, "invalid_grant");
    house.userinfo(&online.access_token).await.refused(401, "invalid_token");
    house.userinfo(&offline.access_token).await.expect(200);
    Tokens::of(&notes.refresh(&house, &offline.refresh_token).await);
}
