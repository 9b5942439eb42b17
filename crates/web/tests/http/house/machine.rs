//! A machine: a client with a key of its own, and the assertions it makes, right ones and wrong ones.

use super::{Answer, House, ISSUER, now, post};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::{PrivateKey, SeededRandom};
use protocol::SigningAlgorithm;
use serde_json::{Value, json};
use std::cell::Cell;

/// `client_assertion_type`.
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A key that signs assertions.
pub(crate) struct Key {
    private: PrivateKey,
    pkcs8: Vec<u8>,
}

impl Key {
    pub(crate) fn new(algorithm: SigningAlgorithm, seed: u64) -> Self {
        let private = match algorithm {
            SigningAlgorithm::Rs256 => PrivateKey::generate_rsa(),
            _ => PrivateKey::generate(algorithm, &mut SeededRandom::new(seed)),
        };
        let private = private.unwrap();
        let pkcs8 = private.to_pkcs8().unwrap().to_vec();
        Self { private, pkcs8 }
    }

    pub(crate) fn ed25519(seed: u64) -> Self {
        Self::new(SigningAlgorithm::EdDsa, seed)
    }

    /// Its public half, under this name.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let mut jwk = serde_json::to_value(self.private.public_jwk()).unwrap();
        jwk["kid"] = kid.into();
        jwk.as_object_mut().unwrap().remove("alg");
        jwk
    }

    pub(crate) fn public_key(&self) -> Vec<u8> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&self.pkcs8).unwrap().public_key().as_ref().to_vec()
    }

    /// A token with this header and these claims, signed as the header's `alg` says.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let input = signing_input(header, claims);
        let (message, random) = (input.as_bytes(), SystemRandom::new());
        let signature = match header["alg"].as_str().unwrap() {
            "EdDSA" | "Ed25519" => {
                let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&self.pkcs8).unwrap();
                key.sign(message).as_ref().to_vec()
            }
            "ES256" => {
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.pkcs8).unwrap();
                key.sign(&random, message).unwrap().as_ref().to_vec()
            }
            alg => {
                let key = RsaKeyPair::from_pkcs8(&self.pkcs8).unwrap();
                let mut signature = vec![0; key.public_modulus_len()];
                let encoding = if alg == "PS256" {
                    key.sign(&RSA_PSS_SHA256, &random, message, &mut signature)
                } else {
                    key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                };
                encoding.unwrap();
                signature
            }
        };
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A token by HMAC under this secret.
pub(crate) fn by_hmac(secret: &[u8], header: &Value, claims: &Value) -> String {
    let input = signing_input(header, claims);
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
    let tag = aws_lc_rs::hmac::sign(&key, input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn signing_input(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

thread_local! {
    static MADE: Cell<u64> = const { Cell::new(0) };
}

/// The claims of a good assertion of `id` about itself; a change replaces a claim, or takes it away when it is null.
pub(crate) fn assertion_claims(id: &str, change: &Value) -> Value {
    MADE.set(MADE.get() + 1);
    let issued_at = now().seconds();
    let mut claims = json!({
        "iss": id, "sub": id, "aud": ISSUER, "iat": issued_at, "exp": issued_at + 60, "jti": format!("jti-{}", MADE.get()),
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// Posts a form with this assertion.
pub(crate) async fn asserting(house: &House, path: &str, assertion: &str, form: &[(&str, &str)]) -> Answer {
    let mut form = form.to_vec();
    form.extend([("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)]);
    house.send(post(path, &form)).await
}
