//! Organizations and what is under them: what is unique, what refuses to be removed while it is used, and that nothing is left hanging,
//! whoever was faster.

use crate::engines::{Engine, Site};
use crate::fixture::{Announces, at};
use protocol::{
    Client, ClientAuthentication, ClientId, Features, OrganizationId, PlanId, Role, ServiceId, ServicePath,
    Slug, SubscriptionStatus, UserId, Version,
};
use storage::Store;
use storage::client::{AddClient, ClientAdded, RegisteredClient, RemoveClient, ReplaceClient};
use storage::membership::{ListMembers, RemoveMember, RoleOf, SetMember};
use storage::organization::{
    AddOrganization, ListOrganizations, Organization, OrganizationBySlug, Removal, RemoveOrganization,
    ReplaceOrganization,
};
use storage::plan::{AddPlan, ListPlans, Plan, PlanBySlug, RemovePlan, ReplacePlan};
use storage::service::{
    AddService, Addition, ListServices, RemoveService, RenameService, Service, ServiceById, ServiceByPath,
};
use storage::subscription::{
    ListSubscriptionsOf, ListSubscriptionsTo, RemoveSubscription, SetSubscription, SubscriptionOf,
};
use storage::user::{AddUser, RemoveUser, User, UserAdded};

on_every_engine![
    slugs_are_unique_where_they_are_looked_up,
    a_user_has_one_subscription_to_a_service_and_one_role_in_an_organization,
    what_is_used_is_not_removed,
    what_is_changed_is_found_changed,
    a_removed_user_takes_subscriptions_and_memberships_along,
    a_plan_that_is_removed_while_it_is_subscribed_to_is_one_or_the_other,
    lists_come_in_pages,
];

fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

fn organization(number: u8, name: &str) -> Organization {
    Organization {
        id: OrganizationId::from_bytes([number; 16]),
        slug: slug(name),
        name: name.to_uppercase(),
        created_at: at(1),
        updated_at: at(1),
        disabled_at: None,
        version: Version::default(),
    }
}

fn service(number: u8, organization: &Organization, name: &str) -> Service {
    Service {
        id: ServiceId::from_bytes([number; 16]),
        organization_id: organization.id,
        path: ServicePath { organization: organization.slug.clone(), service: slug(name) },
        name: name.to_uppercase(),
        created_at: at(1),
        updated_at: at(1),
        organization_disabled_at: None,
    }
}

fn plan(number: u8, service: &Service, name: &str) -> Plan {
    Plan {
        id: PlanId::from_bytes([number; 16]),
        service_id: service.id,
        slug: slug(name),
        name: name.to_uppercase(),
        features: Features::named([name.to_owned()]).unwrap(),
        created_at: at(1),
        updated_at: at(1),
        version: Version::default(),
    }
}

fn client(service: Option<ServiceId>) -> RegisteredClient {
    let id = ClientId::parse("notes-web").unwrap();
    let client = Client { service, ..Client::new(id, "Notes", ClientAuthentication::None) };
    RegisteredClient::new(client)
}

async fn add_user(store: &Store, number: u8) -> UserId {
    let user = User {
        id: UserId::from_bytes([number; 16]),
        username: format!("user-{number}"),
        email: None,
        email_verified: false,
        name: None,
        claims: Default::default(),
        platform_owner: false,
        created_at: at(1),
        updated_at: at(1),
        disabled_at: None,
        signed_out_at: None,
    };
    let id = user.id;
    let added = store.write(AddUser { user, password_hash: None, spends: None }).await.unwrap();
    assert_eq!(added, UserAdded::Added);
    id
}

fn subscribing(user: UserId, plan: &Plan) -> SetSubscription {
    SetSubscription {
        user,
        service: plan.service_id,
        plan: plan.id,
        status: SubscriptionStatus::Active,
        current_period_end: Some(at(9)),
        created_at: at(2),
        at: at(2),
    }
}

/// Acme with its notes, which are free or pro.
struct Acme {
    site: Site,
    acme: Organization,
    notes: Service,
    free: Plan,
    pro: Plan,
    alice: UserId,
}

impl Acme {
    async fn open(engine: Engine) -> Self {
        let site = engine.open().await;
        let acme = organization(1, "acme");
        let notes = service(2, &acme, "notes");
        let (free, pro) = (plan(3, &notes, "free"), plan(4, &notes, "pro"));
        let store = &site.store;
        assert!(store.write(AddOrganization(acme.clone())).await.unwrap());
        assert_eq!(store.write(AddService(notes.clone())).await.unwrap(), Addition::Added);
        for plan in [&free, &pro] {
            let added = AddPlan { plan: plan.clone(), organization: acme.id };
            assert_eq!(store.announce(added).await.unwrap(), Addition::Added);
        }
        let alice = add_user(store, 5).await;
        Self { acme, notes, free, pro, alice, site }
    }

