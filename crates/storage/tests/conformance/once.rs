//! What is good once is good once: every one-time thing, raced for by callers of two nodes whose clocks differ, again and again each time in another
//! order. The losers leave nothing behind.

use crate::engines::{Engine, Site};
use crate::fixture::at;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use protocol::claims::{AccessTokenClaims, Audience};
use protocol::{
    AccessTokenId, AuthorizationCodeId, AuthorizationRequest, ClaimsRequest, ClientId, DeviceCodeId, GrantId,
    InteractionId, OneTimeLinkId, Prompts, RedirectUri, RefreshTokenId, ResponseMode, ResponseType, Scope,
    SecretHash, SessionId, SigningAlgorithm, Timestamp, UserId,
};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use storage::access_token::{
    AddAccessToken, NewAccessToken, OneTimeAccessTokenById, SpendOneTimeAccessToken,
};
use storage::authorization_code::{
    AuthorizationCodeById, IssueAuthorizationCode, NewAuthorizationCode, SpendAuthorizationCode,
};
use storage::device_code::{
    Decided, DeviceCode, DeviceCodeById, DeviceCodeByUserCode, IssueDeviceCode, NewDeviceCode,
    SpendDeviceCode, UserCodeKey,
};
use storage::grant::NewGrant;
use storage::interaction::{
    Advance, AdvanceInteraction, BeginInteraction, Interaction, InteractionById, Progress,
};
use storage::one_time_link::{AddOneTimeLink, OneTimeLink};
use storage::refresh_token::{NewRefreshToken, RefreshTokenById, RotateRefreshToken};
use storage::signing_key::{ListSigningKeys, RotateSigningKey, StoredSigningKey};
use storage::spent_assertion::SpendAssertion;
use storage::user::{AddUser, User, UserAdded, UserById};
use storage::{Applied, Command, Steps, Store, params};
use tokio::task::JoinSet;

/// One who tries: on which node, how many turns of the scheduler late, and by how wrong a clock.
#[derive(Debug, Clone)]
struct Racer {
    node: usize,
    late: u8,
    clock: i64,
}

#[derive(Debug, Clone, Copy)]
enum Prize {
    Code,
    RefreshToken,
    Interaction,
    SetupLink,
    SigningKey,
    AccessToken,
    UserCode,
    DeviceDecision,
    DeviceCode,
    Assertion,
}

const PRIZES: [Prize; 10] = [
    Prize::Code,
    Prize::RefreshToken,
    Prize::Interaction,
    Prize::SetupLink,
    Prize::SigningKey,
    Prize::AccessToken,
    Prize::UserCode,
    Prize::DeviceDecision,
    Prize::DeviceCode,
    Prize::Assertion,
];

const NOON: i64 = 12 * 3_600_000;

fn racer() -> impl Strategy<Value = Racer> {
    (0..2_usize, 0..4_u8, -3_600_000..3_600_000_i64).prop_map(|(node, late, clock)| Racer {
        node,
        late,
        clock,
    })
}

fn races() -> impl Strategy<Value = Vec<(Prize, Vec<Racer>)>> {
    let prize = any::<Index>().prop_map(|index| *index.get(&PRIZES));
    prop::collection::vec((prize, prop::collection::vec(racer(), 2..9)), 6..10)
}

fn races_are_won_once(engine: Engine, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let site = runtime.block_on(engine.open_with(|options| options.write_deadline = Duration::from_secs(20)));
    let other =
        if engine == Engine::Sqlite { site.store.clone() } else { runtime.block_on(site.another_node()) };
    let track = Track { nodes: [site.store.clone(), other], _site: site };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let number = AtomicU64::new(1);
    TestRunner::new(config)
        .run(&races(), |races| {
            for (prize, racers) in races {
                runtime.block_on(track.race(prize, number.fetch_add(1, Relaxed), racers));
            }
            Ok(())
        })
        .unwrap();
    runtime.block_on(async {
        for node in &track.nodes {
            assert_eq!(node.stats().failed, 0);
            node.close().await;
        }
    });
}

#[test]
fn sqlite_gives_every_prize_once() {
    races_are_won_once(Engine::Sqlite, 24);
}

#[test]
fn postgres_gives_every_prize_once() {
    if !Engine::Postgres.is_missing() {
        races_are_won_once(Engine::Postgres, 16);
    }
}

#[test]
fn mysql_gives_every_prize_once() {
    if !Engine::Mysql.is_missing() {
        races_are_won_once(Engine::Mysql, 16);
    }
}

