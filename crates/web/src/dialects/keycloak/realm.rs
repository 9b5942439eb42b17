//! What Keycloak has at a realm's own address: its document, and the ways to pages for people.

use crate::answer::{json, see_other};
use crate::app::Web;
use crate::error::ApiError;
use crate::extract::{Circumstances, bearer};
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Serialize)]
struct Realm {
    realm: String,
    /// The key of RS256 signatures: SubjectPublicKeyInfo as base64.
    public_key: String,
    #[serde(rename = "token-service")]
    token_service: String,
    #[serde(rename = "account-service")]
    account_service: String,
    #[serde(rename = "tokens-not-before")]
    tokens_not_before: u32,
}

/// `/realms/{realm}`, from which adapters older than discovery take the key.
pub(crate) async fn document(
    State(web): State<Web>,
    Path(realm): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let here = web.provider.settings().url(uri.path().trim_end_matches('/'));
    let document = Realm {
        public_key: web.provider.rs256_public_key().await?,
        token_service: format!("{here}/protocol/openid-connect"),
        account_service: format!("{here}/account"),
        tokens_not_before: 0,
        realm,
    };
    Ok(json(StatusCode::OK, &document))
}

/// `/realms/{realm}/account`: a page for people; for scripts that bring a token, the profile that keycloak-js loads from here.
pub(crate) async fn account(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(token) = bearer(&headers)? else { return Ok(see_other("/")) };
    let mut claims = web.provider.userinfo(&ctx, &token).await?;
    let names = [
        ("id", "sub"),
        ("username", "preferred_username"),
        ("firstName", "given_name"),
        ("lastName", "family_name"),
        ("email", "email"),
        ("emailVerified", "email_verified"),
    ];
    let told = names.into_iter().filter_map(|(theirs, ours)| Some((theirs.to_owned(), claims.remove(ours)?)));
    Ok(json(StatusCode::OK, &told.collect::<Map<String, Value>>()))
}

/// `/realms/{realm}/device`: the page where a person enters a device's code.
pub(crate) async fn device(uri: Uri) -> Response {
    see_other(&match uri.query() {
        Some(query) => format!("/device?{query}"),
        None => "/device".to_owned(),
    })
}
