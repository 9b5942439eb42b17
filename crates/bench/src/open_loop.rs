//! The open loop: turns begin when they are due, whether or not earlier ones have ended. It owns who takes a turn: whoever is idle, else somebody
//! new, up to a number of users; beyond that a turn waits for the first that comes back, and is timed from when it was due all the same.

use crate::clock;
use crate::draw::Draw;
use crate::requests::{User, Workload};
use crate::schedule::{Metronome, Schedule};
use crate::tally::Recorder;
use crate::wire::{Trouble, Wire};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How many turns, and by how many users at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrivals {
    /// Turns per second.
    pub(crate) per_second: f64,
    /// Users, and so connections, at most.
    pub(crate) users: usize,
}

pub(crate) struct OpenLoop {
    pub(crate) arrivals: Arrivals,
    pub(crate) start: Instant,
    pub(crate) closes: Instant,
    pub(crate) recorder: Recorder,
    pub(crate) time_out: Duration,
    pub(crate) seed: u64,
}

impl OpenLoop {
    /// Runs until the window closes, and until every turn that was due by then has ended.
    pub(crate) async fn run<W: Workload>(self, workload: W) {
        let schedule = Schedule::new(self.start, self.arrivals.per_second);
        let metronome = match Metronome::start(schedule) {
            Ok(metronome) => metronome,
            Err(error) => return self.recorder.error(format!("no thread could be started: {error}")),
        };
        let mut crew = Crew { idle: Vec::new(), busy: JoinSet::new(), made: 0 };
        for number in 0.. {
            let due = schedule.due(number);
            if self.recorder.is_over(due) {
                break;
            }
            metronome.wait_for(due).await;
            let (is_crowded, taken) = self.take(&mut crew, &workload).await;
            let Some((mut user, mut wire)) = taken else { continue };
            let now = clock::now();
            // What is due is sent however late it is: skipping it would hide the very stall it waited for. But a server that hangs must not
            // hold the tool forever.
            if now > self.closes + self.time_out {
                self.recorder.error("a turn was due and could not be sent until the run was over".to_owned());
                crew.idle.push((user, wire));
                continue;
            }
            self.recorder.offered(due, now, is_crowded);
            wire.is_due(due);
            crew.busy.spawn(async move {
                take_turn(&mut user, &mut wire, due).await;
                (user, wire)
            });
        }
        while let Some(ended) = crew.busy.join_next().await {
            self.welcome_back(&mut crew, ended);
        }
    }

    /// Somebody who is idle, and whether everybody was busy. Whoever came back last is the first to go: few connections stay in use.
    async fn take<W: Workload>(
        &self,
        crew: &mut Crew<W::User>,
        workload: &W,
    ) -> (bool, Option<(W::User, Wire)>) {
        while let Some(ended) = crew.busy.try_join_next() {
            self.welcome_back(crew, ended);
        }
        if let Some(ready) = crew.idle.pop() {
            return (false, Some(ready));
        }
        if crew.made < self.arrivals.users {
            crew.made += 1;
            let user = workload.user(Draw::new(self.seed, crew.made as u64));
            return (false, Some((user, Wire::new(workload.origin(), self.time_out, &self.recorder))));
        }
        if let Some(ended) = crew.busy.join_next().await {
            self.welcome_back(crew, ended);
        }
        (true, crew.idle.pop())
    }

    fn welcome_back<U>(&self, crew: &mut Crew<U>, ended: Result<(U, Wire), tokio::task::JoinError>) {
        match ended {
            Ok(back) => crew.idle.push(back),
            Err(error) => {
                crew.made -= 1;
                self.recorder.error(format!("a virtual user stopped unexpectedly: {error}"));
            }
        }
    }
}

struct Crew<U> {
    idle: Vec<(U, Wire)>,
    busy: JoinSet<(U, Wire)>,
    made: usize,
}

/// Whoever is refused goes away: those who come later do not wait for them.
async fn take_turn(user: &mut impl User, wire: &mut Wire, due: Instant) {
    match user.turn(wire).await {
        Ok(()) | Err(Trouble::Over) => {}
        Err(Trouble::Refused { status, says_when, .. }) => wire.recorder.refused(due, status, says_when),
        Err(Trouble::Failed(why)) => wire.recorder.error(why),
    }
}
