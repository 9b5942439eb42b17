"""Authlib as a machine: client_credentials, introspection, token exchange, revocation. Everything by discovery; fails loudly."""

import os

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

issuer = os.environ["ISSUER"]
metadata = requests.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=10).json()
keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
assert EXCHANGE in metadata["grant_types_supported"], metadata


def claims_of(token):
    return jwt.decode(token["access_token"], keys, algorithms=["Ed25519", "EdDSA"]).claims


def run(method):
    client_id = os.environ["CLIENT_ID"]
    session = OAuth2Session(client_id, os.environ["CLIENT_SECRET"], token_endpoint_auth_method=method)
    session.introspection_endpoint_auth_method = method
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


for method in ("client_secret_basic", "client_secret_post"):
    run(method)
print("done")
