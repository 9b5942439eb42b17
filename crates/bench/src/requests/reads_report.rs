//! What reading costs, request by request, each beside the empty handler that had its turns between them. It owns which facts there are, and measures
//! nothing.

use super::reads::ReadStep;
use super::tally::LoadMeasurement;
use crate::chart::Chart;
use crate::findings::{Findings, Table, milliseconds, of, ratio, virtual_users};
use serde_json::json;

/// One kind of request.
#[derive(Debug)]
pub struct ReadSeen {
    /// Which.
    pub step: ReadStep,
    /// What was measured of it.
    pub seen: LoadMeasurement,
    /// The empty handler, turn by turn with it; `None` where the target is no server of our own.
    pub empty: Option<LoadMeasurement>,
}

/// A run of requests that only read.
#[derive(Debug)]
pub struct ReadsReport {
    /// Each kind.
    pub reads: Vec<ReadSeen>,
}

impl ReadsReport {
    /// Everything there is to tell. Names without a step are UserInfo's; errors and refusals those of all.
    #[must_use]
    pub fn findings(&self) -> Findings {
        let first = self.reads.first().map(|read| &read.seen);
        let (users, seconds) = first.map_or((0, 0.0), |seen| (seen.users, seen.duration.as_secs_f64()));
        let title = format!("reads: {}, {seconds} s for each request", virtual_users(users));
        let mut findings = Findings::new("reads", title);
        findings.put("users", json!(users));
        findings.put("duration_seconds", json!(seconds));
        let tallies: Vec<_> = self.reads.iter().map(|read| &read.seen.tally).collect();
        findings.troubles(&tallies);
        let rows = self.reads.iter().map(|read| read.tell(&mut findings)).collect();
        let columns =
            vec!["requests/s", "empty/s", "of empty", "p50 ms", "p99 ms", "p99.9 ms", "refused", "errors"];
        findings.tables.push(Table { name: "request", columns, meaning: "", rows });
        if let Some(seen) = first {
            findings.surroundings(&seen.surroundings);
        }
        let of_each: Vec<_> =
            self.reads.iter().map(|read| (read.step.name(), read.seen.tally.all())).collect();
        findings.charts.extend(Chart::distribution("How latencies are distributed", &of_each));
        findings
    }
}

impl ReadSeen {
    fn tell(&self, findings: &mut Findings) -> (String, Vec<String>, String) {
        let (rate, latency, name) = (self.seen.requests_per_second(), self.seen.latency(), self.step.name());
        let empty = self.empty.as_ref().map(LoadMeasurement::requests_per_second);
        let share = ratio(rate, empty);
        let prefixes = [format!("{name}_"), String::new()];
        // The first is what a run is known by.
        let told = if self.step == ReadStep::UserInfo { &prefixes[..] } else { &prefixes[..1] };
        for prefix in told {
            findings.put(&format!("{prefix}requests_per_second"), json!(rate));
            findings.put(&format!("{prefix}empty_handler_requests_per_second"), json!(empty));
            findings.put(&format!("{prefix}ratio_to_empty_handler"), json!(share));
            findings.percentiles(prefix, &latency);
        }
        findings.put(&format!("{name}_requests"), json!(self.seen.requests()));
        let shown = empty.map_or_else(|| "-".to_owned(), |empty| format!("{empty:.0}"));
        let mut cells = vec![format!("{rate:.0}"), shown, of(share)];
        cells.extend([latency.p50_ms, latency.p99_ms, latency.p999_ms].map(milliseconds));
        cells.extend([self.seen.refused(), self.seen.errors()].map(|count| count.to_string()));
        (name.to_owned(), cells, String::new())
    }
}
