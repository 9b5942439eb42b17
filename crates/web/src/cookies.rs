//! The cookies: the session, the browser's own secret, and by what it is known when it comes back. Knows their names and attributes, not what they mean.

use http::header::{COOKIE, HeaderMap, HeaderValue};
use provider::interaction::Browser;
use provider::{AccountCookie, AccountCookies, KNOWN_DEVICE_LIFETIME, MOST_ACCOUNTS};
use std::time::Duration;

/// So many accounts' cookies are read: those of everybody there is room for, and as many that are over.
const MOST_READ: usize = 2 * MOST_ACCOUNTS;
const GONE: &str = "; Max-Age=0";

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
        let named = |(name, value): (&str, &str)| {
            let other = name.strip_prefix(self.session_name())?.strip_prefix('-')?;
            (!value.is_empty()).then(|| (other.to_owned(), value.to_owned()))
        };
        let (other_names, others) = pairs(headers).filter_map(named).take(MOST_READ).unzip();
        Presented {
            session: owned(self.session_name()),
            other_names,
            others,
            secret: owned(self.browser_name()),
            device: owned(self.device_name()),
        }
    }

    /// The session cookies a browser has from now on; the others it brought are taken away.
    ///
    /// Each account has one under a name of its own, which lasts as long as its owner chose; the plain one repeats that of the account used
    /// last. So two tabs that sign in at once take nothing from each other: each writes what is its own.
    pub(crate) fn accounts(self, accounts: &AccountCookies, presented: &Presented) -> Vec<HeaderValue> {
        let AccountCookies(accounts) = accounts;
        let of = |name: &str| format!("{}-{name}", self.session_name());
        let lasts = |lasts| max_age(lasts).unwrap_or_default();
        let last_used = accounts.first().map_or_else(
            || (self.session_name().to_owned(), "", GONE.to_owned()),
            |account| (self.session_name().to_owned(), account.value.as_str(), lasts(account.lasts)),
        );
        let is_there = |name: &str, value: &str| presented.others().any(|other| other == (name, value));
        let is_new = |account: &&AccountCookie| !is_there(&account.name, &account.value);
        let new = accounts.iter().filter(is_new);
        let new = new.map(|account| (of(&account.name), account.value.as_str(), lasts(account.lasts)));
        let stays = |name: &str| accounts.iter().any(|account| account.name == name);
        let gone = presented.others().filter(|(name, _)| !stays(name));
        let gone = gone.map(|(name, _)| (of(name), "", GONE.to_owned()));
        let all = [last_used].into_iter().chain(new).chain(gone);
        all.filter_map(|(name, value, more)| self.write(&name, value, &more)).collect()
    }

    /// Nobody is signed in any more.
    pub(crate) fn no_accounts(self, presented: &Presented) -> Vec<HeaderValue> {
        self.accounts(&AccountCookies(Vec::new()), presented)
    }

    /// The browser's own secret. It stays as long as the longest of the sessions that count only beside it.
    pub(crate) fn browser(self, value: &str, lasts: Option<Duration>) -> Option<HeaderValue> {
        self.write(self.browser_name(), value, &max_age(lasts).unwrap_or_default())
    }

    /// What a sign-in leaves: the sessions, and the secret they count beside where that is new or has to stay longer.
    pub(crate) fn signed_in(
        self,
        accounts: &AccountCookies,
        new_secret: Option<&str>,
        presented: &Presented,
    ) -> Vec<HeaderValue> {
        let AccountCookies(all) = accounts;
        let longest = all.iter().filter_map(|account| account.lasts).max();
        let kept = presented.secret.as_deref().filter(|_| longest.is_some());
        let secret = new_secret.or(kept).and_then(|secret| self.browser(secret, longest));
        self.accounts(accounts, presented).into_iter().chain(secret).collect()
    }

    /// Stays when the browser is closed: it is what the browser is known by when somebody signs in the next time.
    pub(crate) fn device(self, value: &str) -> Option<HeaderValue> {
        self.write(self.device_name(), value, &max_age(Some(KNOWN_DEVICE_LIFETIME))?)
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
    /// What the names of the accounts' cookies end with, in the order of their values.
    other_names: Vec<String>,
    others: Vec<String>,
    secret: Option<String>,
    device: Option<String>,
}

