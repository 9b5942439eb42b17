//! A virtual user's connection: every request goes through it, and is timed and counted there. It owns from when a request is timed; what is
//! asked is the workload's.

use crate::clock;
use crate::http::{Answer, Connection, Origin};
use crate::tally::{Recorder, Timed};
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Request, StatusCode};
use http_body_util::Full;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The wait where a refusal does not say one.
const USUAL_WAIT: Duration = Duration::from_secs(1);

/// Why a turn ended before its end.
pub(crate) enum Trouble {
    /// The run is over: no further request begins.
    Over,
    /// The server has no room now; whether it said when to come back, and when that is.
    Refused { status: u16, says_when: bool, wait: Duration },
    /// Anything that was not expected.
    Failed(String),
}

/// A connection, and where it is counted what goes over it.
pub(crate) struct Wire {
    connection: Connection,
    pub(crate) recorder: Recorder,
    /// When the next request ought to be sent, where that is not as soon as it can be.
    due: Option<Instant>,
    /// When the turn was due that goes on, where it had a time.
    turn_due: Option<Instant>,
}

impl Wire {
    /// A user's in a closed loop: the next request begins when the last one has ended.
    pub(crate) fn new(origin: &Arc<Origin>, time_out: Duration, recorder: &Recorder) -> Self {
        let connection = Connection::new(Arc::clone(origin), time_out);
        Self { connection, recorder: recorder.clone(), due: None, turn_due: None }
    }

    /// A turn was due at this moment, whenever it comes to be sent, and is followed to its end: its first request and the turn as a whole are timed
    /// from then, so that a stall is charged to everything that it held up (no coordinated omission).
    pub(crate) fn is_due(&mut self, due: Instant) {
        (self.due, self.turn_due) = (Some(due), Some(due));
    }

    /// When the turn that is to begin began, or was due.
    pub(crate) fn turn_begins(&self) -> Instant {
        self.due.unwrap_or_else(clock::now)
    }

    /// From when the next request is timed.
    pub(crate) fn begin(&mut self) -> Result<Instant, Trouble> {
        if let Some(due) = self.due.take() {
            return Ok(due);
        }
        let now = clock::now();
        if self.turn_due.is_none() && self.recorder.is_over(now) {
            return Err(Trouble::Over);
        }
        Ok(now)
    }

    /// Sends a request and brings the answer, whatever it is, uncounted.
    pub(crate) async fn send(
        &mut self,
        kind: usize,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, Trouble> {
        self.connection.send(request).await.map_err(|why| self.failed(kind, &why))
    }

    /// A request of the kind at `kind` was answered as expected.
    pub(crate) fn record(&self, kind: usize, began: Instant, ended: Instant) {
        self.recorder.request(kind, self.turn_due, (began, ended));
    }

    /// A whole turn, whose requests were counted one by one, came to its end.
    pub(crate) fn whole(&self, kind: usize, began: Instant) {
        let timed = if self.turn_due.is_some() { Timed::WhereItWasDue } else { Timed::WhereItEnded };
        self.recorder.whole(kind, began, clock::now(), timed);
    }

    /// Sends a request of the kind at `kind`, and counts it where `check` finds the answer to be the expected one.
    pub(crate) async fn ask<T>(
        &mut self,
        kind: usize,
        request: Request<Full<Bytes>>,
        check: impl FnOnce(&Answer) -> Result<T, String>,
    ) -> Result<T, Trouble> {
        let began = self.begin()?;
        let answer = self.send(kind, request).await?;
        let ended = clock::now();
        refusal(&answer)?;
        let found = check(&answer).map_err(|why| self.failed(kind, &why))?;
        self.record(kind, began, ended);
        Ok(found)
    }

    fn failed(&self, kind: usize, why: &str) -> Trouble {
        Trouble::Failed(format!("{}: {why}", self.recorder.kinds[kind].name))
    }
}

/// RFC 6585 section 4 and RFC 9110 section 15.6.4: the server is alive and says when to come back.
pub(crate) fn refusal(answer: &Answer) -> Result<(), Trouble> {
    if !matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return Ok(());
    }
    // RFC 9110 section 10.2.3: seconds, or a date, which is taken as "later".
    let said = answer.headers.get(RETRY_AFTER);
    let seconds = said.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let wait = seconds.map_or(USUAL_WAIT, Duration::from_secs).min(LONGEST_WAIT);
    Err(Trouble::Refused { status: answer.status.as_u16(), says_when: said.is_some(), wait })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn a_refusal_says_how_long_to_wait_within_bounds_and_whether_it_was_told() {
        let wait = |status: u16, retry_after: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(retry_after.map(|value| (RETRY_AFTER, HeaderValue::from_static(value))));
            let status = StatusCode::from_u16(status).unwrap();
            match refusal(&Answer { status, headers, body: Bytes::new() }) {
                Err(Trouble::Refused { wait, says_when, .. }) => Some((wait.as_secs(), says_when)),
                _ => None,
            }
        };
        assert_eq!(wait(429, Some("2")), Some((2, true)));
        assert_eq!(wait(503, Some("0")), Some((0, true)));
        assert_eq!(wait(503, Some("3600")), Some((5, true)));
        assert_eq!(wait(429, None), Some((1, false)));
        assert_eq!(wait(429, Some("Fri, 31 Dec 1999 23:59:59 GMT")), Some((1, true)));
        assert_eq!(wait(500, Some("2")), None);
    }
}
