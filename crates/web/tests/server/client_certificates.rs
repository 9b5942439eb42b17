//! Clients' certificates (RFC 8705): shown in the handshake, or passed on by a trusted proxy, or made up.

use axum::extract::Request;
use http::HeaderMap;
use protocol::{ClientCertificate, UnreadCertificate};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use std::sync::Arc;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use web::server::{ServerOptions, Tls};

use crate::tls::Pair;
use crate::{Server, options, read_answer};

/// Tells which certificate the request came with, and whether a header that could be one is still there.
pub(crate) async fn shown(headers: HeaderMap, request: Request) -> String {
    if let Some(why) = request.extensions().get::<UnreadCertificate>() {
        return format!("{why:?}");
    }
    let certificate = request.extensions().get::<ClientCertificate>();
    let certificate = certificate.map(|it| format!("{} {}", it.leaf().len(), it.intermediates().len()));
    format!("{certificate:?} {}", headers.contains_key("client-cert"))
}

/// A client's key and certificate.
struct Own {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Own {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["machine.example".to_owned()]).expect("a certificate");
        Self { certificate: made.cert.der().clone(), key: made.signing_key.serialize_der() }
    }
}

/// What the server says it was shown, on two connections, of which the second resumes the first.
async fn told(
    server: &Server,
    trusted: &CertificateDer<'static>,
    own: Option<&Own>,
    version: &'static rustls::SupportedProtocolVersion,
) -> [std::io::Result<String>; 2] {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]);
    let config = config.expect("versions").with_root_certificates(roots);
    let config = match own {
        Some(own) => {
            let key = PrivatePkcs8KeyDer::from(own.key.clone()).into();
            config.with_client_auth_cert(vec![own.certificate.clone()], key).expect("a pair")
        }
        None => config.with_no_client_auth(),
    };
    let connector = TlsConnector::from(Arc::new(config));
    let ask = async || {
        let stream = TcpStream::connect(server.address).await?;
        let mut stream =
            connector.connect(ServerName::try_from("localhost").expect("a name"), stream).await?;
        stream.write_all(b"GET /certificate HTTP/1.1\r\nHost: a\r\nClient-Cert: :AQID:\r\n\r\n").await?;
        Ok(read_answer(&mut stream).await.body)
    };
    [ask().await, ask().await]
}

#[tokio::test]
async fn rfc8705_2_a_certificate_shown_in_the_handshake_comes_with_the_request_and_none_is_as_welcome() {
    let (pair, own) = (Pair::new(), Own::new());
    let trusted = pair.renew();
    let asking =
        Tls::asking_for_certificates(pair.certificate(), pair.key(), Vec::new()).expect("a good pair");
    let quiet = Tls::from_files(pair.certificate(), pair.key()).expect("a good pair");
    let header = Some("Client-Cert".parse().expect("a name"));
    let options = || ServerOptions { client_certificate_header: header.clone(), ..options() };
    let asks = Server::start_with(crate::router(), options(), Some(asking));
    let does_not = Server::start_with(crate::router(), options(), Some(quiet));
    let certificate = format!("Some(\"{} 0\") false", own.certificate.len());
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (server, own, expected) in [
            (&asks, Some(&own), certificate.as_str()),
            (&asks, None, "None false"),
            (&does_not, Some(&own), "None false"),
        ] {
            for answer in told(server, &trusted, own, version).await {
                assert_eq!(answer.expect("an answer"), expected, "{version:?}");
            }
        }
    }
}

