//! The colours of the stylesheets have enough contrast, in the light and in the dark.

use crate::assets::{DEMO_STYLESHEET, STYLESHEET};
use std::collections::HashMap;

/// The colour tokens of a stylesheet as linear sRGB, for the light and the dark scheme.
fn colours(css: &str, dark: bool, into: &mut HashMap<String, [f64; 3]>) {
    let (light, rest) = css.split_once("@media (prefers-color-scheme: dark)").expect("a dark scheme");
    let block = if dark { rest.split("@media").next().expect("a block") } else { light };
    for line in block.lines() {
        let Some((name, value)) = line.trim().strip_prefix("--").and_then(|line| line.split_once(": oklch("))
        else {
            continue;
        };
        let parts: Vec<f64> = value
            .trim_end_matches(");")
            .split_whitespace()
            .map(|part| part.parse().expect("a plain colour"))
            .collect();
        into.insert(name.to_owned(), linear_srgb(parts.try_into().expect("lightness, chroma, hue")));
    }
}

/// OKLCH to linear sRGB (CSS Color Module Level 4, section 9.4 and its sample code).
fn linear_srgb([lightness, chroma, hue]: [f64; 3]) -> [f64; 3] {
    let (sin, cos) = hue.to_radians().sin_cos();
    let (a, b) = (chroma * cos, chroma * sin);
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
}

/// WCAG 2.2, "contrast ratio".
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn colours_have_enough_contrast_in_both_schemes() {
    // WCAG 2.2: 1.4.3 asks 4.5 for text, 1.4.11 asks 3 for the edges of controls.
    const PAIRS: [(&str, &str, f64); 18] = [
        ("ink", "paper", 4.5),
        ("ink", "card", 4.5),
        ("ink", "danger-soft", 4.5),
        ("ink", "accent-soft", 4.5),
        ("muted", "paper", 4.5),
        ("muted", "card", 4.5),
        ("accent", "paper", 4.5),
        ("accent", "card", 4.5),
        ("accent", "accent-soft", 4.5),
        ("accent-strong", "card", 4.5),
        ("accent-strong", "accent-soft", 4.5),
        ("accent-ink", "accent", 4.5),
        ("accent-ink", "accent-strong", 4.5),
        ("danger", "card", 4.5),
        ("danger", "danger-soft", 4.5),
        ("ok", "card", 4.5),
        ("edge", "card", 3.0),
        ("edge", "paper", 3.0),
    ];
    let sheets = [&STYLESHEET, &DEMO_STYLESHEET].map(|it| std::str::from_utf8(it.body).expect("text"));
    for (dark, layers) in [(false, 1), (true, 1), (false, 2), (true, 2)] {
        let mut tokens = HashMap::new();
        for css in &sheets[..layers] {
            colours(css, false, &mut tokens);
        }
        if dark {
            for css in &sheets[..layers] {
                colours(css, true, &mut tokens);
            }
        }
        for (name, rgb) in &tokens {
            // Outside of sRGB the browser would choose another colour than the one measured here.
            assert!(
                rgb.iter().all(|part| (-0.001..=1.001).contains(part)),
                "--{name} (dark: {dark}) {rgb:?}"
            );
        }
        for (text, ground, least) in PAIRS {
            let ratio = contrast(tokens[text], tokens[ground]);
            assert!(ratio >= least, "{text} on {ground} (dark: {dark}, demo: {}): {ratio:.2}", layers == 2);
        }
    }
    let (black, white) = (linear_srgb([0.0, 0.0, 0.0]), linear_srgb([1.0, 0.0, 0.0]));
    assert!((contrast(black, white) - 21.0).abs() < 0.01, "the measure itself");
}