impl Presented {
    fn others(&self) -> impl Iterator<Item = (&str, &str)> {
        self.other_names.iter().map(String::as_str).zip(self.others.iter().map(String::as_str))
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            session: self.session.as_deref(),
            others: &self.others,
            secret: self.secret.as_deref(),
            device: self.device.as_deref(),
        }
    }
}

fn max_age(lasts: Option<Duration>) -> Option<String> {
    lasts.map(|lasts| format!("; Max-Age={}", lasts.as_secs()))
}

fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    pairs(headers).find_map(|(found, value)| (found == name && !value.is_empty()).then_some(value))
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_https_cookies_are_host_cookies() {
        let secure = Cookies { https: true, path: "" };
        let nobody = Presented::default();
        let cookie = |name: &str, value: &str, lasts| AccountCookie {
            name: name.to_owned(),
            value: value.to_owned(),
            lasts,
        };
        let day = Some(Duration::from_secs(86_400));
        let two = AccountCookies(vec![cookie("1", "a.b", None), cookie("2", "c.d", day)]);
        assert_eq!(
            secure.accounts(&two, &nobody),
            [
                "__Host-doorward-session=a.b; Path=/; HttpOnly; SameSite=Lax; Secure",
                "__Host-doorward-session-1=a.b; Path=/; HttpOnly; SameSite=Lax; Secure",
                "__Host-doorward-session-2=c.d; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=86400"
            ]
        );
        assert_eq!(
            Cookies { https: false, path: "" }.no_accounts(&nobody),
            ["doorward-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"]
        );
        assert_eq!(
            Cookies { https: true, path: "/auth" }.browser("a", None).unwrap(),
            "__Secure-doorward-browser=a; Path=/auth; HttpOnly; SameSite=Lax; Secure"
        );
        let bad = AccountCookies(vec![cookie("1", "a\r\nSet-Cookie: b", None)]);
        assert!(secure.accounts(&bad, &nobody).is_empty());
    }

    #[test]
    fn an_accounts_cookie_is_written_when_it_is_new_and_taken_away_when_it_is_over() {
        let cookies = Cookies { https: false, path: "" };
        let mut headers = HeaderMap::new();
        let brought =
            "doorward-session-1=a.b; doorward-session-9=x.y; doorward-session=x.y; doorward-browser=s";
        headers.insert(COOKIE, HeaderValue::from_static(brought));
        let presented = cookies.read(&headers);
        let cookie =
            |name: &str, value: &str, lasts| AccountCookie { name: name.into(), value: value.into(), lasts };
        let day = Some(Duration::from_secs(86_400));
        let accounts = AccountCookies(vec![cookie("2", "c.d", day), cookie("1", "a.b", None)]);
        let end = "; Path=/; HttpOnly; SameSite=Lax";
        // What the secret stands for stays as long as it does.
        assert_eq!(
            cookies.signed_in(&accounts, None, &presented),
            [
                format!("doorward-session=c.d{end}; Max-Age=86400"),
                format!("doorward-session-2=c.d{end}; Max-Age=86400"),
                format!("doorward-session-9={end}; Max-Age=0"),
                format!("doorward-browser=s{end}; Max-Age=86400"),
            ]
        );
        assert_eq!(cookies.no_accounts(&presented).len(), 3);
        let many: Vec<_> = (0..40).map(|at| format!("doorward-session-{at}=a.b")).collect();
        headers.insert(COOKIE, many.join("; ").parse().unwrap());
        assert_eq!(cookies.read(&headers).browser().others.len(), MOST_READ);
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
