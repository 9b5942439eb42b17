//! A browser: keeps cookies, knows its own origin, fills in forms. Follows redirects only within the house.

use super::{Answer, House, ISSUER, PASSWORD, RelyingParty, encoded};
use axum::body::Body;
use http::Request;
use std::collections::BTreeMap;
use std::net::IpAddr;

pub(crate) struct Browser<'a> {
    house: &'a House,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) address: IpAddr,
}

pub(crate) const SESSION: &str = "__Host-doorward-session";
pub(crate) const SECRET: &str = "__Host-doorward-browser";
pub(crate) const DEVICE: &str = "__Host-doorward-device";

impl<'a> Browser<'a> {
    pub(super) fn new(house: &'a House) -> Self {
        Self { house, cookies: BTreeMap::new(), address: IpAddr::from([192, 0, 2, 1]) }
    }

    pub(crate) fn session(&self) -> String {
        self.cookies.get(SESSION).cloned().unwrap_or_default()
    }

    pub(crate) fn secret(&self) -> String {
        self.cookies.get(SECRET).cloned().unwrap_or_default()
    }

    /// Its sessions are gone, and nothing else.
    pub(crate) fn forget_accounts(&mut self) {
        self.cookies.retain(|name, _| !name.starts_with(SESSION));
    }

    /// A browser with the same cookies: another tab, or a thief.
    pub(crate) fn copy(&self) -> Self {
        Self { house: self.house, cookies: self.cookies.clone(), address: self.address }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Posts from one of our own pages.
    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post_with(path, form, &[("sec-fetch-site", "same-origin"), ("origin", ISSUER)]).await
    }

    /// Posts with these headers.
    pub(crate) async fn post_with(
        &mut self,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(encoded(form))).unwrap()).await
    }

    async fn send(&mut self, mut request: Request<Body>) -> Answer {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !pairs.is_empty() {
            request.headers_mut().insert("cookie", pairs.join("; ").parse().unwrap());
        }
        request.headers_mut().insert("accept", "text/html".parse().unwrap());
        let answer = self.house.send_from(self.address, request).await;
        for (name, value) in answer.cookies() {
            if value.is_empty() {
                self.cookies.remove(&name)
            } else {
                self.cookies.insert(name, value)
            };
        }
        answer
    }

    /// Follows redirects as long as they stay in the house.
    pub(crate) async fn followed(&mut self, mut answer: Answer) -> Answer {
        while answer.status == 303 && answer.location().starts_with('/') {
            let path = answer.location().to_owned();
            answer = self.get(&path).await;
        }
        answer
    }

    /// Goes to the authorization endpoint.
    pub(crate) async fn authorize(&mut self, params: &[(&str, String)]) -> Answer {
        let pairs: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.get(&format!("/oauth2/authorize?{}", encoded(&pairs))).await
    }

    /// Fills in the sign-in form of `page`.
    pub(crate) async fn sign_in(&mut self, page: &Answer, username: &str, password: &str) -> Answer {
        let interaction = page.hidden("interaction");
        let form = [("interaction", interaction.as_str()), ("username", username), ("password", password)];
        let answer = self.post("/sign-in", &form).await;
        self.followed(answer).await
    }

    /// Answers the consent page.
    pub(crate) async fn decide(&mut self, page: &Answer, decision: &str) -> Answer {
        let form = [("interaction", page.hidden("interaction")), ("decision", decision.to_owned())];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = self.post("/consent", &form).await;
        self.followed(answer).await
    }

    /// Goes to the authorization endpoint, signs in when asked, allows when asked, and comes back with the answer.
    pub(crate) async fn answer_for(&mut self, params: &[(&str, String)], username: &str) -> Answer {
        let mut answer = self.authorize(params).await;
        if answer.body.contains(r#"action="/sign-in?"#) {
            answer = self.sign_in(&answer, username, PASSWORD).await;
        }
        if answer.body.contains(r#"action="/consent?"#) {
            answer = self.decide(&answer, "allow").await;
        }
        answer
    }

    /// An authorization code for `client`.
    pub(crate) async fn code_for(&mut self, client: &RelyingParty, username: &str) -> String {
        let answer = self.answer_for(&client.request(&[]), username).await;
        let code = answer.says("code");
        assert!(!code.is_empty(), "{answer:?}");
        code
    }
}
