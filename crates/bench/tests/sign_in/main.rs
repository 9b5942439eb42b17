//! Whole runs against a small OpenID Provider in this process, over real connections.

#![expect(clippy::unwrap_used, reason = "a test")]

mod provider;

use bench::{BenchError, Progress, Report, SignInPlan, Silent, SoFar, Step, sign_in};
use provider::{Manners, Provider, SECRET, provider};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

async fn run(manners: Manners, change: impl FnOnce(&mut SignInPlan)) -> (Arc<Provider>, Report) {
    let (idp, mut plan) = provider(manners).await;
    change(&mut plan);
    let measurement = sign_in(&plan, &Silent).await.unwrap();
    assert_eq!(idp.known().complaints, Vec::<String>::new());
    (idp, Report::new(measurement, Some(1000.0)))
}

#[tokio::test]
async fn every_step_is_taken_and_counted() {
    let cases = [
        Manners::default(),
        Manners { page_is_elsewhere: true, ..Manners::default() },
        Manners { asks_consent: true, ..Manners::default() },
        Manners { closes: true, ..Manners::default() },
    ];
    for manners in cases {
        let (idp, report) = run(manners, |_| {}).await;
        let seen = report.measurement();
        assert_eq!(seen.error_samples(), [] as [&str; 0]);
        assert_eq!((seen.errors(), seen.refused_429(), seen.refused_503()), (0, 0, 0));
        assert!(seen.iterations() > 10, "only {} iterations", seen.iterations());
        assert!(seen.iterations() <= idp.introspections.load(Ordering::Relaxed));
        for step in [Step::Authorize, Step::SignIn, Step::Token, Step::Introspect, Step::Refresh] {
            let latency = seen.step(step);
            // Those cut off at the beginning and at the end of the window: at most one per user and end.
            assert!(latency.count.abs_diff(seen.iterations()) <= 8, "{step:?} {latency:?}");
            assert!(
                0.0 < latency.p50_ms && latency.p50_ms <= latency.p99_ms && latency.p99_ms <= latency.max_ms
            );
        }
        assert_eq!(seen.step(Step::Consent).count > 10, manners.asks_consent);
        let json = report.to_json();
        assert!(
            (json["iterations_per_second"].as_f64().unwrap() - seen.iterations() as f64 / 0.5).abs() < 0.001
        );
        assert!(
            (report.ratio_to_hash_capacity().unwrap() - seen.iterations_per_second() / 1000.0).abs() < 1e-9
        );
        assert_eq!(json.get("consent_p99_ms").is_some(), manners.asks_consent);
    }
}

#[tokio::test]
async fn refusals_are_counted_apart_and_waited_for() {
    for status in [429, 503] {
        let manners = Manners { refuse: Some((3, status)), ..Manners::default() };
        let (idp, report) = run(manners, |plan| plan.bystander_rate = 40).await;
        let seen = report.measurement();
        let (refused, others) = match status {
            429 => (seen.refused_429(), seen.refused_503()),
            _ => (seen.refused_503(), seen.refused_429()),
        };
        assert_eq!((seen.errors(), others), (0, 0), "{:?}", seen.error_samples());
        assert!(refused > 0 && seen.iterations() > 0);
        // One in three is refused; those of the warm-up and the first sign-ins are not counted.
        assert!(refused <= idp.sign_in_posts.load(Ordering::Relaxed) / 3);
        assert_eq!(report.to_json()["refused"], refused);
    }
}

