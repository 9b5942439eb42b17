//! `id_token_hint` and a `sub` asked for by value: the answer is about that subject, or there is none.

use crate::house::{Forge, House, PASSWORD, Tokens, claims_of, pass_seconds, tampered};
use serde_json::json;

#[tokio::test]
async fn oidc_core_3_1_2_2_the_hinted_subject_gets_an_answer_even_if_the_hint_has_expired() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let hint = Tokens::of(&notes.redeem(&house, &browser.code_for(&notes, "alice").await).await).id_token;
    pass_seconds(3_600);
    let silent = notes.request(&[("id_token_hint", &hint), ("prompt", "none")]);
    assert!(!browser.authorize(&silent).await.says("code").is_empty());
}

#[tokio::test]
async fn oidc_core_3_1_2_2_another_subject_gets_none() {
    let house = House::open().await;
    let notes = house.notes().await;
    let hint = notes.tokens(&house, "alice").await.id_token;
    let alice = house.user("alice").await.id.to_string();
    let claims = json!({ "id_token": { "sub": { "value": alice } } }).to_string();
    for named in [("id_token_hint", hint.as_str()), ("claims", &claims)] {
        let mut browser = house.signed_in(&notes, "bob").await;
        let silent = browser.authorize(&notes.request(&[named, ("prompt", "none")])).await;
        assert_eq!(silent.says("error"), "login_required");
        // Asked, bob cannot answer for alice, but alice can.
        let page = browser.authorize(&notes.request(&[named])).await.expect(200);
        assert!(page.heading().contains("Sign in to "), "{}", page.heading());
        let answer = browser.sign_in(&page, "bob", PASSWORD).await;
        assert_eq!((answer.says("error"), answer.says("code")), ("login_required".into(), String::new()));
        let page = browser.authorize(&notes.request(&[named])).await.expect(200);
        let answer = browser.sign_in(&page, "alice", PASSWORD).await;
        let tokens = Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
        assert_eq!(claims_of(&tokens.id_token)["sub"], alice);
    }
}

#[tokio::test]
async fn after_a_wrong_password_nobody_else_is_named() {
    let house = House::open().await;
    let notes = house.notes().await;
    let hint = notes.tokens(&house, "alice").await.id_token;
    let mut browser = house.signed_in(&notes, "bob").await;
    let page = browser.authorize(&notes.request(&[("id_token_hint", &hint)])).await.expect(200);
    let again = browser.sign_in(&page, "alice", "wrong").await.expect(400);
    assert_eq!(again.heading(), page.heading());
}

#[tokio::test]
async fn oidc_core_3_1_2_1_only_an_id_token_issued_to_this_client_here_is_a_hint() {
    let house = House::open().await;
    let notes = house.notes().await;
    let other = house.register("other", |_| {}).await;
    let good = notes.tokens(&house, "alice").await;
    let forge = Forge::of(&house).await;
    let claims = claims_of(&good.id_token);
    let header = forge.header("JWT");
    // The forge's tokens are as good as the house's own, so each of the others fails for its one fault.
    let forged = forge.sign(&header, &claims);
    let silent = |hint: &str| notes.request(&[("id_token_hint", hint), ("prompt", "none")]);
    let mut browser = house.signed_in(&notes, "alice").await;
    assert!(!browser.authorize(&silent(&forged)).await.says("code").is_empty());

    let with = |name: &str, value: serde_json::Value| {
        let mut header = header.clone();
        header[name] = value;
        forge.sign(&header, &claims)
    };
    let mut elsewhere = claims.clone();
    elsewhere["iss"] = json!("https://evil.example");
    for (hint, what) in [
        (other.tokens(&house, "alice").await.id_token, "another client's"),
        (good.access_token.clone(), "an access token"),
        (forge.sign(&forge.header("at+jwt"), &claims), "typed as an access token"),
        (tampered(&good.id_token, 1), "another payload"),
        (tampered(&good.id_token, 2), "another signature"),
        (forge.sign(&header, &elsewhere), "another issuer"),
        (with("alg", json!("none")), "alg none"),
        (with("alg", json!("ES256")), "another algorithm"),
        (with("kid", json!("nobody")), "an unknown key"),
        (with("crit", json!(["exp"])), "a critical extension"),
        (with("jwk", json!({ "kty": "OKP" })), "a key of its own"),
    ] {
        assert_eq!(browser.authorize(&silent(&hint)).await.says("error"), "invalid_request", "{what}");
    }
    let both = json!({ "id_token": { "sub": { "value": "somebody-else" } } }).to_string();
    let answer =
        browser.authorize(&notes.request(&[("id_token_hint", &good.id_token), ("claims", &both)])).await;
    assert_eq!(answer.says("error"), "invalid_request");
}
