//! `/oauth2/userinfo` (OpenID Connect Core section 5.3, RFC 6750).

use crate::house::{Forge, House, claims_of, encoded, pass, post, tampered};
use axum::body::Body;
use http::Request;
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

#[tokio::test]
async fn rfc6750_3_1_a_bad_token_is_refused_with_a_challenge() {
    let house = House::open().await;
    let notes = house.notes().await;
    let tokens = notes.tokens(&house, "alice").await;
    let good = tokens.access_token.as_str();
    let forge = Forge::of(&house).await;
    let (header, claims) = (forge.header("at+jwt"), claims_of(good));
    // The forge's tokens are as good as the house's own, so each of the others fails for its one fault.
    house.userinfo(&forge.sign(&header, &claims)).await.expect(200);
    let with = |name: &str, value: serde_json::Value| {
        let mut header = header.clone();
        header[name] = value;
        forge.sign(&header, &claims)
    };
    let claiming = |name: &str, value: serde_json::Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        forge.sign(&header, &claims)
    };
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
        (crate::house::unsigned(&json!({ "alg": "none", "typ": "at+jwt" }), &claims), "alg none, unsigned"),
        (with("alg", json!("none")), "alg none"),
        (with("alg", json!("HS256")), "HMAC"),
        (with("alg", json!("ES256")), "another algorithm"),
        (with("typ", json!("JWT")), "the type of an ID Token"),
        (with("crit", json!(["exp"])), "a critical extension"),
        (with("jwk", json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" })), "a key of its own"),
        (with("jku", json!("https://evil.example/jwks")), "a place to fetch a key"),
        (with("x5c", json!(["AAAA"])), "a certificate of its own"),
        (with("kid", json!("nobody")), "an unknown key"),
        (forge.sign(&json!({ "alg": "EdDSA", "typ": "at+jwt" }), &claims), "no key"),
        (claiming("iss", json!("https://evil.example")), "another issuer"),
        (claiming("exp", json!(claims["iat"])), "expired"),
        (claiming("client_id", json!("nobody")), "a client that does not exist"),
        (claiming("jti", json!("x")), "no id"),
        (tokens.id_token.clone(), "an ID Token"),
        (tokens.refresh_token.clone(), "a refresh token"),
        ("a".repeat(20_000), "far too long"),
    ] {
        let answer = house.userinfo(&bad).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.body);
        assert_eq!(answer.error(), "invalid_token", "{what}");
        assert!(
            answer
                .header("www-authenticate")
                .starts_with(r#"Bearer realm="doorward", error="invalid_token""#),
            "{what}"
        );
    }
    // The key of another algorithm.
    let es256 = house
        .register("es256", |client| {
            client.access_token_signed_response_alg = protocol::SigningAlgorithm::Es256
        })
        .await;
    let kid = crate::house::header_of(&es256.tokens(&house, "alice").await.access_token)["kid"].clone();
    house.userinfo(&with("kid", kid)).await.refused(401, "invalid_token");
    for scheme in ["Basic bm90ZXM6eA==", "Bearer", "Bearer a b", "Token x", "\u{7f}"] {
        let mut request = Request::get("/oauth2/userinfo").body(Body::empty()).unwrap();
        request.headers_mut().insert(
            "authorization",
            http::HeaderValue::from_bytes(scheme.as_bytes()).unwrap_or(http::HeaderValue::from_static("x")),
        );
        house.send(request).await.refused(401, "invalid_token");
    }
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
