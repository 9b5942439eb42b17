//! `doorward bench constant-rate`: sign-up, sign-in and UserInfo, each at a fixed rate. It starts the server and prints; what is asked is the `bench`
//! crate's.

use super::beside::{Asked, Beside, EmptyFloor};
use super::on_its_own_thread;
use super::options::{RunArgs, plan};
use bench::{Bar, ConstantRatePlan, LoadPlan};
use clap::Args;

pub(super) const HELP: &str = "\
Examples:
  doorward bench constant-rate
  doorward bench constant-rate --sign-up-rate 10 --sign-in-rate 40 \\
    --userinfo-rate 1000 --duration 60 --html rates.html

Three streams in an open loop: so many new accounts, sign-ins and UserInfo requests per second begin, whatever the server answers. Each is \
timed from the moment it was due, so that a stall is charged to every request that it held up (corrected for coordinated omission), and \
followed to its end.

It repeats the constant-rate test of one of the five systems whose load tests Doorward runs against itself: sign-up, sign-in and /me at a \
fixed rate. Its /me is UserInfo here.";

#[derive(Args)]
pub(crate) struct ConstantRateArgs {
    /// New accounts per second; 0 for none
    #[arg(long, value_name = "NUMBER", default_value_t = 5.0, value_parser = rate)]
    sign_up_rate: f64,
    /// Sign-ins per second; 0 for none
    #[arg(long, value_name = "NUMBER", default_value_t = 20.0, value_parser = rate)]
    sign_in_rate: f64,
    /// UserInfo requests per second; 0 for none
    #[arg(long, value_name = "NUMBER", default_value_t = 500.0, value_parser = rate)]
    userinfo_rate: f64,
    /// How long to measure, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    duration: u64,
    /// How many connections each of the three may have at once
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    connections: usize,
    #[command(flatten)]
    run: RunArgs,
}

/// A rate that a load tool on one thread can keep.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0 to 100000".to_owned()),
    }
}

/// `doorward bench constant-rate`.
pub(super) fn run(args: &ConstantRateArgs) -> anyhow::Result<()> {
    let beside = Beside {
        run: &args.run,
        // The warm-up is for as many connections as are used, not as there may be.
        load: LoadPlan { warm_up: LoadPlan::WARM_UP, ..plan(args.connections, args.duration) },
        connections: 3 * args.connections,
        floor: EmptyFloor::AtRate(args.userinfo_rate.max(1.0)),
    };
    let (seen, floors) = beside.measure(|Asked { person, load, .. }| {
        let plan = ConstantRatePlan {
            sign_in: person,
            load,
            sign_ups: args.sign_up_rate,
            sign_ins: args.sign_in_rate,
            userinfos: args.userinfo_rate,
        };
        on_its_own_thread(move |runtime| runtime.block_on(bench::constant_rate(&plan, &Bar::new())))
    })?;
    args.run.output.tell(&seen.findings(floors))
}
