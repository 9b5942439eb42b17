//! `doorward bench overload`: more sign-ins than the machine can take, while everybody else goes on. It starts the server and prints; what is asked
//! is the `bench` crate's.

use super::beside::{Asked, Beside, EmptyFloor};
use super::on_its_own_thread;
use super::options::{RunArgs, plan};
use bench::{Bar, LoadPlan, OverloadPlan, OverloadReport};
use clap::Args;
use std::time::Duration;

pub(super) const HELP: &str = "\
Examples:
  doorward bench overload
  doorward bench overload --times 0.5,1,2,5,10 --html overload.html
  doorward bench overload --target http://10.0.0.7:8080 --env-file demo.env \\
    --other-rate 500 --json overload.json

First people sign in who each wait for the one before: that is the capacity. Then sign-ins come at a multiple of it, whatever the \
server answers (an open loop): each takes a connection of its own and is timed from the moment it was due. All the while everybody \
else asks at a fixed rate for tokens, introspection, UserInfo and the signing keys.

Goodput is whole sign-ins per second, its ratio that beside the capacity. The rest is refused, at once and with Retry-After if the \
server is well made. None of the five systems has such a test of its own: this is the question their load tests leave open.";

#[derive(Args)]
pub(crate) struct OverloadArgs {
    /// How many times the capacity is offered; several, one after the other, are drawn as a curve
    #[arg(long, value_name = "MULTIPLES", value_delimiter = ',', default_value = "10")]
    times: Vec<f64>,
    /// How long to measure each load, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    duration: u64,
    /// Requests of everybody else, per second
    #[arg(long, value_name = "NUMBER", default_value_t = 200.0)]
    other_rate: f64,
    /// How many people sign in at once to find the capacity
    #[arg(long, value_name = "NUMBER", default_value_t = 32)]
    capacity_users: usize,
    /// How many connections the sign-ins may have at once
    #[arg(long, value_name = "NUMBER", default_value_t = 4_000)]
    connections: usize,
    #[command(flatten)]
    run: RunArgs,
}

/// After this long under too much load, whatever queues there are are full.
const FILLED: Duration = Duration::from_secs(5);

/// `doorward bench overload`.
pub(super) fn run(args: &OverloadArgs) -> anyhow::Result<()> {
    let beside = Beside {
        run: &args.run,
        load: LoadPlan { warm_up: warm_up(args.duration), ..plan(args.connections, args.duration) },
        connections: args.connections,
        floor: EmptyFloor::AtRate(args.other_rate),
    };
    let (measurement, floors) = beside.measure(|Asked { person, load, .. }| {
        let plan = OverloadPlan {
            sign_in: person,
            load,
            capacity_users: args.capacity_users,
            times: args.times.clone(),
            other_rate: args.other_rate,
        };
        on_its_own_thread(move |runtime| runtime.block_on(bench::overload(&plan, &Bar::new())))
    })?;
    args.run.output.tell(&OverloadReport { measurement, floors }.findings())
}

/// Long enough for queues to be as long as they will be, without making short runs twice as long.
fn warm_up(seconds: u64) -> Duration {
    LoadPlan::WARM_UP.max(FILLED.min(Duration::from_secs(seconds) / 2))
}
