//! THE MEASURE: a black-box load tool. It owns virtual users, their small HTTP client, the histograms and the report.
//!
//! It refuses to know the server: nothing here imports a server crate, everything is learnt from discovery and from
//! what a client sees on the wire. It also does not measure hashing; whoever calls it hands that number to [`Report`].
//!
//! # What is counted
//!
//! A run is a warm-up, over which the users start one after another, and a window. Each user is a closed loop: it
//! starts its next iteration when the last one ended.
//!
//! - `iterations` are those that *completed* inside the window. Those still under way at its end are dropped, those
//!   begun in the warm-up and completed inside are counted; in a steady state the two balance.
//! - A step's latency is recorded when the step *began* inside the window and succeeded, however late it ended: the step
//!   under way at the end is waited for, so a stalling server cannot hide its slowest answers behind the end.
//! - `refused` are answers 429 and 503 that arrived inside the window. The user waits as told and starts again.
//! - `errors` are everything else that was not expected, and every one of them, the warm-up included.
//!
//! Bystanders send introspections and refreshes at a constant rate beside that load, and are timed from the moment
//! they were *due*, so that a stall is charged to each request it held up (no coordinated omission).
//!
//! In an open loop turns begin when they are due, whatever the server does, and are followed to their end: their first request and the turn as a
//! whole are timed from the moment they were due. A turn is `offered` where it was due inside the window.
//!
//! # Requests beside an empty handler
//!
//! Where no password is hashed, the measure is requests per second beside those of an *empty handler*: a server of the same
//! kind that only answers 204 ([`empty_handler`] measures it, whoever calls starts it). To add such a workload: write a file
//! in `requests/` with a plan, a type that implements `Workload` (which kinds of requests there are, and how a user begins)
//! and one that implements `User` (what a user asks in one turn, each request with its check), and a public function that
//! hands it to `requests::run`, or puts it on a `Stage` at a fixed rate or beside others; then a subcommand in
//! `doorward/src/commands`. `requests/devices.rs` is an example, `requests/overload.rs` one with two streams.
//! The loops, the window, refusals, errors, histograms, tables, charts and the JSON are there already.
//!
//! # What it costs
//!
//! The load runs on one thread. Its processor time, and how late it sent what was due, are measured; a report says so when the tool was
//! the bottleneck itself ([`ClientCost::bottleneck`]).

mod bystander;
mod chart;
mod clock;
mod connections;
mod cookies;
mod cost;
mod draw;
mod encoding;
mod error;
mod findings;
mod flow;
mod html;
mod html_form;
mod http;
mod kind;
mod load;
mod open_loop;
mod operator_line;
mod percentiles;
mod plan;
mod progress;
mod report;
mod requests;
mod schedule;
mod sign_in_measurement;
mod site;
mod stage;
mod tally;
mod trend;
mod typed;
mod window;
mod wire;

pub use connections::{ConnectionsPlan, Held, SlowUse, hold_connections};
pub use cost::{ClientCost, ServerProcess, ServerSample};
pub use error::BenchError;
pub use findings::Findings;
pub use kind::Step;
pub use load::sign_in;
pub use percentiles::Percentiles;
pub use plan::SignInPlan;
pub use progress::{Bar, Progress, Silent, SoFar};
pub use report::Report;
pub use requests::constant_rate::{ConstantRatePlan, constant_rate};
pub use requests::devices::{DevicesPlan, devices, devices_at};
pub use requests::empty::{empty_handler, empty_handler_at};
pub use requests::in_process::{InProcessReport, Latencies};
pub use requests::machines::{Machine, MachineStep, MachinesPlan, machines};
pub use requests::machines_report::{Floors, MachinesReport};
pub use requests::overload::{OverloadMeasurement, OverloadPlan, overload};
pub use requests::overload_report::OverloadReport;
pub use requests::plan::LoadPlan;
pub use requests::platform::{PlatformMeasurement, PlatformPlan, platform};
pub use requests::reads::{ReadStep, Readers, reads};
pub use requests::reads_report::{ReadSeen, ReadsReport};
pub use requests::report::LoadReport;
pub use requests::signing::signing_handler;
pub use requests::soak::{SoakMeasurement, SoakPlan, soak};
pub use requests::streams::{Paced, StreamFloors, StreamsMeasurement};
pub use requests::subscriptions::{ServiceUser, subscriptions};
pub use requests::tally::LoadMeasurement;
pub use sign_in_measurement::SignInMeasurement;
pub use stage::Surroundings;
pub use trend::Trend;
