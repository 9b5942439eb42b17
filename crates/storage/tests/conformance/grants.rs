//! Grants on every engine: they are listed by whom and to whom, and end one by one, with their user or with their client; a refresh token that is
//! kept lives on, and keys are published for as long as is written.

use crate::engines::Engine;
use crate::fixture::at;
use protocol::{
    AuthorizationCodeId, ClaimsRequest, Client, ClientAuthentication, ClientId, GrantId, RefreshTokenId,
    Scope, SecretHash, SessionId, SigningAlgorithm, UserId,
};
use storage::Store;
use storage::authorization_code::{IssueAuthorizationCode, NewAuthorizationCode, SpendAuthorizationCode};
use storage::client::{AddClient, ClientAdded, ClientById, EndClientGrants, RegisteredClient};
use storage::grant::{GrantById, ListGrants, NewGrant, RevokeGrant};
use storage::refresh_token::{NewRefreshToken, RefreshTokenById, UseRefreshToken};
use storage::signing_key::{ListSigningKeys, PublishSigningKeys, RotateSigningKey, StoredSigningKey};
use storage::user::{AddUser, EndUserGrants, User, UserById};

on_every_engine![grants_are_listed_and_ended, a_refresh_token_is_kept, keys_are_published];

fn client(name: &str) -> ClientId {
    ClientId::parse(name).unwrap()
}

fn user(number: u8) -> UserId {
    UserId::from_bytes([number; 16])
}

fn grant(number: u8) -> GrantId {
    GrantId::from_bytes([number; 16])
}

async fn add_user(store: &Store, number: u8) {
    let user = User {
        id: user(number),
        username: format!("user-{number}"),
        email: None,
        email_verified: false,
        name: None,
        claims: serde_json::Map::new(),
        platform_owner: false,
        created_at: at(1),
        updated_at: at(1),
        disabled_at: None,
        signed_out_at: None,
    };
    store.write(AddUser { user, password_hash: None, spends: None }).await.unwrap();
}

async fn add_client(store: &Store, name: &str) {
    let client = Client::new(client(name), name, ClientAuthentication::ClientSecret);
    let registered = RegisteredClient::new(client);
    assert_eq!(store.write(AddClient { registered, at: at(1) }).await.unwrap(), ClientAdded::Added);
}

/// Grants number `number` of this user to this client, with a refresh token of the same number.
async fn allow(store: &Store, number: u8, whom: u8, to: &str) {
    let hash = SecretHash::from_bytes([number; 32]);
    let granted = NewGrant {
        id: grant(number),
        user_id: user(whom),
        client_id: client(to),
        session_id: SessionId::from_bytes([1; 16]),
        scope: Scope::parse("openid").unwrap(),
        claims: ClaimsRequest::default(),
        auth_time: at(0),
        amr: "pwd".to_owned(),
        acr: "0".to_owned(),
        resources: Vec::new(),
        offline: true,
        created_at: at(10),
        expires_at: at(1_000),
    };
    let code = NewAuthorizationCode {
        id: AuthorizationCodeId::from_bytes([number; 16]),
        secret_hash: hash,
        grant_id: grant(number),
        client_id: client(to),
        redirect_uri: "https://app.example/cb".to_owned(),
        redirect_uri_given: true,
        code_challenge: None,
        nonce: None,
        created_at: at(10),
        expires_at: at(100),
    };
    let token = NewRefreshToken {
        id: RefreshTokenId::from_bytes([number; 16]),
        secret_hash: hash,
        grant_id: grant(number),
        client_id: client(to),
        generation: 0,
        created_at: at(10),
        expires_at: at(500),
    };
    let spend = SpendAuthorizationCode {
        id: code.id,
        grant_id: code.grant_id,
        at: at(11),
        refresh_token: Some(token),
        access_token: None,
    };
    store.write(IssueAuthorizationCode { grant: granted, code: Some(code) }).await.unwrap();
    assert!(store.write(spend).await.unwrap());
}

