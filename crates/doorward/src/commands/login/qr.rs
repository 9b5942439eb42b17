//! A QR code made of half blocks, two modules to a character. Knows text and terminals, not what the code leads to.

use anyhow::Context as _;
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Draws `text`. With `colour`, dark on light whatever the terminal's own colours are, as every camera reads it; without, as light as
/// the terminal's ink, which is right on a dark background.
pub(super) fn drawn(text: &str, colour: bool) -> anyhow::Result<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L)
        .context("the address is too long for a QR code: --no-qr leaves it out")?;
    // `Dark` is a block that is drawn.
    let (dark, light) =
        if colour { (Dense1x2::Dark, Dense1x2::Light) } else { (Dense1x2::Light, Dense1x2::Dark) };
    let drawn = code.render::<Dense1x2>().dark_color(dark).light_color(light).build();
    let (before, after) = if colour { ("\x1b[30;107m", "\x1b[0m") } else { ("", "") };
    Ok(drawn.lines().map(|line| format!("  {before}{line}{after}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether each module is dark, read back from the half blocks as a camera sees them.
    fn seen(drawn: &str, colour: bool) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in drawn.lines() {
            let line = line.trim_start_matches("  ").replace("\x1b[30;107m", "").replace("\x1b[0m", "");
            let halves = |upper: bool| {
                let drawn = move |half: char| half == '█' || half == if upper { '▀' } else { '▄' };
                line.chars().map(|half| drawn(half) == colour).collect::<Vec<_>>()
            };
            rows.extend([halves(true), halves(false)]);
        }
        rows
    }

    #[test]
    fn what_is_drawn_is_the_code_with_a_quiet_zone() {
        let text = "https://id.example/device?user_code=WDJB-MJHT";
        let code = QrCode::with_error_correction_level(text, EcLevel::L).unwrap();
        let (width, modules) = (code.width(), code.to_colors());
        let with_colour = seen(&drawn(text, true).unwrap(), true);
        for y in 0..width {
            for x in 0..width {
                let dark = modules[y * width + x] == qrcode::Color::Dark;
                assert_eq!(with_colour[y + 4][x + 4], dark, "{x} {y}");
            }
        }
        assert!(with_colour[..4].iter().flatten().all(|dark| !dark), "the quiet zone is light");
        let plain = drawn(text, false).unwrap();
        assert!(!plain.contains('\x1b') && plain.contains('█'), "{plain}");
    }
}
