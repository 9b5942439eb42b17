//! `/oauth2/logout` (OpenID Connect RP-Initiated Logout), and the question it may ask.

use crate::answer::{ContentSecurityPolicy, page, see_other};
use crate::app::Web;
use crate::error::{PageError, refused};
use crate::extract::{Arrives, Looks, Posts, Visit, query};
use crate::pages::{SignOutPage, SignedOutPage};
use axum::extract::State;
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{StatusCode, Uri};
use protocol::Params;
use provider::{Logout, LogoutRequest};

/// The browser arrives with the request in its URL.
pub(crate) async fn get(State(web): State<Web>, Looks(visit): Looks) -> Result<Response, PageError> {
    answer(&web, &visit, None).await
}

/// The browser arrives with the request in a form. From another site it comes without our cookies (`SameSite=Lax`); sent on by GET,
/// the same request comes with them.
pub(crate) async fn post(Arrives(visit): Arrives) -> Response {
    see_other(&format!("/oauth2/logout?{}", visit.params.to_query()))
}

/// The person answers whether to sign out. The request itself is still in the URL.
pub(crate) async fn confirm(
    State(web): State<Web>,
    uri: Uri,
    Posts(mut visit): Posts,
) -> Result<Response, PageError> {
    if visit.params.get("decision") != Some("sign_out") {
        return Ok(see_other("/"));
    }
    let asked = query(&uri).map_err(|error| refused(visit.ctx.request_id)(error.into()))?;
    let answered = std::mem::replace(&mut visit.params, asked);
    answer(&web, &visit, answered.get("logout")).await
}

async fn answer(web: &Web, visit: &Visit, confirmed: Option<&str>) -> Result<Response, PageError> {
    let logout = web.provider.logout(&visit.ctx, &visit.params, &visit.cookies.browser(), confirmed).await;
    Ok(match logout.map_err(refused(visit.ctx.request_id))? {
        Logout::Ask { request, username, proof } => ask(request, username, proof, &visit.params),
        Logout::SignedOut(request) => signed_out(web, request),
    })
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
