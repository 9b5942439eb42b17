//! Does one operation: a translation from [`Operation`] to `provider`'s methods and back.

use super::{Answer, Operation, Outcome, PasswordToSet, Refusal, Secret, SecretToKeep, UserToAdd};
use protocol::UserId;
use provider::admin::{AdminError, KnownSecret, NewClient, NewUser, UserPassword};
use provider::{Ctx, Provider, ProviderError};

/// Does it, or says in one sentence why not.
pub(crate) async fn perform(provider: &Provider, ctx: &mut Ctx, operation: Operation) -> Answer {
    use Operation as Op;
    Ok(match operation {
        Op::AddUser(user) => Outcome::User(provider.add_user(ctx, new_user(user)).await?.into()),
        Op::ListUsers { after, limit } => list_users(provider, after, limit).await?,
        Op::FindUser { login } => Outcome::User(provider.user_details(&login).await?.into()),
        Op::SetUserPassword { login, password } => {
            done(provider.set_user_password(ctx, &login, password.0).await)?
        }
        Op::RemoveUser { login } => done(provider.remove_user(ctx, &login).await)?,
        Op::AddClient(client) => {
            let created = provider.add_client(ctx, NewClient { client }).await?;
            Outcome::ClientAdded { client: created.client, secret: created.secret.map(Secret::from) }
        }
        Op::AddClientWithSecret { client, secret } => {
            let client = provider.add_client_with_secret(ctx, client, known_secret(secret)).await?;
            Outcome::ClientAdded { client, secret: None }
        }
        Op::ListClients { after, limit } => Outcome::Clients(provider.list_clients(after, limit).await?),
        Op::FindClient { id } => {
            let (client, version) = provider.find_client_version(&id).await?;
            Outcome::FoundClient { client, version }
        }
        Op::ReplaceClient { client, version } => done(provider.replace_client(ctx, client, version).await)?,
        Op::SetClientDisabled { id, disabled } => {
            done(provider.set_client_disabled(ctx, &id, disabled).await)?
        }
        Op::RotateClientSecret { id } => {
            Outcome::ClientSecret(provider.rotate_client_secret(ctx, &id).await?.into())
        }
        Op::RemoveClient { id } => done(provider.remove_client(ctx, &id).await)?,
        Op::ListSigningKeys => list_signing_keys(provider).await?,
        Op::RotateSigningKeys { force } => {
            done(provider.rotate_keys(ctx, force).await.map_err(AdminError::from))?
        }
        Op::Issuer => Outcome::Issuer(provider.settings().issuer.clone()),
        Op::CheckReadiness => provider.ready().map(|()| Outcome::Done).map_err(Refusal)?,
        Op::FindIssuer => Outcome::StoredIssuer(provider.stored_issuer().await?),
        Op::ChangeIssuer { issuer } => done(provider.change_issuer(ctx, issuer).await)?,
        // Only what listens notices something.
        Op::ListNotices => Outcome::Notices(Vec::new()),
        Op::Machine(operation) => return operation.perform(provider, ctx).await,
        Op::Grant(operation) => return operation.perform(provider, ctx).await,
        Op::User(operation) => return operation.perform(provider, ctx).await,
        Op::Organization(operation) => return operation.perform(provider, ctx).await,
        Op::Service(operation) => return operation.perform(provider, ctx).await,
        Op::Subscription(operation) => return operation.perform(provider, ctx).await,
        Op::Audit(operation) => return operation.perform(provider, ctx).await,
    })
}

async fn list_signing_keys(provider: &Provider) -> Answer {
    let keys = provider.list_signing_keys().await?;
    Ok(Outcome::SigningKeys(keys.into_iter().map(Into::into).collect()))
}

async fn list_users(provider: &Provider, after: Option<String>, limit: u32) -> Answer {
    let after = after.map(|id| id.parse::<UserId>()).transpose();
    let after = after.map_err(|error| Refusal(error.to_string()))?;
    let users = provider.list_users(after, limit).await?;
    Ok(Outcome::Users(users.into_iter().map(Into::into).collect()))
}

pub(super) fn done(result: Result<(), AdminError>) -> Result<Outcome, AdminError> {
    result.map(|()| Outcome::Done)
}

fn new_user(user: UserToAdd) -> NewUser {
    NewUser {
        username: user.username,
        email_verified: user.email_verified && user.email.is_some(),
        email: user.email,
        name: user.name,
        claims: user.claims,
        password: match user.password {
            PasswordToSet::Clear(password) => UserPassword::Clear(password.0),
            PasswordToSet::Hash(hash) => UserPassword::Hash(hash.expose().to_owned()),
            PasswordToSet::None => UserPassword::None,
        },
        platform_owner: user.platform_owner,
        subject: user.subject,
    }
}

fn known_secret(secret: SecretToKeep) -> KnownSecret {
    match secret {
        SecretToKeep::Clear(secret) => KnownSecret::Clear(secret.0),
        SecretToKeep::Hash(hash) => KnownSecret::Hash(hash.expose().to_owned()),
    }
}

impl From<AdminError> for Refusal {
    fn from(error: AdminError) -> Self {
        Self(error.to_string())
    }
}

impl From<ProviderError> for Refusal {
    fn from(error: ProviderError) -> Self {
        Self(error.to_string())
    }
}
