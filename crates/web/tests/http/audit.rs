//! What is told of what people, clients and operators do: which events, with which members; and never what nobody may read there.

use crate::house::{GRANT, House, PASSWORD, Tokens, new_ctx, now, pass_seconds};
use protocol::{
    AUDIT_EVENTS, AuditClass, AuditEventId, ClientId, ConsentPolicy, PlanPath, Role, Slug, SubscriptionStatus,
};
use provider::AuditLevel;
use provider::admin::{NewApiKey, NewServiceAccount, OrganizationChange, PlanChange};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use storage::audit::UnsealedAuditEvents;

/// The events since this was asked last, in the order they were told; ids as `*`.
async fn told(house: &House) -> Vec<String> {
    lines(house).await.iter().map(|line| shown(line)).collect()
}

/// The names of the events since this was asked last.
pub(crate) async fn names(house: &House) -> Vec<String> {
    let name = |line: &String| line.split(' ').next().unwrap_or_default().to_owned();
    told(house).await.iter().map(name).collect()
}

async fn lines(house: &House) -> Vec<String> {
    house.provider.flush_audit().await.unwrap();
    let before = now() + Duration::from_millis(1);
    let query = UnsealedAuditEvents { before: AuditEventId::new(before, [0; 10]), limit: 1_000 };
    let mut events = house.provider.store().read(query).await.unwrap();
    house.provider.seal_audit(&new_ctx(None), before).await.unwrap();
    // Of one instant, ids are in the order of chance between requests: here, in the order of the names.
    events.sort_by_key(|event| (event.id.as_bytes()[..6].to_vec(), shown(&event.line)));
    events.into_iter().map(|event| event.line).collect()
}

fn shown(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap();
    let event = event.as_object().unwrap();
    assert!(["id", "time", "request"].iter().all(|name| event[*name].is_string()), "{line}");
    let members =
        event.iter().filter(|(name, _)| !["id", "time", "request", "event"].contains(&name.as_str()));
    let members = members.map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let is_id = text.len() == 36 && text.split('-').count() == 5;
        format!(" {name}={}", if is_id { "*" } else { &text })
    });
    format!("{}{}", event["event"].as_str().unwrap(), members.collect::<String>())
}

async fn keeping(level: AuditLevel) -> House {
    let house = House::with(|plan| plan.settings.audit = level).await;
    told(&house).await;
    house
}

const FROM: &str = "address=192.0.2.1";

fn pro() -> PlanPath {
    "acme/notes/pro".parse().unwrap()
}

