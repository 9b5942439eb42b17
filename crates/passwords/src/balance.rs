//! Who does the next piece of work: this machine, or which of the others. A state machine: the clock is an argument, and nothing is asked here.
//!
//! Whoever is expected to be done first gets it; on a tie this machine, whose passwords need not travel. What is expected of another machine is
//! what its answers took, for each that waits before. After three failures in a row nothing is asked of it (its circuit is open) until a probe
//! succeeds; a probe is nobody's password, and nobody waits for it.

use std::time::{Duration, Instant};

/// So many failures in a row open the circuit.
const FAILURES: u32 = 3;
/// How long it stays open at first; doubled by every probe that fails.
const OPEN_FOR: Duration = Duration::from_secs(1);
const OPEN_AT_MOST: Duration = Duration::from_secs(30);
/// A machine that was not heard of for so long is probed: what was expected of it may be wrong by now.
const HEARD_OF_WITHIN: Duration = Duration::from_secs(1);
/// A machine that says that it has too much to do is left alone for as long as it says, but no longer than this.
const BUSY_AT_MOST: Duration = Duration::from_secs(2);
/// No more is asked of one machine at once: connections are few.
pub(crate) const MOST_OUTSTANDING: usize = 64;
/// Each answer moves what is expected by this part of the difference.
const WEIGHT: u32 = 4;

/// How a probe ended: a password of nobody's, checked like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// It took so long, on a machine that hashes so many at once.
    Took(Duration, usize),
    /// It has too much to do.
    Busy,
    Failed,
}

/// What is known of the other machines.
#[derive(Debug)]
pub(crate) struct Balancer {
    machines: Vec<Machine>,
}

#[derive(Clone, Debug)]
struct Machine {
    outstanding: usize,
    threads: usize,
    /// What one piece of work takes when none waits before it. Nothing before the first answer.
    takes: Option<Duration>,
    circuit: Circuit,
    probing: bool,
    busy_until: Option<Instant>,
    heard_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Circuit {
    Closed { failures: u32 },
    Open { until: Instant, lasting: Duration },
}

/// What begins when work is given to another machine: to be handed back with how it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    at: Instant,
    /// How many times over its threads were taken, this piece included.
    rounds: u32,
}

/// Whether something changed that an operator wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    Nothing,
    /// Nothing more is asked of it.
    Away,
    /// It is asked again.
    Back,
}

impl Balancer {
    pub(crate) fn of(machines: usize) -> Self {
        let machine = Machine {
            outstanding: 0,
            threads: 1,
            takes: None,
            circuit: Circuit::Closed { failures: 0 },
            probing: false,
            busy_until: None,
            heard_at: None,
        };
        Self { machines: vec![machine; machines] }
    }

    /// The machine to ask, or none when it is done best here. `here` is how long it would take here, or nothing when there is no room;
    /// `one` what one hash takes here; `not` who was asked in vain already.
    pub(crate) fn choose(
        &mut self,
        now: Instant,
        here: Option<Duration>,
        one: Duration,
        not: &[usize],
    ) -> Option<(usize, Begun)> {
        let free = self
            .machines
            .iter()
            .enumerate()
            .filter(|(number, machine)| machine.may_be_asked(now) && !not.contains(number));
        let best = free.min_by_key(|(_, machine)| (machine.expected(one), machine.outstanding));
        let number = best
            .filter(|(_, machine)| here.is_none_or(|here| machine.expected(one) < here))
            .map(|(number, _)| number)?;
        let machine = self.machines.get_mut(number)?;
        let rounds = machine.rounds();
        machine.outstanding += 1;
        Some((number, Begun { at: now, rounds }))
    }

    /// A machine that should be probed now, if there is one; it is being probed from then on.
    pub(crate) fn due(&mut self, now: Instant) -> Option<usize> {
        let number = self.machines.iter().position(|machine| machine.is_due(now))?;
        self.machines.get_mut(number)?.probing = true;
        Some(number)
    }

    /// Work was done.
    pub(crate) fn answered(&mut self, number: usize, now: Instant, begun: Begun, threads: usize) {
        let Some(machine) = self.machines.get_mut(number) else { return };
        machine.outstanding = machine.outstanding.saturating_sub(1);
        machine.hears(now, threads);
        let took = now.saturating_duration_since(begun.at) / begun.rounds;
        machine.takes = Some(match machine.takes {
            None => took,
            Some(before) => before - before / WEIGHT + took / WEIGHT,
        });
        if let Circuit::Closed { failures } = &mut machine.circuit {
            *failures = 0;
        }
    }

