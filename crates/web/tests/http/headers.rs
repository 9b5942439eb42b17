//! What every answer carries: security headers, caching, CORS.

use crate::house::{Answer, House, post};
use axum::body::Body;
use http::{Method, Request};

async fn one_of_each(house: &House) -> Vec<(&'static str, Answer)> {
    house.make_every_key().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    vec![
        ("/", browser.get("/").await),
        ("/nowhere", browser.get("/nowhere").await),
        ("/health/live", house.get("/health/live").await),
        ("/oauth2/authorize", browser.authorize(&notes.request(&[])).await),
        ("/oauth2/authorize redirect", browser.authorize(&notes.request(&[("prompt", "none")])).await),
        ("/oauth2/authorize error", browser.get("/oauth2/authorize").await),
        ("/oauth2/token", house.post("/oauth2/token", &[]).await),
        ("/oauth2/device_authorization", house.post("/oauth2/device_authorization", &[]).await),
        ("/device", browser.get("/device?user_code=WDJB-MJHT").await),
        ("/oauth2/userinfo", house.get("/oauth2/userinfo").await),
        ("/oauth2/logout", browser.get("/oauth2/logout").await),
        ("/oauth2/jwks", house.get("/oauth2/jwks").await),
        ("/.well-known/openid-configuration", house.get("/.well-known/openid-configuration").await),
        ("/assets", house.get(web::assets::STYLESHEET.path).await),
        ("405", house.get("/oauth2/token").await),
    ]
}

#[tokio::test]
async fn every_answer_keeps_browsers_on_the_safe_side() {
    let house = House::open().await;
    for (what, answer) in one_of_each(&house).await {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("strict-transport-security", "max-age=63072000"),
        ] {
            assert_eq!(answer.header(name), value, "{what}: {name}");
        }
        let cacheable = ["/oauth2/jwks", "/.well-known/openid-configuration", "/assets"].contains(&what);
        assert_eq!(answer.header("cache-control") == "no-store", !cacheable, "{what}");
        if answer.header("content-type").starts_with("text/html") {
            let policy = answer.header("content-security-policy");
            for part in
                ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "script-src 'self'"]
            {
                assert!(policy.contains(part), "{what}: {policy}");
            }
            assert!(!policy.contains("unsafe") && !policy.contains('*'), "{what}: {policy}");
            assert!(
                !answer.body.contains("<script>")
                    && !answer.body.contains(" style=")
                    && !answer.body.contains(" onclick=")
            );
        }
    }
}

#[tokio::test]
async fn rfc9700_4_16_a_forms_answer_may_lead_only_where_the_client_is() {
    let house = House::open().await;
    let notes = house.notes().await;
    let app = house
        .register_public("app", |client| client.redirect_uris = vec!["com.example.app:/cb".parse().unwrap()])
        .await;
    let policy = async |client: &crate::house::RelyingParty| {
        house.browser().authorize(&client.request(&[])).await.header("content-security-policy").to_owned()
    };
    assert!(policy(&notes).await.contains("form-action 'self' https:;"));
    assert!(policy(&app).await.contains("form-action 'self' com.example.app:;"));
    assert!(house.get("/").await.header("content-security-policy").contains("form-action 'self';"));
}

#[tokio::test]
async fn fetch_cors_scripts_of_any_origin_may_call_what_needs_no_cookie() {
    let house = House::open().await;
    house.make_every_key().await;
    let from = |mut request: Request<Body>| {
        request.headers_mut().insert("origin", "https://spa.example".parse().unwrap());
        request
    };
    let get = |path| from(Request::get(path).body(Body::empty()).unwrap());
    for request in [
        get("/.well-known/openid-configuration"),
        get("/.well-known/oauth-authorization-server"),
        get("/oauth2/jwks"),
        get("/oauth2/userinfo"),
        from(post("/oauth2/token", &[])),
        from(post("/oauth2/revoke", &[])),
    ] {
        let path = request.uri().to_string();
        let answer = house.send(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        // With `*` browsers send no cookies; it must never be joined by this one.
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
    }
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/oauth2/token")
        .header("origin", "https://spa.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let answer = house.send(preflight.body(Body::empty()).unwrap()).await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
    for path in ["/", "/oauth2/authorize", "/oauth2/logout", "/oauth2/introspect", "/sign-in"] {
        assert_eq!(house.send(get(path)).await.header("access-control-allow-origin"), "", "{path}");
    }
}
