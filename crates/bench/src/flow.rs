//! One virtual user and one iteration of it: authorization request, sign-in form, code, introspection, refresh. It owns
//! the order of the steps and the cookies; when to start and when to stop is decided in `load.rs`.

use crate::clock;
use crate::cookies::Cookies;
use crate::draw::Draw;
use crate::encoding::Pairs;
use crate::html_form::{Form, Kind, first_form};
use crate::http::{Answer, Connection};
use crate::site::{Attempt, Grant, Site};
use crate::tally::{Recorder, Step};
use bytes::Bytes;
use http::header::{LOCATION, RETRY_AFTER};
use http::{Request, StatusCode};
use http_body_util::Full;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many redirects within the origin are followed before a sign-in page or the client must be reached.
const REDIRECTS: usize = 5;
/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The wait where a refusal does not say one.
const USUAL_WAIT: Duration = Duration::from_secs(1);

/// Why an iteration ended before its end.
pub(crate) enum Trouble {
    /// The run is over: no further step begins.
    Over,
    /// The server has no room now.
    Refused { status: u16, wait: Duration },
    /// Anything that was not expected.
    Failed(String),
}

/// Where following redirects led.
enum Landing {
    Page { path: String, html: Bytes },
    Client { location: String },
}

/// A person with a browser, and the client's server behind it, on one connection.
pub(crate) struct VirtualUser {
    site: Arc<Site>,
    connection: Connection,
    cookies: Cookies,
    pub(crate) draw: Draw,
    recorder: Recorder,
}

impl VirtualUser {
    pub(crate) fn new(site: &Arc<Site>, draw: Draw, recorder: &Recorder) -> Self {
        let connection = Connection::new(Arc::clone(&site.origin), site.time_out);
        Self {
            site: Arc::clone(site),
            connection,
            cookies: Cookies::default(),
            draw,
            recorder: recorder.clone(),
        }
    }

    /// All steps, one after another, with fresh cookies.
    pub(crate) async fn iterate(&mut self) -> Result<(), Trouble> {
        let began = clock::now();
        let grant = self.sign_in().await?;
        self.introspect(&grant.access_token, Step::Introspect, None).await?;
        self.refresh(&grant.refresh_token, Step::Refresh, None).await?;
        self.recorder.iteration(began, clock::now());
        Ok(())
    }

    /// The steps up to the tokens.
    pub(crate) async fn sign_in(&mut self) -> Result<Grant, Trouble> {
        self.cookies.clear();
        let attempt =
            Attempt { state: self.draw.text(), nonce: self.draw.text(), verifier: self.draw.text() };
        let (path, html) = self.authorize(&attempt).await?;
        let location = match self.submit_sign_in(&path, &html).await? {
            Landing::Client { location } => location,
            Landing::Page { path, html } => self.consent(&path, &html).await?,
        };
        let code = self.site.code(&location, &attempt).map_err(in_step(Step::SignIn))?;
        self.exchange(&code, &attempt).await
    }

    /// From when it is `due`, or from now; `step` says under which name it is recorded.
    pub(crate) async fn introspect(
        &mut self,
        access_token: &str,
        step: Step,
        due: Option<Instant>,
    ) -> Result<(), Trouble> {
        let request = self.site.introspect_request(access_token);
        let (answer, timing) = self.call(step, due, request).await?;
        self.site.is_active(&answer).map_err(in_step(step))?;
        self.record(step, timing);
        Ok(())
    }

    /// From when it is `due`, or from now; `step` says under which name it is recorded.
    pub(crate) async fn refresh(
        &mut self,
        refresh_token: &str,
        step: Step,
        due: Option<Instant>,
    ) -> Result<Grant, Trouble> {
        let request = self.site.refresh_request(refresh_token);
        let (answer, timing) = self.call(step, due, request).await?;
        let grant = self.site.refreshed(&answer, refresh_token).map_err(in_step(step))?;
        self.record(step, timing);
        Ok(grant)
    }

