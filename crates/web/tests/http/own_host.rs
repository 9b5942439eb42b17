//! Which name a request may come by (RFC 9110 section 15.5.20).

use crate::house::{Answer, Browser, House, Tokens, pass_seconds, post};
use axum::body::Body;
use http::{Method, Request};
use web::server::ForwardedHost;

async fn by(house: &House, host: &str, mut request: Request<Body>) -> Answer {
    request.headers_mut().insert("host", host.parse().unwrap());
    house.send(request).await
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn rfc9110_15_5_20_pages_are_at_the_issuers_host_only() {
    let house = House::open().await;
    house.make_every_key().await;
    let notes = house.notes().await;
    let asked = notes.request(&[]);
    let pairs: Vec<_> = asked.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let authorize = format!("/oauth2/authorize?{}", crate::house::encoded(&pairs));
    let pages = [
        "/",
        "/sign-in",
        "/sign-up",
        "/setup",
        "/device",
        "/interaction",
        "/oauth2/logout",
        "/oauth2/protocol/openid-connect/auth",
        "/realms/any/protocol/openid-connect/logout",
        &authorize,
    ];
    for path in pages {
        for host in [
            "evil.example",
            "id.example.evil.example",
            "127.0.0.1:8080",
            "localhost",
            "id.example.",
            "doorward",
        ] {
            let answer = by(&house, host, get(path)).await.expect(421);
            assert!(answer.cookies().is_empty() && answer.header("location").is_empty(), "{host} {path}");
        }
        for host in ["id.example", "ID.example:443", "id.example:8443"] {
            assert_ne!(by(&house, host, get(path)).await.status, 421, "{host} {path}");
        }
    }
    for path in ["/sign-in", "/consent", "/sign-out", "/oauth2/authorize", "/select-account"] {
        by(&house, "evil.example", post(path, &[])).await.expect(421);
    }
    // A browser gets a page that leads on.
    let mut browser = get("/");
    browser.headers_mut().insert("accept", "text/html".parse().unwrap());
    let page = by(&house, "evil.example", browser).await.expect(421);
    assert!(page.body.contains("https://id.example"), "{}", page.body);
}

#[tokio::test]
async fn rfc9110_15_5_20_programs_call_by_any_name() {
    let house = House::open().await;
    house.make_every_key().await;
    for host in ["doorward:8080", "10.0.0.5", "localhost:8080"] {
        for path in [
            "/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server",
            "/oauth2/jwks",
            "/.well-known/jwks.json",
            "/oauth2/.well-known/jwks.json",
            "/oauth2/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server/realms/any",
            "/realms/any",
            "/realms/any/.well-known/openid-configuration",
            "/realms/any/protocol/openid-connect/certs",
            "/oauth2/protocol/openid-connect/certs",
            "/health/live",
            "/health/ready",
        ] {
            by(&house, host, get(path)).await.expect(200);
        }
        let keycloaks = ["token", "token/introspect", "revoke", "auth/device", "userinfo"];
        let keycloaks = ["/realms/any", "/oauth2"]
            .map(|base| keycloaks.map(|name| format!("{base}/protocol/openid-connect/{name}")));
        let others = [
            "/oauth2/token",
            "/oauth2/introspect",
            "/oauth2/revoke",
            "/oauth2/device_authorization",
            "/oauth2/userinfo",
            "/auth-server/v1/oauth/token",
            "/auth-server/v1/oauth/validate",
            "/auth-server/v1/oauth/revoke",
            "/auth/device/code",
            "/auth/device/verify",
            "/auth/token",
            "/api/auth/logout",
            "/api/auth/refresh",
        ];
        for path in keycloaks.iter().flatten().map(String::as_str).chain(others) {
            assert_ne!(by(&house, host, post(path, &[])).await.status, 421, "{host} {path}");
        }
        by(&house, host, get("/oauth2/userinfo")).await.expect(401);
        by(&house, host, get("/oauth2/validate")).await.expect(403);
    }
}

/// A client's back end brings a token instead of cookies, and need not know the issuer's name.
#[tokio::test]
async fn rfc9110_15_5_20_a_back_end_signs_people_out_by_any_name_and_a_browser_by_the_issuers_only() {
    let house = House::open().await;
    let notes = house.notes().await;
    for base in ["/oauth2", "/realms/any/protocol/openid-connect", "/oauth2/protocol/openid-connect"] {
        let logout = format!("{base}/logout");
        let mut browser = house.browser();
        let signed_in = async |browser: &mut Browser<'_>| {
            let code = browser.code_for(&notes, "alice").await;
            Tokens::of(&notes.redeem(&house, &code).await)
        };
        let over = async |browser: &mut Browser<'_>| {
            let silent = browser.authorize(&notes.request(&[("prompt", "none")])).await;
            silent.says("error") == "login_required"
        };

        // Its hint in the URL.
        let held = signed_in(&mut browser).await;
        let hint = format!("{logout}?id_token_hint={}", held.id_token);
        let mut with_a_cookie = get(&hint);
        with_a_cookie.headers_mut().insert("cookie", "__Host-doorward-session=x".parse().unwrap());
        by(&house, "doorward:8080", with_a_cookie).await.expect(421);
        assert!(!over(&mut browser).await);
        by(&house, "doorward:8080", get(&hint)).await.expect(200);
        assert!(over(&mut browser).await, "{logout}");

        // Its hint in a form.
        pass_seconds(1);
        let held = signed_in(&mut browser).await;
        let form = [("id_token_hint", held.id_token.as_str())];
        let led_on = by(&house, "doorward:8080", post(&logout, &form)).await;
        by(&house, "doorward:8080", get(led_on.location())).await.expect(200);
        assert!(over(&mut browser).await, "{logout}");

        // A browser's form, and its address of before.
        by(&house, "evil.example", get(&logout)).await.expect(421);
        by(&house, "evil.example", post(&logout, &[])).await.expect(421);
        let posted = house.send(post(&logout, &[])).await;
        by(&house, "evil.example", get(posted.location())).await.expect(421);
    }

    // Keycloak's way: its refresh token.
    for base in ["/realms/any/protocol/openid-connect", "/oauth2/protocol/openid-connect"] {
        pass_seconds(1);
        let mut browser = house.browser();
        let code = browser.code_for(&notes, "alice").await;
        let held = Tokens::of(&notes.redeem(&house, &code).await);
        let secret = notes.secret.as_deref().unwrap();
        let form =
            [("client_id", &*notes.id), ("client_secret", secret), ("refresh_token", &held.refresh_token)];
        by(&house, "keycloak:8080", post(&format!("{base}/logout"), &form)).await.expect(204);
        let silent = browser.authorize(&notes.request(&[("prompt", "none")])).await;
        assert_eq!(silent.says("error"), "login_required");
    }
}

