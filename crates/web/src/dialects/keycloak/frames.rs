//! The two frames that keycloak-js lays into an application's page, neither of which shows anything: one tells whether our cookies come
//! along from there, the other whether the browser's session is still the one that the page knows (OpenID Connect Session Management 1.0).

use crate::answer::{ContentSecurityPolicy, json, page};
use crate::app::Web;
use crate::assets::{LOGIN_STATUS, THIRD_PARTY_COOKIES};
use crate::error::ApiError;
use crate::extract::{Circumstances, query};
use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri};
use serde::Serialize;

#[derive(Template)]
#[template(path = "frame.html")]
struct Frame {
    title: &'static str,
    script: &'static str,
    cookies: Option<&'static str>,
}

/// `login-status-iframe.html`.
pub(crate) async fn login_status() -> Response {
    framed(&Frame { title: "Login status", script: LOGIN_STATUS.path, cookies: None })
}

/// `3p-cookies/step1.html`. Our session cookie is `SameSite=Lax`: it comes along with a frame where the page around it is of our own site,
/// and nowhere else. Browsers that do not say where a request comes from are not relied on.
pub(crate) async fn third_party_cookies(headers: HeaderMap) -> Response {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let cookies = match site {
        Some("same-origin" | "same-site") => "supported",
        _ => "unsupported",
    };
    framed(&Frame { title: "Cookies", script: THIRD_PARTY_COOKIES.path, cookies: Some(cookies) })
}

/// Nothing in it can be clicked, so every page may lay it into itself.
fn framed(frame: &Frame) -> Response {
    page(StatusCode::OK, frame, &ContentSecurityPolicy::InAnybodysFrame)
}

#[derive(Serialize)]
struct LoginStatus {
    state: &'static str,
}

/// `login-status-iframe.html/init`: what the frame asks. Answered to pages of the client's own origin alone, as the frame was told it by the
/// browser; another page cannot read the answer.
pub(crate) async fn init(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let params = query(&uri)?;
    let (client, origin) = (params.require("client_id")?, params.require("origin")?);
    let known = params.get("session_state").unwrap_or_default();
    let cookies = web.cookies().read(&headers);
    let same = web.provider.is_current_session(&ctx, &cookies.browser(), (client, origin), known).await?;
    Ok(match same {
        Some(true) => json(StatusCode::OK, &LoginStatus { state: "unchanged" }),
        Some(false) => json(StatusCode::OK, &LoginStatus { state: "changed" }),
        None => StatusCode::FORBIDDEN.into_response(),
    })
}
