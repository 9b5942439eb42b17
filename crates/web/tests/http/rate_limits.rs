//! How often one address may ask.

use crate::house::{House, PASSWORD, post};
use axum::body::Body;
use http::Request;
use std::net::IpAddr;
use web::server::rate_limit::{Budgets, RateLimits};

async fn limited(requests_per_second: u32, sign_ins_per_minute: u32) -> House {
    let budgets = Budgets {
        requests_per_second: requests_per_second.try_into().unwrap(),
        sign_ins_per_minute: sign_ins_per_minute.try_into().unwrap(),
    };
    House::with(|plan| plan.rate_limits = RateLimits::new(budgets)).await
}

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));
const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 10));

fn get(path: &str, accept: &str) -> Request<Body> {
    Request::get(path).header("accept", accept).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn rfc6585_4_too_many_requests_are_told_when_to_come_back() {
    let house = limited(1, 1_000).await;
    for _ in 0..10 {
        house.send_from(HERE, get("/", "text/html")).await.expect(200);
    }
    let page = house.send_from(HERE, get("/", "text/html")).await.error_page(429);
    assert!(page.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(page.body.contains("try again in "), "{}", page.body);
    let mut token = post("/oauth2/token", &[]);
    token.headers_mut().insert("origin", "https://app.example".parse().unwrap());
    let answer = house.send_from(HERE, token).await.refused(429, "temporarily_unavailable");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    let devices = post("/oauth2/device_authorization", &[]);
    house.send_from(HERE, devices).await.refused(429, "temporarily_unavailable");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    // A script can read it.
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example");
    // Others go on, and so do those who watch over the house.
    house.send_from(ELSEWHERE, get("/", "text/html")).await.expect(200);
    house.send_from(HERE, get("/health/live", "*/*")).await.expect(200);
    assert_eq!(house.send_from(HERE, get(web::assets::STYLESHEET.path, "text/css")).await.status, 429);
}

#[tokio::test]
async fn forms_that_try_passwords_have_a_budget_of_their_own() {
    let house = limited(1_000, 2).await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    browser.sign_in(&page, "alice", "wrong").await.expect(400);
    browser.sign_in(&page, "bob", "wrong").await.expect(400);
    let before = house.provider.hash_pool().stats().hashes;
    let refused = browser.sign_in(&page, "alice", PASSWORD).await.error_page(429);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(house.provider.hash_pool().stats().hashes, before);
    // It is one budget for all of them; looking costs nothing.
    browser.post("/sign-up", &[]).await.error_page(429);
    browser.post("/setup", &[]).await.error_page(429);
    browser.get(&format!("/sign-in?interaction={}", page.hidden("interaction"))).await.expect(200);
    // Giving up is no attempt.
    let interaction = page.hidden("interaction");
    assert_eq!(
        browser.post("/sign-in/cancel", &[("interaction", &interaction)]).await.says("error"),
        "access_denied"
    );
}
