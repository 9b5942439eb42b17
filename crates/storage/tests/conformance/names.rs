//! What names look like: whoever signs up gets none that is taken for another, whoever is faster; an operator may add one.

use crate::engines::Engine;
use crate::fixture::{Announces, at};
use protocol::UserId;
use storage::name_skeleton::{NamesFilled, NoteNamesFilled, RememberNames, SignUp};
use storage::user::{
    AddUser, ChangeUser, RemoveUser, User, UserAdded, UserById, UserByUsername, UserChanges,
};

on_every_engine![
    no_name_that_is_chosen_looks_like_somebody_s,
    what_is_changed_of_a_user_is_that_and_nothing_else,
];

fn user(number: u8, username: &str, email: Option<&str>) -> AddUser {
    let user = User {
        id: UserId::from_bytes([number; 16]),
        username: username.to_owned(),
        email: email.map(str::to_owned),
        email_verified: false,
        name: None,
        claims: serde_json::Map::new(),
        platform_owner: false,
        created_at: at(i64::from(number)),
        updated_at: at(i64::from(number)),
        disabled_at: None,
        signed_out_at: None,
    };
    AddUser { user, password_hash: None, spends: None }
}

/// `cox` in Cyrillic letters, and with a Greek one.
const CYRILLIC: &str = "\u{441}\u{43e}\u{445}";
const GREEK: &str = "c\u{3bf}x";

async fn no_name_that_is_chosen_looks_like_somebody_s(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    let sign_up = async |add: AddUser| store.write(SignUp(add)).await.unwrap();
    assert_eq!(sign_up(user(1, "cox", Some("cox@example.org"))).await, UserAdded::Added);
    assert_eq!(sign_up(user(2, "COX", None)).await, UserAdded::Taken);
    assert_eq!(sign_up(user(2, CYRILLIC, None)).await, UserAdded::LooksAlike);
    assert_eq!(
        sign_up(user(2, "other", Some(&format!("{CYRILLIC}@example.org")))).await,
        UserAdded::LooksAlike
    );
    // Nothing was done to whom they look like.
    let cox = store.read(UserByUsername("cox")).await.unwrap().unwrap().user;
    assert_eq!((cox.updated_at, cox.id), (at(1), UserId::from_bytes([1; 16])));
    // An operator may; and then nobody gets one that looks like theirs either.
    assert_eq!(store.write(user(3, CYRILLIC, None)).await.unwrap(), UserAdded::Added);
    assert_eq!(sign_up(user(4, GREEK, None)).await, UserAdded::LooksAlike);
    store
        .announce(RemoveUser { user: UserId::from_bytes([1; 16]), at: at(9), revoked_until: at(10) })
        .await
        .unwrap();
    assert_eq!(sign_up(user(5, "cox", None)).await, UserAdded::LooksAlike);
    store
        .announce(RemoveUser { user: UserId::from_bytes([3; 16]), at: at(9), revoked_until: at(10) })
        .await
        .unwrap();
    assert_eq!(sign_up(user(6, GREEK, None)).await, UserAdded::Added);
    assert_eq!(sign_up(user(7, CYRILLIC, None)).await, UserAdded::LooksAlike);
    store.write(RememberNames(user(6, GREEK, None).user)).await.unwrap();
    // Two at once whose names look alike: one of them is there in the end.
    let (one, other) =
        tokio::join!(sign_up(user(8, "\u{440}\u{430}\u{443}", None)), sign_up(user(9, "pa\u{3b3}", None)));
    let added = [one, other].into_iter().filter(|added| *added == UserAdded::Added).count();
    assert!(added == 1 && [one, other].contains(&UserAdded::LooksAlike), "{one:?} {other:?}");
    assert!(!store.read(NamesFilled).await.unwrap());
    assert!(store.write(NoteNamesFilled).await.unwrap());
    assert!(store.read(NamesFilled).await.unwrap() && !store.write(NoteNamesFilled).await.unwrap());
}

async fn what_is_changed_of_a_user_is_that_and_nothing_else(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    for (number, name) in [(1, "alice"), (2, "bob")] {
        assert_eq!(store.write(user(number, name, None)).await.unwrap(), UserAdded::Added);
    }
    let alice = store.read(UserByUsername("alice")).await.unwrap().unwrap().user;
    let change = async |changes: UserChanges| {
        let command = ChangeUser { user: alice.clone(), changes, at: at(50) };
        store.write(command).await.unwrap()
    };
    // Two who change different things at once both have their way.
    let (name, email) = tokio::join!(
        change(UserChanges { name: Some(Some("Alice".into())), ..UserChanges::default() }),
        change(UserChanges { email: Some((Some("a@example.org".into()), true)), ..UserChanges::default() })
    );
    assert!(name && email);
    let found = store.read(UserById(alice.id)).await.unwrap().unwrap();
    assert_eq!((found.name.as_deref(), found.email.as_deref()), (Some("Alice"), Some("a@example.org")));
    // Of two who change the claims, the second did not see what it replaces.
    let claims = |name: &str| serde_json::Map::from_iter([(name.to_owned(), true.into())]);
    let empty = serde_json::Map::new;
    assert!(change(UserChanges { claims: Some((empty(), claims("a"))), ..UserChanges::default() }).await);
    assert!(!change(UserChanges { claims: Some((empty(), claims("b"))), ..UserChanges::default() }).await);
    assert!(!change(UserChanges { username: Some("BOB".into()), ..UserChanges::default() }).await);
    assert!(change(UserChanges { username: Some("alicia".into()), ..UserChanges::default() }).await);
    assert!(store.read(UserByUsername("alice")).await.unwrap().is_none());
}
