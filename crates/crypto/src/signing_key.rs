//! A private key ready to sign tokens: named, with the JWS header of each token type encoded in advance.

use std::fmt;

use protocol::SigningAlgorithm;

use crate::encoding;
use crate::jwk::PublicJwk;
use crate::jws::TokenType;
use crate::private_key::PrivateKey;
use crate::verifying_key::VerifyingKey;

/// Signs compact JWS (RFC 7515 section 7.1). Per token there is one string, one signature and no JSON.
pub struct SigningKey {
    kid: String,
    key: PrivateKey,
    access_token_header: String,
    id_token_header: String,
}

impl SigningKey {
    /// Named by the thumbprint of its public half.
    pub fn new(key: PrivateKey) -> Self {
        let kid = key.public_jwk().thumbprint();
        Self {
            access_token_header: header(&key, &kid, TokenType::AccessToken),
            id_token_header: header(&key, &kid, TokenType::IdToken),
            kid,
            key,
        }
    }

    /// The key's name in headers and in the JWK Set.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm it signs by.
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.key.algorithm()
    }

    /// The private key, to be exported and sealed.
    pub fn private_key(&self) -> &PrivateKey {
        &self.key
    }

    /// The public half, to be published.
    pub fn public_jwk(&self) -> &PublicJwk {
        self.key.public_jwk()
    }

    pub(crate) fn verifying(&self) -> &VerifyingKey {
        self.key.verifying()
    }

    /// The compact JWS over `claims_json`, which is signed as it is and must be a JSON object (RFC 7519 section 3).
    ///
    /// # Panics
    /// When the library cannot sign: the machine is out of memory or of randomness, or a fault made aws-lc withhold
    /// an RSA signature. A key that could not sign at all would not have been parsed.
    #[expect(
        clippy::expect_used,
        reason = "no caller could do better than fail the request, which a panic does"
    )]
    pub fn sign(&self, typ: TokenType, claims_json: &[u8]) -> String {
        let seldom;
        let header = match typ {
            TokenType::AccessToken => &self.access_token_header,
            // The same header: what tells them apart are their claims.
            TokenType::IdToken | TokenType::PlainAccessToken => &self.id_token_header,
            TokenType::AuditHead | TokenType::AuditRecord => {
                seldom = header(&self.key, &self.kid, typ);
                &seldom
            }
        };
        let mut token = String::with_capacity(
            header.len()
                + encoding::encoded_len(claims_json.len())
                + encoding::encoded_len(self.signature_len())
                + 2,
        );
        token.push_str(header);
        token.push('.');
        encoding::encode_onto(&mut token, claims_json);
        let signature = self.key.sign(token.as_bytes()).expect("signing with a valid key");
        token.push('.');
        encoding::encode_onto(&mut token, &signature);
        token
    }

    fn signature_len(&self) -> usize {
        match self.algorithm() {
            SigningAlgorithm::EdDsa | SigningAlgorithm::Es256 => 64,
            // Of a 2048-bit key; a longer one costs one reallocation.
            SigningAlgorithm::Rs256 => 256,
        }
    }
}

/// A thumbprint and an algorithm name need no JSON escaping.
fn header(key: &PrivateKey, kid: &str, typ: TokenType) -> String {
    let (alg, typ) = (key.algorithm().as_str(), typ.as_str());
    encoding::encode(format!(r#"{{"alg":"{alg}","typ":"{typ}","kid":"{kid}"}}"#).as_bytes())
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {}, ..)", self.algorithm().as_str(), self.kid)
    }
}
