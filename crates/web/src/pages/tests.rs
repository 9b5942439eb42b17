//! What must hold for every page in every state: it reads as recorded, is well-formed, fits a strict content
//! security policy, can be used by everybody, escapes what it shows, and is small.

use std::collections::{HashMap, HashSet};

use askama::Template;

use super::*;
use crate::assets::{ASSETS, DEMO_STYLESHEET, STYLESHEET};

fn every_page() -> Vec<(String, String)> {
    samples().expect("templates render")
}

#[test]
fn pages_read_as_recorded() {
    for (name, mut html) in every_page() {
        for asset in ASSETS {
            // The hash would change every snapshot with every touch of the stylesheet.
            let (stem, rest) = asset.path.rsplit_once('-').expect("hashed");
            let (_, extension) = rest.split_once('.').expect("extension");
            html = html.replace(asset.path, &format!("{stem}-HASH.{extension}"));
        }
        insta::assert_snapshot!(name, html);
    }
}

/// A start or end tag with its attributes.
struct Tag<'a> {
    name: &'a str,
    attributes: HashMap<&'a str, &'a str>,
    closes: bool,
}

impl Tag<'_> {
    fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).copied()
    }
}

/// Takes a page apart, strictly: what our templates never write (single quotes, unquoted values) is refused.
fn tags(html: &str) -> Vec<Tag<'_>> {
    let mut rest = html.strip_prefix("<!doctype html>").expect("doctype first");
    let mut tags = Vec::new();
    while let Some((text, tail)) = rest.split_once('<') {
        assert!(!text.contains('>'), "a stray > near {text:?}");
        let (inside, tail) = tail.split_once('>').expect("the tag ends");
        rest = tail;
        let closes = inside.starts_with('/');
        let inside = inside.trim_start_matches('/').trim_end_matches('/');
        let (name, mut unread) = inside.split_once(' ').unwrap_or((inside, ""));
        let mut attributes = HashMap::new();
        while !unread.trim().is_empty() {
            unread = unread.trim_start();
            let end = unread.find([' ', '=']).unwrap_or(unread.len());
            let (attribute, after) = unread.split_at(end);
            let value = match after.strip_prefix("=\"") {
                Some(quoted) => {
                    let (value, after) = quoted.split_once('"').expect("the value ends");
                    unread = after;
                    value
                }
                None => {
                    assert!(!after.starts_with('='), "unquoted value of {attribute} in <{inside}>");
                    unread = after;
                    ""
                }
            };
            assert!(attributes.insert(attribute, value).is_none(), "{attribute} twice in <{inside}>");
        }
        tags.push(Tag { name, attributes, closes });
    }
    tags
}

#[test]
fn pages_are_well_formed() {
    const VOID: [&str; 3] = ["meta", "link", "input"];
    const SELF_CLOSED: [&str; 2] = ["path", "circle"];
    for (page, html) in every_page() {
        let mut open = Vec::new();
        for tag in
            tags(&html).iter().filter(|tag| !VOID.contains(&tag.name) && !SELF_CLOSED.contains(&tag.name))
        {
            if tag.closes {
                assert_eq!(open.pop(), Some(tag.name), "{page}");
            } else {
                open.push(tag.name);
            }
        }
        assert!(open.is_empty(), "{page}: {open:?}");
    }
}

#[test]
fn pages_fit_a_strict_content_security_policy() {
    for (page, html) in every_page() {
        let tags = tags(&html);
        for tag in &tags {
            assert!(tag.name != "style" && tag.get("style").is_none(), "{page}: inline style");
            assert!(!tag.attributes.keys().any(|name| name.starts_with("on")), "{page}: inline handler");
            assert!(tag.name != "base" && tag.name != "iframe" && tag.name != "object", "{page}");
            let load = match tag.name {
                "script" if !tag.closes => Some(tag.get("src").expect("no inline script")),
                "link" => tag.get("href"),
                _ => tag.get("src"),
            };
            if let Some(path) = load {
                assert!(ASSETS.iter().any(|asset| asset.path == path), "{page}: loads {path}");
            }
        }
        for pair in tags.windows(2).filter(|pair| pair[0].name == "script" && !pair[0].closes) {
            assert!(pair[1].name == "script" && pair[1].closes, "{page}: a script with a body");
        }
    }
    for asset in ASSETS.iter().filter(|asset| asset.content_type.starts_with("text/css")) {
        let css = std::str::from_utf8(asset.body).expect("text");
        assert!(!css.contains("url(") && !css.contains("@import"), "{}: loads something", asset.path);
    }
}

