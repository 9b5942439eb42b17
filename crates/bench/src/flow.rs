//! One virtual user and one iteration of it: authorization request, sign-in form, code, introspection, refresh. It owns
//! the order of the steps and the cookies; when to start and when to stop is decided in `stage.rs`.

use crate::clock;
use crate::cookies::Cookies;
use crate::draw::Draw;
use crate::encoding::Pairs;
use crate::html_form::{Form, Kind, first_form};
use crate::http::Answer;
use crate::kind::Step;
use crate::requests::User;
use crate::site::{Attempt, Grant, Site};
use crate::typed::{Typed, asks_password, filled_in};
use crate::wire::{Trouble, Wire, refusal};
use bytes::Bytes;
use http::header::LOCATION;
use http::{Request, StatusCode};
use http_body_util::Full;
use std::sync::Arc;
use std::time::Instant;

/// How many redirects within the origin are followed before a sign-in page or the client must be reached.
const REDIRECTS: usize = 5;
/// Where following redirects led.
enum Landing {
    Page { path: String, html: Bytes },
    Client { location: String },
}

/// A person with a browser, and the client's server behind it.
pub(crate) struct VirtualUser {
    site: Arc<Site>,
    cookies: Cookies,
    draw: Draw,
}

impl User for VirtualUser {
    /// All steps, one after another, with fresh cookies.
    async fn turn(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        let began = wire.turn_begins();
        let grant = self.sign_in(wire).await?;
        self.introspect(wire, &grant.access_token, Step::Introspect as usize).await?;
        self.refresh(wire, &grant.refresh_token, Step::Refresh as usize).await?;
        wire.whole(Step::Iteration as usize, began);
        Ok(())
    }
}

impl VirtualUser {
    /// Somebody who asks nothing yet. Whatever wire they are given has the steps as its first kinds, each in its own place.
    pub(crate) fn new(site: &Arc<Site>, draw: Draw) -> Self {
        Self { site: Arc::clone(site), cookies: Cookies::default(), draw }
    }

    /// The steps up to the tokens.
    pub(crate) async fn sign_in(&mut self, wire: &mut Wire) -> Result<Grant, Trouble> {
        self.sign_in_and(wire, None).await
    }

    /// The same, and the client asks for a prompt (OpenID Connect Core section 3.1.2.1).
    pub(crate) async fn sign_in_and(
        &mut self,
        wire: &mut Wire,
        prompt: Option<&str>,
    ) -> Result<Grant, Trouble> {
        let attempt = self.attempt();
        let (path, html) = self.authorize(wire, prompt, &attempt).await?;
        let who = Typed::Known { username: self.site.username.clone(), password: self.site.password.clone() };
        let landing = self.submit_password(wire, (&path, &html), &who).await?;
        self.finish(wire, landing, &attempt).await
    }

    /// Somebody new creates an account, and gets tokens at once. The form is counted in the place of the sign-in form.
    pub(crate) async fn sign_up(&mut self, wire: &mut Wire) -> Result<Grant, Trouble> {
        let attempt = self.attempt();
        let (path, html) = self.authorize(wire, Some("create"), &attempt).await?;
        let who =
            Typed::New { username: format!("u{}", self.draw.text()), password: self.site.password.clone() };
        let landing = self.submit_password(wire, (&path, &html), &who).await?;
        self.finish(wire, landing, &attempt).await
    }

    /// Nobody is signed in yet: no cookie is left of an earlier attempt.
    fn attempt(&mut self) -> Attempt {
        self.cookies.clear();
        Attempt { state: self.draw.text(), nonce: self.draw.text(), verifier: self.draw.text() }
    }

    /// From where a form led to the tokens.
    async fn finish(
        &mut self,
        wire: &mut Wire,
        landing: Landing,
        attempt: &Attempt,
    ) -> Result<Grant, Trouble> {
        let location = match landing {
            Landing::Client { location } => location,
            Landing::Page { path, html } => self.consent(wire, &path, &html).await?,
        };
        let code = self.site.code(&location, attempt).map_err(in_step(wire, Step::SignIn as usize))?;
        self.exchange(wire, &code, attempt).await
    }

    /// `step` says under which name it is recorded.
    pub(crate) async fn introspect(
        &mut self,
        wire: &mut Wire,
        access_token: &str,
        step: usize,
    ) -> Result<(), Trouble> {
        let request = self.site.introspect_request(access_token);
        let (answer, timing) = self.call(wire, step, request).await?;
        self.site.is_active(&answer).map_err(in_step(wire, step))?;
        timing.record(wire, step);
        Ok(())
    }

