//! Opaque tokens in the clothes of a JWT, for clients that read what they need not read: signed by HS512 (RFC 7518 section 3.2) under a key
//! that only this installation has, so that nobody else takes one for a token of theirs. Knows nothing of what the claims say.

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::derive::DerivationKey;
use crate::encoding;

/// `{"alg":"HS512","typ":"JWT"}`, as base64url.
const HEADER: &str = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9";

/// Names this use of the key, so that no other HMAC under it could ever collide with one made here.
const CONTEXT: &[u8] = b"doorward token envelope v1\0";

/// Longer ones are refused unread; one of ours has some 700 characters.
const MAX_LEN: usize = 8 * 1024;

impl DerivationKey {
    /// A compact JWS over these claims, which must be a JSON object.
    pub fn enveloped(&self, claims_json: &[u8]) -> String {
        let mut token = format!("{HEADER}.");
        encoding::encode_onto(&mut token, claims_json);
        let tag = hmac::sign(&self.envelope_key(), token.as_bytes());
        token.push('.');
        encoding::encode_onto(&mut token, tag.as_ref());
        token
    }

    /// The claims of what [`enveloped`](Self::enveloped) made under this key; `None` for anything else.
    pub fn opened(&self, token: &str) -> Option<Vec<u8>> {
        if token.len() > MAX_LEN {
            return None;
        }
        let (signing_input, tag) = token.rsplit_once('.')?;
        let (header, claims) = signing_input.split_once('.')?;
        if header != HEADER {
            return None;
        }
        hmac::verify(&self.envelope_key(), signing_input.as_bytes(), &encoding::decode(tag)?).ok()?;
        encoding::decode(claims)
    }

    /// RFC 7518 section 3.2: a key of the size of the hash output.
    fn envelope_key(&self) -> hmac::Key {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, self.as_bytes()), CONTEXT);
        let bytes = Zeroizing::new(derived.as_ref().to_vec());
        hmac::Key::new(hmac::HMAC_SHA512, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_opens_under_its_own_key_as_it_was_closed() {
        let key = DerivationKey::from_bytes([3; 32]);
        let claims = br#"{"jti":"a.b"}"#;
        let token = key.enveloped(claims);
        assert_eq!(encoding::decode(HEADER).unwrap(), br#"{"alg":"HS512","typ":"JWT"}"#);
        assert_eq!(token.split('.').count(), 3);
        assert_eq!(key.opened(&token).as_deref(), Some(claims.as_slice()));
        let other = encoding::encode(br#"{"jti":"a.c"}"#);
        let tag = token.rsplit_once('.').unwrap().1;
        for wrong in [
            String::new(),
            "..".to_owned(),
            format!("{HEADER}.{other}.{tag}"),
            format!("{token}."),
            token.replace(HEADER, "eyJhbGciOiJub25lIn0"),
            token[..token.len() - 2].to_owned(),
            token.rsplit_once('.').unwrap().0.to_owned(),
            DerivationKey::from_bytes([4; 32]).enveloped(claims),
            format!("{}{}", "x".repeat(MAX_LEN), token),
        ] {
            assert_eq!(key.opened(&wrong), None, "{wrong}");
        }
    }
}
