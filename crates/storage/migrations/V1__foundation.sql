-- The foundation: who may sign in (users), to what (clients), and everything that lives between a sign-in and a token.
-- Portable SQL; the dialect replaces the words in braces: {id} 16 bytes, {hash} 32 bytes, {bytes} any length, {name} up to 255 characters
-- compared byte by byte, {text} long text, {int} 64 bits, {keyed} the table is its primary key's tree.
-- Every key is time-ordered and hot tables have no other index.

CREATE TABLE users (
  id {id} NOT NULL,
  username {name} NOT NULL,          -- as its owner writes it
  username_key {name} NOT NULL,      -- folded: what sign-in looks up
  email {name},
  email_key {name},
  email_verified {int} NOT NULL,
  name {name},
  claims {text} NOT NULL,            -- further standard claims, a JSON object
  password_hash {text},
  platform_owner {int} NOT NULL,
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  disabled_at {int},
  signed_out_at {int},               -- sessions and grants begun before it are over
  founder {int},                     -- 1: made platform owner by a one-time link; at most one, whoever else tries at the same time
  PRIMARY KEY (id),
  CONSTRAINT users_by_username UNIQUE (username_key),
  CONSTRAINT users_by_email UNIQUE (email_key),
  CONSTRAINT users_by_founder UNIQUE (founder)
) {keyed};

CREATE TABLE clients (
  id {name} NOT NULL,
  metadata {text} NOT NULL,          -- protocol::Client as JSON
  secret_hash {hash},
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE signing_keys (
  kid {name} NOT NULL,
  algorithm {name} NOT NULL,
  generation {int} NOT NULL,         -- counts an algorithm's keys: two turns at once make the same one, and the second is refused
  sealed_private_key {bytes} NOT NULL,
  created_at {int} NOT NULL,
  current_at {int},                  -- when it began to sign; NULL while it is next
  retired_at {int},                  -- when it stopped signing; it still verifies
  PRIMARY KEY (kid)
) {keyed};
CREATE UNIQUE INDEX signing_keys_by_generation ON signing_keys (algorithm, generation);

CREATE TABLE server_secrets (
  name {name} NOT NULL,
  sealed {bytes} NOT NULL,
  created_at {int} NOT NULL,
  PRIMARY KEY (name)
) {keyed};

CREATE TABLE sessions (
  id {id} NOT NULL,
  secret_hash {hash} NOT NULL,
  user_id {id} NOT NULL,
  auth_time {int} NOT NULL,
  amr {name} NOT NULL,               -- space-separated (RFC 8176)
  acr {name} NOT NULL,
  created_at {int} NOT NULL,
  last_seen_at {int} NOT NULL,
  expires_at {int} NOT NULL,         -- the absolute lifetime
  ended_at {int},
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE interactions (
  id {id} NOT NULL,
  secret_hash {hash} NOT NULL,
  browser_hash {hash} NOT NULL,      -- of the browser's cookie: nobody else may resume it
  request {text} NOT NULL,           -- protocol::AuthorizationRequest as JSON
  progress {text} NOT NULL,          -- what the person has done so far, as JSON
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  finished_at {int},
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE consents (
  user_id {id} NOT NULL,
  client_id {name} NOT NULL,
  scope {text} NOT NULL,
  claims {text} NOT NULL,
  updated_at {int} NOT NULL,
  PRIMARY KEY (user_id, client_id)
) {keyed};

CREATE TABLE grants (
  id {id} NOT NULL,
  user_id {id} NOT NULL,
  client_id {name} NOT NULL,
  session_id {id} NOT NULL,
  scope {text} NOT NULL,
  claims {text} NOT NULL,            -- the `claims` request parameter, JSON or empty
  auth_time {int} NOT NULL,
  amr {name} NOT NULL,
  acr {name} NOT NULL,
  offline {int} NOT NULL,            -- outlives the session (offline_access)
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  revoked_at {int},
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE authorization_codes (
  id {id} NOT NULL,
  secret_hash {hash} NOT NULL,
  grant_id {id} NOT NULL,
  client_id {name} NOT NULL,
  redirect_uri {text} NOT NULL,
  redirect_uri_given {int} NOT NULL,
  code_challenge {name},
  nonce {text},
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  spent_at {int},
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE refresh_tokens (
  id {id} NOT NULL,
  secret_hash {hash} NOT NULL,
  grant_id {id} NOT NULL,
  client_id {name} NOT NULL,
  generation {int} NOT NULL,
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  spent_at {int},
  successor_id {id},
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE access_tokens (          -- opaque ones only: a JWT carries its own record
  id {id} NOT NULL,
  secret_hash {hash} NOT NULL,
  grant_id {id},                     -- NULL: it speaks for a client, not for a person
  claims {text} NOT NULL,            -- protocol::AccessTokenClaims as JSON
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE revocations (            -- kept while an access token they end could still verify
  id {id} NOT NULL,                  -- of a user, session, grant or access token: what was issued from it until revoked_at is over
  revoked_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE one_time_links (
  id {id} NOT NULL,
  secret_hash {hash} NOT NULL,
  purpose {name} NOT NULL,
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  spent_at {int},
  PRIMARY KEY (id)
) {keyed};
