//! How long and by how many: what every workload that counts requests is told. It owns the limits of that.

use crate::cost::ServerProcess;
use crate::error::BenchError;
use crate::http::Origin;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// One run of a workload that counts requests.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// How many virtual users run at once.
    pub users: usize,
    /// The time over which users start, not counted; see [`LoadPlan::WARM_UP`].
    pub warm_up: Duration,
    /// The length of the measured window.
    pub duration: Duration,
    /// The longest wait for one answer, beyond which it is an error; see [`LoadPlan::TIME_OUT`].
    pub time_out: Duration,
    /// Repeats what an earlier run drew.
    pub seed: u64,
    /// The server's process, where its cost can be seen.
    pub server: Option<ServerProcess>,
}

impl LoadPlan {
    /// The usual warm-up.
    pub const WARM_UP: Duration = Duration::from_secs(1);
    /// The usual time-out of a request.
    pub const TIME_OUT: Duration = Duration::from_secs(30);

    /// Looks at the plan and at where it goes.
    pub(crate) async fn origin(&self, target: &Url) -> Result<Arc<Origin>, BenchError> {
        let refuse = |why: &str| Err(BenchError::Plan(why.to_owned()));
        if target.scheme() != "http" {
            return refuse("the target must be an http:// URL: the cost of TLS would drown what is asked");
        }
        if self.users == 0 {
            return refuse("at least one virtual user is needed");
        }
        if self.duration.is_zero() || self.time_out.is_zero() {
            return refuse("the duration and the time-out must be longer than zero");
        }
        Origin::resolve(target).await.map(Arc::new).map_err(BenchError::Target)
    }
}