#[tokio::test]
async fn a_user_stays_away_as_long_as_it_is_told() {
    // The first sign-in is the one without load, five of the only user follow, the seventh is refused for longer than
    // the window is.
    let manners = Manners { refuse: Some((7, 429)), retry_after: Some("1"), ..Manners::default() };
    let alone = |plan: &mut SignInPlan| (plan.users, plan.warm_up) = (1, Duration::ZERO);
    let (idp, report) = run(manners, alone).await;
    let seen = report.measurement();
    assert_eq!((seen.iterations(), seen.refused_429()), (5, 1));
    assert_eq!(idp.sign_in_posts.load(Ordering::Relaxed), 7);

    // Before the load the same is waited for: an hour is cut to five seconds, longer than this test waits.
    let manners = Manners { refuse: Some((1, 429)), retry_after: Some("3600"), ..Manners::default() };
    let (idp, plan) = provider(manners).await;
    let waited = tokio::time::timeout(Duration::from_millis(300), sign_in(&plan, &Silent)).await;
    assert!(waited.is_err(), "it did not wait");
    assert_eq!(idp.sign_in_posts.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_goes_wrong_is_counted_and_told_without_secrets() {
    let cases = [
        (Manners { forgets_state: true, ..Manners::default() }, "sign_in: the redirect has another state"),
        (Manners { breaks_tokens: true, ..Manners::default() }, "token: status 400, invalid_grant"),
        (Manners { hangs: true, ..Manners::default() }, "introspect: no answer within 400ms"),
    ];
    for (manners, expected) in cases {
        let (_, report) = run(manners, |_| {}).await;
        let seen = report.measurement();
        let samples = seen.error_samples();
        assert!(seen.errors() > 0 && samples.len() <= 5);
        assert!(samples.iter().any(|sample| sample.starts_with(expected)), "{samples:?}");
        let told = format!("{report}{}", report.to_json());
        for secret in ["SECRET", SECRET, "correct horse", "code-", "access-", "refresh-", "ada@"] {
            assert!(!told.contains(secret), "{secret} is told:\n{told}");
        }
    }
}

#[tokio::test]
async fn bystanders_keep_their_rate_and_a_stall_is_charged_to_all_it_held_up() {
    let calm = |plan: &mut SignInPlan| (plan.users, plan.bystander_rate) = (1, 100);
    let (_, report) = run(Manners::default(), calm).await;
    let seen = report.measurement();
    // 100 a second for half a second, half of them each; a late timer may move one across an end.
    for step in [Step::BystanderIntrospect, Step::BystanderRefresh] {
        assert!((23..=27).contains(&seen.step(step).count), "{step:?} {:?}", seen.step(step));
    }
    assert_eq!(seen.errors(), 0, "{:?}", seen.error_samples());

    // Each lane has an introspection due every 80 ms that takes 200: the last of them wait for all before them.
    let stalled = Manners { slow_introspection: Duration::from_millis(200), ..Manners::default() };
    let (_, report) = run(stalled, |plan| {
        calm(plan);
        plan.time_out = Duration::from_secs(5);
    })
    .await;
    let [introspect, refresh] =
        [Step::BystanderIntrospect, Step::BystanderRefresh].map(|step| report.measurement().step(step));
    assert!(
        (23..=27).contains(&introspect.count) && (23..=27).contains(&refresh.count),
        "{introspect:?} {refresh:?}"
    );
    assert!(introspect.max_ms > 600.0 && refresh.p50_ms > 200.0, "{introspect:?} {refresh:?}");

    // With little patience some are never sent, and that is no secret.
    let (_, report) = run(stalled, calm).await;
    let seen = report.measurement();
    let sent = seen.step(Step::BystanderIntrospect).count + seen.step(Step::BystanderRefresh).count;
    assert!(
        seen.errors() > 0 && seen.error_samples()[0].contains("could not be sent"),
        "{:?}",
        seen.error_samples()
    );
    assert!((46..=54).contains(&(sent + seen.errors())), "{sent} sent, {} not", seen.errors());
}

#[tokio::test]
async fn what_cannot_work_is_said_before_any_load() {
    let attempt = async |change: fn(&mut SignInPlan)| {
        let (idp, mut plan) = provider(Manners::default()).await;
        change(&mut plan);
        let error = sign_in(&plan, &Silent).await.unwrap_err();
        (error, idp.sign_in_posts.load(Ordering::Relaxed))
    };
    let (error, _) = attempt(|plan| plan.issuer = "https://127.0.0.1:1".parse().unwrap()).await;
    assert!(matches!(&error, BenchError::Plan(why) if why.contains("https")), "{error}");
    let (error, _) = attempt(|plan| plan.users = 0).await;
    assert!(matches!(error, BenchError::Plan(_)), "{error}");
    let (error, _) = attempt(|plan| plan.issuer = "http://127.0.0.1:1".parse().unwrap()).await;
    assert!(matches!(&error, BenchError::Target(why) if why.contains("cannot connect")), "{error}");
    let (error, _) = attempt(|plan| plan.issuer.set_path("/tenant")).await;
    assert!(matches!(&error, BenchError::Target(why) if why.contains("status 404")), "{error}");
    let (error, posts) = attempt(|plan| plan.password = "wrong".to_owned()).await;
    assert!(matches!(&error, BenchError::FirstSignIn(why) if why.contains("refused")), "{error}");
    assert_eq!(posts, 1);
}

#[tokio::test]
async fn progress_is_told_while_the_run_goes_on() {
    #[derive(Default)]
    struct Seen(Mutex<Vec<SoFar>>, AtomicU64);
    impl Progress for Seen {
        fn show(&self, so_far: &SoFar) {
            self.0.lock().unwrap().push(*so_far);
        }
        fn finish(&self) {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (_, plan) = provider(Manners::default()).await;
    let seen = Seen::default();
    sign_in(&plan, &seen).await.unwrap();
    let shown = seen.0.lock().unwrap();
    assert!(shown.first().unwrap().warming_up && !shown.last().unwrap().warming_up);
    assert!(shown.last().unwrap().per_second > 0.0);
    assert_eq!(seen.1.load(Ordering::Relaxed), 1);
}
