//! Mutual TLS that ends at Debian's nginx (RFC 8705), configured as docs/guide/machines.md and docs/guide/gateways.md say: only addresses and
//! paths are exchanged.

use crate::gateways::{API, Gateway, Running, api, example, exchanged, free_port};
use crate::process::{Installation, PATIENCE};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PublicKeyData as _};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

const MACHINES: &str = include_str!("../../../../docs/guide/machines.md");
const GATEWAYS: &str = include_str!("../../../../docs/guide/gateways.md");
const GRANT: (&str, &str) = ("grant_type", "client_credentials");

/// A certificate and its key.
struct Own {
    pem: String,
    der: Vec<u8>,
    key: KeyPair,
}

impl Own {
    /// For this name, vouched for by an authority or by itself.
    fn new(name: &str, authority: Option<&CertifiedIssuer<'static, KeyPair>>) -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let made = match authority {
            Some(authority) => params.signed_by(&key, authority),
            None => params.self_signed(&key),
        };
        let made = made.expect("a certificate");
        Self { pem: made.pem(), der: made.der().to_vec(), key }
    }

    /// A JWK Set for `self_signed_tls_client_auth`.
    fn jwks(&self) -> Value {
        let point = self.key.der_bytes();
        assert_eq!((point.len(), point[0]), (65, 4), "SEC 1 section 2.3.3");
        let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        let certificate = base64::engine::general_purpose::STANDARD.encode(&self.der);
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": x, "y": y, "x5c": [certificate] }] })
    }

    /// As nginx writes it into a header.
    fn escaped(&self) -> String {
        url::form_urlencoded::byte_serialize(self.pem.as_bytes()).collect::<String>().replace('+', "%20")
    }
}

/// An installation with an authority for clients' certificates, nginx's own certificate, and meter's, robot's and a forger's.
struct House {
    installation: Installation,
    nginx: PathBuf,
    site: Own,
    meter: Own,
    robot: Own,
    forger: Own,
}

impl House {
    fn new() -> Option<Self> {
        let nginx = Gateway::Nginx.program()?;
        let installation = Installation::new();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let site = Own::new("localhost", None);
        let write = |name: &str, text: &str| std::fs::write(installation.path(name), text).expect("written");
        write("clients.pem", &authority.pem());
        write("site.pem", &site.pem);
        write("site.key", &site.key.serialize_pem());
        let meter = Own::new("meter.example.org", Some(&authority));
        let robot = Own::new("robot", None);
        write("robot.json", &robot.jwks().to_string());
        // It says what meter's says, and nobody vouches for it.
        let forger = Own::new("meter.example.org", None);
        let add = |id: &str, more: &[&str]| {
            let always = ["client", "add", id, "--grant-type", "client_credentials"];
            let bound = ["--certificate-bound-tokens", "--scope", "orders:read", "--audience", API];
            installation.run(&[&always[..], &bound, more].concat());
        };
        let name = ["--authentication", "tls_client_auth", "--tls-san-dns", "meter.example.org"];
        add("meter", &name);
        let jwks = installation.path("robot.json");
        let jwks = jwks.to_str().expect("a path");
        add("robot", &["--authentication", "self_signed_tls_client_auth", "--jwks", jwks]);
        Some(Self { installation, nginx, site, meter, robot, forger })
    }

    fn path(&self, name: &str) -> String {
        self.installation.path(name).to_str().expect("a path").to_owned()
    }

    fn serve(&self) -> crate::process::Server {
        let authority = self.path("clients.pem");
        let proxy = ["--trusted-proxies", "127.0.0.1", "--tls-client-certificate-header", "X-Client-Cert"];
        self.installation.serve(&[&proxy[..], &["--tls-client-ca", &authority]].concat())
    }

    /// nginx with this text, in which its certificate has another path.
    fn nginx(&self, port: u16, text: &str) -> Running {
        let paths = [
            ("/etc/nginx/tls/fullchain.pem", &*self.path("site.pem")),
            ("/etc/nginx/tls/privkey.pem", &*self.path("site.key")),
        ];
        Running::with(Gateway::Nginx, self.nginx.clone(), port, &exchanged(text, &paths))
    }

    /// Before Doorward itself.
    fn front(&self, doorward: &str) -> Running {
        let port = free_port();
        let ours = [("listen 443", &*format!("listen {port}")), ("127.0.0.1:8080", doorward)];
        self.nginx(port, &exchanged(example(MACHINES, "nginx", 0), &ours))
    }

