//! Forged tokens, signed with the installation's true key, so that the one thing wrong with them is the one the test names.

use super::{House, master_key};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::MasterKeys;
use protocol::SigningAlgorithm;
use serde_json::{Value, json};
use storage::signing_key::ListSigningKeys;

pub(crate) struct Forge {
    pub(crate) kid: String,
    key: Ed25519KeyPair,
}

impl Forge {
    /// With the Ed25519 key that signs now.
    pub(crate) async fn of(house: &House) -> Self {
        let stored = house.provider.store().read(ListSigningKeys).await.unwrap();
        let current = |key: &&storage::signing_key::StoredSigningKey| {
            key.algorithm == SigningAlgorithm::EdDsa && key.current_at.is_some() && key.retired_at.is_none()
        };
        let key = stored.iter().find(current).unwrap();
        let keys = MasterKeys::new(master_key(), Vec::new());
        let pkcs8 = keys.open(&format!("signing-key/{}", key.kid), &key.sealed_private_key).unwrap();
        Self { kid: key.kid.clone(), key: Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).unwrap() }
    }

    /// The header of a good token of this `typ`.
    pub(crate) fn header(&self, typ: &str) -> Value {
        json!({ "alg": "EdDSA", "typ": typ, "kid": self.kid })
    }

    /// A token with this header and these claims, and a signature that is right for them.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let input = format!("{}.{}", encode(header), encode(claims));
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(self.key.sign(input.as_bytes())))
    }
}

/// A header and claims without any signature.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}.", encode(header), encode(claims))
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The token with one character of the given part changed.
pub(crate) fn tampered(jwt: &str, part: usize) -> String {
    let mut parts: Vec<String> = jwt.split('.').map(str::to_owned).collect();
    // The last character may carry unused bits; the one in the middle never does.
    let middle = parts[part].len() / 2;
    let other = if parts[part].as_bytes()[middle] == b'A' { "B" } else { "A" };
    parts[part].replace_range(middle..=middle, other);
    parts.join(".")
}
