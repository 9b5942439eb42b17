//! The people already signed in: introspections and refreshes at a constant rate beside the sign-ins. It owns the
//! schedule. Latency runs from when a request was due, so that a stall is charged to every request it held up.

use crate::clock;
use crate::flow::VirtualUser;
use crate::kind::Step;
use crate::site::Grant;
use crate::wire::{Trouble, Wire};
use std::time::{Duration, Instant};

/// Each lane has a connection and a grant of its own: refreshing is a chain, and one chain would queue behind itself.
pub(crate) const LANES: u32 = 4;

/// One connection, one grant, and a request from time to time: an introspection, then a refresh, and so on.
pub(crate) struct Lane {
    pub(crate) user: VirtualUser,
    pub(crate) wire: Wire,
    pub(crate) grant: Grant,
    /// How long after the end what is overdue is still sent; a server that hangs must not hold the tool forever.
    pub(crate) patience: Duration,
}

impl Lane {
    /// Runs until the window closes, and until what was due by then has been sent. All lanes together make `rate`
    /// requests per second, evenly spaced.
    pub(crate) async fn run(mut self, number: u32, start: Instant, rate: u32) {
        let spacing = Duration::from_secs(1) / rate;
        let mut due = start + spacing * number;
        let mut is_refresh = number % 2 == 1;
        while !self.wire.recorder.is_over(due) {
            tokio::time::sleep_until(due.into()).await;
            // What is due is sent however late it is: skipping it would hide the very stall it waited for.
            let is_hopeless =
                clock::now().checked_sub(self.patience).is_some_and(|then| self.wire.recorder.is_over(then));
            let outcome = if is_hopeless {
                Err(Trouble::Failed(
                    "a bystander request was due and could not be sent until the run was over".to_owned(),
                ))
            } else {
                self.wire.is_due(due);
                self.request(is_refresh).await
            };
            match outcome {
                Ok(()) => {}
                Err(Trouble::Over) => return,
                Err(Trouble::Refused { status, says_when, .. }) => {
                    self.wire.recorder.refused_now(status, says_when);
                }
                Err(Trouble::Failed(why)) => self.wire.recorder.error(why),
            }
            is_refresh = !is_refresh;
            due += spacing * LANES;
        }
    }

    async fn request(&mut self, is_refresh: bool) -> Result<(), Trouble> {
        let Self { user, wire, grant, .. } = self;
        if is_refresh {
            *grant = user.refresh(wire, &grant.refresh_token, Step::BystanderRefresh as usize).await?;
            Ok(())
        } else {
            user.introspect(wire, &grant.access_token, Step::BystanderIntrospect as usize).await
        }
    }
}
