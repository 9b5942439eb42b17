//! `/oauth2/userinfo` (OpenID Connect Core section 5.3, RFC 6750).

use crate::house::{Forge, House, claims_of, encoded, header_of, now, pass, post, tampered, unsigned};
use axum::body::Body;
use http::Request;
use protocol::AccessTokenId;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn oidc_core_5_4_each_scope_opens_its_claims() {
    let house = House::open().await;
    let notes = house.notes().await;
    let alice = house.user("alice").await;
    let mut expected = json!({ "sub": alice.id.to_string() });
    let plain = notes.tokens(&house, "alice").await;
    assert_eq!(house.userinfo(&plain.access_token).await.expect(200).json(), expected);
    let wide = notes.tokens_for(&house, "alice", &[("scope", "openid profile email phone address")]).await;
    let more = json!({
        "name": "alice Example", "nickname": "alicey", "preferred_username": "alice", "updated_at": alice.updated_at.seconds(),
        "email": "alice@example.org", "email_verified": true, "phone_number": "+1 555 0100",
    });
    expected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = house.userinfo(&wide.access_token).await.expect(200);
    assert_eq!(answer.json(), expected);
    assert_eq!(
        (answer.header("content-type"), answer.header("cache-control")),
        ("application/json", "no-store")
    );
}

