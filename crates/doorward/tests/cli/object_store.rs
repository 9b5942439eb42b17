//! An object store for the tests: a real server that speaks S3 and verifies every signature, on a free port, with its objects in a folder.

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::TcpListener;

pub(crate) const ACCESS_KEY: &str = "doorward-tests";
pub(crate) const SECRET_KEY: &str = "not-much-of-a-secret";
pub(crate) const BUCKET: &str = "backups";

/// Starts one; it runs until the tests end.
pub(crate) fn start(folder: &Path) -> SocketAddr {
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
                // A client that goes away in the middle is its own business.
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone()));
            }
        });
    });
    receiver.recv().expect("it starts")
}
