//! What the demo's relying party shows: its views filled in. Knows no request and asks nobody.

use super::oidc_client::SignedIn;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use web::pages::DemoResultPage;

/// Every token, taken apart.
pub(super) fn result(
    signed_in: &SignedIn,
    userinfo: &Value,
    introspection: &Value,
) -> anyhow::Result<DemoResultPage> {
    let mut id_token = signed_in.id_token.split('.');
    // What is about the person comes from UserInfo; the ID Token says who signed in, when and how.
    let claims =
        userinfo.as_object().into_iter().flatten().map(|(claim, value)| (claim.clone(), plain(value)));
    Ok(DemoResultPage {
        claims: claims.collect(),
        id_token_header_json: decoded(id_token.next())?,
        id_token_claims_json: decoded(id_token.next())?,
        // An opaque access token has no parts.
        access_token_claims_json: decoded(signed_in.access_token.split('.').nth(1)).unwrap_or_default(),
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

fn decoded(part: Option<&str>) -> anyhow::Result<String> {
    let json: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part.unwrap_or_default())?)?;
    Ok(serde_json::to_string_pretty(&json)?)
}
