//! Choosing an account.

use super::respond_to_form;
use crate::app::Web;
use crate::error::{PageError, refused};
use crate::extract::{Posts, Visit, handle};
use axum::extract::State;
use axum::response::Response;

pub(crate) async fn post(State(web): State<Web>, Posts(visit): Posts) -> Result<Response, PageError> {
    let Visit { mut ctx, params, cookies } = visit;
    let choice = params.get("session");
    let step = web.provider.select_account(&mut ctx, handle(&params), &cookies.browser(), choice).await;
    Ok(respond_to_form(&web, step.map_err(refused(ctx.request_id))?, &cookies))
}
