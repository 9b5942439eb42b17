//! Allowing or denying.

use super::respond_to_form;
use super::sign_in::handle;
use crate::app::Web;
use crate::error::PageError;
use crate::extract::{Circumstances, PageForm};
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use provider::interaction::Decision;

pub(crate) async fn post(
    State(web): State<Web>,
    Circumstances(mut ctx): Circumstances,
    headers: HeaderMap,
    PageForm(params): PageForm,
) -> Result<Response, PageError> {
    let request_id = ctx.request_id;
    let browser = web.cookies().read(&headers);
    // Whatever is not clearly allowed is denied.
    let decision = if params.get("decision") == Some("allow") { Decision::Allow } else { Decision::Deny };
    let step = web.provider.decide(&mut ctx, handle(&params), &browser, decision).await;
    Ok(respond_to_form(&web, step.map_err(|error| PageError { error, request_id })?))
}
