//! A run from beginning to end: warm-up, window, the last answers; several streams of load at once, in a closed or an open loop, and what client
//! and server cost meanwhile. It owns when users start, wait and stop; what they ask is the workload's.

use crate::clock;
use crate::cost::{ClientCost, OwnTime, ServerProcess, ServerSample};
use crate::draw::Draw;
use crate::error::BenchError;
use crate::kind::Kind;
use crate::open_loop::{Arrivals, OpenLoop};
use crate::progress::{Progress, SoFar};
use crate::requests::plan::LoadPlan;
use crate::requests::{User, Workload};
use crate::tally::Recorder;
use crate::window::Window;
use crate::wire::{Trouble, Wire};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// After an error a user waits a moment: a dead server must not turn the tool into a busy loop.
const AFTER_ERROR: Duration = Duration::from_millis(100);
/// How often progress is shown: seldom, it costs the machine that is measured.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// A window is looked at so many times, but not more often than the first and not more seldom than the second of these.
const INTERVALS: u32 = 60;
const SHORTEST_INTERVAL: Duration = Duration::from_millis(250);
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// What goes on beside the load.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// What the load itself cost.
    pub client: ClientCost,
    /// The server from interval to interval, where it is known.
    pub server: Vec<ServerSample>,
    /// How long the window was open: shorter than planned where all users had done what they were to do.
    pub lasted: Duration,
}

/// A run that is being prepared.
pub(crate) struct Stage {
    start: Instant,
    window: Window,
    plan: LoadPlan,
    tasks: JoinSet<()>,
    streams: Vec<Recorder>,
    counts: Counts,
}

/// What the progress counts.
#[derive(Clone, Copy)]
pub(crate) enum Counts {
    Requests,
    Wholes(&'static str),
}

impl Stage {
    /// The warm-up begins now.
    pub(crate) fn new(plan: &LoadPlan) -> Self {
        let start = clock::now();
        let opens = start + plan.warm_up;
        Self {
            start,
            window: Window { opens, closes: opens + plan.duration },
            plan: plan.clone(),
            tasks: JoinSet::new(),
            streams: Vec::new(),
            counts: Counts::Requests,
        }
    }

    /// What the progress counts of the first stream.
    pub(crate) fn counting(mut self, counts: Counts) -> Self {
        self.counts = counts;
        self
    }

    /// A further stream of load, which whoever asks for it brings by [`Stage::spawn`].
    pub(crate) fn stream(&mut self, kinds: &'static [Kind]) -> Recorder {
        let recorder = Recorder::new(kinds, self.window);
        self.streams.push(recorder.clone());
        recorder
    }

    /// Something that is part of the load, and ends by itself.
    pub(crate) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// So many users in a closed loop, who begin one after another over the warm-up.
    pub(crate) fn closed<W: Workload>(&mut self, workload: &W, users: usize) -> Recorder {
        let seed = self.seed();
        let recorder = self.stream(W::KINDS);
        for number in 0..users {
            let draw = |stream| Draw::new(seed, stream);
            let (user, jitter) = (workload.user(draw(2 * number as u64)), draw(2 * number as u64 + 1));
            let wire = Wire::new(workload.origin(), self.plan.time_out, &recorder);
            let begin = self.start + self.plan.warm_up.mul_f64(number as f64 / users as f64);
            self.tasks.spawn(closed_loop(user, wire, jitter, begin));
        }
        recorder
    }

    /// Turns at a fixed rate, from the beginning of the warm-up on.
    pub(crate) fn open<W: Workload>(&mut self, workload: W, arrivals: Arrivals) -> Recorder {
        let seed = self.seed();
        let recorder = self.stream(W::KINDS);
        let open_loop = OpenLoop {
            arrivals,
            start: self.start,
            closes: self.window.closes,
            recorder: recorder.clone(),
            time_out: self.plan.time_out,
            seed,
        };
        self.tasks.spawn(open_loop.run(workload));
        recorder
    }

    /// Each stream draws by another one.
    fn seed(&self) -> u64 {
        self.plan.seed.wrapping_add(self.streams.len() as u64)
    }

