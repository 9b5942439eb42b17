//! What an operation is about, for the log: identifiers that tell nobody anything about a person.

use super::{Answer, Operation, Outcome};
use provider::Provider;

/// Known before it is done: a subject, a `client_id`, a resource server. Usernames and e-mail addresses stay out of the log.
pub(super) async fn told(provider: &Provider, operation: &Operation) -> Option<String> {
    use Operation as Op;
    match operation {
        Op::FindUser { login } | Op::SetUserPassword { login, .. } | Op::RemoveUser { login } => {
            subject(provider, login).await
        }
        Op::User(operation) => subject(provider, operation.login()?).await,
        Op::AddClient(client) | Op::AddClientWithSecret { client, .. } | Op::ReplaceClient { client, .. } => {
            Some(client.id.to_string())
        }
        Op::FindClient { id }
        | Op::SetClientDisabled { id, .. }
        | Op::RotateClientSecret { id }
        | Op::RemoveClient { id } => Some(id.to_string()),
        Op::Machine(operation) => operation.told(),
        _ => None,
    }
}

/// Known when it was done: whom it made.
pub(super) fn told_by(answer: &Answer) -> Option<String> {
    match answer {
        Ok(Outcome::User(user)) => Some(user.sub.clone()),
        _ => None,
    }
}

async fn subject(provider: &Provider, login: &str) -> Option<String> {
    provider.find_user(login).await.ok().map(|user| user.id.to_string())
}
