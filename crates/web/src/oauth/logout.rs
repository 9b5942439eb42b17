//! `/oauth2/logout` (OpenID Connect RP-Initiated Logout), and the question it may ask.

use crate::answer::{ContentSecurityPolicy, page, see_other};
use crate::app::Web;
use crate::error::{PageError, refused, sentence};
use crate::extract::{Arrives, Looks, Posts, Visit, reference};
use crate::own_host::CameBy;
use crate::pages::{Over, SignOutPage, SignedOutPage};
use crate::person::named;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::SET_COOKIE;
use protocol::{ErrorCode, OAuthError, Params};
use provider::interaction::Named;
use provider::{Carried, LoggedOut, Logout, LogoutProblem, LogoutRequest, ProviderError};

/// The browser arrives with the request in its URL.
pub(crate) async fn get(
    State(web): State<Web>,
    came: CameBy,
    Looks(visit): Looks,
) -> Result<Response, PageError> {
    match misdirected(&visit, &came) {
        Some(refusal) => Ok(refusal),
        None => answer(&web, &visit, None).await,
    }
}

/// What a browser is answered that came by another name than the issuer's. A client's back end, which ends the session that its hint names,
/// brings none of our cookies, and calls by whatever name leads here.
fn misdirected(visit: &Visit, came: &CameBy) -> Option<Response> {
    let is_back_end = visit.params.get("id_token_hint").is_some() && visit.cookies.are_none();
    if is_back_end { None } else { came.refusal() }
}

/// The browser arrives with the request in a form. From another site it comes without our cookies (`SameSite=Lax`); sent on by GET,
/// the same request comes with them, and what the form said stands in no address.
pub(crate) async fn post(
    State(web): State<Web>,
    came: CameBy,
    Arrives(mut visit): Arrives,
) -> Result<Response, PageError> {
    if let Some(refusal) = misdirected(&visit, &came) {
        return Ok(refusal);
    }
    match web.provider.carry(&mut visit.ctx, Carried::Logout, &visit.params).await {
        Ok(reference) => Ok(see_other(&format!("/oauth2/logout/posted?request={reference}"))),
        // Nobody stays signed in because others of their network have too much open: a hint names by itself what ends, and without one the
        // person is asked.
        Err(ProviderError::Overloaded { .. }) => match visit.params.get("id_token_hint") {
            Some(_) => answer(&web, &visit, None).await,
            None => Ok(see_other("/oauth2/logout")),
        },
        Err(error) => Err(refused(visit.ctx.request_id)(error)),
    }
}

/// The browser comes back for what it posted; for the second time it only asks to sign out.
pub(crate) async fn posted(
    State(web): State<Web>,
    came: CameBy,
    Looks(mut visit): Looks,
) -> Result<Response, PageError> {
    match web.provider.carried(&visit.ctx, Carried::Logout, reference(&visit.params)).await {
        Ok(params) => visit.params = params,
        Err(ProviderError::Ended(_)) => return Ok(see_other("/oauth2/logout")),
        Err(error) => return Err(refused(visit.ctx.request_id)(error)),
    }
    if let Some(refusal) = misdirected(&visit, &came) {
        return Ok(refusal);
    }
    answer(&web, &visit, None).await
}

/// The person answers whether to sign out. The request itself comes with the answer.
pub(crate) async fn confirm(State(web): State<Web>, Posts(visit): Posts) -> Result<Response, PageError> {
    if visit.params.get("decision") != Some("sign_out") {
        return Ok(see_other("/"));
    }
    answer(&web, &visit, visit.params.get("logout")).await
}

/// The address of that answer, asked for by itself: a tab that was restored, say. It leads on to the question.
pub(crate) async fn asked_again() -> Response {
    see_other("/oauth2/logout")
}

async fn answer(web: &Web, visit: &Visit, confirmed: Option<&str>) -> Result<Response, PageError> {
    let logout = web.provider.logout(&visit.ctx, &visit.params, &visit.cookies.browser(), confirmed).await;
    Ok(match logout.map_err(refused(visit.ctx.request_id))? {
        Logout::Ask { request, people, proof } => ask(request, &people, proof, &visit.params),
        Logout::SignedOut(request, ended) => signed_out(web, visit, request, ended)?,
    })
}

fn ask(request: LogoutRequest, people: &[Named], proof: String, params: &Params) -> Response {
    let (status, problem) = match request.problem {
        Some(LogoutProblem::Hint(problem)) => (StatusCode::BAD_REQUEST, Some(sentence(problem))),
        Some(LogoutProblem::NotRegistered(_)) | None => (StatusCode::OK, None),
    };
    let question = SignOutPage {
        client_name: request.client_name,
        people: people.iter().map(named).collect(),
        problem,
        logout: proof,
        action: "/sign-out".to_owned(),
        request: Carried::Logout
            .understood(params)
            .pairs()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    };
    page(status, &question, &ContentSecurityPolicy::FormsLeadOn)
}

fn signed_out(
    web: &Web,
    visit: &Visit,
    request: LogoutRequest,
    ended: LoggedOut,
) -> Result<Response, PageError> {
    let cookies = match &ended {
        LoggedOut::OneOfSeveral { cookies, .. } => web.cookies().accounts(cookies, &visit.cookies),
        _ => web.cookies().no_accounts(&visit.cookies),
    };
    let mut response = match (request.back, request.problem, ended) {
        (Some(back), ..) => see_other(&back),
        // Nothing was asked that can be believed, and nothing is left that could be offered.
        (None, Some(LogoutProblem::Hint(problem)), LoggedOut::Nobody) => {
            let error = OAuthError::new(ErrorCode::InvalidRequest, problem);
            return Err(refused(visit.ctx.request_id)(error.into()));
        }
        (None, problem, ended) => {
            let over = match ended {
                LoggedOut::ThisBrowser => Over::Here,
                LoggedOut::OneOfSeveral { username: user_name, still, .. } => {
                    Over::OneOfSeveral { user_name, still }
                }
                LoggedOut::Named => Over::Named,
                LoggedOut::Nobody => Over::Nothing,
            };
            let not_registered = match problem {
                Some(LogoutProblem::NotRegistered(address)) => Some(address),
                Some(LogoutProblem::Hint(_)) | None => None,
            };
            let done = SignedOutPage { client_name: request.client_name, over, back: None, not_registered };
            page(StatusCode::OK, &done, &ContentSecurityPolicy::default())
        }
    };
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}