    async fn authorize(&mut self, attempt: &Attempt) -> Result<(String, Bytes), Trouble> {
        let step = Step::Authorize;
        let path = self.site.authorize_path(attempt);
        let request = self.site.origin.get(&path);
        let (landing, timing) = self.browse(step, path, request).await?;
        match landing {
            Landing::Page { path, html } => {
                self.record(step, timing);
                Ok((path, html))
            }
            Landing::Client { location } => Err(in_step(step)(match self.site.code(&location, attempt) {
                Ok(_) => "the client was sent a code although nobody had signed in".to_owned(),
                Err(why) => why,
            })),
        }
    }

    async fn submit_sign_in(&mut self, path: &str, html: &[u8]) -> Result<Landing, Trouble> {
        let step = Step::SignIn;
        let fail = in_step(step);
        let form = first_form(text(html).map_err(&fail)?, asks_password).ok_or_else(|| {
            fail("the authorization endpoint led to a page without a password form".to_owned())
        })?;
        let body = filled_in(&form, &self.site.username, &self.site.password);
        let (landing, timing) = self.submit(step, path, &form, body).await?;
        if let Landing::Page { html, .. } = &landing
            && first_form(text(html).map_err(&fail)?, asks_password).is_some()
        {
            return Err(fail("the form came back: user name or password refused".to_owned()));
        }
        self.record(step, timing);
        Ok(landing)
    }

    async fn consent(&mut self, path: &str, html: &[u8]) -> Result<String, Trouble> {
        let step = Step::Consent;
        let fail = in_step(step);
        let form = first_form(text(html).map_err(&fail)?, |form| form.has_button("decision", "allow"))
            .ok_or_else(|| {
                fail("sign-in led to a page that is neither the client nor a consent form".to_owned())
            })?;
        let mut body = Pairs::default();
        for hidden in form.of(Kind::Hidden) {
            body.push(&hidden.name, &hidden.value);
        }
        body.push("decision", "allow");
        match self.submit(step, path, &form, body.into_text()).await? {
            (Landing::Client { location }, timing) => {
                self.record(step, timing);
                Ok(location)
            }
            (Landing::Page { .. }, _) => Err(fail("it led to another page, not to the client".to_owned())),
        }
    }

    async fn exchange(&mut self, code: &str, attempt: &Attempt) -> Result<Grant, Trouble> {
        let step = Step::Token;
        let request = self.site.code_request(code, attempt);
        let (answer, timing) = self.call(step, None, request).await?;
        let grant = self.site.tokens(&answer).map_err(in_step(step))?;
        self.record(step, timing);
        Ok(grant)
    }

    async fn submit(
        &mut self,
        step: Step,
        page: &str,
        form: &Form<'_>,
        body: String,
    ) -> Result<Browsed, Trouble> {
        let fail = in_step(step);
        if !form.is_post {
            return Err(fail("the form is not sent by POST".to_owned()));
        }
        let path = self.site.origin.path_of(&form.action, page);
        let path = path.ok_or_else(|| fail("the form leads to another origin".to_owned()))?;
        let request = self.site.origin.post_form(&path, body);
        self.browse(step, path, request).await
    }

