//! Two nodes on one database: what one changes is in force on the other within a second, and what is good once is good on one of them.

use crate::house::{House, PASSWORD, RelyingParty, new_ctx, patient};
use crate::oauth2::{api_keys, validate};
use futures_util::future::join_all;
use provider::SetupAnswer;
use provider::interaction::{Browser, NewAccount};
use secrecy::SecretString;
use std::future::Future;
use std::time::Duration;
use storage::nodes::POLL_EVERY;
use storage::{Durability, Options, Store};
use throwaway::Engine;
use tokio::time::{Instant, sleep};

/// Within so many looks: the second that is promised (docs/guide/many-nodes.md), on a machine of any speed.
const LOOKS: u128 = Duration::from_secs(1).as_millis() / POLL_EVERY.as_millis();

/// One database, and what must live as long as it is used.
pub(crate) struct Shared {
    pub(crate) stores: [Store; 2],
    _kept: Box<dyn std::any::Any>,
}

/// A file, opened once, whose store two nodes share within this process; and real servers, to which each node has connections of its own.
pub(crate) async fn databases() -> Vec<(&'static str, Shared)> {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::at(folder.path().join("doorward.db"));
    let options = patient(Options { durability: Durability::Process, ..options });
    let file = Store::open(&options).await.unwrap().store;
    let mut all = vec![("a file", Shared { stores: [file.clone(), file], _kept: Box::new(folder) })];
    for (name, engine) in [("PostgreSQL", Engine::Postgres), ("MariaDB", Engine::Mariadb)] {
        if engine.is_missing() {
            continue;
        }
        let database = throwaway::shared(engine).unwrap();
        let options = patient(Options::new(database.url().parse().unwrap()));
        let open = || async { Store::open(&options).await.unwrap().store };
        let stores = [open().await, open().await];
        all.push((name, Shared { stores, _kept: Box::new(database) }));
    }
    all
}

pub(crate) async fn nodes(shared: &Shared) -> [House; 2] {
    let [one, other] = shared.stores.clone();
    [House::node(one, 1).await, House::node(other, 2).await]
}

pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}: never");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until a change that was just made is in force on these nodes.
pub(crate) async fn in_force<F: Future<Output = bool>>(
    nodes: &[&House],
    what: (&str, &str),
    mut holds: impl FnMut() -> F,
) {
    let looked = || nodes.iter().map(|node| node.looks()).min().expect("a node");
    let before = looked();
    until(what.1, || {
        let late = u128::from(looked() - before) > LOOKS;
        let holds = holds();
        async move {
            let holds = holds.await;
            assert!(holds || !late, "{what:?}: not within a second");
            holds
        }
    })
    .await;
}

async fn is_active(notes: &RelyingParty, house: &House, token: &str) -> bool {
    notes.introspect(house, token).await.expect(200).json()["active"] == true
}

#[tokio::test]
async fn what_one_node_changes_is_in_force_on_the_other_within_a_second() {
    for (engine, shared) in databases().await {
        let [one, other] = nodes(&shared).await;
        let (one, other) = (&one, &other);
        one.add_user("alice").await;
        one.add_user("bob").await;
        let notes = &one.notes().await;
        let resource = &one.register("resource", |_| {}).await;

        for _ in 0..20 {
            let tokens = notes.tokens(one, "alice").await;
            assert!(is_active(notes, other, &tokens.access_token).await, "known and remembered");
            notes.revoke(one, &tokens.access_token).await.expect(200);
            assert!(!is_active(notes, one, &tokens.access_token).await, "at once where it was done");
            in_force(&[other], (engine, "a revocation"), || async {
                !is_active(notes, other, &tokens.access_token).await
            })
            .await;
            // Nobody asks at the same point between two polls each time.
            sleep(Duration::from_millis(37)).await;
        }

        let tokens = notes.tokens(one, "bob").await;
        assert_eq!(other.userinfo(&tokens.access_token).await.status, 200);
        one.provider.set_user_disabled(&new_ctx(None), "bob", true).await.unwrap();
        in_force(&[other], (engine, "a user disabled"), || async {
            other.userinfo(&tokens.access_token).await.status == 401
        })
        .await;

        assert_eq!(resource.introspect(other, "any").await.status, 200);
        one.change_client(resource, |client| client.disabled = true).await;
        in_force(&[other], (engine, "a client disabled"), || async {
            resource.introspect(other, "any").await.status == 401
        })
        .await;
        one.change_client(resource, |client| client.disabled = false).await;
        in_force(&[other], (engine, "a client enabled"), || async {
            resource.introspect(other, "any").await.status == 200
        })
        .await;

        validate::add_orders(one).await;
        let health = async || validate::ask(other, "GET /health", &[]).await.status == 204;
        in_force(&[other], (engine, "a resource server"), health).await;
        one.replace_resource_server(validate::resource_server(validate::ORDERS, &[])).await.unwrap();
        in_force(&[other], (engine, "a rule gone"), async || !health().await).await;

        one.make_every_key().await;
        let published = |house: &House| house.provider.keyring().jwk_set().keys.len();
        one.provider.rotate_keys(&mut new_ctx(None), true).await.unwrap();
        in_force(&[other], (engine, "a key"), || async { published(other) == published(one) }).await;
    }
}

