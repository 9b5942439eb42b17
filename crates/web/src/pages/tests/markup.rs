//! A page taken apart into its tags. Knows no page.

use std::collections::HashMap;

/// A start or end tag with its attributes.
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    pub(super) attributes: HashMap<&'a str, &'a str>,
    pub(super) closes: bool,
}

impl Tag<'_> {
    pub(super) fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).copied()
    }
}

/// Takes a page apart, strictly: what our templates never write (single quotes, unquoted values) is refused.
pub(super) fn tags(html: &str) -> Vec<Tag<'_>> {
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
