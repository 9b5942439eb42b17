//! What is changed here is in force here, whoever asked for it and whatever they were told: also when they hang up in the middle, and when the
//! database does not tell whether it was committed. And two administrators lose nothing of what the other did.

use crate::house::{House, RelyingParty, new_ctx, pass_seconds};
use crate::nodes::{databases, until};
use crate::oauth2::{api_keys, validate};
use futures_util::FutureExt as _;
use protocol::{Features, PlanPath, ResourceIndicator, ServicePath, Slug};
use provider::admin::{AdminError, OrganizationChange, PlanChange};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::time::Duration;
use storage::{Database, Options, Store, TlsMode};
use throwaway::Engine;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Polled once, and dropped: whoever asked has hung up.
async fn asked_and_gone<T>(asking: impl Future<Output = T>) {
    assert!(asking.now_or_never().is_none(), "it was answered at once: nothing is tested");
}

/// The same of what looks through the keys first: it begins when that is done. This thread is the runtime's only one, so that what was begun
/// does not end before everybody has gone.
async fn looked_asked_and_gone<T>(asking: impl Future<Output = T>) {
    let mut asking = std::pin::pin!(asking);
    for _ in 0..100 {
        assert!(asking.as_mut().now_or_never().is_none(), "it was answered at once: nothing is tested");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn what_somebody_began_who_hung_up_is_committed_and_in_force() {
    let house = House::open().await;
    let provider = &house.provider;
    let notes = house.notes().await;
    validate::add_orders(&house).await;

    // A user and their tokens, which are remembered.
    let token = notes.tokens(&house, "bob").await.access_token;
    house.userinfo(&token).await.expect(200);
    pass_seconds(1);
    asked_and_gone(provider.set_user_disabled(&new_ctx(None), "bob", true)).await;
    until("bob's token is over", || async { house.userinfo(&token).await.status == 401 }).await;
    assert!(house.user("bob").await.disabled_at.is_some());

    // A client, its secret, and its registration.
    let is_known = || async { notes.introspect(&house, "any").await.status == 200 };
    assert!(is_known().await);
    looked_asked_and_gone(provider.set_client_disabled(&new_ctx(None), &notes.client_id(), true)).await;
    until("the client is refused", || async { !is_known().await }).await;
    provider.set_client_disabled(&new_ctx(None), &notes.client_id(), false).await.unwrap();
    assert!(is_known().await);
    asked_and_gone(provider.rotate_client_secret(&mut new_ctx(None), &notes.client_id())).await;
    until("the old secret is refused", || async { !is_known().await }).await;

    // A resource server and its rules.
    let health = || async { validate::ask(&house, "GET /health", &[]).await.status };
    assert_eq!(health().await, 204);
    let identifier = ResourceIndicator::parse(validate::ORDERS).unwrap();
    let (_, version) = provider.find_resource_server(&identifier).await.unwrap();
    let changed = validate::resource_server(validate::ORDERS, &["/health = authenticated"]);
    asked_and_gone(provider.replace_resource_server(&new_ctx(None), changed, version)).await;
    until("the new rule", || async { health().await == 401 }).await;

    // A client that goes, and its API keys with it.
    let (house, created) = api_keys::robots_house().await;
    api_keys::with(&house, "GET /orders", &created.key).await.expect(204);
    let robot = created.stored.client_id.clone();
    asked_and_gone(house.provider.remove_client(&new_ctx(None), &robot)).await;
    until("the key is over", || async {
        api_keys::with(&house, "GET /orders", &created.key).await.status == 401
    })
    .await;
}

/// A network before PostgreSQL that loses the answer to the next COMMIT, and is down from then on until it is mended.
#[derive(Default)]
struct Lossy(AtomicU8);

impl Lossy {
    const WELL: u8 = 0;
    const ARMED: u8 = 1;
    const DOWN: u8 = 2;

    async fn before(self: &Arc<Self>, options: &mut Options) {
        let Database::Postgres(server) = &mut options.database else { unreachable!("PostgreSQL") };
        let (network, to) = (Arc::clone(self), server.hosts[0].1);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        server.hosts = vec![("127.0.0.1".to_owned(), listener.local_addr().unwrap().port())];
        server.tls.mode = TlsMode::Disable;
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if network.0.load(SeqCst) != Self::DOWN {
                    tokio::spawn(Arc::clone(&network).carry(client, to));
                }
            }
        });
    }

    async fn carry(self: Arc<Self>, mut client: TcpStream, to: u16) {
        let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
        let (mut asked, mut answered) = ([0; 65_536], [0; 65_536]);
        loop {
            tokio::select! {
                read = client.read(&mut asked) => {
                    let Ok(count @ 1..) = read else { return };
                    // A COMMIT, or a command of one statement, which commits by itself: the one whose value has this path in it.
                    let says = |word: &[u8]| asked[..count].windows(word.len()).any(|window| window == word);
                    let commits = says(b"COMMIT\0") || (asked[0] == b'B' && says(b"/health"));
                    let lost = commits && self.0.compare_exchange(Self::ARMED, Self::DOWN, SeqCst, SeqCst).is_ok();
                    if server.write_all(&asked[..count]).await.is_err() || self.0.load(SeqCst) == Self::DOWN && !lost {
                        return;
                    }
                    if lost {
                        // The server has done it; nobody hears of it.
                        let _answer = server.read(&mut answered).await;
                        return;
                    }
                }
                read = server.read(&mut answered) => {
                    let Ok(count @ 1..) = read else { return };
                    if client.write_all(&answered[..count]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn what_may_have_been_committed_is_in_force_though_nobody_was_told() {
    if Engine::Postgres.is_missing() {
        return;
    }
    let database = throwaway::shared(Engine::Postgres).unwrap();
    let mut options = Options::new(database.url().parse().unwrap());
    options.network.resolve_deadline = Duration::from_millis(300);
    let network = Arc::new(Lossy::default());
    network.before(&mut options).await;
    let house = House::deaf_on(Store::open(&options).await.unwrap().store).await;
    house.add_user("bob").await;
    let notes = house.notes().await;
    validate::add_orders(&house).await;
    let token = notes.tokens(&house, "bob").await.access_token;
    house.userinfo(&token).await.expect(200);
    assert_eq!(notes.introspect(&house, "any").await.status, 200);
    pass_seconds(1);

    // Nobody knows whether bob is disabled: his tokens are over, the database need not be asked for that.
    network.0.store(Lossy::ARMED, SeqCst);
    assert!(house.provider.set_user_disabled(&new_ctx(None), "bob", true).await.is_err());
    assert_ne!(house.userinfo(&token).await.status, 200);
    network.0.store(Lossy::WELL, SeqCst);
    until("it answers again", || async { house.userinfo(&token).await.status == 401 }).await;

    network.0.store(Lossy::ARMED, SeqCst);
    assert!(house.provider.set_client_disabled(&new_ctx(None), &notes.client_id(), true).await.is_err());
    network.0.store(Lossy::WELL, SeqCst);
    until("the client is refused", || async { notes.introspect(&house, "any").await.status == 401 }).await;

    // What is held whole is read again as soon as that is possible.
    let health = || async { validate::ask(&house, "GET /health", &[]).await.status };
    assert_eq!(health().await, 204);
    network.0.store(Lossy::ARMED, SeqCst);
    let changed = validate::resource_server(validate::ORDERS, &["/health = authenticated"]);
    assert!(house.replace_resource_server(changed).await.is_err());
    network.0.store(Lossy::WELL, SeqCst);
    until("the new rule", || async { health().await == 401 }).await;
}

#[tokio::test]
async fn two_administrators_lose_nothing_of_what_the_other_did() {
    for (engine, shared) in databases().await {
        println!("{engine}");
        let [one, other] = shared.stores.clone();
        let (one, other) = (House::node(one, 1).await, House::node(other, 2).await);
        let (one_does, other_does) = (&one.provider, &other.provider);
        let notes = one.notes().await;
        let id = notes.client_id();

        // Both look; one rotates the secret and disables the client, the other then replaces what it had seen.
        let (mut seen, version) = other_does.find_client_version(&id).await.unwrap();
        let secret = one_does.rotate_client_secret(&mut new_ctx(None), &id).await.unwrap();
        one_does.set_client_disabled(&new_ctx(None), &id, true).await.unwrap();
        seen.name = "Renamed".to_owned();
        let refused = other_does.replace_client(&new_ctx(None), seen.clone(), version).await;
        assert!(matches!(refused, Err(AdminError::Changed(_))), "{refused:?}");
        assert!(refused.unwrap_err().to_string().contains("look at it again"));
        // Having looked again, it renames, and the rest is as the first wanted it.
        let (again, version) = other_does.find_client_version(&id).await.unwrap();
        assert!(again.disabled && again.name != "Renamed");
        seen.disabled = again.disabled;
        other_does.replace_client(&new_ctx(None), seen, version).await.unwrap();
        one_does.set_client_disabled(&new_ctx(None), &id, false).await.unwrap();
        let renamed = RelyingParty { secret: Some(secret), ..notes };
        until("the new secret", || async { renamed.introspect(&one, "any").await.status == 200 }).await;
        assert_eq!(one_does.find_client(&id).await.unwrap().name, "Renamed");

        // What changes one thing needs no look: all at once, and all of it holds.
        let slug = Slug::parse("acme").unwrap();
        one_does.add_organization(&mut new_ctx(None), slug.clone(), "Acme".to_owned()).await.unwrap();
        let service = ServicePath { organization: slug.clone(), service: Slug::parse("notes").unwrap() };
        one_does.add_service(&mut new_ctx(None), service.clone(), "Notes".to_owned()).await.unwrap();
        let plan = PlanPath { service, plan: Slug::parse("pro").unwrap() };
        let features = Features::default();
        one_does.add_plan(&mut new_ctx(None), plan.clone(), "Pro".to_owned(), features).await.unwrap();
        let five: Features = r#"{"seats":5}"#.parse().unwrap();
        let (ctx, ctx2) = (new_ctx(None), new_ctx(None));
        let name = |name: &str| Some(name.to_owned());
        let (renamed, disabled, named, opened) = tokio::join!(
            one_does.change_organization(&ctx, &slug, OrganizationChange { name: name("A"), disabled: None }),
            other_does.change_organization(
                &ctx2,
                &slug,
                OrganizationChange { name: None, disabled: Some(true) }
            ),
            one_does.change_plan(&ctx, &plan, PlanChange { name: name("P"), features: None }),
            other_does.change_plan(&ctx2, &plan, PlanChange { name: None, features: Some(five.clone()) }),
        );
        renamed.and(disabled).unwrap();
        named.and(opened).unwrap();
        let found = one_does.find_organization(&slug).await.unwrap();
        assert!(found.name == "A" && found.disabled_at.is_some(), "{found:?}");
        let found = one_does.find_plan(&plan).await.unwrap();
        assert!(found.name == "P" && found.features == five, "{found:?}");

        // A resource server, as a whole.
        validate::add_orders(&one).await;
        let identifier = ResourceIndicator::parse(validate::ORDERS).unwrap();
        let (server, version) = other_does.find_resource_server(&identifier).await.unwrap();
        let mut hosted = server.clone();
        hosted.hosts.push("more.example".to_owned());
        one_does.replace_resource_server(&new_ctx(None), hosted, version).await.unwrap();
        let refused = other_does.replace_resource_server(&new_ctx(None), server, version).await;
        assert!(matches!(refused, Err(AdminError::Changed(_))), "{refused:?}");
    }
}
