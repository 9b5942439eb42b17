//! Several streams of load at once, each told under its own name. It owns which facts there are of such a run, and measures nothing.

use super::plan::LoadPlan;
use super::{Kind, Workload};
use crate::chart::Chart;
use crate::findings::{Findings, milliseconds, of, ratio};
use crate::percentiles::Percentiles;
use crate::stage::Surroundings;
use crate::tally::{Recorder, Tally};
use serde_json::json;
use std::time::Duration;

/// What a run of several streams saw.
#[derive(Debug)]
pub struct StreamsMeasurement {
    pub(crate) name: &'static str,
    pub(crate) duration: Duration,
    pub(crate) streams: Vec<StreamSeen<Tally>>,
    pub(crate) surroundings: Surroundings,
}

/// One stream: still running, or what was seen of it.
#[derive(Debug)]
pub(crate) struct StreamSeen<T> {
    pub(crate) name: &'static str,
    pub(crate) kinds: &'static [Kind],
    /// Turns per second that were asked for; `None` in a closed loop.
    pub(crate) per_second: Option<f64>,
    pub(crate) tally: T,
}

impl StreamSeen<Recorder> {
    /// A stream of an open loop.
    pub(crate) fn begun<W: Workload>(per_second: f64, recorder: Recorder) -> Self {
        Self { name: W::NAME, kinds: W::KINDS, per_second: Some(per_second), tally: recorder }
    }

    /// A stream of a closed loop.
    pub(crate) fn closed<W: Workload>(recorder: Recorder) -> Self {
        Self { name: W::NAME, kinds: W::KINDS, per_second: None, tally: recorder }
    }
}

impl StreamSeen<Tally> {
    /// Each kind that was asked, with its latencies: consent is asked for by few servers.
    pub(crate) fn kinds(&self) -> Vec<(Kind, Percentiles)> {
        let of_each = self.kinds.iter().enumerate();
        let of_each = of_each.map(|(place, kind)| (*kind, self.tally.latency_of(place)));
        of_each.filter(|(kind, latency)| kind.name != "consent" || latency.count > 0).collect()
    }
}

impl StreamsMeasurement {
    pub(crate) fn new(
        name: &'static str,
        plan: &LoadPlan,
        streams: Vec<StreamSeen<Recorder>>,
        surroundings: Surroundings,
    ) -> Self {
        let ended = |stream: StreamSeen<Recorder>| StreamSeen {
            name: stream.name,
            kinds: stream.kinds,
            per_second: stream.per_second,
            tally: stream.tally.into_tally(),
        };
        Self {
            name,
            duration: plan.duration,
            streams: streams.into_iter().map(ended).collect(),
            surroundings,
        }
    }

    /// Requests of all streams per second.
    #[must_use]
    pub fn requests_per_second(&self) -> f64 {
        let requests: u64 = self.streams.iter().map(|stream| stream.tally.requests).sum();
        requests as f64 / self.duration.as_secs_f64()
    }

    /// Whole turns per second of the stream of this name, where turns have more than one request.
    #[must_use]
    pub fn wholes_per_second(&self, name: &str) -> f64 {
        let wholes: u64 =
            self.streams.iter().filter(|stream| stream.name == name).map(|stream| stream.tally.wholes).sum();
        wholes as f64 / self.duration.as_secs_f64()
    }

    /// Everything there is to tell, beside the floors that were measured in the same run.
    #[must_use]
    pub fn findings(&self, floors: StreamFloors) -> Findings {
        let seconds = self.duration.as_secs_f64();
        let rates: Vec<_> =
            self.streams.iter().filter_map(|stream| Some((stream.name, stream.per_second?))).collect();
        let rates: Vec<_> = rates.iter().map(|(name, rate)| format!("{name} {rate:.3}/s")).collect();
        let title = format!("{}: {} for {seconds} s", self.name, rates.join(", "));
        let mut findings = Findings::new(self.name, title);
        findings.put("duration_seconds", json!(seconds));
        let rate = self.requests_per_second();
        let shown = ("requests/s", format!("{rate:.1}"), "answered as expected");
        findings.say("requests_per_second", json!(rate), shown);
        self.tell_floors(&mut findings, floors);
        let tallies: Vec<_> = self.streams.iter().map(|stream| &stream.tally).collect();
        findings.troubles(&tallies);
        for stream in &self.streams {
            let (name, tally) = (stream.name, &stream.tally);
            findings.put(&format!("{name}_rate"), json!(stream.per_second));
            findings.put(&format!("{name}_offered"), json!(tally.offered));
            findings.put(&format!("{name}_requests"), json!(tally.requests));
            findings.put(&format!("{name}_refused"), json!(tally.refused()));
            findings.put(&format!("{name}_errors"), json!(tally.errors));
            findings.latencies(&format!("{name}_"), name, &stream.kinds());
        }
        findings.surroundings(&self.surroundings);
        self.draw(&mut findings);
        findings
    }

