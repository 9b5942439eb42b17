//! Mutual TLS (RFC 8705): clients that prove who they are by a certificate, and tokens that are bound to one. How a certificate arrives is
//! tested with the server's TLS.

use crate::house::{Answer, House, RelyingParty, Tokens, claims_of, encoded, now, pass_seconds, post};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use crypto::CertificateAuthorities;
use http::Request;
use protocol::{Client, ClientAuthentication as Method, ClientCertificate, GrantType, TlsSubject};
use provider::MutualTls;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType,
};
use serde_json::json;

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

/// An authority, and whom it vouches for.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn certificate(&self, change: impl FnOnce(&mut CertificateParams)) -> ClientCertificate {
        let made = leaf(change).signed_by(&KeyPair::generate().unwrap(), &self.0).unwrap();
        ClientCertificate::new([made.der().to_vec()]).unwrap()
    }
}

fn leaf(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.distinguished_name.push(DnType::CommonName, "machine");
    params.subject_alt_names = vec![
        SanType::DnsName("machine.example".try_into().unwrap()),
        SanType::URI("spiffe://example/machine".try_into().unwrap()),
        SanType::IpAddress("192.0.2.7".parse().unwrap()),
        SanType::Rfc822Name("machine@example.org".try_into().unwrap()),
    ];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let day = i64::from(24 * 3_600);
    let at =
        |seconds: i64| std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.try_into().unwrap());
    params.not_before = at(now().seconds() - day).into();
    params.not_after = at(now().seconds() + day).into();
    change(&mut params);
    params
}

fn self_signed() -> ClientCertificate {
    let made = leaf(|_| {}).self_signed(&KeyPair::generate().unwrap()).unwrap();
    ClientCertificate::new([made.der().to_vec()]).unwrap()
}

async fn house(authority: &Authority) -> House {
    let authorities = CertificateAuthorities::from_pem(authority.0.pem().as_bytes()).unwrap();
    House::with(|plan| plan.settings.mutual_tls = MutualTls { offered: true, authorities }).await
}

async fn with(house: &House, certificate: Option<&ClientCertificate>, mut request: Request<Body>) -> Answer {
    request.extensions_mut().extend(
        certificate
            .map(|it| {
                let mut extensions = http::Extensions::new();
                extensions.insert(it.clone());
                extensions
            })
            .unwrap_or_default(),
    );
    house.send(request).await
}

async fn token(house: &House, certificate: Option<&ClientCertificate>, id: &str) -> Answer {
    with(house, certificate, post("/oauth2/token", &[GRANT, ("client_id", id)])).await
}

async fn userinfo(house: &House, certificate: Option<&ClientCertificate>, token: &str) -> Answer {
    let request = Request::get("/oauth2/userinfo").header("authorization", format!("Bearer {token}"));
    with(house, certificate, request.body(Body::empty()).unwrap()).await
}

async fn machine(house: &House, id: &str, change: impl FnOnce(&mut Client)) -> RelyingParty {
    let register = |client: &mut Client| {
        client.authentication = Method::TlsClientAuth;
        client.grant_types = [GrantType::ClientCredentials].into();
        change(client);
    };
    house.register(id, register).await
}

#[tokio::test]
async fn rfc8705_2_1_a_certificate_of_a_trusted_authority_names_the_client() {
    let authority = Authority::new("Clients");
    let house = house(&authority).await;
    let good = authority.certificate(|_| {});
    let subjects = [
        (TlsSubject::Dn("CN=machine,O=Example".to_owned()), true),
        (TlsSubject::Dn("cn=machine, 2.5.4.10=Example".to_owned()), true),
        (TlsSubject::Dn("O=Example,CN=machine".to_owned()), false),
        (TlsSubject::Dn("CN=Machine,O=Example".to_owned()), false),
        (TlsSubject::Dn("CN=machine".to_owned()), false),
        (TlsSubject::Dns("MACHINE.example".to_owned()), true),
        (TlsSubject::Dns("example".to_owned()), false),
        (TlsSubject::Uri("spiffe://example/machine".to_owned()), true),
        (TlsSubject::Uri("spiffe://example/".to_owned()), false),
        (TlsSubject::Ip("192.0.2.7".parse().unwrap()), true),
        (TlsSubject::Ip("::ffff:192.0.2.7".parse().unwrap()), false),
        (TlsSubject::Email("machine@EXAMPLE.org".to_owned()), true),
        (TlsSubject::Email("Machine@example.org".to_owned()), false),
        // A name of one kind is not one of another.
        (TlsSubject::Uri("machine.example".to_owned()), false),
    ];
    for (index, (subject, names)) in subjects.into_iter().enumerate() {
        let id = format!("machine-{index}");
        machine(&house, &id, |client| client.tls_subject = Some(subject.clone())).await;
        let answer = token(&house, Some(&good), &id).await;
        if names {
            answer.expect(200);
        } else {
            answer.refused(401, "invalid_client");
        }
    }
}

