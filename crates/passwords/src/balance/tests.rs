//! Whatever happens in whatever order, and the few stories worth telling.

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);
const THREADS: usize = 2;

/// An instant to count from.
fn start() -> Instant {
    crate::monotonic()
}

fn ask(balancer: &mut Balancer, now: Instant) -> Option<(usize, Begun)> {
    balancer.choose(now, None, 10 * MS, &[])
}

#[test]
fn who_is_done_first_is_asked_and_on_a_tie_it_is_done_here() {
    let mut balancer = Balancer::of(2);
    let now = start();
    assert!(
        balancer.choose(now, Some(10 * MS), 10 * MS, &[]).is_none(),
        "nothing is known: no better than here"
    );
    let (first, begun) = balancer.choose(now, Some(11 * MS), 10 * MS, &[]).expect("a machine");
    assert_eq!(first, 0);
    balancer.answered(0, now + 20 * MS, begun, THREADS);
    let (second, begun) = balancer.choose(now, Some(15 * MS), 10 * MS, &[]).expect("the other one");
    assert_eq!(second, 1);
    balancer.answered(1, now + 5 * MS, begun, THREADS);
    assert!(balancer.choose(now, Some(5 * MS), 10 * MS, &[]).is_none());
    // Two threads: a third piece of work waits for one of them.
    for expected in [1, 1] {
        assert_eq!(
            balancer.choose(now, Some(9 * MS), 10 * MS, &[]).map(|(number, _)| number),
            Some(expected)
        );
    }
    assert!(balancer.choose(now, Some(9 * MS), 10 * MS, &[]).is_none(), "10 ms there, 9 ms here");
    assert_eq!(balancer.choose(now, Some(90 * MS), 10 * MS, &[1]).map(|(number, _)| number), Some(0));
}

#[test]
fn three_failures_open_the_circuit_and_a_probe_closes_it() {
    let mut balancer = Balancer::of(1);
    let mut now = start();
    for turned in [Turned::Nothing, Turned::Nothing, Turned::Away] {
        assert!(ask(&mut balancer, now).is_some());
        assert_eq!(balancer.failed(0, now), turned);
    }
    assert!(ask(&mut balancer, now).is_none());
    assert_eq!(balancer.due(now + 999 * MS), None);
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        now += Duration::from_secs(seconds);
        assert_eq!(balancer.due(now), Some(0), "after {seconds} s");
        assert_eq!(balancer.due(now), None, "one probe at a time");
        assert!(ask(&mut balancer, now).is_none(), "no one's password is a probe");
        assert_eq!(balancer.probed(0, now, Probe::Failed), Turned::Nothing);
    }
    now += Duration::from_secs(30);
    assert_eq!(balancer.due(now), Some(0));
    assert_eq!(balancer.probed(0, now, Probe::Took(MS, THREADS)), Turned::Back);
    assert!(ask(&mut balancer, now).is_some());
}

#[test]
fn an_answer_between_failures_keeps_it_closed() {
    let mut balancer = Balancer::of(1);
    let now = start();
    for _ in 0..5 {
        for _ in 0..2 {
            ask(&mut balancer, now).expect("closed");
            assert_eq!(balancer.failed(0, now), Turned::Nothing);
        }
        let (_, begun) = ask(&mut balancer, now).expect("closed");
        balancer.answered(0, now, begun, THREADS);
    }
}

#[test]
fn a_busy_machine_is_left_alone_for_as_long_as_it_says_but_not_for_long() {
    let now = start();
    for (says, until) in [(500 * MS, 500 * MS), (Duration::from_secs(3600), BUSY_AT_MOST)] {
        let mut balancer = Balancer::of(1);
        ask(&mut balancer, now).expect("free");
        balancer.was_busy(0, now, says);
        assert!(ask(&mut balancer, now + until - MS).is_none());
        assert!(ask(&mut balancer, now + until).is_some());
    }
}

#[test]
fn a_busy_answer_to_a_probe_neither_closes_a_circuit_nor_opens_one() {
    let mut balancer = Balancer::of(1);
    let mut now = start();
    for _ in 0..5 {
        assert_eq!(balancer.due(now), Some(0));
        assert_eq!(balancer.probed(0, now, Probe::Busy), Turned::Nothing);
        assert!(ask(&mut balancer, now).is_some());
        balancer.abandoned(0);
        now += HEARD_OF_WITHIN;
    }
    for _ in 0..3 {
        balancer.failed(0, now);
    }
    for _ in 0..5 {
        now += OPEN_FOR;
        assert_eq!(balancer.due(now), Some(0));
        assert_eq!(balancer.probed(0, now, Probe::Busy), Turned::Nothing);
        assert!(ask(&mut balancer, now).is_none());
    }
}

