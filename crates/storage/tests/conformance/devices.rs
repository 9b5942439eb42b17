//! Device codes: what is over can be neither decided nor spent, and goes.

use crate::engines::{Engine, Site};
use crate::fixture::{Do, any, at};
use protocol::{ClientId, DeviceCodeId, GrantId, ResourceIndicator, Scope, SecretHash};
use storage::device_code::{
    DeviceCodeById, DeviceCodeByUserCode, IssueDeviceCode, NewDeviceCode, SpendDeviceCode, UserCodeKey,
};
use storage::{Applied, params};

on_every_engine![
    a_device_code_is_found_by_either_key,
    what_is_over_cannot_be_spent,
    user_codes_go_when_they_end_and_device_codes_an_hour_later,
];

const END: i64 = 600_000;
const HOUR: i64 = 3_600_000;

fn key(number: u8) -> UserCodeKey {
    // Not in the order of time.
    UserCodeKey([number.wrapping_mul(97); 16])
}

fn id(number: u8) -> DeviceCodeId {
    let mut bytes = [0; 16];
    bytes[7] = number;
    bytes[15] = 1;
    DeviceCodeId::from_bytes(bytes)
}

async fn issue(house: &Site, number: u8, expires_at: i64) {
    let code = NewDeviceCode {
        id: id(number),
        secret_hash: SecretHash::from_bytes([7; 32]),
        client_id: ClientId::parse("tv").unwrap(),
        scope: Scope::parse("openid offline_access").unwrap(),
        resources: vec![ResourceIndicator::parse("https://api.example").unwrap()],
        asked_from: Some("2001:db8::1".to_owned()),
        created_at: at(0),
        expires_at: at(expires_at),
    };
    assert!(house.store.write(IssueDeviceCode { code, user_code: key(number) }).await.unwrap());
}

async fn a_device_code_is_found_by_either_key(engine: Engine) {
    let house = engine.open().await;
    issue(&house, 1, END).await;
    issue(&house, 2, END).await;
    let by_id = house.store.read(DeviceCodeById(id(2))).await.unwrap().unwrap();
    let by_user_code = house.store.read(DeviceCodeByUserCode(key(2))).await.unwrap().unwrap();
    assert_eq!(format!("{by_id:?}"), format!("{by_user_code:?}"));
    assert_eq!(by_id.issued.scope.to_string(), "offline_access openid");
    assert_eq!(by_id.issued.asked_from.as_deref(), Some("2001:db8::1"));
    assert_eq!(by_id.issued.resources[0].as_str(), "https://api.example");
    assert_eq!((by_id.decision, by_id.spent_at), (None, None));
    assert!(house.store.read(DeviceCodeByUserCode(key(3))).await.unwrap().is_none());
}

async fn what_is_over_cannot_be_spent(engine: Engine) {
    let house = engine.open().await;
    let grant = |number: u8| GrantId::from_bytes([number; 16]);
    let allow = |number: u8, revoked_at: Option<i64>| {
        vec![
            any(
                "INSERT INTO grants (id, user_id, client_id, session_id, scope, claims, auth_time, amr, acr, offline, created_at, \
                 expires_at, revoked_at) VALUES (?, ?, 'tv', ?, 'openid', '{}', 0, 'pwd', '', 0, 0, 9000000, ?)",
                params![grant(number), grant(0), grant(0), revoked_at],
            ),
            any(
                "UPDATE device_codes SET decided_at = 1, grant_id = ? WHERE id = ?",
                params![grant(number), id(number)],
            ),
        ]
    };
    for number in 1..=4 {
        issue(&house, number, END).await;
    }
    for steps in [allow(1, None), allow(2, Some(5)), allow(3, None)] {
        assert_eq!(house.store.write(Do(steps)).await.unwrap(), Applied::Done);
    }
    // (which, on which grant, when, whether): revoked; expired; another's grant; not decided; good.
    let cases = [
        (2, 2, 10, false),
        (1, 1, END, false),
        (3, 1, 10, false),
        (4, 1, 10, false),
        (1, 1, END - 1, true),
        (1, 1, END - 1, false),
    ];
    for (number, on, when, expected) in cases {
        let spend = SpendDeviceCode {
            id: id(number),
            grant_id: grant(on),
            at: at(when),
            refresh_token: None,
            access_token: None,
        };
        assert_eq!(house.store.write(spend).await.unwrap(), expected, "{number} on {on} at {when}");
    }
}

async fn user_codes_go_when_they_end_and_device_codes_an_hour_later(engine: Engine) {
    let house = engine.open().await;
    for number in 1..=9 {
        issue(&house, number, if number % 3 == 0 { 2 * END } else { END }).await;
    }
    assert_eq!(house.store.sweep(at(END - 1)).await.unwrap().total(), 0);
    assert_eq!(house.store.sweep(at(END)).await.unwrap().deleted, vec![("user_codes", 6)]);
    assert!(house.store.read(DeviceCodeByUserCode(key(1))).await.unwrap().is_none());
    assert!(house.store.read(DeviceCodeByUserCode(key(3))).await.unwrap().is_some());
    // Until then a device that asks is told that it is too late.
    assert!(house.store.read(DeviceCodeById(id(1))).await.unwrap().is_some());
    assert_eq!(house.store.sweep(at(END + HOUR)).await.unwrap().total(), 6 + 3);
    assert!(house.store.read(DeviceCodeById(id(1))).await.unwrap().is_none());
    assert!(house.store.read(DeviceCodeById(id(3))).await.unwrap().is_some());
}
