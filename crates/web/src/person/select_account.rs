//! Choosing an account.

use super::respond_to_form;
use super::sign_in::handle;
use crate::app::Web;
use crate::error::PageError;
use crate::extract::{Circumstances, PageForm};
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

pub(crate) async fn post(
    State(web): State<Web>,
    Circumstances(mut ctx): Circumstances,
    headers: HeaderMap,
    PageForm(params): PageForm,
) -> Result<Response, PageError> {
    let request_id = ctx.request_id;
    let browser = web.cookies().read(&headers);
    let another = params.get("session").is_none();
    let step = web.provider.select_account(&mut ctx, handle(&params), &browser, another).await;
    Ok(respond_to_form(&web, step.map_err(|error| PageError { error, request_id })?))
}
