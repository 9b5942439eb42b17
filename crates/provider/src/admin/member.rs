//! Members of organizations, as an operator changes them.

use super::AdminError;
use crate::{Ctx, Provider};
use protocol::{AuditEvent, Role, Slug, UserId};
use storage::membership::{ListMembers, Member, RemoveMember, SetMember};

impl Provider {
    /// Makes a user a member of an organization, or gives a member another role.
    ///
    /// # Errors
    /// When there is no such user or organization.
    pub async fn set_member(
        &self,
        ctx: &Ctx,
        organization: &Slug,
        login: &str,
        role: Role,
    ) -> Result<(), AdminError> {
        let (id, user) = (self.find_organization(organization).await?.id, self.find_user(login).await?.id);
        let command = SetMember { user, organization: id, role, at: ctx.now };
        let event = AuditEvent::MemberSet { organization: id, user, role };
        match self.inner.store.write(self.audited(ctx, command, event)).await? {
            true => Ok(()),
            false => Err(AdminError::Unknown(format!("user {login} or organization {organization}"))),
        }
    }

    /// An organization's members, a page at a time.
    ///
    /// # Errors
    /// When there is no such organization.
    pub async fn list_members(
        &self,
        organization: &Slug,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Member>, AdminError> {
        let organization = self.find_organization(organization).await?.id;
        Ok(self.inner.store.read(ListMembers { organization, after, limit: limit.min(1_000) }).await?)
    }

    /// Ends a membership.
    ///
    /// # Errors
    /// When there is no such user or organization, or the user is no member.
    pub async fn remove_member(&self, ctx: &Ctx, organization: &Slug, login: &str) -> Result<(), AdminError> {
        let (id, user) = (self.find_organization(organization).await?.id, self.find_user(login).await?.id);
        let event = AuditEvent::MemberRemoved { organization: id, user };
        let remove = self.audited(ctx, RemoveMember { user, organization: id }, event);
        match self.inner.store.write(remove).await? {
            true => Ok(()),
            false => Err(AdminError::Unknown(format!("member {login} of {organization}"))),
        }
    }
}
