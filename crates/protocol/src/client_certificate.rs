//! The certificate a client presented in the TLS handshake (RFC 8705), as bytes, and how a proxy that ended the handshake passes it on.
//! Reads headers, not certificates: whose it is and who vouches for it is `crypto`'s part.

use crate::quoted;
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

    /// Reads what a proxy passes on, in whichever of these forms it is: `Client-Cert` with `Client-Cert-Chain` (RFC 9440 section 2); PEM,
    /// percent-encoded or on one line (nginx, Apache httpd); the base64 of DER, then perhaps its chain after commas (HAProxy, Traefik, Caddy);
    /// or `X-Forwarded-Client-Cert` of one proxy (Envoy). Nothing when the header is empty.
    ///
    /// # Errors
    /// When something is there, and it cannot be read.
    pub fn from_headers(certificate: &str, chain: Option<&str>) -> Result<Option<Self>, UnreadCertificate> {
        // HAProxy quotes what is empty, and Apache httpd writes a word for it.
        let certificate = quoted::unquoted(certificate.trim()).unwrap_or(certificate).trim();
        if certificate.is_empty() || certificate == "(null)" {
            return Ok(None);
        }
        let all = if certificate.starts_with(':') {
            rfc9440(certificate, chain).ok_or(UnreadCertificate::Form)?
        } else if is_envoys(certificate) {
            envoys(certificate)?
        } else {
            let decoded = percent_encoding::percent_decode_str(certificate).decode_utf8();
            let decoded = decoded.map_err(|_| UnreadCertificate::Form)?;
            pem(&decoded).or_else(|| bare(&decoded)).ok_or(UnreadCertificate::Form)?
        };
        if all.iter().any(Vec::is_empty) {
            return Err(UnreadCertificate::Form);
        }
        Self::new(all).map(Some).ok_or(UnreadCertificate::TooLarge)
    }
}

/// Why a certificate that a proxy passes on is not read: it was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadCertificate {
    /// It is written in none of the ways we know.
    #[error(
        "it is neither as RFC 9440 has it nor PEM (percent-encoded or on one line) nor the base64 of DER nor Envoy's"
    )]
    Form,
    /// Envoy says whose certificate it was and leaves it out.
    #[error("X-Forwarded-Client-Cert has no Cert: the proxy must add it (set_current_client_cert_details)")]
    NotIncluded,
    /// Each of several proxies has added its own client's.
    #[error("it is of several proxies: the nearest one must replace what it received (SANITIZE_SET)")]
    Several,
    /// It is larger, or its chain is longer, than any needs to be.
    #[error("it is too large, or its chain is too long")]
    TooLarge,
    /// Two of them are one too many.
    #[error("its header is there twice, or is no text")]
    Twice,
}

/// RFC 9440 section 2.
fn rfc9440(certificate: &str, chain: Option<&str>) -> Option<Vec<Vec<u8>>> {
    let others = chain.map(str::trim).filter(|chain| !chain.is_empty());
    let others = others.map(|chain| chain.split(',').map(|item| byte_sequence(item.trim())));
    std::iter::once(byte_sequence(certificate)).chain(others.into_iter().flatten()).collect()
}

/// RFC 8941 section 3.3.5: base64 between colons. Parameters, which RFC 9440 defines none of, are refused.
fn byte_sequence(item: &str) -> Option<Vec<u8>> {
    STANDARD.decode(item.strip_prefix(':')?.strip_suffix(':')?).ok()
}

/// Certificates in the textual encoding of RFC 7468 section 5, the client's own first.
fn pem(text: &str) -> Option<Vec<Vec<u8>>> {
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let mut rest = text.trim();
    let mut found = Vec::new();
    while !rest.is_empty() || found.is_empty() {
        let (body, further) = rest.strip_prefix(begin)?.split_once(end)?;
        let bare: String = body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
        found.push(STANDARD.decode(bare).ok()?);
        rest = further.trim_start();
    }
    Some(found)
}

/// The base64 of DER and nothing else, the client's own certificate first. Many a word is base64 too: a certificate is a SEQUENCE (RFC 5280
/// section 4.1).
fn bare(text: &str) -> Option<Vec<Vec<u8>>> {
    let items = text.split(',').map(|item| STANDARD.decode(item.trim()).ok());
    items.map(|der| der.filter(|der| der.first() == Some(&0x30))).collect()
}

/// Whether this is a list of pairs such as Envoy's.
fn is_envoys(text: &str) -> bool {
    let key = text.split('=').next().unwrap_or_default();
    ["By", "Hash", "Cert", "Chain", "Subject", "URI", "DNS"]
        .iter()
        .any(|known| key.eq_ignore_ascii_case(known))
}

