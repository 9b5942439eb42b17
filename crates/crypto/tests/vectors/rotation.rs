//! The keyring through a rotation, as a client sees it.

use std::sync::Arc;

use crypto::{
    JwsError, KeyState, Keyring, PrivateKey, SeededRandom, SigningKey, TokenType, UnverifiedToken,
    verify_with_jwk,
};
use protocol::SigningAlgorithm::{EdDsa, Es256, Rs256};

fn key(seed: u64) -> Arc<SigningKey> {
    Arc::new(SigningKey::new(PrivateKey::generate(EdDsa, &mut SeededRandom::new(seed)).expect("a key")))
}

#[test]
fn a_rotation_breaks_neither_old_tokens_nor_cached_key_sets() {
    let (old, new) = (key(1), key(2));
    let before = Keyring::new(vec![(new.clone(), KeyState::Next), (old.clone(), KeyState::Current)]);
    let after = Keyring::new(vec![(old.clone(), KeyState::Retired), (new.clone(), KeyState::Current)]);
    assert_eq!(before.signing_key(EdDsa).expect("current").kid(), old.kid());
    assert_eq!(after.signing_key(EdDsa).expect("current").kid(), new.kid());

    for ring in [&before, &after] {
        for signer in [&old, &new] {
            let token = signer.sign(TokenType::AccessToken, b"{}");
            assert_eq!(ring.verify(&token, TokenType::AccessToken).expect("both verify").kid, signer.kid());
            // What a client does that fetched the set on the other side of the rotation.
            let named = UnverifiedToken::parse(&token).expect("well-formed").kid().map(str::to_owned);
            let public = ring.jwk_set().keys.iter().find(|key| key.kid == named).expect("published");
            assert!(verify_with_jwk(public, &token, TokenType::AccessToken).is_ok());
        }
    }
    let gone = Keyring::new(vec![(new, KeyState::Current)]);
    let token = old.sign(TokenType::AccessToken, b"{}");
    assert_eq!(gone.verify(&token, TokenType::AccessToken), Err(JwsError::UnknownKey));
}

#[test]
fn an_outlived_key_is_not_published_and_believed_for_id_tokens_alone() {
    let (old, new) = (key(1), key(2));
    let ring = Keyring::new(vec![(old.clone(), KeyState::Outlived), (new.clone(), KeyState::Current)]);
    let kids: Vec<_> = ring.jwk_set().keys.iter().filter_map(|key| key.kid.clone()).collect();
    assert_eq!(kids, [new.kid()]);
    let sign = |typ| old.sign(typ, b"{}");
    assert!(ring.verify(&sign(TokenType::IdToken), TokenType::IdToken).is_ok());
    let access_token = ring.verify(&sign(TokenType::AccessToken), TokenType::AccessToken);
    assert_eq!(access_token, Err(JwsError::UnknownKey));
    assert_eq!(ring.verify(&sign(TokenType::AccessToken), TokenType::IdToken), Err(JwsError::Type));
}

#[test]
fn the_published_set_leads_with_what_signs_and_holds_nothing_private() {
    let keys = [(3, KeyState::Retired), (1, KeyState::Next), (2, KeyState::Current)];
    let ring = Keyring::new(keys.map(|(seed, state)| (key(seed), state)).into());
    let kids: Vec<_> = ring.jwk_set().keys.iter().filter_map(|key| key.kid.clone()).collect();
    assert_eq!(kids, [2, 1, 3].map(|seed| key(seed).kid().to_owned()));
    let json = serde_json::to_value(ring.jwk_set()).expect("writable");
    for published in json["keys"].as_array().expect("a list") {
        let mut members: Vec<_> =
            published.as_object().expect("an object").keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
    }
}

#[test]
fn each_algorithm_has_its_own_current_key() {
    let es256 = PrivateKey::generate(Es256, &mut SeededRandom::new(1)).expect("a key");
    let es256 = Arc::new(SigningKey::new(es256));
    let ring = Keyring::new(vec![
        (es256.clone(), KeyState::Current),
        (key(1), KeyState::Current),
        (key(2), KeyState::Current),
    ]);
    assert_eq!(ring.algorithms(), [EdDsa, Es256]);
    assert_eq!(ring.signing_key(EdDsa).expect("current").kid(), key(1).kid());
    assert_eq!(ring.signing_key(Es256).expect("current").kid(), es256.kid());
    assert!(ring.signing_key(Rs256).is_none());
    assert!(Keyring::new(vec![(key(1), KeyState::Next)]).signing_key(EdDsa).is_none());
}

/// What every token carries; resource servers depend on it (RFC 9068 section 2.1).
#[test]
fn headers_name_algorithm_type_and_key() {
    let key = key(1);
    for (typ, name) in [(TokenType::AccessToken, "at+jwt"), (TokenType::IdToken, "JWT")] {
        use base64::Engine as _;
        let token = key.sign(typ, b"{}");
        let header = token.split('.').next().expect("three parts");
        let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).expect("base64url");
        let expected = format!(r#"{{"alg":"EdDSA","typ":"{name}","kid":"{}"}}"#, key.kid());
        assert_eq!(String::from_utf8(header), Ok(expected));
    }
}
