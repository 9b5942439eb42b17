//! Services, as an operator changes them. Which service a client belongs to is said in the client's registration.

use super::{AdminError, check_name};
use crate::{Ctx, Provider};
use protocol::{AuditEvent, ServiceId, ServicePath, Slug};
use storage::organization::Removal;
use storage::service::{
    AddService, Addition, ListServices, RemoveService, RenameService, Service, ServiceById, ServiceByPath,
};

impl Provider {
    /// Adds a service to an organization.
    ///
    /// # Errors
    /// When there is no such organization, the organization has such a service already, or it has no name.
    pub async fn add_service(
        &self,
        ctx: &mut Ctx,
        path: ServicePath,
        name: String,
    ) -> Result<Service, AdminError> {
        check_name(&name)?;
        let organization = self.find_organization(&path.organization).await?;
        let service = Service {
            id: ServiceId::new(ctx.now, ctx.id()),
            organization_id: organization.id,
            path,
            name,
            created_at: ctx.now,
            updated_at: ctx.now,
            organization_disabled_at: organization.disabled_at,
        };
        let created = AuditEvent::ServiceCreated {
            service: service.id,
            organization: organization.id,
            path: service.path.clone(),
        };
        match self.inner.store.write(self.audited(ctx, AddService(service.clone()), created)).await? {
            Addition::Added => Ok(service),
            Addition::Taken => Err(AdminError::Taken(format!("service {}", service.path))),
            Addition::Nowhere => {
                Err(AdminError::Unknown(format!("organization {}", service.path.organization)))
            }
        }
    }

    /// An organization's services by slug, a page at a time.
    ///
    /// # Errors
    /// When there is no such organization.
    pub async fn list_services(
        &self,
        organization: &Slug,
        after: Option<Slug>,
        limit: u32,
    ) -> Result<Vec<Service>, AdminError> {
        let organization = self.find_organization(organization).await?.id;
        Ok(self.inner.store.read(ListServices { organization, after, limit: limit.min(1_000) }).await?)
    }

    /// The service of this path.
    ///
    /// # Errors
    /// When there is none.
    pub async fn find_service(&self, path: &ServicePath) -> Result<Service, AdminError> {
        self.inner.store.read(ServiceByPath(path)).await?.ok_or_else(|| unknown(path))
    }

    /// The service with this id, as a client's registration names it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn find_service_by_id(&self, id: ServiceId) -> Result<Service, AdminError> {
        let found = self.inner.store.read(ServiceById(id)).await?;
        found.ok_or_else(|| AdminError::Unknown(format!("service {id}")))
    }

    /// Gives a service another name.
    ///
    /// # Errors
    /// When there is none, or it would have no name.
    pub async fn rename_service(
        &self,
        ctx: &Ctx,
        path: &ServicePath,
        name: String,
    ) -> Result<Service, AdminError> {
        check_name(&name)?;
        let service = self.find_service(path).await?;
        let rename = RenameService { id: service.id, name: name.clone(), at: ctx.now };
        let renamed = AuditEvent::ServiceRenamed { service: service.id };
        if !self.inner.store.write(self.audited(ctx, rename, renamed)).await? {
            return Err(unknown(path));
        }
        Ok(Service { name, updated_at: ctx.now, ..service })
    }

    /// Forgets a service and its plans.
    ///
    /// # Errors
    /// When there is none, a client belongs to it, or somebody has subscribed to it.
    pub async fn remove_service(&self, ctx: &Ctx, path: &ServicePath) -> Result<(), AdminError> {
        let service = self.find_service(path).await?;
        let command = RemoveService { id: service.id, organization: service.organization_id };
        let command = self.audited(ctx, command, AuditEvent::ServiceRemoved { service: service.id });
        match self.commit(ctx, command).await? {
            Removal::Removed => Ok(()),
            Removal::Unknown => Err(unknown(path)),
            Removal::InUse => Err(AdminError::InUse(format!(
                "service {path} has clients or subscriptions: remove them first"
            ))),
        }
    }
}

fn unknown(path: &ServicePath) -> AdminError {
    AdminError::Unknown(format!("service {path}"))
}
