-- What tokens are for, and tokens that are accepted once. These are in a table of their own: a program that does not know it accepts none.

ALTER TABLE grants ADD COLUMN resources {text};   -- a JSON list of resource indicators (RFC 8707); NULL: the client's default

CREATE TABLE one_time_access_tokens (
  id {id} NOT NULL,
  secret_hash {hash} NOT NULL,
  grant_id {id},                     -- NULL: it speaks for a client, not for a person
  claims {text} NOT NULL,            -- protocol::AccessTokenClaims as JSON
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  spent_at {int},
  PRIMARY KEY (id)
) {keyed};
