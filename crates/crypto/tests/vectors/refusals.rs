//! Tokens an attacker would send: crafted headers, borrowed keys, changed bytes.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use crypto::{JwsError, KeyState, Keyring, PrivateKey, SeededRandom, SigningKey, TokenType, UnverifiedToken};
use protocol::SigningAlgorithm;

const CLAIMS: &[u8] = br#"{"sub":"alice"}"#;

struct Fixture {
    ring: Keyring,
    ed25519: Ed25519KeyPair,
}

impl Fixture {
    fn kid(&self, algorithm: SigningAlgorithm) -> &str {
        self.ring.signing_key(algorithm).expect("one of each").kid()
    }

    /// A token with any header, truly signed by the ring's Ed25519 key.
    fn forge(&self, header: &str) -> String {
        let input = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(CLAIMS));
        let signature = BASE64URL.encode(self.ed25519.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }

    fn verify(&self, header: &str, typ: TokenType) -> Result<(), JwsError> {
        self.ring.verify(&self.forge(header), typ).map(|verified| assert_eq!(verified.payload, CLAIMS))
    }
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let keys = SigningAlgorithm::ALL.map(|algorithm| {
        let key = PrivateKey::generate(algorithm, &mut SeededRandom::new(7)).expect("a key");
        (Arc::new(SigningKey::new(key)), KeyState::Current)
    });
    let pkcs8 = keys[0].0.private_key().to_pkcs8().expect("exportable");
    let ed25519 = Ed25519KeyPair::from_pkcs8(&pkcs8).expect("its own export");
    Fixture { ring: Keyring::new(keys.into()), ed25519 }
});

