//! Clients' certificates (RFC 8705): who vouches for one, whom it names, which a client registered. Knows no connection and no client.

use std::fmt;
use std::net::IpAddr;

use protocol::{ClientCertificate, Timestamp, TlsSubject};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::der::{self, Reader};
use crate::digest::sha256;
use crate::distinguished_name::DistinguishedName;
use crate::encoding;

/// The authorities that an operator trusts to vouch for clients.
#[derive(Clone, Default)]
pub struct CertificateAuthorities {
    anchors: Vec<TrustAnchor<'static>>,
}

/// Why a file of authorities cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateAuthoritiesError {
    /// No certificate in PEM form.
    #[error("holds no certificate in PEM form")]
    NotPem,
    /// A certificate that cannot be an authority's.
    #[error("certificate {0} in it cannot be used: {1}")]
    Unusable(usize, String),
}

impl CertificateAuthorities {
    /// Reads certificates in PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateAuthoritiesError> {
        let mut anchors = Vec::new();
        for (index, der) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let der = der.map_err(|_| CertificateAuthoritiesError::NotPem)?;
            let anchor = anchor_from_trusted_cert(&der)
                .map_err(|error| CertificateAuthoritiesError::Unusable(index + 1, error.to_string()))?;
            anchors.push(anchor.to_owned());
        }
        if anchors.is_empty() { Err(CertificateAuthoritiesError::NotPem) } else { Ok(Self { anchors }) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// Their names, each a `Name` in DER: what a handshake may ask for.
    pub fn subjects(&self) -> impl Iterator<Item = Vec<u8>> {
        // An anchor keeps the content of the SEQUENCE.
        self.anchors.iter().map(|anchor| sequence(anchor.subject.as_ref()))
    }

    /// Whether one of them vouches for this certificate now, as a client's (RFC 5280 section 6).
    pub fn vouch_for(&self, certificate: &ClientCertificate, now: Timestamp) -> bool {
        let leaf = CertificateDer::from(certificate.leaf());
        let others: Vec<_> =
            certificate.intermediates().iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let Ok(parsed) = EndEntityCert::try_from(&leaf) else { return false };
        let since_1970 = now.since(Timestamp::from_millis(0));
        let verified = parsed.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &self.anchors,
            &others,
            UnixTime::since_unix_epoch(since_1970),
            KeyUsage::client_auth(),
            None,
            None,
        );
        verified.is_ok()
    }
}

impl fmt::Debug for CertificateAuthorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateAuthorities({})", self.anchors.len())
    }
}

/// `x5t#S256`: the base64url of a certificate's SHA-256 (RFC 8705 section 3.1).
pub fn certificate_thumbprint(der: &[u8]) -> String {
    encoding::encode(&sha256(der))
}

/// Whether the certificate names whom the client registered (RFC 8705 section 2.1). Every value is compared as it is; of DNS names and the
/// hosts of e-mail addresses the case does not count (RFC 5280 section 7).
pub fn subject_matches(certificate: &[u8], expected: &TlsSubject) -> bool {
    let Some(names) = Names::read(certificate) else { return false };
    let alternative = |tag: u8, same: &dyn Fn(&[u8]) -> bool| {
        names.alternative.iter().any(|(found, content)| *found == tag && same(content))
    };
    match expected {
        TlsSubject::Dn(text) => {
            DistinguishedName::parse(text).is_some_and(|expected| Some(expected) == names.subject)
        }
        TlsSubject::Dns(name) => alternative(DNS_NAME, &|found| found.eq_ignore_ascii_case(name.as_bytes())),
        TlsSubject::Uri(uri) => alternative(UNIFORM_RESOURCE_IDENTIFIER, &|found| found == uri.as_bytes()),
        TlsSubject::Ip(address) => alternative(IP_ADDRESS, &|found| found == octets(*address)),
        TlsSubject::Email(address) => alternative(RFC822_NAME, &|found| same_mailbox(found, address)),
    }
}

