//! What must hold for every page in every state: it reads as recorded, is well-formed, fits a strict content
//! security policy, can be used by everybody, escapes what it shows, and is small.

mod colours;
mod escaping;
mod markup;

use super::*;
use crate::assets::ASSETS;
use askama::Template;
use markup::tags;
use std::collections::HashSet;

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

#[test]
fn pages_are_well_formed() {
    const VOID: [&str; 4] = ["meta", "link", "input", "img"];
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
                let is_logo = path.starts_with("/client-logo?");
                assert!(is_logo || ASSETS.iter().any(|asset| asset.path == path), "{page}: loads {path}");
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
                "input" if tag.get("type") == Some("checkbox") => {
                    let id = tag.get("id").expect("an id");
                    assert!(
                        tags.iter().any(|label| label.get("for") == Some(id)),
                        "{page}: no label for {id}"
                    );
                }
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

#[test]
fn somebody_is_named_alike_on_every_page() {
    for (username, name, email, expected) in [
        ("ada", Some("Ada Lovelace"), Some("ada@example.org"), ("Ada Lovelace", Some("ada@example.org"))),
        ("ada", Some("Ada Lovelace"), None, ("Ada Lovelace", Some("ada"))),
        ("ada", None, Some("ada@example.org"), ("ada", Some("ada@example.org"))),
        ("ada@example.org", None, Some("ada@example.org"), ("ada@example.org", None)),
        ("ada", Some(""), None, ("ada", None)),
    ] {
        let person = Person::of(username, name, email);
        assert_eq!((person.name.as_str(), person.detail.as_deref()), expected);
    }
    for (page, html) in every_page().into_iter().filter(|(_, html)| html.contains("Ada Lovelace")) {
        if !page.starts_with("demo_") && !page.starts_with("sign_up") {
            assert!(html.contains("ada@example.org"), "{page}");
        }
    }
}

#[test]
fn every_page_that_says_no_leads_on() {
    for (page, html) in every_page().into_iter().filter(|(page, _)| page.starts_with("error.")) {
        let tags = tags(&html);
        let button = tags.iter().find(|tag| tag.name == "a" && tag.get("class") == Some("secondary"));
        assert!(button.and_then(|tag| tag.get("href")).is_some(), "{page}");
    }
}