#[tokio::test]
async fn a_trusted_proxy_that_calls_by_an_inner_name_may_say_by_which_one_it_was_called() {
    let house = House::open().await;
    for (forwarded, status) in
        [("id.example", 200), ("ID.example:443", 200), ("evil.example", 421), ("", 421)]
    {
        let mut request = get("/");
        request.extensions_mut().insert(ForwardedHost(forwarded.into()));
        by(&house, "doorward:8080", request).await.expect(status);
    }
    // Anybody else's word stays in its header.
    let mut request = get("/");
    request.headers_mut().insert("x-forwarded-host", "id.example".parse().unwrap());
    by(&house, "doorward:8080", request).await.expect(421);
}

#[tokio::test]
async fn rfc6761_6_3_on_this_machine_every_loopback_name_is_ours() {
    let house = House::with(|plan| plan.settings.issuer = "http://localhost:8080".to_owned()).await;
    for host in ["localhost:8080", "127.0.0.1:9000", "[::1]:8080", "id.localhost", "LOCALHOST"] {
        by(&house, host, get("/")).await.expect(200);
    }
    for host in ["evil.example", "localhost.evil.example", "10.0.0.1:8080", "0.0.0.0:8080"] {
        by(&house, host, get("/")).await.expect(421);
    }
    let options = Request::builder().method(Method::OPTIONS).uri("/sign-in").body(Body::empty()).unwrap();
    by(&house, "evil.example", options).await.expect(421);
}