#[test]
fn on_postgres_behind_a_pooler_every_one_time_thing_is_won_once() {
    if !Engine::Pooled.is_missing() {
        races_are_won_once(Engine::Pooled, 8);
    }
}

#[test]
fn on_the_newest_postgres_every_one_time_thing_is_won_once() {
    if !Engine::Newest.is_missing() {
        races_are_won_once(Engine::Newest, 8);
    }
}

/// Two nodes on one database.
struct Track {
    nodes: [Store; 2],
    _site: Site,
}

/// An id nobody else has, in the order of numbers.
fn key(number: u64, which: u64) -> [u8; 16] {
    (u128::from(number) << 64 | u128::from(which) << 8 | 1).to_be_bytes()
}

fn hash() -> SecretHash {
    SecretHash::from_bytes([7; 32])
}

impl Track {
    async fn race(&self, prize: Prize, number: u64, racers: Vec<Racer>) {
        match prize {
            Prize::Code => self.code(number, racers).await,
            Prize::RefreshToken => self.refresh_token(number, racers).await,
            Prize::Interaction => self.interaction(number, racers).await,
            Prize::SetupLink => self.setup_link(number, racers).await,
            Prize::SigningKey => self.signing_key(number, racers).await,
            Prize::AccessToken => self.access_token(number, racers).await,
            Prize::UserCode => self.user_code(number, racers).await,
            Prize::DeviceDecision => self.device_decision(number, racers).await,
            Prize::DeviceCode => self.device_code(number, racers).await,
            Prize::Assertion => self.assertion(number, racers).await,
        }
    }

