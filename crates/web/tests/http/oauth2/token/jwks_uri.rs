//! Keys that clients publish (RFC 7591 section 2, `jwks_uri`): when they are asked for, and for how long they are believed.

use crate::house::{Answer, House, Key, asserting, assertion_claims, pass_seconds};
use protocol::{ClientAuthentication as Method, GrantType, JwksUri};
use provider::{FetchKeys, FetchedKeys, Fetching};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a client publishes, and how often it was looked at.
#[derive(Clone, Default)]
struct Published(Arc<Mutex<Page>>);

#[derive(Default)]
struct Page {
    jwks: Option<Value>,
    max_age: Option<u64>,
    asked: usize,
}

impl Published {
    fn says(&self, jwks: Option<Value>) {
        self.0.lock().unwrap().jwks = jwks;
    }

    fn for_seconds(&self, seconds: u64) {
        self.0.lock().unwrap().max_age = Some(seconds);
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }
}

impl FetchKeys for Published {
    fn fetch(&self, uri: JwksUri) -> Fetching {
        assert_eq!(uri.as_str(), "https://machine.example/jwks");
        let published = self.clone();
        Box::pin(async move {
            // Whoever else wants it waits meanwhile.
            tokio::task::yield_now().await;
            let mut published = published.0.lock().unwrap();
            published.asked += 1;
            let body = published.jwks.as_ref().ok_or("the host is down")?.to_string().into_bytes();
            Ok(FetchedKeys { body, max_age: published.max_age.map(Duration::from_secs) })
        })
    }
}

async fn machine(house: &House) -> Published {
    let published = Published::default();
    house.provider.fetch_keys_with(Arc::new(published.clone()));
    house
        .register("machine", |client| {
            client.authentication = Method::PrivateKeyJwt;
            client.grant_types = [GrantType::ClientCredentials].into();
            client.jwks_uri = Some("https://machine.example/jwks".parse().unwrap());
        })
        .await;
    published
}

async fn signed(house: &House, key: &Key, kid: &str) -> Answer {
    let header = json!({ "alg": "EdDSA", "kid": kid });
    let assertion = key.sign(&header, &assertion_claims("machine", &json!({})));
    asserting(house, "/oauth2/token", &assertion, &[("grant_type", "client_credentials")]).await
}

#[tokio::test]
async fn an_unknown_kid_is_asked_for_but_not_more_than_twice_a_minute() {
    let house = House::open().await;
    let (old, new) = (Key::ed25519(1), Key::ed25519(2));
    let published = machine(&house).await;
    published.says(Some(json!({ "keys": [old.jwk("old")] })));
    for _ in 0..3 {
        signed(&house, &old, "old").await.expect(200);
    }
    assert_eq!(published.asked(), 1);
    // RFC 7517 section 4.5: the client turns its keys.
    published.says(Some(json!({ "keys": [old.jwk("old"), new.jwk("new")] })));
    signed(&house, &new, "new").await.refused(401, "invalid_client");
    assert_eq!(published.asked(), 1, "asked a moment ago");
    pass_seconds(30);
    signed(&house, &new, "new").await.expect(200);
    assert_eq!(published.asked(), 2);
    // Whoever invents names makes us ask no more often, and a wrong signature by a known name never.
    pass_seconds(30);
    for kid in ["x", "y", "z"] {
        signed(&house, &new, kid).await.refused(401, "invalid_client");
    }
    pass_seconds(30);
    signed(&house, &old, "new").await.refused(401, "invalid_client");
    assert_eq!(published.asked(), 3);
    signed(&house, &old, "old").await.expect(200);
}

#[tokio::test]
async fn many_at_once_ask_once() {
    let house = House::open().await;
    let key = Key::ed25519(1);
    let published = machine(&house).await;
    published.says(Some(json!({ "keys": [key.jwk("k")] })));
    let answers = futures_util::future::join_all((0..10).map(|_| signed(&house, &key, "k"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(published.asked(), 1);
}

#[tokio::test]
async fn keys_are_asked_for_again_when_they_are_old_and_believed_for_a_day_while_that_fails() {
    const HOUR: u64 = 3_600;
    let house = House::open().await;
    let key = Key::ed25519(1);
    let published = machine(&house).await;
    // Not there yet.
    signed(&house, &key, "k").await.refused(401, "invalid_client");
    signed(&house, &key, "k").await.refused(401, "invalid_client");
    assert_eq!(published.asked(), 1);
    pass_seconds(30);
    published.says(Some(json!({ "keys": [key.jwk("k")] })));
    signed(&house, &key, "k").await.expect(200);
    pass_seconds(HOUR - 1);
    signed(&house, &key, "k").await.expect(200);
    assert_eq!(published.asked(), 2);
    pass_seconds(1);
    signed(&house, &key, "k").await.expect(200);
    assert_eq!(published.asked(), 3);
    published.says(None);
    for _ in 0..23 {
        pass_seconds(HOUR);
        signed(&house, &key, "k").await.expect(200);
    }
    pass_seconds(HOUR);
    signed(&house, &key, "k").await.refused(401, "invalid_client");
    // What it publishes may be nonsense, too.
    pass_seconds(30);
    published.says(Some(json!({ "keys": [{ "kty": "oct", "k": "AQ" }] })));
    signed(&house, &key, "k").await.refused(401, "invalid_client");
    // It may wish for less than an hour, though not for less than a minute.
    pass_seconds(30);
    published.says(Some(json!({ "keys": [key.jwk("k")] })));
    published.for_seconds(0);
    signed(&house, &key, "k").await.expect(200);
    let asked = published.asked();
    pass_seconds(59);
    signed(&house, &key, "k").await.expect(200);
    assert_eq!(published.asked(), asked);
    pass_seconds(1);
    // A key that was taken back is refused from then on.
    published.says(Some(json!({ "keys": [Key::ed25519(2).jwk("k")] })));
    signed(&house, &key, "k").await.refused(401, "invalid_client");
    assert_eq!(published.asked(), asked + 1);
}

#[tokio::test]
async fn rfc7517_5_one_malformed_key_is_no_other_keys_fault_and_told_in_the_log() {
    let house = House::open().await;
    let (log, _heard) = crate::refusals::Log::heard();
    let key = Key::ed25519(1);
    let published = machine(&house).await;
    let malformed = json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "spoiled" });
    let weak = json!({ "kty": "RSA", "n": "w".repeat(171), "e": "AQAB", "kid": "weak" });
    published.says(Some(json!({ "keys": [malformed, weak, key.jwk("k")] })));
    signed(&house, &key, "k").await.expect(200);
    let told = log.taken();
    for (kid, why) in [("spoiled", "wrongly encoded"), ("weak", "at least 2048")] {
        let line = told.lines().find(|line| line.contains(kid)).expect(kid);
        assert!(line.contains("a key of a JWK Set is not used") && line.contains(why), "{line}");
        assert!(line.contains("client machine"), "{line}");
    }
}
