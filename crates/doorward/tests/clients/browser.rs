//! The smallest browser that gets a person through the pages: cookies, redirects, and the one form at a time it is shown.

use crate::doorward::Doorward;
use openidconnect::reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use openidconnect::reqwest::{Client as Http, RequestBuilder, redirect};
use std::collections::BTreeMap;
use url::Url;

pub(crate) struct Browser {
    http: Http,
    issuer: Url,
    username: String,
    password: String,
    cookies: BTreeMap<String, String>,
}

/// Where a request led.
#[derive(Debug)]
pub(crate) enum Arrived {
    /// To one of the provider's pages.
    Page {
        /// Its address.
        at: Url,
        /// Its text.
        html: String,
    },
    /// Elsewhere; nothing was asked of anybody there.
    Left(Url),
}

impl Arrived {
    pub(crate) fn left_for(&self) -> &Url {
        match self {
            Self::Left(url) => url,
            Self::Page { at, html } => panic!("still at {at}:\n{html}"),
        }
    }

    pub(crate) fn query(&self, name: &str) -> Option<String> {
        self.left_for().query_pairs().find_map(|(found, value)| (found == name).then(|| value.into_owned()))
    }
}

impl Browser {
    pub(crate) fn new(server: &Doorward) -> Self {
        Self {
            http: Http::builder().redirect(redirect::Policy::none()).build().unwrap(),
            issuer: server.issuer().parse().unwrap(),
            username: server.env("USERNAME").to_owned(),
            password: server.env("PASSWORD").to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    /// Opens a URL and does nothing more.
    pub(crate) async fn open(&mut self, url: Url) -> Arrived {
        let request = self.http.get(url.clone());
        self.send(url, request).await
    }

    /// Opens a URL, signs in and allows where asked to, until the browser leaves.
    pub(crate) async fn walk(&mut self, url: Url) -> Arrived {
        let arrived = self.open(url).await;
        self.go_on(arrived).await
    }

    /// Types a device's code in, signs in and allows; where that ends.
    pub(crate) async fn bring_in(&mut self, verification_uri: Url, user_code: &str) -> Arrived {
        let Arrived::Page { at, html } = self.open(verification_uri).await else { panic!("a page") };
        assert!(html.contains(r#"action="/device""#) && html.contains(r#"name="user_code""#), "{html}");
        let arrived = self.post(at.join("/device").unwrap(), &[("user_code", user_code.to_owned())]).await;
        self.go_on(arrived).await
    }

    async fn go_on(&mut self, mut arrived: Arrived) -> Arrived {
        for _ in 0..3 {
            let Arrived::Page { at, html } = &arrived else { return arrived };
            let mut fields = vec![("interaction", field(html, "interaction").unwrap_or_default())];
            let to = if html.contains(r#"action="/sign-in?"#) {
                fields.extend([("username", self.username.clone()), ("password", self.password.clone())]);
                at.join("/sign-in").unwrap()
            } else if !html.contains(r#"action="/consent?"#) {
                return arrived;
            } else {
                fields.push(("decision", "allow".to_owned()));
                at.join("/consent").unwrap()
            };
            arrived = self.post(to, &fields).await;
        }
        arrived
    }

    async fn post(&mut self, to: Url, fields: &[(&str, String)]) -> Arrived {
        let origin = self.issuer.origin().ascii_serialization();
        let request = self.http.post(to.clone()).header(ORIGIN, origin).form(fields);
        self.send(to, request).await
    }

    async fn send(&mut self, mut at: Url, mut request: RequestBuilder) -> Arrived {
        loop {
            let cookies: Vec<_> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let response = request.header(COOKIE, cookies.join("; ")).send().await.unwrap();
            for line in response.headers().get_all(SET_COOKIE) {
                let (name, value) =
                    line.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            let Some(location) = response.headers().get(LOCATION) else {
                return Arrived::Page { at, html: response.text().await.unwrap() };
            };
            at = at.join(location.to_str().unwrap()).unwrap();
            if at.origin() != self.issuer.origin() {
                return Arrived::Left(at);
            }
            request = self.http.get(at.clone());
        }
    }
}

/// A hidden field's value. Handles are base64url: nothing to unescape.
fn field(html: &str, name: &str) -> Option<String> {
    let (_, after) = html.split_once(&format!(r#"name="{name}" value=""#))?;
    after.split_once('"').map(|(value, _)| value.to_owned())
}