#[tokio::test]
async fn rfc8705_2_a_certificate_without_its_key_ends_the_handshake() {
    let (pair, own) = (Pair::new(), Own::new());
    let trusted = pair.renew();
    let asking =
        Tls::asking_for_certificates(pair.certificate(), pair.key(), Vec::new()).expect("a good pair");
    let server = Server::start_with(crate::router(), options(), Some(asking));
    let stolen = Own { certificate: own.certificate, key: Own::new().key };
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted).expect("a root");
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let signer = provider.key_provider.load_private_key(PrivatePkcs8KeyDer::from(stolen.key).into());
    // What a well-meaning library refuses to do.
    let pair = rustls::sign::CertifiedKey::new(vec![stolen.certificate], signer.expect("a key"));
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(pair)));
    let stream = TcpStream::connect(server.address).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    // In TLS 1.3 the client is done first, and learns of it when it reads.
    let learned = async {
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await?;
        tokio::io::AsyncReadExt::read_u8(&mut stream).await
    };
    assert!(learned.await.is_err());
}

#[tokio::test]
async fn rfc9440_4_a_header_is_believed_from_a_trusted_proxy_only_and_taken_away_from_all() {
    let certificate = "Client-Cert: :AQID:\r\nClient-Cert-Chain: :BAUG:, :BAUG:\r\n";
    let with = |proxies: &str, header: Option<&str>| ServerOptions {
        trusted_proxies: proxies.parse().expect("networks"),
        client_certificate_header: header.map(|name| name.parse().expect("a name")),
        ..options()
    };
    for (options, expected) in [
        (with("127.0.0.0/8", Some("Client-Cert")), "Some(\"3 2\") false"),
        (with("10.0.0.0/8", Some("Client-Cert")), "None false"),
        (with("", Some("Client-Cert")), "None false"),
        (with("127.0.0.0/8", Some("X-Client-Cert")), "None true"),
        (with("127.0.0.0/8", None), "None true"),
    ] {
        let mut client = Server::start(options).connect().await;
        client.send(&format!("GET /certificate HTTP/1.1\r\nHost: a\r\n{certificate}\r\n")).await;
        assert_eq!(client.answer().await.body, expected);
    }
}

/// What proxies other than nginx pass on, and what is none of these forms: that is not the same as no certificate.
#[tokio::test]
async fn what_traefik_haproxy_and_envoy_pass_on_is_read_and_what_is_not_is_told_apart_from_none() {
    let own = Own::new();
    let der = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, own.certificate.as_ref());
    let read = format!("Some(\"{} 0\") false", own.certificate.len());
    let with_chain = format!("Some(\"{} 1\") false", own.certificate.len());
    let envoy = "X-Forwarded-Client-Cert";
    let pem = format!("-----BEGIN%20CERTIFICATE-----%0A{der}%0A-----END%20CERTIFICATE-----%0A");
    for (name, value, expected) in [
        ("X-Forwarded-Tls-Client-Cert", der.clone(), read.as_str()),
        ("X-Forwarded-Tls-Client-Cert", format!("{der},{der}"), &with_chain),
        ("X-SSL-Client-Cert", format!("\"{der}\""), &read),
        ("X-SSL-Client-Cert", "\"\"".to_owned(), "None false"),
        (envoy, format!("By=a;Hash=b;Cert=\"{pem}\";Subject=\"CN=x, y\""), &read),
        (envoy, "By=a;Hash=b;Subject=\"CN=x\"".to_owned(), "NotIncluded"),
        (envoy, format!("Cert=\"{pem}\",Cert=\"{pem}\""), "Several"),
        ("X-SSL-Client-Cert", "CN=machine.example".to_owned(), "Form"),
        ("X-SSL-Client-Cert", format!("{der}\r\nX-SSL-Client-Cert: {der}"), "Twice"),
    ] {
        let options = |proxies: &str| ServerOptions {
            trusted_proxies: proxies.parse().expect("networks"),
            client_certificate_header: Some(name.parse().expect("a name")),
            ..options()
        };
        for (proxies, expected) in [("127.0.0.0/8", expected), ("10.0.0.0/8", "None false")] {
            let mut client = Server::start(options(proxies)).connect().await;
            client.send(&format!("GET /certificate HTTP/1.1\r\nHost: a\r\n{name}: {value}\r\n\r\n")).await;
            assert_eq!(client.answer().await.body, expected, "{name}: {value}");
        }
    }
}
