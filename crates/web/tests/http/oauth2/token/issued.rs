//! What tokens say, and how long they say it.

use crate::house::{House, ISSUER, Tokens, claims_of, header_of, now, pass_seconds};
use crypto::{TokenType, sha256};
use protocol::{AccessTokenFormat, AccessTokenType, SigningAlgorithm};
use serde_json::json;

#[tokio::test]
async fn oidc_core_2_an_id_token_says_who_signed_in_when_how_and_for_whom() {
    let house = House::open().await;
    let notes = house.notes().await;
    let signed_in_at = now().seconds();
    let mut browser = house.browser();
    let code = browser.answer_for(&notes.request(&[("nonce", "n-0S6_WzA2Mj")]), "alice").await.says("code");
    pass_seconds(5);
    let tokens = Tokens::of(&notes.redeem(&house, &code).await);
    let mut claims = claims_of(&tokens.id_token);
    let access = claims_of(&tokens.access_token);
    let claims = claims.as_object_mut().unwrap();
    let (at_hash, sid) = (claims.remove("at_hash").unwrap(), claims.remove("sid").unwrap());
    assert_eq!(
        serde_json::Value::Object(claims.clone()),
        json!({
            "iss": ISSUER,
            "sub": house.user("alice").await.id.to_string(),
            "aud": "notes",
            "iat": signed_in_at + 5,
            "exp": signed_in_at + 5 + 600,
            "auth_time": signed_in_at,
            "nonce": "n-0S6_WzA2Mj",
            "acr": "urn:doorward:acr:password",
            "amr": ["pwd"],
        })
    );
    assert_eq!(sid, access["sid"]);
    assert_eq!(at_hash, crypto::left_half_hash(SigningAlgorithm::EdDsa, &tokens.access_token));
    assert!(house.provider.keyring().verify(&tokens.id_token, TokenType::IdToken).is_ok());
    assert_eq!(header_of(&tokens.id_token)["typ"], "JWT");
}

#[tokio::test]
async fn oidc_core_15_1_every_algorithm_signs() {
    use base64::Engine as _;
    let house = House::open().await;
    house.make_every_key().await;
    for algorithm in SigningAlgorithm::ALL {
        let client = house
            .register(algorithm.as_str(), |client| {
                client.id_token_signed_response_alg = algorithm;
                client.access_token_signed_response_alg = Some(algorithm);
            })
            .await;
        let tokens = client.tokens(&house, "alice").await;
        assert_eq!(header_of(&tokens.id_token)["alg"], algorithm.as_str());
        assert_eq!(header_of(&tokens.access_token)["alg"], algorithm.as_str());
        assert!(house.provider.keyring().verify(&tokens.id_token, TokenType::IdToken).is_ok());
        house.userinfo(&tokens.access_token).await.expect(200);
        if algorithm != SigningAlgorithm::EdDsa {
            // OpenID Connect Core section 3.1.3.6: the left half of the SHA-256.
            let half = &sha256(tokens.access_token.as_bytes())[..16];
            let at_hash = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(half);
            assert_eq!(claims_of(&tokens.id_token)["at_hash"], at_hash);
        }
    }
}

#[tokio::test]
async fn rfc9068_2_2_an_access_token_says_who_may_do_what_where() {
    let house = House::open().await;
    let notes = house.register("notes", |client| client.access_token_lifetime = Some(90)).await;
    let tokens = notes.tokens_for(&house, "alice", &[("scope", "openid email")]).await;
    // RFC 9068 section 2.1.
    assert_eq!(header_of(&tokens.access_token)["typ"], "at+jwt");
    let claims = claims_of(&tokens.access_token);
    let expected = json!({
        "iss": ISSUER,
        "sub": house.user("alice").await.id.to_string(),
        // RFC 9068 section 3: a default resource.
        "aud": ISSUER,
        "iat": now().seconds(),
        "exp": now().seconds() + 90,
        "client_id": "notes",
        "scope": "email openid",
        "auth_time": now().seconds(),
        "acr": "urn:doorward:acr:password",
        "amr": ["pwd"],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&claims[name], value, "{name}");
    }
    assert_eq!(tokens.all["expires_in"], 90);
    let other = notes.tokens(&house, "alice").await;
    assert_ne!(claims["jti"], claims_of(&other.access_token)["jti"]);
}

