//! Creating an account.

use super::sign_in::later;
use super::{respond_to_form, show, sign_up_view};
use crate::answer::{ContentSecurityPolicy, page};
use crate::app::Web;
use crate::error::{PageError, refused};
use crate::extract::{Looks, Posts, Visit, handle};
use crate::pages::{FieldError, SignUpField, SignUpPage, Wait};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use protocol::{NameProblem, Params};
use provider::ProviderError;
use provider::interaction::{
    Guessable, MIN_PASSWORD_CHARS, NewAccount, PasswordProblem, SignUpAnswer, SignUpProblem,
};
use secrecy::SecretString;

/// The form.
pub(crate) async fn get(State(web): State<Web>, Looks(visit): Looks) -> Result<Response, PageError> {
    let shown = web.provider.show_sign_up(&visit.ctx, visit.handle(), &visit.cookies.browser()).await;
    Ok(show(StatusCode::OK, &shown.map_err(refused(visit.ctx.request_id))?, None))
}

/// What was typed.
pub(crate) async fn post(State(web): State<Web>, Posts(visit): Posts) -> Result<Response, PageError> {
    let Visit { mut ctx, params, cookies } = visit;
    let answer = web.provider.sign_up(&mut ctx, handle(&params), &cookies.browser(), typed(&params)).await;
    if let Err(error @ ProviderError::Overloaded { .. }) = &answer {
        let shown = web.provider.show_sign_up(&ctx, handle(&params), &cookies.browser()).await;
        let view = sign_up_view(&shown.map_err(refused(ctx.request_id))?);
        return Ok(busy(view, &params, error, &ContentSecurityPolicy::FormsLeadOn));
    }
    Ok(match answer.map_err(refused(ctx.request_id))? {
        SignUpAnswer::Step(step) => respond_to_form(&web, step, &cookies),
        SignUpAnswer::Problems { page: shown, problems } => {
            let view = with_problems(sign_up_view(&shown), &params, &problems);
            page(StatusCode::BAD_REQUEST, &view, &ContentSecurityPolicy::FormsLeadOn)
        }
    })
}

/// The form again, with what was typed but the password: there is too much to do, and nothing to mend.
pub(super) fn busy(
    view: SignUpPage,
    params: &Params,
    error: &ProviderError,
    policy: &ContentSecurityPolicy,
) -> Response {
    let (status, _, seconds) = later(error);
    let message = format!("Many people are signing up right now; try again in {}", Wait::seconds(seconds));
    let NewAccount { username, email, name, .. } = typed(params);
    let errors = vec![FieldError { field: None, message }];
    let mut response = page(status, &SignUpPage { username, email, name, errors, ..view }, policy);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

pub(super) fn typed(params: &Params) -> NewAccount {
    let text = |name| params.get(name).unwrap_or_default().trim().to_owned();
    NewAccount {
        username: text("username"),
        email: text("email"),
        name: text("name"),
        password: SecretString::from(params.get("password").unwrap_or_default()),
    }
}

/// The form again, with what was typed but the password, and what is to be mended.
pub(super) fn with_problems(view: SignUpPage, params: &Params, problems: &[SignUpProblem]) -> SignUpPage {
    let NewAccount { username, email, name, .. } = typed(params);
    SignUpPage {
        username,
        email,
        name,
        errors: problems.iter().map(|problem| field_error(*problem)).collect(),
        ..view
    }
}

fn field_error(problem: SignUpProblem) -> FieldError {
    let of = |field: SignUpField, message: String| FieldError { field: Some(field), message };
    match problem {
        SignUpProblem::Username(problem) => of(SignUpField::Username, in_a_username(problem)),
        SignUpProblem::Email(NameProblem::Invisible(_)) => of(SignUpField::Email, INVISIBLE.to_owned()),
        SignUpProblem::Email(NameProblem::MixedScripts) => of(SignUpField::Email, MIXED.to_owned()),
        SignUpProblem::Email(_) => {
            of(SignUpField::Email, "This does not look like an email address".to_owned())
        }
        SignUpProblem::Name(NameProblem::Invisible(_)) => of(SignUpField::Name, INVISIBLE.to_owned()),
        SignUpProblem::Name(_) => of(SignUpField::Name, "This name is too long".to_owned()),
        SignUpProblem::Password(problem) => of(SignUpField::Password, in_a_password(problem)),
        SignUpProblem::Taken => FieldError {
            field: None,
            message: "This username or email address has an account already".to_owned(),
        },
        SignUpProblem::LooksAlike => FieldError {
            field: None,
            message: "This username or email address looks like somebody else's; choose another".to_owned(),
        },
    }
}

const INVISIBLE: &str = "There is a character in it that cannot be seen; type it anew";
const MIXED: &str = "Letters of different alphabets are mixed in it";

fn in_a_username(problem: NameProblem) -> String {
    match problem {
        NameProblem::Invisible(_) => INVISIBLE,
        NameProblem::MixedScripts => MIXED,
        NameProblem::NotAName => "Choose a username of letters, digits and ordinary signs",
        NameProblem::Length | NameProblem::Spaces | NameProblem::NotAnAddress | NameProblem::NotOwn => {
            "Choose a username without spaces around it; one with an @ must be your own email address"
        }
    }
    .to_owned()
}

fn in_a_password(problem: PasswordProblem) -> String {
    match problem {
        PasswordProblem::Length => format!(
            "Choose a password of at least {MIN_PASSWORD_CHARS} characters; a few words make a good one"
        ),
        PasswordProblem::Guessable(Guessable::OwnWords) => {
            "This password is made of your own name or address; choose other words".to_owned()
        }
        PasswordProblem::Guessable(Guessable::Common | Guessable::Pattern) => {
            "This password is one of those that are guessed first; a few words make a good one".to_owned()
        }
    }
}
