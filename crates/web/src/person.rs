//! What people do in the browser: sign in, sign up, choose, allow. Each file reads one form and shows one page.

pub(crate) mod consent;
pub(crate) mod device;
pub(crate) mod home;
pub(crate) mod logo;
pub(crate) mod select_account;
pub(crate) mod setup;
pub(crate) mod sign_in;
pub(crate) mod sign_up;

use crate::answer::{ContentSecurityPolicy, page, see_other};
use crate::app::Web;
use crate::cookies::Presented;
use crate::metrics::Told;
use crate::pages::{
    Account, ClientMark, ConsentPage, DeviceConsentPage, FormPostPage, Permission, Person, SelectAccountPage,
    SignInPage, SignInProblem, SignUpPage, SignUpPurpose, Wait,
};
use crate::refusals::{self, Refused};
use axum::response::Response;
use http::StatusCode;
use http::header::SET_COOKIE;
use protocol::{ResponseMode, Scope};
use provider::AuthorizationResponse;
use provider::interaction::{AccountChoice, MIN_PASSWORD_CHARS, Named, Page, Step, Todo, What};

/// Sends an authorization response on its way.
pub(crate) fn respond(response: &AuthorizationResponse) -> Response {
    let mut answer = carried(response);
    if let Some(refused) = &response.refused {
        refusals::sends_back(response);
        answer.extensions_mut().insert(Told { code: refused.code, refusal: None, sent_back: true });
        answer.extensions_mut().insert(Refused(refused.clone()));
    }
    answer
}

fn carried(response: &AuthorizationResponse) -> Response {
    if response.mode != ResponseMode::FormPost {
        return see_other(&response.location());
    }
    let form = FormPostPage {
        action: response.redirect_uri.to_string(),
        fields: response.params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    };
    page(StatusCode::OK, &form, &ContentSecurityPolicy::FormsLeadOn)
}

/// Shows a step, or sends its answer on its way, with the cookies it brings.
pub(crate) fn respond_to_step(web: &Web, step: Step, cookies: &Presented) -> Response {
    let mut response = match &step.what {
        What::Answer(response) => respond(response),
        What::Page(shown) => show(StatusCode::OK, shown, None),
        What::Device(decision) => device::decided(*decision),
        What::UserCode(problem) => device::again("", *problem),
    };
    add_cookies(web, &step, cookies, &mut response);
    response
}

/// Like [`respond_to_step`], but what a form led to is shown by GET: going back or reloading posts no password twice.
pub(crate) fn respond_to_form(web: &Web, step: Step, cookies: &Presented) -> Response {
    let mut response = match &step.what {
        What::Answer(response) => respond(response),
        What::Page(shown) => see_other(&format!("/interaction?interaction={}", shown.handle)),
        What::Device(decision) => device::decided(*decision),
        What::UserCode(problem) => device::again("", *problem),
    };
    add_cookies(web, &step, cookies, &mut response);
    response
}

