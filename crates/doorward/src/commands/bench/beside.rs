//! Measuring people who sign in, and whatever comes at a rate: on the target that is named, or on a server of our own beside what the same cores can hash
//! and what an empty handler answers. Knows how that is arranged and in what order; what is asked is the workload's.

use super::options::{RunArgs, allow_connections};
use super::requests::floor_at;
use super::server::{BenchServer, Credentials};
use super::{hashes_per_second, on_its_own_thread, own_settings};
use bench::{Bar, LoadMeasurement, LoadPlan, Paced, SignInPlan, StreamFloors};
use protocol::SigningAlgorithm;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// How long each floor is measured at most, before the load and after it.
const FLOORS_FOR: Duration = Duration::from_secs(3);
/// Of a server of our own, beside those that the load may use: it keeps some for itself.
const FURTHER_CONNECTIONS: usize = 1_000;

/// Where and how a workload is measured.
pub(super) struct Beside<'a> {
    pub(super) run: &'a RunArgs,
    pub(super) load: LoadPlan,
    /// How many there may be at once, of all streams together.
    pub(super) connections: usize,
    /// What an empty handler is asked, to stand beside.
    pub(super) floor: EmptyFloor,
}

/// How an empty handler is asked.
#[derive(Clone, Copy)]
pub(super) enum EmptyFloor {
    /// As much as it can answer, by so many users.
    Saturated(usize),
    /// So often per second: where a rate is asked for, only latencies can be compared.
    AtRate(f64),
}

/// Who is there to be asked.
pub(super) struct Asked {
    pub(super) person: SignInPlan,
    pub(super) load: LoadPlan,
    /// Of a server of our own.
    pub(super) operator_socket: Option<PathBuf>,
}

impl Beside<'_> {
    /// Measures, and tells the floors that were measured beside it.
    ///
    /// # Errors
    /// When nothing could be measured.
    pub(super) fn measure<T>(
        &self,
        workload: impl FnOnce(Asked) -> anyhow::Result<T>,
    ) -> anyhow::Result<(T, StreamFloors)> {
        allow_connections(self.connections)?;
        self.run.placement.apply()?;
        let target = &self.run.target;
        let Some((named, env_file)) = target.named() else { return self.of_our_own(workload) };
        let load = LoadPlan { server: target.process(), ..self.load.clone() };
        let person = Credentials::read(env_file)?.person(named.clone(), &load);
        Ok((workload(Asked { person, load, operator_socket: None })?, StreamFloors::default()))
    }

    fn of_our_own<T>(
        &self,
        workload: impl FnOnce(Asked) -> anyhow::Result<T>,
    ) -> anyhow::Result<(T, StreamFloors)> {
        let connections = (self.connections + FURTHER_CONNECTIONS).to_string();
        let flags = self.run.target.flags_with(&[("max_connections", connections)]);
        let settings = own_settings(&flags)?;
        let placement = &self.run.placement;
        let short = FLOORS_FOR.min(self.load.duration);
        let hashes = || placement.on_server_cpus(|| hashes_per_second(&settings, short));
        let floor = placement.on_server_cpus(|| BenchServer::empty_handler(self.connections))?;
        let target = floor.issuer()?;
        let (hashes_before, empty_before) = (hashes()?, self.empty(&target, short)?);
        let server = placement.on_server_cpus(|| BenchServer::start(&flags, SigningAlgorithm::EdDsa))?;
        let credentials = server.credentials()?;
        let issuer = credentials.issuer()?;
        let load = LoadPlan { server: Some(server.process()), ..self.load.clone() };
        let person = credentials.person(issuer, &load);
        let measured = workload(Asked { person, load, operator_socket: server.operator_socket() })?;
        server.stop()?;
        let hashes = f64::midpoint(hashes_before, hashes()?);
        let empty = empty_before.and(self.empty(&target, short)?);
        Ok((measured, self.floors(hashes, &empty)))
    }

    fn empty(&self, target: &Url, duration: Duration) -> anyhow::Result<LoadMeasurement> {
        let warm_up = LoadPlan::WARM_UP;
        let load = LoadPlan { warm_up, duration, server: None, ..self.load.clone() };
        match self.floor {
            EmptyFloor::Saturated(users) => floor_at(target, &LoadPlan { users, ..load }),
            EmptyFloor::AtRate(per_second) => {
                let target = target.clone();
                on_its_own_thread(move |runtime| {
                    runtime.block_on(bench::empty_handler_at(per_second, &target, &load, &Bar::new()))
                })
            }
        }
    }

    fn floors(&self, hashes: f64, empty: &LoadMeasurement) -> StreamFloors {
        let hashes = Some(hashes);
        match self.floor {
            EmptyFloor::Saturated(_) => {
                StreamFloors { hashes, empty: Some(empty.requests_per_second()), paced: None }
            }
            EmptyFloor::AtRate(per_second) => {
                let paced = Paced { per_second, latency: empty.latency() };
                StreamFloors { hashes, empty: None, paced: Some(paced) }
            }
        }
    }
}