    /// Sends a request as a browser and follows redirects, up to a page or the client. All of it is one step.
    async fn browse(&mut self, step: Step, mut path: String, request: Written) -> Result<Browsed, Trouble> {
        let fail = in_step(step);
        let began = self.begin(None)?;
        let mut request = request.map_err(&fail)?;
        for _ in 0..=REDIRECTS {
            self.cookies.send(request.headers_mut());
            let answer = self.connection.send(request).await.map_err(&fail)?;
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
                    let html = accepted(answer, step)?.body;
                    return Ok((Landing::Page { path, html }, Timing { began, ended: clock::now() }));
                }
            }
        }
        Err(fail(format!("more than {REDIRECTS} redirects")))
    }

    /// Sends a request as the client's server.
    async fn call(
        &mut self,
        step: Step,
        due: Option<Instant>,
        request: Written,
    ) -> Result<(Answer, Timing), Trouble> {
        let began = self.begin(due)?;
        let request = request.map_err(in_step(step))?;
        let answer = self.connection.send(request).await.map_err(in_step(step))?;
        let ended = clock::now();
        refusal(&answer)?;
        Ok((answer, Timing { began, ended }))
    }

    fn begin(&self, due: Option<Instant>) -> Result<Instant, Trouble> {
        let began = due.unwrap_or_else(clock::now);
        if self.recorder.is_over(began) { Err(Trouble::Over) } else { Ok(began) }
    }

    fn record(&self, step: Step, timing: Timing) {
        self.recorder.step(step, timing.began, timing.ended);
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

fn in_step(step: Step) -> impl Fn(String) -> Trouble {
    move |why| Trouble::Failed(format!("{}: {why}", step.name()))
}

fn accepted(answer: Answer, step: Step) -> Result<Answer, Trouble> {
    refusal(&answer)?;
    match answer.status {
        StatusCode::OK => Ok(answer),
        other => Err(in_step(step)(format!("status {}", other.as_u16()))),
    }
}

/// RFC 6585 section 4 and RFC 9110 section 15.6.4: the server is alive and says when to come back.
pub(crate) fn refusal(answer: &Answer) -> Result<(), Trouble> {
    if !matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return Ok(());
    }
    // RFC 9110 section 10.2.3: seconds, or a date, which is taken as "later".
    let seconds = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let wait = seconds.map_or(USUAL_WAIT, Duration::from_secs).min(LONGEST_WAIT);
    Err(Trouble::Refused { status: answer.status.as_u16(), wait })
}

fn text(html: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(html).map_err(|_| "a page that is not UTF-8".to_owned())
}

fn asks_password(form: &Form<'_>) -> bool {
    form.of(Kind::Password).next().is_some()
}

/// What a browser sends when a person types into the fields and presses Enter: the first button is the one pressed.
fn filled_in(form: &Form<'_>, username: &str, password: &str) -> String {
    let pressed = form.of(Kind::Button).next();
    let who =
        form.of(Kind::Text).find(|field| field.name == "username").or_else(|| form.of(Kind::Text).next());
    let mut body = Pairs::default();
    for control in &form.controls {
        match control.kind {
            Kind::Text if who == Some(control) => body.push(&control.name, username),
            Kind::Password => body.push(&control.name, password),
            Kind::Hidden | Kind::Text => body.push(&control.name, &control.value),
            Kind::Button if pressed == Some(control) && !control.name.is_empty() => {
                body.push(&control.name, &control.value)
            }
            Kind::Button | Kind::Other => {}
        }
    }
    body.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn a_refusal_says_how_long_to_wait_within_bounds() {
        let wait = |status: u16, retry_after: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(retry_after.map(|value| (RETRY_AFTER, HeaderValue::from_static(value))));
            let status = StatusCode::from_u16(status).unwrap();
            match refusal(&Answer { status, headers, body: Bytes::new() }) {
                Err(Trouble::Refused { wait, .. }) => Some(wait.as_secs()),
                _ => None,
            }
        };
        assert_eq!(wait(429, Some("2")), Some(2));
        assert_eq!(wait(503, Some("0")), Some(0));
        assert_eq!(wait(503, Some("3600")), Some(5));
        assert_eq!(wait(429, None), Some(1));
        assert_eq!(wait(429, Some("Fri, 31 Dec 1999 23:59:59 GMT")), Some(1));
        assert_eq!(wait(500, Some("2")), None);
    }

    #[test]
    fn the_form_is_filled_in_as_a_browser_does() {
        let page = "<form method=post><input type=hidden name=t value='a&amp;b'><input name=trap><input name=username value=old>\
            <input type=checkbox name=remember value=1><input type=password name=password>\
            <button name=do value=in>Sign in</button><button name=do value=other>Other</button></form>";
        let form = first_form(page, asks_password).unwrap();
        assert_eq!(
            filled_in(&form, "ada@example.org", "p w"),
            "t=a%26b&trap=&username=ada%40example.org&password=p%20w&do=in"
        );
    }
}
