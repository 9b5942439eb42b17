//! Assertions (RFC 7523). Its own examples have no signature that could be checked: these are its claims of section 3.1 and a `jti`, signed with
//! the keys of RFC 7515 and RFC 8037 by another program (Python's cryptography), once.

use crypto::{AssertionKeys, AssertionUse, JwsError, SharedKey, UnverifiedAssertion};
use protocol::assertion::{AssertionClaims, AssertionError, Audiences};
use protocol::{AssertionAlgorithm, Timestamp};

use crate::keys::RFC8037_A2;
use crate::tokens::{
    JOE, RFC7515_A1, RFC7515_A2, RFC7515_A2_KEY, RFC7515_A3, RFC7515_A3_KEY, RFC7515_A5, RFC8037_A4,
};

const ES256: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjE2In0.eyJpc3MiOiJodHRwczovL2p3dC1pZHAuZXhhbXBsZS5jb20iLCJzdWIiOiJtYWlsdG86bWlrZUBleGFtcGxlLmNvbSIsImF1ZCI6Imh0dHBzOi8vand0LXJwLmV4YW1wbGUubmV0IiwibmJmIjoxMzAwODE1NzgwLCJleHAiOjEzMDA4MTkzODAsImh0dHA6Ly9jbGFpbXMuZXhhbXBsZS5jb20vbWVtYmVyIjp0cnVlLCJqdGkiOiIxIn0.zNbG5qetSzLb5sW1NPefBW2TNZtg1D2JOIV5kAAWH89eeiqSq3NuuAhINF4ZqFzd9ISTvsWt_bjJnsmtnmv1tA";
const PS256: &str = "eyJhbGciOiJQUzI1NiIsImtpZCI6IjE2In0.eyJpc3MiOiJodHRwczovL2p3dC1pZHAuZXhhbXBsZS5jb20iLCJzdWIiOiJtYWlsdG86bWlrZUBleGFtcGxlLmNvbSIsImF1ZCI6Imh0dHBzOi8vand0LXJwLmV4YW1wbGUubmV0IiwibmJmIjoxMzAwODE1NzgwLCJleHAiOjEzMDA4MTkzODAsImh0dHA6Ly9jbGFpbXMuZXhhbXBsZS5jb20vbWVtYmVyIjp0cnVlLCJqdGkiOiIxIn0.bQ6jYCV5QG0xyvN4hrwSDE5Tc-OkYtre4HkPuRJ5-vBEtRlGJL3Ouvak2q0m58LZSAybFpFgUPqSMOfk5nnOvL7XAzaFeHymCE88oSLCkgbNoTbnHNFSsAB_r9kXAqb3jvngJ6Mw5CpCpN1w1qX_lfCtHD0vGDCAQva3fS6HbkLoJcJTdhgpyCfmH5_flDBMN4TTK-e0TEZplZc8640LQ5RIFeKxwp1Aq7hBmXxSU6BFz74DHd_wzCbde9CkhKUpQH4C_Hh96X4nYaQtvV97Smz6ccfTu4D73WU8rv1gmrIjr_1oGtWkNPEZ6qK8YloHQaPu2wvfF1AvgbISPMdnQQ";
const RS256: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjE2In0.eyJpc3MiOiJodHRwczovL2p3dC1pZHAuZXhhbXBsZS5jb20iLCJzdWIiOiJtYWlsdG86bWlrZUBleGFtcGxlLmNvbSIsImF1ZCI6Imh0dHBzOi8vand0LXJwLmV4YW1wbGUubmV0IiwibmJmIjoxMzAwODE1NzgwLCJleHAiOjEzMDA4MTkzODAsImh0dHA6Ly9jbGFpbXMuZXhhbXBsZS5jb20vbWVtYmVyIjp0cnVlLCJqdGkiOiIxIn0.KWGRIJz_ScP6tPL0PNnfZKdlCxloLpoyLI9B3j8AaM03-9JPZS4l4KryksJMZIDpeVNH-D_GPwN3smUc8Ytu0kkHScFu6kx502FagXgYCihPoIVza7x_RJubB8gebp_NDiVvGz56_e82dcn_WmDxKmzg8F5NAOLA_9bmkBmwPSQ8htDofMeydyd0HdyZOjqwXHU3kwM4UTcHne9POv3VRT44WATztWTIV06gXP2LgZ64eXjNMA3uErNZRz_S-kbyVZSnLPmWndLvAdOjuH5LuLJ-27ituu0tKeGuGD9mxKeB96gHThtV9R1pNuISPwOxe99KZV23CV81DUYxwOTeog";
const ED25519: &str = "eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoiMTYifQ.eyJpc3MiOiJodHRwczovL2p3dC1pZHAuZXhhbXBsZS5jb20iLCJzdWIiOiJtYWlsdG86bWlrZUBleGFtcGxlLmNvbSIsImF1ZCI6Imh0dHBzOi8vand0LXJwLmV4YW1wbGUubmV0IiwibmJmIjoxMzAwODE1NzgwLCJleHAiOjEzMDA4MTkzODAsImh0dHA6Ly9jbGFpbXMuZXhhbXBsZS5jb20vbWVtYmVyIjp0cnVlLCJqdGkiOiIxIn0.LXPlR0LuOqzkLDxwOEhP9Z8vKkCfcbaKERlM3VCBSb8osxvihJO1kUIE8D0wYIj3nBdHXHDxO_X8G03tfZNRAw";
const HS256: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjE2In0.eyJpc3MiOiJodHRwczovL2p3dC1pZHAuZXhhbXBsZS5jb20iLCJzdWIiOiJtYWlsdG86bWlrZUBleGFtcGxlLmNvbSIsImF1ZCI6Imh0dHBzOi8vand0LXJwLmV4YW1wbGUubmV0IiwibmJmIjoxMzAwODE1NzgwLCJleHAiOjEzMDA4MTkzODAsImh0dHA6Ly9jbGFpbXMuZXhhbXBsZS5jb20vbWVtYmVyIjp0cnVlLCJqdGkiOiIxIn0.Dg7p-sdApc9jRC7gozc3i7Sj7UeFQfOJvfylzXgbBJk";
/// RFC 7515 appendix A.1.1, `k`.
const A1_KEY: &[u8; 64] = b"\x03\x23\x35\x4b\x2b\x0f\xa5\xbc\x83\x7e\x06\x65\x77\x7b\xa6\x8f\x5a\xb3\x28\xe6\xf0\x54\xc9\x28\xa9\x0f\x84\xb2\xd2\x50\x2e\xbf\xd3\xfb\x5a\x92\xd2\x06\x47\xef\x96\x8a\xb4\xc3\x77\x62\x3d\x22\x3d\x2e\x21\x72\x05\x2e\x4f\x08\xc0\xcd\x9a\xf5\x67\xd0\x80\xa3";

