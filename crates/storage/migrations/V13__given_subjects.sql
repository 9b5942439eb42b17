-- Registrations that come from elsewhere keep their names.

-- Subjects that were given rather than made here: a client's whose client_id is a UUID, and a user's that came with them. That no subject is
-- both a client's and a user's (RFC 9700 section 4.15) must be decided by the database, whoever registers what at the same moment.
CREATE TABLE given_subjects (
  id {id} NOT NULL,
  PRIMARY KEY (id)
) {keyed};

-- The hash of a secret that another system made: any that passwords may have. Gone once the secret was seen, and secret_hash in its place.
ALTER TABLE clients ADD COLUMN imported_secret_hash {text};
