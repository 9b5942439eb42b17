//! An object store that speaks S3, as a target: Amazon's, or any with the same interface. Knows buckets, signed requests and what answers
//! mean; knows no archive. Requests are signed by `rusty-s3` and sent by `ureq`, blocking, on whatever thread asks.

use crate::clock;
use crate::environment;
use crate::https;
use anyhow::Context as _;
use rusty_s3::actions::{ListObjectsV2, S3Action};
use rusty_s3::{Credentials, UrlStyle};
use std::time::Duration;
use storage::archive::{Target, TargetError};
use ureq::Agent;
use ureq::http::StatusCode;
use url::Url;

/// A signed request is good for so long.
const SIGNED_FOR: Duration = Duration::from_secs(300);
/// The longest one exchange may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest object there can be: a part that would not be compressed, and then some.
const LARGEST: u64 = 256 << 20;

/// `s3://BUCKET/PREFIX?endpoint=URL&region=REGION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    name: String,
    /// Empty, or ending with `/`.
    prefix: String,
    /// Nothing for Amazon's.
    endpoint: Option<Url>,
    region: Option<String>,
}

impl Bucket {
    pub(super) fn from_url(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        // Credentials in it would stand in logs and process lists.
        let bare = url.username().is_empty() && url.password().is_none() && url.port().is_none();
        if !bare || url.fragment().is_some() {
            return None;
        }
        let (mut endpoint, mut region) = (None, None);
        for (key, value) in url.query_pairs() {
            match &*key {
                "endpoint" => endpoint = Some(Url::parse(&value).ok().filter(is_endpoint)?),
                "region" if !value.is_empty() => region = Some(value.into_owned()),
                _ => return None,
            }
        }
        let path = url.path().trim_matches('/');
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let name = url.host_str().filter(|host| !host.is_empty())?.to_owned();
        Some(Self { name, prefix, endpoint, region })
    }
}

impl std::fmt::Display for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.name, self.prefix.trim_end_matches('/'))
    }
}

fn is_endpoint(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
}

/// A bucket and what it takes to use it.
pub(super) struct ObjectStore {
    bucket: Bucket,
    signer: rusty_s3::Bucket,
    credentials: Credentials,
    agent: Agent,
}

impl ObjectStore {
    pub(super) fn open(bucket: &Bucket) -> anyhow::Result<Self> {
        // The names that everything that speaks S3 reads; a session token comes with temporary keys only.
        let variable =
            |name| environment::variable(name)?.into_string().ok().filter(|value| !value.is_empty());
        let keys = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"));
        let (key, secret) = keys.context(
            "an object store needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment (and AWS_SESSION_TOKEN with \
             temporary credentials)",
        )?;
        let credentials = match variable("AWS_SESSION_TOKEN") {
            Some(token) => Credentials::new_with_token(key, secret, token),
            None => Credentials::new(key, secret),
        };
        let region = bucket.region.clone().or_else(|| variable("AWS_REGION"));
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let (endpoint, style) = match &bucket.endpoint {
            Some(endpoint) => (endpoint.clone(), UrlStyle::Path),
            None => (Url::parse(&format!("https://s3.{region}.amazonaws.com"))?, UrlStyle::VirtualHost),
        };
        let agent = https::agent(endpoint.scheme() == "https", PATIENCE)?;
        let signer = rusty_s3::Bucket::new(endpoint, style, bucket.name.clone(), region)
            .with_context(|| format!("{bucket} is not the name of a bucket"))?;
        Ok(Self { bucket: bucket.clone(), signer, credentials, agent })
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.bucket.prefix)
    }

    fn failed(&self, name: &str, why: impl std::fmt::Display) -> TargetError {
        let slash = if self.bucket.prefix.is_empty() { "" } else { "/" };
        TargetError(format!("{}{slash}{name}: {why}", self.bucket))
    }

    /// The body of an answer, or nothing when there is no such object. The request's URL is signed: it never stands in an error.
    fn body(&self, name: &str, answer: Answer) -> Result<Option<Vec<u8>>, TargetError> {
        let mut answer = answer.map_err(|error| self.failed(name, in_words(&error)))?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(LARGEST).read_to_vec();
        let body = body.map_err(|error| self.failed(name, in_words(&error)))?;
        match status {
            status if status.is_success() => Ok(Some(body)),
            StatusCode::NOT_FOUND if code(&body) != "NoSuchBucket" => Ok(None),
            status => Err(self
                .failed(name, format!("the store answers {} {}", status.as_u16(), code(&body)).trim_end())),
        }
    }

    fn page(
        &self,
        prefix: &str,
        continued: Option<String>,
    ) -> Result<(Vec<String>, Option<String>), TargetError> {
        let mut list = self.signer.list_objects_v2(Some(&self.credentials));
        list.with_prefix(prefix);
        if let Some(token) = continued {
            list.with_continuation_token(token);
        }
        let body = self.body("", self.agent.get(signed(&list)).call())?;
        let body = body.ok_or_else(|| self.failed("", "the store knows no such bucket"))?;
        let text = String::from_utf8(body).map_err(|_| self.failed("", "the listing is not text"))?;
        let listed = ListObjectsV2::parse_response(&text)
            .map_err(|_| self.failed("", "the listing is none: is this an object store?"))?;
        let names = listed
            .contents
            .into_iter()
            .filter_map(|object| object.key.strip_prefix(&self.bucket.prefix).map(str::to_owned));
        Ok((names.collect(), listed.next_continuation_token))
    }
}

type Answer = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

fn signed<'a>(action: &impl S3Action<'a>) -> String {
    let now = jiff::Timestamp::from_millisecond(clock::now().millis()).unwrap_or_default();
    action.sign_with_time(SIGNED_FOR, &now).into()
}

fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::BadUri(_) => "the endpoint is not a URL that can be asked".to_owned(),
        error => format!("the store cannot be asked: {error}"),
    }
}

/// The code in an answer that is an error, such as `AccessDenied`.
fn code(body: &[u8]) -> &str {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map(|(code, _)| code).filter(|code| code.len() < 64).unwrap_or_default()
}

impl std::fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ObjectStore({})", self.bucket)
    }
}

impl std::fmt::Display for ObjectStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.bucket.fmt(f)
    }
}

impl Target for ObjectStore {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), TargetError> {
        let key = self.key(name);
        let action = self.signer.put_object(Some(&self.credentials), &key);
        let answer = self.agent.put(signed(&action)).send(bytes);
        self.body(name, answer)?.ok_or_else(|| self.failed(name, "the store does not keep it"))?;
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, TargetError> {
        let key = self.key(name);
        let action = self.signer.get_object(Some(&self.credentials), &key);
        self.body(name, self.agent.get(signed(&action)).call())
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, TargetError> {
        let prefix = self.key(prefix);
        let (mut names, mut next) = self.page(&prefix, None)?;
        while let Some(token) = next {
            let (more, then) = self.page(&prefix, Some(token))?;
            names.extend(more);
            next = then;
        }
        Ok(names)
    }

    fn delete(&self, name: &str) -> Result<(), TargetError> {
        let key = self.key(name);
        let action = self.signer.delete_object(Some(&self.credentials), &key);
        self.body(name, self.agent.delete(signed(&action)).call())?;
        Ok(())
    }
}
