//! `/oauth2/jwks`, and keys that turn.

use crate::house::{House, claims_of, header_of, new_ctx, pass_seconds};
use protocol::SigningAlgorithm;
use serde_json::Value;
use std::collections::BTreeSet;

async fn jwks(house: &House) -> Vec<Value> {
    let answer = house.get("/oauth2/jwks").await.expect(200);
    // RFC 7517 section 8.5.1.
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    answer.json()["keys"].as_array().unwrap().clone()
}

fn kids(keys: &[Value]) -> BTreeSet<String> {
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn rfc7517_4_public_keys_and_nothing_private() {
    let house = House::open().await;
    house.make_every_key().await;
    house.notes().await;
    let keys = jwks(&house).await;
    // Current and next, of three algorithms: this client chose EdDSA for its ID Tokens.
    assert_eq!((keys.len(), kids(&keys).len()), (6, 6));
    for key in &keys {
        let members: BTreeSet<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        let expected: &[&str] = match key["alg"].as_str().unwrap() {
            "EdDSA" => &["kty", "crv", "x", "kid", "use", "alg"],
            "ES256" => &["kty", "crv", "x", "y", "kid", "use", "alg"],
            "RS256" => &["kty", "n", "e", "kid", "use", "alg"],
            other => panic!("{other}"),
        };
        assert_eq!(members, expected.iter().copied().collect(), "{key}");
        assert_eq!(key["use"], "sig");
    }
}

#[tokio::test]
async fn a_new_house_waits_for_its_rsa_keys_and_then_answers() {
    let house = House::open().await;
    let (answer, ()) = tokio::join!(house.get("/oauth2/jwks"), house.make_every_key());
    assert_eq!(answer.expect(200).json()["keys"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn tokens_of_a_retired_key_are_good_and_its_key_stays_published_until_they_are_over() {
    let house = House::open().await;
    house.make_every_key().await;
    let notes = house.notes().await;
    let before = notes.tokens_for(&house, "alice", &[("scope", "openid offline_access")]).await;
    let published = jwks(&house).await;
    // A next key is not used before every client could have seen it.
    assert!(house.provider.rotate_keys(&mut new_ctx(None), false).await.is_err());
    pass_seconds(300);
    house.provider.rotate_keys(&mut new_ctx(None), false).await.unwrap();
    let after = notes.tokens(&house, "alice").await;
    let (old, new) =
        (header_of(&before.access_token)["kid"].clone(), header_of(&after.access_token)["kid"].clone());
    assert_ne!(old, new);
    // The key that signs now was published before it signed.
    assert!(kids(&published).contains(new.as_str().unwrap()));
    let now_published = jwks(&house).await;
    assert_eq!(now_published.len(), 9);
    assert!(kids(&now_published).is_superset(&kids(&published)));
    house.userinfo(&before.access_token).await.expect(200);
    house.userinfo(&after.access_token).await.expect(200);
    assert_eq!(notes.introspect(&house, &before.access_token).await.json()["active"], true);
    // Its ID Token is still a hint.
    let mut browser = house.signed_in(&notes, "alice").await;
    let silent = notes.request(&[("id_token_hint", &before.id_token), ("prompt", "none")]);
    assert!(!browser.authorize(&silent).await.says("code").is_empty());

    pass_seconds(2 * 86_400 + 1);
    house.provider.maintain_keys(&mut new_ctx(None)).await.unwrap();
    assert!(!kids(&jwks(&house).await).contains(old.as_str().unwrap()));
}

#[tokio::test]
async fn keys_turn_by_themselves_after_ninety_days_and_only_once() {
    let house = House::open().await;
    house.make_every_key().await;
    let notes = house.notes().await;
    let before = header_of(&notes.tokens(&house, "alice").await.access_token);
    pass_seconds(90 * 86_400 - 1);
    house.make_every_key().await;
    assert_eq!(header_of(&notes.tokens(&house, "alice").await.access_token), before);
    pass_seconds(1);
    let (mut one, mut two) = (new_ctx(None), new_ctx(None));
    let turned = tokio::join!(house.provider.maintain_keys(&mut one), house.provider.maintain_keys(&mut two));
    assert!(turned.0.is_ok() && turned.1.is_ok());
    let after = notes.tokens(&house, "alice").await;
    assert_ne!(header_of(&after.access_token), before);
    assert_eq!(jwks(&house).await.len(), 9);
    // Across a restart the same keys sign and verify.
    let house = house.restart().await;
    house.userinfo(&after.access_token).await.expect(200);
    let again = notes.tokens(&house, "alice").await;
    assert_eq!(header_of(&again.access_token), header_of(&after.access_token));
    assert_eq!(claims_of(&again.access_token)["iss"], crate::house::ISSUER);
}

fn algorithms(keys: &[Value]) -> BTreeSet<String> {
    keys.iter().map(|key| key["alg"].as_str().unwrap().to_owned()).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn only_keys_of_algorithms_that_something_uses_are_published_until_their_tokens_are_over() {
    let house = House::open().await;
    house.make_every_key().await;
    let published = || async { algorithms(&jwks(&house).await) };
    let quiet = |client: &mut protocol::Client| {
        client.id_token_signed_response_alg = SigningAlgorithm::Rs256;
    };
    let notes = house.register("notes", quiet).await;
    assert_eq!(published().await, names(&["ES256", "RS256"]));
    // Chosen when a client is changed, and when one is added; by access tokens and by ID Tokens.
    let eddsa = Some(SigningAlgorithm::EdDsa);
    house.change_client(&notes, |client| client.access_token_signed_response_alg = eddsa).await;
    let all = names(&["ES256", "EdDSA", "RS256"]);
    assert_eq!(published().await, all);
    let token = notes.tokens(&house, "alice").await.access_token;
    assert_eq!(header_of(&token)["alg"], "EdDSA");
    // Given up, the key stays until no token that it signed can live: across a restart, too.
    house.change_client(&notes, |client| client.access_token_signed_response_alg = None).await;
    assert_eq!(published().await, all);
    let house = house.restart().await;
    let published = || async { algorithms(&jwks(&house).await) };
    pass_seconds(86_400);
    house.make_every_key().await;
    assert_eq!(published().await, all);
    pass_seconds(86_400);
    house.make_every_key().await;
    assert_eq!(published().await, names(&["ES256", "RS256"]));
    // In use, it stays for as long as it is.
    let mail = house.register("mail", |client| client.access_token_signed_response_alg = eddsa).await;
    for _ in 0..5 {
        assert_eq!(published().await, all);
        pass_seconds(43_200);
        house.make_every_key().await;
    }
    house.provider.remove_client(&new_ctx(None), &mail.client_id()).await.unwrap();
    pass_seconds(2 * 86_400 + 1);
    house.make_every_key().await;
    assert_eq!(published().await, names(&["ES256", "RS256"]));
}

#[tokio::test]
async fn an_installation_that_chose_eddsa_publishes_it_and_es256_only_when_asked_for() {
    let house = House::with(|plan| plan.settings.access_token_alg = SigningAlgorithm::EdDsa).await;
    house.make_every_key().await;
    assert_eq!(algorithms(&jwks(&house).await), names(&["EdDSA", "RS256"]));
    house
        .register("es256", |client| client.access_token_signed_response_alg = Some(SigningAlgorithm::Es256))
        .await;
    assert_eq!(algorithms(&jwks(&house).await), names(&["ES256", "EdDSA", "RS256"]));
}