    /// Runs it to its end, on the caller's runtime.
    ///
    /// # Errors
    /// When a virtual user panicked.
    pub(crate) async fn run(mut self, progress: &dyn Progress) -> Result<Surroundings, BenchError> {
        let mut show = tokio::time::interval(PROGRESS_EVERY);
        let mut look = Look::new(&self.plan, self.window);
        let ended = loop {
            tokio::select! {
                ended = self.tasks.join_next() => match ended {
                    None => break Ok(()),
                    Some(Ok(())) => {}
                    Some(Err(error)) => break Err(BenchError::Crashed(error.to_string())),
                },
                _ = show.tick() => progress.show(&self.so_far(&look.seen)),
                () = tokio::time::sleep_until(look.next.into()), if !look.is_over => look.at_what_happened(&self.streams),
            }
        };
        progress.finish();
        if !look.is_over {
            look.at_what_happened(&self.streams);
        }
        let mut seen = look.seen;
        seen.lasted = clock::now().min(self.window.closes).saturating_duration_since(self.window.opens);
        for recorder in &self.streams {
            seen.client = seen.client.with(&recorder.tally());
        }
        ended.map(|()| seen)
    }

    fn so_far(&self, seen: &Surroundings) -> SoFar {
        let now = clock::now();
        let open = now.min(self.window.closes).saturating_duration_since(self.window.opens).as_secs_f64();
        let (mut refused, mut errors) = (0, 0);
        for recorder in &self.streams {
            let tally = recorder.tally();
            (refused, errors) = (refused + tally.refused(), errors + tally.errors);
        }
        let (counted, unit, p99_ms) = self.streams.first().map_or((0, "requests", None), |first| {
            let tally = first.tally();
            let p99 = tally.intervals.last().map(|interval| interval.latency.p99_ms);
            match self.counts {
                Counts::Requests => (tally.requests, "requests", p99),
                Counts::Wholes(unit) => (tally.wholes, unit, p99),
            }
        });
        SoFar {
            elapsed: now - self.start,
            total: self.window.closes - self.start,
            warming_up: now < self.window.opens,
            per_second: if open > 0.0 { counted as f64 / open } else { 0.0 },
            unit,
            p99_ms,
            refused,
            errors,
            server: seen.server.last().copied(),
        }
    }
}

/// Looks at everything when the window opens, from interval to interval, and when it closes.
struct Look {
    next: Instant,
    every: Duration,
    window: Window,
    is_over: bool,
    began: Option<(OwnTime, Instant)>,
    server: Option<ServerProcess>,
    /// The server's processor time at the last look.
    server_time: Option<(f64, Instant)>,
    seen: Surroundings,
}

impl Look {
    fn new(plan: &LoadPlan, window: Window) -> Self {
        Self {
            next: window.opens,
            every: (plan.duration / INTERVALS).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL),
            window,
            is_over: false,
            began: None,
            server: plan.server.clone(),
            server_time: None,
            seen: Surroundings::default(),
        }
    }

    fn at_what_happened(&mut self, streams: &[Recorder]) {
        let now = clock::now();
        if self.next == self.window.opens {
            self.began = OwnTime::now().map(|time| (time, now));
            self.server_time = self.server.as_ref().and_then(|server| Some((server.processor_time()?, now)));
        } else {
            let at = (now - self.window.opens).as_secs_f64();
            streams.iter().for_each(|recorder| recorder.end_interval(at));
            self.look_at_server(now, at);
            if let (Some((began, then)), Some(time)) = (self.began, OwnTime::now()) {
                self.seen.client = time.since(began, now - then);
            }
        }
        self.is_over = self.next >= self.window.closes;
        self.next = (self.next + self.every).min(self.window.closes);
    }

    fn look_at_server(&mut self, now: Instant, at: f64) {
        let Some(server) = &self.server else { return };
        let (Some(time), Some((before, then))) = (server.processor_time(), self.server_time) else { return };
        let (Some(memory_mib), passed) = (server.memory_mib(), (now - then).as_secs_f64()) else { return };
        let (files_mib, log_mib) = server.files_mib().unzip();
        let cores = (time - before) / passed.max(1e-3);
        self.seen.server.push(ServerSample { at, cores, memory_mib, files_mib, log_mib });
        self.server_time = Some((time, now));
    }
}

async fn closed_loop(mut user: impl User, mut wire: Wire, mut jitter: Draw, begin: Instant) {
    tokio::time::sleep_until(begin.into()).await;
    loop {
        let wait = match user.turn(&mut wire).await {
            Ok(()) => continue,
            Err(Trouble::Over) => return,
            Err(Trouble::Refused { status, says_when, wait }) => {
                wire.recorder.refused_now(status, says_when);
                // Never sooner than told; the jitter keeps those refused together from coming back together.
                wait + jitter.up_to((wait / 4).max(AFTER_ERROR))
            }
            Err(Trouble::Failed(why)) => {
                wire.recorder.error(why);
                AFTER_ERROR
            }
        };
        tokio::time::sleep_until(wire.recorder.no_later(clock::now() + wait).into()).await;
    }
}
