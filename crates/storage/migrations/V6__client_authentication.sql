-- How machines prove who they are: what was presented and is good only once, and whose word is taken for others.

CREATE TABLE spent_assertions (       -- assertions (RFC 7523) that were accepted: none is accepted twice
  id {id} NOT NULL,                  -- half of the SHA-256 of who made it and its jti: random, but rows live an hour at most
  expires_at {int} NOT NULL,         -- from then on it is refused because it has expired
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE certificate_bindings (   -- grants of public clients whose refresh tokens are bound to a certificate (RFC 8705 section 4)
  id {id} NOT NULL,                  -- the grant's
  certificate_hash {hash} NOT NULL,
  expires_at {int} NOT NULL,         -- the grant's
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE assertion_issuers (      -- whose assertions are grants (RFC 7523 section 2.1)
  id {name} NOT NULL,                -- the issuer
  metadata {text} NOT NULL,          -- protocol::AssertionIssuer as JSON
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  PRIMARY KEY (id)
) {keyed};
