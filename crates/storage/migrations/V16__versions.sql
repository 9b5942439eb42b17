-- What an operator replaces as a whole counts its changes, so that nobody's change is overwritten by whoever had looked before it.
ALTER TABLE clients ADD COLUMN version {int} NOT NULL DEFAULT 0;
ALTER TABLE organizations ADD COLUMN version {int} NOT NULL DEFAULT 0;
ALTER TABLE plans ADD COLUMN version {int} NOT NULL DEFAULT 0;
ALTER TABLE resource_servers ADD COLUMN version {int} NOT NULL DEFAULT 0;
