//! `doorward bench soak`: a mix that goes on for hours, in which nothing may grow. It starts the server, prints, and fails when something grew; what
//! is asked is the `bench` crate's.

use super::beside::{Asked, Beside, EmptyFloor};
use super::constant_rate::rate;
use super::on_its_own_thread;
use super::options::{RunArgs, plan};
use anyhow::bail;
use bench::{Bar, LoadPlan, SoakPlan};
use clap::Args;

pub(super) const HELP: &str = "\
Examples:
  doorward bench soak
  doorward bench soak --duration 28800 --html soak.html --json soak.json

People sign in and everybody else asks for tokens, introspection, UserInfo and the signing keys, each at a fixed rate (an open loop), for as \
long as you like. Memory, write-ahead log and latencies are looked at sixty times, or each minute where that is more often. The command \
fails when one of them grows without bound: when its median rises from quarter to quarter of the run, and in the last one is more than a \
quarter higher than in the second. None of the five systems has such a test; what leaks shows only here.";

#[derive(Args)]
pub(crate) struct SoakArgs {
    /// How long to go on, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    duration: u64,
    /// Sign-ins per second
    #[arg(long, value_name = "NUMBER", default_value_t = 10.0, value_parser = rate)]
    sign_in_rate: f64,
    /// Requests of everybody else, per second
    #[arg(long, value_name = "NUMBER", default_value_t = 500.0, value_parser = rate)]
    other_rate: f64,
    /// How many connections either of the two may have at once
    #[arg(long, value_name = "NUMBER", default_value_t = 500)]
    connections: usize,
    #[command(flatten)]
    run: RunArgs,
}

/// `doorward bench soak`.
pub(super) fn run(args: &SoakArgs) -> anyhow::Result<()> {
    let beside = Beside {
        run: &args.run,
        load: LoadPlan { warm_up: LoadPlan::WARM_UP, ..plan(args.connections, args.duration) },
        connections: 2 * args.connections,
        floor: EmptyFloor::AtRate(args.other_rate),
    };
    let (seen, floors) = beside.measure(|Asked { person, load, .. }| {
        let plan = SoakPlan { sign_in: person, load, sign_ins: args.sign_in_rate, others: args.other_rate };
        on_its_own_thread(move |runtime| runtime.block_on(bench::soak(&plan, &Bar::new())))
    })?;
    args.run.output.tell(&seen.findings(floors))?;
    let growing: Vec<_> = seen
        .trends()
        .into_iter()
        .filter(|trend| trend.grows)
        .map(|trend| format!("{} ({:.1} → {:.1})", trend.name, trend.early, trend.late))
        .collect();
    if !growing.is_empty() {
        bail!("this grows without bound: {}", growing.join(", "));
    }
    Ok(())
}
