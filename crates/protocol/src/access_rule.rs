//! Which requests a resource server lets through with which scopes: rules of methods and a URL template, and the matcher made of them. Pure,
//! independent of the rules' order, one walk per request. Knows no token.
//!
//! The most specific template decides: from the left, a literal segment is more specific than `{name}`, and that more than a rest
//! (`{name...}` or `**`); a template with the request's host is more specific than one without. Within that template the rule that names
//! the request's method decides, else the one for any method, else the request is refused: a broader template is never asked
//! instead.

use crate::request_path::{AmbiguousPath, RequestPath, segment};
use crate::scope::Scope;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// What a request needs to be let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: anybody may.
    Public,
    /// A token for the resource server with all of these scopes; none means any such token.
    Token(Scope),
}

/// One rule, written `GET,PUT /orders/{id} = orders:read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccessRule {
    /// For which methods; empty means any.
    methods: BTreeSet<String>,
    template: UrlTemplate,
    needs: Needs,
}

/// Why a rule cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// It is not written as a rule is.
    #[error("rule: [METHOD,..] /template = scopes (or public, or authenticated) is expected")]
    Shape,
    /// A method that is none, or HEAD.
    #[error("rule: methods are upper-case words separated by commas; HEAD is decided as GET is")]
    Method,
    /// A segment that is neither literal nor a placeholder.
    #[error("rule: a segment of a template is literal, or {{name}}, or at the end {{name...}} or **")]
    Template,
    /// The template's path could be read in two ways.
    #[error("rule: {0}")]
    Path(AmbiguousPath),
    /// The scopes are none.
    #[error("rule: {0}")]
    Scope(#[from] crate::scope::InvalidScope),
    /// Two rules of one resource server say something about the same requests.
    #[error("rules: two of them are for {0}")]
    Twice(String),
}

/// Why no rule lets a request through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// What guards an upstream must not take for unknown what the upstream takes for `DELETE`.
    #[error("its method is not one in upper case")]
    Method,
    /// A host was told, and it is none: who judged it by the rules for any host would skip those of the host that the upstream reads there.
    #[error("its host cannot be read")]
    Host,
    /// No host was told, and some rules are for one.
    #[error("its host is expected: rules of this resource server name one")]
    NoHost,
    /// No rule is for it.
    #[error("no rule of the resource server lets it through")]
    NoRule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct UrlTemplate {
    /// In lower case, without a port.
    host: Option<String>,
    segments: Vec<Segment>,
    /// As it was written.
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    One,
    Rest,
}

impl AccessRule {
    /// What it lets through with.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }
}

impl FromStr for AccessRule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let (request, needs) = text.rsplit_once(" = ").ok_or(InvalidRule::Shape)?;
        let request = request.trim();
        let (methods, template) = match request.split_once(char::is_whitespace) {
            None => ("*", request),
            Some((methods, template)) => (methods, template.trim_start()),
        };
        Ok(Self {
            methods: methods_of(methods)?,
            template: template.parse()?,
            needs: needs_of(needs.trim())?,
        })
    }
}

fn methods_of(text: &str) -> Result<BTreeSet<String>, InvalidRule> {
    if text == "*" {
        return Ok(BTreeSet::new());
    }
    let named = |method: &str| is_method(method) && method != "HEAD";
    text.split(',')
        .map(|method| if named(method) { Ok(method.to_owned()) } else { Err(InvalidRule::Method) })
        .collect()
}

/// Methods are case-sensitive (RFC 9110 section 9.1), and every one there is is in upper case: `delete` is none, but some programs take it for
/// one.
fn is_method(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 32
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_'))
}

fn needs_of(text: &str) -> Result<Needs, InvalidRule> {
    match text {
        "" => Err(InvalidRule::Shape),
        "public" => Ok(Needs::Public),
        "authenticated" => Ok(Needs::Token(Scope::default())),
        scopes => Ok(Needs::Token(Scope::parse(scopes)?)),
    }
}

impl fmt::Display for AccessRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, method) in self.methods.iter().enumerate() {
            write!(f, "{}{method}", if index > 0 { "," } else { "" })?;
        }
        let separator = if self.methods.is_empty() { "* " } else { " " };
        write!(f, "{separator}{} = ", self.template.text)?;
        match &self.needs {
            Needs::Public => f.write_str("public"),
            Needs::Token(scope) if scope.is_empty() => f.write_str("authenticated"),
            Needs::Token(scope) => scope.fmt(f),
        }
    }
}

impl TryFrom<String> for AccessRule {
    type Error = InvalidRule;
    fn try_from(text: String) -> Result<Self, InvalidRule> {
        text.parse()
    }
}

impl From<AccessRule> for String {
    fn from(rule: AccessRule) -> Self {
        rule.to_string()
    }
}

impl FromStr for UrlTemplate {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        if text.len() > 1_024 || text.contains(char::is_whitespace) || text.contains('?') {
            return Err(InvalidRule::Template);
        }
        let (host, path) = match text.strip_prefix("//") {
            None => (None, text),
            Some(rest) => {
                let slash = rest.find('/').ok_or(InvalidRule::Template)?;
                let host = host_name(&rest[..slash]).ok_or(InvalidRule::Template)?;
                (Some(host), &rest[slash..])
            }
        };
        let inner = path.strip_prefix('/').ok_or(InvalidRule::Path(AmbiguousPath::NotAPath))?;
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let mut segments = Vec::new();
        for part in inner.split('/').filter(|_| !inner.is_empty()) {
            if segments.last() == Some(&Segment::Rest) {
                return Err(InvalidRule::Template);
            }
            segments.push(segment_of(part)?);
        }
        // RequestPath refuses what is longer.
        if inner.is_empty() && path.len() > 1 {
            return Err(InvalidRule::Path(AmbiguousPath::Segment));
        }
        Ok(Self { host, segments, text: text.to_owned() })
    }
}

