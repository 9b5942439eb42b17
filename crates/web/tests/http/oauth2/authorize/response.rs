//! How the answer to an authorization request travels.

use crate::house::{House, ISSUER, Tokens, attribute};

#[tokio::test]
async fn oauth_multiple_response_types_2_1_the_answer_travels_as_asked() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    for (mode, before_the_answer) in [
        ("", "https://notes.example/cb?code="),
        ("query", "https://notes.example/cb?code="),
        ("fragment", "https://notes.example/cb#code="),
    ] {
        let answer = browser.authorize(&notes.request(&[("response_mode", mode)])).await;
        assert!(answer.location().starts_with(before_the_answer), "{}", answer.location());
        assert_eq!((answer.says("state"), answer.says("iss")), ("st-1".into(), ISSUER.into()));
        Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
    }
}

#[tokio::test]
async fn oauth_form_post_response_mode_2_the_browser_posts_the_answer() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    let page = browser.authorize(&notes.request(&[("response_mode", "form_post")])).await.expect(200);
    assert_eq!(attribute(&page.body, "form method=\"post\"", "action").unwrap(), notes.redirect_uri);
    assert_eq!((page.says("state"), page.says("iss")), ("st-1".into(), ISSUER.into()));
    assert!(!page.header("content-security-policy").contains("form-action"));
    Tokens::of(&notes.redeem(&house, &page.says("code")).await);

    let refused = notes.request(&[("response_mode", "form_post"), ("prompt", "none"), ("max_age", "0")]);
    let page = browser.authorize(&refused).await.expect(200);
    assert_eq!((page.says("error"), page.says("iss")), ("login_required".into(), ISSUER.into()));
}

#[tokio::test]
async fn rfc9207_2_the_issuer_stands_in_errors_too() {
    let house = House::open().await;
    let notes = house.notes().await;
    for mode in ["query", "fragment"] {
        let request = notes.request(&[("response_mode", mode), ("prompt", "none")]);
        let answer = house.browser().authorize(&request).await;
        assert_eq!(answer.says("error"), "login_required");
        assert_eq!((answer.says("state"), answer.says("iss")), ("st-1".into(), ISSUER.into()));
    }
}

#[tokio::test]
async fn rfc6749_4_1_2_state_comes_back_to_the_letter_and_only_if_it_came() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    for state in [
        "a b&c=d#e?f%20+",
        "ünï\u{1F511}",
        "\"><script>alert(1)</script>",
        "x\r\nSet-Cookie: a=b\r\n\r\n<html>",
    ] {
        for mode in ["query", "fragment", "form_post"] {
            let answer =
                browser.authorize(&notes.request(&[("state", state), ("response_mode", mode)])).await;
            assert_eq!(answer.says("state"), state);
            // Nothing of it becomes a header or a tag of ours.
            assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 0);
            assert!(!answer.body.contains("<script>alert"), "{}", answer.body);
        }
    }
    let without = browser.authorize(&notes.request(&[("state", "")])).await;
    assert!(!without.location().contains("state"), "{}", without.location());
}

#[tokio::test]
async fn rfc6749_3_1_2_the_query_of_a_redirect_uri_is_kept() {
    let house = House::open().await;
    let notes = house
        .register("notes", |client| {
            client.redirect_uris = vec!["https://notes.example/cb?tenant=1".parse().unwrap()]
        })
        .await;
    let answer = house.browser().answer_for(&notes.request(&[]), "alice").await;
    assert!(
        answer.location().starts_with("https://notes.example/cb?tenant=1&code="),
        "{}",
        answer.location()
    );
    Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
}

#[tokio::test]
async fn rfc9700_4_12_no_redirect_repeats_a_posted_password() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    // `location()` demands 303.
    let answer = browser.sign_in(&page, "alice", crate::house::PASSWORD).await;
    assert!(answer.location().starts_with("https://notes.example/cb?"), "{}", answer.location());
}

#[tokio::test]
async fn a_custom_scheme_is_redirected_to() {
    let house = House::open().await;
    let app = house
        .register_public("app", |client| client.redirect_uris = vec!["com.example.app:/cb".parse().unwrap()])
        .await;
    let answer = house.browser().answer_for(&app.request(&[]), "alice").await;
    assert!(answer.location().starts_with("com.example.app:/cb?code="), "{}", answer.location());
    Tokens::of(&app.redeem(&house, &answer.says("code")).await);
}
