//! What a token's signature costs by itself: how many requests a handler answers that signs a JWT and does nothing else. It owns that question,
//! not the server that is asked.

use super::plan::LoadPlan;
use super::tally::LoadMeasurement;
use super::{Kind, User, Wire, Workload, run};
use crate::draw::Draw;
use crate::error::BenchError;
use crate::http::Origin;
use crate::progress::Progress;
use crate::wire::Trouble;
use http::{StatusCode, Uri};
use std::sync::Arc;
use url::Url;

/// Asks the server at `target`, which answers GET /sign with a JWT signed for this request.
///
/// # Errors
/// When the plan is not possible, or the server answers otherwise.
pub async fn signing_handler(
    target: &Url,
    plan: &LoadPlan,
    progress: &dyn Progress,
) -> Result<LoadMeasurement, BenchError> {
    run(&Signing { origin: plan.origin(target).await? }, plan, progress).await
}

struct Signing {
    origin: Arc<Origin>,
}

struct Asker {
    origin: Arc<Origin>,
    path: Uri,
}

impl Workload for Signing {
    const NAME: &'static str = "signing handler";
    const KINDS: &'static [Kind] =
        &[Kind { name: "sign", meaning: "a GET that is answered with a signed JWT" }];
    type User = Asker;

    fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    fn user(&self, _: Draw) -> Asker {
        Asker { origin: Arc::clone(&self.origin), path: Uri::from_static("/sign") }
    }
}

impl User for Asker {
    async fn turn(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        let request = self.origin.get_api(&self.path);
        wire.ask(0, request, |answer| match answer.status {
            StatusCode::OK if answer.body.starts_with(b"ey") => Ok(()),
            StatusCode::OK => Err("the answer is no JWT".to_owned()),
            other => Err(format!("status {}", other.as_u16())),
        })
        .await
    }
}
