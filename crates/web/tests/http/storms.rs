//! Requests in any order and at once: whatever happens, a code is good once and a grant has one live refresh token.

use crate::house::{House, RelyingParty, Tokens, pass_seconds};
use futures_util::future::join_all;
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use std::future::{Future as _, poll_fn};
use std::task::Poll;
use std::time::Duration;

const CASES: u32 = 25;

fn drawn<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl Iterator<Item = T> {
    let mut runner = TestRunner::new(ProptestConfig::with_cases(CASES));
    (0..CASES).map(move |_| strategy.new_tree(&mut runner).unwrap().current())
}

#[tokio::test]
async fn rfc6749_4_1_2_however_redemptions_interleave_at_most_one_succeeds_and_two_end_the_grant() {
    let house = House::open().await;
    let notes = house.notes().await;
    // How many hands hold the code, and how often each lets the others go first.
    for delays in drawn(vec(0_usize..6, 1..6)) {
        let code = house.browser().code_for(&notes, "alice").await;
        let attempts = delays.iter().map(|&delay| {
            let (house, notes, code) = (&house, &notes, &code);
            async move {
                for _ in 0..delay {
                    tokio::task::yield_now().await;
                }
                notes.redeem(house, code).await
            }
        });
        let answers = house.at_once(attempts).await;
        let good: Vec<_> = answers.iter().filter(|answer| answer.status == 200).map(Tokens::of).collect();
        assert_eq!(good.len(), 1, "{delays:?}");
        for answer in answers.into_iter().filter(|answer| answer.status != 200) {
            answer.refused(400, "invalid_grant");
        }
        let alive = delays.len() == 1;
        assert_eq!(house.userinfo(&good[0].access_token).await.status == 200, alive, "{delays:?}");
        assert_eq!(notes.refresh(&house, &good[0].refresh_token).await.status == 200, alive, "{delays:?}");
    }
}

