//! Clients that prove who they are by an assertion (RFC 7521 section 4.2, RFC 7523 sections 2.2 and 3).

use crate::house::{
    Answer, House, ISSUER, JWT_BEARER, Key, RelyingParty, asserting, assertion_claims, by_hmac, new_ctx, now,
    pass_seconds, post, unsigned,
};
use protocol::{AssertionAlgorithm, Client, ClientAuthentication as Method, GrantType, SigningAlgorithm};
use provider::admin::AdminError;
use serde_json::{Value, json};

const GRANT: [(&str, &str); 1] = [("grant_type", "client_credentials")];

async fn machine(house: &House, id: &str, jwks: Value, change: impl FnOnce(&mut Client)) -> RelyingParty {
    let register = |client: &mut Client| {
        client.authentication = Method::PrivateKeyJwt;
        client.grant_types = [GrantType::ClientCredentials].into();
        client.jwks = Some(jwks);
        change(client);
    };
    house.register(id, register).await
}

fn header(alg: &str, kid: &str) -> Value {
    json!({ "alg": alg, "kid": kid, "typ": "JWT" })
}

async fn presented(house: &House, assertion: &str) -> Answer {
    asserting(house, "/oauth2/token", assertion, &GRANT).await
}

#[tokio::test]
async fn rfc7523_2_2_every_algorithm_at_every_endpoint_and_one_write_for_each_assertion() {
    let house = House::open().await;
    for (alg, algorithm) in [
        ("EdDSA", SigningAlgorithm::EdDsa),
        ("ES256", SigningAlgorithm::Es256),
        ("PS256", SigningAlgorithm::Rs256),
        ("RS256", SigningAlgorithm::Rs256),
    ] {
        let (key, id) = (Key::new(algorithm, 1), format!("machine-{alg}"));
        let others = [Key::ed25519(9).jwk("e"), Key::new(SigningAlgorithm::Es256, 9).jwk("c")];
        machine(&house, &id, json!({ "keys": [key.jwk("k"), others[0], others[1]] }), |_| {}).await;
        let signed = || key.sign(&header(alg, "k"), &assertion_claims(&id, &json!({})));
        let before = house.provider.store().stats().commands;
        let answer = presented(&house, &signed()).await.expect(200).json();
        assert_eq!(house.provider.store().stats().commands, before + 1, "{alg}");
        let token = answer["access_token"].as_str().unwrap();
        let form = [("token", token), ("client_id", id.as_str())];
        let told = asserting(&house, "/oauth2/introspect", &signed(), &form).await.expect(200).json();
        assert_eq!(told["active"], true, "{alg}: {told}");
        asserting(&house, "/oauth2/revoke", &signed(), &form).await.expect(200);
        let told = asserting(&house, "/oauth2/introspect", &signed(), &form).await.expect(200).json();
        assert_eq!(told["active"], false, "{alg}: {told}");
        // The name of its algorithm is the client's to choose, once.
        let other = AssertionAlgorithm::ALL.into_iter().find(|it| it.as_str() != alg && !it.is_symmetric());
        let hold = |client: &mut Client| client.token_endpoint_auth_signing_alg = other;
        house.provider.change_client(&new_ctx(None), &id.parse().unwrap(), hold).await.unwrap();
        presented(&house, &signed()).await.refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn rfc7523_3_every_rule_of_the_claims() {
    let house = House::open().await;
    let key = Key::ed25519(1);
    machine(&house, "machine", json!({ "keys": [key.jwk("k")] }), |_| {}).await;
    machine(&house, "strict", json!({ "keys": [key.jwk("k")] }), |client| {
        client.require_issuer_audience = true
    })
    .await;
    let (at, token_endpoint) = (now().seconds(), format!("{ISSUER}/oauth2/token"));
    let cases = [
        (json!({}), true, true),
        (json!({"iat": null}), true, true),
        (json!({"aud": token_endpoint}), true, false),
        (json!({"aud": [ISSUER, token_endpoint]}), true, false),
        (json!({"aud": [ISSUER, "https://evil.example"]}), false, false),
        (json!({"aud": "https://evil.example"}), false, false),
        (json!({"aud": format!("{ISSUER}/")}), false, false),
        (json!({"aud": null}), false, false),
        (json!({"exp": null}), false, false),
        (json!({"exp": at - 30}), false, false),
        (json!({"exp": at + 3_630}), true, true),
        (json!({"exp": at + 3_631}), false, false),
        (json!({"nbf": at + 31}), false, false),
        (json!({"iat": at + 31}), false, false),
        (json!({"jti": null}), false, false),
        (json!({"jti": ""}), false, false),
        (json!({"iss": "somebody"}), false, false),
        (json!({"sub": "somebody"}), false, false),
        (json!({"iss": null}), false, false),
    ];
    for (change, usual, strict) in &cases {
        for (id, good) in [("machine", usual), ("strict", strict)] {
            let answer =
                presented(&house, &key.sign(&header("EdDSA", "k"), &assertion_claims(id, change))).await;
            if *good {
                answer.expect(200);
            } else {
                answer.refused(401, "invalid_client");
            }
        }
    }
}

#[tokio::test]
async fn rfc7523_3_7_an_assertion_is_accepted_once_whatever_happens_in_between() {
    let house = House::open().await;
    let key = Key::ed25519(1);
    machine(&house, "machine", json!({ "keys": [key.jwk("k")] }), |_| {}).await;
    machine(&house, "another", json!({ "keys": [key.jwk("k")] }), |_| {}).await;
    let signed = |id: &str, change: &Value| key.sign(&header("EdDSA", "k"), &assertion_claims(id, change));
    let once = signed("machine", &json!({"jti": "once"}));
    let at_once = house.at_once((0..8).map(|_| presented(&house, &once))).await;
    assert_eq!(at_once.iter().filter(|answer| answer.status == 200).count(), 1);
    let house = house.restart().await;
    let answer = presented(&house, &once).await.refused(401, "invalid_client");
    assert!(answer.body.contains("jti"), "{}", answer.body);
    // Its name is spent, not the assertion; and another client's names are its own.
    presented(&house, &signed("machine", &json!({"jti": "once", "exp": now().seconds() + 90})))
        .await
        .refused(401, "invalid_client");
    presented(&house, &signed("another", &json!({"jti": "once"}))).await.expect(200);
    // At the other endpoints it is just as spent.
    let form = [("token", "x")];
    asserting(&house, "/oauth2/introspect", &once, &form).await.refused(401, "invalid_client");
    // Swept when it would not be accepted anyway, with an hour to spare for clocks.
    pass_seconds(90 + 3_600);
    presented(&house, &once).await.refused(401, "invalid_client");
    let swept = house.provider.sweep(now()).await.unwrap();
    assert_eq!(swept.deleted, [("spent_assertions", 2)]);
}

#[tokio::test]
async fn rfc8725_3_signatures_that_prove_nothing() {
    let house = House::open().await;
    let (key, other) = (Key::ed25519(1), Key::ed25519(2));
    let rsa = Key::new(SigningAlgorithm::Rs256, 0);
    machine(&house, "machine", json!({ "keys": [key.jwk("k"), rsa.jwk("r")] }), |_| {}).await;
    let claims = || assertion_claims("machine", &json!({}));
    let with = |name: &str, value: Value| {
        let mut header = header("EdDSA", "k");
        header[name] = value;
        header
    };
    let mut tampered = key.sign(&header("EdDSA", "k"), &claims());
    tampered.pop();
    let public = serde_json::to_vec(&rsa.jwk("r")).unwrap();
    let nobody = assertion_claims("nobody", &json!({}));
    let wrong = [
        other.sign(&header("EdDSA", "k"), &claims()),
        other.sign(&header("EdDSA", "unknown"), &claims()),
        other.sign(&json!({"alg": "EdDSA"}), &claims()),
        key.sign(&header("EdDSA", "r"), &claims()),
        // HMAC under what everybody knows (RFC 8725 section 2.1).
        by_hmac(&public, &header("HS256", "r"), &claims()),
        by_hmac(&key.public_key(), &header("HS256", "k"), &claims()),
        unsigned(&header("none", "k"), &claims()),
        key.sign(&with("jwk", key.jwk("k")), &claims()),
        key.sign(&with("jku", "https://evil.example/jwks".into()), &claims()),
        key.sign(&with("x5c", json!(["AQID"])), &claims()),
        key.sign(&with("crit", json!(["exp"])), &claims()),
        key.sign(&with("b64", false.into()), &claims()),
        // Another kind of token, signed by the right key.
        key.sign(&with("typ", "at+jwt".into()), &claims()),
        key.sign(&with("typ", "authorization-grant+jwt".into()), &claims()),
        key.sign(&header("EdDSA", "k"), &nobody),
        tampered,
        "a.b.c".to_owned(),
        "x".repeat(20_000),
    ];
    for assertion in &wrong {
        presented(&house, assertion).await.refused(401, "invalid_client");
    }
    for typ in ["JWT", "jwt", "application/jwt", "client-authentication+jwt"] {
        presented(&house, &key.sign(&with("typ", typ.into()), &claims())).await.expect(200);
    }
    // RFC 9864 section 2.2: the other name of the same algorithm.
    presented(&house, &key.sign(&header("Ed25519", "k"), &claims())).await.expect(200);
    // RFC 7515 section 4.1.4: a key need not be named.
    presented(&house, &key.sign(&json!({"alg": "EdDSA"}), &claims())).await.expect(200);
    presented(&house, &rsa.sign(&json!({"alg": "PS256"}), &claims())).await.expect(200);
}

#[tokio::test]
async fn rfc7521_4_2_one_method_one_client_one_type() {
    let house = House::open().await;
    let key = Key::ed25519(1);
    machine(&house, "machine", json!({ "keys": [key.jwk("k")] }), |_| {}).await;
    let notes = house.notes().await;
    let signed = || key.sign(&header("EdDSA", "k"), &assertion_claims("machine", &json!({})));
    let with = async |more: &[(&str, &str)]| {
        asserting(&house, "/oauth2/token", &signed(), &[&GRANT, more].concat()).await
    };
    with(&[("client_id", "machine")]).await.expect(200);
    with(&[("client_id", "notes")]).await.refused(400, "invalid_request");
    // RFC 6749 section 2.3.
    with(&[("client_secret", "x")]).await.refused(400, "invalid_request");
    let mut both = post(
        "/oauth2/token",
        &[GRANT[0], ("client_assertion_type", JWT_BEARER), ("client_assertion", &signed())],
    );
    both.headers_mut().insert("authorization", "Basic bWFjaGluZTp4".parse().unwrap());
    house.send(both).await.refused(400, "invalid_request");
    let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    let assertion = signed();
    for (form, status, code) in [
        (&[("client_assertion_type", saml), ("client_assertion", &assertion)][..], 401, "invalid_client"),
        (&[("client_assertion", &assertion)], 400, "invalid_request"),
        (&[("client_assertion_type", JWT_BEARER), ("client_id", "machine")], 400, "invalid_request"),
    ] {
        house.post("/oauth2/token", &[&GRANT, form].concat()).await.refused(status, code);
    }
    // Nobody else's method: a name alone, a secret, an assertion for a client that has a secret.
    house.post("/oauth2/token", &[GRANT[0], ("client_id", "machine")]).await.refused(401, "invalid_client");
    let claims = assertion_claims(&notes.id, &json!({}));
    presented(&house, &by_hmac(notes.secret.as_ref().unwrap().as_bytes(), &header("HS256", "k"), &claims))
        .await
        .refused(401, "invalid_client");
}

#[tokio::test]
async fn oidc_core_9_client_secret_jwt_is_signed_under_the_secret_which_never_travels() {
    let house = House::open().await;
    let register = |client: &mut Client| {
        client.authentication = Method::ClientSecretJwt;
        client.grant_types = [GrantType::ClientCredentials].into();
    };
    let machine = house.register("machine", register).await;
    let secret = machine.secret.clone().unwrap();
    let signed = |secret: &str| {
        by_hmac(secret.as_bytes(), &json!({"alg": "HS256"}), &assertion_claims("machine", &json!({})))
    };
    presented(&house, &signed(&secret)).await.expect(200);
    presented(&house, &signed("x".repeat(43).as_str())).await.refused(401, "invalid_client");
    let once = signed(&secret);
    presented(&house, &once).await.expect(200);
    presented(&house, &once).await.refused(401, "invalid_client");
    // The secret itself is not asked for, and is in no table: only sealed.
    machine.token(&house, &GRANT).await.refused(401, "invalid_client");
    let house = house.restart().await;
    presented(&house, &signed(&secret)).await.expect(200);
    // A key pair's signature is no substitute, and a change of the registration does not lose the secret.
    let ed25519 = Key::ed25519(1);
    presented(&house, &ed25519.sign(&header("EdDSA", "k"), &assertion_claims("machine", &json!({}))))
        .await
        .refused(401, "invalid_client");
    house.change_client(&machine, |client| client.name = "Renamed".to_owned()).await;
    presented(&house, &signed(&secret)).await.expect(200);
    // A new secret replaces it at once, and another method forgets it.
    let rotated =
        house.provider.rotate_client_secret(&mut new_ctx(None), &machine.client_id()).await.unwrap();
    presented(&house, &signed(&secret)).await.refused(401, "invalid_client");
    presented(&house, &signed(&rotated)).await.expect(200);
    house.change_client(&machine, |client| client.authentication = Method::ClientSecretPost).await;
    house.change_client(&machine, |client| client.authentication = Method::ClientSecretJwt).await;
    presented(&house, &signed(&rotated)).await.refused(401, "invalid_client");
    house.provider.remove_client(&new_ctx(None), &machine.client_id()).await.unwrap();
    let secrets = house.provider.store().read(storage::server_secret::ListServerSecrets).await.unwrap();
    assert!(secrets.iter().all(|secret| !secret.name.starts_with("client-secret/")));
}

#[tokio::test]
async fn registrations_that_could_never_prove_anything_are_refused() {
    let house = House::open().await;
    let key = Key::ed25519(1);
    let good = json!({ "keys": [key.jwk("k")] });
    let mut private = good.clone();
    private["keys"][0]["d"] = "AQ".into();
    let many = json!({ "keys": vec![key.jwk("k"); 33] });
    type Change<'a> = &'a dyn Fn(&mut Client);
    let weak =
        json!({ "keys": [key.jwk("k"), { "kty": "RSA", "n": "w".repeat(171), "e": "AQAB", "kid": "weak" }] });
    let malformed = json!({ "keys": [key.jwk("k"), { "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }] });
    let cases: [(&str, Change<'_>); 11] = [
        // Keys that could never verify, and an algorithm that no key fits.
        ("weak", &|client| client.jwks = Some(weak.clone())),
        ("malformed", &|client| client.jwks = Some(malformed.clone())),
        ("RS256", &|client| client.token_endpoint_auth_signing_alg = Some(AssertionAlgorithm::Rs256)),
        ("no keys", &|client| client.jwks = None),
        ("both", &|client| client.jwks_uri = Some("https://a.example/jwks".parse().unwrap())),
        ("private", &|client| client.jwks = Some(private.clone())),
        ("empty", &|client| client.jwks = Some(json!({"keys": []}))),
        ("not a set", &|client| client.jwks = Some(json!([1]))),
        ("many", &|client| client.jwks = Some(many.clone())),
        ("HS256", &|client| client.token_endpoint_auth_signing_alg = Some(AssertionAlgorithm::Hs256)),
        ("EdDSA", &|client| {
            client.authentication = Method::ClientSecretJwt;
            client.token_endpoint_auth_signing_alg = Some(AssertionAlgorithm::EdDsa);
        }),
    ];
    let machine = machine(&house, "machine", good, |_| {}).await;
    for (what, change) in cases {
        let refused = house.provider.change_client(&new_ctx(None), &machine.client_id(), change).await;
        assert!(matches!(refused, Err(AdminError::Invalid(_))), "{what}: {refused:?}");
    }
}
