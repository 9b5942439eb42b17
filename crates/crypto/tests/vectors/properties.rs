//! What holds for any input at all.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use crypto::{
    JwkSet, KeyState, Keyring, PrivateKey, PublicJwk, SeededRandom, SigningKey, TokenType, UnverifiedToken,
};
use proptest::prelude::*;
use protocol::SigningAlgorithm;

static RING: LazyLock<Keyring> = LazyLock::new(|| {
    let keys = [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256].map(|algorithm| {
        let key = PrivateKey::generate(algorithm, &mut SeededRandom::new(3)).expect("a key");
        (SigningKey::new(key).into(), KeyState::Current)
    });
    Keyring::new(keys.into())
});

proptest! {
    #[test]
    fn reading_a_token_never_panics(text: String, header: String, payload: Vec<u8>, signature: Vec<u8>) {
        prop_assert!(UnverifiedToken::parse(&text).is_err());
        let dressed = [header.as_bytes(), &payload, &signature].map(|part| BASE64URL.encode(part)).join(".");
        prop_assert!(RING.verify(&dressed, TokenType::IdToken).is_err());
    }

    #[test]
    fn headers_of_plausible_members_never_verify_unsigned(
        members in prop::collection::vec(("alg|kid|typ|crit|jwk|[a-z]{1,3}", "\"EdDSA\"|\"none\"|1|null|\\{\\}|\\[\\]"), 0..6),
    ) {
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let token = format!("{}.e30.AAAA", BASE64URL.encode(format!("{{{}}}", members.join(","))));
        prop_assert!(RING.verify(&token, TokenType::IdToken).is_err());
    }

    #[test]
    fn whatever_is_signed_verifies_unchanged(claims: Vec<u8>) {
        for algorithm in RING.algorithms() {
            for typ in [TokenType::AccessToken, TokenType::IdToken] {
                let key = RING.signing_key(algorithm).ok_or_else(|| TestCaseError::fail("no key"))?;
                let verified = RING.verify(&key.sign(typ, &claims), typ);
                prop_assert_eq!(verified.map(|verified| verified.payload), Ok(claims.clone()));
            }
        }
    }

    #[test]
    fn reading_keys_never_panics(bytes: Vec<u8>, text: String) {
        prop_assert!(serde_json::from_slice::<PublicJwk>(&bytes).is_err());
        prop_assert!(serde_json::from_slice::<JwkSet>(&bytes).is_err());
        let member = serde_json::Value::from(text);
        for kty in ["OKP", "EC", "RSA"] {
            let json = serde_json::json!({"kty": kty, "crv": member, "x": member, "y": member, "n": member, "e": member});
            if let Ok(key) = serde_json::from_value::<PublicJwk>(json) {
                prop_assert_eq!(key.thumbprint().len(), 43);
            }
        }
        for algorithm in SigningAlgorithm::ALL {
            prop_assert!(PrivateKey::from_pkcs8(algorithm, &bytes).is_err());
        }
    }
}
