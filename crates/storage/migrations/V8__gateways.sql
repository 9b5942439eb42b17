-- What stands behind gateways: resource servers and what their requests need, and the API keys of service accounts.

CREATE TABLE resource_servers (
  id {name} NOT NULL,                -- the identifier: an absolute URI, the aud of its tokens
  metadata {text} NOT NULL,          -- protocol::ResourceServer as JSON
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE api_keys (
  id {id} NOT NULL,                  -- its selector
  secret_hash {hash} NOT NULL,
  client_id {name} NOT NULL,         -- the service account
  name {name} NOT NULL,              -- what it is for, in its owner's words
  scope {text} NOT NULL,
  created_at {int} NOT NULL,
  expires_at {int},                  -- NULL: never
  last_used_at {int},                -- to within a few minutes
  revoked_at {int},
  PRIMARY KEY (id)
) {keyed};

CREATE INDEX api_keys_by_client ON api_keys (client_id);
