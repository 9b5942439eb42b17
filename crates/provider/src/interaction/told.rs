//! What is told of a step of an interaction: as few events as say it, because a sign-in waits for their rows. Decides nothing.

use super::Resumed;
use crate::authentication::session::SignedIn;
use protocol::AuditEvent;
use storage::grant::NewGrant;
use storage::interaction::{Advance, AdvanceInteraction};

/// Of a step, before which `left` was signed in at this browser and is not any more.
pub(super) fn of(resumed: &Resumed, left: Option<&SignedIn>, step: &AdvanceInteraction) -> Vec<AuditEvent> {
    let mut events = Vec::new();
    let Some(SignedIn { session, user }) = &resumed.signed_in else { return events };
    let (user, session_id, client) = (user.id, session.id, resumed.client.client.id.clone());
    let signs_in = step.session.is_some();
    if let Some(left) = left {
        events.push(AuditEvent::UserSignedOut { user: left.user.id, session: left.session.id });
    }
    if signs_in {
        let grant = match &step.next {
            Advance::Grant(granted) if step.consent.is_none() => Some(granted.0.id),
            _ => None,
        };
        let (client, amr) = (client.clone(), session.amr.clone());
        events.push(AuditEvent::UserSignedIn { user, session: session_id, client, grant, amr });
    }
    match &step.next {
        Advance::Grant(granted) if step.consent.is_some() => {
            let (grant, scope) = (granted.0.id, granted.0.scope.clone());
            events.push(AuditEvent::ConsentGranted { user, session: session_id, client, grant, scope });
        }
        Advance::Grant(granted) if !signs_in => events.push(grant_made(&granted.0)),
        Advance::AllowDevice(device, grant) => events.push(AuditEvent::DeviceApproved {
            user,
            session: session_id,
            client,
            device: *device,
            grant: grant.id,
            scope: grant.scope.clone(),
        }),
        Advance::DenyDevice(device) => {
            events.push(AuditEvent::DeviceDenied { user, session: session_id, client, device: *device });
        }
        Advance::Grant(_) | Advance::Continue(_) | Advance::Fail => {}
    }
    events
}

/// Of a grant for which nothing had to be asked.
pub(super) fn grant_made(grant: &NewGrant) -> AuditEvent {
    AuditEvent::GrantMade {
        user: grant.user_id,
        session: grant.session_id,
        client: grant.client_id.clone(),
        grant: grant.id,
        scope: grant.scope.clone(),
    }
}
