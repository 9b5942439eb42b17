//! The certificate of `demo --lan`: made for this run and this address, and vouched for by itself alone. Nothing of it outlives the demo.

use crate::clock;
use anyhow::Context as _;
use crypto::sha256;
use jiff::tz::TimeZone;
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use rustls::pki_types::CertificateDer;
use std::net::IpAddr;
use std::path::Path;
use web::server::Tls;

/// Some phones refuse one that is good for longer than a few months.
const GOOD_FOR_DAYS: i64 = 30;
const DAY: i64 = 86_400;

/// The certificate, and what a server says with it.
pub(super) struct SelfMade {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) tls: Tls,
}

impl SelfMade {
    /// For a server at this address. `directory` is nobody else's to read.
    pub(super) fn for_address(address: IpAddr, directory: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new([address.to_string()])?;
        params.distinguished_name.push(DnType::CommonName, "Doorward demo");
        let now = clock::now().seconds();
        let day = |seconds: i64| -> anyhow::Result<_> {
            let date = jiff::Timestamp::from_second(seconds)?.to_zoned(TimeZone::UTC).date();
            Ok(date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs()))
        };
        (params.not_before, params.not_after) = (day(now - DAY)?, day(now + GOOD_FOR_DAYS * DAY)?);
        let key = KeyPair::generate()?;
        let made = params.self_signed(&key)?;
        let (chain, key_file) = (directory.join("certificate.pem"), directory.join("certificate-key.pem"));
        std::fs::write(&chain, made.pem()).context("the demo's certificate could not be written")?;
        std::fs::write(&key_file, key.serialize_pem()).context("its key could not be written")?;
        Ok(Self { certificate: made.der().clone(), tls: Tls::from_files(&chain, &key_file)? })
    }

    /// What browsers show of it, for comparing.
    pub(super) fn fingerprint(&self) -> String {
        let pairs: Vec<_> = sha256(&self.certificate).iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }
}
