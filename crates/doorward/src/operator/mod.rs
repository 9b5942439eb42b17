//! What an operator can do to users, clients, resource servers, keys and organizations, as values: the same list whether the command line opens the database itself or
//! asks the server that has it open. Knows no terminal; the decisions are `provider`'s.

mod about;
mod audit;
mod call;
mod grants;
mod machines;
mod organizations;
mod perform;
mod socket;
mod users;
mod views;

pub(crate) use audit::{AuditBlockView, AuditOperation};
pub(crate) use call::{Unreachable, call};
pub(crate) use grants::{GrantOperation, GrantView};
pub(crate) use machines::MachineOperation;
pub(crate) use organizations::{
    MemberView, OrganizationOperation, OrganizationView, PlanView, ServiceOperation, ServiceView,
    SubscriptionOperation, SubscriptionView,
};
pub(crate) use perform::perform;
pub(crate) use socket::Socket;
pub(crate) use users::{EnvelopeToAdd, NewValue, UserOperation, UserToChange};
pub(crate) use views::{ApiKeyView, KeyView, UserView};

use protocol::{AssertionIssuer, Client, ClientId, GrantId, ResourceServer, UserId, Version};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// One thing to do. It may hold a password and therefore has no `Debug`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    AddUser(UserToAdd),
    ListUsers {
        after: Option<String>,
        limit: u32,
    },
    FindUser {
        login: String,
    },
    SetUserPassword {
        login: String,
        password: Secret,
    },
    RemoveUser {
        login: String,
    },
    AddClient(Client),
    AddClientWithSecret {
        client: Client,
        secret: SecretToKeep,
    },
    ListClients {
        after: Option<ClientId>,
        limit: u32,
    },
    FindClient {
        id: ClientId,
    },
    ReplaceClient {
        client: Client,
        version: Version,
    },
    SetClientDisabled {
        id: ClientId,
        disabled: bool,
    },
    RotateClientSecret {
        id: ClientId,
    },
    RemoveClient {
        id: ClientId,
    },
    ListSigningKeys,
    RotateSigningKeys {
        force: bool,
    },
    CheckReadiness,
    FindIssuer,
    ChangeIssuer {
        issuer: String,
    },
    /// What a running server noticed of its proxies.
    ListNotices,
    Machine(MachineOperation),
    Grant(GrantOperation),
    /// By which issuer its tokens name this installation.
    Issuer,
    User(UserOperation),
    Organization(OrganizationOperation),
    Service(ServiceOperation),
    Subscription(SubscriptionOperation),
    Audit(AuditOperation),
}

impl Operation {
    /// What stands in the log: what is done, never to whom and never a secret.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::AddUser(_) => "add_user",
            Self::ListUsers { .. } => "list_users",
            Self::FindUser { .. } => "find_user",
            Self::SetUserPassword { .. } => "set_user_password",
            Self::RemoveUser { .. } => "remove_user",
            Self::AddClient(_) | Self::AddClientWithSecret { .. } => "add_client",
            Self::ListClients { .. } => "list_clients",
            Self::FindClient { .. } => "find_client",
            Self::ReplaceClient { .. } => "replace_client",
            Self::SetClientDisabled { .. } => "set_client_disabled",
            Self::RotateClientSecret { .. } => "rotate_client_secret",
            Self::RemoveClient { .. } => "remove_client",
            Self::ListSigningKeys => "list_signing_keys",
            Self::RotateSigningKeys { .. } => "rotate_signing_keys",
            Self::CheckReadiness => "check_readiness",
            Self::FindIssuer => "find_issuer",
            Self::ChangeIssuer { .. } => "change_issuer",
            Self::ListNotices => "list_notices",
            Self::Machine(operation) => operation.name(),
            Self::Grant(operation) => operation.name(),
            Self::Issuer => "issuer",
            Self::User(operation) => operation.name(),
            Self::Organization(operation) => operation.name(),
            Self::Service(operation) => operation.name(),
            Self::Subscription(operation) => operation.name(),
            Self::Audit(operation) => operation.name(),
        }
    }
}

/// What came of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Done,
    User(UserView),
    Users(Vec<UserView>),
    /// What stands before each hash of an import.
    PasswordEnvelope(String),
    Client(Client),
    /// A client, and the version of its registration that was looked at.
    FoundClient {
        client: Client,
        version: Version,
    },
    Clients(Vec<Client>),
    /// A registered client, and its secret unless it is public: shown this once.
    ClientAdded {
        client: Client,
        secret: Option<Secret>,
    },
    ClientSecret(Secret),
    AssertionIssuers(Vec<AssertionIssuer>),
    /// A new API key: shown this once.
    ApiKeyAdded {
        view: ApiKeyView,
        key: Secret,
    },
    ApiKeys(Vec<ApiKeyView>),
    ResourceServers(Vec<ResourceServer>),
    /// A resource server, and the version of its registration that was looked at.
    FoundResourceServer {
        server: ResourceServer,
        version: Version,
    },
    SigningKeys(Vec<KeyView>),
    /// Grants, and after which one to ask for more.
    Grants {
        grants: Vec<GrantView>,
        next: Option<GrantId>,
    },
    Issuer(String),
    Organization(OrganizationView),
    Organizations(Vec<OrganizationView>),
    Service(ServiceView),
    Services(Vec<ServiceView>),
    Plan(PlanView),
    Plans(Vec<PlanView>),
    Subscription(SubscriptionView),
    Subscriptions(Vec<SubscriptionView>),
    Members(Vec<MemberView>),
    AuditBlocks(Vec<AuditBlockView>),
    AuditHead(Option<String>),
    AuditKey(Value),
    /// The issuer that is remembered, if one is.
    StoredIssuer(Option<String>),
    /// What was found, and which setting to use.
    Notices(Vec<(String, String)>),
}

/// A user to add.
#[derive(Serialize, Deserialize)]
pub(crate) struct UserToAdd {
    pub(crate) username: String,
    pub(crate) email: Option<String>,
    pub(crate) email_verified: bool,
    pub(crate) name: Option<String>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) password: PasswordToSet,
    pub(crate) platform_owner: bool,
    #[serde(default)]
    pub(crate) subject: Option<UserId>,
}

/// The secret that a client has already.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SecretToKeep {
    Clear(Secret),
    Hash(Secret),
}

/// A new user's password.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PasswordToSet {
    Clear(Secret),
    Hash(Secret),
    None,
}

/// A secret that travels over the operator's socket, readable by one system user; shown by nothing else.
pub(crate) struct Secret(pub(crate) SecretString);

impl Secret {
    /// The secret itself.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// An operation was refused; one sentence for an operator.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
#[error("{0}")]
pub(crate) struct Refusal(pub(crate) String);

/// The answer line: an outcome or a refusal.
pub(crate) type Answer = Result<Outcome, Refusal>;

/// Where the running server that has this data directory listens for its operator.
pub(crate) fn socket_path(data: &Path) -> PathBuf {
    data.join("doorward.sock")
}

/// No request and no answer is longer.
const LONGEST_LINE: u64 = 1024 * 1024;
