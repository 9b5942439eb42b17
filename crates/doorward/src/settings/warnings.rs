//! What is allowed and unwise among the settings.

use super::Settings;
use web::server::TrustedProxies;

impl Settings {
    /// What makes sense but is probably not meant, one sentence each.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.issuer.is_none() && !self.listen.ip().to_canonical().is_loopback() {
            warnings.push(format!(
                "listen = {} is open to other machines, but without `issuer` links lead to {}: set issuer to the URL \
                 people reach this server by",
                self.listen,
                self.issuer(self.listen)
            ));
        }
        if self.issuer.is_none() && self.trusted_proxies != TrustedProxies::default() {
            warnings.push(format!(
                "trusted_proxies is set, but without `issuer` cookies, tokens and links are for {}: set issuer to the URL that people \
                 reach the proxy by",
                self.issuer(self.listen)
            ));
        }
        let https = self.issuer(self.listen).is_https();
        if https && self.tls.files().is_none() && self.trusted_proxies == TrustedProxies::default() {
            warnings.push(
                "the issuer is https, but neither tls.certificate nor trusted_proxies is set: without a proxy nothing \
                 here speaks TLS, and with one every client shares the proxy's address and its rate limits"
                    .to_owned(),
            );
        }
        warnings.extend(self.backup.to.as_ref().and_then(|backups| backups.warning(&self.data)));
        warnings
    }
}