    fn store(&self) -> &Store {
        &self.site.store
    }

    async fn remove_service(&self) -> Removal {
        let command = RemoveService { id: self.notes.id, organization: self.acme.id };
        self.store().announce(command).await.unwrap()
    }

    async fn remove_plan(&self, plan: &Plan) -> Removal {
        self.store().announce(RemovePlan { plan: plan.clone(), organization: self.acme.id }).await.unwrap()
    }
}

async fn slugs_are_unique_where_they_are_looked_up(engine: Engine) {
    let house = Acme::open(engine).await;
    let store = house.store();
    assert!(!store.write(AddOrganization(organization(11, "acme"))).await.unwrap());
    let other = organization(12, "other");
    assert!(store.write(AddOrganization(other.clone())).await.unwrap());
    let taken = AddService(service(13, &house.acme, "notes"));
    assert_eq!(store.write(taken).await.unwrap(), Addition::Taken);
    let same_name = service(14, &other, "notes");
    assert_eq!(store.write(AddService(same_name.clone())).await.unwrap(), Addition::Added);
    let nowhere = service(15, &organization(99, "gone"), "notes");
    assert_eq!(store.write(AddService(nowhere.clone())).await.unwrap(), Addition::Nowhere);
    let add = |plan| AddPlan { plan, organization: house.acme.id };
    assert_eq!(store.announce(add(plan(16, &house.notes, "pro"))).await.unwrap(), Addition::Taken);
    assert_eq!(store.announce(add(plan(17, &same_name, "pro"))).await.unwrap(), Addition::Added);
    assert_eq!(store.announce(add(plan(18, &nowhere, "pro"))).await.unwrap(), Addition::Nowhere);
    assert_eq!(store.read(OrganizationBySlug(&slug("acme"))).await.unwrap(), Some(house.acme.clone()));
    assert_eq!(store.read(ServiceByPath(&house.notes.path)).await.unwrap(), Some(house.notes.clone()));
    assert_eq!(store.read(ServiceById(same_name.id)).await.unwrap(), Some(same_name));
    assert_eq!(store.read(PlanBySlug(house.notes.id, "pro")).await.unwrap(), Some(house.pro.clone()));
    assert_eq!(store.read(PlanBySlug(house.notes.id, "gold")).await.unwrap(), None);
}

async fn a_user_has_one_subscription_to_a_service_and_one_role_in_an_organization(engine: Engine) {
    let house = Acme::open(engine).await;
    let (store, alice) = (house.store(), house.alice);
    let found = || store.read(SubscriptionOf(alice, house.notes.id));
    assert_eq!(found().await.unwrap(), None);
    for plan in [&house.free, &house.pro] {
        assert!(store.announce(subscribing(alice, plan)).await.unwrap());
        let found = found().await.unwrap().unwrap();
        assert_eq!((&found.plan, &found.features), (&plan.slug, &plan.features));
        assert_eq!((found.status, found.current_period_end), (SubscriptionStatus::Active, Some(at(9))));
    }
    let (nobody, nothing) = (UserId::from_bytes([77; 16]), plan(78, &house.notes, "gold"));
    assert!(!store.announce(subscribing(nobody, &house.pro)).await.unwrap());
    assert!(!store.announce(subscribing(alice, &nothing)).await.unwrap());
    let elsewhere = Plan { service_id: ServiceId::from_bytes([79; 16]), ..house.pro.clone() };
    assert!(!store.announce(subscribing(alice, &elsewhere)).await.unwrap(), "another service's plan");
    assert_eq!(found().await.unwrap().unwrap().plan, slug("pro"), "what is refused changes nothing");
    let remove = || store.announce(RemoveSubscription { user: alice, service: house.notes.id });
    assert!(remove().await.unwrap() && !remove().await.unwrap());

    let role = || store.read(RoleOf(alice, house.acme.id));
    let set = |user, organization, role| store.write(SetMember { user, organization, role, at: at(3) });
    assert_eq!(role().await.unwrap(), None);
    for wanted in [Role::Member, Role::Owner] {
        assert!(set(alice, house.acme.id, wanted).await.unwrap());
        assert_eq!(role().await.unwrap(), Some(wanted));
    }
    assert!(!set(nobody, house.acme.id, Role::Member).await.unwrap());
    assert!(!set(alice, OrganizationId::from_bytes([80; 16]), Role::Member).await.unwrap());
    let remove = || store.write(RemoveMember { user: alice, organization: house.acme.id });
    assert!(remove().await.unwrap() && !remove().await.unwrap());
}