/// Who does what with a device code, and how often they let the others go first.
#[derive(Debug, Clone, Copy)]
enum Hand {
    Polls,
    Decides(&'static str),
}

#[tokio::test]
async fn rfc8628_3_5_however_decisions_and_polls_interleave_one_decision_counts_and_one_poll_gets_tokens() {
    let house = House::open().await;
    let tv = house.television().await;
    let mut alice = house.signed_in(&house.notes().await, "alice").await;
    let one = prop_oneof![
        3 => Just(Hand::Polls),
        1 => Just(Hand::Decides("allow")),
        1 => Just(Hand::Decides("deny")),
    ];
    let (mut allowed, mut denied) = (0, 0);
    for hands in drawn(vec((one, 0_usize..8), 2..9)) {
        let device = tv.device(&house).await;
        let mut acts = Vec::new();
        for (hand, delay) in &hands {
            // Each tab has a question of its own.
            let page = match hand {
                Hand::Polls => None,
                Hand::Decides(_) => Some(alice.enter(&device.user_code).await.expect(200)),
            };
            acts.push((*hand, *delay, page, alice.copy()));
        }
        let acts = acts.into_iter().map(|(hand, delay, page, mut tab)| {
            let (house, device) = (&house, &device);
            async move {
                for _ in 0..delay {
                    tokio::task::yield_now().await;
                }
                match (hand, page) {
                    (Hand::Decides(decision), Some(page)) => (hand, tab.decide(&page, decision).await),
                    _ => (hand, device.poll(house).await),
                }
            }
        });
        let answers = house.at_once(acts).await;
        let decided =
            answers.iter().filter(|(hand, answer)| matches!(hand, Hand::Decides(_)) && answer.status == 200);
        let decisions: Vec<_> = decided.map(|(hand, _)| *hand).collect();
        let anybody_decides = hands.iter().any(|(hand, _)| matches!(hand, Hand::Decides(_)));
        assert_eq!(decisions.len(), usize::from(anybody_decides), "{hands:?}");
        let polled = answers.iter().filter(|(hand, _)| matches!(hand, Hand::Polls)).map(|(_, answer)| answer);
        let first = polled.clone().filter(|answer| answer.status == 200).count();
        let reused =
            polled.filter(|answer| answer.status == 400 && answer.error() == "invalid_grant").count();
        let last = device.poll(&house).await;
        match decisions.first() {
            Some(Hand::Decides("allow")) => {
                allowed += 1;
                // Whoever came first has the tokens; everybody after that ended them.
                assert_eq!(first + usize::from(last.status == 200), 1, "{hands:?}");
                assert!(first == 1 || reused == 0, "{hands:?}");
                device.poll(&house).await.refused(400, "invalid_grant");
            }
            Some(_) => {
                denied += 1;
                assert_eq!(first, 0);
                last.refused(400, "access_denied");
            }
            None => assert_eq!((first, last.status.as_u16()), (0, 400)),
        }
    }
    assert!(allowed > 0 && denied > 0, "{allowed} {denied}");
}

/// What may happen to a grant's refresh tokens. A number chooses one of those seen so far.
#[derive(Debug, Clone)]
enum Move {
    Refresh(usize),
    Twice(usize, usize),
    Wait(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (0_usize..8).prop_map(Move::Refresh),
        2 => (0_usize..8, 0_usize..8).prop_map(|(one, other)| Move::Twice(one, other)),
        1 => (1_u64..15).prop_map(Move::Wait),
    ];
    vec(one, 1..10)
}

/// The refresh tokens of the grant that could be spent for something new.
async fn live(house: &House, notes: &RelyingParty, seen: &[String]) -> usize {
    let told = join_all(seen.iter().map(|token| notes.introspect(house, token))).await;
    told.iter().filter(|answer| answer.json()["active"] == true).count()
}

#[tokio::test]
async fn rfc9700_4_14_2_no_sequence_of_refreshes_retries_and_thefts_leaves_two_live_refresh_tokens() {
    let house = House::open().await;
    let notes = house.notes().await;
    let (mut stolen, mut survived) = (0, 0);
    for sequence in drawn(moves()) {
        let first = notes.tokens(&house, "alice").await;
        let mut seen = vec![first.refresh_token.clone()];
        let mut over = false;
        for step in &sequence {
            // From the newest backwards, so that most moves are a client's own.
            let token = |back: usize| seen[seen.len() - 1 - back % seen.len()].clone();
            let answers = match step {
                Move::Refresh(one) => vec![notes.refresh(&house, &token(one / 3)).await],
                Move::Twice(one, other) => {
                    let (one, other) = (token(one / 4), token(other / 4));
                    house.at_once([notes.refresh(&house, &one), notes.refresh(&house, &other)]).await
                }
                Move::Wait(seconds) => {
                    pass_seconds(*seconds);
                    vec![]
                }
            };
            for answer in answers {
                if answer.status == 200 {
                    let next = Tokens::of(&answer).refresh_token;
                    if !seen.contains(&next) {
                        seen.push(next);
                    }
                } else {
                    answer.refused(400, "invalid_grant");
                    over = true;
                }
            }
            assert_eq!(live(&house, &notes, &seen).await, usize::from(!over), "{sequence:?}");
        }
        if over { stolen += 1 } else { survived += 1 }
    }
    // The sequences drawn show both ends.
    assert!(stolen > 0 && survived > 0, "{stolen} {survived}");
}

#[tokio::test]
async fn a_grant_that_ends_while_it_is_refreshed_leaves_nothing_alive() {
    let house = House::open().await;
    let notes = house.notes().await;
    for case in 0..12 {
        let code = house.browser().code_for(&notes, "alice").await;
        let first = Tokens::of(&notes.redeem(&house, &code).await);
        let refresh = notes.refresh(&house, &first.refresh_token);
        // By replay of the code, and by revocation.
        let both = async {
            if case % 2 == 0 {
                tokio::join!(refresh, notes.redeem(&house, &code))
            } else {
                tokio::join!(refresh, notes.revoke(&house, &first.refresh_token))
            }
        };
        let (refreshed, _) = house.at_once([both]).await.remove(0);
        let mut left = vec![first];
        if refreshed.status == 200 {
            left.push(Tokens::of(&refreshed));
        }
        for tokens in left {
            house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
            assert_eq!(notes.introspect(&house, &tokens.access_token).await.json()["active"], false);
            notes.refresh(&house, &tokens.refresh_token).await.refused(400, "invalid_grant");
        }
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_while_it_revokes_leaves_nothing_alive() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut revoked = 0;
    for _ in 0..12 {
        let tokens = notes.tokens(&house, "alice").await;
        assert_eq!(notes.introspect(&house, &tokens.access_token).await.json()["active"], true);
        // The command is on its way after the first poll; before a second one the client is gone, and the writer is done.
        let mut asked = Box::pin(notes.revoke(&house, &tokens.refresh_token));
        let begun = poll_fn(|context| Poll::Ready(asked.as_mut().poll(context).is_pending())).await;
        assert!(begun);
        std::thread::sleep(Duration::from_millis(5));
        drop(asked);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if notes.refresh(&house, &tokens.refresh_token).await.status == 200 {
            continue;
        }
        revoked += 1;
        // On a busy machine the commit may have come this very moment.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(notes.introspect(&house, &tokens.access_token).await.json()["active"], false);
    }
    assert!(revoked > 0, "no command was ever begun");
}
