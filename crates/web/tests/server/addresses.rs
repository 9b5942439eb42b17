//! Whose address a request carries.

use web::server::ServerOptions;

use crate::{Server, options};

async fn who(options: ServerOptions, headers: &str) -> String {
    let server = Server::start(options);
    let mut client = server.connect().await;
    client.send(&format!("GET /who HTTP/1.1\r\nHost: a\r\n{headers}\r\n")).await;
    client.answer().await.body
}

#[tokio::test]
async fn forwarding_headers_are_believed_from_a_trusted_peer_only() {
    const SPOOFED: &str = "X-Forwarded-For: 192.0.2.1\r\n";
    let trusting =
        |proxies: &str| ServerOptions { trusted_proxies: proxies.parse().expect("networks"), ..options() };
    assert_eq!(who(options(), SPOOFED).await, "127.0.0.1");
    assert_eq!(who(trusting("10.0.0.0/8"), SPOOFED).await, "127.0.0.1");
    assert_eq!(who(trusting("127.0.0.0/8"), SPOOFED).await, "192.0.2.1");
    // The client's own invention stands left of what the proxy saw.
    let appended = "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n";
    assert_eq!(who(trusting("127.0.0.0/8"), appended).await, "192.0.2.1");
    // The other header is a stranger's word, unless the proxies keep that one.
    const FORWARDED: &str = "Forwarded: for=\"[2001:db8::1]:443\"\r\n";
    assert_eq!(who(trusting("127.0.0.0/8"), FORWARDED).await, "127.0.0.1");
    assert_eq!(who(trusting("127.0.0.0/8"), &format!("{SPOOFED}Forwarded: x\r\n")).await, "192.0.2.1");
    let forwarded = "Forwarded".parse().expect("a name");
    let rfc7239 = ServerOptions { forwarding_header: forwarded, ..trusting("127.0.0.0/8") };
    assert_eq!(who(rfc7239, &format!("{SPOOFED}{FORWARDED}")).await, "2001:db8::1");
}
