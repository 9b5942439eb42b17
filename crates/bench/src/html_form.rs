//! Reads the forms of a page the way a browser would fill them in. It owns just enough HTML for pages that were made to
//! work without scripts: tags, attributes in any order and quoting, character references, comments, raw text. It does
//! not know what a form is for.

use std::borrow::Cow;

/// A form and what can be sent from it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Form<'p> {
    pub(crate) action: Cow<'p, str>,
    /// Whether it is sent by POST.
    pub(crate) is_post: bool,
    pub(crate) controls: Vec<Control<'p>>,
}

/// One control of a form; only a button may be without a name.
#[derive(Debug, PartialEq)]
pub(crate) struct Control<'p> {
    pub(crate) kind: Kind,
    pub(crate) name: Cow<'p, str>,
    pub(crate) value: Cow<'p, str>,
}

/// What a control does when the form is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sent as it is.
    Hidden,
    /// Typed by the user.
    Text,
    /// Typed by the user and not shown.
    Password,
    /// Sent if it is the one pressed.
    Button,
    /// Sent if checked, which nobody does here.
    Other,
}

impl<'p> Form<'p> {
    /// The controls of one kind.
    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = &Control<'p>> {
        self.controls.iter().filter(move |control| control.kind == kind)
    }

    /// Whether it has a control of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.controls.iter().any(|control| control.name == name)
    }

    /// Whether pressing something in it sends `name=value`.
    pub(crate) fn has_button(&self, name: &str, value: &str) -> bool {
        self.of(Kind::Button).any(|button| button.name == name && button.value == value)
    }
}

/// The first form of `page` that `wanted` accepts.
pub(crate) fn first_form<'p>(page: &'p str, wanted: impl Fn(&Form<'p>) -> bool) -> Option<Form<'p>> {
    let mut open: Option<Form<'p>> = None;
    for tag in (Tags { rest: page }) {
        if tag.is("form") || tag.is("/form") {
            if let Some(form) = open.take_if(|form| wanted(form)) {
                return Some(form);
            }
            open = tag.is("form").then(|| opened(&tag));
        } else if let Some(form) = &mut open {
            form.controls.extend(control(&tag));
        }
    }
    open.filter(|form| wanted(form))
}

fn opened<'p>(tag: &Tag<'p>) -> Form<'p> {
    Form {
        action: tag.value("action").unwrap_or_default(),
        is_post: tag.value("method").is_some_and(|method| method.eq_ignore_ascii_case("post")),
        controls: Vec::new(),
    }
}

fn control<'p>(tag: &Tag<'p>) -> Option<Control<'p>> {
    let kind = if tag.is("input") {
        match tag.value("type").unwrap_or_default().to_ascii_lowercase().as_str() {
            "hidden" => Kind::Hidden,
            "password" => Kind::Password,
            "submit" => Kind::Button,
            "checkbox" | "radio" | "file" | "reset" | "button" | "image" => Kind::Other,
            _ => Kind::Text,
        }
    } else if tag.is("button") {
        match tag.value("type").as_deref() {
            Some("button" | "reset") => Kind::Other,
            _ => Kind::Button,
        }
    } else {
        return None;
    };
    // A button without a name sends nothing, yet it may be the first one, the one that Enter presses.
    let name = tag.value("name").or((kind == Kind::Button).then_some(Cow::Borrowed("")))?;
    Some(Control { kind, name, value: tag.value("value").unwrap_or_default() })
}

/// One tag: its name, with a leading slash where it closes, and the text of its attributes.
struct Tag<'p> {
    name: &'p str,
    attributes: &'p str,
}

impl<'p> Tag<'p> {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn value(&self, name: &str) -> Option<Cow<'p, str>> {
        Attributes { rest: self.attributes }
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| unescape(value))
    }
}

/// The tags of a page, one after another.
struct Tags<'p> {
    rest: &'p str,
}

impl<'p> Iterator for Tags<'p> {
    type Item = Tag<'p>;

    fn next(&mut self) -> Option<Tag<'p>> {
        loop {
            let after = &self.rest[self.rest.find('<')? + 1..];
            if let Some(comment) = after.strip_prefix("!--") {
                self.rest = &comment[comment.find("-->")? + 3..];
                continue;
            }
            if !after.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/') {
                self.rest = after;
                continue;
            }
            let end = tag_end(after)?;
            let (inside, rest) = (&after[..end], &after[end + 1..]);
            let name_end =
                inside[1..].find(|c: char| c.is_ascii_whitespace() || c == '/').map_or(end, |at| at + 1);
            let tag = Tag { name: &inside[..name_end], attributes: &inside[name_end..] };
            self.rest =
                if tag.is("script") || tag.is("style") { after_raw_text(rest, tag.name) } else { rest };
            return Some(tag);
        }
    }
}

/// Where the `>` of a tag stands that is not inside a quoted value.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// What follows the closing tag of a script or a style sheet.
fn after_raw_text<'p>(text: &'p str, name: &str) -> &'p str {
    let mut at = 0;
    while let Some(found) = text[at..].find("</") {
        at += found;
        let closes = text.as_bytes().get(at + 2..at + 2 + name.len());
        if closes.is_some_and(|closing| closing.eq_ignore_ascii_case(name.as_bytes())) {
            return &text[at..];
        }
        at += 2;
    }
    ""
}

/// The attributes of a tag, names and still escaped values.
struct Attributes<'p> {
    rest: &'p str,
}