    /// Everybody tries at once; who won is answered, and that it was one.
    async fn winner<C>(&self, racers: &[Racer], attempt: impl Fn(u64, Timestamp) -> C) -> u64
    where
        C: Command + 'static,
        C::Outcome: Won + 'static,
    {
        let mut tries = JoinSet::new();
        for (index, racer) in racers.iter().enumerate() {
            let (store, index, late) = (self.nodes[racer.node].clone(), index as u64, racer.late);
            let attempt = attempt(index, at(NOON + racer.clock));
            tries.spawn(async move {
                for _ in 0..late {
                    tokio::task::yield_now().await;
                }
                store.write(attempt).await.unwrap().won().then_some(index)
            });
        }
        let winners: Vec<u64> = tries.join_all().await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "{winners:?} of {racers:?}");
        winners[0]
    }

    async fn issue(&self, number: u64) {
        let issue = IssueAuthorizationCode { grant: grant(number, 0), code: Some(code(number, 0)) };
        assert!(self.nodes[0].write(issue).await.unwrap());
    }

    /// Which of the refresh tokens with these numbers there are.
    async fn refresh_tokens(&self, number: u64, racers: usize) -> Vec<u64> {
        let mut there = Vec::new();
        for which in 0..racers as u64 {
            let id = RefreshTokenId::from_bytes(key(number, which));
            if self.nodes[1].read(RefreshTokenById(id)).await.unwrap().is_some() {
                there.push(which);
            }
        }
        there
    }

    async fn code(&self, number: u64, racers: Vec<Racer>) {
        self.issue(number).await;
        let winner = self
            .winner(&racers, |which, at| SpendAuthorizationCode {
                id: AuthorizationCodeId::from_bytes(key(number, 0)),
                grant_id: GrantId::from_bytes(key(number, 0)),
                at,
                refresh_token: Some(refresh_token(number, which)),
                access_token: None,
            })
            .await;
        let id = AuthorizationCodeId::from_bytes(key(number, 0));
        let spent = self.nodes[1].read(AuthorizationCodeById(id)).await.unwrap().unwrap().spent_at;
        assert_eq!(spent, Some(at(NOON + racers[winner as usize].clock)));
        assert_eq!(self.refresh_tokens(number, racers.len()).await, [winner]);
    }

    async fn refresh_token(&self, number: u64, racers: Vec<Racer>) {
        const PRESENTED: u64 = 1_000;
        self.issue(number).await;
        let first = SpendAuthorizationCode {
            id: AuthorizationCodeId::from_bytes(key(number, 0)),
            grant_id: GrantId::from_bytes(key(number, 0)),
            at: at(NOON),
            refresh_token: Some(refresh_token(number, PRESENTED)),
            access_token: None,
        };
        assert!(self.nodes[0].write(first).await.unwrap());
        let presented = RefreshTokenId::from_bytes(key(number, PRESENTED));
        let winner = self
            .winner(&racers, |which, at| RotateRefreshToken {
                presented,
                successor: refresh_token(number, which),
                access_token: None,
                at,
            })
            .await;
        let spent = self.nodes[1].read(RefreshTokenById(presented)).await.unwrap().unwrap();
        assert_eq!(spent.successor_id, Some(RefreshTokenId::from_bytes(key(number, winner))));
        assert_eq!(self.refresh_tokens(number, racers.len()).await, [winner]);
    }

    async fn interaction(&self, number: u64, racers: Vec<Racer>) {
        let id = InteractionId::from_bytes(key(number, 0));
        assert!(self.nodes[0].write(BeginInteraction(interaction(id))).await.unwrap());
        let winner = self
            .winner(&racers, |which, at| AdvanceInteraction {
                id,
                at,
                until: at + Duration::from_secs(3_600),
                session: None,
                consent: None,
                next: Advance::Grant(Box::new((grant(number, which), Some(code(number, which))))),
            })
            .await;
        for which in 0..racers.len() as u64 {
            let id = AuthorizationCodeId::from_bytes(key(number, which));
            let code = self.nodes[1].read(AuthorizationCodeById(id)).await.unwrap();
            assert_eq!(code.is_some(), which == winner);
        }
    }

    async fn ask(&self, number: u64) {
        let ask = IssueDeviceCode { code: device_code(number, 0), user_code: user_code(number) };
        assert!(self.nodes[0].write(ask).await.unwrap());
    }

    async fn device_code_now(&self, number: u64, which: u64) -> Option<DeviceCode> {
        let id = DeviceCodeId::from_bytes(key(number, which));
        self.nodes[1].read(DeviceCodeById(id)).await.unwrap()
    }

    /// Each has two questions open in the same browser, and half of them allow and half deny.
    async fn decide(&self, number: u64, racers: &[Racer]) -> u64 {
        for which in 0..racers.len() as u64 {
            let id = InteractionId::from_bytes(key(number, which));
            assert!(self.nodes[0].write(BeginInteraction(interaction(id))).await.unwrap());
        }
        let device = DeviceCodeId::from_bytes(key(number, 0));
        self.winner(racers, |which, at| AdvanceInteraction {
            id: InteractionId::from_bytes(key(number, which)),
            at,
            until: at + Duration::from_secs(3_600),
            session: None,
            consent: None,
            next: match which % 2 {
                0 => Advance::AllowDevice(device, Box::new(grant(number, which))),
                _ => Advance::DenyDevice(device),
            },
        })
        .await
    }

    async fn user_code(&self, number: u64, racers: Vec<Racer>) {
        let winner = self
            .winner(&racers, |which, _| IssueDeviceCode {
                code: device_code(number, which),
                user_code: user_code(number),
            })
            .await;
        for which in 0..racers.len() as u64 {
            assert_eq!(self.device_code_now(number, which).await.is_some(), which == winner);
        }
        let found = self.nodes[0].read(DeviceCodeByUserCode(user_code(number))).await.unwrap().unwrap();
        assert_eq!(found.issued.id, DeviceCodeId::from_bytes(key(number, winner)));
    }

    async fn device_decision(&self, number: u64, racers: Vec<Racer>) {
        self.ask(number).await;
        let winner = self.decide(number, &racers).await;
        let decision = self.device_code_now(number, 0).await.unwrap().decision;
        let granted = GrantId::from_bytes(key(number, winner));
        let expected = if winner.is_multiple_of(2) { Decided::Allowed(granted) } else { Decided::Denied };
        assert_eq!(decision, Some(expected));
        // Who lost left the interaction open, and no grant.
        for which in 0..racers.len() as u64 {
            let id = InteractionId::from_bytes(key(number, which));
            let interaction = self.nodes[0].read(InteractionById(id)).await.unwrap().unwrap();
            assert_eq!(interaction.finished_at.is_some(), which == winner);
        }
    }

    async fn device_code(&self, number: u64, racers: Vec<Racer>) {
        self.ask(number).await;
        self.decide(number, &[Racer { node: 0, late: 0, clock: 0 }]).await;
        let winner = self
            .winner(&racers, |which, at| SpendDeviceCode {
                id: DeviceCodeId::from_bytes(key(number, 0)),
                grant_id: GrantId::from_bytes(key(number, 0)),
                at,
                refresh_token: Some(refresh_token(number, which)),
                access_token: None,
            })
            .await;
        let spent = self.device_code_now(number, 0).await.unwrap().spent_at;
        assert_eq!(spent, Some(at(NOON + racers[winner as usize].clock)));
        assert_eq!(self.refresh_tokens(number, racers.len()).await, [winner]);
    }

    /// A link for each racer: whichever is used first makes the one platform owner.
    async fn setup_link(&self, number: u64, racers: Vec<Racer>) {
        self.nodes[0].write(NoOwner).await.unwrap();
        for which in 0..racers.len() as u64 {
            let link = OneTimeLink {
                id: OneTimeLinkId::from_bytes(key(number, which / 2)),
                secret_hash: hash(),
                purpose: "first-platform-owner".to_owned(),
                created_at: at(0),
                expires_at: at(2 * NOON),
                spent_at: None,
            };
            // Two racers have the same link, others have another.
            assert_eq!(self.nodes[1].write(AddOneTimeLink(link)).await.unwrap(), which % 2 == 0);
        }
        let winner = self
            .winner(&racers, |which, at| AddUser {
                user: owner(number, which, at),
                password_hash: None,
                spends: Some(OneTimeLinkId::from_bytes(key(number, which / 2))),
            })
            .await;
        for which in 0..racers.len() as u64 {
            let id = UserId::from_bytes(key(number, which));
            let user = self.nodes[1].read(UserById(id)).await.unwrap();
            assert_eq!(user.is_some(), which == winner);
        }
    }

    async fn access_token(&self, number: u64, racers: Vec<Racer>) {
        let id = AccessTokenId::from_bytes(key(number, 0));
        assert!(self.nodes[0].write(AddAccessToken(one_time_access_token(id))).await.unwrap());
        assert!(self.nodes[1].read(OneTimeAccessTokenById(id)).await.unwrap().is_some());
        self.winner(&racers, |_, at| SpendOneTimeAccessToken { id, at }).await;
        assert!(self.nodes[1].read(OneTimeAccessTokenById(id)).await.unwrap().is_none());
        // However late somebody comes.
        assert!(!self.nodes[0].write(SpendOneTimeAccessToken { id, at: at(NOON) }).await.unwrap());
    }

    /// Of one `jti` there may be several assertions, each with an end of its own: one of them is accepted, and none after it.
    async fn assertion(&self, number: u64, racers: Vec<Racer>) {
        let spend = |_, at| SpendAssertion { id: key(number, 0), expires_at: at };
        self.winner(&racers, spend).await;
        for node in &self.nodes {
            assert!(!node.write(spend(0, at(NOON))).await.unwrap());
        }
    }

    async fn signing_key(&self, _number: u64, racers: Vec<Racer>) {
        let keys = self.nodes[0].read(ListSigningKeys).await.unwrap();
        let of = |state: fn(&StoredSigningKey) -> bool| keys.iter().find(|key| state(key));
        let current =
            of(|key| key.current_at.is_some() && key.retired_at.is_none()).map(|key| key.kid.clone());
        let next = of(|key| key.current_at.is_none()).map(|key| key.kid.clone());
        let generation = keys.iter().map(|key| key.generation).max().unwrap_or(0);
        let before = keys.len();
        // A new installation makes both; any other the next one.
        let added = if current.is_none() { 2 } else { 1 };
        let winner = self
            .winner(&racers, |which, at| RotateSigningKey {
                retire: current.clone(),
                promote: next.clone(),
                add: (1..=added)
                    .map(|place| StoredSigningKey {
                        kid: format!("{}-{which}", generation + place),
                        algorithm: SigningAlgorithm::EdDsa,
                        generation: generation + place,
                        sealed_private_key: vec![1; 48],
                        created_at: at,
                        current_at: (place < added).then_some(at),
                        retired_at: None,
                        published_until: None,
                    })
                    .collect(),
                forget: Vec::new(),
                at,
            })
            .await;
        let keys = self.nodes[1].read(ListSigningKeys).await.unwrap();
        assert_eq!(keys.len(), before + added as usize);
        assert!(keys.iter().any(|key| key.kid == format!("{}-{winner}", generation + added)));
        assert_eq!(keys.iter().filter(|key| key.current_at.is_some() && key.retired_at.is_none()).count(), 1);
        assert_eq!(keys.iter().filter(|key| key.current_at.is_none()).count(), 1);
    }
}

