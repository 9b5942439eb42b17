//! `doorward bench platform`: whole journeys, at a steady rate and at saturation. It starts the server and prints; what is asked is the `bench`
//! crate's.

use super::beside::{Asked, Beside, EmptyFloor};
use super::constant_rate::rate;
use super::on_its_own_thread;
use super::options::{LoadArgs, RunArgs, plan};
use bench::{Bar, PlatformPlan};
use clap::Args;

pub(super) const HELP: &str = "\
Examples:
  doorward bench platform
  doorward bench platform --steady-rate 210 --users 200 --duration 60 \\
    --html platform.html

A journey: somebody signs in and consents, their client exchanges the code, introspects, refreshes, asks who they are (UserInfo) and what \
they have subscribed to; they bring in a device, which gets its tokens; and an operator lists users or clients. Fourteen requests, each \
timed under its own name. First journeys begin at a steady rate, whatever the server answers (an open loop); then --users make them one \
after the other.

It repeats the platform test of one of the five systems whose load tests Doorward runs against itself: a steady 210 requests per second \
over everything it does. Its administration calls went over HTTP; Doorward's administration is asked over the operator's socket, as its \
command line does. Against --target there is none, and a journey has thirteen requests.";

#[derive(Args)]
pub(crate) struct PlatformArgs {
    /// Requests per second of the steady run
    #[arg(long, value_name = "NUMBER", default_value_t = 210.0, value_parser = rate)]
    steady_rate: f64,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// `doorward bench platform`.
pub(super) fn run(args: &PlatformArgs) -> anyhow::Result<()> {
    let beside = Beside {
        run: &args.run,
        load: plan(args.load.users, args.load.duration),
        connections: args.load.users,
        floor: EmptyFloor::Saturated(args.load.users),
    };
    let (seen, floors) = beside.measure(|Asked { person, load, operator_socket }| {
        let plan = PlatformPlan { sign_in: person, operator_socket, load, steady_rate: args.steady_rate };
        on_its_own_thread(move |runtime| runtime.block_on(bench::platform(&plan, &Bar::new())))
    })?;
    args.run.output.tell(&seen.findings(floors))
}
