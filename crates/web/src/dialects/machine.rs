//! The machine token server's API: tokens for machines, validated and revoked by whoever holds them. Forms and JSON alike.

use crate::answer::json;
use crate::app::Web;
use crate::error::ApiError;
use crate::extract::{CallsInJson, Circumstances, authorization, bearer, form_or_json};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use protocol::{ClientId, ErrorCode, OAuthError, Params, Timestamp};
use provider::ClientRequest;
use serde::Serialize;

/// `POST /auth-server/v1/oauth/token`: the token endpoint, which also reads JSON here.
pub(crate) async fn token(
    State(web): State<Web>,
    Circumstances(mut ctx): Circumstances,
    CallsInJson(request): CallsInJson,
) -> Result<Response, ApiError> {
    Ok(json(StatusCode::OK, &web.provider.token(&mut ctx, &request).await?))
}

/// `POST /auth-server/v1/oauth/validate`: whether the token in the `Authorization` header is good now.
pub(crate) async fn validate(
    web: State<Web>,
    circumstances: Circumstances,
    request: Request,
) -> Result<Response, NotValid> {
    look(web, circumstances, request).await.map_err(NotValid)
}

async fn look(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    request: Request,
) -> Result<Response, ApiError> {
    let presented = bearer(request.headers())?;
    refuse_resource(request.headers())?;
    let params = params(request).await?;
    if params.get("endpoint_url").is_some() {
        return Err(no_resource().into());
    }
    let presented = presented.as_deref().or(params.get("access_token")).ok_or_else(missing)?;
    let token = web.provider.verify_own_access_token(&ctx, presented).await?.ok_or_else(invalid)?;
    let answer = Validation {
        valid: true,
        active: true,
        client_id: &token.client_id,
        sub: &token.claims.sub,
        expires_at: Timestamp::from_seconds(token.claims.exp).rfc3339(),
        scopes: token.claims.scope.iter().collect(),
        exp: token.claims.exp,
        expires_in: token.claims.exp.saturating_sub(ctx.now.seconds()),
    };
    Ok(json(StatusCode::OK, &answer))
}

#[derive(Serialize)]
struct Validation<'a> {
    valid: bool,
    active: bool,
    client_id: &'a ClientId,
    sub: &'a str,
    expires_at: String,
    scopes: Vec<&'a str>,
    exp: i64,
    expires_in: i64,
}

/// A refusal in the shape of an answer: these clients read the same members from both.
pub(crate) struct NotValid(ApiError);

#[derive(Serialize)]
struct Refused {
    valid: bool,
    client_id: &'static str,
    expires_at: &'static str,
    scopes: Option<Vec<&'static str>>,
    error: &'static str,
    error_description: String,
}

impl IntoResponse for NotValid {
    fn into_response(self) -> Response {
        self.0.told(|code, error_description| Refused {
            valid: false,
            client_id: "",
            expires_at: "0001-01-01T00:00:00Z",
            scopes: None,
            error: code.as_str(),
            error_description,
        })
    }
}

/// `POST /auth-server/v1/oauth/revoke`: ends the token in the `Authorization` header; with a client's credentials instead, as RFC 7009 says.
pub(crate) async fn revoke(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    request: Request,
) -> Result<Response, ApiError> {
    match bearer(request.headers()) {
        Ok(Some(token)) => web.provider.give_up(&ctx, &token).await?,
        // Neither a token nor nothing: a client that proves itself.
        Ok(None) | Err(_) => {
            let authorization = authorization(request.headers())?;
            let params = params(request).await?;
            if authorization.is_none() && params.get("client_id").is_none() {
                return Ok(missing_token());
            }
            let params = params.renamed("access_token", "token");
            web.provider.revoke(&ctx, &ClientRequest { params, authorization }).await?;
        }
    }
    Ok(json(StatusCode::OK, &serde_json::json!({ "message": "Token revoked successfully" })))
}

/// The body's parameters; none when there is no body.
async fn params(request: Request) -> Result<Params, ApiError> {
    let headers = request.headers();
    let empty = headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
    if empty && !headers.contains_key(CONTENT_TYPE) {
        return Ok(Params::default());
    }
    form_or_json(request).await.map_err(ApiError)
}

/// Whoever names a resource wants to know whether the token opens it. Rules decide that on method and URL, and no method is told here: "valid"
/// for a GET would be taken for a yes to a DELETE.
fn refuse_resource(headers: &HeaderMap) -> Result<(), OAuthError> {
    let names_url = |value: &http::HeaderValue| value.as_bytes().windows(3).any(|part| part == b"://");
    match headers.get("x-forwarded-for").is_some_and(names_url) {
        true => Err(no_resource()),
        false => Ok(()),
    }
}

fn no_resource() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidRequest,
        "whether a token opens a resource is not answered here: ask /oauth2/validate, or leave the resource out and compare scopes",
    )
}

fn missing() -> OAuthError {
    OAuthError::new(ErrorCode::InvalidToken, "Authorization: a Bearer token is expected")
}

/// Who brings no token hears of it by this name.
fn missing_token() -> Response {
    #[derive(Serialize)]
    struct Missing {
        error: &'static str,
        error_description: String,
    }
    ApiError(missing().into())
        .told(|_, error_description| Missing { error: "missing_token", error_description })
}

fn invalid() -> OAuthError {
    OAuthError::new(ErrorCode::InvalidToken, "the access token is not valid")
}
