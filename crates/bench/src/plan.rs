//! What to measure: the settings of one run. It owns their defaults and limits, and knows nothing of how they are met.

use crate::cost::ServerProcess;
use crate::error::BenchError;
use std::time::Duration;
use url::Url;

/// One run of `bench sign-in`. It holds a client secret and a password and therefore has no `Debug`.
#[derive(Clone)]
pub struct SignInPlan {
    /// The issuer identifier; everything else is read from its discovery document. Only `http` is spoken.
    pub issuer: Url,
    /// A confidential client that may use `authorization_code` and `refresh_token` and introspect.
    pub client_id: String,
    /// Its secret, sent as HTTP Basic (RFC 6749 section 2.3.1).
    pub client_secret: String,
    /// The user that every virtual user signs in as.
    pub username: String,
    /// The password of that user.
    pub password: String,
    /// A redirect URI registered for the client. It is never requested.
    pub redirect_uri: String,
    /// The scope asked for, see [`SignInPlan::SCOPE`].
    pub scope: String,
    /// How many virtual users run at once.
    pub users: usize,
    /// The time over which users start, not counted; see [`SignInPlan::WARM_UP`].
    pub warm_up: Duration,
    /// The length of the measured window.
    pub duration: Duration,
    /// Introspections and refreshes per second beside the load, 0 for none; see [`SignInPlan::BYSTANDER_RATE`].
    pub bystander_rate: u32,
    /// The longest wait for one answer, beyond which it is an error; see [`SignInPlan::TIME_OUT`].
    pub time_out: Duration,
    /// Repeats `state`, `nonce` and `code_verifier` of an earlier run.
    pub seed: u64,
    /// The server's process, where its cost can be seen.
    pub server: Option<ServerProcess>,
}

impl SignInPlan {
    /// A scope that gives an ID Token and a refresh token.
    pub const SCOPE: &'static str = "openid profile email offline_access";
    /// The usual warm-up.
    pub const WARM_UP: Duration = Duration::from_secs(2);
    /// The usual rate of bystanders, per second.
    pub const BYSTANDER_RATE: u32 = 20;
    /// The usual time-out of a request.
    pub const TIME_OUT: Duration = Duration::from_secs(30);

    pub(crate) fn check(&self) -> Result<(), BenchError> {
        let refuse = |why: &str| Err(BenchError::Plan(why.to_owned()));
        match self.issuer.scheme() {
            "http" => {}
            "https" => {
                return refuse(
                    "https targets are not measured: the cost of TLS would drown what is asked. Point at the http listener behind it",
                );
            }
            _ => return refuse("the target must be an http:// URL"),
        }
        if self.users == 0 {
            return refuse("at least one virtual user is needed");
        }
        if self.duration.is_zero() || self.time_out.is_zero() {
            return refuse("the duration and the time-out must be longer than zero");
        }
        if self.bystander_rate > 10_000 {
            return refuse(
                "more than 10000 bystander requests per second are not a small load beside the sign-ins",
            );
        }
        Ok(())
    }
}
