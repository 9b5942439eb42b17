//! The cookies: the session, the browser's own secret, and by what it is known when it comes back. Knows their names and attributes, not what they mean.

use http::header::{COOKIE, HeaderMap, HeaderValue};
use provider::KNOWN_DEVICE_LIFETIME;
use provider::interaction::Browser;
use provider::{AccountCookies, MOST_ACCOUNTS};

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
        let owned = |name: &str| find(headers, name).map(str::to_owned);
        let others = (1..MOST_ACCOUNTS).filter_map(|slot| owned(&self.session_in(slot)));
        Presented {
            session: owned(self.session_name()),
            others: others.collect(),
            secret: owned(self.browser_name()),
            device: owned(self.device_name()),
        }
    }

    /// The cookie of the account used last is the first; each account has one of its own, so that each lasts as long as its owner chose.
    fn session_in(self, slot: usize) -> String {
        match slot {
            0 => self.session_name().to_owned(),
            slot => format!("{}-{}", self.session_name(), slot + 1),
        }
    }

    /// The session cookies a browser has from now on; the others it brought are taken away.
    pub(crate) fn accounts(self, accounts: &AccountCookies, presented: &Presented) -> Vec<HeaderValue> {
        let AccountCookies(accounts) = accounts;
        let set = accounts.iter().enumerate().map(|(slot, account)| {
            let lasts = account.lasts.map(|lasts| format!("; Max-Age={}", lasts.as_secs()));
            (self.session_in(slot), account.value.as_str(), lasts.unwrap_or_default())
        });
        let most = if presented.others.is_empty() { 1 } else { MOST_ACCOUNTS };
        let gone = (accounts.len()..most).map(|slot| (self.session_in(slot), "", "; Max-Age=0".to_owned()));
        set.chain(gone).filter_map(|(name, value, more)| self.write(&name, value, &more)).collect()
    }

    /// Nobody is signed in any more.
    pub(crate) fn no_accounts(self, presented: &Presented) -> Vec<HeaderValue> {
        self.accounts(&AccountCookies(Vec::new()), presented)
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
#[derive(Default)]
pub(crate) struct Presented {
    session: Option<String>,
    others: Vec<String>,
    secret: Option<String>,
    device: Option<String>,
}

impl Presented {
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            session: self.session.as_deref(),
            others: &self.others,
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
    use provider::AccountCookie;
    use std::time::Duration;

    #[test]
    fn over_https_cookies_are_host_cookies() {
        let secure = Cookies { https: true, path: "" };
        let nobody = Presented::default();
        let cookie = |value: &str, lasts| AccountCookie { value: value.to_owned(), lasts };
        let day = Some(Duration::from_secs(86_400));
        let two = AccountCookies(vec![cookie("a.b", None), cookie("c.d", day)]);
        assert_eq!(
            secure.accounts(&two, &nobody),
            [
                "__Host-doorward-session=a.b; Path=/; HttpOnly; SameSite=Lax; Secure",
                "__Host-doorward-session-2=c.d; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=86400"
            ]
        );
        assert_eq!(
            Cookies { https: false, path: "" }.no_accounts(&nobody),
            ["doorward-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"]
        );
        assert_eq!(
            Cookies { https: true, path: "/auth" }.browser("a").unwrap(),
            "__Secure-doorward-browser=a; Path=/auth; HttpOnly; SameSite=Lax; Secure"
        );
        let bad = AccountCookies(vec![cookie("a\r\nSet-Cookie: b", None)]);
        assert!(secure.accounts(&bad, &nobody).is_empty());
        // What a browser brought beyond what it has from now on is taken away, each of them.
        let three = Presented { others: vec!["x.y".to_owned()], ..Presented::default() };
        assert_eq!(secure.accounts(&two, &three).len(), MOST_ACCOUNTS);
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