#[tokio::test]
async fn what_people_do_is_told() {
    let house = keeping(AuditLevel::Failures).await;
    let notes = house.register("notes", |client| client.consent = ConsentPolicy::Required).await;
    let trusted = house.register("trusted", |_| {}).await;
    assert_eq!(
        told(&house).await,
        [
            "ClientCreated client=notes service_account=false",
            "ClientCreated client=trusted service_account=false"
        ]
    );
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    assert_eq!(told(&house).await, Vec::<String>::new(), "nothing has happened yet");
    let page = browser.sign_in(&page, "alice", "wrong").await;
    let page = browser.sign_in(&page, "nobody", "wrong").await;
    assert_eq!(
        told(&house).await,
        [
            format!("SignInFailed {FROM} client=notes reason=unknown_user"),
            format!("SignInFailed {FROM} client=notes reason=wrong_password user=*"),
        ]
    );
    let page = browser.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!(told(&house).await, [format!("UserSignedIn {FROM} amr=pwd client=notes session=* user=*")]);
    browser.decide(&page, "allow").await;
    assert_eq!(
        told(&house).await,
        [format!("ConsentGranted {FROM} client=notes grant=* scope=openid session=* user=*")]
    );
    browser.code_for(&trusted, "alice").await;
    assert_eq!(
        told(&house).await,
        [format!("GrantMade {FROM} client=trusted grant=* scope=openid session=* user=*")]
    );
    // A sign-in at a client that asks nothing is one event: one row more in the command it waits for.
    house.browser().code_for(&trusted, "bob").await;
    assert_eq!(
        told(&house).await,
        [format!("UserSignedIn {FROM} amr=pwd client=trusted grant=* session=* user=*")]
    );
    // Somebody else at the same browser.
    let page = browser.authorize(&trusted.request(&[("prompt", "login")])).await;
    browser.sign_in(&page, "bob", PASSWORD).await;
    assert_eq!(
        told(&house).await,
        [format!("UserSignedIn {FROM} amr=pwd client=trusted grant=* session=* user=*")]
    );
    let page = browser.authorize(&notes.request(&[("login_hint", "bob")])).await;
    browser.decide(&page, "deny").await;
    assert_eq!(told(&house).await, [format!("ConsentDenied {FROM} client=notes user=*")]);
    let page = browser.get("/oauth2/logout").await;
    let form = [("logout", page.hidden("logout")), ("decision", "sign_out".to_owned())];
    browser.post("/sign-out", &form.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    // Both of them.
    let signed_out = format!("UserSignedOut {FROM} session=* user=*");
    assert_eq!(told(&house).await, [signed_out.clone(), signed_out]);
}

#[tokio::test]
async fn what_becomes_of_tokens_is_told() {
    let house = keeping(AuditLevel::Failures).await;
    let notes = house.notes().await;
    let scope = &[("scope", "openid offline_access")];
    let mut browser = house.browser();
    let code = browser.answer_for(&notes.request(scope), "alice").await.says("code");
    let tokens = Tokens::of(&notes.redeem(&house, &code).await);
    told(&house).await;
    let next = Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
    assert_eq!(told(&house).await, Vec::<String>::new(), "a rotation writes its own rows and no more");
    notes.refresh(&house, &next.refresh_token).await.expect(200);
    notes.refresh(&house, &tokens.refresh_token).await.expect(400);
    assert_eq!(told(&house).await, ["RefreshTokenReused client=notes grant=*"]);
    notes.refresh(&house, &tokens.refresh_token).await.expect(400);
    notes.redeem(&house, &code).await.expect(400);
    assert_eq!(told(&house).await, Vec::<String>::new(), "the grant was over: nothing changed");

    let code = browser.answer_for(&notes.request(scope), "alice").await.says("code");
    let tokens = Tokens::of(&notes.redeem(&house, &code).await);
    told(&house).await;
    notes.revoke(&house, &tokens.access_token).await.expect(200);
    notes.revoke(&house, &tokens.access_token).await.expect(200);
    assert_eq!(told(&house).await, ["AccessTokenRevoked client=notes token=* user=*"]);
    notes.revoke(&house, &tokens.refresh_token).await.expect(200);
    notes.revoke(&house, &tokens.refresh_token).await.expect(200);
    assert_eq!(told(&house).await, ["GrantRevoked client=notes grant=*"]);

    let code = browser.answer_for(&notes.request(scope), "alice").await.says("code");
    notes.redeem(&house, &code).await.expect(200);
    told(&house).await;
    notes.redeem(&house, &code).await.expect(400);
    assert_eq!(told(&house).await, ["AuthorizationCodeReused client=notes grant=*"]);

    let mut stranger = notes.clone();
    stranger.secret = Some("wrong".to_owned());
    stranger.introspect(&house, "any").await.expect(401);
    stranger.id = "nobody".to_owned();
    stranger.introspect(&house, "any").await.expect(401);
    assert_eq!(
        told(&house).await,
        ["ClientAuthenticationFailed client=notes"],
        "and nothing of a name nobody has"
    );
}

#[tokio::test]
async fn what_devices_are_allowed_is_told() {
    let house = keeping(AuditLevel::Failures).await;
    let television = house.television().await;
    let (allowed, denied) = (television.device(&house).await, television.device(&house).await);
    told(&house).await;
    let mut browser = house.browser();
    browser.bring_in(&allowed, "alice", "allow").await;
    browser.bring_in(&denied, "alice", "deny").await;
    let scope = "scope=films:watch offline_access openid profile";
    assert_eq!(
        told(&house).await,
        [
            format!("DeviceApproved {FROM} client=tv device=* grant=* {scope} session=* user=*"),
            format!("DeviceDenied {FROM} client=tv device=* session=* user=*"),
            // Whoever enters a code signs in before anybody knows whose it is.
            format!("UserSignedIn {FROM} amr=pwd client=doorward:device session=* user=*"),
        ]
    );
    browser.enter("BBBB-BBBB").await;
    assert_eq!(told(&house).await, [format!("UserCodeUnknown {FROM}")]);
    allowed.poll(&house).await.expect(200);
    television.token(&house, &[GRANT, ("device_code", &allowed.device_code)]).await.expect(400);
    assert_eq!(told(&house).await, ["DeviceCodeReused client=tv grant=*"]);
}

#[tokio::test]
async fn what_operators_do_is_told_and_what_is_refused_is_not() {
    let house = keeping(AuditLevel::Changes).await;
    let (provider, ctx) = (&house.provider, &mut new_ctx(None));
    let acme = Slug::parse("acme").unwrap();
    let path = "acme/notes".parse().unwrap();
    house.acme().await;
    assert!(provider.add_organization(ctx, acme.clone(), "Acme".to_owned()).await.is_err(), "taken");
    house.join_acme("alice").await;
    house.subscribe("alice", "acme/notes/pro", SubscriptionStatus::Active, None).await;
    provider.remove_subscription(ctx, "alice", &path).await.unwrap();
    assert!(provider.remove_subscription(ctx, "alice", &path).await.is_err());
    provider.set_member(ctx, &acme, "alice", Role::Admin).await.unwrap();
    provider.remove_member(ctx, &acme, "alice").await.unwrap();
    assert!(provider.remove_service(ctx, &path).await.is_ok(), "with its plans");
    let service = provider.add_service(ctx, path.clone(), "Notes".to_owned()).await.unwrap();
    provider.add_plan(ctx, pro(), "Pro".into(), Default::default()).await.unwrap();
    provider.change_plan(ctx, &pro(), PlanChange::default()).await.unwrap();
    provider.remove_plan(ctx, &pro()).await.unwrap();
    provider.rename_service(ctx, &service.path, "Notes 2".to_owned()).await.unwrap();
    assert!(provider.remove_organization(ctx, &acme).await.is_err(), "it has a service");
    let disable = OrganizationChange { disabled: Some(true), ..OrganizationChange::default() };
    provider.change_organization(ctx, &acme, disable).await.unwrap();
    provider.remove_service(ctx, &path).await.unwrap();
    provider.remove_organization(ctx, &acme).await.unwrap();
    insta::assert_snapshot!("organizations", told(&house).await.join("\n"));

    let notes = house.notes().await;
    house.change_client(&notes, |client| client.disabled = true).await;
    provider.rotate_client_secret(ctx, &notes.client_id()).await.unwrap();
    provider.remove_client(ctx, &notes.client_id()).await.unwrap();
    let id = ClientId::parse("nightly").unwrap();
    let scope = "orders:read".parse::<protocol::Scope>().unwrap_or_default();
    let account = NewServiceAccount {
        id: id.clone(),
        name: "Nightly".to_owned(),
        scope,
        audience: vec![crate::house::ISSUER.to_owned()],
    };
    provider.add_service_account(ctx, account).await.unwrap();
    let key = NewApiKey {
        client_id: id,
        name: "a name that somebody typed".to_owned(),
        scope: None,
        expires_in: None,
    };
    let key = provider.add_api_key(ctx, key).await.unwrap();
    provider.revoke_api_key(ctx, key.stored.id).await.unwrap();
    assert!(provider.revoke_api_key(ctx, key.stored.id).await.is_err());
    provider.end_client_grants(ctx, &ClientId::parse("nightly").unwrap()).await.unwrap();
    provider.end_user_grants(ctx, "bob").await.unwrap();
    provider.set_user_disabled(ctx, "bob", true).await.unwrap();
    provider.set_user_disabled(ctx, "bob", false).await.unwrap();
    provider.set_user_password(ctx, "bob", PASSWORD.into()).await.unwrap();
    provider.remove_user(ctx, "bob").await.unwrap();
    assert!(provider.remove_user(ctx, "bob").await.is_err());
    house.make_every_key().await;
    told_of_keys(&house).await;
}

/// Turning keys is told once per algorithm; what was told before is a snapshot.
async fn told_of_keys(house: &House) {
    insta::assert_snapshot!("administration", without_kids(told(house).await).join("\n"));
    house.provider.rotate_keys(&mut new_ctx(None), true).await.unwrap();
    assert_eq!(
        without_kids(told(house).await),
        ["EdDSA", "ES256", "RS256"].map(|algorithm| format!("SigningKeyTurned algorithm={algorithm} kid="))
    );
    house.provider.maintain_keys(&mut new_ctx(None)).await.unwrap();
    assert_eq!(told(house).await, Vec::<String>::new(), "nothing was due");
}

fn without_kids(told: Vec<String>) -> Vec<String> {
    let cut = |line: String| match line.split_once("kid=") {
        Some((before, _)) => format!("{before}kid="),
        None => line,
    };
    let mut told: Vec<_> = told.into_iter().map(cut).collect();
    told.sort_by_key(|line| ["EdDSA", "ES256", "RS256"].iter().position(|name| line.contains(name)));
    told
}

#[tokio::test]
async fn each_level_keeps_what_it_says_and_uses_are_told_by_all_only() {
    let mut kept = Vec::new();
    for level in [AuditLevel::Off, AuditLevel::Changes, AuditLevel::Failures, AuditLevel::All] {
        let house = keeping(level).await;
        let notes = house.notes().await;
        let page = house.browser().authorize(&notes.request(&[])).await;
        house.browser().sign_in(&page, "alice", "wrong").await;
        let mut browser = house.browser();
        let page = browser.authorize(&notes.request(&[])).await;
        browser.sign_in(&page, "alice", "wrong").await;
        let tokens = notes.tokens(&house, "alice").await;
        notes.introspect(&house, &tokens.access_token).await.expect(200);
        notes.introspect(&house, "nonsense").await.expect(200);
        house.userinfo("nonsense").await.expect(401);
        let names = told(&house).await;
        kept.push(names.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>());
    }
    let changes = ["ClientCreated", "UserSignedIn"];
    let failures = ["ClientCreated", "SignInFailed", "UserSignedIn"];
    let all = [
        "AccessTokenIssued",
        "ClientCreated",
        "CredentialRefused",
        "CredentialRefused",
        "SignInFailed",
        "UserSignedIn",
    ];
    assert_eq!(kept, [&[][..], &changes, &failures, &all]);
}

#[tokio::test]
async fn no_event_holds_a_secret_a_token_a_name_or_an_address_of_mail() {
    let house = keeping(AuditLevel::All).await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[("scope", "openid offline_access")])).await;
    let page = browser.sign_in(&page, "alice@example.org", "hunter2 typed").await;
    let page = browser.sign_in(&page, "correct horse in the wrong field", "").await;
    browser.sign_in(&page, "alice", PASSWORD).await;
    let code =
        browser.answer_for(&notes.request(&[("scope", "openid offline_access")]), "alice").await.says("code");
    let tokens = Tokens::of(&notes.redeem(&house, &code).await);
    let next = Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
    notes.introspect(&house, "what was presented").await;
    pass_seconds(601);
    notes.refresh(&house, &tokens.refresh_token).await.expect(400);
    let all = lines(&house).await.join("\n");
    let secret = notes.secret.clone().unwrap();
    let session = browser.session();
    for never in [
        PASSWORD,
        "hunter2",
        "correct horse",
        "alice",
        "example.org",
        "what was presented",
        &secret,
        &code,
        &session,
        &tokens.access_token,
        &tokens.refresh_token,
        &next.refresh_token,
    ] {
        assert!(!all.contains(never), "{never} is in\n{all}");
    }
    let names: BTreeSet<_> = AUDIT_EVENTS.iter().map(|kind| kind.name).collect();
    for line in all.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert!(names.contains(event["event"].as_str().unwrap()), "{line}");
    }
    assert!(AUDIT_EVENTS.iter().any(|kind| kind.class == AuditClass::Use));
}
