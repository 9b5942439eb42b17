//! What the demo's relying party shows: its views filled in. Knows no request and asks nobody.

use super::oidc_client::SignedIn;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::Timestamp;
use serde_json::Value;
use web::pages::{DemoResultPage, DemoToken, Wait};

/// Every token, taken apart.
pub(super) fn result(
    signed_in: &SignedIn,
    userinfo: &Value,
    introspection: &Value,
    now: Timestamp,
) -> anyhow::Result<DemoResultPage> {
    let mut id_token = signed_in.id_token.split('.');
    let refresh_token =
        signed_in.refresh_token.clone().map(|raw| ("Refresh token", "refresh-token-raw", raw));
    let raw_tokens = [
        ("ID Token", "id-token-raw", signed_in.id_token.clone()),
        ("Access token", "access-token-raw", signed_in.access_token.clone()),
    ];
    let raw_tokens = raw_tokens.into_iter().chain(refresh_token);
    let access_token_claims = claims(signed_in.access_token.split('.').nth(1));
    // What is about the person comes from UserInfo; the ID Token says who signed in, when and how.
    let about =
        userinfo.as_object().into_iter().flatten().map(|(claim, value)| (claim.clone(), plain(value)));
    Ok(DemoResultPage {
        claims: about.collect(),
        id_token_header_json: decoded(id_token.next())?,
        id_token_claims_json: decoded(id_token.next())?,
        // An opaque access token has no parts.
        access_token_claims_json: decoded(signed_in.access_token.split('.').nth(1)).unwrap_or_default(),
        id_token_times: times(&claims(signed_in.id_token.split('.').nth(1)), now),
        access_token_times: times(&access_token_claims, now),
        raw_tokens: raw_tokens.map(|(name, id, raw)| DemoToken { name, id, raw }).collect(),
        refresh_token_present: signed_in.refresh_token.is_some(),
        userinfo_json: serde_json::to_string_pretty(userinfo)?,
        introspection_json: serde_json::to_string_pretty(introspection)?,
        sign_out_url: "/demo/sign-out".to_owned(),
        refresh_url: "/demo/refresh".to_owned(),
    })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a part of a JWT says; nothing of what is none.
fn claims(part: Option<&str>) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(part.unwrap_or_default()).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// The claims that are instants (RFC 7519 section 2, NumericDate), as people read them.
fn times(claims: &Value, now: Timestamp) -> Vec<(String, String)> {
    let instants = ["auth_time", "iat", "nbf", "exp"].into_iter();
    let said =
        instants.filter_map(|claim| Some((claim, Timestamp::from_seconds(claims.get(claim)?.as_i64()?))));
    said.map(|(claim, at)| (claim.to_owned(), readable(at, now))).collect()
}

fn readable(at: Timestamp, now: Timestamp) -> String {
    let date = at.rfc3339().replace('T', " ").replace('Z', " UTC");
    let apart = match at > now {
        true => format!("in {}", Wait::seconds(at.since(now).as_secs())),
        false => format!("{} ago", Wait::seconds(now.since(at).as_secs())),
    };
    format!("{date} ({apart})")
}

fn decoded(part: Option<&str>) -> anyhow::Result<String> {
    let json: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part.unwrap_or_default())?)?;
    Ok(serde_json::to_string_pretty(&json)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7519_2_an_instant_is_a_date_with_how_far_it_is() {
        let claims = serde_json::json!({"iat": 1_764_000_000, "exp": 1_764_000_600, "name": "Ada"});
        let read = times(&claims, Timestamp::from_seconds(1_764_000_060));
        let expected = [
            ("iat", "2025-11-24 16:00:00 UTC (60 seconds ago)"),
            ("exp", "2025-11-24 16:10:00 UTC (in 9 minutes)"),
        ];
        assert_eq!(read, expected.map(|(claim, text)| (claim.to_owned(), text.to_owned())));
        assert!(times(&Value::Null, Timestamp::from_seconds(0)).is_empty(), "an opaque token says none");
    }
}
