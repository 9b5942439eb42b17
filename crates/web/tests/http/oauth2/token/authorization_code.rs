//! `grant_type=authorization_code` (RFC 6749 section 4.1.3).

use crate::house::{House, Tokens, VERIFIER, pass, pass_seconds, tampered};
use std::time::Duration;

#[tokio::test]
async fn rfc6749_4_1_the_whole_way() {
    let house = House::open().await;
    let notes = house.notes().await;
    let code = house.browser().code_for(&notes, "alice").await;
    let answer = notes.redeem(&house, &code).await;
    // RFC 6749 section 5.1.
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    let tokens = Tokens::of(&answer);
    assert_eq!(
        (tokens.all["token_type"].as_str(), tokens.all["expires_in"].as_i64()),
        (Some("Bearer"), Some(600))
    );
    let userinfo = house.userinfo(&tokens.access_token).await.expect(200).json();
    assert_eq!(userinfo["sub"], house.user("alice").await.id.to_string());
}

#[tokio::test]
async fn rfc6749_4_1_2_a_code_is_good_once_and_its_second_use_ends_what_it_was_exchanged_for() {
    let house = House::open().await;
    let notes = house.notes().await;
    let code = house.browser().code_for(&notes, "alice").await;
    let tokens = Tokens::of(&notes.redeem(&house, &code).await);
    house.userinfo(&tokens.access_token).await.expect(200);
    notes.redeem(&house, &code).await.refused(400, "invalid_grant");
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    notes.refresh(&house, &tokens.refresh_token).await.refused(400, "invalid_grant");
    assert_eq!(notes.introspect(&house, &tokens.access_token).await.json()["active"], false);
    assert_eq!(notes.introspect(&house, &tokens.refresh_token).await.json()["active"], false);
}

#[tokio::test]
async fn rfc6749_4_1_2_replay_is_noticed_long_after_the_code_expired_and_across_a_restart() {
    let house = House::open().await;
    let notes = house.notes().await;
    let code = house.browser().code_for(&notes, "alice").await;
    let tokens = Tokens::of(&notes.redeem(&house, &code).await);
    pass_seconds(300);
    notes.redeem(&house, &code).await.refused(400, "invalid_grant");
    let house = house.restart().await;
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    notes.refresh(&house, &tokens.refresh_token).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn rfc6749_4_1_3_what_is_wrong_with_a_redemption_is_refused_and_spends_nothing() {
    let house = House::open().await;
    let notes = house.notes().await;
    let thief = house
        .register("thief", |client| client.redirect_uris = vec![notes.redirect_uri.parse().unwrap()])
        .await;
    let code = house.browser().code_for(&notes, "alice").await;
    let wrong_secret = tampered(&code, 1);
    let wrong_row = tampered(&code, 0);
    for (name, value) in [
        ("code", wrong_secret.as_str()),
        ("code", &wrong_row),
        ("code", "nonsense"),
        ("redirect_uri", "https://notes.example/other"),
        ("redirect_uri", "https://thief.example/cb"),
        ("redirect_uri", ""),
        // RFC 7636 section 4.6.
        ("code_verifier", "aBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        ("code_verifier", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_verifier", "short"),
        ("code_verifier", ""),
    ] {
        let form: Vec<_> = notes
            .redemption(&code)
            .into_iter()
            .map(|(kept, old)| if kept == name { (kept, value) } else { (kept, old) })
            .collect();
        notes.token(&house, &form).await.refused(400, "invalid_grant");
    }
    // RFC 6749 section 10.5: another client's code, with everything else right.
    thief.redeem(&house, &code).await.refused(400, "invalid_grant");
    Tokens::of(&notes.redeem(&house, &code).await);
}

#[tokio::test]
async fn rfc6749_4_1_2_a_code_lives_for_a_minute() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let (early, late) = (browser.code_for(&notes, "alice").await, browser.code_for(&notes, "alice").await);
    pass(Duration::from_millis(59_999));
    Tokens::of(&notes.redeem(&house, &early).await);
    pass(Duration::from_millis(1));
    let late = notes.redeem(&house, &late).await.refused(400, "invalid_grant");
    assert!(late.body.contains("expired"), "{}", late.body);
}

#[tokio::test]
async fn rfc7636_4_6_a_verifier_is_compared_to_the_letter() {
    let house = House::open().await;
    let notes = house.notes().await;
    let code = house.browser().code_for(&notes, "alice").await;
    for verifier in
        [format!("{VERIFIER} "), VERIFIER.to_uppercase(), format!("{VERIFIER}="), VERIFIER.repeat(3)]
    {
        let mut form = notes.redemption(&code);
        form[3].1 = &verifier;
        notes.token(&house, &form).await.refused(400, "invalid_grant");
    }
}

#[tokio::test]
async fn rfc6749_6_without_the_refresh_grant_no_refresh_token_is_issued() {
    let house = House::open().await;
    let brief = house
        .register("brief", |client| client.grant_types = [protocol::GrantType::AuthorizationCode].into())
        .await;
    assert!(brief.tokens(&house, "alice").await.all.get("refresh_token").is_none());
}

#[tokio::test]
async fn a_public_client_redeems_with_its_verifier_alone() {
    let house = House::open().await;
    let app = house.register_public("app", |_| {}).await;
    let tokens = app.tokens(&house, "alice").await;
    Tokens::of(&app.refresh(&house, &tokens.refresh_token).await);
}

#[tokio::test]
async fn rfc7636_4_1_a_malformed_verifier_is_called_malformed() {
    let house = House::open().await;
    let notes = house.notes().await;
    let code = house.browser().code_for(&notes, "alice").await;
    let long = "a".repeat(129);
    for (verifier, says) in [
        ("short", "malformed"),
        (&long, "malformed"),
        ("dBjftJeZ4CVP+mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "malformed"),
        ("aBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "does not match"),
    ] {
        let mut form = notes.redemption(&code);
        form[3].1 = verifier;
        let answer = notes.token(&house, &form).await.refused(400, "invalid_grant");
        assert!(answer.json()["error_description"].as_str().unwrap().contains(says), "{verifier}");
    }
}
