//! The demo's people and clients: what is made when it starts, and what a test is told about it. Knows no HTTP.

use crate::clock;
use anyhow::Context as _;
use protocol::{
    Client, ClientAuthentication, ClientId, ConsentPolicy, Features, GrantType, PlanPath, RedirectUri, Role,
    ServiceId, ServicePath, SigningAlgorithm, Slug, SubscriptionStatus,
};
use provider::Provider;
use provider::admin::{NewClient, NewSubscription, NewUser, UserPassword};
use serde_json::{Map, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::JoinSet;
use web::pages::{DemoClient, DemoUser};

const PASSWORD: &str = "correct-horse-battery";
const ORGANIZATION: &str = "acme";
const SERVICE: &str = "notes";

/// What was made.
pub(super) struct Fixture {
    pub(super) users: Vec<DemoUser>,
    confidential: DemoClient,
    public: DemoClient,
    other: DemoClient,
    machines: Vec<DemoClient>,
    /// The demo's own relying party; not for others' tests.
    pub(super) relying_party: DemoClient,
    /// The demo's own device; the same.
    pub(super) television: DemoClient,
}

/// What whoever starts the demo wants of the clients for their own tests.
pub(super) struct Wishes {
    pub(super) redirect_uris: Vec<RedirectUri>,
    pub(super) post_logout_redirect_uris: Vec<RedirectUri>,
    pub(super) id_token_alg: SigningAlgorithm,
    pub(super) machines: u32,
}

impl Fixture {
    /// Makes the people and the clients.
    pub(super) async fn make(provider: &Provider, wishes: &Wishes) -> anyhow::Result<Self> {
        let issuer = provider.settings().issuer.clone();
        let users =
            vec![add_user(provider, "alice", "Alice").await?, add_user(provider, "bob", "Bob").await?];
        let notes = make_acme(provider).await?;
        let uri = |text: String| RedirectUri::parse(&text);
        // On a loopback address any port will do (RFC 8252 section 7.3).
        let callbacks =
            [uri(format!("{issuer}/demo/callback"))?, uri("http://127.0.0.1/callback".to_owned())?];
        let home = uri(format!("{issuer}/demo/"))?;
        let for_tests = |id, name, authentication, service| -> anyhow::Result<Client> {
            Ok(Client {
                redirect_uris: callbacks.iter().chain(&wishes.redirect_uris).cloned().collect(),
                post_logout_redirect_uris: [&home]
                    .into_iter()
                    .chain(&wishes.post_logout_redirect_uris)
                    .cloned()
                    .collect(),
                consent: ConsentPolicy::Implicit,
                id_token_signed_response_alg: wishes.id_token_alg,
                grant_types: grant_types(authentication),
                service,
                ..Client::new(ClientId::parse(id)?, name, authentication)
            })
        };
        let own = Client {
            redirect_uris: callbacks[..1].to_vec(),
            post_logout_redirect_uris: vec![uri(format!("{issuer}/demo/signed-out"))?],
            client_uri: Some(format!("{issuer}/demo/").parse()?),
            service: Some(notes),
            ..Client::new(ClientId::parse("acme-notes")?, "Acme Notes", ClientAuthentication::ClientSecret)
        };
        let television = Client {
            grant_types: [GrantType::DeviceCode, GrantType::RefreshToken].into(),
            ..Client::new(ClientId::parse("acme-tv")?, "Acme TV", ClientAuthentication::None)
        };
        let (secret, none) = (ClientAuthentication::ClientSecret, ClientAuthentication::None);
        Ok(Self {
            users,
            confidential: add_client(provider, for_tests("demo-web", "Demo Web", secret, Some(notes))?)
                .await?,
            public: add_client(provider, for_tests("demo-app", "Demo App", none, Some(notes))?).await?,
            other: add_client(provider, for_tests("demo-other", "Demo Other", secret, None)?).await?,
            machines: machines(provider, wishes.machines).await?,
            relying_party: add_client(provider, own).await?,
            television: add_client(provider, television).await?,
        })
    }

    /// The clients for somebody's own tests.
    pub(super) fn clients(&self) -> [&DemoClient; 3] {
        [&self.confidential, &self.public, &self.other]
    }

    /// What a test needs to know, as KEY=VALUE lines. Values hold nothing that a shell would have to quote.
    pub(super) fn env_file(&self, issuer: &str) -> String {
        let secret = |client: &DemoClient| client.client_secret.clone().unwrap_or_default();
        let (username, password) =
            self.users.first().map(|user| (user.username.clone(), user.password.clone())).unwrap_or_default();
        let machines: Vec<_> = self
            .machines
            .iter()
            .map(|machine| format!("{}:{}", machine.client_id, secret(machine)))
            .collect();
        let machines = Some(("MACHINES", machines.join(","))).filter(|(_, all)| !all.is_empty());
        [
            ("ISSUER", issuer.to_owned()),
            ("CLIENT_ID", self.confidential.client_id.clone()),
            ("CLIENT_SECRET", secret(&self.confidential)),
            ("PUBLIC_CLIENT_ID", self.public.client_id.clone()),
            ("CLIENT2_ID", self.other.client_id.clone()),
            ("CLIENT2_SECRET", secret(&self.other)),
            ("USERNAME", username),
            ("PASSWORD", password),
            ("ORG", ORGANIZATION.to_owned()),
            ("SERVICE", SERVICE.to_owned()),
        ]
        .iter()
        .chain(&machines)
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect()
    }
}

/// Every one that such a client can have.
fn grant_types(authentication: ClientAuthentication) -> BTreeSet<GrantType> {
    let possible =
        |grant_type: &GrantType| authentication.is_confidential() || grant_type.is_for_public_clients();
    GrantType::ALL.into_iter().filter(possible).collect()
}

/// All at once: so many one after the other would each wait for the disk.
async fn machines(provider: &Provider, count: u32) -> anyhow::Result<Vec<DemoClient>> {
    let mut adding = JoinSet::new();
    for number in 1..=count {
        let id = ClientId::parse(&format!("machine-{number:04}"))?;
        let client = Client {
            grant_types: [GrantType::ClientCredentials].into(),
            ..Client::new(id, format!("Machine {number}"), ClientAuthentication::ClientSecret)
        };
        let provider = provider.clone();
        adding.spawn(async move { add_client(&provider, client).await });
    }
    adding.join_all().await.into_iter().collect()
}

/// An organization with a service and two plans. Alice owns it and has subscribed to the better one; Bob is and has neither.
async fn make_acme(provider: &Provider) -> anyhow::Result<ServiceId> {
    let ctx = &mut clock::own_ctx();
    let organization = Slug::parse(ORGANIZATION)?;
    let path = ServicePath { organization: organization.clone(), service: Slug::parse(SERVICE)? };
    provider.add_organization(ctx, organization.clone(), "Acme".to_owned()).await?;
    let service = provider.add_service(ctx, path.clone(), "Acme Notes".to_owned()).await?;
    for (plan, name, features) in
        [("free", "Free", &["read"][..]), ("pro", "Pro", &["read", "write", "export"])]
    {
        let path = PlanPath { service: path.clone(), plan: Slug::parse(plan)? };
        let features = Features::named(features.iter().map(|name| (*name).to_owned()))?;
        provider.add_plan(ctx, path, name.to_owned(), features).await?;
    }
    let pro = NewSubscription {
        plan: PlanPath { service: path, plan: Slug::parse("pro")? },
        status: SubscriptionStatus::Active,
        current_period_end: Some(ctx.now + Duration::from_secs(30 * 86_400)),
    };
    provider.set_subscription(ctx, "alice", pro).await?;
    provider.set_member(ctx, &organization, "alice", Role::Owner).await?;
    Ok(service.id)
}

async fn add_user(provider: &Provider, username: &str, given_name: &str) -> anyhow::Result<DemoUser> {
    let name = format!("{given_name} Example");
    let claims = [
        ("given_name", json!(given_name)),
        ("family_name", json!("Example")),
        ("locale", json!("en")),
        ("phone_number", json!("+31 20 555 0100")),
        ("phone_number_verified", json!(false)),
        ("address", json!({"locality": "Amsterdam", "country": "NL"})),
    ];
    let user = NewUser {
        subject: None,
        username: username.to_owned(),
        email: Some(format!("{username}@example.org")),
        email_verified: true,
        name: Some(name.clone()),
        claims: claims.into_iter().map(|(claim, value)| (claim.to_owned(), value)).collect::<Map<_, _>>(),
        password: UserPassword::Clear(PASSWORD.into()),
        // Somebody runs the demo too; else its front page would ask for the link that only `serve` prints.
        platform_owner: username == "alice",
    };
    provider.add_user(&mut clock::own_ctx(), user).await.with_context(|| format!("adding {username}"))?;
    Ok(DemoUser { username: username.to_owned(), password: PASSWORD.to_owned(), name })
}

async fn add_client(provider: &Provider, client: Client) -> anyhow::Result<DemoClient> {
    let created = provider.add_client(&mut clock::own_ctx(), NewClient { client }).await?;
    let client = created.client;
    Ok(DemoClient {
        name: client.name,
        client_id: client.id.to_string(),
        client_secret: created.secret,
        redirect_uris: client.redirect_uris.iter().map(|uri| uri.as_str().to_owned()).collect(),
    })
}
