//! `/oauth2/logout` (OpenID Connect RP-Initiated Logout), and the question it may ask.

use crate::answer::{ContentSecurityPolicy, page, see_other};
use crate::app::Web;
use crate::error::PageError;
use crate::extract::{Circumstances, PageForm, form, query};
use crate::pages::{SignOutPage, SignedOutPage};
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode, Uri};
use protocol::Params;
use provider::{Ctx, Logout, LogoutRequest};

/// The browser arrives with the request in its URL.
pub(crate) async fn get(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, PageError> {
    let refused = |error| PageError { error, request_id: ctx.request_id };
    let params = query(&uri).map_err(|error| refused(error.into()))?;
    answer(&web, &ctx, &headers, &params, None).await
}

/// The browser arrives with the request in a form. From another site it comes without our cookies (`SameSite=Lax`); sent on by GET,
/// the same request comes with them.
pub(crate) async fn post(
    State(_): State<Web>,
    Circumstances(ctx): Circumstances,
    request: Request,
) -> Result<Response, PageError> {
    let params = form(request).await.map_err(|error| PageError { error, request_id: ctx.request_id })?;
    Ok(see_other(&format!("/oauth2/logout?{}", params.to_query())))
}

/// The person answers whether to sign out.
pub(crate) async fn confirm(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    headers: HeaderMap,
    uri: Uri,
    PageForm(answered): PageForm,
) -> Result<Response, PageError> {
    if answered.get("decision") != Some("sign_out") {
        return Ok(see_other("/"));
    }
    let refused = |error| PageError { error, request_id: ctx.request_id };
    let params = query(&uri).map_err(|error| refused(error.into()))?;
    answer(&web, &ctx, &headers, &params, answered.get("logout")).await
}

async fn answer(
    web: &Web,
    ctx: &Ctx,
    headers: &HeaderMap,
    params: &Params,
    confirmed: Option<&str>,
) -> Result<Response, PageError> {
    let browser = web.cookies().read(headers);
    let logout = web.provider.logout(ctx, params, &browser, confirmed).await;
    match logout.map_err(|error| PageError { error, request_id: ctx.request_id })? {
        Logout::Ask { request, username, proof } => Ok(ask(request, username, proof, params)),
        Logout::SignedOut(request) => Ok(signed_out(web, request)),
    }
}

fn ask(request: LogoutRequest, username: String, proof: String, params: &Params) -> Response {
    let scheme = request.back.as_deref().and_then(|back| back.split(':').next()).unwrap_or_default();
    let policy = ContentSecurityPolicy::form_may_lead_to(scheme);
    let question = SignOutPage {
        client_name: request.client_name,
        user_name: Some(username),
        logout: proof,
        action: format!("/sign-out?{}", params.to_query()),
    };
    page(StatusCode::OK, &question, &policy)
}

fn signed_out(web: &Web, request: LogoutRequest) -> Response {
    let mut response = match request.back {
        Some(back) => see_other(&back),
        None => {
            let done = SignedOutPage { client_name: request.client_name, back: None };
            page(StatusCode::OK, &done, &ContentSecurityPolicy::default())
        }
    };
    if let Some(cookie) = web.cookies().no_session() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