/// `Hash=..;Cert="-----BEGIN%20CERTIFICATE..";Chain=".."`: in PEM, percent-encoded, the chain with the client's own certificate once more.
fn envoys(text: &str) -> Result<Vec<Vec<u8>>, UnreadCertificate> {
    let elements = quoted::split(text, b',').ok_or(UnreadCertificate::Form)?;
    let [element] = elements.as_slice() else { return Err(UnreadCertificate::Several) };
    let pairs = quoted::split(element, b';').ok_or(UnreadCertificate::Form)?;
    let value = |wanted: &str| {
        let pairs = pairs.iter().filter_map(|pair| pair.trim().split_once('='));
        let mut found = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(wanted)).map(|(_, value)| value);
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => {
                let value = quoted::unquoted(value).unwrap_or_default();
                let decoded = percent_encoding::percent_decode_str(value).decode_utf8().ok();
                decoded.and_then(|decoded| pem(&decoded)).map(Some).ok_or(UnreadCertificate::Form)
            }
            (Some(_), Some(_)) => Err(UnreadCertificate::Form),
        }
    };
    let certificate = value("Cert")?.ok_or(UnreadCertificate::NotIncluded)?;
    let [own] = certificate.as_slice() else { return Err(UnreadCertificate::Form) };
    let chain = value("Chain")?.unwrap_or_default();
    let others = chain.into_iter().filter(|other| other != own);
    Ok(std::iter::once(own.clone()).chain(others).collect())
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
        let read = |certificate: &str, chain| ClientCertificate::from_headers(certificate, chain);
        let own = read(&header, None).unwrap().unwrap();
        assert_eq!((own.leaf(), own.intermediates().len()), (leaf.as_slice(), 0));
        let with_chain = read(&header, Some(":AQI=:, :AwQ=:")).unwrap().unwrap();
        assert_eq!(with_chain.intermediates(), [vec![1, 2], vec![3, 4]]);
        let nine = [":AQI=:"; 8].join(",");
        for (certificate, chain, why) in [
            (":AQI=", None, UnreadCertificate::Form),
            ("::", None, UnreadCertificate::Form),
            (":!!:", None, UnreadCertificate::Form),
            (":AQI=:;x=1", None, UnreadCertificate::Form),
            (header.as_str(), Some("AQI="), UnreadCertificate::Form),
            (&header, Some(":AQI=:,"), UnreadCertificate::Form),
            (&header, Some(nine.as_str()), UnreadCertificate::TooLarge),
        ] {
            assert_eq!(read(certificate, chain), Err(why), "{certificate} {chain:?}");
        }
    }

    fn leaf_and_others(certificate: &str) -> Result<Option<(Vec<u8>, usize)>, UnreadCertificate> {
        let read = ClientCertificate::from_headers(certificate, None)?;
        Ok(read.map(|it| (it.leaf().to_vec(), it.intermediates().len())))
    }

    #[test]
    fn nginx_writes_pem_percent_encoded() {
        let written = "-----BEGIN%20CERTIFICATE-----%0AAQID%0ABAUG%0A-----END%20CERTIFICATE-----%0A";
        assert_eq!(leaf_and_others(written), Ok(Some((vec![1, 2, 3, 4, 5, 6], 0))));
        // Apache httpd: on one line.
        let httpd = "-----BEGIN CERTIFICATE----- AQID BAUG -----END CERTIFICATE----- ";
        assert_eq!(leaf_and_others(httpd), Ok(Some((vec![1, 2, 3, 4, 5, 6], 0))));
        for bad in ["-----BEGIN%20CERTIFICATE-----", "%ff", &written.replace("AQID", "A"), "AQID", "none"] {
            assert_eq!(leaf_and_others(bad), Err(UnreadCertificate::Form), "{bad}");
        }
        for none in ["", " ", "\"\"", "(null)"] {
            assert_eq!(leaf_and_others(none), Ok(None), "{none}");
        }
    }

    /// HAProxy's `%[ssl_c_der,base64]`, with and without `+Q`; Traefik's `pem: true`, of which version 2 is percent-encoded.
    #[test]
    fn haproxy_and_traefik_write_the_base64_of_der() {
        let leaf = STANDARD.decode(BASE64).unwrap();
        for (written, others) in [
            (BASE64.to_owned(), 0),
            (format!("\"{BASE64}\""), 0),
            (format!("{BASE64},{BASE64}"), 1),
            (format!("{BASE64}%2C{}", BASE64.replace('g', "%67")), 1),
        ] {
            assert_eq!(leaf_and_others(&written), Ok(Some((leaf.clone(), others))), "{written}");
        }
        for bad in
            [format!("{BASE64},"), format!("{BASE64},AQID"), format!("{BASE64}!"), BASE64[1..].to_owned()]
        {
            assert_eq!(leaf_and_others(&bad), Err(UnreadCertificate::Form), "{bad}");
        }
    }

    /// As Envoy's documentation of `x-forwarded-client-cert` has it.
    #[test]
    fn envoy_writes_pairs() {
        let pem = |body| format!("-----BEGIN%20CERTIFICATE-----%0A{body}%0A-----END%20CERTIFICATE-----%0A");
        let (own, other) = (pem("AQID"), pem("BAUG"));
        let subject = r#"Subject="/C=US/CN=a, b;c";URI=http://testclient.example"#;
        for (written, found) in [
            (format!(r#"Hash=468e;Cert="{own}";{subject}"#), Ok(Some((vec![1, 2, 3], 0)))),
            (format!(r#"By=spiffe://a;Cert="{own}";Chain="{own}{other}""#), Ok(Some((vec![1, 2, 3], 1)))),
            (format!("Cert={own}"), Ok(Some((vec![1, 2, 3], 0)))),
            (format!(r#"Hash=468e;{subject}"#), Err(UnreadCertificate::NotIncluded)),
            (format!(r#"Chain="{own}""#), Err(UnreadCertificate::NotIncluded)),
            (format!(r#"Cert="{own}",Cert="{other}""#), Err(UnreadCertificate::Several)),
            (format!(r#"Cert="{own}";Cert="{other}""#), Err(UnreadCertificate::Form)),
            (format!(r#"Cert="{own}{other}""#), Err(UnreadCertificate::Form)),
            (format!(r#"Cert="{own}"#), Err(UnreadCertificate::Form)),
            (r#"Hash=1;Cert="AQID""#.to_owned(), Err(UnreadCertificate::Form)),
        ] {
            assert_eq!(leaf_and_others(&written), found, "{written}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(certificate: String, chain: Option<String>) {
            let _ = ClientCertificate::from_headers(&certificate, chain.as_deref());
        }
    }
}
