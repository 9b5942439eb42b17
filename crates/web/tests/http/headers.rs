//! What every answer carries: security headers, caching, CORS.

use crate::house::{Answer, House, PASSWORD, post};
use axum::body::Body;
use http::{Method, Request};
use protocol::ConsentPolicy;

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
            ("strict-transport-security", "max-age=63072000"),
        ] {
            assert_eq!(answer.header(name), value, "{what}: {name}");
        }
        let with_opener = what.starts_with("/oauth2/authorize") || what == "/oauth2/logout";
        let opener = if with_opener { "unsafe-none" } else { "same-origin" };
        assert_eq!(answer.header("cross-origin-opener-policy"), opener, "{what}");
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

/// Each page and redirect from the client's request to its answer, sign-out included.
async fn on_the_way(house: &House) -> Vec<(&'static str, Answer)> {
    let notes = house.register("notes", |client| client.consent = ConsentPolicy::Required).await;
    let mut browser = house.browser();
    let sign_in = browser.authorize(&notes.request(&[])).await;
    let handle = sign_in.hidden("interaction");
    let sign_up = browser.get(&format!("/sign-up?interaction={handle}")).await;
    let wrong = browser.sign_in(&sign_in, "alice", "wrong").await;
    let form = [("interaction", handle.as_str()), ("username", "alice"), ("password", PASSWORD)];
    let signed_in = browser.post("/sign-in", &form).await;
    let consent = browser.followed(signed_in.clone()).await;
    let form = [("interaction", handle.as_str()), ("decision", "allow")];
    let answered = browser.post("/consent", &form).await;
    let over = browser.get(&format!("/interaction?interaction={handle}")).await;
    let posted = browser.authorize(&notes.request(&[("response_mode", "form_post")])).await;
    let choose = browser.authorize(&notes.request(&[("prompt", "select_account")])).await;
    let sign_out = browser.get("/oauth2/logout").await;
    vec![
        ("sign-in", sign_in),
        ("sign-up", sign_up),
        ("a wrong password", wrong),
        ("signed in", signed_in),
        ("consent", consent),
        ("answered", answered),
        ("over", over),
        ("form_post", posted),
        ("select account", choose),
        ("sign-out", sign_out),
        ("no client", browser.get("/oauth2/authorize?client_id=nobody").await),
    ]
}

#[tokio::test]
async fn a_popup_keeps_its_opener_on_every_page_of_an_authorization() {
    let house = House::with(|plan| plan.settings.registration_open = true).await;
    for (what, answer) in on_the_way(&house).await {
        // At the first page or redirect that carries `same-origin` browsers cut the tie for good.
        assert_eq!(answer.header("cross-origin-opener-policy"), "unsafe-none", "{what}");
    }
    for path in ["/", "/setup", "/device"] {
        assert_eq!(house.get(path).await.header("cross-origin-opener-policy"), "same-origin", "{path}");
    }
}

#[tokio::test]
async fn a_forms_answer_may_lead_anywhere_where_a_client_is_answered_and_stays_here_elsewhere() {
    let house = House::with(|plan| plan.settings.registration_open = true).await;
    for (what, answer) in on_the_way(&house).await {
        if answer.status == 303 || ["over", "no client"].contains(&what) {
            continue;
        }
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("form-action"), "{what}: {policy}");
    }
    for path in ["/", "/device", "/setup", "/oauth2/authorize"] {
        let policy = house.get(path).await.header("content-security-policy").to_owned();
        assert!(policy.contains("form-action 'self';"), "{path}: {policy}");
    }
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
        // A cache that keeps one origin's answer must not give it to another (Fetch standard, section 3.3.6).
        assert_eq!(answer.header("access-control-allow-origin"), "https://spa.example", "{path}");
        assert_eq!(answer.header("vary"), "origin", "{path}");
        // It must never be joined by this one: without it browsers send no cookies.
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
        let exposed = answer.header("access-control-expose-headers");
        for name in ["dpop-nonce", "www-authenticate", "retry-after"] {
            assert!(exposed.contains(name), "{path}: {exposed}");
        }
    }
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/oauth2/token")
        .header("origin", "https://spa.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let answer = house.send(preflight.body(Body::empty()).unwrap()).await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), "https://spa.example");
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    let allowed: Vec<_> = answer.header("access-control-allow-headers").split(',').collect();
    for name in [
        "authorization",
        "content-type",
        "dpop",
        "mcp-protocol-version",
        "x-requested-with",
        "traceparent",
        "cache-control",
    ] {
        assert!(allowed.contains(&name), "{name}: {allowed:?}");
    }
    for path in ["/", "/oauth2/authorize", "/oauth2/logout", "/oauth2/introspect", "/sign-in"] {
        assert_eq!(house.send(get(path)).await.header("access-control-allow-origin"), "", "{path}");
    }
}
