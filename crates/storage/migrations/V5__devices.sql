-- Devices without a browser of their own (RFC 8628): what they ask for, and the short code by which a person finds it.

CREATE TABLE device_codes (
  id {id} NOT NULL,
  secret_hash {hash} NOT NULL,
  client_id {name} NOT NULL,
  scope {text} NOT NULL,
  resources {text},                  -- a JSON list of resource indicators (RFC 8707); NULL: the client's default
  asked_from {name},                 -- the address it asked from: shown to whoever decides
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  decided_at {int},
  grant_id {id},                     -- what was allowed; NULL though decided: nothing was
  spent_at {int},
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE user_codes (            -- a table of its own, so that only codes that live are in its random order
  id {id} NOT NULL,                  -- a keyed hash of the code: a copy of the database does not tell it
  device_code_id {id} NOT NULL,
  expires_at {int} NOT NULL,
  PRIMARY KEY (id)
) {keyed};
