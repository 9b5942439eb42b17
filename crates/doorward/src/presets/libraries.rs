//! What applications are written with, programs on people's own devices and programs that act for themselves: connected to Doorward.

use super::{DEVICE, ITSELF, PEOPLE_AND_DEVICES, Preset, Seen, WEB};
use protocol::{GrantType, PkcePolicy, SigningAlgorithm};

pub(super) static LIST: &[Preset] = &[
    Preset {
        name: "django-allauth",
        title: "Django with django-allauth",
        redirect: &["/accounts/oidc/doorward/login/callback/"],
        into: "settings.py",
        settings: "
SOCIALACCOUNT_PROVIDERS = {'openid_connect': {
    'OAUTH_PKCE_ENABLED': True,
    'APPS': [{
        'provider_id': 'doorward',
        'name': 'Doorward',
        'client_id': '<client_id>',
        'secret': '<client_secret>',
        'settings': {'server_url': '<issuer>'},
    }],
}}",
        seen: Seen::Tried("65.22.1"),
        ..WEB
    },
    Preset {
        name: "mozilla-django-oidc",
        title: "Django with mozilla-django-oidc",
        redirect: &["/oidc/callback/"],
        into: "settings.py",
        settings: "
OIDC_RP_CLIENT_ID = '<client_id>'
OIDC_RP_CLIENT_SECRET = '<client_secret>'
OIDC_RP_SIGN_ALGO = 'RS256'
OIDC_RP_SCOPES = 'openid profile email'
OIDC_USE_PKCE = True
OIDC_OP_JWKS_ENDPOINT = '<issuer>/oauth2/jwks'
OIDC_OP_AUTHORIZATION_ENDPOINT = '<issuer>/oauth2/authorize'
OIDC_OP_TOKEN_ENDPOINT = '<issuer>/oauth2/token'
OIDC_OP_USER_ENDPOINT = '<issuer>/oauth2/userinfo'",
        notes: &["What goes wrong leads silently back to the front page: read its log at DEBUG."],
        seen: Seen::Tried("5.0.2"),
        ..WEB
    },
    Preset {
        name: "python-social-auth",
        title: "Django with python-social-auth",
        redirect: &["/complete/oidc/"],
        into: "settings.py",
        settings: "
AUTHENTICATION_BACKENDS = ['social_core.backends.open_id_connect.OpenIdConnectAuth']
SOCIAL_AUTH_OIDC_OIDC_ENDPOINT = '<issuer>'
SOCIAL_AUTH_OIDC_KEY = '<client_id>'
SOCIAL_AUTH_OIDC_SECRET = '<client_secret>'
SOCIAL_AUTH_OIDC_USE_PKCE = True",
        seen: Seen::Tried("7.0.0, django 8.0.0"),
        ..WEB
    },
    Preset {
        name: "flask-authlib",
        title: "Flask with Authlib",
        redirect: &["/auth"],
        post_logout: &["/"],
        into: "the application",
        settings: "
oauth.register(
    'doorward',
    client_id='<client_id>',
    client_secret='<client_secret>',
    server_metadata_url='<issuer>/.well-known/openid-configuration',
    client_kwargs={'scope': 'openid profile email', 'code_challenge_method': 'S256'},
)",
        notes: &["The redirect URI is the route that calls authorize_access_token: here /auth."],
        seen: Seen::Tried("3.1.3, Authlib 1.9.10"),
        ..WEB
    },
    Preset {
        name: "spring-boot",
        title: "Spring Boot, oauth2Login",
        redirect: &["/login/oauth2/code/doorward"],
        post_logout: &["/"],
        into: "application.yml",
        settings: "
spring.security.oauth2.client:
  registration.doorward:
    client-id: <client_id>
    client-secret: <client_secret>
    scope: openid,profile,email
  provider.doorward:
    issuer-uri: <issuer>
    user-name-attribute: preferred_username",
        notes: &["It reads RS256 ID Tokens unless it is told otherwise: leave --id-token-alg as it is."],
        seen: Seen::Tried("4.1.2, 4.0.7 and 3.5.16"),
        ..WEB
    },
    Preset {
        name: "quarkus",
        title: "Quarkus, web-app",
        redirect: &["/callback"],
        post_logout: &["/"],
        into: "application.properties",
        settings: "
quarkus.oidc.auth-server-url=<issuer>
quarkus.oidc.client-id=<client_id>
quarkus.oidc.credentials.secret=<client_secret>
quarkus.oidc.application-type=web-app
quarkus.oidc.authentication.redirect-path=/callback
quarkus.oidc.authentication.restore-path-after-redirect=true
quarkus.oidc.authentication.pkce-required=true
quarkus.oidc.authentication.scopes=profile,email
quarkus.oidc.logout.path=/logout
quarkus.oidc.logout.post-logout-path=/",
        seen: Seen::Tried("3.33.2"),
        ..WEB
    },
    Preset {
        name: "micronaut",
        title: "Micronaut",
        redirect: &["/oauth/callback/doorward"],
        into: "application.yml",
        settings: "
micronaut.security.authentication: idtoken
micronaut.security.oauth2.clients.doorward:
  client-id: <client_id>
  client-secret: <client_secret>
  openid.issuer: <issuer>",
        seen: Seen::Tried("4.10.8"),
        ..WEB
    },
    Preset {
        name: "pac4j",
        title: "pac4j-oidc",
        redirect: &["/callback?client_name=OidcClient"],
        into: "the application",
        settings: "
OidcConfiguration config = new OidcConfiguration();
config.setClientId(\"<client_id>\");
config.setSecret(\"<client_secret>\");
config.setDiscoveryURI(\"<issuer>/.well-known/openid-configuration\");
config.setScope(\"openid profile email\");",
        seen: Seen::Tried("6.5.5"),
        ..WEB
    },
    Preset {
        name: "jetty",
        title: "Jetty, openid module",
        redirect: &["/j_security_check"],
        pkce: Some(PkcePolicy::Optional),
        into: "start.d/openid.ini",
        settings: "
jetty.openid.provider=<issuer>
jetty.openid.clientId=<client_id>
jetty.openid.clientSecret=<client_secret>
jetty.openid.scopes=profile,email",
        notes: &["It knows no PKCE."],
        seen: Seen::Tried("12.1.7"),
        ..WEB
    },
    Preset {
        name: "authjs",
        title: "Auth.js",
        redirect: &["/api/auth/callback/doorward"],
        into: "auth.ts",
        settings: "
providers: [{
  id: 'doorward',
  name: 'Doorward',
  type: 'oidc',
  issuer: '<issuer>',
  clientId: '<client_id>',
  clientSecret: '<client_secret>',
}]",
        seen: Seen::Tried("@auth/core 0.41.3"),
        ..WEB
    },
    Preset {
        name: "express-openid-connect",
        title: "Express with express-openid-connect",
        redirect: &["/callback"],
        post_logout: &["", "/"],
        into: "the application",
        settings: "
app.use(auth({
  issuerBaseURL: '<issuer>',
  baseURL: '<url>',
  clientID: '<client_id>',
  clientSecret: '<client_secret>',
  secret: 'a long random text of your own',
  idpLogout: true,
  authorizationParams: { response_type: 'code', scope: 'openid profile email' },
}))",
        seen: Seen::Tried("3.4.0"),
        ..WEB
    },
    Preset {
        name: "passport-openidconnect",
        title: "Passport with passport-openidconnect",
        redirect: &["/oauth2/redirect"],
        pkce: Some(PkcePolicy::Optional),
        into: "the application",
        settings: "
passport.use(new OpenIDConnectStrategy({
  issuer: '<issuer>',
  authorizationURL: '<issuer>/oauth2/authorize',
  tokenURL: '<issuer>/oauth2/token',
  userInfoURL: '<issuer>/oauth2/userinfo',
  clientID: '<client_id>',
  clientSecret: '<client_secret>',
  callbackURL: '<url>/oauth2/redirect',
  scope: ['profile', 'email'],
  nonce: true,
}, verify))",
        notes: &["It knows no PKCE. With nonce: true as here, register it with --pkce pkce-or-nonce."],
        seen: Seen::Tried("0.1.2"),
        ..WEB
    },
    Preset {
        name: "better-auth",
        title: "Better Auth, generic OAuth",
        redirect: &["/api/auth/callback/doorward"],
        into: "auth.ts",
        settings: "
genericOAuth({ config: [{
  providerId: 'doorward',
  discoveryUrl: '<issuer>/.well-known/openid-configuration',
  clientId: '<client_id>',
  clientSecret: '<client_secret>',
  scopes: ['openid', 'profile', 'email'],
  pkce: true,
}] })",
        notes: &["Before 1.7 the path was /api/auth/oauth2/callback/doorward."],
        seen: Seen::Tried("1.7.25"),
        ..WEB
    },
    Preset {
        name: "keycloak-js",
        title: "A page with keycloak-js",
        redirect: &["/", "/silent-check-sso.html"],
        post_logout: &["/"],
        into: "the page",
        settings: "
new Keycloak({ url: '<issuer>', realm: 'doorward', clientId: '<client_id>' })",
        notes: &["Any name will do for the realm."],
        seen: Seen::Tried("26.2.4"),
        ..DEVICE
    },
    Preset {
        name: "oidc-client-ts",
        title: "A page with oidc-client-ts",
        redirect: &["/callback", "/silent"],
        post_logout: &["/"],
        into: "the page",
        settings: "
new UserManager({
  authority: '<issuer>',
  client_id: '<client_id>',
  redirect_uri: '<url>/callback',
  silent_redirect_uri: '<url>/silent',
  post_logout_redirect_uri: '<url>/',
  scope: 'openid profile email',
})",
        seen: Seen::Tried("3.5.0"),
        ..DEVICE
    },
    Preset {
        name: "kubernetes",
        title: "Kubernetes, with kubelogin",
        redirect: &["http://localhost:8000", "http://localhost:18000"],
        id_token_alg: Some(SigningAlgorithm::Es256),
        scope: "openid profile email offline_access",
        into: "kube-apiserver's flags, and people's kubeconfig",
        settings: "
--oidc-issuer-url=<issuer>
--oidc-client-id=<client_id>
--oidc-username-claim=sub
--oidc-signing-algs=ES256

kubectl oidc-login setup --oidc-issuer-url=<issuer> --oidc-client-id=<client_id>",
        notes: &["The issuer without a slash at its end.", "It reads no UserInfo, and no EdDSA."],
        seen: Seen::Tried("k8s.io/apiserver 0.37.2"),
        ..DEVICE
    },
    Preset {
        name: "step-ca",
        title: "step-ca",
        redirect: &["http://127.0.0.1:10000"],
        into: "a shell",
        settings: "
step ca provisioner add doorward --type OIDC --client-id '<client_id>' \\
  --client-secret '<client_secret>' --listen-address 127.0.0.1:10000 \\
  --configuration-endpoint <issuer>/.well-known/openid-configuration",
        seen: Seen::Tried("0.30.2"),
        ..WEB
    },
    Preset {
        name: "oidc-agent",
        title: "oidc-agent",
        redirect: &["http://localhost:4242", "http://localhost:8080", "http://localhost:43985"],
        grant_types: PEOPLE_AND_DEVICES,
        scope: "openid profile email offline_access",
        into: "a shell",
        settings: "
oidc-gen doorward --issuer <issuer> --client-id '<client_id>' \\
  --client-secret '<client_secret>' --scope 'openid profile email offline_access'",
        seen: Seen::Tried("4.2.6"),
        ..WEB
    },
    Preset {
        name: "git-credential-oauth",
        title: "git-credential-oauth",
        redirect: &["http://127.0.0.1"],
        grant_types: PEOPLE_AND_DEVICES,
        into: "a shell, for a Git host that takes Doorward's tokens",
        settings: "
git config --global credential.<url>.oauthClientId <client_id>
git config --global credential.<url>.oauthAuthURL <issuer>/oauth2/authorize
git config --global credential.<url>.oauthTokenURL <issuer>/oauth2/token
git config --global credential.<url>.oauthDeviceAuthURL <issuer>/oauth2/device_authorization
git config --global credential.<url>.oauthScopes 'openid profile email'",
        notes: &["0.4.2, which Debian 12 has, sends a code_verifier that cannot match: take a newer one."],
        seen: Seen::Tried("0.15.0"),
        ..DEVICE
    },
    Preset {
        name: "psql",
        title: "PostgreSQL's psql and libpq",
        grant_types: &[GrantType::DeviceCode, GrantType::RefreshToken],
        into: "a connection string",
        settings: "psql 'host=db.example.org dbname=app oauth_issuer=<issuer> oauth_client_id=<client_id>'",
        notes: &[
            "The package libpq-oauth must be there, and a validator in the server that trusts Doorward's tokens.",
        ],
        seen: Seen::Tried("18.6"),
        ..DEVICE
    },
    Preset {
        name: "mcp",
        title: "A client of the Model Context Protocol",
        redirect: &["http://127.0.0.1/callback"],
        scope: "openid profile email offline_access",
        into: "the client's settings",
        settings: "
client_id:  <client_id>
It finds the rest at <issuer>/.well-known/oauth-authorization-server.",
        seen: Seen::Tried("Python SDK 2.3.0, TypeScript SDK 1.32.2"),
        ..DEVICE
    },
    Preset {
        name: "prometheus",
        title: "Prometheus, when it scrapes",
        grant_types: ITSELF,
        scope: "metrics",
        into: "prometheus.yml, in scrape_configs",
        settings: "
oauth2:
  client_id: <client_id>
  client_secret: <client_secret>
  token_url: <issuer>/oauth2/token
  scopes: [metrics]",
        seen: Seen::Tried("0.316"),
        ..WEB
    },
];