    /// `step` says under which name it is recorded.
    pub(crate) async fn refresh(
        &mut self,
        wire: &mut Wire,
        refresh_token: &str,
        step: usize,
    ) -> Result<Grant, Trouble> {
        let request = self.site.refresh_request(refresh_token);
        let (answer, timing) = self.call(wire, step, request).await?;
        let grant = self.site.refreshed(&answer, refresh_token).map_err(in_step(wire, step))?;
        timing.record(wire, step);
        Ok(grant)
    }

    /// Brings in a device that shows this page's address, as the person who is signed in (RFC 8628 section 3.3): opens it, says that it is
    /// theirs, and allows it. The three are counted in these places.
    pub(crate) async fn bring_in(
        &mut self,
        wire: &mut Wire,
        address: &str,
        [opened, entered, allowed]: [usize; 3],
    ) -> Result<(), Trouble> {
        let fail = in_step(wire, opened);
        let path = self.site.origin.path_of(address, "/");
        let path = path.ok_or_else(|| fail("the device's page is on another origin".to_owned()))?;
        let request = self.site.origin.get(&path);
        let (Landing::Page { path, html }, timing) = self.browse(wire, opened, path, request).await? else {
            return Err(fail("it led to the client".to_owned()));
        };
        timing.record(wire, opened);
        let form = first_form(text(&html).map_err(&fail)?, |form| form.has("user_code"));
        let form = form.ok_or_else(|| fail("the device's page has no form for its code".to_owned()))?;
        let mut body = Pairs::default();
        form.controls.iter().filter(|control| control.kind != Kind::Button).for_each(|control| {
            body.push(&control.name, &control.value);
        });
        let fail = in_step(wire, entered);
        let landing = self.submit(wire, entered, &path, (&form, body.into_text())).await?;
        let (Landing::Page { path, html }, timing) = landing else {
            return Err(fail("it led to the client".to_owned()));
        };
        timing.record(wire, entered);
        let (_, timing) = self.allow(wire, allowed, (&path, &html)).await?;
        timing.record(wire, allowed);
        Ok(())
    }

    async fn authorize(
        &mut self,
        wire: &mut Wire,
        prompt: Option<&str>,
        attempt: &Attempt,
    ) -> Result<(String, Bytes), Trouble> {
        let step = Step::Authorize as usize;
        let path = self.site.authorize_path(attempt);
        let path = prompt.map_or(path.clone(), |prompt| format!("{path}&prompt={prompt}"));
        let request = self.site.origin.get(&path);
        let (landing, timing) = self.browse(wire, step, path, request).await?;
        match landing {
            Landing::Page { path, html } => {
                timing.record(wire, step);
                Ok((path, html))
            }
            Landing::Client { location } => {
                Err(in_step(wire, step)(match self.site.code(&location, attempt) {
                    Ok(_) => "the client was sent a code although nobody had signed in".to_owned(),
                    Err(why) => why,
                }))
            }
        }
    }

    async fn submit_password(
        &mut self,
        wire: &mut Wire,
        (path, html): (&str, &[u8]),
        who: &Typed,
    ) -> Result<Landing, Trouble> {
        let step = Step::SignIn as usize;
        let fail = in_step(wire, step);
        let form = first_form(text(html).map_err(&fail)?, asks_password).ok_or_else(|| {
            fail("the authorization endpoint led to a page without a password form".to_owned())
        })?;
        let body = filled_in(&form, who);
        let (landing, timing) = self.submit(wire, step, path, (&form, body)).await?;
        if let Landing::Page { html, .. } = &landing
            && first_form(text(html).map_err(&fail)?, asks_password).is_some()
        {
            return Err(fail("the form came back: user name or password refused".to_owned()));
        }
        timing.record(wire, step);
        Ok(landing)
    }

    async fn consent(&mut self, wire: &mut Wire, path: &str, html: &[u8]) -> Result<String, Trouble> {
        let step = Step::Consent as usize;
        match self.allow(wire, step, (path, html)).await? {
            (Landing::Client { location }, timing) => {
                timing.record(wire, step);
                Ok(location)
            }
            (Landing::Page { .. }, _) => {
                Err(in_step(wire, step)("it led to another page, not to the client".to_owned()))
            }
        }
    }

