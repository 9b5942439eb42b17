//! Journeys at a steady rate and at saturation. It owns which facts there are, and measures nothing.

use super::platform::PlatformMeasurement;
use super::streams::{StreamFloors, StreamsMeasurement};
use crate::chart::Chart;
use crate::findings::{Findings, milliseconds, of, ratio, virtual_users};
use crate::percentiles::Percentiles;
use serde_json::json;

impl PlatformMeasurement {
    /// Everything there is to tell, beside the floors that were measured in the same run. Names that do not begin with `steady_` are of
    /// the run at saturation; errors and refusals those of both.
    #[must_use]
    pub fn findings(&self, floors: StreamFloors) -> Findings {
        let seconds = self.saturation.duration.as_secs_f64();
        let title = format!(
            "platform: journeys at {} requests per second and at saturation ({}), {seconds} s each",
            self.steady_rate,
            virtual_users(self.users)
        );
        let mut findings = Findings::new("platform", title);
        findings.put("users", json!(self.users));
        findings.put("duration_seconds", json!(seconds));
        self.tell_steady(&mut findings);
        self.tell_saturation(&mut findings, floors);
        let both = [&self.steady, &self.saturation];
        let tallies: Vec<_> =
            both.iter().flat_map(|seen| seen.streams.iter().map(|stream| &stream.tally)).collect();
        findings.troubles(&tallies);
        for (prefix, name, seen) in
            [("steady_", "at the steady rate", &self.steady), ("", "at saturation", &self.saturation)]
        {
            for stream in &seen.streams {
                findings.latencies(prefix, name, &stream.kinds());
            }
        }
        findings.surroundings(&self.saturation.surroundings);
        if let Some(why) = self.steady.surroundings.client.bottleneck() {
            findings.remark(format!("AT THE STEADY RATE THE LOAD TOOL WAS A BOTTLENECK ITSELF: {why}"));
        }
        self.draw(&mut findings);
        findings
    }

    fn tell_steady(&self, findings: &mut Findings) {
        let steady = &self.steady;
        let rate = steady.requests_per_second();
        let meaning = format!("answered as expected, of {} that were asked for", self.steady_rate);
        findings.put("steady_rate", json!(self.steady_rate));
        let shown = ("steady, requests/s", format!("{rate:.1}"), meaning.as_str());
        findings.say("steady_requests_per_second", json!(rate), shown);
        for stream in &steady.streams {
            let latency = Percentiles::of(stream.tally.all());
            findings.percentiles("steady_", &latency);
            findings.put("steady_errors", json!(stream.tally.errors));
            findings.put("steady_refused", json!(stream.tally.refused()));
            let meaning = "of all requests at that rate, the sign-in form among them";
            let shown = ("steady p99, ms", milliseconds(latency.p99_ms), meaning);
            findings.say("steady_all_p99_ms", json!(latency.p99_ms), shown);
        }
    }

    fn tell_saturation(&self, findings: &mut Findings, floors: StreamFloors) {
        let seen = &self.saturation;
        let (rate, journeys) = (seen.requests_per_second(), seen.wholes_per_second("journey"));
        let shown = ("saturated, requests/s", format!("{rate:.1}"), "as fast as it goes");
        findings.say("requests_per_second", json!(rate), shown);
        let meaning = "whole journeys: one password hash each";
        findings.say(
            "journeys_per_second",
            json!(journeys),
            ("journeys/s", format!("{journeys:.1}"), meaning),
        );
        findings.put("hash_capacity_per_second", json!(floors.hashes));
        let share = ratio(journeys, floors.hashes);
        match share {
            Some(_) => {
                let meaning = "journeys beside pure password hashes per second";
                findings.say(
                    "ratio_to_hash_capacity",
                    json!(share),
                    ("of hash capacity", of(share), meaning),
                );
            }
            None => findings.put("ratio_to_hash_capacity", json!(share)),
        }
        findings.put("empty_handler_requests_per_second", json!(floors.empty));
        findings.put("ratio_to_empty_handler", json!(ratio(rate, floors.empty)));
    }

    fn draw(&self, findings: &mut Findings) {
        let titles = [
            ["Latency over time at the steady rate", "Requests over time at the steady rate"],
            ["Latency over time at saturation", "Requests over time at saturation"],
        ];
        let distribution = |seen: &StreamsMeasurement, title| {
            let of_each: Vec<_> =
                seen.streams.iter().map(|stream| ("all requests", stream.tally.all())).collect();
            Chart::distribution(title, &of_each)
        };
        for (seen, [latency, rate]) in [&self.steady, &self.saturation].into_iter().zip(titles) {
            for stream in &seen.streams {
                findings.charts.extend(Chart::latency_over_time(latency, &stream.tally.intervals));
                findings.charts.extend(Chart::rate_over_time(rate, &stream.tally.intervals));
            }
        }
        let samples = &self.saturation.surroundings.server;
        findings.charts.extend(
            [
                distribution(&self.steady, "How latencies are distributed at the steady rate"),
                Chart::server_cores(samples),
                Chart::server_memory(samples),
            ]
            .into_iter()
            .flatten(),
        );
    }
}
