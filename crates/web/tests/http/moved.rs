//! Clients and users that were registered with another system and keep their names, subjects and secrets.

use crate::house::{House, RelyingParty, Tokens, claims_of, new_ctx, pass_seconds};
use protocol::{Client, ClientAuthentication, ClientId, GrantType};
use provider::admin::{AdminError, KnownSecret, NewClient, NewUser, UserPassword};
use serde_json::json;
use storage::client::{ClientById, RegisteredClient};

const UUID: &str = "9b2f3d6e-1d1a-4a52-8a39-5f0e6f2b7c10";
const LONG: &str = "a-secret-that-nobody-guesses";

fn client(id: &str) -> Client {
    let id = ClientId::parse(id).unwrap();
    let mut client = Client::new(id, "Moved", ClientAuthentication::ClientSecret);
    client.grant_types = [GrantType::ClientCredentials].into();
    client
}

async fn moved(house: &House, id: &str, secret: &str, known: KnownSecret) -> RelyingParty {
    house.provider.add_client_with_secret(&mut new_ctx(None), client(id), known).await.unwrap();
    RelyingParty { id: id.to_owned(), secret: Some(secret.to_owned()), redirect_uri: String::new() }
}

async fn stored(house: &House, id: &str) -> RegisteredClient {
    house.provider.store().read(ClientById(&ClientId::parse(id).unwrap())).await.unwrap().unwrap()
}

async fn proves_itself(house: &House, client: &RelyingParty) -> bool {
    let answer = client.token(house, &[("grant_type", "client_credentials")]).await;
    assert!(answer.status == 200 || answer.error() == "invalid_client", "{}", answer.body);
    answer.status == 200
}

fn bcrypt_of(secret: &str) -> String {
    bcrypt::hash_with_salt(secret, 4, *b"0123456789abcdef").unwrap().to_string()
}

fn user(subject: &str) -> NewUser {
    NewUser {
        subject: Some(subject.parse().unwrap()),
        username: "moved".to_owned(),
        email: None,
        email_verified: false,
        name: None,
        claims: Default::default(),
        password: UserPassword::None,
        platform_owner: false,
    }
}

#[tokio::test]
async fn rfc9700_4_15_a_uuid_is_a_clients_or_a_users() {
    let house = House::open().await;
    let alice = house.user("alice").await.id.to_string();
    let ctx = &mut new_ctx(None);
    for taken in [alice.clone(), alice.to_uppercase(), format!("urn:uuid:{alice}")] {
        let added = house.provider.add_client(ctx, NewClient { client: client(&taken) }).await;
        assert!(matches!(added, Err(AdminError::Taken(_))), "{:?}", added.err());
    }
    house.provider.add_client(ctx, NewClient { client: client(UUID) }).await.unwrap();
    let refused = house.provider.add_user(ctx, user(UUID)).await.err().unwrap();
    assert!(refused.to_string().contains(UUID), "{refused}");
    let nil = house.provider.add_user(ctx, user("00000000-0000-0000-0000-000000000000")).await;
    assert!(matches!(nil, Err(AdminError::Invalid(_))));
    let another = "0f0e6f2b-1d1a-4a52-8a39-9b2f3d6e7c10";
    assert_eq!(house.provider.add_user(ctx, user(another)).await.unwrap().id.to_string(), another);
}