#[tokio::test]
async fn rfc6750_2_the_token_comes_in_the_header_or_the_form_but_not_in_both_nor_in_the_query() {
    let house = House::open().await;
    let notes = house.notes().await;
    let token = notes.tokens(&house, "alice").await.access_token;
    let bearer = format!("Bearer {token}");
    let with_header = |mut request: Request<Body>| {
        request.headers_mut().insert("authorization", bearer.parse().unwrap());
        request
    };
    house.send(with_header(Request::post("/oauth2/userinfo").body(Body::empty()).unwrap())).await.expect(200);
    house.post("/oauth2/userinfo", &[("access_token", &token)]).await.expect(200);
    let both = with_header(post("/oauth2/userinfo", &[("access_token", &token)]));
    house.send(both).await.refused(400, "invalid_request");
    let lower = Request::get("/oauth2/userinfo").header("authorization", format!("bearer {token}"));
    house.send(lower.body(Body::empty()).unwrap()).await.expect(200);
    // RFC 6750 section 2.3 allows the query; RFC 9700 section 4.3.2 forbids it.
    let answer =
        house.get(&format!("/oauth2/userinfo?{}", encoded(&[("access_token", &token)]))).await.expect(401);
    // RFC 6750 section 3.1: a request without a token hears no error code.
    assert_eq!((answer.header("www-authenticate"), answer.body.as_str()), (r#"Bearer realm="doorward""#, ""));
}

/// The forge's tokens are as good as the house's own, so that each of the others fails for its one fault.
struct Forged {
    forge: Forge,
    claims: serde_json::Value,
}

impl Forged {
    async fn from(house: &House, access_token: &str) -> Self {
        let forged = Self { forge: Forge::of(house).await, claims: claims_of(access_token) };
        house.userinfo(&forged.forge.sign(&forged.forge.header("at+jwt"), &forged.claims)).await.expect(200);
        forged
    }

    /// With one member of the header changed.
    fn headed(&self, name: &str, value: serde_json::Value) -> String {
        let mut header = self.forge.header("at+jwt");
        header[name] = value;
        self.forge.sign(&header, &self.claims)
    }

    /// With one claim changed.
    fn claiming(&self, name: &str, value: serde_json::Value) -> String {
        let mut claims = self.claims.clone();
        claims[name] = value;
        self.forge.sign(&self.forge.header("at+jwt"), &claims)
    }
}

async fn refused(house: &House, token: &str, what: &str) {
    let answer = house.userinfo(token).await;
    assert_eq!(
        (answer.status.as_u16(), answer.error().as_str()),
        (401, "invalid_token"),
        "{what}: {}",
        answer.body
    );
    let challenge = answer.header("www-authenticate");
    assert!(
        challenge.starts_with(r#"Bearer realm="doorward", error="invalid_token""#),
        "{what}: {challenge}"
    );
}

#[tokio::test]
async fn rfc8725_3_1_a_token_is_what_we_signed_and_as_we_sign() {
    let house = House::open().await;
    let notes = house.notes().await;
    let good = notes.tokens(&house, "alice").await.access_token;
    let forged = Forged::from(&house, &good).await;
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("ES256")),
        ("typ", json!("JWT")),
        ("crit", json!(["exp"])),
        ("jwk", json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" })),
        ("jku", json!("https://evil.example/jwks")),
        ("x5c", json!(["AAAA"])),
        ("kid", json!("nobody")),
        ("kid", json!(null)),
    ] {
        refused(&house, &forged.headed(name, value), name).await;
    }
    // The key of another algorithm.
    let es256 = house
        .register("es256", |client| {
            client.access_token_signed_response_alg = Some(protocol::SigningAlgorithm::Es256)
        })
        .await;
    let kid = header_of(&es256.tokens(&house, "alice").await.access_token)["kid"].clone();
    refused(&house, &forged.headed("kid", kid), "another key").await;
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("exp", forged.claims["iat"].clone()),
        ("client_id", json!("nobody")),
        ("jti", json!("x")),
        ("sub", json!(null)),
    ] {
        refused(&house, &forged.claiming(name, value), name).await;
    }
    let bare = json!({ "alg": "none", "typ": "at+jwt" });
    refused(&house, &unsigned(&bare, &forged.claims), "unsigned").await;
}

#[tokio::test]
async fn rfc6750_3_1_a_bad_token_is_refused_with_a_challenge() {
    let house = House::open().await;
    let notes = house.notes().await;
    let tokens = notes.tokens(&house, "alice").await;
    let good = tokens.access_token.as_str();
    let (head, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    for (bad, what) in [
        ("nonsense".to_owned(), "no token"),
        (tampered(good, 0), "another header"),
        (tampered(good, 1), "another payload"),
        (tampered(good, 2), "another signature"),
        (format!("{head}.{payload}."), "no signature"),
        (format!("{head}.{payload}"), "two parts"),
        (format!("{good}.{signature}"), "four parts"),
        (format!("{good}="), "padding"),
        (tokens.id_token.clone(), "an ID Token"),
        (tokens.refresh_token.clone(), "a refresh token"),
        ("a".repeat(20_000), "far too long"),
    ] {
        refused(&house, &bad, what).await;
    }
    for scheme in ["Basic bm90ZXM6eA==", "Bearer", "Bearer a b", "Token x"] {
        let request = Request::get("/oauth2/userinfo").header("authorization", scheme);
        house.send(request.body(Body::empty()).unwrap()).await.refused(401, "invalid_token");
    }
}

#[tokio::test]
async fn a_token_of_a_revoked_grant_is_over_whenever_it_was_issued() {
    let house = House::open().await;
    let notes = house.notes().await;
    let tokens = notes.tokens(&house, "alice").await;
    let forged = Forged::from(&house, &tokens.access_token).await;
    // Issued by a request a moment ahead of the one that revokes.
    let ahead = AccessTokenId::new(now() + Duration::from_secs(1), [7; 10]);
    let ahead = forged.claiming("jti", json!(ahead.to_string()));
    assert_eq!(notes.introspect(&house, &ahead).await.json()["active"], true);
    notes.revoke(&house, &tokens.refresh_token).await.expect(200);
    assert_eq!(notes.introspect(&house, &ahead).await.json()["active"], false);
    refused(&house, &ahead, "revoked").await;
}

#[tokio::test]
async fn rfc6750_3_1_an_access_token_ends_at_its_time_also_when_it_was_seen_before() {
    let house = House::open().await;
    let notes = house.notes().await;
    let token = notes.tokens(&house, "alice").await.access_token;
    pass(Duration::from_millis(599_999));
    house.userinfo(&token).await.expect(200);
    pass(Duration::from_millis(1));
    house.userinfo(&token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn oidc_core_5_3_without_openid_there_is_nothing_to_tell() {
    let house = House::open().await;
    let notes = house.notes().await;
    let tokens = notes.tokens_for(&house, "alice", &[("scope", "email")]).await;
    let answer = house.userinfo(&tokens.access_token).await.refused(403, "insufficient_scope");
    assert!(answer.header("www-authenticate").contains(r#"scope="openid""#));
}

#[tokio::test]
async fn rfc8707_2_a_token_asked_for_to_be_presented_elsewhere_opens_none_of_our_own_apis() {
    let house = House::open().await;
    let service = house.acme().await;
    let (orders, mail) = ("https://orders.example", "https://mail.example");
    let notes = house
        .register("notes", |client| {
            client.service = Some(service);
            client.audience = vec![orders.into(), mail.into(), crate::house::ISSUER.into()];
        })
        .await;
    house.join_acme("alice").await;
    let ask = |path: &str, token: &str| {
        let method = if path.starts_with("/auth-server") { http::Method::POST } else { http::Method::GET };
        let bearer = format!("Bearer {token}");
        let request = Request::builder().method(method).uri(path).header("authorization", bearer);
        house.send(request.body(Body::empty()).unwrap())
    };
    let doors = ["/oauth2/userinfo", "/api/user", "/api/subscription", "/auth-server/v1/oauth/validate"];
    // Without resource it is the client's default audience, whoever is in it; with the issuer named it is for us.
    let plain = notes.tokens(&house, "alice").await.access_token;
    house.change_client(&notes, |client| client.audience = vec![orders.into(), mail.into()]).await;
    let default = notes.tokens(&house, "alice").await.access_token;
    house.change_client(&notes, |client| client.audience.push(crate::house::ISSUER.into())).await;
    let ours = notes.tokens_for(&house, "alice", &[("resource", crate::house::ISSUER)]).await.access_token;
    let theirs = notes.tokens_for(&house, "alice", &[("resource", orders)]).await;
    let code = house.browser().code_for(&notes, "alice").await;
    let mut form = notes.redemption(&code);
    form.push(("resource", orders));
    let narrowed = crate::house::Tokens::of(&notes.token(&house, &form).await);
    // As long as the client is for that alone, too.
    house.change_client(&notes, |client| client.audience = vec![orders.into()]).await;
    let only = notes.tokens_for(&house, "alice", &[("resource", orders)]).await.access_token;
    for path in doors {
        for token in [&plain, &default, &ours] {
            assert_eq!(ask(path, token).await.status, 200, "{path}");
        }
        for token in [&theirs.access_token, &narrowed.access_token, &only] {
            assert_eq!(ask(path, token).await.status, 401, "{path}");
        }
    }
    // It is good where it was asked for.
    assert_eq!(notes.introspect(&house, &theirs.access_token).await.json()["active"], true);
}
