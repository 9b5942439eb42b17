//! Keys as JSON: the RFCs' own, and those that must be refused.

use crypto::{JwkSet, PrivateKey, PublicJwk, PublicKeyMaterial, SeededRandom};
use protocol::SigningAlgorithm;

pub(crate) const RFC8037_A2: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
const Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";
const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

pub(crate) fn jwk(json: &str) -> PublicJwk {
    serde_json::from_str(json).expect(json)
}

/// RFC 7517 appendix A.1.
#[test]
fn a_jwk_set_is_read_and_written_again() {
    let json = format!(
        r#"{{"keys":[{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}","use":"enc","kid":"1"}},
        {{"kty":"RSA","n":"{N}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}]}}"#
    );
    let set: JwkSet = serde_json::from_str(&json).expect("the RFC's set");
    assert_eq!(
        set.keys.iter().map(|key| key.kid.as_deref()).collect::<Vec<_>>(),
        [Some("1"), Some("2011-04-29")]
    );
    assert_eq!(set.keys[0].usage.as_deref(), Some("enc"));
    assert_eq!(set.keys[1].alg.as_deref(), Some("RS256"));
    let (written, read): (serde_json::Value, serde_json::Value) =
        (serde_json::to_value(&set).expect("writable"), serde_json::from_str(&json).expect("JSON"));
    assert_eq!(written, read);
}

/// RFC 7638 section 3.1 and RFC 8037 appendix A.3.
#[test]
fn thumbprints_cover_the_required_members_only() {
    let rsa = jwk(&format!(r#"{{"kty":"RSA","n":"{N}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}"#));
    assert_eq!(rsa.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(jwk(RFC8037_A2).thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let ec = jwk(&format!(r#"{{"y":"{Y}","kty":"EC","x":"{X}","crv":"P-256"}}"#));
    assert_eq!(ec.thumbprint(), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
}

#[test]
fn our_own_keys_say_what_they_are_for() {
    for algorithm in SigningAlgorithm::ALL {
        let key = PrivateKey::generate(algorithm, &mut SeededRandom::new(1)).expect("a key");
        let public = key.public_jwk();
        assert_eq!(public.kid, Some(public.thumbprint()));
        assert_eq!(public.alg.as_deref(), Some(algorithm.as_str()));
        assert_eq!(public.usage.as_deref(), Some("sig"));
        assert_eq!(&jwk(&serde_json::to_string(public).expect("writable")), public);
    }
}

#[test]
fn keys_that_are_not_public_and_well_formed_are_refused() {
    let short = &X[..42];
    let zero_led = "AAEAAQ";
    for (json, reason) in [
        // RFC 7517 appendix A.2, RFC 8037 appendix A.1, RFC 7517 appendix A.3: private keys.
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}","d":"870M"}}"#), "private"),
        (format!(r#"{{"kty":"RSA","n":"{N}","e":"AQAB","p":"83i-"}}"#), "private"),
        (r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMko"}"#.to_owned(), "private"),
        (RFC8037_A2.replace('}', r#","d":null}"#), ""),
        (RFC8037_A2.replace('}', r#","d":"nWGx"}"#), "private"),
        // RFC 7518 sections 6.2.1.2 and 6.3.1.1: one encoding only.
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{short}","y":"{Y}"}}"#), "wrongly encoded"),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}="  ,"y":"{Y}"}}"#), "wrongly encoded"),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}"}}"#), "missing"),
        (format!(r#"{{"kty":"RSA","n":"{N}","e":"{zero_led}"}}"#), "wrongly encoded"),
        (format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, "_".repeat(1368)), "wrongly encoded"),
        (format!(r#"{{"kty":"EC","crv":"P-384","x":"{X}","y":"{Y}"}}"#), "not an Ed25519"),
        (RFC8037_A2.replace("Ed25519", "X25519"), "not an Ed25519"),
        (RFC8037_A2.replace(r#""kty":"OKP","#, ""), "missing"),
        // RFC 7517 section 4: names are unique.
        (RFC8037_A2.replace('}', r#","x":"AAAA"}"#), "duplicate"),
    ] {
        match serde_json::from_str::<PublicJwk>(&json) {
            Ok(_) => assert_eq!(reason, "", "{json}"),
            Err(error) => {
                assert!(!reason.is_empty() && error.to_string().contains(reason), "{json}: {error}");
            }
        }
    }
}

/// RFC 7517 section 5: keys of an unknown type are passed over, but a leaked private key is not.
#[test]
fn a_set_keeps_what_it_understands() {
    let set = |key: &str| serde_json::from_str::<JwkSet>(&format!(r#"{{"keys":[{key},{RFC8037_A2}]}}"#));
    assert_eq!(set(r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}"#).expect("understood").keys.len(), 1);
    assert!(set(r#"{"kty":"oct","k":"AA"}"#).is_err());
}

/// RFC 7517 section 5: "missing required members, or for which values are out of the supported ranges" are ignored, and told.
#[test]
fn rfc7517_5_one_malformed_key_is_no_other_keys_fault() {
    for (bad, why) in [
        (r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"bad"}"#, "wrongly encoded"),
        (r#"{"kty":"RSA","e":"AQAB","kid":"bad"}"#, "missing"),
        (r#"{"kty":7,"kid":"bad"}"#, "wrongly encoded"),
        (r#""no key""#, "wrongly encoded"),
    ] {
        let set = format!(r#"{{"keys":[{RFC8037_A2},{bad}]}}"#);
        let (read, skipped) = JwkSet::read(set.as_bytes()).expect("a set");
        assert_eq!((read.keys.len(), skipped.len()), (1, 1), "{bad}");
        let name = if bad.contains("bad") { "bad" } else { "2" };
        assert!(skipped[0].name == name && skipped[0].why.contains(why), "{bad}: {}", skipped[0]);
        assert_eq!(serde_json::from_str::<JwkSet>(&set).expect("a set"), read);
    }
    // A private key beside a malformed member is still one that leaked.
    let leaked = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","d":"AA"}]}"#;
    assert!(JwkSet::read(leaked.as_bytes()).is_err() && JwkSet::read(b"[]").is_err());
}

/// RFC 5280 section 4.1.2.7 and RFC 8410 section 10.1, whose key this is; the others as OpenSSL writes them.
#[test]
fn rfc7468_13_a_public_key_is_written_as_pem() {
    let ed25519 = jwk(r#"{"kty":"OKP","crv":"Ed25519","x":"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"}"#);
    assert_eq!(
        ed25519.to_pem(),
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
    );
    let ec = jwk(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"}}"#)).to_pem();
    assert!(ec.contains("\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMKBCTNIcKUSDii11ySs3526iDZ8A\n"), "{ec}");
    let rsa = jwk(&format!(r#"{{"kty":"RSA","n":"{N}","e":"AQAB"}}"#)).to_pem();
    assert!(rsa.contains("\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0vx7agoebGcQSuuPiLJX\n"), "{rsa}");
    assert!(rsa.contains("IDAQAB\n-----END") && rsa.lines().all(|line| line.len() <= 64), "{rsa}");
}

#[test]
fn private_keys_survive_export_and_fit_their_algorithm_only() {
    for algorithm in SigningAlgorithm::ALL {
        let key = PrivateKey::generate(algorithm, &mut SeededRandom::new(2)).expect("a key");
        let exported = key.to_pkcs8().expect("exportable");
        let read = PrivateKey::from_pkcs8(algorithm, &exported).expect("its own export");
        assert_eq!(read.public_jwk(), key.public_jwk());
        for other in SigningAlgorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            assert!(PrivateKey::from_pkcs8(other, &exported).is_err(), "{algorithm:?} as {other:?}");
        }
        assert!(PrivateKey::from_pkcs8(algorithm, &exported[..exported.len() - 1]).is_err());
        assert_eq!(format!("{key:?}"), format!("PrivateKey({}, ..)", algorithm.as_str()));
    }
}

/// Randomness is an argument: the same stream gives the same key, but for RSA.
#[test]
fn key_generation_draws_from_the_stream_it_is_given() {
    for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256] {
        let kid = |seed| {
            PrivateKey::generate(algorithm, &mut SeededRandom::new(seed))
                .expect("a key")
                .public_jwk()
                .thumbprint()
        };
        assert_eq!(kid(1), kid(1));
        assert_ne!(kid(1), kid(2));
    }
    let rsa = PrivateKey::generate(SigningAlgorithm::Rs256, &mut SeededRandom::new(1)).expect("a key");
    assert!(matches!(&rsa.public_jwk().material, PublicKeyMaterial::Rsa { n, .. } if n.len() == 256));
}
