//! What every form has in common: no parameter twice, one content type, a bounded body, and a store that may be away.

use crate::house::{House, PASSWORD, post};
use axum::body::Body;
use http::Request;

const JSON: [&str; 5] = [
    "/oauth2/token",
    "/oauth2/device_authorization",
    "/oauth2/introspect",
    "/oauth2/revoke",
    "/oauth2/userinfo",
];
const PAGES: [&str; 10] = [
    // With one parameter twice it can still know whom to tell: see its own tests.
    "/oauth2/authorize",
    "/oauth2/logout",
    "/sign-in",
    "/sign-in/cancel",
    "/consent",
    "/select-account",
    "/device",
    "/sign-out",
    "/sign-up",
    "/setup",
];

#[tokio::test]
async fn rfc6749_3_1_no_parameter_comes_twice_anywhere() {
    let house = House::open().await;
    for name in ["token", "interaction", "client_id", "decision", "x"] {
        let twice = [(name, "1"), (name, "1")];
        for path in JSON {
            let answer = house.post(path, &twice).await.refused(400, "invalid_request");
            assert!(answer.body.contains("more than once"), "{path}: {}", answer.body);
        }
        for path in PAGES {
            let page = house.post(path, &twice).await.error_page(400);
            let told = page.body.contains("more than once") || path == "/oauth2/authorize";
            assert!(told, "{path}: {}", page.body);
        }
    }
}

#[tokio::test]
async fn a_form_is_a_form_and_has_an_end() {
    let house = House::open().await;
    let long = "x".repeat(64 * 1024 + 1);
    for path in JSON {
        let json =
            Request::post(path).header("content-type", "application/json").body(Body::from("{}")).unwrap();
        house.send(json).await.refused(400, "invalid_request");
        house.post(path, &[("x", &long)]).await.refused(400, "invalid_request");
    }
    for path in PAGES {
        let json =
            Request::post(path).header("content-type", "application/json").body(Body::from("{}")).unwrap();
        house.send(json).await.error_page(400);
        house.post(path, &[("x", &long)]).await.error_page(400);
        let bytes = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        house.send(bytes.body(Body::from("x=%ff%fe")).unwrap()).await.error_page(400);
    }
}

#[tokio::test]
async fn when_the_store_is_away_everybody_is_told_to_come_back() {
    let house = House::open().await;
    let notes = house.notes().await;
    let code = house.browser().code_for(&notes, "alice").await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    house.provider.store().close().await;
    let answer = notes.redeem(&house, &code).await.refused(503, "temporarily_unavailable");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    let answer = house.browser().authorize(&notes.request(&[])).await.error_page(503);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    browser.sign_in(&page, "alice", PASSWORD).await.error_page(503);
    // Nobody is told what exactly is wrong.
    assert!(
        !answer.body.to_lowercase().contains("sql") && !answer.body.contains("closed"),
        "{}",
        answer.body
    );
    house.send(post("/oauth2/revoke", &[("token", "x")])).await.refused(401, "invalid_client");
}