async fn what_is_used_is_not_removed(engine: Engine) {
    let house = Acme::open(engine).await;
    let store = house.store();
    let remove_organization = || async { store.announce(RemoveOrganization(house.acme.id)).await.unwrap() };
    assert_eq!(remove_organization().await, Removal::InUse, "it has a service");

    assert!(store.announce(subscribing(house.alice, &house.pro)).await.unwrap());
    assert_eq!(house.remove_plan(&house.pro).await, Removal::InUse);
    assert_eq!(house.remove_plan(&house.free).await, Removal::Removed);
    assert_eq!(house.remove_plan(&house.free).await, Removal::Unknown);
    assert_eq!(house.remove_service().await, Removal::InUse, "somebody has subscribed");
    assert!(store.read(PlanBySlug(house.notes.id, "pro")).await.unwrap().is_some(), "its plans stay");
    store.announce(RemoveSubscription { user: house.alice, service: house.notes.id }).await.unwrap();

    let add = |service| AddClient { registered: client(service), at: at(4) };
    let nowhere = add(Some(ServiceId::from_bytes([66; 16])));
    assert_eq!(store.write(nowhere).await.unwrap(), ClientAdded::Taken, "no such service");
    assert_eq!(store.write(add(None)).await.unwrap(), ClientAdded::Added);
    let replace = |service, version| {
        let version = Version::from_count(version);
        ReplaceClient { client: client(service).client, version, at: at(4) }
    };
    assert!(!store.announce(replace(Some(ServiceId::from_bytes([66; 16])), 0)).await.unwrap());
    assert!(store.announce(replace(Some(house.notes.id), 0)).await.unwrap());
    assert_eq!(house.remove_service().await, Removal::InUse, "a client belongs to it");
    assert!(store.announce(replace(None, 1)).await.unwrap());
    let gone = client(None).client.id;
    store.announce(RemoveClient { client: gone, at: at(4), revoked_until: at(5) }).await.unwrap();

    let member = SetMember { user: house.alice, organization: house.acme.id, role: Role::Owner, at: at(4) };
    assert!(store.write(member).await.unwrap());
    assert_eq!(house.remove_service().await, Removal::Removed);
    assert_eq!(house.remove_service().await, Removal::Unknown);
    assert_eq!(store.read(PlanBySlug(house.notes.id, "pro")).await.unwrap(), None, "its plans are gone");
    assert_eq!(remove_organization().await, Removal::Removed);
    assert_eq!(remove_organization().await, Removal::Unknown);
    assert_eq!(store.read(RoleOf(house.alice, house.acme.id)).await.unwrap(), None, "its members are gone");
}

async fn what_is_changed_is_found_changed(engine: Engine) {
    let house = Acme::open(engine).await;
    let store = house.store();
    let renamed = Organization {
        name: "Acme & Söhne".to_owned(),
        updated_at: at(5),
        disabled_at: Some(at(5)),
        ..house.acme.clone()
    };
    assert!(store.announce(ReplaceOrganization(renamed.clone())).await.unwrap());
    let renamed = Organization { version: Version::from_count(1), ..renamed };
    assert_eq!(store.read(OrganizationBySlug(&house.acme.slug)).await.unwrap(), Some(renamed));
    assert!(!store.announce(ReplaceOrganization(organization(70, "gone"))).await.unwrap());
    let rename = |id| RenameService { id, name: "Notebooks".to_owned(), at: at(6) };
    assert!(store.write(rename(house.notes.id)).await.unwrap());
    assert!(!store.write(rename(ServiceId::from_bytes([71; 16]))).await.unwrap());
    let found = store.read(ServiceById(house.notes.id)).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.organization_disabled_at), ("Notebooks", Some(at(5))));
    assert!(store.announce(subscribing(house.alice, &house.pro)).await.unwrap());
    let better = Plan { features: r#"{"seats":5}"#.parse().unwrap(), ..house.pro.clone() };
    let replace = |plan| ReplacePlan { plan, organization: house.acme.id };
    assert!(store.announce(replace(better.clone())).await.unwrap());
    assert!(!store.announce(replace(plan(72, &house.notes, "gone"))).await.unwrap());
    let found = store.read(SubscriptionOf(house.alice, house.notes.id)).await.unwrap().unwrap();
    assert_eq!(found.features, better.features, "for everybody who has it");
}