#[test]
fn headers_that_change_the_meaning_of_a_token_are_refused() {
    let kid = FIXTURE.kid(SigningAlgorithm::EdDsa);
    for (members, expected) in [
        ("", Ok(())),
        // RFC 7515 section 4: members that are not understood are ignored.
        (r#","cty":"x","x5t":"x","unknown":{"deep":[1,{"alg":"none"}]}"#, Ok(())),
        // RFC 7515 section 4.1.11, also where the extension named would be harmless.
        (r#","crit":["exp"],"exp":1"#, Err(JwsError::CriticalExtension)),
        (r#","crit":[]"#, Err(JwsError::CriticalExtension)),
        (r#","crit":null"#, Err(JwsError::CriticalExtension)),
        (r#","\u0063rit":["b64"]"#, Err(JwsError::CriticalExtension)),
        // RFC 7797 section 3, RFC 8725 section 3.6.
        (r#","b64":false"#, Err(JwsError::TransformedPayload)),
        (r#","zip":"DEF""#, Err(JwsError::TransformedPayload)),
        // RFC 8725 section 3.10.
        (r#","jwk":{"kty":"OKP"}"#, Err(JwsError::EmbeddedKey)),
        (r#","jku":"https://evil.example/keys""#, Err(JwsError::EmbeddedKey)),
        (r#","x5u":"https://evil.example/chain""#, Err(JwsError::EmbeddedKey)),
        (r#","x5c":[]"#, Err(JwsError::EmbeddedKey)),
        // RFC 7515 section 4: names are unique.
        (r#","alg":"EdDSA""#, Err(JwsError::DuplicateMember)),
        (r#","typ":"at+jwt""#, Err(JwsError::DuplicateMember)),
        (r#","unknown":1,"unknown":1"#, Err(JwsError::DuplicateMember)),
    ] {
        let header = format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{kid}"{members}}}"#);
        assert_eq!(FIXTURE.verify(&header, TokenType::IdToken), expected, "{header}");
    }
    for (header, expected) in [
        (r#"{"alg":"EdDSA"}"#, JwsError::NoKey),
        (r#"{"alg":"EdDSA","kid":"nobody"}"#, JwsError::UnknownKey),
        (r#"{"alg":"EdDSA","kid":7}"#, JwsError::Header),
        (r#"{"alg":["EdDSA"]}"#, JwsError::Header),
        (r#"{"alg":"EdDSA","typ":null}"#, JwsError::Header),
        (r#"{"kid":"nobody"}"#, JwsError::Header),
        (r#"{"alg":"EdDSA"} "#, JwsError::NoKey),
        (r#"{"alg":"EdDSA"}{}"#, JwsError::Header),
        (r#"["alg","EdDSA"]"#, JwsError::Header),
        ("", JwsError::Header),
    ] {
        assert_eq!(FIXTURE.verify(header, TokenType::IdToken), Err(expected), "{header}");
    }
}

/// RFC 8725 section 3.1. `none` in any spelling, HMAC under a public key, encryption, and what else there is.
#[test]
fn algorithms_off_the_list_are_refused() {
    for alg in
        ["none", "None", "NONE", "", "HS256", "HS512", "RS384", "PS256", "ES256K", "eddsa", "RSA-OAEP", "dir"]
    {
        let header = format!(r#"{{"alg":"{alg}","kid":"{}"}}"#, FIXTURE.kid(SigningAlgorithm::Rs256));
        assert_eq!(FIXTURE.verify(&header, TokenType::IdToken), Err(JwsError::Algorithm), "{alg}");
    }
}

/// RFC 8725 section 2.1: the key, not the token, decides the algorithm.
#[test]
fn a_key_answers_only_to_its_own_algorithm() {
    for of_key in SigningAlgorithm::ALL {
        for named in SigningAlgorithm::ALL {
            let header = format!(r#"{{"alg":"{}","kid":"{}"}}"#, named.as_str(), FIXTURE.kid(of_key));
            let expected = match (named == of_key, of_key) {
                (false, _) => Err(JwsError::AlgorithmMismatch),
                (true, SigningAlgorithm::EdDsa) => Ok(()),
                // Signed by Ed25519, which these keys did not do.
                (true, _) => Err(JwsError::Signature),
            };
            assert_eq!(FIXTURE.verify(&header, TokenType::IdToken), expected, "{header}");
        }
    }
}

/// RFC 9068 section 4 and RFC 8725 section 3.11: an ID Token is no access token, nor the other way round.
#[test]
fn one_type_does_not_pass_for_another() {
    let kid = FIXTURE.kid(SigningAlgorithm::EdDsa);
    let (yes, no) = (Ok(()), Err(JwsError::Type));
    for (typ, as_access_token, as_id_token) in [
        (r#","typ":"at+jwt""#, yes, no),
        (r#","typ":"AT+JWT""#, yes, no),
        (r#","typ":"application/at+jwt""#, yes, no),
        (r#","typ":"Application/AT+jwt""#, yes, no),
        (r#","typ":"JWT""#, no, yes),
        (r#","typ":"jwt""#, no, yes),
        ("", no, yes),
        (r#","typ":"""#, no, no),
        (r#","typ":"logout+jwt""#, no, no),
        (r#","typ":"text/at+jwt""#, no, no),
        (r#","typ":"at+jwt ""#, no, no),
    ] {
        let header = format!(r#"{{"alg":"EdDSA","kid":"{kid}"{typ}}}"#);
        assert_eq!(FIXTURE.verify(&header, TokenType::AccessToken), as_access_token, "{typ}");
        assert_eq!(FIXTURE.verify(&header, TokenType::IdToken), as_id_token, "{typ}");
    }
}

#[test]
fn no_part_of_a_token_may_change() {
    for algorithm in SigningAlgorithm::ALL {
        let key = FIXTURE.ring.signing_key(algorithm).expect("one of each");
        let token = key.sign(TokenType::AccessToken, CLAIMS);
        let verify = |token: &str| FIXTURE.ring.verify(token, TokenType::AccessToken);
        let verified = verify(&token).expect("its own token");
        assert_eq!((verified.kid.as_str(), verified.algorithm), (key.kid(), algorithm));
        assert_eq!(verified.payload, CLAIMS);

        for at in 0..token.len() {
            assert!(verify(&token[..at]).is_err(), "{algorithm:?} cut at {at}");
            let replacement = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
            let changed = format!("{}{replacement}{}", &token[..at], &token[at + 1..]);
            assert!(verify(&changed).is_err(), "{algorithm:?} changed at {at}");
        }
        let (input, signature) = token.rsplit_once('.').expect("three parts");
        let (header, payload) = input.split_once('.').expect("three parts");
        let admin = BASE64URL.encode(br#"{"sub":"admin"}"#);
        assert_eq!(verify(&format!("{header}.{admin}.{signature}")), Err(JwsError::Signature));
        assert_eq!(verify(&format!("{header}.{payload}.")), Err(JwsError::Signature));
        let zeros = BASE64URL.encode(vec![0; BASE64URL.decode(signature).expect("base64url").len()]);
        assert_eq!(verify(&format!("{header}.{payload}.{zeros}")), Err(JwsError::Signature));
    }
}

/// RFC 7515 section 7.1 and section 2: three parts, one spelling.
#[test]
fn only_the_compact_form_is_read() {
    let token =
        FIXTURE.ring.signing_key(SigningAlgorithm::EdDsa).expect("one").sign(TokenType::IdToken, CLAIMS);
    let (input, signature) = token.rsplit_once('.').expect("three parts");
    for (token, expected) in [
        (String::new(), JwsError::NotCompact),
        ("..".to_owned(), JwsError::Header),
        (input.to_owned(), JwsError::NotCompact),
        (format!("{token}.{signature}"), JwsError::NotCompact),
        (format!("{token}.x.y"), JwsError::NotCompact),
        (format!("{token}="), JwsError::Encoding),
        (format!("{token}\n"), JwsError::Encoding),
        (format!(" {token}"), JwsError::Encoding),
        (token.replace(input, &format!("{input}=")), JwsError::Encoding),
        // 64 bytes leave 4 bits over in 86 characters; all but one of 16 spellings are refused.
        (format!("{}_", &token[..token.len() - 1]), JwsError::Encoding),
        (format!("{input}.{}", "A".repeat(16 * 1024 - input.len())), JwsError::TooLong),
        ("\u{e9}.\u{e9}.\u{e9}".to_owned(), JwsError::Encoding),
    ] {
        assert_eq!(UnverifiedToken::parse(&token).map(|_| ()), Err(expected), "{token:.80}");
    }
}
