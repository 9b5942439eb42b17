"""Authlib as a machine, by every way it can say who it is: client_credentials, introspection, token exchange, revocation. Everything by
discovery; fails loudly."""

import json
import os
import subprocess

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

issuer = os.environ["ISSUER"]
metadata = requests.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=10).json()
keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
assert EXCHANGE in metadata["grant_types_supported"], metadata


def claims_of(token):
    return jwt.decode(token["access_token"], keys, algorithms=["ES256"]).claims


def register(client_id, *more):
    """A client of the running server, by its command line."""
    words = [os.environ["DOORWARD"], "client", "add", client_id, "--json", "--data", os.environ["DATA"], *more]
    for grant_type in ("client_credentials", EXCHANGE):
        words += ["--grant-type", grant_type]
    return json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)


def run(client_id, secret, method):
    session = OAuth2Session(client_id, secret, token_endpoint_auth_method=getattr(method, "name", method))
    if not isinstance(method, str):
        session.register_client_auth_method(method)
    session.introspection_endpoint_auth_method = session.token_endpoint_auth_method
    session.revocation_endpoint_auth_method = session.token_endpoint_auth_method
    token = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", resource=issuer)
    claims = claims_of(token)
    assert claims["sub"] == claims["client_id"] == client_id, claims
    assert claims["aud"] == issuer and "refresh_token" not in token, claims

    def told(access_token):
        answer = session.introspect_token(metadata["introspection_endpoint"], token=access_token)
        return answer.json()

    assert told(token["access_token"])["active"] is True

    exchange = {"grant_type": EXCHANGE, "subject_token": token["access_token"], "subject_token_type": ACCESS_TOKEN}
    exchanged = session.fetch_token(metadata["token_endpoint"], **exchange)
    assert exchanged["issued_token_type"] == ACCESS_TOKEN, exchanged
    assert claims_of(exchanged)["exp"] <= claims["exp"]

    for refused, wrong in (
        ("invalid_target", {"resource": "https://elsewhere.example/"}),
        ("invalid_scope", {"scope": "more"}),
        ("invalid_request", {"subject_token": "nonsense"}),
    ):
        try:
            session.fetch_token(metadata["token_endpoint"], **(exchange | wrong))
        except OAuthError as error:
            assert error.error == refused, error
        else:
            raise AssertionError(f"{refused} was expected")

    session.revoke_token(metadata["revocation_endpoint"], token=token["access_token"]).raise_for_status()
    assert told(token["access_token"]) == {"active": False}


def refused(client_id, key, method):
    session = OAuth2Session(client_id, key, token_endpoint_auth_method=method.name)
    session.register_client_auth_method(method)
    try:
        session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    except OAuthError as error:
        assert error.error == "invalid_client", error
    else:
        raise AssertionError(f"{client_id} was expected to be refused")


for method in ("client_secret_basic", "client_secret_post"):
    run(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"], method)

offered = metadata["token_endpoint_auth_signing_alg_values_supported"]
for alg, make in (
    ("RS256", lambda: RSAKey.generate_key(2048)),
    ("PS256", lambda: RSAKey.generate_key(2048)),
    ("ES256", lambda: ECKey.generate_key("P-256")),
    ("EdDSA", lambda: OKPKey.generate_key("Ed25519")),
):
    assert alg in offered, offered
    key, stranger, client_id = make(), make(), f"authlib-{alg.lower()}"
    jwks = os.path.join(os.environ["DATA"], f"{alg}.json")
    with open(jwks, "w") as file:
        json.dump({"keys": [key.as_dict(private=False)]}, file)
    register(client_id, "--authentication", "private_key_jwt", "--jwks", jwks, "--assertion-alg", alg)
    run(client_id, key, PrivateKeyJWT(alg=alg))
    refused(client_id, stranger, PrivateKeyJWT(alg=alg))
    # RFC 7523 section 3, rules 3 and 7: meant for somebody else; told twice.
    refused(client_id, key, PrivateKeyJWT("https://elsewhere.example/token", alg=alg))
    once = {"jti": "once"}
    session = OAuth2Session(client_id, key, token_endpoint_auth_method="private_key_jwt")
    session.register_client_auth_method(PrivateKeyJWT(claims=once, alg=alg))
    session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    refused(client_id, key, PrivateKeyJWT(claims=once, alg=alg))

secret = register("authlib-hs256", "--authentication", "client_secret_jwt")["client_secret"]
run("authlib-hs256", OctKey.import_key(secret), ClientSecretJWT())
refused("authlib-hs256", OctKey.import_key(secret[::-1]), ClientSecretJWT())
print("done")
