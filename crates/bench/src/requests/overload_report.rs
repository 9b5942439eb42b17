//! What came of more sign-ins than a machine can take. It owns which facts there are, and measures nothing.

use super::others::Others;
use super::overload::{ADMITTED, Entrants, Offered, OverloadMeasurement};
use super::streams::StreamFloors;
use super::{Kind, Workload};
use crate::chart::{Axis, Chart, Line, Scale};
use crate::findings::{Findings, Table, milliseconds, of, ratio, shown_or_dash, timed};
use crate::percentiles::Percentiles;
use crate::tally::Tally;
use serde_json::{Value, json};

/// A measurement beside the pure hash capacity of the machine it was made on.
#[derive(Debug)]
pub struct OverloadReport {
    /// What was measured.
    pub measurement: OverloadMeasurement,
    /// What was measured in the same run with nothing else running: hashes, and an empty handler at everybody else's rate.
    pub floors: StreamFloors,
}

impl OverloadReport {
    /// Everything there is to tell. Names without a multiple are those of the greatest.
    #[must_use]
    pub fn findings(&self) -> Findings {
        let seen = &self.measurement;
        let capacity = seen.capacity_per_second();
        let seconds = seen.duration.as_secs_f64();
        let all: Vec<String> = seen.offered.iter().map(|(times, _)| format!("{times}")).collect();
        let title =
            format!("overload: sign-ins offered at {} times the capacity, {seconds} s each", all.join(", "));
        let mut findings = Findings::new("overload", title);
        findings.put("duration_seconds", json!(seconds));
        let shown =
            ("capacity, sign-ins/s", format!("{capacity:.1}"), "people who each wait for the one before");
        findings.say("capacity_per_second", json!(capacity), shown);
        let to_hashes = ratio(capacity, self.floors.hashes);
        findings.put("hash_capacity_per_second", json!(self.floors.hashes));
        match to_hashes {
            Some(_) => {
                let shown = (
                    "of hash capacity",
                    of(to_hashes),
                    "that capacity beside pure password hashes per second",
                );
                findings.say("ratio_to_hash_capacity", json!(to_hashes), shown);
            }
            None => findings.put("ratio_to_hash_capacity", Value::Null),
        }
        findings.put("other_rate", json!(seen.other_rate));
        self.draw_against_load(&mut findings);
        if let Some((times, greatest)) = seen.offered.iter().max_by(|one, other| one.0.total_cmp(&other.0)) {
            self.tell_greatest(&mut findings, *times, greatest);
        }
        findings.tables.push(self.table());
        for (times, offered) in &seen.offered {
            self.tell_multiple(&mut findings, *times, offered);
        }
        findings
    }

    /// Whole sign-ins per second of this load.
    fn goodput(&self, offered: &Offered) -> f64 {
        offered.sign_ins.wholes as f64 / self.measurement.duration.as_secs_f64()
    }

    fn goodput_ratio(&self, offered: &Offered) -> Option<f64> {
        ratio(self.goodput(offered), Some(self.measurement.capacity_per_second()))
    }

    fn tell_greatest(&self, findings: &mut Findings, times: f64, offered: &Offered) {
        let (goodput, admitted) = (self.goodput(offered), offered.sign_ins.latency_of(ADMITTED));
        let meaning = format!("that is {times} times the capacity, whatever the server answers");
        let shown = ("offered sign-ins/s", format!("{:.1}", offered.per_second), meaning.as_str());
        findings.say("offered_per_second", json!(offered.per_second), shown);
        findings.put("offered", json!(offered.sign_ins.offered));
        let shown = ("goodput, sign-ins/s", format!("{goodput:.1}"), "of those, whole sign-ins");
        findings.say("goodput_per_second", json!(goodput), shown);
        let share = self.goodput_ratio(offered);
        let shown = ("goodput ratio", of(share), "goodput beside the capacity");
        findings.say("goodput_ratio", json!(share), shown);
        let p99 = timed(&admitted, admitted.p99_ms);
        let shown = ("admitted p99, ms", shown_or_dash(p99), "a whole sign-in that was let in");
        findings.say("admitted_p99_ms", json!(p99), shown);
        let others = Percentiles::of(offered.others.all());
        let meaning = "everybody else: tokens, introspection, UserInfo, keys, from when they were due";
        let shown = ("others' p99, ms", milliseconds(others.p99_ms), meaning);
        findings.say("other_p99_ms", json!(others.p99_ms), shown);
        let paced = self.floors.paced;
        findings.put("empty_handler_p99_ms", json!(paced.map(|paced| paced.latency.p99_ms)));
        let [_, of_empty] = paced.map_or([None; 2], |paced| paced.ratios(&others));
        let meaning = "that beside an empty handler's at the same rate, with nothing else running";
        let shown = ("of an empty handler's", of(of_empty), meaning);
        findings.say("other_p99_ratio_to_empty_handler", json!(of_empty), shown);
        let calm = Percentiles::of(self.measurement.capacity.others.all());
        findings.put("other_p99_at_capacity_ms", json!(calm.p99_ms));
        findings.troubles(&[&offered.sign_ins]);
        let (refused, errors) = (offered.others.refused(), offered.others.errors);
        let meaning = "the same of everybody else";
        findings.say("other_refused", json!(refused), ("others refused", refused.to_string(), meaning));
        findings.say("other_errors", json!(errors), ("others' errors", errors.to_string(), meaning));
        findings.put("other_error_samples", json!(offered.others.samples));
        findings.put("other_offered", json!(offered.others.offered));
        findings.put("other_requests", json!(offered.others.requests));
        findings.latencies("", "sign-in", &kinds::<Entrants>(&offered.sign_ins));
        findings.latencies("other_", "everybody else", &kinds::<Others>(&offered.others));
        findings.surroundings(&offered.surroundings);
        findings.charts.extend(
            [
                Chart::latency_over_time("Latency over time: everybody else", &offered.others.intervals),
                Chart::latency_over_time(
                    "Latency over time: requests of sign-ins",
                    &offered.sign_ins.intervals,
                ),
                Chart::rate_over_time("Requests of sign-ins over time", &offered.sign_ins.intervals),
                Chart::distribution("How latencies are distributed", &distributions(offered)),
                Chart::server_cores(&offered.surroundings.server),
                Chart::server_memory(&offered.surroundings.server),
            ]
            .into_iter()
            .flatten(),
        );
    }

