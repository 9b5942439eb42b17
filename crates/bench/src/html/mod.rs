//! A report as one page that is complete in itself: facts, tables, plots; no script, nothing fetched, readable on a phone and in the dark. It owns
//! the page; how charts are drawn stands beside it.

mod frame;
mod svg;

use crate::findings::{Findings, Shown, Table};
use serde_json::Value;
use std::fmt::{self, Write as _};

const STYLE: &str = include_str!("report.css");

impl Findings {
    /// The same as a page.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut page = String::with_capacity(64 * 1024);
        // A String takes whatever is written to it.
        write_page(self, &mut page).ok();
        page
    }
}

fn write_page(findings: &Findings, page: &mut String) -> fmt::Result {
    let title = Escaped(&findings.title);
    writeln!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<p class=\"kicker\">doorward bench {}</p>\n<h1>{title}</h1>",
        Escaped(findings.workload)
    )?;
    if let Some(command) = text_of(findings, "command") {
        writeln!(page, "<p><code>{}</code></p>", Escaped(command))?;
    }
    writeln!(page, "</header>\n<main>")?;
    write_remarks(findings, page)?;
    write_facts(findings, page)?;
    if !findings.charts.is_empty() {
        writeln!(page, "<section class=\"charts\" aria-label=\"Plots\">")?;
        findings.charts.iter().try_for_each(|chart| svg::write_figure(chart, page))?;
        writeln!(page, "</section>")?;
    }
    findings.tables.iter().try_for_each(|table| write_table(table, page))?;
    write_everything(findings, page)?;
    writeln!(page, "</main>\n</body>\n</html>")
}

fn text_of<'f>(findings: &'f Findings, key: &str) -> Option<&'f str> {
    findings.facts.iter().find(|fact| fact.key == key)?.value.as_str()
}

fn write_remarks(findings: &Findings, page: &mut String) -> fmt::Result {
    if findings.remarks.is_empty() {
        return Ok(());
    }
    writeln!(page, "<ul class=\"remarks\">")?;
    for remark in &findings.remarks {
        let class = if remark.contains("BOTTLENECK") { " class=\"warning\"" } else { "" };
        writeln!(page, "<li{class}>{}</li>", Escaped(remark))?;
    }
    writeln!(page, "</ul>")
}

fn write_facts(findings: &Findings, page: &mut String) -> fmt::Result {
    writeln!(page, "<dl class=\"facts\">")?;
    for Shown { label, text, meaning } in findings.facts.iter().filter_map(|fact| fact.shown.as_ref()) {
        let (label, text, meaning) = (Escaped(label), Escaped(text), Escaped(meaning));
        writeln!(page, "<div><dt>{label}</dt><dd>{text}</dd><dd class=\"meaning\">{meaning}</dd></div>")?;
    }
    writeln!(page, "</dl>")
}

fn write_table(table: &Table, page: &mut String) -> fmt::Result {
    writeln!(
        page,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">",
        Escaped(table.name)
    )?;
    write!(page, "<table>\n<thead><tr><th scope=\"col\">{}</th>", Escaped(table.name))?;
    table.columns.iter().try_for_each(|column| write!(page, "<th scope=\"col\">{}</th>", Escaped(column)))?;
    let has_meanings = !table.meaning.is_empty();
    if has_meanings {
        write!(page, "<th scope=\"col\" class=\"meaning\">{}</th>", Escaped(table.meaning))?;
    }
    writeln!(page, "</tr></thead>\n<tbody>")?;
    for (name, cells, meaning) in &table.rows {
        write!(page, "<tr><th scope=\"row\">{}</th>", Escaped(name))?;
        cells.iter().try_for_each(|cell| write!(page, "<td>{}</td>", Escaped(cell)))?;
        if has_meanings {
            write!(page, "<td class=\"meaning\">{}</td>", Escaped(meaning))?;
        }
        writeln!(page, "</tr>")?;
    }
    writeln!(page, "</tbody>\n</table>\n</div>")
}

/// Every number under its name, as the JSON has it.
fn write_everything(findings: &Findings, page: &mut String) -> fmt::Result {
    writeln!(
        page,
        "<details>\n<summary>Every number</summary>\n<div class=\"scroll\" tabindex=\"0\"><table class=\"numbers\"><tbody>"
    )?;
    for fact in &findings.facts {
        let value = match &fact.value {
            Value::Null => "not measured".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        writeln!(page, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", Escaped(&fact.key), Escaped(&value))?;
    }
    writeln!(page, "</tbody></table></div>\n</details>")
}

/// Text in HTML, in an attribute too.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Axis, Chart, Line, Scale};
    use serde_json::json;

    fn sample() -> Findings {
        let mut findings = Findings::new("overload", "overload: <10> times".to_owned());
        findings.put("command", json!("doorward bench overload --times \"10\""));
        findings.say(
            "requests_per_second",
            json!(1234.5),
            ("requests/s", "1234".to_owned(), "answered & counted"),
        );
        findings.put("server_cores", Value::Null);
        findings.remark("THE LOAD TOOL WAS A BOTTLENECK ITSELF: really".to_owned());
        findings.tables.push(Table {
            name: "step",
            columns: vec!["p50 ms"],
            meaning: "what is timed",
            rows: vec![("token".to_owned(), vec!["1.00".to_owned()], "a token".to_owned())],
        });
        findings.charts.push(Chart {
            title: "Latency over time",
            caption: "How it is read.".to_owned(),
            x: Axis { label: "seconds", scale: Scale::Linear },
            y: Axis { label: "milliseconds", scale: Scale::Logarithmic },
            lines: vec![
                Line { name: "p50".to_owned(), points: vec![(1.0, 0.5), (2.0, 5.0), (3.0, 0.7)] },
                Line { name: "p99".to_owned(), points: vec![(1.0, 3.0), (2.0, 90.0), (3.0, 4.0)] },
            ],
        });
        findings
    }

    #[test]
    fn the_page_is_as_it_was_looked_at() {
        let page = sample().to_html();
        insta::assert_snapshot!(page.replace(STYLE, "..\n"));
    }

    #[test]
    fn the_page_fetches_nothing_and_runs_nothing() {
        let page = sample().to_html();
        for never in ["<script", "http://", "https://", "@import", "url(", "onload"] {
            assert!(!page.contains(never), "{never}");
        }
        assert!(page.contains("prefers-color-scheme: dark"));
    }
}