    /// Work was not done: no connection, no answer in time, or none that can be believed.
    pub(crate) fn failed(&mut self, number: usize, now: Instant) -> Turned {
        let Some(machine) = self.machines.get_mut(number) else { return Turned::Nothing };
        machine.outstanding = machine.outstanding.saturating_sub(1);
        machine.fails(now)
    }

    /// It has too much to do.
    pub(crate) fn was_busy(&mut self, number: usize, now: Instant, for_another: Duration) {
        let Some(machine) = self.machines.get_mut(number) else { return };
        machine.outstanding = machine.outstanding.saturating_sub(1);
        machine.busy_until = Some(now + for_another.min(BUSY_AT_MOST));
    }

    /// Whoever wanted the answer left.
    pub(crate) fn abandoned(&mut self, number: usize) {
        if let Some(machine) = self.machines.get_mut(number) {
            machine.outstanding = machine.outstanding.saturating_sub(1);
        }
    }

    /// A probe ended.
    pub(crate) fn probed(&mut self, number: usize, now: Instant, probe: Probe) -> Turned {
        let Some(machine) = self.machines.get_mut(number) else { return Turned::Nothing };
        machine.probing = false;
        let (took, threads) = match probe {
            Probe::Took(took, threads) => (took, threads),
            Probe::Failed => return machine.fails(now),
            Probe::Busy => {
                machine.is_busy(now);
                return Turned::Nothing;
            }
        };
        machine.hears(now, threads);
        // What was thought before may come from a bad moment, after which nothing was asked any more.
        machine.takes = Some(took);
        match std::mem::replace(&mut machine.circuit, Circuit::Closed { failures: 0 }) {
            Circuit::Open { .. } => Turned::Back,
            Circuit::Closed { .. } => Turned::Nothing,
        }
    }

    /// Outstanding work, whether it is asked at all, and what is expected of it.
    pub(crate) fn seen(&self, number: usize) -> Option<(usize, bool, Duration)> {
        let machine = self.machines.get(number)?;
        let usable = matches!(machine.circuit, Circuit::Closed { .. });
        Some((machine.outstanding, usable, machine.expected(Duration::ZERO)))
    }
}

impl Machine {
    fn may_be_asked(&self, now: Instant) -> bool {
        matches!(self.circuit, Circuit::Closed { .. })
            && self.outstanding < MOST_OUTSTANDING
            && self.busy_until.is_none_or(|until| until <= now)
    }

    fn is_due(&self, now: Instant) -> bool {
        if self.probing {
            return false;
        }
        match self.circuit {
            Circuit::Open { until, .. } => until <= now,
            Circuit::Closed { .. } => {
                self.outstanding == 0 && self.heard_at.is_none_or(|at| now >= at + HEARD_OF_WITHIN)
            }
        }
    }

    fn hears(&mut self, now: Instant, threads: usize) {
        self.threads = threads.max(1);
        self.heard_at = Some(now);
        self.busy_until = None;
    }

    /// Said to a probe. What is not authenticated closes no circuit.
    fn is_busy(&mut self, now: Instant) {
        self.heard_at = Some(now);
        if let Circuit::Open { until, lasting } = &mut self.circuit {
            *until = now + *lasting;
        }
    }

    fn fails(&mut self, now: Instant) -> Turned {
        // A failed probe is as good as hearing: the next is due when the circuit says so, or when somebody signs in later.
        self.heard_at = Some(now);
        match self.circuit {
            Circuit::Closed { failures } if failures + 1 < FAILURES => {
                self.circuit = Circuit::Closed { failures: failures + 1 };
                Turned::Nothing
            }
            Circuit::Closed { .. } => {
                self.circuit = Circuit::Open { until: now + OPEN_FOR, lasting: OPEN_FOR };
                Turned::Away
            }
            // What was asked before it opened, and fails now, says nothing new.
            Circuit::Open { until, .. } if now < until => Turned::Nothing,
            Circuit::Open { lasting, .. } => {
                let lasting = (lasting * 2).min(OPEN_AT_MOST);
                self.circuit = Circuit::Open { until: now + lasting, lasting };
                Turned::Nothing
            }
        }
    }

    /// How many times over its threads are taken, with one more.
    fn rounds(&self) -> u32 {
        u32::try_from(self.outstanding / self.threads).unwrap_or(u32::MAX).saturating_add(1)
    }

    fn expected(&self, unknown: Duration) -> Duration {
        self.takes.unwrap_or(unknown).saturating_mul(self.rounds())
    }
}

#[cfg(test)]
mod tests;
