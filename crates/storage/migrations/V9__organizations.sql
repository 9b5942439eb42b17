-- Organizations, their services and plans, who subscribed to what, and who runs an organization. Slugs are unique because the database must
-- decide who was first; everything is found by a time-ordered key otherwise.

CREATE TABLE organizations (
  id {id} NOT NULL,
  slug {name} NOT NULL,
  name {name} NOT NULL,
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  disabled_at {int},                 -- since when its services' clients are refused
  PRIMARY KEY (id),
  CONSTRAINT organizations_by_slug UNIQUE (slug)
) {keyed};

CREATE TABLE services (
  id {id} NOT NULL,
  organization_id {id} NOT NULL,
  slug {name} NOT NULL,
  name {name} NOT NULL,
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  PRIMARY KEY (id)
) {keyed};
CREATE UNIQUE INDEX services_by_slug ON services (organization_id, slug);

CREATE TABLE plans (
  id {id} NOT NULL,
  service_id {id} NOT NULL,
  slug {name} NOT NULL,
  name {name} NOT NULL,
  features {text} NOT NULL,          -- protocol::Features as JSON
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  PRIMARY KEY (id)
) {keyed};
CREATE UNIQUE INDEX plans_by_slug ON plans (service_id, slug);

CREATE TABLE subscriptions (
  user_id {id} NOT NULL,
  service_id {id} NOT NULL,
  plan_id {id} NOT NULL,
  status {name} NOT NULL,
  current_period_end {int},
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  PRIMARY KEY (user_id, service_id)
) {keyed};
CREATE INDEX subscriptions_by_service ON subscriptions (service_id, user_id);

CREATE TABLE memberships (
  user_id {id} NOT NULL,
  organization_id {id} NOT NULL,
  role {name} NOT NULL,
  created_at {int} NOT NULL,
  PRIMARY KEY (user_id, organization_id)
) {keyed};
CREATE INDEX memberships_by_organization ON memberships (organization_id, user_id);

-- What a client's metadata says, so that a service knows its clients.
ALTER TABLE clients ADD COLUMN service_id {id};
CREATE INDEX clients_by_service ON clients (service_id);
