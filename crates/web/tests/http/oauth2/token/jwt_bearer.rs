//! The JWT bearer grant type (RFC 7523 section 2.1): another issuer vouches for a user.

use crate::house::{Answer, House, ISSUER, Key, RelyingParty, assertion_claims, claims_of, new_ctx, now};
use protocol::{AccessTokenFormat, AssertionIssuer, Client, GrantType, Scope, SubjectMapping};
use provider::admin::AdminError;
use serde_json::{Value, json};

const THEM: &str = "https://ci.example";

fn issuer(key: &Key, subject: SubjectMapping) -> AssertionIssuer {
    AssertionIssuer {
        issuer: THEM.to_owned(),
        jwks: Some(json!({ "keys": [key.jwk("k")] })),
        jwks_uri: None,
        clients: ["deployer".parse().unwrap()].into(),
        subject,
        scope: Scope::parse("openid offline_access profile deploy:read deploy:write").unwrap(),
    }
}

async fn deployer(house: &House, id: &str, change: impl FnOnce(&mut Client)) -> RelyingParty {
    let register = |client: &mut Client| {
        client.grant_types = [GrantType::JwtBearer].into();
        client.scope = Scope::parse("openid offline_access profile deploy:read other").unwrap();
        change(client);
    };
    house.register(id, register).await
}

fn vouched(key: &Key, change: &Value) -> String {
    let mut claims = assertion_claims(THEM, &json!({ "sub": "alice" }));
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    key.sign(&json!({ "alg": "EdDSA", "kid": "k" }), &claims)
}

async fn presented(house: &House, client: &RelyingParty, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let form = [("grant_type", GrantType::JwtBearer.as_str()), ("assertion", assertion)];
    client.token(house, &[&form, more].concat()).await
}

