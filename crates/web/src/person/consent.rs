//! Allowing or denying.

use super::respond_to_form;
use crate::app::Web;
use crate::error::{PageError, refused};
use crate::extract::{Posts, Visit, handle};
use axum::extract::State;
use axum::response::Response;
use provider::interaction::Decision;

pub(crate) async fn post(State(web): State<Web>, Posts(visit): Posts) -> Result<Response, PageError> {
    let Visit { mut ctx, params, cookies } = visit;
    // Whatever is not clearly allowed is denied.
    let decision = if params.get("decision") == Some("allow") { Decision::Allow } else { Decision::Deny };
    let step = web.provider.decide(&mut ctx, handle(&params), &cookies.browser(), decision).await;
    Ok(respond_to_form(&web, step.map_err(refused(ctx.request_id))?, &cookies))
}
