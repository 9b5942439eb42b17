//! How things are shown on a terminal: tables, times, JSON. Knows no user, client or key.

use protocol::Timestamp;
use serde::Serialize;
use std::io::{self, Write};

/// RFC 3339 in UTC, to the second: `2026-11-21T22:48:00Z`.
pub(crate) fn time(at: Timestamp) -> String {
    let seconds = at.seconds();
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

/// The date of a day counted from 1970-01-01, in the proleptic Gregorian calendar. Years begin in March here, so that the leap day is
/// the last of its year.
fn civil(day: i64) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    let since_era = day + 719_468;
    let era = since_era.div_euclid(DAYS_IN_400_YEARS);
    let day_of_era = since_era.rem_euclid(DAYS_IN_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_month)
}

/// Prints a line to standard output. That nobody reads it any more (`| head`) is no error.
pub(crate) fn line(text: impl AsRef<str>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    ignore_closed(writeln!(out, "{}", text.as_ref()).and_then(|()| out.flush()))
}

/// Prints indented JSON to standard output.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    Ok(line(serde_json::to_string_pretty(value)?)?)
}

/// Prints rows under their headings, in columns.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let mut widths = headings.map(width);
    for row in rows {
        for (column, cell) in widths.iter_mut().zip(row) {
            *column = (*column).max(width(cell));
        }
    }
    line(in_columns(&headings.map(str::to_owned), &widths))?;
    rows.iter().try_for_each(|row| line(in_columns(row, &widths)))
}

/// Prints names and values, the names in one column.
pub(crate) fn fields(fields: &[(&str, String)]) -> io::Result<()> {
    let widest = fields.iter().map(|(name, _)| width(name)).max().unwrap_or_default();
    fields.iter().try_for_each(|(name, value)| line(format!("{name:widest$}  {}", plain(value))))
}

fn in_columns(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width_of_column) in cells.iter().zip(widths) {
        let cell = plain(cell);
        text.push_str(&cell);
        text.push_str(&" ".repeat(width_of_column.saturating_sub(width(&cell)) + 2));
    }
    text.truncate(text.trim_end().len());
    text
}

/// What people typed about themselves must not steer an operator's terminal.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn ignore_closed(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_301_281, "2026-11-21T22:48:01Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(time(Timestamp::from_seconds(seconds)), shown);
        }
    }

    #[test]
    fn columns_fit_and_control_characters_do_not_reach_the_terminal() {
        let cells = ["a\u{1b}[31m".to_owned(), "b".to_owned()];
        assert_eq!(in_columns(&cells, &[8, 1]), "a\u{fffd}[31m    b");
        assert_eq!(in_columns(&["ä".to_owned(), String::new()], &[3, 4]), "ä");
    }
}
