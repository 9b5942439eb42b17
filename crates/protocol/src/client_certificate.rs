//! The certificate a client presented in the TLS handshake (RFC 8705), as bytes, and how a proxy that ended the handshake passes it on.
//! Reads headers, not certificates: whose it is and who vouches for it is `crypto`'s part.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

/// More than any chain needs.
const LONGEST_CHAIN: usize = 8;
/// A certificate of 16 KiB has hundreds of names.
const LONGEST: usize = 16 * 1024;

/// A client's certificate and what it sent to vouch for it, in DER. Possession of its key was shown in the handshake; a cheap clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate(Arc<[Vec<u8>]>);

impl ClientCertificate {
    /// The client's own certificate, then the others it sent; nothing when there is none, or more than anybody needs.
    pub fn new(chain: impl IntoIterator<Item = Vec<u8>>) -> Option<Self> {
        let chain: Vec<_> = chain.into_iter().take(LONGEST_CHAIN + 1).collect();
        let fits = !chain.is_empty() && chain.len() <= LONGEST_CHAIN;
        let plausible = chain.iter().all(|der| !der.is_empty() && der.len() <= LONGEST);
        (fits && plausible).then(|| Self(chain.into()))
    }

    /// The client's own certificate.
    pub fn leaf(&self) -> &[u8] {
        self.0.first().map_or(&[], Vec::as_slice)
    }

    /// The others.
    pub fn intermediates(&self) -> &[Vec<u8>] {
        self.0.get(1..).unwrap_or_default()
    }

    /// Reads what a proxy passes on: `Client-Cert` with `Client-Cert-Chain` (RFC 9440 section 2), or one certificate in PEM,
    /// percent-encoded, as nginx's `$ssl_client_escaped_cert` writes it.
    pub fn from_headers(certificate: &str, chain: Option<&str>) -> Option<Self> {
        let certificate = certificate.trim();
        if certificate.starts_with(':') {
            let leaf = byte_sequence(certificate)?;
            let others = match chain.map(str::trim).filter(|chain| !chain.is_empty()) {
                Some(chain) => {
                    chain.split(',').map(|item| byte_sequence(item.trim())).collect::<Option<Vec<_>>>()?
                }
                None => Vec::new(),
            };
            return Self::new(std::iter::once(leaf).chain(others));
        }
        let pem = percent_encoding::percent_decode_str(certificate).decode_utf8().ok()?;
        Self::new([pem_certificate(&pem)?])
    }
}

/// RFC 8941 section 3.3.5: base64 between colons. Parameters, which RFC 9440 defines none of, are refused.
fn byte_sequence(item: &str) -> Option<Vec<u8>> {
    STANDARD.decode(item.strip_prefix(':')?.strip_suffix(':')?).ok()
}

/// One certificate in the textual encoding of RFC 7468 section 5.
fn pem_certificate(pem: &str) -> Option<Vec<u8>> {
    let body = pem.trim().strip_prefix("-----BEGIN CERTIFICATE-----")?;
    let body = body.strip_suffix("-----END CERTIFICATE-----")?;
    let bare: String = body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    STANDARD.decode(bare).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of RFC 9440 appendix A, figure 1: the reader does not look inside.
    const BASE64: &str = "MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYD";

    #[test]
    fn rfc9440_2_2_byte_sequences_and_their_chain() {
        let leaf = STANDARD.decode(BASE64).unwrap();
        let header = format!(":{BASE64}:");
        let read = ClientCertificate::from_headers(&header, None).unwrap();
        assert_eq!((read.leaf(), read.intermediates().len()), (leaf.as_slice(), 0));
        let read = ClientCertificate::from_headers(&header, Some(":AQI=:, :AwQ=:")).unwrap();
        assert_eq!(read.intermediates(), [vec![1, 2], vec![3, 4]]);
        let nine = [":AQI=:"; 8].join(",");
        for (certificate, chain) in [
            (":AQI=", None),
            ("::", None),
            (":!!:", None),
            (":AQI=:;x=1", None),
            (header.as_str(), Some("AQI=")),
            (&header, Some(":AQI=:,")),
            (&header, Some(nine.as_str())),
        ] {
            assert_eq!(ClientCertificate::from_headers(certificate, chain), None, "{certificate} {chain:?}");
        }
    }

    #[test]
    fn nginx_writes_pem_percent_encoded() {
        let written = "-----BEGIN%20CERTIFICATE-----%0AAQID%0ABAUG%0A-----END%20CERTIFICATE-----%0A";
        let read = ClientCertificate::from_headers(written, None).unwrap();
        assert_eq!(read.leaf(), [1, 2, 3, 4, 5, 6]);
        for bad in ["", "AQID", "-----BEGIN%20CERTIFICATE-----", "%ff", &written.replace("AQID", "A")] {
            assert_eq!(ClientCertificate::from_headers(bad, None), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(certificate: String, chain: Option<String>) {
            let _ = ClientCertificate::from_headers(&certificate, chain.as_deref());
        }
    }
}
