-- Several processes on one database: who they are, what they changed that others keep in memory, and who runs the jobs.
-- No clock and no sequence: a node counts its own heartbeats and its own changes, and others watch the counts.

CREATE TABLE nodes (
  id {id} NOT NULL,                  -- random, one per process
  name {name} NOT NULL,              -- for people
  version {name} NOT NULL,
  started_at {int} NOT NULL,
  beats {int} NOT NULL,              -- counts heartbeats: a node whose count stands still is gone
  settled {int} NOT NULL,            -- every change up to this number is in `changes`, or will never be
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE changes (
  node_id {id} NOT NULL,
  number {int} NOT NULL,             -- counts this node's changes; they may be committed in another order
  topic {int} NOT NULL,
  subject {bytes} NOT NULL,
  PRIMARY KEY (node_id, number)
) {keyed};

CREATE TABLE leases (
  name {name} NOT NULL,
  holder {id} NOT NULL,              -- a node; its lease goes when its row in `nodes` goes
  PRIMARY KEY (name)
) {keyed};
