//! Whatever bytes arrive, the answer is never a mistake of ours.

use crate::house::{Answer, House, encoded};
use axum::body::Body;
use http::{HeaderValue, Request};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::test_runner::TestRunner;

/// Runs `cases` of `strategy` against one house. Proptest is synchronous: its cases are drawn here and sent by the test's own runtime.
async fn never_5xx<T: std::fmt::Debug + Clone>(
    cases: u32,
    strategy: impl Strategy<Value = T>,
    send: impl AsyncFn(&House, &T) -> Answer,
) {
    let house = House::open().await;
    house.notes().await;
    let mut runner = TestRunner::new(ProptestConfig::with_cases(cases));
    for _ in 0..cases {
        let value = proptest::strategy::ValueTree::current(&strategy.new_tree(&mut runner).unwrap());
        let answer = send(&house, &value).await;
        assert!(answer.status.as_u16() < 500, "{value:?}: {} {}", answer.status, answer.body);
    }
}

const NAMES: [&str; 26] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "claims",
    "id_token_hint",
    "login_hint",
    "ui_locales",
    "acr_values",
    "grant_type",
    "code",
    "code_verifier",
    "refresh_token",
    "client_secret",
    "token",
    "interaction",
    "logout",
    "device_code",
    "user_code",
];

const VALUES: [&str; 18] = [
    "notes",
    "https://notes.example/cb",
    "code",
    "query",
    "form_post",
    "openid",
    "openid offline_access",
    "none",
    "login consent",
    "0",
    "S256",
    "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "authorization_code",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
    "WDJB-MJHT",
    r#"{"id_token":{"acr":{"essential":true}}}"#,
    "AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
];

/// Parameters that look right here and there.
fn form() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![4 => (0..NAMES.len()).prop_map(|at| NAMES[at].to_owned()), 1 => ".{0,12}"];
    let value = prop_oneof![3 => (0..VALUES.len()).prop_map(|at| VALUES[at].to_owned()), 1 => ".{0,40}"];
    let pairs = vec((name, value), 0..14).prop_map(|pairs| {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        encoded(&pairs).into_bytes()
    });
    prop_oneof![3 => pairs, 1 => vec(any::<u8>(), 0..200)]
}

fn header() -> impl Strategy<Value = HeaderValue> {
    let scheme = prop_oneof![Just("Bearer "), Just("Basic "), Just("bearer"), Just("")];
    (scheme, vec(any::<u8>(), 0..80)).prop_map(|(scheme, rest)| {
        let bytes = [scheme.as_bytes(), &rest].concat();
        HeaderValue::from_bytes(&bytes).unwrap_or_else(|_| {
            let allowed: Vec<_> = bytes.into_iter().filter(|byte| *byte >= 32 && *byte != 127).collect();
            HeaderValue::from_bytes(&allowed).unwrap()
        })
    })
}

fn percent(bytes: &[u8]) -> String {
    // What a request line can carry: the rest is percent-encoded, as a browser would.
    bytes
        .iter()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'%' | b'&' | b'=' | b'+' | b'-' | b'.' | b'_' => {
                char::from(*byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[tokio::test]
async fn queries() {
    never_5xx(300, form(), async |house, query| {
        for path in [
            "/oauth2/authorize",
            "/oauth2/logout",
            "/sign-in",
            "/sign-up",
            "/setup",
            "/interaction",
            "/device",
        ] {
            let answer = house.get(&format!("{path}?{}", percent(query))).await;
            assert!(answer.status.as_u16() < 500, "{path}: {query:?}: {}", answer.body);
        }
        house.get("/").await
    })
    .await;
}

#[tokio::test]
async fn bodies() {
    never_5xx(300, form(), async |house, body| {
        for path in [
            "/oauth2/token",
            "/oauth2/device_authorization",
            "/oauth2/introspect",
            "/oauth2/revoke",
            "/oauth2/userinfo",
            "/oauth2/authorize",
            "/oauth2/logout",
            "/sign-in",
            "/sign-in/cancel",
            "/consent",
            "/select-account",
            "/device",
            "/sign-out",
            "/sign-up",
            "/setup",
        ] {
            let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
            let answer = house.send(request.body(Body::from(body.clone())).unwrap()).await;
            assert!(answer.status.as_u16() < 500, "{path}: {body:?}: {}", answer.body);
        }
        house.get("/").await
    })
    .await;
}

#[tokio::test]
async fn authorization_headers() {
    never_5xx(500, header(), async |house, value| {
        let request = Request::post("/oauth2/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", value.clone());
        let answer = house.send(request.body(Body::from("grant_type=refresh_token")).unwrap()).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401), "{value:?}: {}", answer.body);
        let request = Request::get("/oauth2/userinfo").header("authorization", value.clone());
        house.send(request.body(Body::empty()).unwrap()).await.expect(401)
    })
    .await;
}

#[tokio::test]
async fn cookies() {
    let names = prop_oneof![
        Just(crate::house::SESSION.to_owned()),
        Just(crate::house::SECRET.to_owned()),
        "[a-z=;, ]{0,9}".prop_map(|name| name)
    ];
    let pairs = vec((names, vec(32_u8..127, 0..70)), 0..4).prop_map(|pairs| {
        let pairs: Vec<_> =
            pairs.iter().map(|(name, value)| [name.as_bytes(), b"=", value].concat()).collect();
        pairs.join(&b"; "[..])
    });
    never_5xx(300, pairs, async |house, cookies| {
        for path in ["/", "/oauth2/logout", "/oauth2/authorize?client_id=notes&redirect_uri=https://notes.example/cb&response_type=code&scope=openid&prompt=none&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"] {
            let request = Request::get(path).header("cookie", HeaderValue::from_bytes(cookies).unwrap());
            let answer = house.send(request.body(Body::empty()).unwrap()).await;
            assert!(answer.status.as_u16() < 400, "{path}: {}", answer.body);
        }
        house.get("/").await
    })
    .await;
}
