//! What the doctor says of backups that go on: how old the newest whole copy is, and when one was last restored to prove it. Knows ages and what
//! they mean.

use super::scratch;
use crate::clock;
use crate::settings::{BackupSettings, Settings};
use protocol::Timestamp;
use std::path::{Path, PathBuf};
use std::time::Duration;
use storage::archive::{Generation, generations, moment};
use storage::doctor::Finding;

/// Where the server notes when a drill last succeeded: beside the database, like the drill's own file.
pub(super) fn note(settings: &Settings) -> PathBuf {
    scratch(settings, ".drilled")
}

/// Notes that a drill has succeeded. Only the doctor reads it, so that it cannot be written is no matter.
pub(super) fn drilled(note: &Path, at: Timestamp) {
    if let Err(error) = std::fs::write(note, at.millis().to_string()) {
        tracing::warn!(%error, "when the drill succeeded could not be noted for the doctor");
    }
}

/// What an operator should know of the backups; nothing where none are configured. Asks the target, and blocks.
pub(crate) fn findings(settings: &Settings) -> Vec<Finding> {
    let Some(place) = &settings.backup.to else { return Vec::new() };
    let listed = place.open().and_then(|target| Ok(generations(&*target)?));
    let (now, backup) = (clock::now(), &settings.backup);
    let newest = match listed {
        Ok(generations) => newest(&generations, now, backup),
        Err(error) => Finding::problem(
            BACKUP,
            format!("{error:#}"),
            "make the target reachable, or correct backup.to: nothing is shipped until then",
        ),
    };
    let drilled = std::fs::read_to_string(note(settings)).ok().and_then(|text| text.trim().parse().ok());
    vec![newest, drill(drilled.map(Timestamp::from_millis), now, backup)]
}

const BACKUP: &str = "backup";
const DRILL: &str = "drill";

fn newest(generations: &[Generation], now: Timestamp, settings: &BackupSettings) -> Finding {
    let base = generations.iter().flat_map(|generation| &generation.bases).max();
    let until = generations.iter().map(|generation| generation.until).max();
    let (Some(base), Some(until)) = (base, until) else {
        let remedy =
            "start the server with these settings, and look in its log: the first copy is made at its start";
        return Finding::problem(BACKUP, "nothing has been shipped yet", remedy);
    };
    let age = age(*base, now);
    let found = format!("{} can be restored; the newest whole copy is {} old", moment(until), hours(age));
    // A server makes one at its start and each `base_every`, whether or not anything changes.
    if age > settings.base_every * 2 {
        let remedy = format!(
            "look in the server's log why none was made since: one is due every {}; what changes meanwhile may be in no backup",
            hours(settings.base_every)
        );
        return Finding::problem(BACKUP, found, remedy);
    }
    Finding::ok(BACKUP, found)
}

fn drill(drilled: Option<Timestamp>, now: Timestamp, settings: &BackupSettings) -> Finding {
    let Some(at) = drilled else {
        let remedy = "nothing, when the server has just started; else run `doorward backup drill` and look in the server's log";
        return Finding::note(DRILL, "no drill is known to have succeeded on this machine", remedy);
    };
    let found = format!("the newest backup was last restored and found sound {} ago", hours(age(at, now)));
    if age(at, now) > settings.drill_every * 2 {
        let remedy = "run `doorward backup drill`, and look in the server's log: nobody knows whether the backups can be restored";
        return Finding::problem(DRILL, found, remedy);
    }
    Finding::ok(DRILL, found)
}

fn age(at: Timestamp, now: Timestamp) -> Duration {
    Duration::from_millis((now.millis() - at.millis()).max(0).unsigned_abs())
}

/// Hours, for people, or minutes where it is less than one.
fn hours(age: Duration) -> String {
    match age.as_secs() / 60 {
        minutes @ 0..60 => format!("{minutes} min"),
        minutes => format!("{} h", minutes / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::doctor::Verdict;

    const HOUR: u64 = 3_600;

    fn settings() -> BackupSettings {
        let day = Duration::from_secs(24 * HOUR);
        BackupSettings {
            to: None,
            every: Duration::from_secs(1),
            base_every: day,
            keep: day * 7,
            drill_every: day,
        }
    }

    #[test]
    fn a_copy_or_a_drill_that_is_twice_overdue_is_a_problem() {
        let now = Timestamp::from_seconds(2_000_000_000);
        let ago = |hours: i64| Timestamp::from_seconds(2_000_000_000 - hours * 3_600);
        let generation = |base: Timestamp| Generation {
            name: "1".to_owned(),
            bases: vec![base],
            until: base,
            segments: 0,
            gap: false,
        };
        for (hours, verdict) in [(1, Verdict::Ok), (47, Verdict::Ok), (49, Verdict::Problem)] {
            let all = [generation(ago(500)), generation(ago(hours))];
            assert_eq!(newest(&all, now, &settings()).verdict, verdict, "{hours}");
            assert_eq!(drill(Some(ago(hours)), now, &settings()).verdict, verdict, "{hours}");
        }
        assert_eq!(newest(&[], now, &settings()).verdict, Verdict::Problem);
        assert_eq!(drill(None, now, &settings()).verdict, Verdict::Note);
        // A clock that was set back makes nothing old.
        assert_eq!(drill(Some(ago(-1)), now, &settings()).verdict, Verdict::Ok);
    }
}
