//! A device as the house sees it: asks, shows its code, polls. And the person who brings it in.

use super::{Answer, Browser, House, PASSWORD, RelyingParty};
use protocol::{Client, ConsentPolicy, GrantType, Scope};
use serde_json::Value;

/// A device that has asked.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) client: RelyingParty,
    pub(crate) device_code: String,
    pub(crate) user_code: String,
    pub(crate) all: Value,
}

impl Device {
    #[track_caller]
    pub(crate) fn of(client: &RelyingParty, answer: Answer) -> Self {
        let all = answer.expect(200).json();
        let text = |name| all[name].as_str().unwrap_or_default().to_owned();
        Self { client: client.clone(), device_code: text("device_code"), user_code: text("user_code"), all }
    }

    pub(crate) async fn poll(&self, house: &House) -> Answer {
        self.client.token(house, &[GRANT, ("device_code", &self.device_code)]).await
    }
}

/// RFC 8628 section 3.4.
pub(crate) const GRANT: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");

impl House {
    /// A television: a public client that may do nothing but ask so, and keep its access.
    pub(crate) async fn television(&self) -> RelyingParty {
        self.register_public("tv", television).await
    }
}

pub(crate) fn television(client: &mut Client) {
    client.grant_types = [GrantType::DeviceCode, GrantType::RefreshToken].into();
    client.redirect_uris.clear();
    client.post_logout_redirect_uris.clear();
    client.scope = Scope::parse("openid profile offline_access films:watch").unwrap();
    client.consent = ConsentPolicy::Required;
}

impl RelyingParty {
    pub(crate) async fn device_authorization(&self, house: &House, form: &[(&str, &str)]) -> Answer {
        self.post(house, "/oauth2/device_authorization", form).await
    }

    /// Asks for everything a television may have.
    pub(crate) async fn device(&self, house: &House) -> Device {
        let scope = "openid profile offline_access films:watch";
        Device::of(self, self.device_authorization(house, &[("scope", scope)]).await)
    }
}

impl Browser<'_> {
    /// Types a user code in, and follows to whatever there is to do.
    pub(crate) async fn enter(&mut self, user_code: &str) -> Answer {
        let answer = self.post("/device", &[("user_code", user_code)]).await;
        self.followed(answer).await
    }

    /// Enters the device's code, signs in when asked, and decides.
    pub(crate) async fn bring_in(&mut self, device: &Device, username: &str, decision: &str) -> Answer {
        let mut page = self.enter(&device.user_code).await.expect(200);
        if page.body.contains(r#"action="/sign-in?"#) {
            page = self.sign_in(&page, username, PASSWORD).await.expect(200);
        }
        self.decide(&page, decision).await
    }
}
