//! An answer, read the way a client or a browser reads it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The answer, provided that it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:?}\n{}", self.headers, self.body);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header's value; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The `error` of a JSON answer.
    #[track_caller]
    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    /// Provided that it is a JSON error of this status and code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, error: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.error(), error, "{}", answer.body);
        answer
    }

    /// Provided that it is an error page and leads nowhere.
    #[track_caller]
    pub(crate) fn error_page(self, status: u16) -> Self {
        let answer = self.expect(status);
        assert!(!answer.headers.contains_key("location"), "{:?}", answer.headers);
        assert!(answer.header("content-type").starts_with("text/html"), "{:?}", answer.headers);
        assert!(answer.body.contains("What to do now"), "{}", answer.body);
        answer
    }

    #[track_caller]
    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        self.header("location")
    }

    /// What an authorization response says, whichever way it travels. Empty when it does not say it.
    #[track_caller]
    pub(crate) fn says(&self, name: &str) -> String {
        if self.status == StatusCode::OK {
            return self.hidden(name);
        }
        let url = url::Url::parse(self.location()).unwrap();
        let text = url.fragment().or_else(|| url.query()).unwrap_or_default();
        let found = form_urlencoded::parse(text.as_bytes()).find(|(found, _)| found == name);
        found.map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// The value of a hidden input; empty when there is none.
    pub(crate) fn hidden(&self, name: &str) -> String {
        attribute(&self.body, &format!(r#"type="hidden" name="{name}""#), "value").unwrap_or_default()
    }

    /// The value of a visible input.
    pub(crate) fn field(&self, name: &str) -> String {
        attribute(&self.body, &format!(r#"name="{name}" type="#), "value").unwrap_or_default()
    }

    /// The page's heading.
    pub(crate) fn heading(&self) -> &str {
        let rest = self.body.split_once("<h1>").map(|(_, rest)| rest).unwrap_or_default();
        rest.split("</h1>").next().unwrap_or_default()
    }

    /// Each `Set-Cookie`, as name and value.
    pub(crate) fn cookies(&self) -> Vec<(String, String)> {
        let lines = self.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
        let pairs = lines.map(|line| line.split(';').next().unwrap().split_once('=').unwrap());
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// The value of an attribute of the first tag that contains `mark`.
pub(crate) fn attribute(html: &str, mark: &str, name: &str) -> Option<String> {
    let tag = html.split('<').find(|tag| tag.contains(mark))?;
    let value = tag.split_once(&format!(r#"{name}=""#))?.1.split('"').next()?;
    Some(unescaped(value))
}

fn unescaped(text: &str) -> String {
    let named = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    named.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The claims of a JWT, unchecked.
#[track_caller]
pub(crate) fn claims_of(jwt: &str) -> Value {
    part(jwt, 1)
}

/// The JOSE header of a JWT.
#[track_caller]
pub(crate) fn header_of(jwt: &str) -> Value {
    part(jwt, 0)
}

#[track_caller]
fn part(jwt: &str, index: usize) -> Value {
    let part = jwt.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
