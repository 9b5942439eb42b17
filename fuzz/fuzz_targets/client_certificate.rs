//! Certificates as proxies pass them on, as clients register them, and the names in them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{ClientCertificate, TlsSubject};

fuzz_target!(|data: &[u8]| {
    for subject in [TlsSubject::Dn("CN=a".to_owned()), TlsSubject::Dns("a.example".to_owned())] {
        let _ = crypto::subject_matches(data, &subject);
    }
    let _ = crypto::CertificateAuthorities::from_pem(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let (leaf, chain) = text.split_once('\n').map_or((text, None), |(leaf, chain)| (leaf, Some(chain)));
        let _ = ClientCertificate::from_headers(leaf, chain);
        let _ = crypto::is_distinguished_name(text);
    }
    if let Ok(jwks) = serde_json::from_slice(data) {
        let _ = crypto::registered_certificates(&jwks);
    }
});