#[tokio::test]
async fn rfc8705_2_1_who_vouches_for_what_until_when() {
    let (authority, stranger) = (Authority::new("Clients"), Authority::new("Clients"));
    let house = house(&authority).await;
    machine(&house, "machine", |client| {
        client.tls_subject = Some(TlsSubject::Dns("machine.example".to_owned()));
    })
    .await;
    let good = authority.certificate(|_| {});
    let for_servers = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    let garbage = ClientCertificate::new([vec![0x30, 0x03, 1, 2, 3]]).unwrap();
    for wrong in [
        Some(stranger.certificate(|_| {})),
        Some(authority.certificate(for_servers)),
        Some(self_signed()),
        Some(garbage),
        None,
    ] {
        token(&house, wrong.as_ref(), "machine").await.refused(401, "invalid_client");
    }
    token(&house, Some(&good), "machine").await.expect(200);
    // The certificate is the method; what else is presented is another one.
    let secret = post("/oauth2/token", &[GRANT, ("client_id", "machine"), ("client_secret", "x")]);
    with(&house, Some(&good), secret).await.refused(401, "invalid_client");
    pass_seconds(24 * 3_600 + 1);
    token(&house, Some(&good), "machine").await.refused(401, "invalid_client");
}

#[tokio::test]
async fn rfc8705_2_2_a_self_signed_certificate_is_the_one_that_was_registered() {
    let house = house(&Authority::new("Clients")).await;
    let (own, other) = (self_signed(), self_signed());
    let key = crate::house::Key::ed25519(1);
    for (id, member, value) in [
        ("whole", "x5c", json!([STANDARD.encode(own.leaf())])),
        ("hash", "x5t#S256", json!(URL_SAFE_NO_PAD.encode(crypto::sha256(own.leaf())))),
    ] {
        let mut jwk = key.jwk("k");
        jwk[member] = value;
        machine(&house, id, |client| {
            client.authentication = Method::SelfSignedTlsClientAuth;
            client.jwks = Some(json!({ "keys": [jwk] }));
        })
        .await;
        token(&house, Some(&own), id).await.expect(200);
        token(&house, Some(&other), id).await.refused(401, "invalid_client");
        token(&house, None, id).await.refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn rfc8705_3_a_bound_access_token_is_good_with_its_certificate_only() {
    let house = house(&Authority::new("Clients")).await;
    let (own, other) = (self_signed(), self_signed());
    let app = house.register("app", |client| client.tls_client_certificate_bound_access_tokens = true).await;
    let code = house.browser().code_for(&app, "alice").await;
    let redeem = |code: &str| {
        let mut form = app.redemption(code);
        form.extend([("client_id", app.id.as_str()), ("client_secret", app.secret.as_deref().unwrap())]);
        post("/oauth2/token", &form)
    };
    // Before anything is spent: a client that forgot its certificate tries again.
    with(&house, None, redeem(&code)).await.refused(400, "invalid_request");
    let tokens = Tokens::of(&with(&house, Some(&own), redeem(&code)).await);
    let thumbprint = URL_SAFE_NO_PAD.encode(crypto::sha256(own.leaf()));
    assert_eq!(claims_of(&tokens.access_token)["cnf"], json!({ "x5t#S256": thumbprint }));
    // RFC 8705 section 3.2.
    let told = app.introspect(&house, &tokens.access_token).await.expect(200).json();
    assert_eq!(told["cnf"], json!({ "x5t#S256": thumbprint }));
    for (certificate, good) in [(Some(&own), true), (Some(&other), false), (None, false), (Some(&own), true)]
    {
        let answer = userinfo(&house, certificate, &tokens.access_token).await;
        if good {
            answer.expect(200);
        } else {
            answer.refused(401, "invalid_token");
        }
    }
    // RFC 8705 section 6.3: a refresh token of a confidential client may go with the client to its next certificate.
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh_token.as_str()),
        ("client_id", &app.id),
        ("client_secret", app.secret.as_deref().unwrap()),
    ];
    let renewed = Tokens::of(&with(&house, Some(&other), post("/oauth2/token", &form)).await);
    userinfo(&house, Some(&other), &renewed.access_token).await.expect(200);
}

