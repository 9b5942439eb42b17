//! Keycloak's paths.

use crate::house::{Answer, House, ISSUER, RelyingParty, SESSION, Tokens, encoded, post};
use axum::body::Body;
use http::Request;

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
        assert_eq!(sent_on.location(), format!("/oauth2/logout?{}", encoded(&bye)));
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
