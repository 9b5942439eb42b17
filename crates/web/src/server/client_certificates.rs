//! Clients' certificates on their way in (RFC 8705): asked for in the handshake and never demanded, or taken from what a trusted proxy
//! passes on. Makes sure that whoever shows one has its key; whose it is and who vouches for it is not decided here.

use std::fmt;

use http::{HeaderMap, HeaderName};
use protocol::{ClientCertificate, UnreadCertificate};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};

/// Asks for a certificate and takes any: a client without one is as welcome, and most are self-signed or of authorities that only one
/// client's registration speaks of.
pub(crate) struct Asking {
    algorithms: WebPkiSupportedAlgorithms,
    hints: Vec<DistinguishedName>,
}

impl Asking {
    /// `authorities` are names in DER that a client may choose its certificate by; browsers that have none of them are not asked by their
    /// users which one to show.
    pub(crate) fn new(provider: &CryptoProvider, authorities: Vec<Vec<u8>>) -> Self {
        let hints = authorities.into_iter().map(DistinguishedName::from).collect();
        Self { algorithms: provider.signature_verification_algorithms, hints }
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("hints", &self.hints.len()).finish_non_exhaustive()
    }
}

impl ClientCertVerifier for Asking {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The header in which trusted proxies pass on the certificate of their client: `Client-Cert` with `Client-Cert-Chain` (RFC 9440), or one
/// that holds it in another form that [`ClientCertificate::from_headers`] knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateHeader(HeaderName);

const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

impl CertificateHeader {
    /// Takes the header away, so that nobody mistakes one that somebody else has written, and reads it.
    ///
    /// # Errors
    /// When something is there, and it cannot be read: that is no certificate, but to whoever looks for it another thing than none.
    pub(crate) fn take(
        &self,
        headers: &mut HeaderMap,
    ) -> Result<Option<ClientCertificate>, UnreadCertificate> {
        let certificates: Vec<_> = headers.get_all(&self.0).iter().cloned().collect();
        let chain: Vec<_> = headers.get_all(CLIENT_CERT_CHAIN).iter().cloned().collect();
        headers.remove(&self.0);
        headers.remove(CLIENT_CERT_CHAIN);
        let certificate = match certificates.as_slice() {
            [] => return Ok(None),
            [certificate] => certificate.to_str().map_err(|_| UnreadCertificate::Twice)?,
            _ => return Err(UnreadCertificate::Twice),
        };
        let chain = chain.iter().map(|line| line.to_str().map_err(|_| UnreadCertificate::Twice));
        let chain: Vec<&str> = chain.collect::<Result<_, _>>()?;
        // RFC 9110 section 5.3: several lines are one list.
        let chain = (self.0 == CLIENT_CERT).then(|| chain.join(","));
        ClientCertificate::from_headers(certificate, chain.as_deref())
    }
}

impl std::str::FromStr for CertificateHeader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| "the name of a header, such as Client-Cert".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn rfc9440_2_4_a_header_is_taken_once_and_taken_away() {
        let rfc9440: CertificateHeader = "Client-Cert".parse().expect("a name");
        let nginx: CertificateHeader = "X-Client-Cert".parse().expect("a name");
        let pem = "-----BEGIN%20CERTIFICATE-----%0AAQID%0A-----END%20CERTIFICATE-----%0A";
        let envoy: CertificateHeader = "X-Forwarded-Client-Cert".parse().expect("a name");
        type Case<'a> = (
            &'a CertificateHeader,
            &'a [(&'static str, &'static str)],
            Result<Option<&'a [u8]>, UnreadCertificate>,
        );
        let own = Ok(Some(&[1, 2, 3][..]));
        let cases: [Case<'_>; 11] = [
            (&rfc9440, &[("client-cert", ":AQID:")], own),
            (
                &rfc9440,
                &[
                    ("client-cert", ":AQID:"),
                    ("client-cert-chain", ":BAUG:"),
                    ("client-cert-chain", ":BAUG:"),
                ],
                own,
            ),
            (
                &rfc9440,
                &[("client-cert", ":AQID:"), ("client-cert", ":AQID:")],
                Err(UnreadCertificate::Twice),
            ),
            (&rfc9440, &[("client-cert", "AQID")], Err(UnreadCertificate::Form)),
            (&rfc9440, &[("client-cert-chain", ":AQID:")], Ok(None)),
            (&rfc9440, &[], Ok(None)),
            (&nginx, &[("x-client-cert", pem), ("client-cert", ":BAUG:")], own),
            (&nginx, &[("x-client-cert", "")], Ok(None)),
            (&nginx, &[("client-cert", ":AQID:")], Ok(None)),
            (&nginx, &[("x-client-cert", "MAMBAQE=")], Ok(Some(&[0x30, 3, 1, 1, 1]))),
            (
                &envoy,
                &[("x-forwarded-client-cert", "Hash=468e;Subject=\"CN=a\"")],
                Err(UnreadCertificate::NotIncluded),
            ),
        ];
        for (header, lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(name.parse::<HeaderName>().expect("a name"), HeaderValue::from_static(value));
            }
            let taken = header.take(&mut headers);
            let leaf = taken.as_ref().map(|taken| taken.as_ref().map(ClientCertificate::leaf));
            assert_eq!(leaf.map_err(|why| *why), expected, "{lines:?}");
            assert!(!headers.contains_key(&header.0), "{lines:?}");
        }
        assert!("not a name".parse::<CertificateHeader>().is_err());
    }
}
