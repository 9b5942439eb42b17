//! The RFCs' signed examples.

use crypto::{JwsError, TokenType, UnverifiedToken, verify_with_jwk};

use crate::keys::{RFC8037_A2, jwk};

pub(crate) const JOE: &[u8] =
    b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

pub(crate) const RFC7515_A1: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const RFC7515_A2: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
pub(crate) const RFC7515_A2_KEY: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
pub(crate) const RFC7515_A3: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
pub(crate) const RFC7515_A3_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
pub(crate) const RFC7515_A5: &str = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
const RFC7520_41: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg";
const RFC7520_33_KEY: &str = r#"{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw","e":"AQAB"}"#;
pub(crate) const RFC8037_A4: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

/// RFC 7515 appendices A.2 and A.3, RFC 7520 section 4.1, RFC 8037 appendix A.5.
#[test]
fn signed_examples_verify_with_their_own_key_only() {
    let examples = [
        (RFC7515_A2, RFC7515_A2_KEY, JOE),
        (RFC7515_A3, RFC7515_A3_KEY, JOE),
        (
            RFC7520_41,
            RFC7520_33_KEY,
            "It\u{2019}s a dangerous business, Frodo, going out your door. You step onto the road, and if you don't \
             keep your feet, there\u{2019}s no knowing where you might be swept off to."
                .as_bytes(),
        ),
        (RFC8037_A4, RFC8037_A2, b"Example of Ed25519 signing"),
    ];
    for (token, own_key, payload) in examples {
        let verified = verify_with_jwk(&jwk(own_key), token, TokenType::IdToken).expect(token);
        assert_eq!(verified.payload, payload);
        assert_eq!(verified.algorithm, jwk(own_key).material.algorithm());
        // RFC 9068 section 4: without `at+jwt` it is no access token.
        assert_eq!(verify_with_jwk(&jwk(own_key), token, TokenType::AccessToken), Err(JwsError::Type));
        for (_, other_key, _) in examples.iter().filter(|(_, key, _)| *key != own_key) {
            assert!(
                verify_with_jwk(&jwk(other_key), token, TokenType::IdToken).is_err(),
                "{token} {other_key}"
            );
        }
    }
}

/// RFC 7515 appendices A.1 (HMAC) and A.5 (`none`); RFC 8725 sections 2.1 and 3.1.
#[test]
fn hmac_and_unsigned_examples_are_refused() {
    for token in [RFC7515_A1, RFC7515_A5] {
        assert_eq!(UnverifiedToken::parse(token).map(|_| ()), Err(JwsError::Algorithm));
        for key in [RFC7515_A2_KEY, RFC7515_A3_KEY, RFC8037_A2] {
            assert_eq!(verify_with_jwk(&jwk(key), token, TokenType::IdToken), Err(JwsError::Algorithm));
        }
    }
}

/// RFC 7517 sections 4.2, 4.4 and 4.5: what a key says about itself binds whoever uses it.
#[test]
fn a_key_is_used_only_as_it_permits() {
    let verify = |members: &str| {
        let key = RFC7520_33_KEY.replace(r#""kid":"bilbo.baggins@hobbiton.example","use":"sig""#, members);
        verify_with_jwk(&jwk(&key), RFC7520_41, TokenType::IdToken).map(|verified| verified.kid)
    };
    assert_eq!(verify(r#""use":"enc""#), Err(JwsError::AlgorithmMismatch));
    assert_eq!(verify(r#""alg":"PS256""#), Err(JwsError::AlgorithmMismatch));
    assert_eq!(verify(r#""kid":"frodo""#), Err(JwsError::UnknownKey));
    let nameless = jwk(&RFC7520_33_KEY.replace(r#""kid":"bilbo.baggins@hobbiton.example","#, ""));
    assert_eq!(verify(r#""alg":"RS256""#), Ok(nameless.thumbprint()));
}

/// RFC 8725 section 3.4: a point that is not on the curve never becomes a key.
#[test]
fn an_invalid_point_is_no_key() {
    let off_curve = RFC7515_A3_KEY.replace("x_FEzRu9m36", "x_FEzRu9m37");
    assert_eq!(verify_with_jwk(&jwk(&off_curve), RFC7515_A3, TokenType::IdToken), Err(JwsError::UnknownKey));
}