#[tokio::test]
async fn a_scope_taken_and_grants_ended_are_in_force_on_the_other_within_a_second() {
    for (engine, shared) in databases().await {
        let [one, other] = nodes(&shared).await;
        one.add_user("alice").await;
        let notes = one.notes().await;
        let token = notes.tokens(&one, "alice").await.access_token;
        assert_eq!(other.userinfo(&token).await.status, 200);
        let answers = |status: u16| {
            let (other, token) = (&other, &token);
            move || async move { other.userinfo(token).await.status == status }
        };
        one.change_client(&notes, |client| client.scope = "email".parse().unwrap()).await;
        in_force(&[&other], (engine, "a scope taken"), answers(403)).await;
        one.provider.end_client_grants(&new_ctx(None), &notes.client_id()).await.unwrap();
        in_force(&[&other], (engine, "grants ended"), answers(401)).await;
    }
}

#[tokio::test]
async fn a_change_of_subscription_plan_or_organization_is_in_force_on_the_other_within_a_second() {
    for (engine, shared) in databases().await {
        let [one, other] = nodes(&shared).await;
        one.add_user("alice").await;
        crate::organizations::changes_reach_the_other_node(engine, &one, &other).await;
    }
}

#[tokio::test]
async fn a_revoked_api_key_is_used_no_more_on_any_node_whoever_uses_it_meanwhile() {
    for (engine, shared) in databases().await {
        let [one, other] = nodes(&shared).await;
        let (one, other) = (&one, &other);
        validate::add_orders(one).await;
        api_keys::add_account(one, "robot").await;
        let passes = async |house: &House, key: &str| {
            let status = api_keys::with(house, "GET /orders", key).await.status;
            assert!(status == 204 || status == 401 || status == 403, "{engine}: {status}");
            status == 204
        };
        let probe = api_keys::made(one, api_keys::key_of("robot")).await.key;
        until("the rules", || passes(other, &probe)).await;
        for round in 0..12_u64 {
            let created = api_keys::made(one, api_keys::key_of("robot")).await;
            let (id, key) = (created.stored.id, created.key.as_str());
            // In half of the rounds, it is known on both nodes before; in the other half, its first use meets its revocation.
            if round % 2 == 0 {
                assert!(passes(one, key).await && passes(other, key).await, "{engine}");
            }
            let revoker = if round % 4 < 2 { one } else { other };
            let ctx = new_ctx(None);
            let revoked = async {
                sleep(Duration::from_micros(211 * round)).await;
                revoker.provider.revoke_api_key(&ctx, id).await.unwrap();
                assert!(!passes(revoker, key).await, "{engine}: at once where it was done");
            };
            let used = async {
                for _ in 0..20 {
                    passes(one, key).await;
                    passes(other, key).await;
                    sleep(Duration::from_micros(100)).await;
                }
            };
            tokio::join!(revoked, used);
            in_force(&[one, other], (engine, "a revoked key"), async || {
                !passes(one, key).await && !passes(other, key).await
            })
            .await;
            sleep(Duration::from_millis(300)).await;
            assert!(!passes(one, key).await && !passes(other, key).await, "{engine}: it came back");
        }
        // So is an account's removal, and its keys do not come back with its name.
        let id = protocol::ClientId::parse("robot").unwrap();
        one.provider.remove_client(&new_ctx(None), &id).await.unwrap();
        until("an account gone", async || !passes(other, &probe).await).await;
        api_keys::add_account(one, "robot").await;
        assert!(!passes(one, &probe).await && !passes(other, &probe).await, "{engine}");
    }
}

#[tokio::test]
async fn what_is_good_once_is_good_on_one_of_two_nodes() {
    for (engine, shared) in databases().await {
        let houses = nodes(&shared).await;
        houses[0].add_user("alice").await;
        let notes = &houses[0].notes().await;
        let both = |form: Vec<(&'static str, String)>| {
            let houses = &houses;
            async move {
                let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
                join_all(houses.iter().map(|house| notes.token(house, &form))).await
            }
        };
        for round in 0..15 {
            let code = houses[round % 2].browser().code_for(notes, "alice").await;
            let form =
                notes.redemption(&code).into_iter().map(|(name, value)| (name_of(name), value.to_owned()));
            let answers = both(form.collect()).await;
            let good = answers.iter().filter(|answer| answer.status == 200).count();
            assert_eq!(good, 1, "{engine}: a code");

            let tokens = notes.tokens(&houses[0], "alice").await;
            let form =
                vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", tokens.refresh_token)];
            let answers = both(form).await;
            // A retry within the grace gets the same successor: both answers, one token.
            let mut successors: Vec<_> = answers
                .iter()
                .filter(|answer| answer.status == 200)
                .map(|answer| answer.json()["refresh_token"].as_str().unwrap().to_owned())
                .collect();
            assert!(!successors.is_empty(), "{engine}: a refresh token");
            successors.dedup();
            assert_eq!(successors.len(), 1, "{engine}: a refresh token");
        }
    }
}

