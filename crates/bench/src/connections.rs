//! Many kept-alive connections that hardly do anything: browsers and gateways that stay. It owns how they are opened, from which addresses, and
//! how one after another asks for something now and then; what they cost the server, whoever calls looks up.
//!
//! It speaks just enough HTTP/1.1 to send one request and find the end of its answer, because a full client per connection would need more
//! memory than the server.

use crate::clock;
use crate::error::BenchError;
use crate::percentiles::{Percentiles, histogram, record};
use hdrhistogram::Histogram;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

/// Connections from one loopback address: each has some 28,000 ports, and a server that looks at addresses should see several.
const PER_ADDRESS: usize = 1_000;
/// How many are opened at once: a queue of connections that nobody has accepted yet is short.
const AT_ONCE: usize = 128;
/// The longest head or body that is read.
const LONGEST: usize = 64 * 1_024;

/// What is opened, and where to.
#[derive(Clone, Debug)]
pub struct ConnectionsPlan {
    /// A page of the server that anybody may have; `http` only.
    pub target: Url,
    /// How many connections.
    pub count: usize,
    /// The longest wait for one answer.
    pub time_out: Duration,
}

/// Connections that are open, each having had one answer.
pub struct Held {
    plan: ConnectionsPlan,
    request: Vec<u8>,
    open: Vec<TcpStream>,
    /// Those that did not come about, with the first reason.
    failed: usize,
    failure: Option<String>,
    took: Duration,
}

/// What connections saw while one after another asked again.
#[derive(Clone, Debug)]
pub struct SlowUse {
    /// Answers with a status below 500.
    pub answered: u64,
    /// Connections that were gone, or answered otherwise.
    pub lost: u64,
    /// How long answers took, from when each was due.
    pub latency: Percentiles,
}

/// Opens all connections and asks once on each.
///
/// # Errors
/// When the plan is not possible, or not a single connection comes about.
pub async fn hold_connections(plan: &ConnectionsPlan) -> Result<Held, BenchError> {
    let refuse = |why: &str| Err(BenchError::Plan(why.to_owned()));
    if plan.target.scheme() != "http" {
        return refuse("the target must be an http:// URL");
    }
    if plan.count == 0 {
        return refuse("at least one connection is needed");
    }
    let (host, address) = resolve(&plan.target).await?;
    let page = &plan.target[url::Position::BeforePath..url::Position::AfterQuery];
    let request = format!("GET {page} HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes();
    let mut held = Held {
        plan: plan.clone(),
        request,
        open: Vec::new(),
        failed: 0,
        failure: None,
        took: Duration::ZERO,
    };
    let began = clock::now();
    let mut opening = JoinSet::new();
    for number in 0..plan.count {
        if opening.len() == AT_ONCE {
            held.keep(opening.join_next().await);
        }
        let (request, patience) = (held.request.clone(), plan.time_out);
        let one = async move {
            let mut stream = connect(address, number).await?;
            exchange(&mut stream, &request).await?;
            Ok::<_, String>(stream)
        };
        opening.spawn(async move {
            timeout(patience, one).await.unwrap_or_else(|_| Err(format!("no answer within {patience:?}")))
        });
    }
    while !opening.is_empty() {
        held.keep(opening.join_next().await);
    }
    held.took = began.elapsed();
    match &held.failure {
        Some(why) if held.open.is_empty() => Err(BenchError::Target(why.clone())),
        _ => Ok(held),
    }
}

impl Held {
    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// How many did not come about, and why the first did not.
    #[must_use]
    pub fn failed(&self) -> (usize, Option<&str>) {
        (self.failed, self.failure.as_deref())
    }

    /// How long opening them took, with a first answer on each.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// For so long, so many times per second, one connection after another asks again.
    pub async fn use_slowly(&mut self, per_second: u32, length: Duration) -> SlowUse {
        let (mut seen, mut answered, mut lost) = (histogram(), 0, 0);
        let (began, mut number) = (clock::now(), 0_u32);
        let patience = self.plan.time_out;
        while let Some(due) = due(number, per_second).filter(|due| *due < length) {
            tokio::time::sleep_until((began + due).into()).await;
            let count = self.open.len();
            if count == 0 {
                break;
            }
            let place = number as usize % count;
            let asked = timeout(patience, exchange(&mut self.open[place], &self.request)).await;
            if matches!(asked, Ok(Ok(()))) {
                answered += 1;
                record(&mut seen, (began + due).elapsed());
            } else {
                lost += 1;
                self.open.swap_remove(place);
            }
            number += 1;
        }
        let seen: Histogram<u64> = seen;
        SlowUse { answered, lost, latency: Percentiles::of(&seen) }
    }

    fn keep(&mut self, opened: Option<Result<Result<TcpStream, String>, tokio::task::JoinError>>) {
        let why = match opened {
            None => return,
            Some(Ok(Ok(stream))) => return self.open.push(stream),
            Some(Ok(Err(why))) => why,
            Some(Err(error)) => error.to_string(),
        };
        self.failed += 1;
        self.failure.get_or_insert(why);
    }
}

/// When the next one falls due, from the beginning.
fn due(number: u32, per_second: u32) -> Option<Duration> {
    (per_second > 0).then(|| Duration::from_secs_f64(f64::from(number) / f64::from(per_second)))
}

async fn resolve(target: &Url) -> Result<(String, SocketAddr), BenchError> {
    let failed = |why: String| BenchError::Target(why);
    let host = target.host_str().ok_or_else(|| failed("the URL names no host".to_owned()))?;
    let port = target.port_or_known_default().unwrap_or(80);
    let mut addresses = tokio::net::lookup_host((host.trim_matches(['[', ']']), port))
        .await
        .map_err(|error| failed(format!("{host} cannot be resolved: {error}")))?;
    // The one that has many addresses to come from.
    let all: Vec<SocketAddr> = addresses.by_ref().collect();
    let address = all.iter().find(|address| address.is_ipv4()).or(all.first()).copied();
    let address = address.ok_or_else(|| failed(format!("{host} has no address")))?;
    Ok((format!("{host}:{port}"), address))
}

/// From one of several addresses where the target is this machine itself.
async fn connect(to: SocketAddr, number: usize) -> Result<TcpStream, String> {
    let text = |error: std::io::Error| error.to_string();
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(text)?;
    if to.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        socket.bind((source(number), 0).into()).map_err(text)?;
    }
    socket.connect(to).await.map_err(text)
}

