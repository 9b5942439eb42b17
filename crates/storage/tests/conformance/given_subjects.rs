//! A subject is a client's or a user's, never both (RFC 9700 section 4.15): whoever is registered first, and whoever registers at the same
//! moment on another node.

use crate::engines::{Engine, Site};
use crate::fixture::{Announces, at};
use protocol::{Client, ClientAuthentication, ClientId, UserId};
use storage::Store;
use storage::client::{
    AddClient, ClientAdded, ClientById, RegisteredClient, RemoveClient, UpgradeClientSecret,
};
use storage::revocation::LiveRevocations;
use storage::user::{AddUser, AddUserWithSubject, RemoveUser, User, UserAdded, UserById};

on_every_engine![
    rfc9700_4_15_a_subject_is_a_clients_or_a_users,
    rfc9700_4_15_of_a_client_and_a_user_that_come_at_once_one_stays,
    a_secret_of_another_system_is_replaced_by_ours_once,
];

fn subject(number: u8) -> UserId {
    UserId::from_bytes([number; 16])
}

fn add_client(id: &str, imported_secret_hash: Option<&str>) -> AddClient {
    let id = ClientId::parse(id).unwrap();
    let client = Client::new(id, "Notes", ClientAuthentication::ClientSecret);
    let imported_secret_hash = imported_secret_hash.map(str::to_owned);
    let registered = RegisteredClient { imported_secret_hash, ..RegisteredClient::new(client) };
    AddClient { registered, at: at(1) }
}

fn user(id: UserId, username: &str) -> AddUser {
    let user = User {
        id,
        username: username.to_owned(),
        email: None,
        email_verified: false,
        name: None,
        claims: Default::default(),
        platform_owner: false,
        created_at: at(1),
        updated_at: at(1),
        disabled_at: None,
        signed_out_at: None,
    };
    AddUser { user, password_hash: None, spends: None }
}

async fn with_subject(store: &Store, id: UserId, username: &str) -> Option<UserAdded> {
    store.write(AddUserWithSubject(user(id, username))).await.unwrap()
}

async fn rfc9700_4_15_a_subject_is_a_clients_or_a_users(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    let (made, given, clients) = (subject(1), subject(2), subject(0xAB));
    assert_eq!(store.write(user(made, "made")).await.unwrap(), UserAdded::Added);
    assert_eq!(with_subject(store, given, "given").await, Some(UserAdded::Added));
    for taken in [made, given] {
        assert_eq!(store.write(add_client(&taken.to_string(), None)).await.unwrap(), ClientAdded::Subject);
        assert_eq!(with_subject(store, taken, "another").await, None, "another user's");
    }
    assert_eq!(with_subject(store, subject(9), "given").await, Some(UserAdded::Taken), "the name");

    let upper = clients.to_string().to_uppercase();
    assert_eq!(store.write(add_client(&upper, None)).await.unwrap(), ClientAdded::Added);
    assert_eq!(store.write(add_client(&upper, None)).await.unwrap(), ClientAdded::Taken);
    let same = clients.to_string();
    assert_eq!(store.write(add_client(&same, None)).await.unwrap(), ClientAdded::Subject, "spelt otherwise");
    assert_eq!(with_subject(store, clients, "another").await, None, "a client's");
    assert!(store.read(UserById(clients)).await.unwrap().is_none(), "nothing of it stays");

    // Whoever goes leaves it, and what spoke for them is refused.
    let upper = ClientId::parse(&upper).unwrap();
    assert!(store.announce(RemoveClient { client: upper, at: at(5), revoked_until: at(50) }).await.unwrap());
    let revoked = store.read(LiveRevocations(at(6))).await.unwrap();
    assert!(revoked.iter().any(|revoked| revoked.id == *clients.as_bytes() && revoked.revoked_at == at(5)));
    assert_eq!(with_subject(store, clients, "another").await, Some(UserAdded::Added));
    let leaves = RemoveUser { user: given, at: at(5), revoked_until: at(50) };
    assert!(store.announce(leaves).await.unwrap());
    assert_eq!(store.write(add_client(&given.to_string(), None)).await.unwrap(), ClientAdded::Added);
}

async fn another_node(site: &Site, engine: Engine) -> Store {
    if engine == Engine::Sqlite { site.store.clone() } else { site.another_node().await }
}

async fn rfc9700_4_15_of_a_client_and_a_user_that_come_at_once_one_stays(engine: Engine) {
    let site = engine.open().await;
    let (here, there) = (site.store.clone(), another_node(&site, engine).await);
    for number in 10..40 {
        let id = subject(number);
        let text = id.to_string();
        let (client, user) = tokio::join!(
            async { here.write(add_client(&text, None)).await.unwrap() == ClientAdded::Added },
            with_subject(&there, id, &text),
        );
        let client_id = ClientId::parse(&text).unwrap();
        let there = (
            here.read(ClientById(&client_id)).await.unwrap().is_some(),
            here.read(UserById(id)).await.unwrap().is_some(),
        );
        assert_eq!(there, (client, user.is_some()));
        assert!(client != user.is_some(), "{there:?}");
    }
}

async fn a_secret_of_another_system_is_replaced_by_ours_once(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    let id = ClientId::parse("notes").unwrap();
    assert_eq!(store.write(add_client("notes", Some("$theirs"))).await.unwrap(), ClientAdded::Added);
    let stored = async || store.read(ClientById(&id)).await.unwrap().unwrap();
    assert_eq!(stored().await.imported_secret_hash.as_deref(), Some("$theirs"));
    let ours = protocol::SecretHash::from_bytes([7; 32]);
    let upgrade = |verified: &str| UpgradeClientSecret {
        client: id.clone(),
        verified: verified.to_owned(),
        secret_hash: ours,
    };
    assert!(!store.announce(upgrade("$another")).await.unwrap());
    assert!(store.announce(upgrade("$theirs")).await.unwrap());
    assert!(!store.announce(upgrade("$theirs")).await.unwrap());
    let stored = stored().await;
    assert_eq!(stored.imported_secret_hash, None);
    assert_eq!(stored.secret_hash.map(|hash| *hash.as_bytes()), Some([7; 32]));
}
