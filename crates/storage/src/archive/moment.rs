//! Moments as people write them (RFC 3339). Knows no clock.

use protocol::Timestamp;

/// RFC 3339 in UTC, to the millisecond: what `restore --at` takes.
pub fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis())
        .map_or_else(|_| format!("{} ms", at.millis()), |at| format!("{at:.3}"))
}

/// For names of files: `20261122T014532Z`.
pub(super) fn compact(at: Timestamp) -> String {
    let shown = moment(Timestamp::from_seconds(at.seconds()));
    let digits = shown.split('.').next().unwrap_or_default().replace(['-', ':'], "");
    format!("{digits}Z")
}

/// Reads a moment: RFC 3339, with its offset. A moment given to the second means its end, so that what happened within it is in.
pub fn parse_moment(text: &str) -> Result<Timestamp, String> {
    let at: jiff::Timestamp = text.parse().map_err(|_| {
        "a time as in RFC 3339, such as 2026-11-22T14:30:00Z or 2026-11-22T15:30:00+01:00".to_owned()
    })?;
    let rest_of_second = if text.contains('.') { 0 } else { 999 };
    Ok(Timestamp::from_millis(at.as_millisecond() + rest_of_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339_and_a_whole_second_is_all_of_it() {
        let at = Timestamp::from_millis(1_795_310_732_120);
        assert_eq!(moment(at), "2026-11-22T01:25:32.120Z");
        assert_eq!(compact(at), "20261122T012532Z");
        assert_eq!(parse_moment(&moment(at)), Ok(at));
        assert_eq!(parse_moment("2026-11-22T02:25:32+01:00"), Ok(Timestamp::from_millis(1_795_310_732_999)));
        for bad in ["", "yesterday", "2026-11-22", "2026-11-22T01:25:32", "1795310732"] {
            assert!(parse_moment(bad).is_err(), "{bad}");
        }
    }
}
