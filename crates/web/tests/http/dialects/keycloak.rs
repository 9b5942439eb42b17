//! Keycloak's paths.

use crate::house::{
    Answer, House, ISSUER, Key, RelyingParty, SESSION, Tokens, asserting, assertion_claims, claims_of,
    encoded, header_of, pass_seconds, post, tampered,
};
use axum::body::Body;
use http::{HeaderMap, Method, Request};
use protocol::{ClientAuthentication, ClientCertificate, GrantType, Scope};
use serde_json::{Value, json};

const BASES: [&str; 2] = ["/oauth2/protocol/openid-connect", "/realms/anything/protocol/openid-connect"];

async fn code(house: &House, notes: &RelyingParty, base: &str) -> String {
    let mut browser = house.browser();
    let params = notes.request(&[]);
    let pairs: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = browser.get(&format!("{base}/auth?{}", encoded(&pairs))).await.expect(200);
    let answer = browser.sign_in(&page, "alice", crate::house::PASSWORD).await;
    answer.says("code")
}

async fn userinfo(house: &House, base: &str, token: &str) -> Answer {
    let request = Request::get(format!("{base}/userinfo")).header("authorization", format!("Bearer {token}"));
    house.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_whole_way_of_a_client_configured_for_keycloak() {
    let house = House::open().await;
    house.make_every_key().await;
    let notes = house.notes().await;
    for base in BASES {
        let code = code(&house, &notes, base).await;
        let path = |name: &str| format!("{base}/{name}");
        let answer = notes.post(&house, &path("token"), &notes.redemption(&code)).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        let tokens = Tokens::of(&answer);
        let told = userinfo(&house, base, &tokens.access_token).await.expect(200).json();
        assert_eq!(told["sub"], house.user("alice").await.id.to_string());
        let keys = house.get(&path("certs")).await.expect(200);
        assert_eq!(keys.body, house.get("/oauth2/jwks").await.body);
        assert!(keys.header("cache-control").contains("max-age"));
        let token = [("token", tokens.access_token.as_str())];
        let told = notes.post(&house, &path("token/introspect"), &token).await.expect(200).json();
        assert_eq!(told["active"], true);
        notes.post(&house, &path("revoke"), &token).await.expect(200);
        userinfo(&house, base, &tokens.access_token).await.refused(401, "invalid_token");

        let refresh = [("refresh_token", tokens.refresh_token.as_str())];
        notes.post(&house, &path("logout"), &refresh).await.expect(204);
        notes.refresh(&house, &tokens.refresh_token).await.refused(400, "invalid_grant");
    }
}

#[tokio::test]
async fn a_browser_signs_out_at_keycloaks_path() {
    let house = House::open().await;
    let notes = house.notes().await;
    for base in BASES {
        let mut browser = house.browser();
        let code = browser.code_for(&notes, "alice").await;
        let tokens = Tokens::of(&notes.redeem(&house, &code).await);
        let bye = [
            ("id_token_hint", tokens.id_token.as_str()),
            ("post_logout_redirect_uri", "https://notes.example/bye"),
        ];
        let sent_on = house.send(post(&format!("{base}/logout"), &bye)).await;
        assert!(sent_on.location().starts_with("/oauth2/logout/posted?request="), "{}", sent_on.location());
        let answer = browser.get(&format!("{base}/logout?{}", encoded(&bye))).await;
        assert_eq!(answer.location(), "https://notes.example/bye");
        assert!(!browser.cookies.contains_key(SESSION));
    }
}

#[tokio::test]
async fn refusals_are_those_of_the_originals() {
    let house = House::open().await;
    let notes = house.notes().await;
    for base in BASES {
        let path = |name: &str| format!("{base}/{name}");
        let forms = [
            ("token", "/oauth2/token", vec![("grant_type", "password"), ("client_id", "notes")]),
            ("token", "/oauth2/token", vec![("grant_type", "authorization_code"), ("code", "x")]),
            ("token/introspect", "/oauth2/introspect", vec![("token", "x")]),
            ("revoke", "/oauth2/revoke", vec![("token", "x"), ("client_id", "nobody")]),
        ];
        for (name, original, form) in forms {
            let (here, there) = (house.post(&path(name), &form).await, house.post(original, &form).await);
            assert_eq!((here.status, &here.body), (there.status, &there.body), "{name}");
            assert_eq!(here.header("www-authenticate"), there.header("www-authenticate"));
        }
        let stranger = notes.post(&house, &path("logout"), &[("refresh_token", "x")]).await;
        stranger.refused(400, "invalid_grant");
        let nobody = [("refresh_token", "x"), ("client_id", "nobody")];
        house.post(&path("logout"), &nobody).await.refused(401, "invalid_client");
        let mut browser = house.browser();
        browser.get(&path("auth?client_id=nobody")).await.error_page(400);
    }
}

#[tokio::test]
async fn rfc8414_3_3_the_document_of_a_realm_tells_the_one_issuer_there_is() {
    let house = House::open().await;
    let document = house.get("/realms/anything/.well-known/openid-configuration").await.expect(200);
    assert_eq!(document.body, house.get("/.well-known/openid-configuration").await.body);
    assert_eq!(document.json()["issuer"], ISSUER);
}

const BASE: &str = "/realms/demo/protocol/openid-connect";

async fn tokens(house: &House, party: &RelyingParty, scope: &str) -> Tokens {
    let mut browser = house.browser();
    let params = party.request(&[("scope", scope)]);
    let pairs: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = browser.get(&format!("{BASE}/auth?{}", encoded(&pairs))).await.expect(200);
    let answer = browser.sign_in(&page, "alice", crate::house::PASSWORD).await;
    let path = format!("{BASE}/token");
    Tokens::of(&party.post(house, &path, &party.redemption(&answer.says("code"))).await)
}

#[tokio::test]
async fn tokens_carry_what_applications_read_there_and_answers_say_what_they_look_for() {
    let house = House::open().await;
    let notes = house.notes().await;
    let alice = house.user("alice").await;
    let tokens = tokens(&house, &notes, "openid").await;
    assert_eq!(header_of(&tokens.access_token)["typ"], "JWT");
    let (access, id) = (claims_of(&tokens.access_token), claims_of(&tokens.id_token));
    for claims in [&access, &id] {
        let told = ["azp", "preferred_username", "name", "email", "email_verified", "iss", "sub"];
        let told = told.map(|name| claims[name].clone());
        let expected = json!([
            "notes",
            "alice",
            "alice Example",
            "alice@example.org",
            true,
            ISSUER,
            alice.id.to_string()
        ]);
        assert_eq!(json!(told), expected, "{claims}");
    }
    assert_eq!((&access["typ"], &id["typ"]), (&json!("Bearer"), &json!("ID")));
    assert_eq!(access["scope"], "email openid profile");
    let refresh = claims_of(&tokens.refresh_token);
    assert_eq!(header_of(&tokens.refresh_token), json!({"alg": "HS512", "typ": "JWT"}));
    assert_eq!(
        (&refresh["typ"], &refresh["azp"], &refresh["sid"]),
        (&json!("Refresh"), &json!("notes"), &id["sid"])
    );
    let expires_in = refresh["exp"].as_i64().unwrap() - refresh["iat"].as_i64().unwrap();
    let said =
        ["refresh_expires_in", "not-before-policy", "session_state"].map(|name| tokens.all[name].clone());
    assert_eq!(json!(said), json!([expires_in, 0, id["sid"]]));
    // It is an access token here as everywhere, and no hint of an ID Token's.
    house.userinfo(&tokens.access_token).await.expect(200);
    house.get(&format!("/oauth2/logout?id_token_hint={}", tokens.access_token)).await.error_page(400);
    // Our own paths know nothing of it.
    let plain = notes.tokens(&house, "alice").await;
    assert_eq!(
        (claims_of(&plain.access_token)["azp"].clone(), plain.all["session_state"].clone()),
        (json!(null), json!(null))
    );
    assert_eq!(plain.refresh_token.split('.').count(), 2);
}

#[tokio::test]
async fn a_refresh_token_is_decoded_by_clients_and_its_claims_are_believed_by_nobody() {
    let house = House::open().await;
    let notes = house.notes().await;
    let path = |name: &str| format!("{BASE}/{name}");
    let first = tokens(&house, &notes, "openid offline_access").await;
    let claims = claims_of(&first.refresh_token);
    assert_eq!((&claims["typ"], &claims["exp"]), (&json!("Offline"), &json!(null)));
    assert_eq!(first.all["refresh_expires_in"], 0);
    let refresh = async |token: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        notes.post(&house, &path("token"), &form).await
    };
    for part in [0, 1, 2] {
        refresh(&tampered(&first.refresh_token, part)).await.refused(400, "invalid_grant");
    }
    let second = Tokens::of(&refresh(&first.refresh_token).await);
    assert_eq!(claims_of(&second.access_token)["azp"], "notes");
    let presented = [("token", second.refresh_token.as_str())];
    let told = notes.post(&house, &path("token/introspect"), &presented).await.expect(200).json();
    assert_eq!(told["active"], true);
    // What is in the envelope is a refresh token of ours.
    let inner = claims_of(&second.refresh_token)["jti"].as_str().unwrap().to_owned();
    let third = Tokens::of(&notes.refresh(&house, &inner).await);
    let fourth = Tokens::of(&refresh(&third.refresh_token).await);
    notes.post(&house, &path("revoke"), &[("token", &fourth.refresh_token)]).await.expect(200);
    refresh(&fourth.refresh_token).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_machine_is_told_that_it_has_no_refresh_token() {
    let house = House::open().await;
    let machine = house
        .register("machine", |client| {
            client.grant_types = [GrantType::ClientCredentials].into();
            client.scope = Scope::parse("orders:read").unwrap();
        })
        .await;
    let grant = [("grant_type", "client_credentials")];
    let answer = machine.post(&house, &format!("{BASE}/token"), &grant).await.expect(200).json();
    let members = ["refresh_expires_in", "not-before-policy", "session_state", "refresh_token"];
    assert_eq!(json!(members.map(|name| answer[name].clone())), json!([0, 0, null, null]));
    let claims = claims_of(answer["access_token"].as_str().unwrap());
    assert_eq!(
        (&claims["azp"], &claims["typ"], &claims["sub"]),
        (&json!("machine"), &json!("Bearer"), &json!("machine"))
    );
}

#[tokio::test]
async fn a_back_end_that_posts_a_refresh_token_to_logout_signs_the_browser_out() {
    let house = House::open().await;
    let notes = house.notes().await;
    let other = house.register("other", |_| {}).await;
    for scope in ["openid", "openid offline_access"] {
        let mut browser = house.browser();
        let answer = browser.answer_for(&notes.request(&[("scope", scope)]), "alice").await;
        let held = Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
        let beside = Tokens::of(&other.redeem(&house, &browser.code_for(&other, "alice").await).await);
        pass_seconds(1);
        let logout = format!("{BASE}/logout");
        let mut form = [("refresh_token", held.refresh_token.as_str())];
        other.post(&house, &logout, &form).await.refused(400, "invalid_grant");
        form[0].1 = "nonsense";
        notes.post(&house, &logout, &form).await.refused(400, "invalid_grant");
        assert!(!browser.authorize(&notes.request(&[("prompt", "none")])).await.says("code").is_empty());
        form[0].1 = &held.refresh_token;
        notes.post(&house, &logout, &form).await.expect(204);
        // Nobody is signed in at that browser any more, and nothing of the session goes on.
        let silent = browser.authorize(&notes.request(&[("prompt", "none")])).await;
        assert_eq!(silent.says("error"), "login_required");
        notes.refresh(&house, &held.refresh_token).await.refused(400, "invalid_grant");
        house.userinfo(&held.access_token).await.refused(401, "invalid_token");
        other.refresh(&house, &beside.refresh_token).await.refused(400, "invalid_grant");
        // A second time there is nothing left to do.
        notes.post(&house, &logout, &form).await.expect(204);
    }
}

#[tokio::test]
async fn rfc7523_3_an_assertion_is_made_out_to_the_path_it_is_presented_at() {
    let house = House::open().await;
    let key = Key::ed25519(1);
    let jwks = json!({ "keys": [key.jwk("k")] });
    for (id, strict) in [("machine", false), ("strict", true)] {
        let register = |client: &mut protocol::Client| {
            client.authentication = ClientAuthentication::PrivateKeyJwt;
            client.grant_types = [GrantType::ClientCredentials].into();
            client.jwks = Some(jwks.clone());
            client.require_issuer_audience = strict;
        };
        house.register(id, register).await;
    }
    let header = json!({"alg": "EdDSA", "kid": "k", "typ": "JWT"});
    let grant = [("grant_type", "client_credentials")];
    let at = |path: &str| format!("{ISSUER}{path}");
    let presented = async |id: &str, aud: String, path: &str| {
        let assertion = key.sign(&header, &assertion_claims(id, &json!({ "aud": aud })));
        asserting(&house, path, &assertion, &grant).await
    };
    let token = format!("{BASE}/token");
    presented("machine", at(&token), &token).await.expect(200);
    presented("machine", at("/realms/demo"), &token).await.expect(200);
    for (aud, path) in [
        (at("/realms/other/protocol/openid-connect/token"), token.as_str()),
        (at("/realms/other"), token.as_str()),
        (at(&token), "/oauth2/token"),
        ("https://evil.example/realms/demo".to_owned(), token.as_str()),
    ] {
        presented("machine", aud, path).await.refused(401, "invalid_client");
    }
    presented("strict", at(&token), &token).await.refused(401, "invalid_client");
    presented("strict", ISSUER.to_owned(), &token).await.expect(200);
}

#[tokio::test]
async fn what_stands_at_a_realms_own_address() {
    let house = House::with(|plan| plan.settings.registration_open = true).await;
    house.make_every_key().await;
    let notes = house.notes().await;
    let document = house.get("/realms/demo").await.expect(200).json();
    assert_eq!(document["realm"], "demo");
    assert_eq!(document["token-service"], format!("{ISSUER}{BASE}"));
    assert_eq!(document["account-service"], format!("{ISSUER}/realms/demo/account"));
    // An RSA key as SubjectPublicKeyInfo.
    assert!(
        document["public_key"].as_str().unwrap().starts_with("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA")
    );
    let metadata = house.get("/.well-known/oauth-authorization-server/realms/demo").await.expect(200);
    assert_eq!(metadata.json()["issuer"], ISSUER);
    assert_eq!(house.get("/realms/demo/account?referrer=notes").await.location(), "/");
    assert_eq!(house.get("/realms/demo/device?user_code=ABCD").await.location(), "/device?user_code=ABCD");
    let tokens = tokens(&house, &notes, "openid").await;
    let request = |token: &str| {
        let request = Request::get("/realms/demo/account").header("authorization", format!("Bearer {token}"));
        request.body(Body::empty()).unwrap()
    };
    let profile = house.send(request(&tokens.access_token)).await.expect(200).json();
    let alice = house.user("alice").await.id.to_string();
    assert_eq!(
        profile,
        json!({"id": alice, "username": "alice", "email": "alice@example.org", "emailVerified": true})
    );
    house.send(request("nonsense")).await.refused(401, "invalid_token");
    let params = notes.request(&[]);
    let pairs: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = house.browser().get(&format!("{BASE}/registrations?{}", encoded(&pairs))).await.expect(200);
    assert_eq!(page.heading(), "Create an account");
}

async fn framed(house: &House, name: &str, site: Option<&str>) -> Answer {
    let mut request = Request::get(format!("{BASE}/{name}"));
    if let Some(site) = site {
        request = request.header("sec-fetch-site", site);
    }
    house.send(request.body(Body::empty()).unwrap()).await.expect(200)
}

#[tokio::test]
async fn its_frames_may_be_laid_into_any_page_and_say_whether_our_cookies_come_along() {
    let house = House::open().await;
    let frame = framed(&house, "login-status-iframe.html", None).await;
    assert!(frame.header("content-security-policy").contains("frame-ancestors *"), "{:?}", frame.headers);
    for (site, cookies) in [
        (Some("same-site"), "supported"),
        (Some("same-origin"), "supported"),
        (Some("cross-site"), "unsupported"),
        (None, "unsupported"),
    ] {
        let frame = framed(&house, "3p-cookies/step1.html", site).await;
        assert!(frame.body.contains(&format!(r#"data-cookies="{cookies}""#)), "{}", frame.body);
        assert!(frame.header("content-security-policy").contains("frame-ancestors *"));
    }
    let page = house.get("/").await.expect(200);
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
}

#[tokio::test]
async fn its_frame_is_told_whether_the_session_is_still_the_same_and_only_for_pages_of_the_clients_own() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let answer = browser.answer_for(&notes.request(&[]), "alice").await;
    let sid =
        claims_of(&Tokens::of(&notes.redeem(&house, &answer.says("code")).await).id_token)["sid"].clone();
    let sid = sid.as_str().unwrap();
    let ask = |client: &str, origin: &str, known: &str| {
        let query = encoded(&[("client_id", client), ("origin", origin), ("session_state", known)]);
        format!("{BASE}/login-status-iframe.html/init?{query}")
    };
    let own = "https://notes.example";
    let mut state = async |path: String| browser.get(&path).await.expect(200).json()["state"].clone();
    assert_eq!(state(ask("notes", own, sid)).await, "unchanged");
    assert_eq!(state(ask("notes", own, "")).await, "changed");
    assert_eq!(state(ask("notes", own, "019b0000-0000-7000-8000-000000000000")).await, "changed");
    for (client, origin) in [("notes", "https://evil.example"), ("notes", "null"), ("nobody", own)] {
        browser.get(&ask(client, origin, sid)).await.expect(403);
    }
    let mut nobody = house.browser();
    assert_eq!(nobody.get(&ask("notes", own, "")).await.expect(200).json()["state"], "unchanged");
    assert_eq!(nobody.get(&ask("notes", own, sid)).await.expect(200).json()["state"], "changed");
    // Asking is no sign that somebody is there: the session ends when it was unused for long enough.
    for _ in 0..9 {
        pass_seconds(3_600);
        browser.get(&ask("notes", own, sid)).await.expect(200);
    }
    assert_eq!(browser.get(&ask("notes", own, sid)).await.json()["state"], "changed");
}

async fn cross_origin(house: &House, method: Method, path: &str, certificate: bool) -> HeaderMap {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    if certificate {
        request = request.extension(ClientCertificate::new([vec![0x30, 0]]).unwrap());
    }
    house.send(request.body(Body::empty()).unwrap()).await.headers
}

#[tokio::test]
async fn scripts_may_send_credentials_but_where_a_browser_would_add_a_certificate() {
    let house = House::open().await;
    let header = |headers: &HeaderMap, name: &str| {
        headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    for base in BASES {
        for name in ["token", "userinfo", "certs", "revoke", "auth/device"] {
            for method in [Method::OPTIONS, Method::POST] {
                let headers = cross_origin(&house, method.clone(), &format!("{base}/{name}"), false).await;
                assert_eq!(header(&headers, "access-control-allow-origin"), "https://app.example");
                assert_eq!(header(&headers, "access-control-allow-credentials"), "true", "{method} {name}");
                assert!(header(&headers, "vary").contains("origin"), "{headers:?}");
            }
            let headers = cross_origin(&house, Method::POST, &format!("{base}/{name}"), true).await;
            assert_eq!(header(&headers, "access-control-allow-credentials"), "");
        }
    }
    // A browser's session counts at none of these, and where it does, no other origin reads anything.
    let headers =
        cross_origin(&house, Method::GET, &format!("{BASE}/login-status-iframe.html/init"), false).await;
    assert_eq!(header(&headers, "access-control-allow-origin"), "");
}

#[tokio::test]
async fn profile_and_email_are_given_as_far_as_the_client_may_have_them() {
    let house = House::open().await;
    let lean = house.register("lean", |client| client.scope = Scope::parse("openid email").unwrap()).await;
    let tokens = tokens(&house, &lean, "openid").await;
    assert_eq!(tokens.all["scope"], "email openid");
    let claims: Value = claims_of(&tokens.id_token);
    assert_eq!((&claims["email"], &claims["name"]), (&json!("alice@example.org"), &json!(null)));
    // Without any scope, the client's own default.
    let mut params = lean.request(&[("scope", ""), ("prompt", "none")]);
    params.push(("response_mode", "query".to_owned()));
    let pairs: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut browser = house.signed_in(&lean, "alice").await;
    let answer = browser.get(&format!("{BASE}/auth?{}", encoded(&pairs))).await;
    assert!(!answer.says("code").is_empty(), "{answer:?}");
}
