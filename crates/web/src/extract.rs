//! Extractors: a request's circumstances, its parameters, what it authenticates with. Input is parsed here once; handlers see types.

use crate::app::Web;
use crate::below::origin_of;
use crate::cookies::Presented;
use crate::error::{ApiError, PageError, refused};
use crate::refusals;
use crate::server::ClientAddress;
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt as _, Collected, LengthLimitError, Limited};
use protocol::credentials::Authorization;
use protocol::{ClientCertificate, ErrorCode, OAuthError, Params, UnreadCertificate};
use provider::{ClientRequest, Credential, Ctx, ProviderError};

/// A body may have so many bytes; no request of ours comes near.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// A request's circumstances.
pub(crate) struct Circumstances(pub(crate) Ctx);

impl FromRequestParts<Web> for Circumstances {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Self::Rejection> {
        let remote = parts.extensions.get::<ClientAddress>().map(|address| address.0);
        let mut ctx = (web.new_ctx)(remote);
        ctx.certificate = parts.extensions.get::<ClientCertificate>().cloned();
        ctx.unread_certificate = parts.extensions.get::<UnreadCertificate>().copied();
        refusals::began(ctx.request_id);
        Ok(Self(ctx))
    }
}

/// A request to one of the endpoints that clients call.
pub(crate) struct Calls(pub(crate) ClientRequest);

impl FromRequest<Web> for Calls {
    type Rejection = ApiError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, ApiError> {
        let authorization = authorization(request.headers())?;
        no_query(&request)?;
        let params = form(request).await.map_err(ApiError)?;
        refusals::asks(web, &params, authorization.as_ref());
        Ok(Self(ClientRequest { params, authorization }))
    }
}

/// The same from clients that may send JSON.
pub(crate) struct CallsInJson(pub(crate) ClientRequest);

impl FromRequest<Web> for CallsInJson {
    type Rejection = ApiError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, ApiError> {
        let authorization = authorization(request.headers())?;
        no_query(&request)?;
        let params = form_or_json(request).await.map_err(ApiError)?;
        refusals::asks(web, &params, authorization.as_ref());
        Ok(Self(ClientRequest { params, authorization }))
    }
}

/// RFC 6749 section 3.2: parameters in the query would end up in logs.
fn no_query(request: &Request) -> Result<(), OAuthError> {
    match request.uri().query() {
        Some(_) => Err(bad("parameters belong into the body, not into the query")),
        None => Ok(()),
    }
}

/// What a request to an API presents to say who makes it: a Bearer token, or an API key, which may come as one or in `X-Api-Key`. What to make
/// of none, or of what cannot be read, is the handler's to say.
pub(crate) struct Presents(pub(crate) Result<Option<Credential>, OAuthError>);

impl FromRequestParts<Web> for Presents {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Web) -> Result<Self, Self::Rejection> {
        Ok(Self(credential(&parts.headers)))
    }
}

/// A person's browser: when and from where, what it asks for, its cookies.
pub(crate) struct Visit {
    pub(crate) ctx: Ctx,
    pub(crate) params: Params,
    pub(crate) cookies: Presented,
}

impl Visit {
    /// The interaction's handle; an empty one is unknown to the provider like any other.
    pub(crate) fn handle(&self) -> &str {
        handle(&self.params)
    }
}

/// The interaction's handle in these parameters.
pub(crate) fn handle(params: &Params) -> &str {
    params.get("interaction").unwrap_or_default()
}

/// Which carried request the browser comes back for.
pub(crate) fn reference(params: &Params) -> &str {
    params.get("request").unwrap_or_default()
}

/// A browser that comes with its parameters in the query.
pub(crate) struct Looks(pub(crate) Visit);

impl FromRequestParts<Web> for Looks {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, PageError> {
        let Ok(Circumstances(ctx)) = Circumstances::from_request_parts(parts, web).await;
        let params = query(&parts.uri).map_err(|error| refused(ctx.request_id)(error.into()))?;
        refusals::asks(web, &params, None);
        Ok(Self(Visit { ctx, params, cookies: web.cookies().read(&parts.headers) }))
    }
}

/// A browser that brings an authorization request, in the query or, from anywhere, in a form. Parameters that come twice are left to the
/// endpoint to refuse, because it may know whom to tell.
pub(crate) struct Requests(pub(crate) Visit);

impl FromRequest<Web> for Requests {
    type Rejection = PageError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let Ok(Circumstances(ctx)) = Circumstances::from_request_parts(&mut parts, web).await;
        let cookies = web.cookies().read(&parts.headers);
        let encoded = match parts.method == Method::POST {
            true => form_bytes(Request::from_parts(parts, body)).await,
            false => Ok(Bytes::copy_from_slice(parts.uri.query().unwrap_or_default().as_bytes())),
        };
        let params = encoded.and_then(|encoded| {
            Params::parse_with_repeats(&encoded).map_err(|error| OAuthError::from(error).into())
        });
        let params = params.map_err(refused(ctx.request_id))?;
        refusals::asks(web, &params, None);
        Ok(Self(Visit { params, ctx, cookies }))
    }
}