fn add_cookies(web: &Web, step: &Step, presented: &Presented, response: &mut Response) {
    let cookies = web.cookies();
    let new_secret = step.new_browser_secret.as_deref();
    let sessions = match &step.cookies {
        Some(accounts) => cookies.signed_in(accounts, new_secret, presented),
        None => new_secret.and_then(|secret| cookies.browser(secret, None)).into_iter().collect(),
    };
    let device = step.new_device.as_deref().and_then(|device| cookies.device(device));
    for cookie in sessions.into_iter().chain(device) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Shows what there is to do.
pub(crate) fn show(status: StatusCode, shown: &Page, problem: Option<SignInProblem>) -> Response {
    let policy = match shown.returns_to.as_str() {
        "" => ContentSecurityPolicy::default(),
        _ => ContentSecurityPolicy::FormsLeadOn,
    };
    match &shown.todo {
        Todo::SignIn { username, again, can_sign_up, stay } => {
            let view = SignInPage {
                client_name: shown.client_name.clone(),
                client_mark: client_mark(shown),
                client_host: Some(shown.returns_to.clone()).filter(|host| !host.is_empty()),
                interaction: shown.handle.clone(),
                action: form_action("/sign-in", shown),
                stay: *stay,
                username: username.clone(),
                error: problem,
                can_sign_up: *can_sign_up,
                again_as: again.as_ref().map(named),
            };
            page(status, &view, &policy)
        }
        Todo::SignUp => page(status, &sign_up_view(shown), &policy),
        Todo::SelectAccount(_) => page(status, &select_account_view(shown), &policy),
        Todo::Consent { .. } => page(status, &consent_view(shown), &policy),
        Todo::Device { person, user_code, scope, asked_from, asked_for } => {
            let view = DeviceConsentPage {
                client_name: shown.client_name.clone(),
                client_mark: client_mark(shown),
                user_code: user_code.clone(),
                person: named(person),
                interaction: shown.handle.clone(),
                asked_from: asked_from.clone(),
                asked_for: Wait::seconds(asked_for.as_secs()),
                permissions: permissions(scope).collect(),
                offline: scope.contains(Scope::OFFLINE_ACCESS),
            };
            page(status, &view, &policy)
        }
    }
}

fn sign_up_view(shown: &Page) -> SignUpPage {
    SignUpPage {
        purpose: SignUpPurpose::Join {
            client_name: Some(shown.client_name.clone()),
            interaction: shown.handle.clone(),
        },
        client_mark: client_mark(shown),
        action: form_action("/sign-up", shown),
        username: String::new(),
        email: String::new(),
        name: String::new(),
        password_min_length: MIN_PASSWORD_CHARS,
        errors: Vec::new(),
    }
}

fn select_account_view(shown: &Page) -> SelectAccountPage {
    let accounts = match &shown.todo {
        Todo::SelectAccount(choices) => choices.iter().map(account).collect(),
        _ => Vec::new(),
    };
    SelectAccountPage {
        client_name: shown.client_name.clone(),
        client_mark: client_mark(shown),
        interaction: shown.handle.clone(),
        accounts,
        action: form_action("/select-account", shown),
    }
}

fn account(choice: &AccountChoice) -> Account {
    Account { person: named(&choice.person), session: choice.session.to_string() }
}

/// A form's address says which interaction it belongs to: a tab that is restored there goes on.
fn form_action(path: &str, shown: &Page) -> String {
    format!("{path}?interaction={}", shown.handle)
}

fn consent_view(shown: &Page) -> ConsentPage {
    let (person, scope, claims) = match &shown.todo {
        Todo::Consent { person, scope, claims } => (named(person), scope.clone(), claims.clone()),
        _ => (Person::of("", None, None), Scope::default(), Vec::new()),
    };
    let named = claims.iter().map(|claim| ConsentPage::claim(claim));
    ConsentPage {
        client_name: shown.client_name.clone(),
        client_host: Some(shown.returns_to.clone()),
        client_mark: client_mark(shown),
        person,
        interaction: shown.handle.clone(),
        permissions: permissions(&scope).chain(named).collect(),
        offline: scope.contains(Scope::OFFLINE_ACCESS),
        action: form_action("/consent", shown),
    }
}

/// Somebody, as every page names them.
pub(crate) fn named(person: &Named) -> Person {
    Person::of(&person.username, person.name.as_deref(), person.email.as_deref())
}

fn client_mark(shown: &Page) -> ClientMark {
    match &shown.logo {
        Some(version) => ClientMark::Logo(logo::address(&shown.client, version)),
        None if shown.client.is_of_this_server() => ClientMark::Ours,
        None => ClientMark::Initial,
    }
}

/// Who one is comes first; what a service defines, last. How long it lasts is told apart from the rest.
fn permissions(scope: &Scope) -> impl Iterator<Item = Permission> {
    let standard = Scope::STANDARD.into_iter().filter(|token| scope.contains(token));
    let others = scope.iter().filter(|token| !Scope::STANDARD.contains(token));
    standard.chain(others).filter(|token| *token != Scope::OFFLINE_ACCESS).map(ConsentPage::permission)
}