/// What a command of a race says to who lost it.
trait Won: Send {
    fn won(self) -> bool;
}

impl Won for bool {
    fn won(self) -> bool {
        self
    }
}

impl Won for UserAdded {
    fn won(self) -> bool {
        self == Self::Added
    }
}

/// The installation is as if it had never had a platform owner.
struct NoOwner;

impl Command for NoOwner {
    type Outcome = ();

    fn steps(&self, steps: &mut Steps) {
        steps.any("DELETE FROM users", params![]);
    }

    fn outcome(&self, _: Applied) {}
}

fn client() -> ClientId {
    ClientId::parse("app").unwrap()
}

fn grant(number: u64, which: u64) -> NewGrant {
    NewGrant {
        id: GrantId::from_bytes(key(number, which)),
        user_id: UserId::from_bytes([1; 16]),
        client_id: client(),
        session_id: SessionId::from_bytes([1; 16]),
        scope: Scope::parse("openid").unwrap(),
        claims: ClaimsRequest::default(),
        auth_time: at(0),
        amr: "pwd".to_owned(),
        acr: "0".to_owned(),
        resources: Vec::new(),
        offline: false,
        created_at: at(0),
        expires_at: at(2 * NOON),
    }
}

fn code(number: u64, which: u64) -> NewAuthorizationCode {
    NewAuthorizationCode {
        id: AuthorizationCodeId::from_bytes(key(number, which)),
        secret_hash: hash(),
        grant_id: GrantId::from_bytes(key(number, which)),
        client_id: client(),
        redirect_uri: "https://app.example/cb".to_owned(),
        redirect_uri_given: true,
        code_challenge: None,
        nonce: None,
        created_at: at(0),
        expires_at: at(2 * NOON),
    }
}

