//! Programs on people's own devices, and programs that act for themselves: connected to Doorward.

use super::{DEVICE, ITSELF, PEOPLE_AND_DEVICES, Preset, Seen, WEB};
use protocol::{GrantType, SigningAlgorithm};

pub(super) static LIST: &[Preset] = &[
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
        notes: &[
            "The issuer without a slash at its end.",
            "It reads no UserInfo, and no EdDSA.",
            "kubelogin itself was not tried: what its setup asks for is from its documentation.",
        ],
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
        name: "mutt-oauth2",
        title: "Mutt and NeoMutt, with mutt_oauth2.py",
        redirect: &["http://localhost/"],
        scope: "openid email offline_access",
        into: "registrations, at the beginning of mutt_oauth2.py",
        settings: "
    'doorward': {
        'authorize_endpoint': '<issuer>/oauth2/authorize',
        'devicecode_endpoint': '<issuer>/oauth2/device_authorization',
        'token_endpoint': '<issuer>/oauth2/token',
        'redirect_uri': 'http://localhost/',
        'imap_endpoint': 'imap.example.org',
        'pop_endpoint': 'pop.example.org',
        'smtp_endpoint': 'smtp.example.org',
        'sasl_method': 'OAUTHBEARER',
        'scope': 'openid email offline_access',
        'client_id': '<client_id>',
        'client_secret': '',
    },",
        notes: &[
            "Of the flows that it asks for, take localhostauthcode: devicecode looks for a member of Microsoft's in the answer.",
            "The mail server must take Doorward's tokens: Dovecot does.",
        ],
        seen: Seen::Tried("neomutt 20220429"),
        ..DEVICE
    },
    Preset {
        name: "offlineimap",
        title: "OfflineIMAP",
        grant_types: &[GrantType::DeviceCode, GrantType::RefreshToken],
        scope: "openid email offline_access",
        rotate_refresh_tokens: false,
        into: "the remote repository in ~/.offlineimaprc",
        settings: "
[Repository remote]
type = IMAP
remotehost = imap.example.org
remoteuser = the username at the mail server
auth_mechanisms = XOAUTH2
oauth2_request_url = <issuer>/oauth2/token
oauth2_client_id = <client_id>
oauth2_client_secret = <client_secret>
oauth2_refresh_token = what this prints:

CLIENT_SECRET='as above' doorward login --issuer <issuer> --client-id <client_id> \\
  --scope 'openid email offline_access' | jq -r .refresh_token",
        notes: &[
            "It never writes a new refresh token down, so its own is good until it expires.",
            "The mail server must take Doorward's tokens: Dovecot does.",
        ],
        seen: Seen::Tried("8.0.0, Dovecot 2.3.19.1"),
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