    /// Presses the button that allows what a page asks about.
    async fn allow(
        &mut self,
        wire: &mut Wire,
        step: usize,
        (path, html): (&str, &[u8]),
    ) -> Result<Browsed, Trouble> {
        let fail = in_step(wire, step);
        let form = first_form(text(html).map_err(&fail)?, |form| form.has_button("decision", "allow"))
            .ok_or_else(|| {
                fail("sign-in led to a page that is neither the client nor a consent form".to_owned())
            })?;
        let mut body = Pairs::default();
        for hidden in form.of(Kind::Hidden) {
            body.push(&hidden.name, &hidden.value);
        }
        body.push("decision", "allow");
        self.submit(wire, step, path, (&form, body.into_text())).await
    }

    async fn exchange(&mut self, wire: &mut Wire, code: &str, attempt: &Attempt) -> Result<Grant, Trouble> {
        let step = Step::Token as usize;
        let request = self.site.code_request(code, attempt);
        let (answer, timing) = self.call(wire, step, request).await?;
        let grant = self.site.tokens(&answer).map_err(in_step(wire, step))?;
        timing.record(wire, step);
        Ok(grant)
    }

    async fn submit(
        &mut self,
        wire: &mut Wire,
        step: usize,
        page: &str,
        (form, body): (&Form<'_>, String),
    ) -> Result<Browsed, Trouble> {
        let fail = in_step(wire, step);
        if !form.is_post {
            return Err(fail("the form is not sent by POST".to_owned()));
        }
        let path = self.site.origin.path_of(&form.action, page);
        let path = path.ok_or_else(|| fail("the form leads to another origin".to_owned()))?;
        let request = self.site.origin.post_form(&path, body);
        self.browse(wire, step, path, request).await
    }

    /// Sends a request as a browser and follows redirects, up to a page or the client. All of it is one step.
    async fn browse(
        &mut self,
        wire: &mut Wire,
        step: usize,
        mut path: String,
        request: Written,
    ) -> Result<Browsed, Trouble> {
        let fail = in_step(wire, step);
        let began = wire.begin()?;
        let mut request = request.map_err(&fail)?;
        for _ in 0..=REDIRECTS {
            self.cookies.send(request.headers_mut());
            let answer = wire.send(step, request).await?;
            self.cookies.keep(&answer.headers);
            match answer.status {
                StatusCode::FOUND | StatusCode::SEE_OTHER => {
                    let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
                    let location =
                        location.ok_or_else(|| fail("a redirect without a Location".to_owned()))?;
                    if self.site.is_callback(location) {
                        let landing = Landing::Client { location: location.to_owned() };
                        return Ok((landing, Timing { began, ended: clock::now() }));
                    }
                    let next = self.site.origin.path_of(location, &path);
                    path = next.ok_or_else(|| fail("a redirect to another origin".to_owned()))?;
                    request = self.site.origin.get(&path).map_err(&fail)?;
                }
                _ => {
                    let html = accepted(answer, &fail)?.body;
                    return Ok((Landing::Page { path, html }, Timing { began, ended: clock::now() }));
                }
            }
        }
        Err(fail(format!("more than {REDIRECTS} redirects")))
    }

    /// Sends a request as the client's server.
    async fn call(
        &mut self,
        wire: &mut Wire,
        step: usize,
        request: Written,
    ) -> Result<(Answer, Timing), Trouble> {
        let began = wire.begin()?;
        let answer = wire.send(step, request.map_err(in_step(wire, step))?).await?;
        let ended = clock::now();
        refusal(&answer)?;
        Ok((answer, Timing { began, ended }))
    }
}

type Written = Result<Request<Full<Bytes>>, String>;
type Browsed = (Landing, Timing);

/// When a step began, or was due, and when its last answer stood there.
#[derive(Clone, Copy)]
struct Timing {
    began: Instant,
    ended: Instant,
}

impl Timing {
    fn record(self, wire: &Wire, step: usize) {
        wire.record(step, self.began, self.ended);
    }
}

/// Under the name that this step has in the report of whatever it is part of.
fn in_step(wire: &Wire, step: usize) -> impl Fn(String) -> Trouble + use<> {
    let name = wire.recorder.kinds[step].name;
    move |why| Trouble::Failed(format!("{name}: {why}"))
}

fn accepted(answer: Answer, fail: impl Fn(String) -> Trouble) -> Result<Answer, Trouble> {
    refusal(&answer)?;
    match answer.status {
        StatusCode::OK => Ok(answer),
        other => Err(fail(format!("status {}", other.as_u16()))),
    }
}

fn text(html: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(html).map_err(|_| "a page that is not UTF-8".to_owned())
}
