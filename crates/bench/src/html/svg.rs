//! A chart as SVG by hand: two axes, a line for each name, and at each point what it stands for. It owns the drawing; colours are the
//! stylesheet's, so that they fit light and dark.

use super::Escaped;
use super::frame::{Frame, short};
use crate::chart::{Chart, Scale};
use std::fmt::{self, Write as _};

/// Small on purpose: the text stays readable when a phone shows it at this size or a little less.
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 38.0;
/// The stylesheet knows so many colours.
const COLOURS: usize = 8;
/// A line with more points has no marks: they would be a wall.
const MARKED: usize = 130;

pub(super) fn write_figure(chart: &Chart, page: &mut String) -> fmt::Result {
    let points = chart.lines.iter().flat_map(|line| line.points.iter());
    let x = Frame::around(chart.x.scale, points.clone().map(|(x, _)| *x));
    let y = Frame::around(chart.y.scale, points.map(|(_, y)| *y));
    writeln!(page, "<figure>\n<figcaption>{}</figcaption>\n<ul class=\"legend\">", Escaped(chart.title))?;
    for (number, line) in chart.lines.iter().enumerate() {
        writeln!(page, "<li class=\"c{}\">{}</li>", number % COLOURS, Escaped(&line.name))?;
    }
    writeln!(page, "</ul>")?;
    let label = format!("{}: {} by {}", chart.title, chart.y.label, chart.x.label);
    writeln!(page, "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">", Escaped(&label))?;
    write_axes(chart, (&x, &y), page)?;
    // The first line lies on top: where p99 is the slowest, it is p99 that is seen.
    for (number, line) in chart.lines.iter().enumerate().rev() {
        let placed: Vec<_> =
            line.points.iter().map(|(a, b)| (across(x.place(*a)), down(y.place(*b)))).collect();
        let path: Vec<_> = placed.iter().map(|(a, b)| format!("{a:.1},{b:.1}")).collect();
        writeln!(page, "<polyline class=\"c{}\" points=\"{}\"/>", number % COLOURS, path.join(" "))?;
        if placed.len() <= MARKED {
            for ((a, b), (at, value)) in placed.iter().zip(&line.points) {
                let told = told(chart, &line.name, *at, *value);
                writeln!(
                    page,
                    "<circle class=\"c{}\" cx=\"{a:.1}\" cy=\"{b:.1}\" r=\"2\"><title>{}</title></circle>",
                    number % COLOURS,
                    Escaped(&told)
                )?;
            }
        }
    }
    writeln!(page, "</svg>")?;
    if !chart.caption.is_empty() {
        writeln!(page, "<p class=\"caption\">{}</p>", Escaped(&chart.caption))?;
    }
    writeln!(page, "</figure>")
}

fn write_axes(chart: &Chart, (x, y): (&Frame, &Frame), page: &mut String) -> fmt::Result {
    let (left, right, top, bottom) = (LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM);
    for (value, label) in &y.ticks {
        let at = down(y.place(*value));
        writeln!(page, "<path class=\"grid\" d=\"M{left} {at:.1}H{right}\"/>")?;
        writeln!(page, "<text class=\"y\" x=\"{}\" y=\"{:.1}\">{label}</text>", left - 6.0, at + 4.0)?;
    }
    for (value, label) in &x.ticks {
        let at = across(x.place(*value));
        writeln!(page, "<path class=\"grid\" d=\"M{at:.1} {top}V{bottom}\"/>")?;
        writeln!(page, "<text class=\"x\" x=\"{at:.1}\" y=\"{}\">{label}</text>", bottom + 15.0)?;
    }
    writeln!(page, "<path class=\"axis\" d=\"M{left} {top}V{bottom}H{right}\"/>")?;
    writeln!(page, "<text class=\"unit\" x=\"2\" y=\"12\">{}</text>", Escaped(chart.y.label))?;
    let middle = f64::midpoint(left, right);
    writeln!(
        page,
        "<text class=\"unit x\" x=\"{middle}\" y=\"{}\">{}</text>",
        HEIGHT - 6.0,
        Escaped(chart.x.label)
    )
}

/// What a point stands for, in words.
fn told(chart: &Chart, line: &str, at: f64, value: f64) -> String {
    let at = match chart.x.scale {
        Scale::Nines => format!("{}%", short(at * 100.0)),
        _ => short(at),
    };
    format!("{line}: {} {} at {at} {}", short(value), chart.y.label, chart.x.label)
}

fn across(place: f64) -> f64 {
    LEFT + place * (WIDTH - LEFT - RIGHT)
}

fn down(place: f64) -> f64 {
    HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM)
}