const USES: [AssertionUse; 2] = [AssertionUse::ClientAuthentication, AssertionUse::AuthorizationGrant];

fn read(token: &str) -> UnverifiedAssertion<'_> {
    UnverifiedAssertion::parse_assertion(token).expect(token)
}

fn keys(keys: &[&str]) -> AssertionKeys {
    AssertionKeys::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).expect("a JWK Set")
}

/// The key by this name, and perhaps for this algorithm only.
fn named(key: &str, kid: &str) -> String {
    key.replacen('{', &format!(r#"{{"kid":"{kid}","#), 1)
}

/// RFC 7515 appendices A.1 to A.3, RFC 8037 appendix A.4.
#[test]
fn the_rfcs_signed_examples_are_borne_out_by_their_own_key_only() {
    let secret = SharedKey::from_secret(A1_KEY).expect("64 octets");
    let examples = [
        (RFC7515_A2, RFC7515_A2_KEY, JOE),
        (RFC7515_A3, RFC7515_A3_KEY, JOE),
        (RFC8037_A4, RFC8037_A2, b"Example of Ed25519 signing"),
    ];
    for usage in USES {
        for (token, own_key, payload) in examples {
            assert_eq!(read(token).unverified_payload(), payload);
            assert_eq!(keys(&[own_key]).verify(&read(token), usage), Ok(()), "{token}");
            let others = examples.iter().map(|(_, key, _)| *key).filter(|key| *key != own_key);
            let others: Vec<&str> = others.collect();
            assert!(keys(&others).verify(&read(token), usage).is_err(), "{token}");
            assert_eq!(secret.verify(&read(token), usage), Err(JwsError::AlgorithmMismatch), "{token}");
        }
        assert_eq!(secret.verify(&read(RFC7515_A1), usage), Ok(()));
        // RFC 8725 section 3.1: what everybody knows is no secret.
        let refused = keys(&[RFC7515_A2_KEY, RFC7515_A3_KEY]).verify(&read(RFC7515_A1), usage);
        assert_eq!(refused, Err(JwsError::AlgorithmMismatch));
    }
    let unsigned = UnverifiedAssertion::parse_assertion(RFC7515_A5).map(|_| ());
    assert_eq!(unsigned, Err(JwsError::Algorithm), "RFC 7515 appendix A.5");
}

#[test]
fn rfc7523_3_1_fixed_assertions_are_borne_out_in_every_algorithm() {
    let secret = SharedKey::from_secret(A1_KEY).expect("64 octets");
    let usage = AssertionUse::ClientAuthentication;
    for (token, key) in [
        (ES256, Some(RFC7515_A3_KEY)),
        (RS256, Some(RFC7515_A2_KEY)),
        (PS256, Some(RFC7515_A2_KEY)),
        (ED25519, Some(RFC8037_A2)),
        (HS256, None),
    ] {
        let verify = |token: &str| match key {
            Some(key) => keys(&[&named(key, "16")]).verify(&read(token), usage),
            None => secret.verify(&read(token), usage),
        };
        assert_eq!(verify(token), Ok(()), "{token}");
        // Another claim, under the same signature; and another signature.
        let (input, signature) = token.rsplit_once('.').expect("three parts");
        let (head, payload) = input.split_once('.').expect("three parts");
        let other = payload.replacen("bWlrZUBl", "am9obkBl", 1);
        let forged = format!("{head}.{other}.{signature}");
        assert_ne!(forged, token);
        assert_eq!(verify(&forged), Err(JwsError::Signature), "{token}");
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{input}.{first}{}", &signature[1..]);
        assert_eq!(verify(&forged), Err(JwsError::Signature), "{token}");
        if let Some(key) = key {
            let renamed = keys(&[&named(key, "17")]).verify(&read(token), usage);
            assert_eq!(renamed, Err(JwsError::UnknownKey), "newer keys may know it");
        }
        said(token);
    }
    // RFC 8725 section 3.1: a key says which algorithm it is for.
    let for_ps256 = named(RFC7515_A2_KEY, "16").replacen('{', r#"{"alg":"PS256","#, 1);
    assert_eq!(keys(&[&for_ps256]).verify(&read(PS256), usage), Ok(()));
    assert!(keys(&[&for_ps256]).verify(&read(RS256), usage).is_err());
}

/// RFC 7523 section 3.1's claims, held against section 3's rules.
fn said(token: &str) {
    let claims = AssertionClaims::parse(read(token).unverified_payload()).expect(token);
    assert_eq!((&*claims.iss, &*claims.sub), ("https://jwt-idp.example.com", "mailto:mike@example.com"));
    let at = |seconds, issuer| {
        claims.check(Timestamp::from_seconds(seconds), Audiences { issuer, endpoints: &[] })
    };
    let (not_before, expires, us) = (1_300_815_780, 1_300_819_380, "https://jwt-rp.example.net");
    assert_eq!(at(not_before, us), Ok(()));
    assert_eq!(at(expires - 1, us), Ok(()));
    assert_eq!(at(expires - 1, "https://jwt-rp.example.com"), Err(AssertionError::Audience), "rule 3");
    assert_eq!(at(expires + 30, us), Err(AssertionError::Expired), "rule 4");
    assert_eq!(at(not_before - 31, us), Err(AssertionError::TooLong), "rules 4 and 5");
}

#[test]
fn rfc7517_5_keys_that_could_never_verify_are_skipped_and_told() {
    let rsa = |bytes: usize, e: &str, more: &str| {
        use base64::Engine as _;
        let n = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(vec![0xc1; bytes]);
        format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}","kid":"bad"{more}}}"#)
    };
    let off_curve = r#"{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","kid":"bad"}"#;
    for (bad, why) in [
        (rsa(128, "AQAB", ""), "1024 bits"),
        (rsa(256, "AQ", ""), "exponent"),
        (rsa(256, "Ag", ""), "exponent"),
        (rsa(256, "AQAB", r#","alg":"ES256""#), "another kind of key"),
        (rsa(256, "AQAB", r#","alg":"RS512""#), "none that is verified here"),
        (off_curve.to_owned(), "no valid public key"),
    ] {
        let keys = keys(&[&bad, RFC8037_A2]);
        let skipped = keys.skipped();
        assert!(skipped.len() == 1 && skipped[0].name == "bad", "{bad}");
        assert!(skipped[0].why.contains(why), "{bad}: {}", skipped[0]);
        assert!(keys.can_sign_by(AssertionAlgorithm::EdDsa) && !keys.can_sign_by(AssertionAlgorithm::Rs256));
        // Alone, it is the reason why there is none.
        let alone = AssertionKeys::parse(format!(r#"{{"keys":[{bad}]}}"#).as_bytes()).expect_err("no key");
        assert!(alone.to_string().contains(why), "{alone}");
    }
    // Keys that encrypt are nobody's fault.
    for fine in [rsa(128, "AQAB", r#","use":"enc""#), rsa(128, "AQAB", r#","alg":"RSA-OAEP""#)] {
        assert!(keys(&[&fine, RFC8037_A2]).skipped().is_empty(), "{fine}");
    }
}