#[test]
fn pages_can_be_used_by_everybody() {
    for (page, html) in every_page() {
        let tags: Vec<_> = tags(&html).into_iter().filter(|tag| !tag.closes).collect();
        let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
        assert_eq!((count("h1"), count("main"), count("footer"), count("title")), (1, 1, 1, 1), "{page}");
        assert!(!html.contains("<title></title>"), "{page}");
        let ids: Vec<_> = tags.iter().filter_map(|tag| tag.get("id")).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "{page}: an id twice");
        assert!(tags.iter().filter(|tag| tag.get("autofocus").is_some()).count() <= 1, "{page}: focus twice");
        for tag in &tags {
            let described = tag.get("aria-describedby").into_iter().flat_map(str::split_whitespace);
            let referred = described.chain(tag.get("for")).chain(tag.get("aria-labelledby"));
            let anchors = tag.get("href").and_then(|href| href.strip_prefix('#'));
            for id in referred.chain(anchors) {
                assert!(ids.contains(&id), "{page}: nothing has the id {id}");
            }
            match tag.name {
                "input" if tag.get("type") != Some("hidden") => {
                    let id = tag.get("id").expect("an id");
                    assert!(
                        tags.iter().any(|label| label.get("for") == Some(id)),
                        "{page}: no label for {id}"
                    );
                    assert!(
                        tag.get("autocomplete").is_some() && tag.get("enterkeyhint").is_some(),
                        "{page}: {id}"
                    );
                    let (invalid, described) = (tag.get("aria-invalid"), tag.get("aria-describedby"));
                    assert!(
                        invalid.is_none() || described.is_some(),
                        "{page}: {id} does not say what is wrong"
                    );
                }
                "button" => assert_eq!(tag.get("type"), Some("submit"), "{page}"),
                "form" => assert_eq!(tag.get("method"), Some("post"), "{page}"),
                "svg" => {
                    let is_named = tag.get("role") == Some("img") && tag.get("aria-label").is_some();
                    assert!(is_named || tag.get("aria-hidden") == Some("true"), "{page}");
                }
                "html" => assert_eq!(tag.get("lang"), Some("en"), "{page}"),
                _ => {}
            }
        }
        // Without JavaScript every form still has a way to be sent.
        assert!(count("button") >= count("form"), "{page}");
    }
}

#[test]
fn pages_are_small() {
    for (page, html) in every_page() {
        let assets: usize =
            ASSETS.iter().filter(|asset| html.contains(asset.path)).map(|asset| asset.body.len()).sum();
        assert!(html.len() + assets < 50 * 1024, "{page}: {} bytes", html.len() + assets);
    }
}

#[test]
fn the_sign_in_form_comes_first_and_focus_goes_where_typing_goes_on() {
    let focused = |page: &SignInPage| {
        let html = page.render().expect("renders");
        let tags = tags(&html);
        let form = tags.iter().find(|tag| tag.name == "form").expect("a form");
        assert_eq!(form.get("action"), Some("/sign-in"));
        let tag = tags.iter().find(|tag| tag.get("autofocus").is_some()).expect("a focus");
        tag.get("id").map(str::to_owned)
    };
    let expected = [
        ("first", "username"),
        ("hinted", "password"),
        ("again", "password"),
        ("wrong", "password"),
        ("too_many", "problem"),
        ("busy", "problem"),
        ("expired", "problem"),
    ];
    for ((state, page), (name, focus)) in SignInPage::samples().iter().zip(expected) {
        assert_eq!((*state, focused(page).as_deref()), (name, Some(focus)));
    }
    let nobody = SignInPage { username: String::new(), ..SignInPage::samples()[3].1.clone() };
    assert_eq!(focused(&nobody).as_deref(), Some("username"));
}

/// Hands out texts that would break out of an attribute or an element, and remembers their names.
#[derive(Default)]
struct Hostile(std::cell::RefCell<Vec<String>>);

impl Hostile {
    fn text(&self, field: &str) -> String {
        self.0.borrow_mut().push(field.to_owned());
        format!("{field}\"'><script>alert(1)</script>")
    }

    fn escaped_in(self, page: &impl Template) {
        let html = page.render().expect("renders");
        assert!(!html.contains("<script>"), "{html}");
        for field in self.0.into_inner() {
            let escaped = format!("{field}&#34;&#39;&#62;&#60;script&#62;alert(1)&#60;/script&#62;");
            assert!(html.contains(&escaped), "{field} is not shown, or not escaped:\n{html}");
        }
        tags(&html);
    }
}

