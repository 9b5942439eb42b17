//! How things are shown on a terminal: tables, times, JSON. Knows no user, client or key.

use protocol::Timestamp;
use serde::Serialize;
use std::io::{self, Write};

/// RFC 3339 in UTC, to the second: `2026-11-21T22:48:00Z`.
pub(crate) fn time(at: Timestamp) -> String {
    at.rfc3339()
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

/// Whether standard output and standard error, where the log goes, are one: a service manager's, or one file.
pub(crate) fn is_the_log() -> bool {
    let of = |file: rustix::fd::BorrowedFd<'_>| {
        rustix::fs::fstat(file).ok().map(|stat| (stat.st_dev, stat.st_ino))
    };
    let (out, log) = (of(rustix::stdio::stdout()), of(rustix::stdio::stderr()));
    out.is_some() && out == log
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
    fn columns_fit_and_control_characters_do_not_reach_the_terminal() {
        let cells = ["a\u{1b}[31m".to_owned(), "b".to_owned()];
        assert_eq!(in_columns(&cells, &[8, 1]), "a\u{fffd}[31m    b");
        assert_eq!(in_columns(&["ä".to_owned(), String::new()], &[3, 4]), "ä");
    }
}