#[tokio::test]
async fn rfc9068_3_the_audience_is_the_registered_one() {
    let house = House::open().await;
    let one = house.register("one", |client| client.audience = vec!["https://api.example".into()]).await;
    let two = house.register("two", |client| client.audience = vec!["a".into(), "b".into()]).await;
    assert_eq!(claims_of(&one.tokens(&house, "alice").await.access_token)["aud"], "https://api.example");
    assert_eq!(claims_of(&two.tokens(&house, "alice").await.access_token)["aud"], json!(["a", "b"]));
}

#[tokio::test]
async fn an_opaque_access_token_tells_nothing_and_works_the_same() {
    let house = House::open().await;
    let notes =
        house.register("notes", |client| client.access_token_format = AccessTokenFormat::Opaque).await;
    let tokens = notes.tokens(&house, "alice").await;
    assert_eq!(tokens.access_token.split('.').count(), 2);
    house.userinfo(&tokens.access_token).await.expect(200);
    let told = notes.introspect(&house, &tokens.access_token).await.json();
    assert_eq!((&told["active"], &told["client_id"]), (&json!(true), &json!("notes")));
    // Another secret for the same row.
    house.userinfo(&crate::house::tampered(&tokens.access_token, 1)).await.refused(401, "invalid_token");
    let house = house.restart().await;
    house.userinfo(&tokens.access_token).await.expect(200);
    let next = Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
    house.userinfo(&next.access_token).await.expect(200);
    pass_seconds(600);
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn no_access_token_lives_longer_than_a_day_or_its_session() {
    let house =
        House::with(|plan| plan.settings.session_lifetime = std::time::Duration::from_secs(120)).await;
    let notes = house.register("notes", |client| client.access_token_lifetime = Some(86_400)).await;
    assert_eq!(notes.tokens(&house, "alice").await.all["expires_in"], 120);
    let offline = notes.tokens_for(&house, "alice", &[("scope", "openid offline_access")]).await;
    assert_eq!(offline.all["expires_in"], 86_400);
}

#[tokio::test]
async fn oidc_core_5_5_claims_are_answered_where_they_were_asked_for() {
    let house = House::open().await;
    let notes = house.register("notes", |client| client.id_token_claims = false).await;
    let ask = json!({
        "id_token": { "email": { "essential": true }, "password_hash": null },
        "userinfo": { "nickname": null, "phone_number": null },
    });
    let tokens = notes.tokens_for(&house, "alice", &[("claims", &ask.to_string())]).await;
    let id_token = claims_of(&tokens.id_token);
    assert_eq!(id_token["email"], "alice@example.org");
    assert!(id_token.get("nickname").is_none() && id_token.get("password_hash").is_none());
    let userinfo = house.userinfo(&tokens.access_token).await.expect(200).json();
    assert_eq!((&userinfo["nickname"], &userinfo["phone_number"]), (&json!("alicey"), &json!("+1 555 0100")));
    assert!(userinfo.get("email").is_none(), "{userinfo}");
    // And again on refresh.
    let again = Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
    assert_eq!(claims_of(&again.id_token)["email"], "alice@example.org");
}

#[tokio::test]
async fn oidc_core_5_4_an_id_token_carries_the_claims_of_the_scopes_granted_unless_it_is_to_be_lean() {
    let house = House::open().await;
    let notes = house.notes().await;
    let scope = [("scope", "openid profile email phone")];
    let first = notes.tokens_for(&house, "alice", &scope).await;
    let again = Tokens::of(&notes.refresh(&house, &first.refresh_token).await);
    for id_token in [&first.id_token, &again.id_token] {
        let claims = claims_of(id_token);
        for (name, value) in [
            ("name", json!("alice Example")),
            ("preferred_username", json!("alice")),
            ("nickname", json!("alicey")),
            ("email", json!("alice@example.org")),
            ("email_verified", json!(true)),
            ("phone_number", json!("+1 555 0100")),
        ] {
            assert_eq!(claims[name], value, "{name}");
        }
    }
    // Of the scopes granted only.
    let some = claims_of(&notes.tokens_for(&house, "alice", &[("scope", "openid email")]).await.id_token);
    assert!(some.get("email").is_some() && some.get("name").is_none(), "{some}");
    house.change_client(&notes, |client| client.id_token_claims = false).await;
    let lean = claims_of(&notes.tokens_for(&house, "alice", &scope).await.id_token);
    assert!(lean.get("email").is_none() && lean.get("name").is_none(), "{lean}");
}

#[tokio::test]
async fn an_access_token_carries_claims_where_its_client_or_every_audience_is_registered_for_it() {
    let house = House::open().await;
    let api = |name: &str| format!("https://{name}.example");
    for (name, claims) in [("mail", true), ("files", true), ("plain", false)] {
        let identifier = protocol::ResourceIndicator::parse(&api(name)).unwrap();
        let mut server = protocol::ResourceServer::new(identifier, name);
        server.access_token_claims = claims;
        house.provider.add_resource_server(&crate::house::new_ctx(None), server).await.unwrap();
    }
    let notes =
        house.register("notes", |client| client.audience = ["mail", "files", "plain"].map(api).into()).await;
    for (asked, carries) in
        [(&["mail"][..], true), (&["mail", "files"], true), (&["plain"], false), (&["mail", "plain"], false)]
    {
        let mut request = notes.request(&[("scope", "openid email")]);
        request.extend(asked.iter().map(|name| ("resource", api(name))));
        let answer = house.browser().answer_for(&request, "alice").await;
        let tokens = Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
        let claims = claims_of(&tokens.access_token);
        assert_eq!(claims.get("email").is_some(), carries, "{asked:?}: {claims}");
        assert!(claims.get("name").is_none(), "{claims}");
    }
    house.change_client(&notes, |client| client.access_token_claims = true).await;
    let tokens = notes.tokens_for(&house, "alice", &[("scope", "openid profile")]).await;
    let claims = claims_of(&tokens.access_token);
    assert_eq!((&claims["name"], claims.get("email")), (&json!("alice Example"), None));
    // What it carries is no part of what introspection tells of it.
    let told = notes.introspect(&house, &tokens.access_token).await.json();
    assert!(told["active"] == true && told.get("name").is_none(), "{told}");
}

#[tokio::test]
async fn rfc8725_3_12_an_access_token_that_says_jwt_is_told_from_an_id_token() {
    let house = House::open().await;
    let old = house
        .register("old", |client| {
            client.access_token_type = AccessTokenType::Jwt;
            // As Spring's resource servers often have it.
            client.audience = vec!["old".into(), ISSUER.into()];
        })
        .await;
    let tokens = old.tokens(&house, "alice").await;
    assert_eq!(header_of(&tokens.access_token)["typ"], "JWT");
    assert_eq!(claims_of(&tokens.access_token)["typ"], "Bearer");
    house.userinfo(&tokens.access_token).await.expect(200);
    assert_eq!(old.introspect(&house, &tokens.access_token).await.json()["active"], true);
    house.userinfo(&tokens.id_token).await.refused(401, "invalid_token");
    // And the other way round.
    let hint = old.request(&[("id_token_hint", &tokens.access_token)]);
    assert_eq!(house.browser().authorize(&hint).await.says("error"), "invalid_request");
    // For one resource server alone.
    let api = protocol::ResourceIndicator::parse("https://spring.example").unwrap();
    let mut server = protocol::ResourceServer::new(api, "Spring");
    server.access_token_type = AccessTokenType::Jwt;
    house.provider.add_resource_server(&crate::house::new_ctx(None), server).await.unwrap();
    let audience = ["https://spring.example", "https://other.example"].map(str::to_owned);
    let notes = house.register("notes", |client| client.audience = audience.into()).await;
    for (resource, typ) in [("https://spring.example", "JWT"), ("https://other.example", "at+jwt")] {
        let tokens = notes.tokens_for(&house, "alice", &[("resource", resource)]).await;
        assert_eq!(header_of(&tokens.access_token)["typ"], typ, "{resource}");
    }
}

#[tokio::test]
async fn a_client_that_chose_nothing_has_its_access_tokens_signed_as_the_installation_says() {
    for (set, expected) in [(None, "ES256"), (Some(SigningAlgorithm::EdDsa), "EdDSA")] {
        let house = House::with(|plan| {
            if let Some(algorithm) = set {
                plan.settings.access_token_alg = algorithm;
            }
        })
        .await;
        let notes = house.notes().await;
        assert_eq!(header_of(&notes.tokens(&house, "alice").await.access_token)["alg"], expected);
    }
}