    fn tell_floors(&self, findings: &mut Findings, floors: StreamFloors) {
        self.tell_paced(findings, floors.paced);
        findings.put("hash_capacity_per_second", json!(floors.hashes));
        let hashes = self.wholes_per_second("sign_in")
            + self.wholes_per_second("sign_up")
            + self.wholes_per_second("journey");
        // Where nobody signs in, nothing is hashed, and that is no ratio.
        let share = ratio(hashes, floors.hashes).filter(|_| hashes > 0.0);
        match share {
            Some(_) => {
                let meaning = "sign-ins and sign-ups beside pure password hashes per second";
                findings.say(
                    "ratio_to_hash_capacity",
                    json!(share),
                    ("of hash capacity", of(share), meaning),
                );
            }
            None => findings.put("ratio_to_hash_capacity", json!(share)),
        }
    }

    /// At rates that were asked for, requests per second say nothing about the server: latencies stand beside those of an empty handler.
    fn tell_paced(&self, findings: &mut Findings, paced: Option<Paced>) {
        if let [only] = self.streams.as_slice() {
            findings.percentiles("", &Percentiles::of(only.tally.all()));
        }
        findings.put("empty_handler_rate", json!(paced.map(|paced| paced.per_second)));
        findings.put("empty_handler_p50_ms", json!(paced.map(|paced| paced.latency.p50_ms)));
        findings.put("empty_handler_p99_ms", json!(paced.map(|paced| paced.latency.p99_ms)));
        let Some(paced) = paced else { return };
        let meaning = format!("a handler that does nothing, at {:.3} requests/s", paced.per_second);
        let shown = ("empty handler's p99, ms", milliseconds(paced.latency.p99_ms), meaning.as_str());
        findings.say("empty_handler_p999_ms", json!(paced.latency.p999_ms), shown);
        for stream in self.streams.iter().filter(|stream| stream.per_second == Some(paced.per_second)) {
            let name = stream.name;
            let [p50, p99] = paced.ratios(&Percentiles::of(stream.tally.all()));
            findings.put(&format!("{name}_p50_ratio_to_empty_handler"), json!(p50));
            let label = format!("{name}: of its p99");
            let shown = (label.as_str(), of(p99), "how many times as long 99 of 100 took at most");
            findings.say(&format!("{name}_p99_ratio_to_empty_handler"), json!(p99), shown);
        }
    }

    fn draw(&self, findings: &mut Findings) {
        for stream in &self.streams {
            let (latency, rate) = match stream.name {
                "sign_up" => ("Latency over time: requests of sign-ups", "Requests of sign-ups over time"),
                "sign_in" => ("Latency over time: requests of sign-ins", "Requests of sign-ins over time"),
                "userinfo" => ("Latency over time: UserInfo", "UserInfo requests over time"),
                "devices" => ("Latency over time: devices", "Requests of devices over time"),
                "journey" => ("Latency over time: requests of journeys", "Requests of journeys over time"),
                _ => ("Latency over time: everybody else", "Requests of everybody else over time"),
            };
            findings.charts.extend(Chart::latency_over_time(latency, &stream.tally.intervals));
            findings.charts.extend(Chart::rate_over_time(rate, &stream.tally.intervals));
        }
        let of_each: Vec<_> = self.streams.iter().map(|stream| (stream.name, stream.tally.all())).collect();
        findings.charts.extend(
            [
                Chart::distribution("How latencies are distributed", &of_each),
                Chart::server_cores(&self.surroundings.server),
                Chart::server_memory(&self.surroundings.server),
            ]
            .into_iter()
            .flatten(),
        );
    }
}

/// What a handler that does nothing is like at a rate.
#[derive(Clone, Copy, Debug)]
pub struct Paced {
    /// Requests per second.
    pub per_second: f64,
    /// From when each was due.
    pub latency: Percentiles,
}

impl Paced {
    /// How many times as long a half, and 99 of 100, of others took at most.
    pub(crate) fn ratios(&self, others: &Percentiles) -> [Option<f64>; 2] {
        [ratio(others.p50_ms, Some(self.latency.p50_ms)), ratio(others.p99_ms, Some(self.latency.p99_ms))]
    }
}

/// What was measured in the same run with nothing else running; `None` where that was not.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamFloors {
    /// Requests per second of a handler that does nothing, by as many users as there were.
    pub empty: Option<f64>,
    /// The same handler asked at a rate of the workload's.
    pub paced: Option<Paced>,
    /// Password hashes per second.
    pub hashes: Option<f64>,
}
