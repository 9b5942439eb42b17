//! `doorward bench machines --in-process`: tokens issued and verified by the server's own code, without HTTP. It does that work, which the `bench` crate
//! may not know; the report is that crate's.

use super::options::RunArgs;
use crate::app::{App, Opening};
use crate::clock::{self, OsRandom};
use crate::commands::passwords::cores;
use crate::master_key::IfMissing;
use crate::settings::{Issuer, Resolved, SettingFlags, Settings};
use anyhow::{Context as _, bail};
use bench::{InProcessReport, Latencies};
use crypto::{PrivateKey, SigningKey, TokenType, verify_with_jwk};
use protocol::credentials::Authorization;
use protocol::{Client, ClientAuthentication, ClientId, GrantType, Params, SigningAlgorithm};
use provider::admin::NewClient;
use provider::{ClientRequest, Provider};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long bare signatures are made and verified, on each thread.
const FLOOR_FOR: Duration = Duration::from_secs(2);
/// What an access token of a client's own says, as long as a real one.
const CLAIMS: &str = r#"{"iss":"http://localhost:8080","sub":"machine-0001","aud":"http://localhost:8080","exp":1767226200,"iat":1767225600,"jti":"019b76da-a800-7000-8000-000000000000","client_id":"machine-0001","scope":""}"#;

/// So many cycles, on the cores of the server.
///
/// # Errors
/// When a token is not issued, or one that was is not good.
pub(super) fn run(cycles: u64, run: &RunArgs) -> anyhow::Result<()> {
    let report = run.placement.on_server_cpus(|| measure(cycles, &run.target.flags))?;
    run.output.tell(&report.findings())
}

fn measure(cycles: u64, flags: &SettingFlags) -> anyhow::Result<InProcessReport> {
    let directory = tempfile::Builder::new().prefix("doorward-bench-").tempdir()?;
    let settings = settings(flags, directory.path())?;
    let runtime = crate::serve::runtime()?;
    let threads = cores();
    let signatures = bare_signatures(threads, FLOOR_FOR)?;
    let (provider, request) = runtime.block_on(async {
        let issuer = Issuer::on_this_machine(false, 8080);
        let app = App::open(&settings, &issuer, Opening::of(IfMissing::Create)).await?;
        let request = machine(&app.provider).await?;
        anyhow::Ok((app.provider, request))
    })?;
    let began = clock::monotonic();
    let shares = (0..threads as u64).map(|number| (cycles + number) / threads as u64);
    let done = on_threads(shares, |share| {
        let (provider, request) = (provider.clone(), &request);
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async move {
            let mut seen = (Latencies::new(), Latencies::new());
            for _ in 0..share {
                cycle(&provider, request, &mut seen).await?;
            }
            Ok(seen)
        })
    })?;
    let lasted = began.elapsed();
    runtime.block_on(provider.store().close());
    let (mut issue, mut verify) = (Latencies::new(), Latencies::new());
    for (issued, verified) in &done {
        issue.add(issued);
        verify.add(verified);
    }
    Ok(InProcessReport { cycles, threads, lasted, issue, verify, signatures })
}

async fn cycle(
    provider: &Provider,
    request: &ClientRequest,
    (issue, verify): &mut (Latencies, Latencies),
) -> anyhow::Result<()> {
    let mut ctx = clock::own_ctx();
    let began = clock::monotonic();
    let answer = provider.token(&mut ctx, request).await?;
    let issued = clock::monotonic();
    // As a client reads it.
    let answer = serde_json::to_value(&answer)?;
    let token = answer["access_token"].as_str().context("an answer without a token")?;
    let presented = clock::monotonic();
    let good = provider.verify_access_token(&ctx, token).await?;
    let verified = clock::monotonic();
    if good.is_none() {
        bail!("a token that was just issued is not good");
    }
    issue.record(issued - began);
    verify.record(verified - presented);
    Ok(())
}

/// Signs and verifies as fast as so many threads can; per second.
fn bare_signatures(threads: usize, during: Duration) -> anyhow::Result<f64> {
    let key = SigningKey::new(PrivateKey::generate(SigningAlgorithm::EdDsa, &mut OsRandom)?);
    let counts = on_threads((0..threads as u64).map(|_| 0), |_| {
        let began = clock::monotonic();
        let mut count = 0_u64;
        while began.elapsed() < during {
            let token = key.sign(TokenType::AccessToken, CLAIMS.as_bytes());
            verify_with_jwk(key.public_jwk(), &token, TokenType::AccessToken)?;
            count += 1;
        }
        Ok(count as f64 / began.elapsed().as_secs_f64())
    })?;
    Ok(counts.iter().sum())
}

/// Does this on a thread for each share, at once.
fn on_threads<T: Send>(
    shares: impl Iterator<Item = u64>,
    work: impl Fn(u64) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    std::thread::scope(|scope| {
        let running: Vec<_> = shares
            .map(|share| {
                scope.spawn({
                    let work = &work;
                    move || work(share)
                })
            })
            .collect();
        let ended = running.into_iter().map(|thread| match thread.join() {
            Ok(ended) => ended,
            Err(_) => bail!("a thread panicked"),
        });
        ended.collect()
    })
}

async fn machine(provider: &Provider) -> anyhow::Result<ClientRequest> {
    let id = ClientId::parse("machine-0001")?;
    let client = Client {
        grant_types: [GrantType::ClientCredentials].into(),
        ..Client::new(id.clone(), "Machine".to_owned(), ClientAuthentication::ClientSecret)
    };
    let created = provider.add_client(&mut clock::own_ctx(), NewClient { client }).await?;
    let secret = created.secret.context("a confidential client has a secret")?;
    let params = [("grant_type".to_owned(), "client_credentials".to_owned())].into_iter().collect::<Params>();
    Ok(ClientRequest { params, authorization: Some(Authorization::Basic { id: id.to_string(), secret }) })
}

/// Whatever else they say: no other installation's state is touched.
fn settings(flags: &SettingFlags, directory: &Path) -> anyhow::Result<Settings> {
    let directory = directory.to_str().context("the temporary directory's name is not UTF-8: set TMPDIR")?;
    let of_its_own = [
        ("data", directory.to_owned()),
        ("database", format!("sqlite:{directory}/doorward.db")),
        ("master_key_file", format!("{directory}/master.key")),
    ];
    let flags = SettingFlags {
        config: flags.config.clone().or_else(|| Some(PathBuf::from("/dev/null"))),
        given: flags.given.iter().cloned().chain(of_its_own).collect(),
    };
    let mut settings = Resolved::from_system(&flags)?.settings;
    settings.master_key = None;
    Ok(settings)
}
