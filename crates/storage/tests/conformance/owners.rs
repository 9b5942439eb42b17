//! Who runs an installation: found without reading all users, however they became it.

use crate::engines::Engine;
use crate::fixture::{House, at};
use protocol::{OneTimeLinkId, SecretHash, UserId};
use storage::one_time_link::{AddOneTimeLink, OneTimeLink};
use storage::user::{AddUser, PlatformOwnerExists, User, UserAdded};
use storage::{Options, Schema, Store};

on_every_engine![an_owner_is_found_however_they_became_it_and_only_then,];

fn user(number: u8, platform_owner: bool) -> AddUser {
    let user = User {
        id: UserId::from_bytes([number; 16]),
        username: format!("user-{number}"),
        email: None,
        email_verified: false,
        name: None,
        claims: serde_json::Map::new(),
        platform_owner,
        created_at: at(1),
        updated_at: at(1),
        disabled_at: None,
        signed_out_at: None,
    };
    AddUser { user, password_hash: None, spends: None }
}

async fn an_owner_is_found_however_they_became_it_and_only_then(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    let link = OneTimeLinkId::from_bytes([9; 16]);
    let stored = OneTimeLink {
        id: link,
        secret_hash: SecretHash::from_bytes([9; 32]),
        purpose: "test".to_owned(),
        created_at: at(1),
        expires_at: at(1_000),
        spent_at: None,
    };
    assert!(store.write(AddOneTimeLink(stored)).await.unwrap());
    for number in 1..4 {
        assert_eq!(store.write(user(number, false)).await.unwrap(), UserAdded::Added);
    }
    assert!(!store.read(PlatformOwnerExists).await.unwrap());
    // From the command line there may be several, and none of them is in another's way.
    for number in [0, 4, 0xFF] {
        assert_eq!(store.write(user(number, true)).await.unwrap(), UserAdded::Added);
        assert!(store.read(PlatformOwnerExists).await.unwrap());
    }
    let late = AddUser { spends: Some(link), ..user(6, true) };
    assert_eq!(store.write(late).await.unwrap(), UserAdded::LinkSpent);
}

#[tokio::test]
async fn an_owner_from_before_they_had_numbers_is_found() {
    let house = House::with(|options| options.schema = Schema::UpTo(9)).await;
    for (number, owner) in [(1, false), (2, true), (3, true), (4, false)] {
        assert_eq!(house.store.write(user(number, owner)).await.unwrap(), UserAdded::Added);
    }
    house.store.close().await;
    house.raw().execute("UPDATE users SET founder = NULL", []).unwrap();
    let newest = Options { schema: Schema::Newest, ..house.options.clone() };
    let store = Store::open(&newest).await.unwrap().store;
    assert!(store.read(PlatformOwnerExists).await.unwrap());
    let numbers =
        "SELECT group_concat(coalesce(founder, 'none'), ' ') FROM (SELECT founder FROM users ORDER BY id)";
    let numbers: String = house.raw().query_row(numbers, [], |row| row.get(0)).unwrap();
    assert_eq!(numbers, "none 2 none none");
}
