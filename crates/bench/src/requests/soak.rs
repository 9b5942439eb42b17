//! A mix that goes on for hours: people sign in, everybody else asks, and nothing may grow. It owns the mix and what is looked at; the judgement is
//! `trend.rs`'s.

use super::constant_rate::SignInsOnly;
use super::others::Others;
use super::plan::LoadPlan;
use super::streams::{StreamFloors, StreamSeen, StreamsMeasurement};
use super::{Workload, first_turn};
use crate::cost::ServerSample;
use crate::error::BenchError;
use crate::findings::{Findings, Table};
use crate::load::grants;
use crate::open_loop::Arrivals;
use crate::plan::SignInPlan;
use crate::progress::Progress;
use crate::site::Site;
use crate::stage::Stage;
use crate::trend::{Allowance, Trend};
use serde_json::json;
use std::sync::Arc;

/// So many people are signed in before the load begins; everybody else's requests use their tokens.
const SIGNED_IN: usize = 8;

/// One run of `bench soak`. It holds a client secret and a password and therefore has no `Debug`.
#[derive(Clone)]
pub struct SoakPlan {
    /// Who signs in. How many users there are and how long it lasts is not read here.
    pub sign_in: SignInPlan,
    /// How long, and by how many connections at most for either stream.
    pub load: LoadPlan,
    /// Sign-ins per second.
    pub sign_ins: f64,
    /// Requests of everybody else per second: tokens, introspection, UserInfo, keys.
    pub others: f64,
}

/// What a run saw.
#[derive(Debug)]
pub struct SoakMeasurement {
    streams: StreamsMeasurement,
}

/// Lets the mix go on.
///
/// # Errors
/// When the plan is not possible, the target is no OpenID Provider, or a first turn without load does not succeed.
pub async fn soak(plan: &SoakPlan, progress: &dyn Progress) -> Result<SoakMeasurement, BenchError> {
    plan.load.origin(&plan.sign_in.issuer).await?;
    let is_rate = |rate: f64| rate.is_finite() && rate > 0.0;
    if !is_rate(plan.sign_ins) || !is_rate(plan.others) {
        return Err(BenchError::Plan("both rates must be greater than zero".to_owned()));
    }
    let site = Arc::new(Site::discover(&plan.sign_in).await?);
    let others = Others::new(&site, &grants(&site, plan.load.seed, SIGNED_IN).await?)?;
    first_turn(&others, &plan.load).await?;
    let sign_ins = SignInsOnly { site };
    let mut stage = Stage::new(&plan.load);
    let at = |per_second| Arrivals { per_second, users: plan.load.users };
    let streams = vec![
        StreamSeen::begun::<Others>(plan.others, stage.open(others, at(plan.others))),
        StreamSeen::begun::<SignInsOnly>(plan.sign_ins, stage.open(sign_ins, at(plan.sign_ins))),
    ];
    let surroundings = stage.run(progress).await?;
    Ok(SoakMeasurement { streams: StreamsMeasurement::new("soak", &plan.load, streams, surroundings) })
}

impl SoakMeasurement {
    /// What became of memory, write-ahead log and latencies; empty where the run was too short to say.
    #[must_use]
    pub fn trends(&self) -> Vec<Trend> {
        let server = &self.streams.surroundings.server;
        let of_server = |name, of: fn(&ServerSample) -> Option<f64>, noise| {
            let samples: Vec<_> = server.iter().filter_map(of).collect();
            Trend::of(name, &samples, noise)
        };
        let p99 = |stream: &str, name| {
            let stream = self.streams.streams.iter().find(|seen| seen.name == stream)?;
            let samples: Vec<_> =
                stream.tally.intervals.iter().map(|interval| interval.latency.p99_ms).collect();
            Trend::of(name, &samples, Allowance(20.0))
        };
        let trends = [
            of_server("server memory, MiB", |sample| Some(sample.memory_mib), Allowance(8.0)),
            of_server("write-ahead log, MiB", |sample| sample.log_mib, Allowance(16.0)),
            p99(Others::NAME, "others' p99, ms"),
            p99(SignInsOnly::NAME, "sign-in requests' p99, ms"),
        ];
        trends.into_iter().flatten().collect()
    }

    /// Everything there is to tell.
    #[must_use]
    pub fn findings(&self, floors: StreamFloors) -> Findings {
        let mut findings = self.streams.findings(floors);
        let trends = self.trends();
        let growing: Vec<_> = trends.iter().filter(|trend| trend.grows).map(|trend| trend.name).collect();
        findings.put("judged", json!(!trends.is_empty()));
        findings.put("growing", json!(growing));
        let last = self.streams.surroundings.server.last();
        findings.put("server_last_mib", json!(last.map(|sample| sample.memory_mib)));
        findings.put("files_last_mib", json!(last.and_then(|sample| sample.files_mib)));
        findings.put("log_last_mib", json!(last.and_then(|sample| sample.log_mib)));
        if trends.is_empty() {
            findings.remark("Too short to say whether anything grows.".to_owned());
            return findings;
        }
        let rows = trends.iter().map(|trend| {
            let numbers = vec![format!("{:.1}", trend.early), format!("{:.1}", trend.late)];
            (trend.name.to_owned(), numbers, if trend.grows { "GROWS" } else { "" }.to_owned())
        });
        let columns = vec!["second quarter", "last quarter"];
        findings.tables.push(Table { name: "median of", columns, meaning: "verdict", rows: rows.collect() });
        findings
    }
}