#[test]
fn what_was_expected_once_is_looked_at_again() {
    let mut balancer = Balancer::of(1);
    let now = start();
    let (_, begun) = ask(&mut balancer, now).expect("free");
    balancer.answered(0, now + 10_000 * MS, begun, THREADS);
    let later = now + 20_000 * MS;
    assert!(balancer.choose(later, Some(100 * MS), MS, &[]).is_none(), "it was very slow");
    assert_eq!(balancer.due(later), Some(0));
    balancer.probed(0, later, Probe::Took(MS, THREADS));
    assert!(balancer.choose(later, Some(100 * MS), MS, &[]).is_some());
}

#[derive(Clone, Debug)]
enum Event {
    Choose { here: Option<u64>, not: Vec<usize> },
    Answer { which: usize, threads: usize },
    Fail { which: usize },
    Busy { which: usize, millis: u64 },
    Abandon { which: usize },
    Probe { succeeds: bool },
    Wait { millis: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    let which = 0_usize..1000;
    let here = prop::option::of(0_u64..200);
    prop_oneof![
        4 => (here, prop::collection::vec(0_usize..4, 0..3)).prop_map(|(here, not)| Event::Choose { here, not }),
        3 => (which.clone(), 0_usize..9).prop_map(|(which, threads)| Event::Answer { which, threads }),
        2 => which.clone().prop_map(|which| Event::Fail { which }),
        1 => (which.clone(), 0_u64..5_000).prop_map(|(which, millis)| Event::Busy { which, millis }),
        1 => which.prop_map(|which| Event::Abandon { which }),
        1 => any::<bool>().prop_map(|succeeds| Event::Probe { succeeds }),
        2 => (0_u64..3_000).prop_map(|millis| Event::Wait { millis }),
    ]
}

/// What must be true of one machine, counted beside the balancer.
#[derive(Clone, Copy, Default)]
struct Counted {
    in_a_row: u32,
    open: bool,
    outstanding: usize,
}

proptest! {
    #[test]
    fn no_order_of_events_asks_who_must_not_be_asked(events in prop::collection::vec(event(), 0..200)) {
        let mut balancer = Balancer::of(4);
        let mut counted = [Counted::default(); 4];
        let mut begun: Vec<(usize, Begun)> = Vec::new();
        let mut now = start();
        for event in events {
            match event {
                Event::Wait { millis } => now += Duration::from_millis(millis),
                Event::Choose { here, not } => {
                    let here = here.map(Duration::from_millis);
                    let chosen = balancer.choose(now, here, 10 * MS, &not);
                    if let Some((number, work)) = chosen {
                        prop_assert!(!not.contains(&number) && !counted[number].open);
                        prop_assert!(counted[number].outstanding < MOST_OUTSTANDING);
                        counted[number].outstanding += 1;
                        begun.push((number, work));
                    }
                }
                Event::Probe { succeeds } => {
                    let Some(number) = balancer.due(now) else { continue };
                    let said = if succeeds { Probe::Took(MS, THREADS) } else { Probe::Failed };
                    let turned = balancer.probed(number, now, said);
                    let Counted { in_a_row, open, .. } = &mut counted[number];
                    *in_a_row = if succeeds { 0 } else { *in_a_row + 1 };
                    prop_assert_eq!(turned == Turned::Back, *open && succeeds);
                    *open = !succeeds && (*open || *in_a_row >= FAILURES);
                }
                Event::Answer { which, .. } | Event::Fail { which } | Event::Busy { which, .. } | Event::Abandon { which } => {
                    if begun.is_empty() {
                        continue;
                    }
                    let (number, work) = begun.swap_remove(which % begun.len());
                    let machine = &mut counted[number];
                    machine.outstanding -= 1;
                    match event {
                        Event::Answer { threads, .. } => {
                            balancer.answered(number, now, work, threads);
                            if !machine.open {
                                machine.in_a_row = 0;
                            }
                        }
                        Event::Fail { .. } => {
                            let turned = balancer.failed(number, now);
                            if !machine.open {
                                machine.in_a_row += 1;
                            }
                            prop_assert_eq!(turned == Turned::Away, !machine.open && machine.in_a_row == FAILURES);
                            machine.open |= machine.in_a_row >= FAILURES;
                        }
                        Event::Busy { millis, .. } => balancer.was_busy(number, now, Duration::from_millis(millis)),
                        _ => balancer.abandoned(number),
                    }
                }
            }
            for (number, machine) in counted.iter().enumerate() {
                let seen = balancer.seen(number).expect("one of four");
                prop_assert_eq!((seen.0, seen.1), (machine.outstanding, !machine.open));
            }
        }
    }

    #[test]
    fn machines_that_are_alike_get_alike(machines in 1_usize..5, asked in 0_usize..60) {
        let mut balancer = Balancer::of(machines);
        let now = start();
        for number in 0..machines {
            balancer.probed(number, now, Probe::Took(MS, THREADS));
        }
        let mut got = vec![0_usize; machines];
        for _ in 0..asked {
            let (number, _) = ask(&mut balancer, now).expect("room");
            got[number] += 1;
        }
        let (least, most) = (got.iter().min(), got.iter().max());
        prop_assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{:?}", got);
    }
}