impl<'p> Iterator for Attributes<'p> {
    type Item = (&'p str, &'p str);

    fn next(&mut self) -> Option<(&'p str, &'p str)> {
        let text = self.rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if text.is_empty() {
            return None;
        }
        let mut following = text.char_indices().skip(1);
        let name_end = following.find(|(_, c)| c.is_ascii_whitespace() || "=/".contains(*c));
        let (name, after) = text.split_at(name_end.map_or(text.len(), |(at, _)| at));
        let Some(value) = after.trim_ascii_start().strip_prefix('=').map(str::trim_ascii_start) else {
            self.rest = after;
            return Some((name, ""));
        };
        let (value, rest) = match value.as_bytes().first() {
            Some(b'"') => value[1..].split_once('"').unwrap_or((&value[1..], "")),
            Some(b'\'') => value[1..].split_once('\'').unwrap_or((&value[1..], "")),
            _ => value.split_at(value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len())),
        };
        self.rest = rest;
        Some((name, value))
    }
}

/// Resolves character references; what is none stays as it is.
fn unescape(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find('&') else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match rest[1..].split_once(';').and_then(|(name, after)| Some((character(name)?, after))) {
            Some((character, after)) => {
                out.push(character);
                rest = after;
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The references that template engines write, and every number.
fn character(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "equals" => '=',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in_form(page: &str) -> Option<Form<'_>> {
        first_form(page, |form| form.of(Kind::Password).next().is_some())
    }

    fn shown(form: &Form<'_>) -> String {
        let controls: Vec<_> = form
            .controls
            .iter()
            .map(|control| format!("{:?} {}={}", control.kind, control.name, control.value))
            .collect();
        format!("{} {} | {}", if form.is_post { "post" } else { "get" }, form.action, controls.join(" | "))
    }

    #[test]
    fn sign_in_forms_are_found_however_they_are_written() {
        let cases = [
            (
                "<form method=\"post\" action=\"/sign-in\"><input type=\"hidden\" name=\"csrf\" value=\"a\">\
                 <input name=\"username\"><input name=\"password\" type=\"password\"></form>",
                "post /sign-in | Hidden csrf=a | Text username= | Password password=",
            ),
            // Any order, any quoting, any case, attributes without a value, self-closing tags.
            (
                "<FORM class=x action='/sign-in?a=1&amp;b=2' novalidate METHOD=POST>\n<input\n value = 'v \"q\" > &lt;&#x2F;&#47;'\
                 name=t type=HIDDEN /><INPUT required autofocus TYPE=email name=username /><input name=password type=password required></FORM>",
                "post /sign-in?a=1&b=2 | Hidden t=v \"q\" > <// | Text username= | Password password=",
            ),
            // The search form above is not the one, nor what stands in comments, scripts and style sheets.
            (
                "<!doctype html><!-- <form><input type=password name=no></form> --><script>if (a</b/.test('<form>'))</script>\
                 <style>p::after { content: '<form>' }</style><form action=/find><input name=q></form>\
                 <form action=/in method=post><input type=password name=p></form>",
                "post /in | Password p=",
            ),
            // Unclosed, with buttons and a checkbox; a control without a name is never sent.
            (
                "a < b <form method=post><input type=password name=p><input type=checkbox name=remember value=1>\
                 <input type=hidden value=nameless><button>Sign in</button><button name=decision value=allow>Go</button>",
                "post  | Password p= | Other remember=1 | Button = | Button decision=allow",
            ),
        ];
        for (page, expected) in cases {
            assert_eq!(shown(&sign_in_form(page).unwrap()), expected, "{page}");
        }
    }

    #[test]
    fn pages_without_the_form_give_none() {
        let cases = [
            "",
            "<",
            "<form",
            "<p>Grüße</p>",
            "<form></form><input type=password name=p>",
            "<!-- <form>",
            "<ü>",
        ];
        for page in cases {
            assert_eq!(sign_in_form(page), None, "{page}");
        }
    }

    #[test]
    fn whatever_is_cut_or_strange_does_not_panic() {
        let page = "<form méthod=post a='ü' action=\"/ü\"><input ü=1 type=password name=pä value=&ü;&#;&#x110000;&amp><script>ü</ü";
        for end in (0..=page.len()).filter(|end| page.is_char_boundary(*end)) {
            for start in (0..end).filter(|start| page.is_char_boundary(*start)) {
                let _ = sign_in_form(&page[start..end]);
            }
        }
    }

    #[test]
    fn references_are_resolved_and_everything_else_is_left() {
        let cases = [
            ("plain", "plain"),
            ("a&amp;b", "a&b"),
            ("&quot;&apos;&#39;&#x27;&lt;&gt;", "\"'''<>"),
            ("&amp;amp;", "&amp;"),
            ("AT&T; a&b", "AT&T; a&b"),
            ("&#x1F6AA;&#252;", "🚪ü"),
            ("&#xD800;&#99999999999;&;&", "&#xD800;&#99999999999;&;&"),
        ];
        for (escaped, expected) in cases {
            assert_eq!(unescape(escaped), expected);
        }
    }

    #[test]
    fn a_button_is_found_by_name_and_value() {
        let page = "<form method=post><button name=decision value=deny>No</button><button value=allow name=decision>Yes</button></form>";
        let form = first_form(page, |form| form.has_button("decision", "allow")).unwrap();
        assert!(form.is_post && !form.has_button("decision", "maybe"));
    }
}
