//! What everybody else asks while people sign in: a token for a machine, an introspection, a UserInfo, the signing keys, in turn. It owns what is
//! asked; how often is whoever's who runs it beside something.

use super::{Kind, User, Wire, Workload};
use crate::draw::Draw;
use crate::error::BenchError;
use crate::http::Origin;
use crate::site::{Grant, Site, bearer, holds};
use crate::wire::Trouble;
use http::HeaderValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Everybody else.
pub(crate) struct Others {
    shared: Arc<Shared>,
}

struct Shared {
    site: Arc<Site>,
    /// Of people who have signed in, and the same as headers.
    tokens: Vec<(String, HeaderValue)>,
    turns: AtomicUsize,
}

/// One of them.
pub(crate) struct Other(Arc<Shared>);

const TOKEN: usize = 0;
const INTROSPECTION: usize = 1;
const USERINFO: usize = 2;
const JWKS: usize = 3;

impl Others {
    pub(crate) fn new(site: &Arc<Site>, grants: &[Grant]) -> Result<Self, BenchError> {
        let token = |grant: &Grant| Ok((grant.access_token.clone(), bearer(&grant.access_token)?));
        let tokens = grants.iter().map(token).collect::<Result<_, String>>();
        let tokens = tokens.map_err(BenchError::Target)?;
        Ok(Self { shared: Arc::new(Shared { site: Arc::clone(site), tokens, turns: AtomicUsize::new(0) }) })
    }
}

impl Workload for Others {
    const NAME: &'static str = "others";
    const KINDS: &'static [Kind] = &[
        Kind { name: "client_credentials", meaning: "a token that speaks for a client" },
        Kind { name: "introspection", meaning: "the token of somebody who is signed in" },
        Kind { name: "userinfo", meaning: "who that is" },
        Kind { name: "jwks", meaning: "the signing keys" },
    ];
    type User = Other;

    fn origin(&self) -> &Arc<Origin> {
        &self.shared.site.origin
    }

    fn user(&self, _: Draw) -> Other {
        Other(Arc::clone(&self.shared))
    }
}

impl User for Other {
    async fn turn(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        let Shared { site, tokens, turns } = &*self.0;
        let turn = turns.fetch_add(1, Ordering::Relaxed);
        let kind = turn % Others::KINDS.len();
        let (token, bearer) = &tokens[turn % tokens.len()];
        let (request, mark): (_, &[u8]) = match kind {
            TOKEN => (site.client_credentials_request(), b"\"access_token\""),
            INTROSPECTION => (site.introspect_request(token), b"\"active\":true"),
            USERINFO => (site.userinfo_request(bearer), b"\"sub\""),
            JWKS.. => (site.jwks_request(), b"\"keys\""),
        };
        wire.ask(kind, request.map_err(Trouble::Failed)?, |answer| holds(answer, mark)).await
    }
}
