//! Every audit event, once: what happened, and whom and what it concerns. Made of ids, names that an administrator chose, and words of this
//! list; never of a secret, a token, a password, an e-mail address or anything that somebody typed.

use crate::{
    AccessTokenId, ApiKeyId, ClientId, DeviceCodeId, GrantId, GrantType, OrganizationId, PlanId, PlanPath,
    ResourceIndicator, Role, Scope, ServiceId, ServicePath, SessionId, SigningAlgorithm, Slug,
    SubscriptionStatus, Timestamp, UserId,
};
use serde::Serialize;

/// How an event comes to be, and how much is kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuditClass {
    /// Something changed: the event is written in the transaction of the change.
    Change,
    /// Somebody failed to prove something: gathered, and written within about a second.
    Failure,
    /// Something was used: as many as there are requests; gathered, and written within about a second.
    Use,
}

/// What the reference says of an event.
#[derive(Debug, Clone, Copy)]
pub struct AuditEventKind {
    /// Its name.
    pub name: &'static str,
    /// How it comes to be.
    pub class: AuditClass,
    /// What it means.
    pub meaning: &'static [&'static str],
    /// Its members, and their types; an optional one is `Option<..>`.
    pub members: &'static [(&'static str, &'static str)],
}

macro_rules! audit_events {
    ($($class:ident: $(#[doc = $meaning:literal])+ $name:ident { $($(#[$skip:meta])* $member:ident: $kind:ty),* $(,)? })+) => {
        /// What happened.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(tag = "event")]
        #[expect(missing_docs, reason = "what a member is, its type says")]
        pub enum AuditEvent {
            $($(#[doc = $meaning])+ $name { $($(#[$skip])* $member: $kind),* },)+
        }

        /// Every event, in the order of the reference.
        pub const AUDIT_EVENTS: &[AuditEventKind] = &[$(AuditEventKind {
            name: stringify!($name),
            class: AuditClass::$class,
            meaning: &[$($meaning),+],
            members: &[$((stringify!($member), stringify!($kind))),*],
        }),+];

        impl AuditEvent {
            /// Its name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name { .. } => stringify!($name)),+ }
            }

            /// How it comes to be.
            pub fn class(&self) -> AuditClass {
                match self { $(Self::$name { .. } => AuditClass::$class),+ }
            }
        }
    };
}

audit_events! {
    Change: /// A person created an account.
    UserSignedUp { user: UserId }
    Change: /// A person proved who they are: a session began, or goes on with a new proof. `grant` is what the client was granted by the same act.
    UserSignedIn {
        user: UserId,
        session: SessionId,
        client: ClientId,
        #[serde(skip_serializing_if = "Option::is_none")]
        grant: Option<GrantId>,
        amr: String,
    }
    Failure: /// A sign-in failed. `user` is who would have signed in, where the name was somebody's.
    SignInFailed {
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
        client: ClientId,
        reason: SignInFailure,
    }
    Change: /// A session ended: its user signed out, or there was no room for one more person at their browser.
    UserSignedOut { user: UserId, session: SessionId }
    Change: /// A client was granted what its user had allowed before, or what needs no consent; the user was signed in already.
    GrantMade { user: UserId, session: SessionId, client: ClientId, grant: GrantId, scope: Scope }
    Change: /// A user allowed a client what it asked for.
    ConsentGranted { user: UserId, session: SessionId, client: ClientId, grant: GrantId, scope: Scope }
    Change: /// A user did not allow a client what it asked for.
    ConsentDenied {
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
        client: ClientId,
    }
    Change: /// A user allowed a device what it asked for.
    DeviceApproved { user: UserId, session: SessionId, client: ClientId, device: DeviceCodeId, grant: GrantId, scope: Scope }
    Change: /// A user did not allow a device what it asked for.
    DeviceDenied { user: UserId, session: SessionId, client: ClientId, device: DeviceCodeId }
    Failure: /// Somebody entered a user code that is nobody's, or no longer.
    UserCodeUnknown {}
    Change: /// A grant was revoked, and with it every token that stands on it.
    GrantRevoked { grant: GrantId, client: ClientId }
    Change: /// An operator ended every grant made for a client, and every token issued to it.
    ClientGrantsEnded { client: ClientId }
    Change: /// An operator ended a user's sessions and grants.
    UserGrantsEnded { user: UserId }
    Change: /// An access token was revoked, by its client or whoever held it.
    AccessTokenRevoked {
        token: AccessTokenId,
        client: ClientId,
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
    }
    Change: /// A refresh token was presented after its successor was used: it was stolen from somebody. The grant was revoked.
    RefreshTokenReused { grant: GrantId, client: ClientId }
    Change: /// An authorization code was presented twice. What it was exchanged for was revoked.
    AuthorizationCodeReused { grant: GrantId, client: ClientId }
    Change: /// A device code was presented twice. What it was exchanged for was revoked.
    DeviceCodeReused { grant: GrantId, client: ClientId }
    Use: /// An access token was issued.
    AccessTokenIssued {
        client: ClientId,
        grant_type: GrantType,
        token: AccessTokenId,
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        grant: Option<GrantId>,
    }
    Failure: /// A client that is registered did not prove that it is the one it says.
    ClientAuthenticationFailed { client: ClientId }
    Use: /// A credential was found wrong, expired, revoked or not meant for whoever asked. `client` is who asked, where it had to say.
    CredentialRefused {
        at: CheckedAt,
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<ClientId>,
    }
    Change: /// An operator added a user.
    UserCreated { user: UserId, platform_owner: bool }
    Change: /// An operator changed a user: `changed` says what of them (`username`, `email`, `name`, `claims`), never to what.
    UserChanged { user: UserId, changed: String }
    Change: /// An operator set a user's password. Their sessions and grants ended.
    UserPasswordSet { user: UserId }
    Change: /// An operator lifted a user's lock-out: wrong passwords so far are forgotten.
    UserUnlocked { user: UserId }
    Change: /// An operator disabled a user. Their sessions and grants ended.
    UserDisabled { user: UserId }
    Change: /// An operator admitted a user again.
    UserEnabled { user: UserId }
    Change: /// An operator removed a user.
    UserRemoved { user: UserId }
    Change: /// A link was made that creates the first platform owner.
    SetupLinkCreated {}
    Change: /// The first platform owner was created, with that link.
    PlatformOwnerCreated { user: UserId }
    Change: /// An operator registered a client or a service account.
    ClientCreated { client: ClientId, service_account: bool }
    Change: /// An operator changed a client's registration.
    ClientChanged { client: ClientId, disabled: bool }
    Change: /// An operator gave a client a new secret.
    ClientSecretRotated { client: ClientId }
    Change: /// An operator removed a client.
    ClientRemoved { client: ClientId }
    Change: /// An operator made an API key.
    ApiKeyCreated { key: ApiKeyId, client: ClientId, scope: Scope }
    Change: /// An API key was revoked.
    ApiKeyRevoked { key: ApiKeyId }
    Change: /// An operator trusted another issuer's assertions.
    AssertionIssuerAdded { issuer: String }
    Change: /// An operator trusts an issuer's assertions no more.
    AssertionIssuerRemoved { issuer: String }
    Change: /// An operator registered a resource server.
    ResourceServerCreated { resource: ResourceIndicator }
    Change: /// An operator changed a resource server's registration.
    ResourceServerChanged { resource: ResourceIndicator }
    Change: /// An operator removed a resource server.
    ResourceServerRemoved { resource: ResourceIndicator }
    Change: /// An operator added an organization.
    OrganizationCreated { organization: OrganizationId, slug: Slug }
    Change: /// An operator changed an organization.
    OrganizationChanged { organization: OrganizationId, disabled: bool }
    Change: /// An operator removed an organization.
    OrganizationRemoved { organization: OrganizationId }
    Change: /// A user became a member of an organization, or a member got another role.
    MemberSet { organization: OrganizationId, user: UserId, role: Role }
    Change: /// A user is no member of an organization any more.
    MemberRemoved { organization: OrganizationId, user: UserId }
    Change: /// An operator added a service.
    ServiceCreated { service: ServiceId, organization: OrganizationId, path: ServicePath }
    Change: /// An operator gave a service another name.
    ServiceRenamed { service: ServiceId }
    Change: /// An operator removed a service.
    ServiceRemoved { service: ServiceId }
    Change: /// An operator added a plan.
    PlanCreated { plan: PlanId, service: ServiceId, path: PlanPath }
    Change: /// An operator changed a plan.
    PlanChanged { plan: PlanId }
    Change: /// An operator removed a plan.
    PlanRemoved { plan: PlanId }
    Change: /// A user's subscription to a service began, or changed.
    SubscriptionChanged { user: UserId, service: ServiceId, plan: PlanId, status: SubscriptionStatus }
    Change: /// A user's subscription to a service was ended.
    SubscriptionRemoved { user: UserId, service: ServiceId }
    Change: /// An algorithm's signing keys turned: `kid` signs from now on.
    SigningKeyTurned { algorithm: SigningAlgorithm, kid: String }
    Change: /// An operator changed the issuer by which clients know this installation.
    IssuerChanged { issuer: String }
    Change: /// Every sealed secret was sealed anew, under another master key.
    SecretsResealed { count: usize }
    Change: /// The oldest blocks of the audit chain, up to `through`, are forgotten; `record` is signed and allows it.
    AuditBlocksForgotten { through: i64, until: Timestamp, record: String }
}

/// Why a sign-in failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInFailure {
    /// Nobody has this name.
    UnknownUser,
    /// The password was wrong.
    WrongPassword,
    /// It was right, and the account is disabled.
    Disabled,
    /// It was not looked at: too many were wrong before.
    Locked,
}

/// Where a credential was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckedAt {
    /// By whoever asked what it is worth (RFC 7662).
    Introspection,
    /// By UserInfo.
    Userinfo,
    /// By a gateway.
    Gateway,
}

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_no_member_hides_what_every_event_has() {
        let names: BTreeSet<_> = AUDIT_EVENTS.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), AUDIT_EVENTS.len());
        let taken = ["id", "time", "event", "request", "address"];
        for kind in AUDIT_EVENTS {
            assert!(kind.members.iter().all(|(name, _)| !taken.contains(name)), "{}", kind.name);
        }
    }

    #[test]
    fn an_event_is_written_with_its_name_and_what_it_has() {
        let user = UserId::from_bytes([1; 16]);
        let event = AuditEvent::SignInFailed {
            user: None,
            client: ClientId::parse("notes").unwrap(),
            reason: SignInFailure::UnknownUser,
        };
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"event":"SignInFailed","client":"notes","reason":"unknown_user"}"#
        );
        let event = AuditEvent::UserRemoved { user };
        assert_eq!((event.name(), event.class()), ("UserRemoved", AuditClass::Change));
    }
}
