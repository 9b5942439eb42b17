//! Two administrators who look at the same thing and then change it: the second is told, and overwrites nothing.

use crate::engines::Engine;
use crate::fixture::{Announces, at};
use protocol::{
    Client, ClientAuthentication, ClientId, Features, OrganizationId, PlanId, ResourceIndicator,
    ResourceServer, SecretHash, ServiceId, ServicePath, Slug, Version,
};
use storage::client::{AddClient, ClientAdded, ClientById, RegisteredClient, ReplaceClient, SetClientSecret};
use storage::organization::{AddOrganization, Organization, OrganizationBySlug, ReplaceOrganization};
use storage::plan::{AddPlan, Plan, PlanBySlug, ReplacePlan};
use storage::resource_server::{AddResourceServer, ReplaceResourceServer, ResourceServerByIdentifier};
use storage::service::{AddService, Service};

on_every_engine![
    a_client_that_was_changed_meanwhile_is_not_overwritten,
    an_organization_that_was_changed_meanwhile_is_not_overwritten,
    a_plan_that_was_changed_meanwhile_is_not_overwritten,
    a_resource_server_that_was_changed_meanwhile_is_not_overwritten,
];
on_other_postgres![
    a_client_that_was_changed_meanwhile_is_not_overwritten,
    an_organization_that_was_changed_meanwhile_is_not_overwritten,
    a_plan_that_was_changed_meanwhile_is_not_overwritten,
    a_resource_server_that_was_changed_meanwhile_is_not_overwritten,
];

fn acme() -> Organization {
    Organization {
        id: OrganizationId::from_bytes([1; 16]),
        slug: Slug::parse("acme").unwrap(),
        name: "Acme".to_owned(),
        created_at: at(1),
        updated_at: at(1),
        disabled_at: None,
        version: Version::default(),
    }
}

fn bytes(client: &RegisteredClient) -> Option<[u8; 32]> {
    client.secret_hash.as_ref().map(|hash| *hash.as_bytes())
}

async fn a_client_that_was_changed_meanwhile_is_not_overwritten(engine: Engine) {
    let site = engine.open().await;
    let others = site.another_node_if_any(engine).await;
    let store = &site.store;
    let id = ClientId::parse("notes").unwrap();
    let hash = |byte| Some(SecretHash::from_bytes([byte; 32]));
    let registered = RegisteredClient {
        secret_hash: hash(1),
        ..RegisteredClient::new(Client::new(id.clone(), "Notes", ClientAuthentication::ClientSecret))
    };
    assert_eq!(store.write(AddClient { registered, at: at(1) }).await.unwrap(), ClientAdded::Added);
    let (first, second) =
        (store.read(ClientById(&id)).await.unwrap().unwrap(), others.read(ClientById(&id)).await);
    let second = second.unwrap().unwrap();
    // The first rotates the secret, the second replaces what it had looked at before.
    let rotated = RegisteredClient { secret_hash: hash(2), ..first };
    let rotate = |registered| SetClientSecret { registered, at: at(2) };
    assert!(store.announce(rotate(rotated.clone())).await.unwrap());
    let replace = |client: Client, version| ReplaceClient { client, version, at: at(3) };
    let renamed = Client { name: "Notebooks".to_owned(), ..second.client.clone() };
    assert!(!others.announce(replace(renamed.clone(), second.version)).await.unwrap());
    let found = others.read(ClientById(&id)).await.unwrap().unwrap();
    assert_eq!((bytes(&found), found.client.name.as_str()), (Some([2; 32]), "Notes"));
    // Having looked again, it changes what it wanted, and the new secret stays.
    assert!(others.announce(replace(renamed, found.version)).await.unwrap());
    let found = store.read(ClientById(&id)).await.unwrap().unwrap();
    assert_eq!((bytes(&found), found.client.name.as_str()), (Some([2; 32]), "Notebooks"));
    assert!(!store.announce(rotate(rotated)).await.unwrap(), "an old version's");
    // What the new method has no use for goes.
    let by_key = Client { authentication: ClientAuthentication::PrivateKeyJwt, ..found.client.clone() };
    assert!(store.announce(replace(by_key, found.version)).await.unwrap());
    assert_eq!(bytes(&store.read(ClientById(&id)).await.unwrap().unwrap()), None);
}