    fn tell_multiple(&self, findings: &mut Findings, times: f64, offered: &Offered) {
        let key = |what: &str| format!("at_{times}x_{what}");
        findings.put(&key("goodput_per_second"), json!(self.goodput(offered)));
        findings.put(&key("goodput_ratio"), json!(self.goodput_ratio(offered)));
        let admitted = offered.sign_ins.latency_of(ADMITTED);
        findings.put(&key("admitted_p99_ms"), json!(timed(&admitted, admitted.p99_ms)));
        findings.put(&key("other_p99_ms"), json!(Percentiles::of(offered.others.all()).p99_ms));
        findings.put(&key("refused"), json!(offered.sign_ins.refused()));
        findings.put(&key("errors"), json!(offered.sign_ins.errors + offered.others.errors));
    }

    fn table(&self) -> Table {
        let row = |name: String, offered: &Offered| {
            let admitted = offered.sign_ins.latency_of(ADMITTED);
            let others = Percentiles::of(offered.others.all());
            let cells = vec![
                if offered.per_second > 0.0 { format!("{:.1}", offered.per_second) } else { "-".to_owned() },
                format!("{:.1}", self.goodput(offered)),
                of(self.goodput_ratio(offered)),
                offered.sign_ins.refused().to_string(),
                shown_or_dash(timed(&admitted, admitted.p99_ms)),
                shown_or_dash(timed(&others, others.p99_ms)),
                (offered.sign_ins.errors + offered.others.errors).to_string(),
            ];
            (name, cells, String::new())
        };
        let mut rows = vec![row("capacity".to_owned(), &self.measurement.capacity)];
        rows.extend(
            self.measurement.offered.iter().map(|(times, offered)| row(format!("{times} times"), offered)),
        );
        let columns =
            vec!["offered/s", "goodput/s", "ratio", "refused", "admitted p99", "others' p99", "errors"];
        Table { name: "load", columns, meaning: "", rows }
    }

    fn draw_against_load(&self, findings: &mut Findings) {
        let line = |name: &str, of: &dyn Fn(&Offered) -> Option<f64>| Line {
            name: name.to_owned(),
            points: self
                .measurement
                .offered
                .iter()
                .filter_map(|(_, seen)| Some((seen.per_second, of(seen)?)))
                .collect(),
        };
        let p99 = |latency: Percentiles| timed(&latency, latency.p99_ms);
        let offered = |scale| Axis { label: "sign-ins offered per second", scale };
        let per_second = |count: u64| count as f64 / self.measurement.duration.as_secs_f64();
        let throughput = Chart {
            title: "Throughput against offered load",
            caption: format!(
                "The capacity is {:.1} sign-ins per second.",
                self.measurement.capacity_per_second()
            ),
            x: offered(Scale::Linear),
            y: Axis { label: "per second", scale: Scale::Linear },
            lines: vec![
                line("signed in", &|seen| Some(self.goodput(seen))),
                line("refused", &|seen| Some(per_second(seen.sign_ins.refused()))),
            ],
        };
        let latency = Chart {
            title: "Latency against offered load",
            caption: "99 of 100 were faster.".to_owned(),
            x: offered(Scale::Linear),
            y: Axis { label: "milliseconds", scale: Scale::Logarithmic },
            lines: vec![
                line("admitted sign-ins", &|seen| p99(seen.sign_ins.latency_of(ADMITTED))),
                line("everybody else", &|seen| p99(Percentiles::of(seen.others.all()))),
            ],
        };
        findings.charts.extend([throughput, latency].into_iter().filter_map(Chart::if_drawable));
    }
}

fn kinds<W: Workload>(tally: &Tally) -> Vec<(Kind, Percentiles)> {
    let of_each = W::KINDS.iter().enumerate().map(|(place, kind)| (*kind, tally.latency_of(place)));
    // Consent is asked for by few servers.
    of_each.filter(|(kind, latency)| kind.name != "consent" || latency.count > 0).collect()
}

fn distributions(offered: &Offered) -> Vec<(&'static str, &hdrhistogram::Histogram<u64>)> {
    let admitted = offered.sign_ins.histogram_of(ADMITTED).map(|histogram| ("admitted sign-ins", histogram));
    admitted.into_iter().chain([("everybody else", offered.others.all())]).collect()
}