    /// Before an API.
    fn gateway(&self, doorward: &str, api: &str) -> Running {
        let port = free_port();
        let (server, tls) = (example(GATEWAYS, "nginx", 0), example(GATEWAYS, "nginx", 1));
        let text = exchanged(server, &[("    listen 8000;\n", tls)]);
        let ours = [("8443", &*port.to_string()), ("127.0.0.1:8080", doorward), ("127.0.0.1:3000", api)];
        self.nginx(port, &exchanged(&text, &ours))
    }

    /// A TLS client, perhaps with a certificate.
    fn agent(&self, own: Option<&Own>) -> Agent {
        let der = |der: &[u8]| Certificate::from_der(der).to_owned();
        let own = own.map(|own| {
            let key = PrivateKey::from_pem(own.key.serialize_pem().as_bytes()).expect("a key");
            ClientCert::new_with_certs(&[der(&own.der)], key)
        });
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(RootCerts::new_with_certs(&[der(&self.site.der)]))
            .client_cert(own);
        let config = Agent::config_builder().tls_config(tls.build()).timeout_global(Some(PATIENCE));
        config.http_status_as_error(false).build().into()
    }

    /// Asks for a token; what is answered.
    fn token(&self, front: &Running, id: &str, own: Option<&Own>, claimed: Option<&Own>) -> (u16, Value) {
        let url = format!("https://localhost:{}/oauth2/token", port_of(front));
        let mut request = self.agent(own).post(url);
        if let Some(claimed) = claimed {
            request = request.header("X-Client-Cert", claimed.escaped());
        }
        let mut answer = request.send_form([GRANT, ("client_id", id)]).expect("an answer");
        let body = answer.body_mut().read_to_string().expect("text");
        (answer.status().as_u16(), serde_json::from_str(&body).expect("JSON"))
    }
}

fn port_of(running: &Running) -> &str {
    running.address.rsplit_once(':').expect("a port").1
}

#[test]
fn rfc8705_nginx_passes_on_the_certificate_of_the_handshake_and_none_that_a_client_made_up() {
    let Some(house) = House::new() else { return };
    let server = house.serve();
    let front = house.front(&server.address);
    for (id, own) in [("meter", &house.meter), ("robot", &house.robot)] {
        let (status, answer) = house.token(&front, id, Some(own), None);
        assert_eq!(status, 200, "{id}: {answer}");
        let claims = claims_of(&answer);
        assert_eq!(claims["client_id"], id);
        let hash = URL_SAFE_NO_PAD.encode(crypto::sha256(&own.der));
        assert_eq!(claims["cnf"]["x5t#S256"], hash.as_str(), "section 3.1");
    }
    for (id, own, claimed) in [
        ("meter", None, None),
        ("meter", None, Some(&house.meter)),
        ("robot", None, Some(&house.robot)),
        ("meter", Some(&house.forger), None),
        ("meter", Some(&house.forger), Some(&house.meter)),
        ("robot", Some(&house.meter), Some(&house.robot)),
    ] {
        let (status, answer) = house.token(&front, id, own, claimed);
        assert_eq!((status, &answer["error"]), (401, &json!("invalid_client")), "{id}");
    }
    server.stop();
}

#[test]
fn rfc8705_3_a_gateway_lets_a_bound_token_through_with_its_certificate_only() {
    let Some(house) = House::new() else { return };
    let server = house.serve();
    house.installation.run(&["resource-server", "add", API, "--rule", "GET /orders/{id} = orders:read"]);
    let (status, answer) = house.token(&house.front(&server.address), "robot", Some(&house.robot), None);
    assert_eq!(status, 200, "{answer}");
    let bearer = format!("Bearer {}", answer["access_token"].as_str().expect("a token"));
    let gateway = house.gateway(&server.address, &api());
    let url = format!("https://localhost:{}/orders/5", port_of(&gateway));
    let ask = |own: Option<&Own>, claimed: &str| {
        let request = house.agent(own).get(&url).header("Authorization", &bearer);
        let request = request.header(claimed, house.robot.escaped());
        let mut answer = request.call().expect("an answer");
        (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"))
    };
    let (status, body) = ask(Some(&house.robot), "X-Unknown");
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("X-Auth-Subject: robot"), "{body}");
    for own in [None, Some(&house.meter)] {
        for claimed in ["X-Unknown", "X-Client-Cert", "Client-Cert"] {
            assert_eq!(ask(own, claimed).0, 401, "{claimed}");
        }
    }
    server.stop();
}

fn claims_of(answer: &Value) -> Value {
    let token = answer["access_token"].as_str().expect("a token");
    let payload = token.split('.').nth(1).expect("a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}