async fn grants_are_listed_and_ended(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    for number in [1, 2] {
        add_user(store, number).await;
    }
    for name in ["a", "~~", "zz"] {
        add_client(store, name).await;
    }
    for (number, whom, to) in [(1, 1, "a"), (2, 1, "~~"), (3, 2, "a"), (4, 2, "zz")] {
        allow(store, number, whom, to).await;
    }
    let list = |user: Option<UserId>, to: Option<&'static str>, after: Option<GrantId>, limit, now| async move {
        let list = ListGrants { user, client: to.map(client), after, limit, now: at(now) };
        let grants = store.read(list).await.unwrap();
        grants.iter().map(|grant| grant.granted.id.as_bytes()[0]).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, None, 9, 20).await, [1, 2, 3, 4]);
    assert_eq!(list(None, None, Some(grant(1)), 2, 20).await, [2, 3]);
    assert_eq!(list(Some(user(1)), None, None, 9, 20).await, [1, 2]);
    assert_eq!(list(None, Some("a"), None, 9, 20).await, [1, 3]);
    assert_eq!(list(Some(user(2)), Some("a"), None, 9, 20).await, [3]);
    assert_eq!(list(None, None, None, 9, 1_000).await, [0; 0], "expired");
    let revoke = RevokeGrant { id: grant(1), at: at(20), revoked_until: at(30) };
    assert!(store.write(revoke).await.unwrap());
    assert_eq!(list(None, None, None, 9, 20).await, [2, 3, 4]);

    assert!(store.write(EndClientGrants { client: client("a"), at: at(21) }).await.unwrap());
    assert!(!store.write(EndClientGrants { client: client("A"), at: at(21) }).await.unwrap());
    let ended = store.read(ClientById(&client("a"))).await.unwrap().unwrap();
    assert!(!ended.stands_since(at(21)) && ended.stands_since(at(22)), "{ended:?}");
    let other = store.read(ClientById(&client("zz"))).await.unwrap().unwrap();
    assert!(other.stands_since(at(0)));

    let end = |user, at| EndUserGrants { user, at, revoked_until: at };
    assert!(store.write(end(user(2), at(22))).await.unwrap());
    assert!(!store.write(end(user(9), at(22))).await.unwrap());
    assert!(!store.read(GrantById(grant(4))).await.unwrap().unwrap().stands(at(23)));
    assert!(store.read(UserById(user(2))).await.unwrap().unwrap().stands_since(at(23)));
}

async fn a_refresh_token_is_kept(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    add_user(store, 1).await;
    add_client(store, "a").await;
    allow(store, 1, 1, "a").await;
    let id = RefreshTokenId::from_bytes([1; 16]);
    let used = |expires_at| UseRefreshToken { id, grant_id: grant(1), expires_at, access_token: None };
    assert!(store.write(used(at(900))).await.unwrap());
    let stored = store.read(RefreshTokenById(id)).await.unwrap().unwrap();
    assert_eq!((stored.issued.expires_at, stored.spent_at), (at(900), None));
    store.write(RevokeGrant { id: grant(1), at: at(20), revoked_until: at(30) }).await.unwrap();
    assert!(!store.write(used(at(950))).await.unwrap());
}

async fn keys_are_published(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    let key = |number: i64| StoredSigningKey {
        kid: format!("key-{number}"),
        algorithm: SigningAlgorithm::EdDsa,
        generation: number,
        sealed_private_key: vec![1; 48],
        created_at: at(number),
        current_at: None,
        retired_at: None,
        published_until: None,
    };
    let add = RotateSigningKey {
        retire: None,
        promote: None,
        add: vec![key(1), key(2)],
        forget: Vec::new(),
        at: at(1),
    };
    assert!(store.write(add).await.unwrap());
    let kids = vec!["key-2".to_owned(), "gone".to_owned()];
    store.write(PublishSigningKeys { kids, until: at(70) }).await.unwrap();
    let keys = store.read(ListSigningKeys).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.published_until).collect::<Vec<_>>(), [None, Some(at(70))]);
}
