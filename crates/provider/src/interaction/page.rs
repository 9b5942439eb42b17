//! What a person is shown, of what is left to do.

use super::next::{self, Next};
use super::{AccountChoice, Asked, Named, Page, Todo};
use crate::Provider;
use crate::authentication::session::SignedIn;
use crate::settings::StaySignedIn;
use protocol::{Logo, Timestamp};

impl Provider {
    pub(crate) fn page(&self, now: Timestamp, asked: Asked<'_>, left: Next, handle: String) -> Page {
        let request = asked.request;
        let todo = match (left, asked.signed_in) {
            (Next::Device, Some(signed_in)) => {
                crate::device::todo(now, request, signed_in, self.entered_code(request))
            }
            (Next::SignUp, _) => Todo::SignUp,
            (Next::SelectAccount, Some(_)) => {
                Todo::SelectAccount(asked.accounts.iter().map(AccountChoice::of).collect())
            }
            (Next::Consent | Next::Confirm, Some(signed_in)) => Todo::Consent {
                person: Named::of(&signed_in.user),
                scope: request.scope.clone(),
                claims: next::named_claims(request).into_iter().collect(),
            },
            (left, _) => self.sign_in_todo(asked, left),
        };
        Page {
            handle,
            client_name: asked.client.name.clone(),
            client: asked.client.id.clone(),
            logo: asked.client.logo.as_ref().map(Logo::version),
            returns_to: if request.device.is_none() { request.redirect_uri.shown() } else { String::new() },
            todo,
        }
    }

    fn sign_in_todo(&self, asked: Asked<'_>, left: Next) -> Todo {
        let again = asked
            .signed_in
            .filter(|_| left == Next::SignInAgain && !asked.progress.wants_another)
            .map(|signed_in| Named::of(&signed_in.user));
        let username = again.as_ref().map(|again| again.username.clone());
        // Whoever wants another account is not the one the client named.
        let hint = asked.request.login_hint.as_ref().filter(|_| !asked.progress.wants_another);
        let username = username.or_else(|| hint.cloned()).unwrap_or_default();
        let settings = &self.inner.settings;
        let stays = asked.signed_in.is_some_and(|signed_in| again.is_some() && signed_in.session.persistent);
        let stay = (settings.stay_signed_in == StaySignedIn::Ask).then_some(stays);
        Todo::SignIn { username, again, can_sign_up: settings.registration_open, stay }
    }
}

impl AccountChoice {
    fn of(signed_in: &SignedIn) -> Self {
        let SignedIn { session, user } = signed_in;
        Self { session: session.id, person: Named::of(user) }
    }
}
