//! The front door.

use crate::answer::{ContentSecurityPolicy, page};
use crate::app::Web;
use crate::error::{PageError, refused};
use crate::extract::Looks;
use crate::pages::HomePage;
use crate::person::named;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use provider::interaction::Named;

pub(crate) async fn get(State(web): State<Web>, Looks(visit): Looks) -> Result<Response, PageError> {
    let refused = refused(visit.ctx.request_id);
    let signed_in = web.provider.greeted(&visit.ctx, &visit.cookies.browser()).await.map_err(refused)?;
    let settings = web.provider.settings();
    let view = HomePage {
        issuer: settings.issuer.clone(),
        discovery_url: settings.url("/.well-known/openid-configuration"),
        runs_installation: signed_in.first().is_some_and(|signed_in| signed_in.user.platform_owner),
        signed_in: signed_in.iter().map(|one| named(&Named::of(&one.user))).collect(),
        needs_setup: web.provider.needs_setup().await.map_err(refused)?,
    };
    Ok(page(StatusCode::OK, &view, &ContentSecurityPolicy::default()))
}