fn segment_of(text: &str) -> Result<Segment, InvalidRule> {
    if text == "**" {
        return Ok(Segment::Rest);
    }
    if let Some(name) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        let (name, found) = match name.strip_suffix("...") {
            Some(name) => (name, Segment::Rest),
            None => (name, Segment::One),
        };
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        return if is_name { Ok(found) } else { Err(InvalidRule::Template) };
    }
    // What looks like another language's placeholder would never match as it was meant.
    if text.contains(['{', '}', '*']) || text.starts_with(':') {
        return Err(InvalidRule::Template);
    }
    Ok(Segment::Literal(segment(text).map_err(InvalidRule::Path)?.into_owned()))
}

/// A host in lower case, without its port and without the root's dot; nothing when it is none. An IPv6 address is written as RFC 5952 has it:
/// it can be spelled in many ways.
pub fn host_name(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return address.parse::<Ipv6Addr>().ok().filter(|_| fits).map(|address| address.to_string());
    }
    let host = match text.split_once(':') {
        Some((host, port)) => is_port(port).then_some(host)?,
        None => text,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(known);
    (host.len() <= 253 && host.split('.').all(is_label)).then(|| host.to_ascii_lowercase())
}

fn is_port(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The rules of one resource server, ready to be asked.
#[derive(Debug, Default)]
pub struct AccessRules {
    any_host: Node,
    hosts: HashMap<String, Node>,
}

/// Where a walk through templates has come to.
#[derive(Debug, Default)]
struct Node {
    literals: HashMap<String, Node>,
    one: Option<Box<Node>>,
    /// What a template that ends in a rest here says.
    rest: Option<Decision>,
    /// What a template that ends here says.
    end: Option<Decision>,
}

#[derive(Debug, Default)]
struct Decision {
    methods: HashMap<String, Needs>,
    any: Option<Needs>,
}

impl AccessRules {
    /// Makes the matcher.
    ///
    /// # Errors
    /// When two rules are for the same method and the same template.
    pub fn new(rules: &[AccessRule]) -> Result<Self, InvalidRule> {
        let mut made = Self::default();
        for rule in rules {
            let root = match &rule.template.host {
                None => &mut made.any_host,
                Some(host) => made.hosts.entry(host.clone()).or_default(),
            };
            root.place(&rule.template.segments).add(rule)?;
        }
        Ok(made)
    }

    /// What this request needs. HEAD needs what GET does.
    ///
    /// # Errors
    /// When no rule lets it through, or it cannot be told which would.
    pub fn find(
        &self,
        method: &str,
        host: Option<&str>,
        path: &RequestPath<'_>,
    ) -> Result<&Needs, NotAdmitted> {
        if !is_method(method) {
            return Err(NotAdmitted::Method);
        }
        let method = if method == "HEAD" { "GET" } else { method };
        let host = host.map(|host| host_name(host).ok_or(NotAdmitted::Host)).transpose()?;
        if host.is_none() && !self.hosts.is_empty() {
            return Err(NotAdmitted::NoHost);
        }
        let of_host = host.and_then(|host| self.hosts.get(&host)).and_then(|node| node.find(path.segments()));
        let decision = of_host.or_else(|| self.any_host.find(path.segments())).ok_or(NotAdmitted::NoRule)?;
        decision.methods.get(method).or(decision.any.as_ref()).ok_or(NotAdmitted::NoRule)
    }
}

impl Node {
    fn place(&mut self, segments: &[Segment]) -> &mut Decision {
        match segments.split_first() {
            None => self.end.get_or_insert_default(),
            Some((Segment::Rest, _)) => self.rest.get_or_insert_default(),
            Some((Segment::One, further)) => self.one.get_or_insert_default().place(further),
            Some((Segment::Literal(text), further)) => {
                self.literals.entry(text.clone()).or_default().place(further)
            }
        }
    }

    /// Each node is looked at once at most: there is one way to it.
    fn find<T: AsRef<str>>(&self, segments: &[T]) -> Option<&Decision> {
        let found = match segments.split_first() {
            None => self.end.as_ref(),
            Some((segment, further)) => {
                let literal = self.literals.get(segment.as_ref()).and_then(|node| node.find(further));
                literal.or_else(|| self.one.as_ref().and_then(|node| node.find(further)))
            }
        };
        found.or(self.rest.as_ref())
    }
}

impl Decision {
    fn add(&mut self, rule: &AccessRule) -> Result<(), InvalidRule> {
        let twice = |method: &str| Err(InvalidRule::Twice(format!("{method} {}", rule.template.text)));
        if rule.methods.is_empty() && self.any.replace(rule.needs.clone()).is_some() {
            return twice("any method of");
        }
        for method in &rule.methods {
            if self.methods.insert(method.clone(), rule.needs.clone()).is_some() {
                return twice(method);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
