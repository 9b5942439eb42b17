//! An object store for the tests: a real server that speaks S3 and verifies every signature, on a free port, with its objects in a folder.

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(crate) const ACCESS_KEY: &str = "doorward-tests";
pub(crate) const SECRET_KEY: &str = "not-much-of-a-secret";
pub(crate) const BUCKET: &str = "backups";

/// Starts one that speaks plain http; it runs until the tests end.
pub(crate) fn start(folder: &Path) -> SocketAddr {
    serve(folder, None)
}

/// Starts one that speaks https for `localhost`, with a certificate that nobody trusts: it is written beside its objects.
pub(crate) fn start_tls(folder: &Path) -> (u16, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key));
    let port = serve(folder, Some(Arc::new(config.expect("a key and its certificate")).into())).port();
    let certificate = folder.join("certificate.pem");
    std::fs::write(&certificate, made.cert.pem()).expect("written");
    (port, certificate)
}

fn serve(folder: &Path, tls: Option<TlsAcceptor>) -> SocketAddr {
    std::fs::create_dir_all(folder.join(BUCKET)).expect("a folder");
    let files = FileSystem::new(folder).expect("a folder to keep objects in");
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut builder = S3ServiceBuilder::new(files);
            builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
            let service = builder.build();
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            sender.send(listener.local_addr().expect("an address")).expect("somebody waits for it");
            while let Ok((stream, _)) = listener.accept().await {
                let (service, tls) = (service.clone(), tls.clone());
                // A client that goes away in the middle is its own business.
                tokio::spawn(async move {
                    let server = http1::Builder::new();
                    match tls {
                        None => drop(server.serve_connection(TokioIo::new(stream), service).await),
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                drop(server.serve_connection(TokioIo::new(stream), service).await);
                            }
                        }
                    }
                });
            }
        });
    });
    receiver.recv().expect("it starts")
}