/// 127.0.1.1 and those after it.
fn source(number: usize) -> IpAddr {
    let place = u16::try_from(number / PER_ADDRESS).unwrap_or(u16::MAX) + 1;
    let [high, low] = place.to_be_bytes();
    Ipv4Addr::new(127, 0, high.wrapping_add(1), low).into()
}

/// Sends the request, and reads its answer to the end.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Result<(), String> {
    stream.write_all(request).await.map_err(|error| error.to_string())?;
    let mut answer = Vec::with_capacity(1_024);
    loop {
        if end_of_answer(&answer)?.is_some_and(|length| answer.len() >= length) {
            return Ok(());
        }
        if answer.len() > LONGEST {
            return Err("an endless answer".to_owned());
        }
        if stream.read_buf(&mut answer).await.map_err(|error| error.to_string())? == 0 {
            return Err("the connection was closed".to_owned());
        }
    }
}

/// How long the answer is from its first byte to its last; nothing while its head is not complete.
fn end_of_answer(answer: &[u8]) -> Result<Option<usize>, String> {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
    if !status.is_some_and(|status| (200..500).contains(&status)) {
        return Err(format!("status {}", status.map_or("unknown".to_owned(), |status| status.to_string())));
    }
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    match length {
        Some(length) => Ok(Some(end + 4 + length)),
        None if status == Some(204) => Ok(Some(end + 4)),
        None => Err("an answer without a length".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_head_says() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(end_of_answer(whole), Ok(Some(whole.len())));
        assert_eq!(end_of_answer(&whole[..20]), Ok(None));
        assert_eq!(end_of_answer(b"HTTP/1.1 204 No Content\r\n\r\n"), Ok(Some(27)));
        for wrong in
            ["HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "nonsense\r\n\r\n"]
        {
            assert!(end_of_answer(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn connections_come_from_several_addresses() {
        assert_eq!(source(0), source(PER_ADDRESS - 1));
        assert_ne!(source(0), source(PER_ADDRESS));
        assert!(source(0).is_loopback() && source(1_000_000).is_loopback());
    }
}