async fn an_organization_that_was_changed_meanwhile_is_not_overwritten(engine: Engine) {
    let site = engine.open().await;
    let others = site.another_node_if_any(engine).await;
    assert!(site.store.write(AddOrganization(acme())).await.unwrap());
    let slug = acme().slug;
    let looked_at = others.read(OrganizationBySlug(&slug)).await.unwrap().unwrap();
    let disabled = Organization { disabled_at: Some(at(2)), ..acme() };
    assert!(site.store.announce(ReplaceOrganization(disabled)).await.unwrap());
    let renamed = |before| ReplaceOrganization(Organization { name: "Acme & Co".to_owned(), ..before });
    assert!(!others.announce(renamed(looked_at)).await.unwrap());
    let found = others.read(OrganizationBySlug(&slug)).await.unwrap().unwrap();
    assert_eq!((found.disabled_at, found.name.as_str()), (Some(at(2)), "Acme"));
    assert!(others.announce(renamed(found)).await.unwrap());
    let found = site.store.read(OrganizationBySlug(&slug)).await.unwrap().unwrap();
    assert_eq!(
        (found.disabled_at, found.name.as_str(), found.version.count()),
        (Some(at(2)), "Acme & Co", 2)
    );
}

async fn a_plan_that_was_changed_meanwhile_is_not_overwritten(engine: Engine) {
    let site = engine.open().await;
    let others = site.another_node_if_any(engine).await;
    let (store, organization) = (&site.store, acme().id);
    assert!(store.write(AddOrganization(acme())).await.unwrap());
    let slug = |text| Slug::parse(text).unwrap();
    let service = Service {
        id: ServiceId::from_bytes([2; 16]),
        organization_id: organization,
        path: ServicePath { organization: slug("acme"), service: slug("notes") },
        name: "Notes".to_owned(),
        created_at: at(1),
        updated_at: at(1),
        organization_disabled_at: None,
    };
    store.write(AddService(service.clone())).await.unwrap();
    let plan = Plan {
        id: PlanId::from_bytes([3; 16]),
        service_id: service.id,
        slug: slug("pro"),
        name: "Pro".to_owned(),
        features: Features::default(),
        created_at: at(1),
        updated_at: at(1),
        version: Version::default(),
    };
    store.announce(AddPlan { plan: plan.clone(), organization }).await.unwrap();
    let replace = |plan| ReplacePlan { plan, organization };
    let with_seats = Plan { features: r#"{"seats":5}"#.parse().unwrap(), ..plan.clone() };
    assert!(store.announce(replace(with_seats.clone())).await.unwrap());
    let renamed = Plan { name: "Professional".to_owned(), ..plan };
    assert!(!others.announce(replace(renamed)).await.unwrap());
    let found = others.read(PlanBySlug(service.id, "pro")).await.unwrap().unwrap();
    assert_eq!((&found.features, found.name.as_str()), (&with_seats.features, "Pro"));
}

async fn a_resource_server_that_was_changed_meanwhile_is_not_overwritten(engine: Engine) {
    let site = engine.open().await;
    let others = site.another_node_if_any(engine).await;
    let identifier = ResourceIndicator::parse("https://orders.example").unwrap();
    let orders = ResourceServer::new(identifier.clone(), "Orders");
    assert!(site.store.announce(AddResourceServer { server: orders, at: at(1) }).await.unwrap());
    let (looked_at, version) = others.read(ResourceServerByIdentifier(&identifier)).await.unwrap().unwrap();
    let replace = |server, version| ReplaceResourceServer { server, version, at: at(2) };
    let hosted = ResourceServer { hosts: vec!["o.example".to_owned()], ..looked_at.clone() };
    assert!(site.store.announce(replace(hosted, version)).await.unwrap());
    let renamed = |before| ResourceServer { name: "Ordering".to_owned(), ..before };
    assert!(!others.announce(replace(renamed(looked_at), version)).await.unwrap());
    let (found, version) = others.read(ResourceServerByIdentifier(&identifier)).await.unwrap().unwrap();
    assert!(others.announce(replace(renamed(found), version)).await.unwrap());
    let (found, _) = site.store.read(ResourceServerByIdentifier(&identifier)).await.unwrap().unwrap();
    assert_eq!((found.hosts.as_slice(), found.name.as_str()), (&["o.example".to_owned()][..], "Ordering"));
}
