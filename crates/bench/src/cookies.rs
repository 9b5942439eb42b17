//! The cookies of one iteration. It owns names and values, and refuses to know paths, domains and lifetimes: every
//! request goes to one origin and nothing outlives the iteration. A cookie the server takes back is dropped.

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

/// A jar that is emptied before each iteration.
#[derive(Default)]
pub(crate) struct Cookies(Vec<(String, String)>);

impl Cookies {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps what an answer sets (RFC 6265 section 5.2).
    pub(crate) fn keep(&mut self, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE) {
            let Ok(text) = header.to_str() else { continue };
            let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            let name = name.trim();
            self.0.retain(|(kept, _)| kept != name);
            if !is_taken_back(attributes) {
                self.0.push((name.to_owned(), value.trim().to_owned()));
            }
        }
    }

    /// The `Cookie` header, if there is anything to send.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        HeaderValue::from_str(&pairs.join("; ")).ok()
    }

    /// Adds them to a request.
    pub(crate) fn send(&self, headers: &mut HeaderMap) {
        if let Some(header) = self.header() {
            headers.insert(COOKIE, header);
        }
    }
}

/// `Max-Age=0` or less, or an expiry in the year every server uses for it.
fn is_taken_back(attributes: &str) -> bool {
    attributes.split(';').filter_map(|attribute| attribute.trim().split_once('=')).any(|(name, value)| {
        (name.eq_ignore_ascii_case("max-age") && value.trim().parse::<i64>().is_ok_and(|age| age <= 0))
            || (name.eq_ignore_ascii_case("expires") && value.contains("1970"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_kept_replaced_taken_back_and_cleared() {
        let mut cookies = Cookies::default();
        let mut set = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(SET_COOKIE, HeaderValue::from_static(line));
            }
            cookies.keep(&headers);
            cookies.header().map(|header| header.to_str().unwrap().to_owned())
        };
        assert_eq!(set(&[]), None);
        assert_eq!(set(&["a=1; Path=/; Secure", "__Host-b=x=y; HttpOnly"]).unwrap(), "a=1; __Host-b=x=y");
        assert_eq!(set(&["a=2; Max-Age=600"]).unwrap(), "__Host-b=x=y; a=2");
        assert_eq!(set(&["a=; max-age=0", "noise"]).unwrap(), "__Host-b=x=y");
        assert_eq!(set(&["__Host-b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]), None);
        cookies.0.push(("a".to_owned(), "1".to_owned()));
        cookies.clear();
        assert_eq!(cookies.header(), None);
    }
}
