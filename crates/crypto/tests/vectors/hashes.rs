//! PKCE and the hashes that bind a token or a code to an ID Token.

use crypto::{left_half_hash, pkce_s256, pkce_s256_matches};
use protocol::SigningAlgorithm::{EdDsa, Es256, Rs256};

/// RFC 7636 appendix B.
#[test]
fn pkce_s256_of_the_rfc() {
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    assert_eq!(pkce_s256(verifier), challenge);
    assert!(pkce_s256_matches(verifier, challenge));
    for wrong in ["", verifier, &challenge[1..], "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="] {
        assert!(!pkce_s256_matches(verifier, wrong), "{wrong}");
    }
    // RFC 7636 section 4.6: what is compared is the verifier's hash, never the verifier itself.
    assert!(!pkce_s256_matches(challenge, challenge));
}

/// OpenID Connect Core section 3.1.3.6; the first two values are those of its appendices A.3 and A.4.
#[test]
fn left_half_hashes() {
    for (algorithm, value, hash) in [
        (Rs256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "77QmUPtjPfzWtF2AnpK9RQ"),
        (Rs256, "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk", "LDktKdoQak3Pk0cnXxCltA"),
        (Es256, "dNZX1hEZ9wBCzNL40Upu646bdzQA", "wfgvmE9VxjAudsl9lc6TqA"),
        (EdDsa, "dNZX1hEZ9wBCzNL40Upu646bdzQA", "8xltSlOGYrWy8W9yNvRlEth1i_bXW-JROWPLvCv5zog"),
    ] {
        assert_eq!(left_half_hash(algorithm, value), hash, "{algorithm:?}");
    }
}
