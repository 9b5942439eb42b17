//! `/metrics`, on the operator's listener.

use crate::house::{House, START};
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use std::collections::BTreeMap;
use tower::ServiceExt as _;
use web::metrics::{ProcessReading, SystemReading};

/// What a scrape says: the kinds of families, and each sample's value.
struct Scrape {
    families: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Scrape {
    async fn of(house: &House) -> Self {
        let operators = house.operators(|| SystemReading {
            process: Some(ProcessReading::default()),
            ..SystemReading::default()
        });
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let response = operators.oneshot(request).await.unwrap();
        let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"), "{content_type}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Self::read(std::str::from_utf8(&body).unwrap())
    }

    /// Strictly: what does not follow the format is not understood.
    fn read(text: &str) -> Self {
        let (mut families, mut samples) = (BTreeMap::new(), BTreeMap::new());
        let lines = text.strip_suffix("# EOF\n").expect("an end");
        let mut family = String::new();
        for line in lines.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let (word, rest) = comment.split_once(' ').expect("a word");
                let (name, rest) = rest.split_once(' ').expect("a name");
                match word {
                    "HELP" => family = name.to_owned(),
                    "TYPE" => assert!(families.insert(name.to_owned(), rest.to_owned()).is_none(), "{line}"),
                    "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
                    _ => panic!("{line}"),
                }
                assert_eq!(name, family, "{line}");
                continue;
            }
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            assert!(sample.starts_with(&family), "{line} under {family}");
            assert!(samples.insert(sample.to_owned(), value.parse().expect(line)).is_none(), "{line} twice");
        }
        Self { families, samples }
    }

    fn value(&self, sample: &str) -> f64 {
        *self.samples.get(sample).unwrap_or_else(|| panic!("no {sample}"))
    }
}

#[tokio::test]
async fn every_metric_of_the_reference_is_there_after_a_little_traffic_and_no_other() {
    let house = House::open().await;
    house.get("/health/live").await.expect(200);
    house.provider.note_job("sweep", START);
    let scrape = Scrape::of(&house).await;
    let swept = scrape.value(r#"doorward_job_last_success_timestamp_seconds{job="sweep"}"#);
    assert_eq!(swept, START.millis() as f64 / 1_000.0);
    let reference = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/metrics.md");
    let reference = std::fs::read_to_string(reference).unwrap();
    let listed: BTreeMap<String, String> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter(|line| {
            ["(with a database on a server)", "(with `backup.to`)", "(with `passwords.workers`)"]
                .iter()
                .all(|condition| !line.contains(condition))
        })
        .map(|line| {
            let (name, rest) = line.split_once("` | ").unwrap();
            let kind = rest.split(' ').next().unwrap();
            (name.strip_suffix("_total").unwrap_or(name).to_owned(), kind.to_owned())
        })
        .collect();
    assert!(listed.len() > 30);
    assert_eq!(scrape.families, listed);
}

#[tokio::test]
async fn requests_are_timed_by_route_method_and_status_and_a_made_up_path_is_no_label() {
    let house = House::open().await;
    house.get("/health/live").await.expect(200);
    house.get("/health/live").await.expect(200);
    house.post("/oauth2/token", &[("grant_type", "password")]).await.expect(401);
    house.get("/assets/nothing").await.expect(404);
    for path in ["/wp-login.php", "/assets/nothing/else"] {
        house.get(path).await.expect(404);
    }
    let brewed = Request::builder().method(Method::from_bytes(b"BREW").unwrap()).uri("/health/live");
    house.send(brewed.body(Body::empty()).unwrap()).await.expect(405);
    let scrape = Scrape::of(&house).await;
    for (labels, count) in [
        (r#"route="/health/live",method="GET",status="200""#, 2.0),
        (r#"route="/health/live",method="other",status="405""#, 1.0),
        (r#"route="/assets/{name}",method="GET",status="404""#, 1.0),
        (r#"route="(none)",method="GET",status="404""#, 2.0),
        (r#"route="/oauth2/token",method="POST",status="401""#, 1.0),
    ] {
        let name = "doorward_http_request_duration_seconds";
        assert_eq!(scrape.value(&format!("{name}_count{{{labels}}}")), count, "{labels}");
        assert_eq!(scrape.value(&format!("{name}_bucket{{{labels},le=\"+Inf\"}}")), count);
        assert!(scrape.value(&format!("{name}_sum{{{labels}}}")) > 0.0);
    }
    assert!(!scrape.samples.keys().any(|sample| sample.contains("wp-login") || sample.contains("BREW")));
}

#[tokio::test]
async fn errors_and_refusals_are_counted_by_cause() {
    let house = House::open().await;
    for (form, error) in [
        (&[("grant_type", "password")][..], "invalid_client"),
        (&[("grant_type", "password"), ("client_id", "nobody")][..], "invalid_client"),
    ] {
        assert_eq!(house.post("/oauth2/token", form).await.expect(401).json()["error"], error);
    }
    let scrape = Scrape::of(&house).await;
    assert_eq!(scrape.value(r#"doorward_http_errors_total{error="invalid_client"}"#), 2.0);
    for cause in ["address_rate", "hash_pool", "arrivals", "store_queue", "client_rate", "failed_attempts"] {
        assert_eq!(scrape.value(&format!("doorward_refusals_total{{cause=\"{cause}\"}}")), 0.0);
    }
    assert!(scrape.value("doorward_store_commit_seconds_count") > 0.0, "the keys were stored");
}
