//! `doorward store doctor`: what is found of the database, and of what lies beside it.

use super::key_readers;
use super::shown;
use crate::app::master_key_source;
use crate::backups::{Sealing, health};
use crate::cli::Place;
use crate::clock::OsRandom;
use crate::master_key::{IfMissing, MasterKeySource};
use crate::operator::{Operation, Outcome, call};
use crate::settings::{Resolved, Settings};
use clap::Args;
use serde::Serialize;
use std::process::ExitCode;
use storage::doctor::{Finding, Thoroughness, Verdict};
use storage::{BackupError, check_seal};
use tokio::runtime::Runtime;

#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// Compare every index with its table too; takes longer
    #[arg(long)]
    deep: bool,
    /// How many servers share the database
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    nodes: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Looks, and says what was found.
pub(super) fn doctor(runtime: &Runtime, args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let settings = Resolved::from_system(&args.place.flags())?.at_its_place();
    let thoroughness = Thoroughness { deep: args.deep, nodes: args.nodes };
    let database = settings.database_to_open()?;
    let mut findings = runtime.block_on(storage::doctor::doctor(&database, thoroughness));
    findings.extend(seal(&settings));
    findings.push(master_key(&settings));
    let known = call(&settings.data, &Operation::FindIssuer)?;
    let known = if let Ok(Ok(Outcome::StoredIssuer(stored))) = known { Some(stored) } else { None };
    findings.push(issuer(&settings, known.clone().flatten()));
    findings.extend(known_by(&settings, known)?);
    findings.extend(key_readers::finding(&settings));
    // An object store is asked by a client that blocks.
    findings.extend(health::findings(&settings));
    if args.json {
        shown::json(&findings.iter().map(Told::of).collect::<Vec<_>>())?;
    } else {
        list(&findings)?;
    }
    Ok(exit_code(&findings))
}

/// By which issuer the installation is known, and what the running server noticed of its proxies.
fn known_by(settings: &Settings, known: Option<Option<String>>) -> anyhow::Result<Vec<Finding>> {
    let mut findings: Vec<Finding> = settings
        .warnings()
        .into_iter()
        .map(|warning| Finding::note("settings", warning, "see `doorward config show`"))
        .collect();
    if let Some(stored) = known {
        let set = settings.issuer.as_ref().map(ToString::to_string);
        findings.push(match (stored, set) {
            (Some(stored), Some(set)) if stored != set => Finding::problem(
                "known as",
                format!("clients know this installation as {stored}, and the settings say {set}"),
                format!("set issuer to {stored}, or change it on purpose: doorward issuer change {set}"),
            ),
            (Some(stored), _) => Finding::ok("known as", stored),
            (None, _) => Finding::note(
                "known as",
                "none is set: it is made up from the port",
                "set issuer to the URL that people reach this server by, before clients are registered",
            ),
        });
    }
    if let Ok(Ok(Outcome::Notices(notices))) = call(&settings.data, &Operation::ListNotices)? {
        findings.extend(notices.into_iter().map(|(found, remedy)| Finding::problem("proxy", found, remedy)));
    }
    Ok(findings)
}

/// What the seal of a backup says; nothing of a database that is none.
fn seal(settings: &Settings) -> Option<Finding> {
    const CHECK: &str = "seal";
    let database = settings.database();
    let file = database.file()?;
    let sealer = Sealing::at_hand(settings);
    match check_seal(file, sealer.as_deref().ok()) {
        Ok(true) if sealer.is_ok() => {
            Some(Finding::ok(CHECK, "a backup, as it was sealed under this installation's master key"))
        }
        Ok(true) => Some(Finding::note(
            CHECK,
            "a backup, as it was sealed; under which key cannot be told",
            "name the data directory whose master key it was made with",
        )),
        Ok(false) => None,
        // That it cannot be read was found already.
        Err(BackupError::Open(_)) => None,
        Err(error) => Some(Finding::problem(CHECK, error.to_string(), "restore from another backup")),
    }
}

/// What applications are to be given: many compare it to the letter (OpenID Connect Discovery section 4.3), and people type a slash.
/// The issuer that is remembered counts: a running server may have been told it by a flag.
fn issuer(settings: &Settings, known: Option<String>) -> Finding {
    let issuer = known.unwrap_or_else(|| settings.issuer(settings.listen).to_string());
    Finding::ok(
        "issuer",
        format!(
            "{issuer}, which applications are given to the letter: one that is told {issuer}/, with a slash at its end, waits for another issuer, \
             and says that it did not match"
        ),
    )
}

/// Whether the key is at hand, for its owner only.
fn master_key(settings: &Settings) -> Finding {
    const CHECK: &str = "master key";
    let source = master_key_source(settings);
    match source.load(IfMissing::Refuse, &mut OsRandom) {
        Ok(_) => Finding::ok(
            CHECK,
            match source {
                MasterKeySource::File(path) => format!("{}, for its owner only", path.display()),
                MasterKeySource::Setting(_) => "handed in by the setting master_key".to_owned(),
                MasterKeySource::Credential(_) => "handed in by systemd".to_owned(),
            },
        ),
        Err(error) => Finding::problem(
            CHECK,
            format!("{error:#}"),
            "without it nothing that is sealed opens: no token can be signed, and the server does not start",
        ),
    }
}

/// A finding as JSON.
#[derive(Serialize)]
struct Told<'a> {
    check: &'a str,
    verdict: &'a str,
    found: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'a str>,
}

impl<'a> Told<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            check: finding.check,
            verdict: word(finding.verdict),
            found: &finding.found,
            remedy: finding.remedy.as_deref(),
        }
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Note => "note",
        Verdict::Problem => "problem",
    }
}

/// Prints findings, each with what to do about it below.
pub(super) fn list(findings: &[Finding]) -> anyhow::Result<()> {
    for finding in findings {
        shown::line(format!("{:<8} {:<12} {}", word(finding.verdict), finding.check, finding.found))?;
        if let Some(remedy) = &finding.remedy {
            shown::line(format!("{:<21} -> {remedy}", ""))?;
        }
    }
    Ok(())
}

/// Failure when there is a problem.
pub(super) fn exit_code(findings: &[Finding]) -> ExitCode {
    match findings.iter().any(|finding| finding.verdict == Verdict::Problem) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}
