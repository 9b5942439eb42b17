//! Resource servers, as an operator changes them.

use super::AdminError;
use crate::{Ctx, Provider};
use protocol::{AuditEvent, ResourceIndicator, ResourceServer, Version};
use storage::resource_server::{
    AddResourceServer, ListResourceServers, RemoveResourceServer, ReplaceResourceServer,
    ResourceServerByIdentifier,
};

impl Provider {
    /// Registers a resource server.
    ///
    /// # Errors
    /// When it makes no sense, names a client that there is not, or its identifier is taken.
    pub async fn add_resource_server(&self, ctx: &Ctx, server: ResourceServer) -> Result<(), AdminError> {
        self.check_resource_server(&server).await?;
        let identifier = server.identifier.as_str().to_owned();
        let event = AuditEvent::ResourceServerCreated { resource: server.identifier.clone() };
        let command = AddResourceServer { server, at: ctx.now };
        if self.commit(ctx, self.audited(ctx, command, event)).await? {
            return Ok(());
        }
        Err(AdminError::Taken(format!("resource server {identifier}")))
    }

    /// Every resource server, by identifier.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn list_resource_servers(&self) -> Result<Vec<ResourceServer>, AdminError> {
        Ok(self.inner.store.read(ListResourceServers).await?)
    }

    /// The resource server with this identifier, and its version.
    ///
    /// # Errors
    /// When there is none.
    pub async fn find_resource_server(
        &self,
        identifier: &ResourceIndicator,
    ) -> Result<(ResourceServer, Version), AdminError> {
        let found = self.inner.store.read(ResourceServerByIdentifier(identifier)).await?;
        found.ok_or_else(|| unknown(identifier.as_str()))
    }

    /// Replaces a resource server's registration; in force at once, here, and on the other nodes within a second.
    ///
    /// # Errors
    /// When there is none, it makes no sense, or it is no more the version that was looked at.
    pub async fn replace_resource_server(
        &self,
        ctx: &Ctx,
        server: ResourceServer,
        version: Version,
    ) -> Result<(), AdminError> {
        self.check_resource_server(&server).await?;
        let identifier = server.identifier.clone();
        let event = AuditEvent::ResourceServerChanged { resource: identifier.clone() };
        let command = ReplaceResourceServer { server, version, at: ctx.now };
        if self.commit(ctx, self.audited(ctx, command, event)).await? {
            return Ok(());
        }
        self.find_resource_server(&identifier).await?;
        Err(AdminError::Changed(format!("resource server {}", identifier.as_str())))
    }

    /// Forgets a resource server: gateways that ask for it are refused from now on.
    ///
    /// # Errors
    /// When there is none.
    pub async fn remove_resource_server(
        &self,
        ctx: &Ctx,
        identifier: ResourceIndicator,
    ) -> Result<(), AdminError> {
        let name = identifier.as_str().to_owned();
        let event = AuditEvent::ResourceServerRemoved { resource: identifier.clone() };
        let remove = self.audited(ctx, RemoveResourceServer(identifier), event);
        if self.commit(ctx, remove).await? {
            return Ok(());
        }
        Err(unknown(&name))
    }

    async fn check_resource_server(&self, server: &ResourceServer) -> Result<(), AdminError> {
        server.access_rules().map_err(|error| AdminError::Invalid(error.to_string()))?;
        if server.identifier.as_str() == self.inner.settings.issuer {
            return Err(AdminError::Invalid("identifier: that is this issuer's own".into()));
        }
        for id in &server.introspected_by {
            if !self.find_client(id).await?.authentication.is_confidential() {
                return Err(AdminError::Invalid(format!("client {id} is public: it cannot introspect")));
            }
        }
        Ok(())
    }
}

fn unknown(identifier: &str) -> AdminError {
    AdminError::Unknown(format!("resource server {identifier}"))
}
