//! The client_credentials grant type (RFC 6749 section 4.4).

use crate::house::{House, ISSUER, RelyingParty, claims_of, now};
use protocol::{AccessTokenFormat, Client, ClientAuthentication, ClientId, GrantType, Scope};
use provider::admin::{AdminError, NewClient};

async fn machine(house: &House, change: impl FnOnce(&mut Client)) -> RelyingParty {
    let register = |client: &mut Client| {
        client.grant_types = [GrantType::ClientCredentials].into();
        client.redirect_uris.clear();
        client.scope = Scope::parse("openid profile offline_access orders:read orders:write").unwrap();
        change(client);
    };
    house.register("machine", register).await
}

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

#[tokio::test]
async fn rfc6749_4_4_3_a_token_speaks_for_the_client_and_comes_without_a_refresh_token() {
    let house = House::open().await;
    let machine = machine(&house, |_| {}).await;
    let before = house.provider.store().stats().commands;
    let answer = machine.token(&house, &[GRANT]).await.expect(200).json();
    assert_eq!(house.provider.store().stats().commands, before, "nothing is written");
    assert_eq!(answer["scope"], "orders:read orders:write");
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none(), "{answer}");
    let mut claims = claims_of(answer["access_token"].as_str().unwrap());
    assert!(claims.as_object_mut().unwrap().remove("jti").is_some());
    // RFC 9068 section 2.2: sub is the client, and nobody signed in.
    let issued_at = now().seconds();
    assert_eq!(
        claims,
        serde_json::json!({
            "iss": ISSUER, "sub": "machine", "aud": ISSUER, "iat": issued_at, "exp": issued_at + 600,
            "client_id": "machine", "scope": "orders:read orders:write",
        })
    );
}

#[tokio::test]
async fn rfc6749_3_3_a_machine_gets_what_it_is_registered_for_and_no_persons_scope() {
    let house = House::open().await;
    let machine = machine(&house, |_| {}).await;
    let narrow = machine.token(&house, &[GRANT, ("scope", "orders:read")]).await.expect(200).json();
    assert_eq!(narrow["scope"], "orders:read");
    let wide = [GRANT, ("scope", "offline_access orders:read orders:delete")];
    assert_eq!(machine.token(&house, &wide).await.expect(200).json()["scope"], "orders:read");
    for too_much in ["orders:delete", "openid", "profile", "a\"b"] {
        machine.token(&house, &[GRANT, ("scope", too_much)]).await.refused(400, "invalid_scope");
    }
}

#[tokio::test]
async fn a_machines_token_is_introspected_revoked_and_opens_no_userinfo() {
    let house = House::open().await;
    for format in [AccessTokenFormat::Jwt, AccessTokenFormat::Opaque] {
        let machine = match format {
            AccessTokenFormat::Jwt => machine(&house, |_| {}).await,
            AccessTokenFormat::Opaque => {
                let register = |client: &mut Client| {
                    client.grant_types = [GrantType::ClientCredentials].into();
                    client.access_token_format = format;
                };
                house.register("opaque", register).await
            }
        };
        let answer = machine.token(&house, &[GRANT]).await.expect(200).json();
        let token = answer["access_token"].as_str().unwrap();
        let told = machine.introspect(&house, token).await.expect(200).json();
        assert_eq!((&told["active"], &told["sub"]), (&true.into(), &machine.id.as_str().into()), "{told}");
        house.userinfo(token).await.refused(403, "insufficient_scope");
        machine.revoke(&house, token).await.expect(200);
        let told = machine.introspect(&house, token).await.expect(200).json();
        assert_eq!(told, serde_json::json!({"active": false}));
    }
}

#[tokio::test]
async fn rfc6749_4_4_public_clients_are_not_registered_for_it() {
    let house = House::open().await;
    let client = Client {
        grant_types: [GrantType::ClientCredentials].into(),
        ..Client::new(ClientId::parse("public").unwrap(), "Public", ClientAuthentication::None)
    };
    let added = house.provider.add_client(&mut crate::house::new_ctx(None), NewClient { client }).await;
    assert!(matches!(added, Err(AdminError::Invalid(_))), "{:?}", added.err());
}