/// Whether a text can be registered as `tls_client_auth_subject_dn` (RFC 4514).
pub fn is_distinguished_name(text: &str) -> bool {
    DistinguishedName::parse(text).is_some()
}

/// The thumbprints of the certificates in a JWK Set (RFC 8705 section 2.2.2): each key's own, the first in `x5c`, or what `x5t#S256` names.
/// Nothing when it is no JWK Set.
pub fn registered_certificates(jwks: &serde_json::Value) -> Option<Vec<String>> {
    let keys = jwks.get("keys")?.as_array()?;
    let thumbprint = |key: &serde_json::Value| {
        if let Some(first) = key.get("x5c").and_then(|chain| chain.get(0)) {
            // RFC 7517 section 4.7: base64, not base64url.
            return encoding::decode_standard(first.as_str()?).map(|der| certificate_thumbprint(&der));
        }
        key.get("x5t#S256")?.as_str().map(str::to_owned)
    };
    Some(keys.iter().filter_map(thumbprint).collect())
}

// RFC 5280 section 4.2.1.6: the choices of GeneralName.
const RFC822_NAME: u8 = der::implicit(1);
const DNS_NAME: u8 = der::implicit(2);
const UNIFORM_RESOURCE_IDENTIFIER: u8 = der::implicit(6);
const IP_ADDRESS: u8 = der::implicit(7);

/// 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// Whom a certificate names.
struct Names<'a> {
    /// None when it is empty or cannot be told apart.
    subject: Option<DistinguishedName>,
    alternative: Vec<(u8, &'a [u8])>,
}

impl<'a> Names<'a> {
    /// RFC 5280 section 4.1, as far as the subject and the extensions.
    fn read(certificate: &'a [u8]) -> Option<Self> {
        let mut tbs = Reader::new(certificate).expect(der::SEQUENCE)?.expect(der::SEQUENCE)?;
        tbs.optional(der::explicit(0));
        // serialNumber, signature, issuer, validity.
        for _ in 0..4 {
            tbs.next()?;
        }
        let subject = DistinguishedName::read(tbs.expect(der::SEQUENCE)?);
        // subjectPublicKeyInfo, and the two unique identifiers that nobody uses.
        tbs.next()?;
        tbs.optional(der::implicit(1));
        tbs.optional(der::implicit(2));
        let mut alternative = Vec::new();
        if let Some(mut extensions) = tbs.optional(der::explicit(3)) {
            let mut extensions = extensions.expect(der::SEQUENCE)?;
            while !extensions.is_at_end() {
                let mut extension = extensions.expect(der::SEQUENCE)?;
                let id = extension.expect(der::OID)?;
                extension.optional(der::BOOLEAN);
                let mut value = extension.expect(der::OCTET_STRING)?;
                if id.content() == SUBJECT_ALT_NAME {
                    let mut names = value.expect(der::SEQUENCE)?;
                    while !names.is_at_end() {
                        let name = names.next()?;
                        alternative.push((name.tag, name.content));
                    }
                }
            }
        }
        Some(Self { subject, alternative })
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// RFC 5280 section 7.5: the local part as it is, the host without regard to case.
fn same_mailbox(found: &[u8], expected: &str) -> bool {
    let Ok(found) = std::str::from_utf8(found) else { return false };
    match (found.rsplit_once('@'), expected.rsplit_once('@')) {
        (Some((user, host)), Some((expected_user, expected_host))) => {
            user == expected_user && host.eq_ignore_ascii_case(expected_host)
        }
        _ => false,
    }
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut der = vec![der::SEQUENCE];
    match length {
        0..=0x7f => der.push(length.to_le_bytes()[0]),
        _ => {
            let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            der.push(0x80 | bytes.len().to_le_bytes()[0]);
            der.extend(bytes);
        }
    }
    der.extend_from_slice(content);
    der
}
