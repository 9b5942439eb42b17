//! Measuring people who sign in: on the target that is named, or on a server of our own beside what the same cores can hash. Knows how that
//! is arranged and in what order; what is asked is the workload's.

use super::options::{PlacementArgs, TargetArgs, allow_connections};
use super::server::{BenchServer, Credentials};
use super::{hashes_per_second, own_settings};
use bench::{LoadPlan, SignInPlan, StreamFloors};
use protocol::SigningAlgorithm;
use std::path::PathBuf;
use std::time::Duration;

/// How long the hash capacity is measured at most, before the load and after it.
const CAPACITY_FOR: Duration = Duration::from_secs(3);
/// Of a server of our own, beside those that the load may use: it keeps some for itself.
const FURTHER_CONNECTIONS: usize = 1_000;

/// Where and how a workload is measured.
pub(super) struct Beside<'a> {
    pub(super) placement: &'a PlacementArgs,
    pub(super) target: &'a TargetArgs,
    pub(super) load: LoadPlan,
    /// How many there may be at once, of all streams together.
    pub(super) connections: usize,
    /// Of a server of our own, where nothing else was given.
    pub(super) settings: &'a [(&'static str, &'a str)],
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
        self.placement.apply()?;
        let Some((target, env_file)) = self.target.named() else { return self.of_our_own(workload) };
        let load = LoadPlan { server: self.target.process(), ..self.load.clone() };
        let person = Credentials::read(env_file)?.person(target.clone(), &load);
        Ok((workload(Asked { person, load, operator_socket: None })?, StreamFloors::default()))
    }

    fn of_our_own<T>(
        &self,
        workload: impl FnOnce(Asked) -> anyhow::Result<T>,
    ) -> anyhow::Result<(T, StreamFloors)> {
        let mut wished = vec![("max_connections", (self.connections + FURTHER_CONNECTIONS).to_string())];
        wished.extend(self.settings.iter().map(|(key, value)| (*key, (*value).to_owned())));
        let flags = self.target.flags_with(&wished);
        let settings = own_settings(&flags)?;
        let capacity_for = CAPACITY_FOR.min(self.load.duration);
        let hashes = || self.placement.on_server_cpus(|| hashes_per_second(&settings, capacity_for));
        let before = hashes()?;
        let server = self.placement.on_server_cpus(|| BenchServer::start(&flags, SigningAlgorithm::EdDsa))?;
        let credentials = server.credentials()?;
        let issuer = credentials.issuer()?;
        let load = LoadPlan { server: Some(server.process()), ..self.load.clone() };
        let person = credentials.person(issuer, &load);
        let measured = workload(Asked { person, load, operator_socket: server.operator_socket() })?;
        server.stop()?;
        let hashes = f64::midpoint(before, hashes()?);
        Ok((measured, StreamFloors { hashes: Some(hashes), empty: None }))
    }
}
