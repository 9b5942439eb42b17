//! The front door.

use crate::answer::{ContentSecurityPolicy, page};
use crate::app::Web;
use crate::error::PageError;
use crate::extract::Circumstances;
use crate::pages::HomePage;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

pub(crate) async fn get(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let refused = |error| PageError { error, request_id: ctx.request_id };
    let browser = web.cookies().read(&headers);
    let signed_in = web.provider.signed_in(&ctx, browser.session).await.map_err(refused)?;
    let settings = web.provider.settings();
    let view = HomePage {
        issuer: settings.issuer.clone(),
        discovery_url: settings.url("/.well-known/openid-configuration"),
        signed_in: signed_in.map(|signed_in| signed_in.user.name.unwrap_or(signed_in.user.username)),
        needs_setup: web.provider.needs_setup().await.map_err(refused)?,
    };
    Ok(page(StatusCode::OK, &view, &ContentSecurityPolicy::default()))
}
