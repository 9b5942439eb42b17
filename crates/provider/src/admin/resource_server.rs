//! Resource servers, as an operator changes them.

use super::AdminError;
use crate::{Ctx, Provider};
use protocol::{AuditEvent, ResourceIndicator, ResourceServer};
use storage::resource_server::{
    AddResourceServer, ListResourceServers, RemoveResourceServer, ReplaceResourceServer,
};

impl Provider {
    /// Registers a resource server.
    ///
    /// # Errors
    /// When it makes no sense, names a client that there is not, or its identifier is taken.
    pub async fn add_resource_server(&self, ctx: &Ctx, server: ResourceServer) -> Result<(), AdminError> {
        self.check_resource_server(&server).await?;
        let identifier = server.identifier.as_str().to_owned();
        let command = AddResourceServer { server: server.clone(), at: ctx.now };
        let event = AuditEvent::ResourceServerCreated { resource: server.identifier.clone() };
        let command = self.audited(ctx, command, event);
        if self.write_resource_server(command, identifier.clone(), Some(server)).await? {
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

    /// Replaces a resource server's registration; in force at once, here, and on the other nodes within a second.
    ///
    /// # Errors
    /// When there is none, or it makes no sense.
    pub async fn replace_resource_server(&self, ctx: &Ctx, server: ResourceServer) -> Result<(), AdminError> {
        self.check_resource_server(&server).await?;
        let identifier = server.identifier.as_str().to_owned();
        let command = ReplaceResourceServer { server: server.clone(), at: ctx.now };
        let event = AuditEvent::ResourceServerChanged { resource: server.identifier.clone() };
        let command = self.audited(ctx, command, event);
        if self.write_resource_server(command, identifier.clone(), Some(server)).await? {
            return Ok(());
        }
        Err(unknown(&identifier))
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
        if self.write_resource_server(remove, name.clone(), None).await? {
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