async fn a_removed_user_takes_subscriptions_and_memberships_along(engine: Engine) {
    let house = Acme::open(engine).await;
    let (store, alice) = (house.store(), house.alice);
    assert!(store.announce(subscribing(alice, &house.pro)).await.unwrap());
    let member = SetMember { user: alice, organization: house.acme.id, role: Role::Owner, at: at(4) };
    assert!(store.write(member).await.unwrap());
    let removed = RemoveUser { user: alice, at: at(5), revoked_until: at(6) };
    assert!(store.announce(removed).await.unwrap());
    assert_eq!(store.read(SubscriptionOf(alice, house.notes.id)).await.unwrap(), None);
    assert_eq!(house.remove_service().await, Removal::Removed, "nobody has subscribed any more");
    assert_eq!(store.read(RoleOf(alice, house.acme.id)).await.unwrap(), None);
}

async fn a_plan_that_is_removed_while_it_is_subscribed_to_is_one_or_the_other(engine: Engine) {
    let house = Acme::open(engine).await;
    let others = house.site.another_node_if_any(engine).await;
    for round in 0..25_u8 {
        let gold = plan(100 + round, &house.notes, "gold");
        let add = AddPlan { plan: gold.clone(), organization: house.acme.id };
        assert_eq!(house.store().announce(add).await.unwrap(), Addition::Added);
        let remove = RemovePlan { plan: gold.clone(), organization: house.acme.id };
        let (subscribed, removed) =
            tokio::join!(house.store().announce(subscribing(house.alice, &gold)), others.announce(remove));
        let (subscribed, removed) = (subscribed.unwrap(), removed.unwrap());
        assert_eq!(subscribed, removed == Removal::InUse, "{subscribed} {removed:?}");
        let found = house.store().read(SubscriptionOf(house.alice, house.notes.id)).await.unwrap();
        assert_eq!(found.is_some(), subscribed);
        if subscribed {
            let end = RemoveSubscription { user: house.alice, service: house.notes.id };
            assert!(house.store().announce(end).await.unwrap());
            assert_eq!(house.remove_plan(&gold).await, Removal::Removed);
        }
    }
}

async fn lists_come_in_pages(engine: Engine) {
    let house = Acme::open(engine).await;
    let store = house.store();
    let other = organization(21, "beta");
    assert!(store.write(AddOrganization(other.clone())).await.unwrap());
    let page = |after, limit| store.read(ListOrganizations { after, limit });
    assert_eq!(page(None, 1).await.unwrap(), std::slice::from_ref(&house.acme));
    assert_eq!(page(Some(slug("acme")), 9).await.unwrap(), [other]);
    let services = ListServices { organization: house.acme.id, after: None, limit: 9 };
    assert_eq!(store.read(services).await.unwrap(), std::slice::from_ref(&house.notes));
    let plans = |after| ListPlans { service: house.notes.id, after, limit: 9 };
    assert_eq!(store.read(plans(None)).await.unwrap(), [house.free.clone(), house.pro.clone()]);
    assert_eq!(store.read(plans(Some(slug("free")))).await.unwrap(), std::slice::from_ref(&house.pro));
    let bob = add_user(store, 6).await;
    for user in [house.alice, bob] {
        assert!(store.announce(subscribing(user, &house.pro)).await.unwrap());
        let member = SetMember { user, organization: house.acme.id, role: Role::Member, at: at(4) };
        assert!(store.write(member).await.unwrap());
    }
    let to = |after| ListSubscriptionsTo { service: house.notes.id, after, limit: 1 };
    let first = store.read(to(None)).await.unwrap();
    assert_eq!((first.len(), first[0].user_id, first[0].username.as_str()), (1, house.alice, "user-5"));
    assert_eq!(first[0].service.to_string(), "acme/notes");
    assert_eq!(store.read(to(Some(house.alice))).await.unwrap()[0].user_id, bob);
    let of = |after| ListSubscriptionsOf { user: bob, after, limit: 9 };
    assert_eq!(store.read(of(None)).await.unwrap().len(), 1);
    assert_eq!(store.read(of(Some(house.notes.id))).await.unwrap(), []);
    let members = |after| ListMembers { organization: house.acme.id, after, limit: 1 };
    let first = store.read(members(None)).await.unwrap();
    assert_eq!((first[0].username.as_str(), first[0].role), ("user-5", Role::Member));
    assert_eq!(store.read(members(Some(house.alice))).await.unwrap()[0].user_id, bob);
}
