//! Programs that people install and use in a browser, as others describe how they are connected. Not tried with Doorward.

use super::{Preset, Seen, WEB};
use protocol::PkcePolicy;

/// Where the redirect URI, the methods and the settings are taken from, unless a row says otherwise.
macro_rules! read {
    ($version:literal, $page:literal) => {
        Seen::Read(
            $version,
            concat!("authelia.com/integration/openid-connect/clients/", $page, ", August 2026"),
        )
    };
}

const OPTIONAL: Option<PkcePolicy> = Some(PkcePolicy::Optional);

pub(super) static LIST: &[Preset] = &[
    Preset {
        name: "grafana",
        title: "Grafana",
        redirect: &["/login/generic_oauth"],
        post_logout: &["/login"],
        into: "grafana.ini",
        settings: "
[auth.generic_oauth]
enabled = true
name = Doorward
client_id = <client_id>
client_secret = <client_secret>
scopes = openid profile email
auth_url = <issuer>/oauth2/authorize
token_url = <issuer>/oauth2/token
api_url = <issuer>/oauth2/userinfo
login_attribute_path = preferred_username
name_attribute_path = name
use_pkce = true
signout_redirect_url = <issuer>/oauth2/logout?client_id=<client_id>&post_logout_redirect_uri=<url>/login",
        notes: &["root_url in [server] must be the URL people use."],
        seen: read!("13.1.0", "grafana"),
        ..WEB
    },
    Preset {
        name: "nextcloud",
        title: "Nextcloud with OpenID Connect Login",
        redirect: &["/apps/oidc_login/oidc"],
        into: "config.php",
        settings: "
'oidc_login_provider_url' => '<issuer>',
'oidc_login_client_id' => '<client_id>',
'oidc_login_client_secret' => '<client_secret>',
'oidc_login_button_text' => 'Doorward',
'oidc_login_scope' => 'openid profile email',
'oidc_login_attributes' => ['id' => 'preferred_username', 'name' => 'name', 'mail' => 'email'],
'oidc_login_disable_registration' => false,
'oidc_login_code_challenge_method' => 'S256',",
        seen: read!("31.0.5, app 3.2.2", "nextcloud"),
        ..WEB
    },
    Preset {
        name: "gitlab",
        title: "GitLab",
        redirect: &["/users/auth/openid_connect/callback"],
        into: "gitlab.rb",
        settings: "
gitlab_rails['omniauth_providers'] = [{
  name: 'openid_connect',
  label: 'Doorward',
  args: {
    name: 'openid_connect',
    scope: ['openid', 'profile', 'email'],
    response_type: 'code',
    issuer: '<issuer>',
    discovery: true,
    client_auth_method: 'basic',
    uid_field: 'preferred_username',
    pkce: true,
    client_options: {
      identifier: '<client_id>',
      secret: '<client_secret>',
      redirect_uri: '<url>/users/auth/openid_connect/callback'
    }
  }
}]",
        seen: read!("16.9.0", "gitlab"),
        ..WEB
    },
    Preset {
        name: "gitea",
        title: "Gitea",
        redirect: &["/user/oauth2/doorward/callback"],
        pkce: OPTIONAL,
        into: "a shell",
        settings: "
gitea admin auth add-oauth --provider openidConnect --name doorward \\
  --key '<client_id>' --secret '<client_secret>' --scopes 'openid email profile' \\
  --auto-discover-url <issuer>/.well-known/openid-configuration",
        notes: &["The name of the source is part of the redirect URI."],
        seen: read!("1.25.1", "gitea"),
        ..WEB
    },
    Preset {
        name: "forgejo",
        title: "Forgejo",
        redirect: &["/user/oauth2/doorward/callback"],
        into: "a shell",
        settings: "
forgejo admin auth add-oauth --provider openidConnect --name doorward \\
  --key '<client_id>' --secret '<client_secret>' --scopes 'openid email profile' \\
  --auto-discover-url <issuer>/.well-known/openid-configuration",
        notes: &["The name of the source is part of the redirect URI."],
        seen: read!("13.0.2", "forgejo"),
        ..WEB
    },
    Preset {
        name: "immich",
        title: "Immich",
        redirect: &["/auth/login", "/user-settings", "app.immich:///oauth-callback"],
        into: "Administration, OAuth Settings",
        settings: "
Issuer URL:     <issuer>
Client ID:      <client_id>
Client Secret:  <client_secret>
Scope:          openid profile email
Token Endpoint Auth Method:  client_secret_basic",
        seen: Seen::Read("3.1.0", "docs.immich.app/administration/oauth"),
        ..WEB
    },
    Preset {
        name: "jellyfin",
        title: "Jellyfin with the SSO plugin",
        redirect: &["/sso/OID/redirect/doorward"],
        into: "the plugin's page, OpenID provider doorward",
        settings: "
OpenID Endpoint:  <issuer>
Client ID:        <client_id>
Secret:           <client_secret>
Enabled:          on
Request scopes:   openid profile
Set default username claim:  preferred_username",
        notes: &["People begin at <url>/sso/OID/start/doorward."],
        seen: read!("10.10.7, plugin 4.0.0.3", "jellyfin"),
        ..WEB
    },
    Preset {
        name: "proxmox",
        title: "Proxmox VE",
        redirect: &["", "/"],
        into: "a shell",
        settings: "
pveum realm add doorward --type openid --issuer-url <issuer> \\
  --client-id '<client_id>' --client-key '<client_secret>' \\
  --username-claim username --scopes 'openid email profile' --autocreate 1",
        notes: &[
            "--url with its port: https://pve.example.org:8006.",
            "The username claim cannot be changed later.",
        ],
        seen: read!("8.4.1", "proxmox"),
        ..WEB
    },
    Preset {
        name: "portainer",
        title: "Portainer",
        redirect: &["", "/"],
        post_logout: &["/"],
        pkce: OPTIONAL,
        into: "Settings, Authentication, OAuth, Custom",
        settings: "
Client ID:          <client_id>
Client secret:      <client_secret>
Authorization URL:  <issuer>/oauth2/authorize
Access token URL:   <issuer>/oauth2/token
Resource URL:       <issuer>/oauth2/userinfo
Redirect URL:       <url>
User identifier:    preferred_username
Scopes:             openid profile email
Auth Style:         In Params",
        seen: read!("2.21.4", "portainer"),
        ..WEB
    },
    Preset {
        name: "vault",
        title: "HashiCorp Vault",
        redirect: &["/ui/vault/auth/oidc/oidc/callback", "/oidc/callback", "http://localhost:8250/oidc/callback"],
        into: "a shell",
        settings: "
vault auth enable oidc
vault write auth/oidc/config oidc_discovery_url=<issuer> \\
  oidc_client_id='<client_id>' oidc_client_secret='<client_secret>' default_role=people
vault write auth/oidc/role/people user_claim=preferred_username oidc_scopes=profile,email \\
  allowed_redirect_uris=<url>/ui/vault/auth/oidc/oidc/callback \\
  allowed_redirect_uris=http://localhost:8250/oidc/callback token_policies=default",
        notes: &["The issuer without a slash at its end."],
        seen: Seen::Read("1.11", "developer.hashicorp.com/vault/docs/v1.11.x/auth/jwt"),
        ..WEB
    },
    Preset {
        name: "argo-cd",
        title: "Argo CD",
        redirect: &["/auth/callback"],
        post_logout: &["/applications"],
        into: "the ConfigMap argocd-cm",
        settings: "
oidc.config: |
  name: Doorward
  issuer: <issuer>
  clientID: <client_id>
  clientSecret: <client_secret>
  requestedScopes: [openid, profile, email]
  logoutURL: <issuer>/oauth2/logout?id_token_hint={{token}}&post_logout_redirect_uri={{logoutRedirectURL}}",
        notes: &["For its command line register a public client with http://localhost:8085/auth/callback and name it as cliClientID."],
        seen: Seen::Read("3.3", "argo-cd.readthedocs.io/en/release-3.3/operator-manual/user-management"),
        ..WEB
    },
    Preset {
        name: "minio",
        title: "MinIO",
        redirect: &["/oauth_callback"],
        pkce: OPTIONAL,
        into: "its environment",
        settings: "
MINIO_IDENTITY_OPENID_CONFIG_URL=<issuer>/.well-known/openid-configuration
MINIO_IDENTITY_OPENID_CLIENT_ID=<client_id>
MINIO_IDENTITY_OPENID_CLIENT_SECRET=<client_secret>
MINIO_IDENTITY_OPENID_SCOPES=openid,profile,email
MINIO_IDENTITY_OPENID_DISPLAY_NAME=Doorward
MINIO_IDENTITY_OPENID_ROLE_POLICY=readonly
MINIO_BROWSER_REDIRECT_URL=<url>",
        seen: read!("2025-04-22", "minio"),
        ..WEB
    },
    Preset {
        name: "paperless",
        title: "Paperless-ngx",
        redirect: &["/accounts/oidc/doorward/login/callback/"],
        into: "its environment",
        settings: "
PAPERLESS_APPS=allauth.socialaccount.providers.openid_connect
PAPERLESS_SOCIALACCOUNT_PROVIDERS={\"openid_connect\":{\"OAUTH_PKCE_ENABLED\":true,\"SCOPE\":[\"openid\",\"profile\",\"email\"],\"APPS\":[{\"provider_id\":\"doorward\",\"name\":\"Doorward\",\"client_id\":\"<client_id>\",\"secret\":\"<client_secret>\",\"settings\":{\"server_url\":\"<issuer>\",\"token_auth_method\":\"client_secret_basic\"}}]}}",
        seen: read!("2.13.5", "paperless"),
        ..WEB
    },
    Preset {
        name: "outline",
        title: "Outline",
        redirect: &["/auth/oidc.callback"],
        pkce: OPTIONAL,
        scope: "openid profile email offline_access",
        into: "its environment",
        settings: "
URL=<url>
OIDC_CLIENT_ID=<client_id>
OIDC_CLIENT_SECRET=<client_secret>
OIDC_AUTH_URI=<issuer>/oauth2/authorize
OIDC_TOKEN_URI=<issuer>/oauth2/token
OIDC_USERINFO_URI=<issuer>/oauth2/userinfo
OIDC_USERNAME_CLAIM=preferred_username
OIDC_DISPLAY_NAME=Doorward
OIDC_SCOPES=openid offline_access profile email",
        seen: read!("0.65.2", "outline"),
        ..WEB
    },
    Preset {
        name: "mattermost",
        title: "Mattermost, Professional and Enterprise",
        redirect: &["/signup/openid/complete", "/login/openid/complete"],
        pkce: OPTIONAL,
        into: "config.json",
        settings: "
\"OpenIdSettings\": {
  \"Enable\": true,
  \"Id\": \"<client_id>\",
  \"Secret\": \"<client_secret>\",
  \"Scope\": \"profile openid email\",
  \"DiscoveryEndpoint\": \"<issuer>/.well-known/openid-configuration\",
  \"ButtonText\": \"Doorward\"
}",
        notes: &["The free edition signs in by GitLab's own interface only, which Doorward does not speak."],
        seen: Seen::Read("of 2025", "docs.mattermost.com, OpenID Connect Single Sign-On"),
        ..WEB
    },
    Preset {
        name: "home-assistant",
        title: "Home Assistant with hass-oidc-auth",
        redirect: &["/auth/oidc/callback"],
        into: "configuration.yaml",
        settings: "
auth_oidc:
  client_id: '<client_id>'
  client_secret: '<client_secret>'
  discovery_url: '<issuer>/.well-known/openid-configuration'
  display_name: Doorward",
        seen: read!("2025.4.2, integration 0.6.2", "home-assistant"),
        ..WEB
    },
    Preset {
        name: "bookstack",
        title: "BookStack",
        redirect: &["/oidc/callback"],
        post_logout: &["/"],
        into: ".env",
        settings: "
AUTH_METHOD=oidc
OIDC_NAME=Doorward
OIDC_ISSUER=<issuer>
OIDC_ISSUER_DISCOVER=true
OIDC_CLIENT_ID=<client_id>
OIDC_CLIENT_SECRET=<client_secret>
OIDC_DISPLAY_NAME_CLAIMS=name
OIDC_END_SESSION_ENDPOINT=true",
        seen: read!("25.07", "bookstack"),
        ..WEB
    },
    Preset {
        name: "vaultwarden",
        title: "Vaultwarden",
        redirect: &["/identity/connect/oidc-signin"],
        scope: "openid profile email offline_access",
        into: "its environment",
        settings: "
SSO_ENABLED=true
SSO_AUTHORITY=<issuer>
SSO_SCOPES=profile email offline_access
SSO_PKCE=true
SSO_CLIENT_ID=<client_id>
SSO_CLIENT_SECRET=<client_secret>",
        seen: read!("1.35.0", "vaultwarden"),
        ..WEB
    },
    Preset {
        name: "harbor",
        title: "Harbor",
        redirect: &["/c/oidc/callback"],
        pkce: OPTIONAL,
        scope: "openid profile email offline_access",
        into: "Administration, Configuration, Authentication, OIDC",
        settings: "
OIDC Provider Name:      Doorward
OIDC Endpoint:           <issuer>
OIDC Client ID:          <client_id>
OIDC Client Secret:      <client_secret>
OIDC Scope:              openid,profile,email,offline_access
Username Claim:          preferred_username",
        seen: read!("2.11.2", "harbor"),
        ..WEB
    },
    Preset {
        name: "mealie",
        title: "Mealie",
        redirect: &["/login"],
        into: "its environment",
        settings: "
OIDC_AUTH_ENABLED=true
OIDC_SIGNUP_ENABLED=true
OIDC_CONFIGURATION_URL=<issuer>/.well-known/openid-configuration
OIDC_CLIENT_ID=<client_id>
OIDC_CLIENT_SECRET=<client_secret>
OIDC_PROVIDER_NAME=Doorward",
        seen: read!("2.0.0", "mealie"),
        ..WEB
    },
];