#[test]
fn sign_in_and_sign_up_escape_every_text() {
    let hostile = Hostile::default();
    let page = SignInPage {
        client_name: hostile.text("client_name"),
        client_host: None,
        interaction: hostile.text("interaction"),
        action: hostile.text("action"),
        username: hostile.text("username"),
        error: Some(SignInProblem::WrongUsernameOrPassword),
        can_sign_up: true,
        again_as: Some(hostile.text("again_as")),
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let first = SignInPage { client_host: Some(hostile.text("client_host")), again_as: None, ..page };
    hostile.escaped_in(&first);

    let hostile = Hostile::default();
    let (client_name, interaction) = (Some(hostile.text("client_name")), hostile.text("interaction"));
    let page = SignUpPage {
        purpose: SignUpPurpose::Join { client_name, interaction },
        action: hostile.text("action"),
        username: hostile.text("username"),
        email: hostile.text("email"),
        name: hostile.text("name"),
        password_min_length: 8,
        errors: vec![
            FieldError { field: Some(SignUpField::Name), message: hostile.text("name_problem") },
            FieldError { field: None, message: hostile.text("problem") },
        ],
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let owner = SignUpPage { purpose: SignUpPurpose::FirstOwner { token: hostile.text("token") }, ..page };
    hostile.escaped_in(&owner);
}

#[test]
fn the_pages_of_devices_escape_every_text() {
    let hostile = Hostile::default();
    let page = DevicePage { user_code: None, typed: Some(hostile.text("typed")), problem: None };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page = DeviceConsentPage {
        client_name: hostile.text("client_name"),
        user_name: hostile.text("user_name"),
        interaction: hostile.text("interaction"),
        asked_from: Some(hostile.text("asked_from")),
        asked_for: Wait::seconds(1),
        permissions: vec![ConsentPage::permission(&hostile.text("scope"))],
        offline: true,
    };
    hostile.escaped_in(&page);

    for state in [
        |hostile: &Hostile| DemoTelevision::SignedIn { name: hostile.text("name") },
        |hostile: &Hostile| DemoTelevision::Over { why: hostile.text("why") },
    ] {
        let hostile = Hostile::default();
        let page = DemoTelevisionPage { state: state(&hostile) };
        hostile.escaped_in(&page);
    }
}

#[test]
fn the_pages_of_an_interaction_escape_every_text() {
    let hostile = Hostile::default();
    let page = ConsentPage {
        client_name: hostile.text("client_name"),
        client_host: Some(hostile.text("client_host")),
        user_name: hostile.text("user_name"),
        interaction: hostile.text("interaction"),
        permissions: vec![
            ConsentPage::permission(&hostile.text("scope")),
            Permission { title: hostile.text("title"), detail: hostile.text("detail") },
        ],
        offline: true,
        action: hostile.text("action"),
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page = SelectAccountPage {
        client_name: hostile.text("client_name"),
        interaction: hostile.text("interaction"),
        accounts: vec![Account {
            user_name: hostile.text("user_name"),
            email: Some(hostile.text("email")),
            session: hostile.text("session"),
        }],
        action: hostile.text("action"),
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page = FormPostPage {
        action: hostile.text("action"),
        fields: vec![(hostile.text("name"), hostile.text("value"))],
    };
    hostile.escaped_in(&page);
}

#[test]
fn the_other_pages_escape_every_text() {
    let hostile = Hostile::default();
    let page = SignOutPage {
        client_name: Some(hostile.text("client_name")),
        user_name: Some(hostile.text("user_name")),
        logout: hostile.text("logout"),
        action: hostile.text("action"),
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page =
        SignedOutPage { client_name: Some(hostile.text("client_name")), back: Some(hostile.text("back")) };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page = ErrorPage {
        status: 400,
        title: hostile.text("title"),
        what_happened: hostile.text("what_happened"),
        what_to_do: hostile.text("what_to_do"),
        error_code: Some(hostile.text("error_code")),
        request_id: hostile.text("request_id"),
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page = HomePage {
        issuer: hostile.text("issuer"),
        discovery_url: hostile.text("discovery_url"),
        signed_in: Some(hostile.text("signed_in")),
        needs_setup: true,
    };
    hostile.escaped_in(&page);
}

#[test]
fn the_demo_escapes_every_text() {
    let hostile = Hostile::default();
    let page = DemoHomePage {
        issuer: hostile.text("issuer"),
        sign_in_url: hostile.text("sign_in_url"),
        users: vec![DemoUser {
            username: hostile.text("username"),
            password: hostile.text("password"),
            name: hostile.text("name"),
        }],
        clients: vec![DemoClient {
            name: hostile.text("client_name"),
            client_id: hostile.text("client_id"),
            client_secret: Some(hostile.text("client_secret")),
            redirect_uris: vec![hostile.text("redirect_uri")],
        }],
        endpoints: vec![(hostile.text("endpoint"), hostile.text("url"))],
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page = DemoResultPage {
        claims: vec![(hostile.text("claim"), hostile.text("value"))],
        id_token_header_json: hostile.text("id_token_header_json"),
        id_token_claims_json: hostile.text("id_token_claims_json"),
        access_token_claims_json: hostile.text("access_token_claims_json"),
        refresh_token_present: true,
        userinfo_json: hostile.text("userinfo_json"),
        introspection_json: hostile.text("introspection_json"),
        sign_out_url: hostile.text("sign_out_url"),
        refresh_url: hostile.text("refresh_url"),
    };
    hostile.escaped_in(&page);
}

#[test]
fn a_wait_reads_like_a_sentence_and_is_never_too_short() {
    let cases = [
        (0, "1 second"),
        (1, "1 second"),
        (45, "45 seconds"),
        (90, "90 seconds"),
        (91, "2 minutes"),
        (5400, "90 minutes"),
        (5401, "2 hours"),
    ];
    for (seconds, words) in cases {
        assert_eq!(Wait::seconds(seconds).to_string(), words);
    }
}

#[test]
fn an_initial_is_the_first_letter_of_a_name() {
    for (name, letter) in [("ada", "A"), ("  (élise)", "É"), ("42", "4"), ("", ""), ("--", "")] {
        assert_eq!(initial(name), letter);
    }
}

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
