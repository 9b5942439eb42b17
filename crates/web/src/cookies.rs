//! The cookies: the session, the browser's own secret, and by what it is known when it comes back. Knows their names and attributes, not what they mean.

use http::header::{COOKIE, HeaderMap, HeaderValue};
use provider::KNOWN_DEVICE_LIFETIME;
use provider::interaction::Browser;

/// How cookies are written for this installation.
#[derive(Clone, Copy)]
pub(crate) struct Cookies<'a> {
    /// Whether browsers come by https. Only on a developer's loopback they may not: then the `__Host-` prefix and `Secure` are left
    /// out, because not every browser takes such cookies over http, even from localhost.
    pub(crate) https: bool,
    /// The issuer's path. Below one, other applications have the same host: they are not sent our cookies, whose prefix is `__Secure-` then, because
    /// `__Host-` is for the root (RFC 6265bis section 4.1.3).
    pub(crate) path: &'a str,
}

impl Cookies<'_> {
    const fn session_name(self) -> &'static str {
        match (self.https, self.path.is_empty()) {
            (true, true) => "__Host-doorward-session",
            (true, false) => "__Secure-doorward-session",
            (false, _) => "doorward-session",
        }
    }

    const fn browser_name(self) -> &'static str {
        match (self.https, self.path.is_empty()) {
            (true, true) => "__Host-doorward-browser",
            (true, false) => "__Secure-doorward-browser",
            (false, _) => "doorward-browser",
        }
    }

    const fn device_name(self) -> &'static str {
        match (self.https, self.path.is_empty()) {
            (true, true) => "__Host-doorward-device",
            (true, false) => "__Secure-doorward-device",
            (false, _) => "doorward-device",
        }
    }

    /// What this request's cookies say.
    pub(crate) fn read(self, headers: &HeaderMap) -> Presented {
        let owned = |name| find(headers, name).map(str::to_owned);
        Presented {
            session: owned(self.session_name()),
            secret: owned(self.browser_name()),
            device: owned(self.device_name()),
        }
    }

    pub(crate) fn session(self, value: &str) -> Option<HeaderValue> {
        self.write(self.session_name(), value, "")
    }

    pub(crate) fn no_session(self) -> Option<HeaderValue> {
        self.write(self.session_name(), "", "; Max-Age=0")
    }

    pub(crate) fn browser(self, value: &str) -> Option<HeaderValue> {
        self.write(self.browser_name(), value, "")
    }

    /// Stays when the browser is closed: it is what the browser is known by when somebody signs in the next time.
    pub(crate) fn device(self, value: &str) -> Option<HeaderValue> {
        let max_age = format!("; Max-Age={}", KNOWN_DEVICE_LIFETIME.as_secs());
        self.write(self.device_name(), value, &max_age)
    }

    /// Host-only, for every path of ours, not for scripts, not sent along when another site embeds or posts (RFC 6265bis section 5.6.7).
    /// Values are base64url and a dot: nothing to quote.
    fn write(self, name: &str, value: &str, more: &str) -> Option<HeaderValue> {
        let secure = if self.https { "; Secure" } else { "" };
        let path = if self.path.is_empty() { "/" } else { self.path };
        HeaderValue::from_str(&format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax{secure}{more}"))
            .ok()
    }
}

/// What a request's cookies say.
pub(crate) struct Presented {
    session: Option<String>,
    secret: Option<String>,
    device: Option<String>,
}

impl Presented {
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            session: self.session.as_deref(),
            secret: self.secret.as_deref(),
            device: self.device.as_deref(),
        }
    }
}

fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name && !value.is_empty()).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_https_cookies_are_host_cookies() {
        let secure = Cookies { https: true, path: "" };
        assert_eq!(
            secure.session("a.b").unwrap(),
            "__Host-doorward-session=a.b; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            Cookies { https: false, path: "" }.no_session().unwrap(),
            "doorward-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
        );
        assert!(secure.session("a\r\nSet-Cookie: b").is_none());
        assert_eq!(
            Cookies { https: true, path: "/auth" }.browser("a").unwrap(),
            "__Secure-doorward-browser=a; Path=/auth; HttpOnly; SameSite=Lax; Secure"
        );
    }

    #[test]
    fn cookies_are_found_in_any_header_and_order() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; doorward-sessionx=no; doorward-session=yes"));
        headers.append(COOKIE, HeaderValue::from_static("doorward-browser=b"));
        let presented = Cookies { https: false, path: "" }.read(&headers);
        let browser = presented.browser();
        assert_eq!((browser.session, browser.secret), (Some("yes"), Some("b")));
        assert_eq!(Cookies { https: true, path: "" }.read(&headers).browser().session, None);
    }
}
