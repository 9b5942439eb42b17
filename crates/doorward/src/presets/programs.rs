//! Programs that people install and use in a browser, and that were connected to Doorward.

use super::{PEOPLE_AND_DEVICES, Preset, Seen, WEB};
use protocol::{PkcePolicy, SigningAlgorithm};

pub(super) static LIST: &[Preset] = &[
    Preset {
        name: "pgadmin",
        title: "pgAdmin 4",
        redirect: &["/oauth2/authorize"],
        post_logout: &["/login"],
        into: "config_local.py",
        settings: "
AUTHENTICATION_SOURCES = ['oauth2', 'internal']
OAUTH2_AUTO_CREATE_USER = True
OAUTH2_CONFIG = [{
    'OAUTH2_NAME': 'doorward',
    'OAUTH2_DISPLAY_NAME': 'Doorward',
    'OAUTH2_CLIENT_ID': '<client_id>',
    'OAUTH2_CLIENT_SECRET': '<client_secret>',
    'OAUTH2_SERVER_METADATA_URL': '<issuer>/.well-known/openid-configuration',
    'OAUTH2_USERINFO_ENDPOINT': '<issuer>/oauth2/userinfo',
    'OAUTH2_SCOPE': 'openid profile email',
    'OAUTH2_USERNAME_CLAIM': 'preferred_username',
    'OAUTH2_CHALLENGE_METHOD': 'S256',
    'OAUTH2_RESPONSE_TYPE': 'code',
    'OAUTH2_LOGOUT_URL': '<issuer>/oauth2/logout?id_token_hint={id_token}&post_logout_redirect_uri={redirect_uri}',
}]",
        notes: &["Set the username claim before anybody signs in: people who came before it was set have two accounts."],
        seen: Seen::Tried("9.18"),
        ..WEB
    },
    Preset {
        name: "jupyterhub",
        title: "JupyterHub",
        redirect: &["/hub/oauth_callback"],
        post_logout: &["/hub/login"],
        into: "jupyterhub_config.py",
        settings: "
c.JupyterHub.authenticator_class = 'generic-oauth'
c.GenericOAuthenticator.client_id = '<client_id>'
c.GenericOAuthenticator.client_secret = '<client_secret>'
c.GenericOAuthenticator.oauth_callback_url = '<url>/hub/oauth_callback'
c.GenericOAuthenticator.authorize_url = '<issuer>/oauth2/authorize'
c.GenericOAuthenticator.token_url = '<issuer>/oauth2/token'
c.GenericOAuthenticator.userdata_url = '<issuer>/oauth2/userinfo'
c.GenericOAuthenticator.scope = ['openid', 'profile', 'email']
c.GenericOAuthenticator.username_claim = 'preferred_username'
c.GenericOAuthenticator.login_service = 'Doorward'
c.GenericOAuthenticator.allow_all = True",
        notes: &["Without username_claim it ends at \"No username found\"."],
        seen: Seen::Tried("6.1.1, oauthenticator 17.4.0"),
        ..WEB
    },
    Preset {
        name: "synapse",
        title: "Synapse (Matrix)",
        redirect: &["/_synapse/client/oidc/callback"],
        into: "homeserver.yaml",
        settings: "
oidc_providers:
  - idp_id: doorward
    idp_name: Doorward
    issuer: <issuer>
    client_id: <client_id>
    client_secret: <client_secret>
    scopes: [openid, profile, email]
    user_profile_method: userinfo_endpoint
    user_mapping_provider:
      config:
        localpart_template: '{{ user.preferred_username }}'
        display_name_template: '{{ user.name }}'",
        notes: &["The issuer is compared to the letter: no slash at its end."],
        seen: Seen::Tried("1.163.2"),
        ..WEB
    },
    Preset {
        name: "streamlit",
        title: "Streamlit",
        redirect: &["/oauth2callback"],
        post_logout: &["/oauth2callback"],
        into: ".streamlit/secrets.toml",
        settings: "
[auth]
redirect_uri = '<url>/oauth2callback'
cookie_secret = 'a long random text of your own'
client_id = '<client_id>'
client_secret = '<client_secret>'
server_metadata_url = '<issuer>/.well-known/openid-configuration'
client_kwargs = { scope = 'openid profile email' }",
        notes: &["It sends the browser to its callback after sign-out, too."],
        seen: Seen::Tried("1.67.0"),
        ..WEB
    },
    Preset {
        name: "superset",
        title: "Apache Superset",
        redirect: &["/oauth-authorized/keycloak"],
        into: "superset_config.py",
        settings: "
from flask_appbuilder.security.manager import AUTH_OAUTH
AUTH_TYPE = AUTH_OAUTH
AUTH_USER_REGISTRATION = True
AUTH_USER_REGISTRATION_ROLE = 'Gamma'
OAUTH_PROVIDERS = [{
    # It knows what people are called at a Keycloak: Doorward answers there, too.
    'name': 'keycloak',
    'icon': 'fa-key',
    'token_key': 'access_token',
    'remote_app': {
        'client_id': '<client_id>',
        'client_secret': '<client_secret>',
        'server_metadata_url': '<issuer>/.well-known/openid-configuration',
        'api_base_url': '<issuer>/realms/any/protocol/',
        'client_kwargs': {'scope': 'openid profile email', 'code_challenge_method': 'S256'},
    },
}]",
        notes: &["For another name than keycloak it needs a security manager of your own, in Python."],
        seen: Seen::Tried("6.1.0"),
        ..WEB
    },
    Preset {
        name: "roundcube",
        title: "Roundcube",
        redirect: &["/index.php/login/oauth"],
        pkce: Some(PkcePolicy::Optional),
        scope: "openid profile email offline_access",
        into: "config/config.inc.php",
        settings: "
$config['oauth_provider'] = 'generic';
$config['oauth_provider_name'] = 'Doorward';
$config['oauth_client_id'] = '<client_id>';
$config['oauth_client_secret'] = '<client_secret>';
$config['oauth_auth_uri'] = '<issuer>/oauth2/authorize';
$config['oauth_token_uri'] = '<issuer>/oauth2/token';
$config['oauth_identity_uri'] = '<issuer>/oauth2/userinfo';
$config['oauth_scope'] = 'openid profile email offline_access';
$config['oauth_identity_fields'] = ['email'];",
        notes: &[
            "It knows neither PKCE nor a nonce.",
            "Dovecot behind it asks UserInfo: introspection_mode = auth, introspection_url = <issuer>/oauth2/userinfo, username_attribute = email.",
        ],
        seen: Seen::Tried("1.6.5, Dovecot 2.3.19.1"),
        ..WEB
    },
    Preset {
        name: "lemonldap",
        title: "LemonLDAP::NG",
        redirect: &["/?openidconnectcallback=1"],
        post_logout: &["/?logout=1"],
        into: "the manager, OpenID Connect Providers",
        settings: "
Metadata:       the document at <issuer>/.well-known/openid-configuration
Client ID:      <client_id>
Client secret:  <client_secret>
Scope:          openid profile email
Use nonce:      on",
        seen: Seen::Tried("2.16.1"),
        ..WEB
    },
    Preset {
        name: "panel",
        title: "Panel",
        redirect: &["/"],
        pkce: Some(PkcePolicy::Optional),
        into: "the command that starts it",
        settings: "
panel serve app.py --oauth-provider generic \\
  --oauth-key '<client_id>' --oauth-secret '<client_secret>' \\
  --oauth-redirect-uri '<url>/' --cookie-secret 'a long random text of your own' \\
  --oauth-extra-params \"{'AUTHORIZE_URL': '<issuer>/oauth2/authorize', 'TOKEN_URL': '<issuer>/oauth2/token', 'USER_URL': '<issuer>/oauth2/userinfo'}\"",
        notes: &["Its provider auth_code, which knows PKCE, goes in a circle."],
        seen: Seen::Tried("1.9.4"),
        ..WEB
    },
    Preset {
        name: "miniflux",
        title: "Miniflux",
        redirect: &["/oauth2/oidc/callback"],
        into: "its environment",
        settings: "
OAUTH2_PROVIDER=oidc
OAUTH2_CLIENT_ID=<client_id>
OAUTH2_CLIENT_SECRET=<client_secret>
OAUTH2_REDIRECT_URL=<url>/oauth2/oidc/callback
OAUTH2_OIDC_DISCOVERY_ENDPOINT=<issuer>
OAUTH2_USER_CREATION=1",
        notes: &["The issuer without a slash at its end."],
        seen: Seen::Tried("2.3.5"),
        ..WEB
    },
    Preset {
        name: "pocketbase",
        title: "PocketBase",
        redirect: &["/api/oauth2-redirect"],
        into: "the collection's OAuth2 options, OpenID Connect",
        settings: "
Client ID:      <client_id>
Client secret:  <client_secret>
Auth URL:       <issuer>/oauth2/authorize
Token URL:      <issuer>/oauth2/token
User info URL:  <issuer>/oauth2/userinfo
Support PKCE:   on",
        seen: Seen::Tried("0.40.4"),
        ..WEB
    },
    Preset {
        name: "oauth2-proxy",
        title: "oauth2-proxy",
        redirect: &["/oauth2/callback"],
        post_logout: &["/"],
        into: "oauth2-proxy.cfg",
        settings: "
provider = 'oidc'
oidc_issuer_url = '<issuer>'
client_id = '<client_id>'
client_secret = '<client_secret>'
redirect_url = '<url>/oauth2/callback'
code_challenge_method = 'S256'
scope = 'openid profile email'
email_domains = ['*']
cookie_secret = '32 random bytes of your own'
backend_logout_url = '<issuer>/oauth2/logout?id_token_hint={id_token}'",
        seen: Seen::Tried("7.15.6"),
        ..WEB
    },
    Preset {
        name: "mod-auth-openidc",
        title: "Apache with mod_auth_openidc",
        redirect: &["/oidc/callback"],
        post_logout: &["/"],
        into: "the virtual host",
        settings: "
OIDCProviderMetadataURL <issuer>/.well-known/openid-configuration
OIDCClientID <client_id>
OIDCClientSecret <client_secret>
OIDCRedirectURI <url>/oidc/callback
OIDCCryptoPassphrase \"a long random text of your own\"
OIDCScope \"openid profile email\"
OIDCPKCEMethod S256
OIDCRemoteUserClaim preferred_username
<Location />
  AuthType openid-connect
  Require valid-user
</Location>",
        notes: &["Nothing may be served at the redirect URI itself: the module answers there."],
        seen: Seen::Tried("2.4.12.3"),
        ..WEB
    },
    Preset {
        name: "keycloak",
        title: "Keycloak, as a broker",
        redirect: &["/broker/doorward/endpoint"],
        post_logout: &["/broker/doorward/endpoint/logout_response"],
        into: "the realm's identity providers, OpenID Connect v1.0, alias doorward",
        settings: "
Discovery endpoint:     <issuer>/.well-known/openid-configuration
Client authentication:  Client secret sent as basic auth
Client ID:              <client_id>
Client Secret:          <client_secret>
Use PKCE:               on, S256
Trust Email:            on, if every address in Doorward was confirmed",
        notes: &["--url is the realm's: https://keycloak.example.org/realms/NAME."],
        seen: Seen::Tried("26.7.3"),
        ..WEB
    },
    Preset {
        name: "fastmcp",
        title: "FastMCP (OIDCProxy)",
        redirect: &["/auth/callback"],
        audience: &["/mcp"],
        access_token_alg: Some(SigningAlgorithm::Rs256),
        grant_types: PEOPLE_AND_DEVICES,
        into: "the server's Python",
        settings: "
auth = OIDCProxy(
    config_url='<issuer>/.well-known/openid-configuration',
    client_id='<client_id>',
    client_secret='<client_secret>',
    base_url='<url>',
    audience='<url>/mcp',
    required_scopes=['openid', 'profile', 'email'],
)",
        seen: Seen::Tried("4.2.3"),
        ..WEB
    },
];