#[tokio::test]
async fn rfc7523_2_1_a_trusted_issuer_vouches_for_a_user_and_nothing_is_left_to_refresh() {
    let house = House::open().await;
    let key = Key::ed25519(1);
    let deployer = deployer(&house, "deployer", |_| {}).await;
    house
        .provider
        .add_assertion_issuer(&new_ctx(None), issuer(&key, SubjectMapping::Username))
        .await
        .unwrap();
    let alice = house.user("alice").await;
    let answer = presented(&house, &deployer, &vouched(&key, &json!({})), &[]).await.expect(200).json();
    // What the issuer may vouch for and the client is registered for; no session, no grant, so no ID Token and no refresh token.
    assert_eq!(answer["scope"], "deploy:read profile");
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none(), "{answer}");
    let token = answer["access_token"].as_str().unwrap();
    let claims = claims_of(token);
    assert_eq!((&claims["sub"], &claims["client_id"]), (&alice.id.to_string().into(), &"deployer".into()));
    assert!(claims.get("sid").is_none() && claims.get("grant_id").is_none(), "{claims}");
    assert_eq!(deployer.introspect(&house, token).await.expect(200).json()["active"], true);
    house.userinfo(token).await.refused(403, "insufficient_scope");
    let narrow = vouched(&key, &json!({}));
    let answer = presented(&house, &deployer, &narrow, &[("scope", "deploy:read")]).await.expect(200).json();
    assert_eq!(answer["scope"], "deploy:read");
    for scope in ["openid", "offline_access", "deploy:write", "other", "a\"b"] {
        let assertion = vouched(&key, &json!({}));
        presented(&house, &deployer, &assertion, &[("scope", scope)]).await.refused(400, "invalid_scope");
    }
    // A user who is disabled is vouched for in vain, before and after.
    house.provider.set_user_disabled(&new_ctx(None), "alice", true).await.unwrap();
    assert_eq!(deployer.introspect(&house, token).await.expect(200).json()["active"], false);
    presented(&house, &deployer, &vouched(&key, &json!({})), &[]).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn rfc7523_3_1_what_is_no_grant() {
    let house = House::open().await;
    let (key, other) = (Key::ed25519(1), Key::ed25519(2));
    let deployer_client = deployer(&house, "deployer", |_| {}).await;
    let stranger = deployer(&house, "stranger", |_| {}).await;
    let notes = house.notes().await;
    house
        .provider
        .add_assertion_issuer(&new_ctx(None), issuer(&key, SubjectMapping::Username))
        .await
        .unwrap();
    let at = now().seconds();
    let mut wrong = vec![vouched(&other, &json!({})), "a.b.c".to_owned()];
    wrong.extend(
        [
            json!({"iss": "https://else.example"}),
            json!({"iss": null}),
            json!({"sub": null}),
            json!({"sub": "nobody"}),
            json!({"aud": "https://else.example"}),
            json!({"aud": [ISSUER, "https://else.example"]}),
            json!({"exp": null}),
            json!({"exp": at - 30}),
            json!({"exp": at + 3_631}),
            json!({"nbf": at + 31}),
            json!({"iat": at + 31}),
            json!({"jti": null}),
        ]
        .iter()
        .map(|change| vouched(&key, change)),
    );
    for typ in ["at+jwt", "client-authentication+jwt"] {
        let claims = assertion_claims(THEM, &json!({"sub": "alice"}));
        wrong.push(key.sign(&json!({"alg": "EdDSA", "kid": "k", "typ": typ}), &claims));
    }
    for assertion in &wrong {
        presented(&house, &deployer_client, assertion, &[]).await.refused(400, "invalid_grant");
    }
    // Not this client's to present, though it may use the grant type; not a grant type of the other's.
    presented(&house, &stranger, &vouched(&key, &json!({})), &[]).await.refused(400, "invalid_grant");
    presented(&house, &notes, &vouched(&key, &json!({})), &[]).await.refused(400, "unauthorized_client");
    // Once.
    let once = vouched(&key, &json!({}));
    presented(&house, &deployer_client, &once, &[]).await.expect(200);
    presented(&house, &deployer_client, &once, &[]).await.refused(400, "invalid_grant");
    house.provider.remove_assertion_issuer(&new_ctx(None), THEM.to_owned()).await.unwrap();
    presented(&house, &deployer_client, &vouched(&key, &json!({})), &[]).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn users_are_named_as_the_operator_says() {
    let house = House::open().await;
    let key = Key::ed25519(1);
    let deployer =
        deployer(&house, "deployer", |client| client.access_token_format = AccessTokenFormat::Opaque).await;
    let alice = house.user("alice").await.id.to_string();
    let names = ["ALICE", "alice@EXAMPLE.org", &alice];
    for (subject, good) in [
        (SubjectMapping::Username, names[0]),
        (SubjectMapping::Email, names[1]),
        (SubjectMapping::Id, names[2]),
    ] {
        house.provider.add_assertion_issuer(&new_ctx(None), issuer(&key, subject)).await.unwrap();
        for name in names {
            let answer = presented(&house, &deployer, &vouched(&key, &json!({"sub": name})), &[]).await;
            if name == good {
                let answer = answer.expect(200).json();
                let token = answer["access_token"].as_str().unwrap();
                assert_eq!(deployer.introspect(&house, token).await.json()["sub"], alice.as_str());
            } else {
                answer.refused(400, "invalid_grant");
            }
        }
        house.provider.remove_assertion_issuer(&new_ctx(None), THEM.to_owned()).await.unwrap();
    }
}

#[tokio::test]
async fn issuers_that_could_not_be_trusted_are_not_registered() {
    let house = House::open().await;
    let key = Key::ed25519(1);
    let good = || issuer(&key, SubjectMapping::Username);
    for bad in [
        AssertionIssuer { issuer: ISSUER.to_owned(), ..good() },
        AssertionIssuer { issuer: String::new(), ..good() },
        AssertionIssuer { jwks: None, ..good() },
        AssertionIssuer { jwks_uri: Some("https://a.example/".parse().unwrap()), ..good() },
        AssertionIssuer { jwks: Some(json!({"keys": []})), ..good() },
        AssertionIssuer { clients: [].into(), ..good() },
    ] {
        let refused = house.provider.add_assertion_issuer(&new_ctx(None), bad).await;
        assert!(matches!(refused, Err(AdminError::Invalid(_))), "{refused:?}");
    }
    house.provider.add_assertion_issuer(&new_ctx(None), good()).await.unwrap();
    let again = house.provider.add_assertion_issuer(&new_ctx(None), good()).await;
    assert!(matches!(again, Err(AdminError::Taken(_))), "{again:?}");
    let unknown = house.provider.remove_assertion_issuer(&new_ctx(None), "x".to_owned()).await;
    assert!(matches!(unknown, Err(AdminError::Unknown(_))), "{unknown:?}");
    assert_eq!(house.provider.list_assertion_issuers().await.unwrap(), [good()]);
}
