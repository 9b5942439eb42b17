//! `max_age`: how old a sign-in may be (OpenID Connect Core section 3.1.2.1).

use crate::house::{House, PASSWORD, Tokens, claims_of, now, pass_seconds};

#[tokio::test]
async fn oidc_core_3_1_2_1_a_sign_in_that_is_too_old_is_repeated() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    let young = notes.request(&[("max_age", "60")]);
    pass_seconds(59);
    assert!(!browser.authorize(&young).await.says("code").is_empty());
    pass_seconds(1);
    let page = browser.authorize(&young).await.expect(200);
    assert_eq!(page.heading(), "Sign in again as alice Example");
    let answer = browser.sign_in(&page, "alice", PASSWORD).await;
    let tokens = Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
    assert_eq!(claims_of(&tokens.id_token)["auth_time"], now().seconds());
    assert!(!browser.authorize(&young).await.says("code").is_empty());
}

#[tokio::test]
async fn oidc_core_3_1_2_1_max_age_0_always_asks_and_is_satisfied_by_the_sign_in() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    let zero = notes.request(&[("max_age", "0")]);
    for _ in 0..2 {
        let page = browser.authorize(&zero).await.expect(200);
        assert_eq!(page.heading(), "Sign in again as alice Example");
        assert!(!browser.sign_in(&page, "alice", PASSWORD).await.says("code").is_empty());
    }
}

#[tokio::test]
async fn dynamic_client_registration_2_default_max_age_holds_unless_the_request_says_otherwise() {
    let house = House::open().await;
    let notes = house.register("notes", |client| client.default_max_age = Some(60)).await;
    let mut browser = house.signed_in(&notes, "alice").await;
    pass_seconds(61);
    let page = browser.authorize(&notes.request(&[])).await.expect(200);
    assert_eq!(page.heading(), "Sign in again as alice Example");
    assert!(!browser.authorize(&notes.request(&[("max_age", "3600")])).await.says("code").is_empty());
}