fn device_code(number: u64, which: u64) -> NewDeviceCode {
    NewDeviceCode {
        id: DeviceCodeId::from_bytes(key(number, which)),
        secret_hash: hash(),
        client_id: client(),
        scope: Scope::parse("openid").unwrap(),
        resources: Vec::new(),
        asked_from: None,
        created_at: at(0),
        expires_at: at(2 * NOON),
    }
}

fn user_code(number: u64) -> UserCodeKey {
    UserCodeKey(key(number.wrapping_mul(0x9E37_79B9_7F4A_7C15), 0))
}

fn refresh_token(number: u64, which: u64) -> NewRefreshToken {
    NewRefreshToken {
        id: RefreshTokenId::from_bytes(key(number, which)),
        secret_hash: hash(),
        grant_id: GrantId::from_bytes(key(number, 0)),
        client_id: client(),
        generation: 0,
        created_at: at(0),
        expires_at: at(2 * NOON),
    }
}

fn one_time_access_token(id: AccessTokenId) -> NewAccessToken {
    NewAccessToken {
        id,
        secret_hash: hash(),
        grant_id: None,
        claims: AccessTokenClaims {
            iss: "https://id.example".to_owned(),
            sub: "app".to_owned(),
            aud: Audience::One("https://api.example".to_owned()),
            exp: 2 * NOON / 1_000,
            iat: 0,
            jti: id.to_string(),
            client_id: "app".to_owned(),
            scope: Scope::default(),
            sign_in: None,
            grant_id: None,
            act: None,
            may_act: None,
            exchanged_from: None,
            aud_named: false,
            typ: None,
            cnf: None,
            service: None,
        },
        created_at: at(0),
        expires_at: at(2 * NOON),
        one_time: true,
    }
}

fn interaction(id: InteractionId) -> Interaction {
    Interaction {
        id,
        secret_hash: hash(),
        browser_hash: hash(),
        request: AuthorizationRequest {
            client_id: client(),
            redirect_uri: RedirectUri::parse("https://app.example/cb").unwrap(),
            redirect_uri_given: true,
            response_type: ResponseType::Code,
            response_mode: ResponseMode::Query,
            scope: Scope::parse("openid").unwrap(),
            state: None,
            nonce: None,
            code_challenge: None,
            prompts: Prompts::default(),
            max_age: None,
            login_hint: None,
            ui_locales: Vec::new(),
            acr_values: Vec::new(),
            subject: None,
            claims: ClaimsRequest::default(),
            resources: Vec::new(),
            device: None,
        },
        progress: Progress::default(),
        created_at: at(0),
        expires_at: at(2 * NOON),
        finished_at: None,
    }
}

fn owner(number: u64, which: u64, at: Timestamp) -> User {
    User {
        id: UserId::from_bytes(key(number, which)),
        username: format!("owner-{number}-{which}"),
        email: None,
        email_verified: false,
        name: None,
        claims: serde_json::Map::new(),
        platform_owner: true,
        created_at: at,
        updated_at: at,
        disabled_at: None,
        signed_out_at: None,
    }
}