#[tokio::test]
async fn an_installation_has_one_first_owner_whichever_node_its_link_is_used_on() {
    for (engine, shared) in databases().await {
        let [one, other] = nodes(&shared).await;
        let link = one.provider.setup_link(&mut new_ctx(None)).await.unwrap().expect("nobody runs it yet");
        let token = link.split_once("token=").unwrap().1;
        let (mut ctx, mut others_ctx) = (new_ctx(None), new_ctx(None));
        let account = |username: &str| NewAccount {
            username: username.to_owned(),
            email: format!("{username}@example.org"),
            name: String::new(),
            password: SecretString::from(PASSWORD),
        };
        let browser = Browser::default();
        let made = tokio::join!(
            one.provider.set_up(&mut ctx, token, account("first"), &browser),
            other.provider.set_up(&mut others_ctx, token, account("second"), &browser)
        );
        let made = [made.0, made.1]
            .into_iter()
            .filter(|made| matches!(made, Ok(SetupAnswer::Created { .. })))
            .count();
        assert_eq!(made, 1, "{engine}");
    }
}

/// The names of a form's fields are literals; this finds the literal again.
fn name_of(name: &str) -> &'static str {
    ["grant_type", "code", "redirect_uri", "code_verifier"]
        .into_iter()
        .find(|known| *known == name)
        .expect("a known field")
}

#[tokio::test]
async fn nodes_that_start_and_turn_keys_together_make_one_set_of_keys() {
    for (engine, shared) in databases().await {
        let [one, other] = shared.stores.clone();
        let (one, other) = tokio::join!(House::node(one, 1), House::node(other, 2));
        tokio::join!(one.make_every_key(), other.make_every_key());
        for _ in 0..5 {
            let keys = one.provider.list_signing_keys().await.unwrap();
            for state in ["current", "next"] {
                let mut algorithms: Vec<_> =
                    keys.iter().filter(|key| key.state == state).map(|key| key.algorithm.as_str()).collect();
                algorithms.sort_unstable();
                assert_eq!(algorithms, ["ES256", "EdDSA", "RS256"], "{engine}: {state}");
            }
            let (mut ctx, mut others_ctx) = (new_ctx(None), new_ctx(None));
            let (one, other) = tokio::join!(
                one.provider.rotate_keys(&mut ctx, true),
                other.provider.rotate_keys(&mut others_ctx, true)
            );
            one.unwrap();
            other.unwrap();
        }
    }
}

#[tokio::test]
async fn a_job_is_one_nodes_and_passes_on_when_that_one_leaves() {
    for (engine, shared) in databases().await {
        let [one, other] = nodes(&shared).await;
        let holds = |house: &House| {
            let provider = house.provider.clone();
            async move { provider.runs_job("sweep").await.unwrap() }
        };
        let (first, second) = tokio::join!(holds(&one), holds(&other));
        assert!(first ^ second, "{engine}");
        let (holder, waiting) = if first { (&one, &other) } else { (&other, &one) };
        assert!(holds(holder).await && !holds(waiting).await, "{engine}: it stays");
        if engine != "a file" {
            holder.provider.store().close().await;
            assert!(holds(waiting).await, "{engine}");
        }
    }
}

#[tokio::test]
async fn a_lock_out_is_lifted_on_every_node() {
    for (engine, shared) in databases().await {
        let [one, other] = nodes(&shared).await;
        one.add_user("alice").await;
        let notes = one.notes().await;
        let mut browser = other.browser();
        let page = browser.authorize(&notes.request(&[])).await;
        for _ in 0..10 {
            browser.sign_in(&page, "alice", "wrong").await.expect(400);
        }
        browser.sign_in(&page, "alice", PASSWORD).await.expect(429);
        one.provider.lift_lock_out(&new_ctx(None), "alice").await.unwrap();
        let browser = &browser;
        let lifted = || {
            let (mut browser, page) = (browser.copy(), page.clone());
            async move { browser.sign_in(&page, "alice", PASSWORD).await.status == 303 }
        };
        in_force(&[&other], (engine, "a lock-out lifted"), lifted).await;
    }
}
