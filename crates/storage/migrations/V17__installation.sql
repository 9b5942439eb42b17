-- What the installation is, as far as it must not change by mistake.

CREATE TABLE installation (
  name {name} NOT NULL,              -- issuer
  content {text} NOT NULL,
  updated_at {int} NOT NULL,
  PRIMARY KEY (name)
) {keyed};