#[tokio::test]
async fn rfc9700_4_15_a_client_whose_name_is_a_uuid_is_no_user() {
    for removed in [false, true] {
        let house = House::open().await;
        let source = moved(&house, UUID, LONG, KnownSecret::Clear(LONG.into())).await;
        house.change_client(&source, |client| client.audience = vec!["gateway".into()]).await;
        let gateway = house
            .register("gateway", |client| {
                client.grant_types = [GrantType::ClientCredentials, GrantType::TokenExchange].into();
            })
            .await;
        let own =
            Tokens::of(&source.token(&house, &[("grant_type", "client_credentials")]).await).access_token;
        assert_eq!(claims_of(&own)["sub"], UUID);
        assert_eq!(source.introspect(&house, &own).await.json()["sub"], UUID);
        let form = [
            ("grant_type", GrantType::TokenExchange.as_str()),
            ("subject_token", &own),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ];
        let exchanged = Tokens::of(&gateway.token(&house, &form).await.expect(200)).access_token;
        assert_eq!(gateway.introspect(&house, &exchanged).await.json()["sub"], UUID);
        // The token speaks for the client: it ends with it, however it ends, and nobody has to have looked at it before.
        pass_seconds(1);
        if removed {
            house.provider.remove_client(&new_ctx(None), &source.client_id()).await.unwrap();
        } else {
            house.change_client(&source, |client| client.disabled = true).await;
        }
        let told = gateway.introspect(&house, &exchanged).await.json();
        assert_eq!(told, json!({ "active": false }), "removed: {removed}");
        let house = house.restart().await;
        let told = gateway.introspect(&house, &exchanged).await.json();
        assert_eq!(told, json!({ "active": false }), "removed: {removed}");
    }
}

#[tokio::test]
async fn a_clients_own_secret_is_kept() {
    let house = House::open().await;
    let notes = moved(&house, "notes", LONG, KnownSecret::Clear(LONG.into())).await;
    assert!(stored(&house, "notes").await.secret_hash.is_some());
    assert!(proves_itself(&house, &notes).await);
    let wrong = RelyingParty { secret: Some("another".to_owned()), ..notes };
    assert!(!proves_itself(&house, &wrong).await);
    // One that could be found by its SHA-256 stays under a slow hash.
    let short = moved(&house, "short", "hunter2", KnownSecret::Clear("hunter2".into())).await;
    for _ in 0..2 {
        assert!(proves_itself(&house, &short).await);
        let stored = stored(&house, "short").await;
        assert!(stored.secret_hash.is_none());
        assert!(stored.imported_secret_hash.unwrap().starts_with("$argon2id$"));
    }
    for bad in ["", "line\nend", "caf\u{e9}", &"x".repeat(513)] {
        let known = KnownSecret::Clear(bad.into());
        let added = house.provider.add_client_with_secret(&mut new_ctx(None), client("bad"), known).await;
        assert!(matches!(added, Err(AdminError::Invalid(_))), "{bad}");
    }
    let public = Client { authentication: ClientAuthentication::None, ..client("public") };
    let known = KnownSecret::Clear(LONG.into());
    assert!(house.provider.add_client_with_secret(&mut new_ctx(None), public, known).await.is_err());
}

#[tokio::test]
async fn a_secrets_hash_from_elsewhere_is_good_and_replaced_by_ours_at_the_first_use() {
    let house = House::open().await;
    let imported = bcrypt_of(LONG);
    let notes = moved(&house, "notes", LONG, KnownSecret::Hash(imported.clone())).await;
    let wrong = RelyingParty { secret: Some("another-secret-altogether".to_owned()), ..notes.clone() };
    assert!(!proves_itself(&house, &wrong).await);
    assert_eq!(stored(&house, "notes").await.imported_secret_hash, Some(imported));
    assert!(proves_itself(&house, &notes).await);
    let ours = stored(&house, "notes").await;
    assert!(ours.imported_secret_hash.is_none() && ours.secret_hash.is_some());
    assert!(proves_itself(&house, &notes).await && !proves_itself(&house, &wrong).await);

    // bcrypt looks at 72 bytes: what was typed after them is not made part of the secret.
    let (long, longer) = ("x".repeat(72), "x".repeat(80));
    let long_one = moved(&house, "long", &longer, KnownSecret::Hash(bcrypt_of(&long))).await;
    assert!(proves_itself(&house, &long_one).await);
    assert!(stored(&house, "long").await.imported_secret_hash.is_some());

    let unknown = KnownSecret::Hash("5f4dcc3b5aa765d61d8327deb882cf99".to_owned());
    let added = house.provider.add_client_with_secret(&mut new_ctx(None), client("bad"), unknown).await;
    assert!(matches!(added, Err(AdminError::Invalid(_))));
}