/// A browser that posts a form from anywhere.
pub(crate) struct Arrives(pub(crate) Visit);

impl FromRequest<Web> for Arrives {
    type Rejection = PageError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let Ok(Circumstances(ctx)) = Circumstances::from_request_parts(&mut parts, web).await;
        let cookies = web.cookies().read(&parts.headers);
        let params = form(Request::from_parts(parts, body)).await.map_err(refused(ctx.request_id))?;
        Ok(Self(Visit { ctx, params, cookies }))
    }
}

/// A browser that posts a form from one of our own pages.
pub(crate) struct Posts(pub(crate) Visit);

impl FromRequest<Web> for Posts {
    type Rejection = PageError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, PageError> {
        let ours = crate::csrf::is_same_origin(request.headers(), origin_of(&web.provider.settings().issuer));
        let Arrives(visit) = Arrives::from_request(request, web).await?;
        if ours {
            return Ok(Self(visit));
        }
        let foreign = OAuthError::new(ErrorCode::AccessDenied, "this form was sent from another site");
        Err(refused(visit.ctx.request_id)(ProviderError::OAuth(foreign)))
    }
}

/// The parameters of the query.
pub(crate) fn query(parts: &http::Uri) -> Result<Params, OAuthError> {
    Ok(Params::parse(parts.query().unwrap_or_default().as_bytes())?)
}

/// The parameters of an `application/x-www-form-urlencoded` body.
pub(crate) async fn form(request: Request) -> Result<Params, ProviderError> {
    Ok(Params::parse(&form_bytes(request).await?).map_err(OAuthError::from)?)
}

async fn form_bytes(request: Request) -> Result<Bytes, ProviderError> {
    if !is_form(request.headers()) {
        return Err(bad("Content-Type: application/x-www-form-urlencoded is expected").into());
    }
    Ok(body(request).await?)
}

/// The parameters of a body that is a form or a JSON object, whichever the client says it is.
pub(crate) async fn form_or_json(request: Request) -> Result<Params, ProviderError> {
    if !has_type(request.headers(), "application/json") {
        return form(request).await;
    }
    Ok(Params::parse_json(&body(request).await?).map_err(OAuthError::from)?)
}

async fn body(request: Request) -> Result<Bytes, OAuthError> {
    let body = Limited::new(request.into_body(), MAX_BODY_BYTES).collect().await;
    body.map(Collected::to_bytes).map_err(|error| {
        bad(match error.is::<LengthLimitError>() {
            true => "the body is too large",
            false => "the body could not be read",
        })
    })
}

fn credential(headers: &HeaderMap) -> Result<Option<Credential>, OAuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let mut keys = headers.get_all("x-api-key").iter();
    let (authorization, key) = match (values.next(), values.next(), keys.next(), keys.next()) {
        (authorization, None, key, None) => (authorization, key),
        _ => return Err(bad("a credential is included more than once")),
    };
    let scheme = authorization.and_then(|value| value.as_bytes().split(|byte| *byte == b' ').next());
    // Another scheme's credentials are not for us.
    let bearer =
        authorization.filter(|_| scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer")));
    match (bearer, key) {
        (Some(_), Some(_)) => Err(bad("more than one credential is included")),
        (None, None) => Ok(None),
        (None, Some(key)) => Ok(Some(Credential::ApiKey(key.to_str().unwrap_or_default().to_owned()))),
        (Some(value), None) => match value.to_str().ok().and_then(|value| Authorization::parse(value).ok()) {
            Some(Authorization::Bearer(token)) => Ok(Some(Credential::bearer(token))),
            _ => Err(OAuthError::new(ErrorCode::InvalidToken, "Authorization: a Bearer token is expected")),
        },
    }
}

/// What the `Authorization` header presents, if there is one.
pub(crate) fn authorization(headers: &HeaderMap) -> Result<Option<Authorization>, OAuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return match headers.contains_key(AUTHORIZATION) {
            false => Ok(None),
            true => Err(bad("Authorization is included more than once")),
        };
    };
    let parsed = value.to_str().ok().and_then(|value| Authorization::parse(value).ok());
    parsed.map(Some).ok_or_else(|| {
        OAuthError::new(ErrorCode::InvalidClient, "Authorization: Basic or Bearer credentials are expected")
    })
}

/// The access token in the `Authorization` header, if there is one (RFC 6750 section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<String>, OAuthError> {
    let malformed = |_| OAuthError::new(ErrorCode::InvalidToken, "Authorization: a Bearer token is expected");
    match authorization(headers).map_err(malformed)? {
        Some(Authorization::Bearer(token)) => Ok(Some(token)),
        Some(Authorization::Basic { .. }) => {
            Err(OAuthError::new(ErrorCode::InvalidToken, "Authorization: a Bearer token is expected"))
        }
        None => Ok(None),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    has_type(headers, "application/x-www-form-urlencoded")
}

fn has_type(headers: &HeaderMap, wanted: &str) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted))
}

fn bad(description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, description)
}