#[tokio::test]
async fn rfc8705_4_a_public_clients_refresh_tokens_are_bound_too() {
    let house = house(&Authority::new("Clients")).await;
    let (own, other) = (self_signed(), self_signed());
    let app =
        house.register_public("app", |client| client.tls_client_certificate_bound_access_tokens = true).await;
    let code = house.browser().code_for(&app, "alice").await;
    let mut form = app.redemption(&code);
    form.push(("client_id", &app.id));
    let mut refresh_token =
        Tokens::of(&with(&house, Some(&own), post("/oauth2/token", &form)).await).refresh_token;
    for _ in 0..2 {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &refresh_token),
            ("client_id", app.id.as_str()),
        ];
        with(&house, Some(&other), post("/oauth2/token", &form)).await.refused(400, "invalid_grant");
        with(&house, None, post("/oauth2/token", &form)).await.refused(400, "invalid_grant");
        refresh_token =
            Tokens::of(&with(&house, Some(&own), post("/oauth2/token", &form)).await).refresh_token;
    }
}

#[tokio::test]
async fn rfc8705_3_a_bound_access_token_passes_a_gateway_and_a_dialect_with_its_certificate_only() {
    use crate::oauth2::validate::{ORDERS, add_orders, machine};
    let house = house(&Authority::new("Clients")).await;
    add_orders(&house).await;
    let (own, other) = (self_signed(), self_signed());
    let job = machine(&house, "job", ORDERS).await;
    house.change_client(&job, |client| client.tls_client_certificate_bound_access_tokens = true).await;
    let secret = job.secret.as_deref().unwrap();
    let form = [("grant_type", "client_credentials"), ("client_id", &job.id), ("client_secret", secret)];
    let answer = with(&house, Some(&own), post("/oauth2/token", &form)).await.expect(200).json();
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    for (certificate, gateway, dialect) in
        [(Some(&own), 204, 200), (Some(&other), 401, 401), (None, 401, 401)]
    {
        let asks = Request::get(format!("/oauth2/validate?{}", encoded(&[("resource", ORDERS)])))
            .header("x-original-method", "GET")
            .header("x-original-uri", "/orders")
            .header("authorization", &bearer);
        with(&house, certificate, asks.body(Body::empty()).unwrap()).await.expect(gateway);
        let asks = Request::post("/auth-server/v1/oauth/validate").header("authorization", &bearer);
        with(&house, certificate, asks.body(Body::empty()).unwrap()).await.expect(dialect);
    }
}

#[tokio::test]
async fn rfc8705_3_3_discovery_offers_what_the_installation_can_do() {
    let methods = async |house: &House| {
        let document = house.get("/.well-known/openid-configuration").await.json();
        let methods = document["token_endpoint_auth_methods_supported"].to_string();
        let by_certificate =
            ["\"tls_client_auth\"", "\"self_signed_tls_client_auth\""].map(|it| methods.contains(it));
        (by_certificate, document["tls_client_certificate_bound_access_tokens"] == true)
    };
    assert_eq!(methods(&House::open().await).await, ([false, false], false));
    assert_eq!(methods(&house(&Authority::new("Clients")).await).await, ([true, true], true));
    let no_authority = House::with(|plan| plan.settings.mutual_tls.offered = true).await;
    assert_eq!(methods(&no_authority).await, ([false, true], true));
}
