//! Organizations, as an operator changes them.

use super::{AdminError, TRIES, check_name};
use crate::{Ctx, Provider};
use protocol::{AuditEvent, OrganizationId, Slug, Version};
use storage::organization::{
    AddOrganization, ListOrganizations, Organization, OrganizationBySlug, Removal, RemoveOrganization,
    ReplaceOrganization,
};

/// What is to be changed about an organization; what is not said stays.
#[derive(Debug, Default)]
pub struct OrganizationChange {
    /// What people call it.
    pub name: Option<String>,
    /// Whether the clients of its services are refused.
    pub disabled: Option<bool>,
}

impl Provider {
    /// Adds an organization.
    ///
    /// # Errors
    /// When its slug is taken, or it has no name.
    pub async fn add_organization(
        &self,
        ctx: &mut Ctx,
        slug: Slug,
        name: String,
    ) -> Result<Organization, AdminError> {
        check_name(&name)?;
        let organization = Organization {
            id: OrganizationId::new(ctx.now, ctx.id()),
            slug,
            name,
            created_at: ctx.now,
            updated_at: ctx.now,
            disabled_at: None,
            version: Version::default(),
        };
        let created = AuditEvent::OrganizationCreated {
            organization: organization.id,
            slug: organization.slug.clone(),
        };
        let add = self.audited(ctx, AddOrganization(organization.clone()), created);
        if !self.inner.store.write(add).await? {
            return Err(AdminError::Taken(format!("organization {}", organization.slug)));
        }
        Ok(organization)
    }

    /// Organizations by slug, a page at a time.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn list_organizations(
        &self,
        after: Option<Slug>,
        limit: u32,
    ) -> Result<Vec<Organization>, AdminError> {
        Ok(self.inner.store.read(ListOrganizations { after, limit: limit.min(1_000) }).await?)
    }

    /// The organization with this slug, disabled or not.
    ///
    /// # Errors
    /// When there is none.
    pub async fn find_organization(&self, slug: &Slug) -> Result<Organization, AdminError> {
        self.inner.store.read(OrganizationBySlug(slug)).await?.ok_or_else(|| unknown(slug))
    }

    /// Changes an organization. While it is disabled, the clients of its services and their tokens are refused. What
    /// somebody else changes at the same time stays as they made it.
    ///
    /// # Errors
    /// When there is none, or it would have no name.
    pub async fn change_organization(
        &self,
        ctx: &Ctx,
        slug: &Slug,
        change: OrganizationChange,
    ) -> Result<Organization, AdminError> {
        for _ in 0..TRIES {
            let before = self.find_organization(slug).await?;
            let name = change.name.clone().unwrap_or(before.name);
            check_name(&name)?;
            let disabled_at = match change.disabled {
                None => before.disabled_at,
                Some(false) => None,
                Some(true) => Some(before.disabled_at.unwrap_or(ctx.now)),
            };
            let changed = Organization { name, disabled_at, updated_at: ctx.now, ..before };
            let event =
                AuditEvent::OrganizationChanged { organization: changed.id, disabled: disabled_at.is_some() };
            let command = self.audited(ctx, ReplaceOrganization(changed.clone()), event);
            if self.commit(ctx, command).await? {
                return Ok(changed);
            }
        }
        Err(AdminError::Changed(format!("organization {slug}")))
    }

    /// Forgets an organization and its members.
    ///
    /// # Errors
    /// When there is none, or it has services.
    pub async fn remove_organization(&self, ctx: &Ctx, slug: &Slug) -> Result<(), AdminError> {
        let organization = self.find_organization(slug).await?.id;
        let event = AuditEvent::OrganizationRemoved { organization };
        let command = self.audited(ctx, RemoveOrganization(organization), event);
        let removal = self.commit(ctx, command).await?;
        match removal {
            Removal::Removed => Ok(()),
            Removal::Unknown => Err(unknown(slug)),
            Removal::InUse => Err(AdminError::InUse(format!(
                "organization {slug} has services: remove them first, or disable the organization"
            ))),
        }
    }
}

fn unknown(slug: &Slug) -> AdminError {
    AdminError::Unknown(format!("organization {slug}"))
}
